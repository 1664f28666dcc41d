"""What an installer needs to know of a recording: each antenna's rate and reach, strays, what to change, a picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from agent.capture.portal import Engine, Finding, Passage, Settings, Uncertain
from agent.capture.portal_health import AntennaFinding

BIN_S_MIN, BINS_MAX = 0.5, 1200
TAGS_MAX = 20_000
STRAY_SHARE_HIGH, BALANCE_LOW, UNCERTAIN_HIGH = 0.5, 0.35, 0.05
STRONG_DBM, FAINT_DBM = -50.0, -70.0


class OneRead(Protocol):
    @property
    def t_s(self) -> float: ...
    @property
    def epc(self) -> str: ...
    @property
    def antenna(self) -> int: ...
    @property
    def rssi_dbm(self) -> float: ...


class Level(NamedTuple):
    """The loudest read of a zone within one bin of time."""

    t_s: float
    rssi_dbm: float


@dataclass(slots=True)
class AntennaSurvey:
    reads: int = 0
    epcs: set[str] = field(default_factory=set[str])
    levels: dict[int, int] = field(default_factory=dict[int, int])  # whole dB: reads
    stray_reads: int = 0

    def median_dbm(self) -> float:
        left = self.reads / 2
        for level, count in sorted(self.levels.items()):
            left -= count
            if left <= 0:
                return float(level)
        return 0.0


@dataclass(slots=True)
class Survey:
    """`strays` are tags without a passage; `zone_levels` the picture's data."""

    settings: Settings
    seconds: float
    antennas: dict[int, AntennaSurvey]
    passages: int
    uncertain: int
    moved: set[str]
    strays: set[str]
    silent: list[AntennaFinding]
    zone_levels: dict[str, list[Level]]
    crossings: list[tuple[float, str]]
    unknown: dict[int, int]


def survey(settings: Settings, reads: Iterable[OneRead]) -> Survey:
    """One pass over the recording; the engine judges it as it would live."""
    engine, findings = Engine(settings), list[Finding]()
    antennas = {antenna: AntennaSurvey() for antenna in settings.zone_of}
    per_tag: dict[str, dict[int, int]] = {}
    loudest: dict[tuple[str, int], float] = {}
    unknown: dict[int, int] = defaultdict(int)
    first_s = last_s = None
    for read in reads:
        first_s = read.t_s if first_s is None else first_s
        last_s = read.t_s
        one = antennas.get(read.antenna)
        if one is None:
            unknown[read.antenna] += 1
            continue
        findings += engine.read(read.t_s, read.epc, read.antenna, read.rssi_dbm)
        one.reads += 1
        level = round(read.rssi_dbm)
        one.levels[level] = one.levels.get(level, 0) + 1
        if read.epc in per_tag or len(per_tag) < TAGS_MAX:
            counts = per_tag.setdefault(read.epc, {})
            counts[read.antenna] = counts.get(read.antenna, 0) + 1
            one.epcs.add(read.epc)
        place = (settings.zone_of[read.antenna], int((read.t_s - first_s) / BIN_S_MIN))
        loudest[place] = max(loudest.get(place, -200.0), read.rssi_dbm)
    for later_s in range(1, 31):
        findings += engine.tick((last_s or 0.0) + later_s)
    return _summed(settings, findings, _Tally(antennas, per_tag, loudest, dict(unknown), first_s or 0.0, last_s or 0.0))


class _Tally(NamedTuple):
    antennas: dict[int, AntennaSurvey]
    per_tag: dict[str, dict[int, int]]
    loudest: dict[tuple[str, int], float]
    unknown: dict[int, int]
    first_s: float
    last_s: float


def _summed(settings: Settings, findings: list[Finding], tally: _Tally) -> Survey:
    moved = {one.epc for one in findings if isinstance(one, Passage)}
    for epc, counts in tally.per_tag.items():
        if epc not in moved:
            for antenna, count in counts.items():
                tally.antennas[antenna].stray_reads += count
    groups = {one.group: (one.t_cross_s - tally.first_s, one.target) for one in findings if isinstance(one, Passage)}
    return Survey(
        settings,
        tally.last_s - tally.first_s,
        tally.antennas,
        sum(isinstance(one, Passage) for one in findings),
        sum(isinstance(one, Uncertain) for one in findings),
        moved,
        set(tally.per_tag) - moved,
        [one for one in findings if isinstance(one, AntennaFinding)],
        _zone_levels(settings, tally.loudest),
        list(groups.values()),
        tally.unknown,
    )


