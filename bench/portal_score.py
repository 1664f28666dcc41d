"""Passages against the truth: what was right, wrong, uncertain, missed, and what never happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from agent.capture.portal import Engine, Finding, Passage, Settings, Uncertain

NEAR_S = 5.0


class Crossing(NamedTuple):
    epc: str
    t_s: float
    direction: str  # "A>B"


class Score(NamedTuple):
    """`crossings` of tags that were read near the door; `unread` those that were not. A tag of `idle` never crossed;
    `false_tags` of them got a passage."""

    crossings: int
    right: int
    wrong: int
    uncertain: int
    missed: int
    unread: int
    false_events: int
    idle: int
    false_tags: int
    passages: int
    group_false: int = 0
    idle_moving: int = 0

    def share(self, what: int) -> float:
        return what / self.crossings if self.crossings else 0.0

    @property
    def precision(self) -> float:
        return self.right / self.passages if self.passages else 1.0


Reads = Sequence[tuple[float, str, int, float]]


def run(reads: Reads, settings: Settings) -> list[Finding]:
    """The whole recording through one engine, and ten seconds more."""
    engine = Engine(settings)
    found: list[Finding] = []
    for t_s, epc, antenna, rssi_dbm in reads:
        found += engine.read(t_s, epc, antenna, rssi_dbm)
    if reads:
        for later_s in range(1, 11):
            found += engine.tick(reads[-1][0] + later_s)
    return found


def score(
    findings: Iterable[Finding], truth: Iterable[Crossing], idle: Iterable[str], reads: Reads, shelf: frozenset[str]
) -> Score:
    """`idle` are tags that never cross, `shelf` those of them that do not even move."""
    by_epc, doubts = _by_epc(findings)
    times: dict[str, list[float]] = defaultdict(list)
    for read in reads:
        times[read[1]].append(read[0])
    used: set[int] = set()
    counts: dict[str, int] = defaultdict(int)
    truth = list(truth)
    real = defaultdict[str, list[Crossing]](list)
    for crossing in truth:
        real[crossing.epc].append(crossing)
    for crossing in truth:
        near = [one for one in by_epc[crossing.epc] if abs(one.t_cross_s - crossing.t_s) <= NEAR_S]
        used |= {id(one) for one in near if _direction(one) == crossing.direction}
        doubt = any(-1.0 <= one.t_s - crossing.t_s <= 2 * NEAR_S + 1 for one in doubts[crossing.epc])
        # The other direction is wrong, unless it is that of another crossing close by: in and out again.
        near = [one for one in near if _direction(one) == crossing.direction or not _happened(one, real[one.epc])]
        counts[_kind(crossing, near, doubt, times[crossing.epc])] += 1
    everything = [one for of_tag in by_epc.values() for one in of_tag]
    idle = set(idle)
    false_tags = {one.epc for one in everything if one.epc in idle}
    return Score(
        sum(counts.values()) - counts["unread"],
        counts["right"],
        counts["wrong"],
        counts["uncertain"],
        counts["missed"],
        counts["unread"],
        sum(id(one) not in used for one in everything),
        len(idle & shelf),
        len(false_tags & shelf),
        len(everything),
        len(false_tags - shelf),
        len(idle - shelf),
    )


def _by_epc(findings: Iterable[Finding]) -> tuple[dict[str, list[Passage]], dict[str, list[Uncertain]]]:
    passages: dict[str, list[Passage]] = defaultdict(list)
    doubts: dict[str, list[Uncertain]] = defaultdict(list)
    for one in findings:
        if isinstance(one, Passage):
            passages[one.epc].append(one)
        elif isinstance(one, Uncertain):
            doubts[one.epc].append(one)
    return passages, doubts


def _direction(passage: Passage) -> str:
    return f"{passage.origin}>{passage.target}"


def _happened(passage: Passage, real: list[Crossing]) -> bool:
    return any(one.direction == _direction(passage) and abs(one.t_s - passage.t_cross_s) <= NEAR_S for one in real)


def _kind(crossing: Crossing, near: list[Passage], doubt: bool, times: list[float]) -> str:
    directions = {_direction(one) for one in near}
    if directions - {crossing.direction}:
        return "wrong"
    if directions:
        return "right"
    if not any(abs(t_s - crossing.t_s) <= NEAR_S for t_s in times):
        return "unread"
    return "uncertain" if doubt else "missed"
