"""What simple rules make of the real door's reads, beside which the engine's figures stand.

Each rule sees a tag's reads within five seconds of a passage and names the zones it went from and to, or None.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence

from bench.portal_score import NEAR_S, Crossing, Reads

Near = Sequence[tuple[float, str, int, float]]  # t_s, zone, antenna, rssi_dbm
Rule = Callable[[Near], tuple[str, str] | None]

RECENT, EDGEX_READS_MIN = 20, 2
EDGEX_DB, EDGEX_SLOPE_DB_S, EDGEX_HOLD_S = 6.0, -8.0, 0.5


def first_last(reads: Near) -> tuple[str, str] | None:
    """From the zone of the first read to that of the last."""
    return (reads[0][1], reads[-1][1]) if reads and reads[0][1] != reads[-1][1] else None


def centroid(reads: Near) -> tuple[str, str] | None:
    """From the zone whose reads, weighted by their amplitude, are earlier on average."""
    middles: dict[str, float] = {}
    for zone in {read[1] for read in reads}:
        mine = [(t_s, 10 ** (rssi_dbm / 20)) for t_s, its, _, rssi_dbm in reads if its == zone]
        middles[zone] = sum(t_s * weight for t_s, weight in mine) / sum(weight for _, weight in mine)
    if len(middles) < 2:
        return None
    origin, target = sorted(middles, key=lambda zone: middles[zone])
    return origin, target


def edgex(reads: Near) -> tuple[str, str] | None:
    """EdgeX's rule: a tag is at one antenna until another's mean is louder by a margin that shrinks with time."""
    levels: dict[int, deque[float]] = defaultdict(lambda: deque(maxlen=RECENT))
    here, zone, origin, seen_s = -1, "", "", 0.0
    for t_s, its, antenna, rssi_dbm in reads:
        levels[antenna].append(rssi_dbm)
        if here < 0:
            here, zone, origin = antenna, its, its
        elif antenna != here and len(levels[antenna]) >= EDGEX_READS_MIN:
            margin_db = min(EDGEX_DB, EDGEX_SLOPE_DB_S * (t_s - seen_s - EDGEX_HOLD_S) + EDGEX_DB)
            if _mean(levels[antenna]) > _mean(levels[here]) + margin_db:
                here, zone = antenna, its
        if antenna == here:
            seen_s = t_s
    return (origin, zone) if zone != origin else None


def _mean(levels: deque[float]) -> float:
    return sum(levels) / len(levels)


RULES: dict[str, Rule] = {"first and last read": first_last, "centroid of RSSI": centroid, "EdgeX": edgex}


def shares(reads: Reads, truth: list[Crossing], static: list[str], zone_of: dict[int, str]) -> list[str]:
    """A line a rule: crossings with the right direction, with the wrong one, and how often a still tag was moved."""
    by_epc: dict[str, list[tuple[float, str, int, float]]] = defaultdict(list)
    for t_s, epc, antenna, rssi_dbm in reads:
        by_epc[epc].append((t_s, zone_of[antenna], antenna, rssi_dbm))
    times_s = sorted({crossing.t_s for crossing in truth})
    lines: list[str] = []
    for name, rule in RULES.items():
        right = wrong = 0
        for crossing in truth:
            found = rule(_near(by_epc[crossing.epc], crossing.t_s))
            right += found is not None and ">".join(found) == crossing.direction
            wrong += found is not None and ">".join(found) != crossing.direction
        moved = sum(rule(_near(by_epc[epc], t_s)) is not None for epc in static for t_s in times_s)
        of, still = len(truth), len(static) * len(times_s)
        lines.append(
            f"  {name:20} right {right} of {of} {100 * right / of:.1f} %, wrong {wrong} {100 * wrong / of:.1f} %, "
            f"still tags moved {moved} of {still} {100 * moved / still:.1f} %"
        )
    return lines


def _near(reads: Near, t_s: float) -> Near:
    return [read for read in reads if abs(read[0] - t_s) <= NEAR_S]