def _zone_levels(settings: Settings, loudest: dict[tuple[str, int], float]) -> dict[str, list[Level]]:
    bins = max((place for _, place in loudest), default=0) + 1
    joined = -(-bins // BINS_MAX)
    levels: dict[str, list[Level]] = {zone: [] for zone in settings.zones}
    for zone in settings.zones:
        merged: dict[int, float] = {}
        for (its, place), rssi_dbm in loudest.items():
            if its == zone:
                merged[place // joined] = max(merged.get(place // joined, -200.0), rssi_dbm)
        levels[zone] = [Level((n + 0.5) * joined * BIN_S_MIN, merged[n]) for n in sorted(merged)]
    return levels


def report(found: Survey) -> Iterator[str]:
    """A table for people, then what to do."""
    seconds = max(found.seconds, 1e-9)
    tags = len(found.moved) + len(found.strays)
    yield f"{found.seconds:.0f} s, {tags} tags, {found.passages} passages, {found.uncertain} uncertain"
    yield "antenna zone  reads/s   tags  median dBm  reads of tags that never passed"
    for antenna, one in sorted(found.antennas.items()):
        share = one.stray_reads / one.reads if one.reads else 0.0
        yield (
            f"{antenna:>7} {found.settings.zone_of[antenna]:<4} {one.reads / seconds:8.1f} {len(one.epcs):>6} "
            f"{one.median_dbm():>11.1f} {100 * share:8.0f} %"
        )
    yield from advice(found)


def advice(found: Survey) -> Iterator[str]:
    """Suggestions, most urgent first; one line says so if there are none."""
    told = False
    for line in (*_about_antennas(found), *_about_reach(found)):
        told = True
        yield f"- {line}"
    if not told:
        yield "- nothing to change"


def _about_antennas(found: Survey) -> Iterator[str]:
    for antenna, count in sorted(found.unknown.items()):
        yield f"antenna {antenna} ({count} reads) has no zone in the portal's file: give it one, or unplug it"
    for antenna, one in sorted(found.antennas.items()):
        if not one.reads:
            yield f"antenna {antenna} read nothing: check cable, connector and that the reader has it switched on"
    by_zone: dict[str, int] = defaultdict(int)
    for antenna, one in found.antennas.items():
        by_zone[found.settings.zone_of[antenna]] += one.reads
        siblings = [
            other.reads
            for number, other in found.antennas.items()
            if number != antenna and found.settings.zone_of[number] == found.settings.zone_of[antenna]
        ]
        if one.reads and siblings and one.reads < BALANCE_LOW * max(siblings):
            yield f"antenna {antenna} reads much less than its neighbour: check its cable and where it looks"
    few, many = sorted(found.settings.zones, key=lambda zone: by_zone[zone])
    if by_zone[few] < BALANCE_LOW * by_zone[many]:
        yield f"zone {few} reads much less than zone {many}: more power there, or antennas turned towards the door"


def _about_reach(found: Survey) -> Iterator[str]:
    reads = sum(one.reads for one in found.antennas.values())
    strays = sum(one.stray_reads for one in found.antennas.values())
    if reads and strays > STRAY_SHARE_HIGH * reads:
        yield (
            f"{100 * strays / reads:.0f} % of all reads are of {len(found.strays)} tags that never passed: lower the "
            "power by 2-3 dB, or move goods away from the door"
        )
    if found.passages and found.uncertain > UNCERTAIN_HIGH * found.passages:
        yield (
            f"{found.uncertain} uncertain beside {found.passages} passages: more power, one antenna more a zone, or "
            "session S0 or S1 instead of S2 and S3"
        )
    if not found.passages and reads:
        yield "no passage was seen: push a cart with 20 tags or more through the door and record again"


WIDTH, HEIGHT, LEFT, TOP = 1200, 300, 50, 20
COLOURS = ("#1f6fb2", "#c4622d")


def svg(found: Survey) -> str:
    """Loudest read of each zone over time; upright lines are groups that crossed. A whole SVG document."""
    seconds = max(found.seconds, 1.0)
    levels = [level.rssi_dbm for of_zone in found.zone_levels.values() for level in of_zone] or [-80.0, -40.0]
    low, high = min(levels) - 2, max(levels) + 2

    def x(t_s: float) -> float:
        return LEFT + t_s / seconds * (WIDTH - LEFT - 10)

    def y(rssi_dbm: float) -> float:
        return TOP + (high - rssi_dbm) / (high - low) * (HEIGHT - TOP - 30)

    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
            'font-size="12">'
        ),
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    for t_s, target in found.crossings:
        place = found.settings.zones.index(target)
        parts.append(f'<path d="M{x(t_s):.1f} {TOP}V{HEIGHT - 30}" stroke="{COLOURS[place]}" stroke-opacity="0.35"/>')
    for place, zone in enumerate(found.settings.zones):
        points = " ".join(f"{x(one.t_s):.1f},{y(one.rssi_dbm):.1f}" for one in found.zone_levels[zone])
        parts.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[place]}"/>')
        name = zone.replace("&", "&amp;").replace("<", "&lt;")
        parts.append(f'<text x="{LEFT + 8 + place * 120}" y="14" fill="{COLOURS[place]}">zone {name}</text>')
    parts += [f'<text x="4" y="{y(level) + 4:.1f}">{level:.0f} dBm</text>' for level in (high - 2, (low + high) / 2)]
    parts += [
        f'<text x="{x(share * seconds):.1f}" y="{HEIGHT - 10}">{share * seconds:.0f} s</text>'
        for share in (0.0, 0.25, 0.5, 0.75, 0.97)
    ]
    return "\n".join([*parts, "</svg>\n"])
