"""One tag near a portal: its last reads, where it is thought to be, and what it used to do."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

from agent.capture.portal_evidence import REPEAT_S, WEIGHT_MIN, Seen, clearest

WINDOW_S = 11.0
READS_MAX = 64
HISTORY_MAX = 60.0
BURST_S = 0.25  # reads of one zone within this are one look
LOOK_BACK = 3
FRESH_S, WARM_S = 9.0, 30.0
FAINT_DB, FAINT_WEIGHT = 2.0, 0.5  # reads of the wrong zone are faint ones
ABSENT_S = 30.0


class Lean(NamedTuple):
    """A tag that may have gone with a group: how much speaks for it, and the group's crossing."""

    score: float
    t_s: float
    sign: int
    number: int


class Rest:
    """How loud goods are that are not on their way: mean and spread of reads that have become history."""

    def __init__(self) -> None:
        self._mean_dbm, self._square, self._count = 0.0, 9.0, 0
        self.faint_dbm = -math.inf

    def add(self, rssi_dbm: float) -> None:
        self._count = min(self._count + 1, 2000)
        if self._count == 1:
            self._mean_dbm = rssi_dbm
        off = rssi_dbm - self._mean_dbm
        self._mean_dbm += off / self._count
        if self._count >= 50:
            self.faint_dbm = self._mean_dbm - FAINT_DB
        self._square += (off * off - self._square) / max(self._count, 20)

    def level(self) -> tuple[float | None, float]:
        """Mean and spread, dB; no mean before there are 50 reads."""
        return (self._mean_dbm if self._count >= 50 else None), max(2.0, self._square**0.5)


class Track:
    """`history` counts reads (zone A, zone B) that are older than the window, since the last passage."""

    __slots__ = (
        "_rest",
        "aged_s",
        "born_s",
        "checks_s",
        "crossing",
        "epc",
        "first_s",
        "history",
        "last_s",
        "last_sign",
        "last_zone_s",
        "lean",
        "level_dbm",
        "level_reads",
        "reads",
        "refused",
        "told",
        "total",
        "watched",
        "went",
        "went_s",
        "went_with",
    )

    def __init__(self, epc: str, t_s: float, rest: Rest) -> None:
        self._rest = rest
        self.epc = epc
        self.first_s = self.born_s = t_s
        self.aged_s: float | None = None
        self.last_s = t_s
        self.last_zone_s = [t_s - REPEAT_S, t_s - REPEAT_S]
        self.reads: deque[Seen] = deque(maxlen=READS_MAX)
        self.history = [0.0, 0.0]
        self.level_dbm = 0.0
        self.level_reads = 0
        self.checks_s: float | None = None
        self.crossing: int | None = None  # the group that it was counted for
        self.last_sign = 0
        self.lean: Lean | None = None
        self.refused = 0
        self.went, self.went_s, self.went_with = 0, -math.inf, 0
        self.told = False  # that a silent zone makes it uncertain
        self.watched = False  # it may have crossed: look again when it is read again
        self.total = 0

    def add(self, t_s: float, sign: int, rssi_dbm: float) -> Seen:
        """The look that the read became, or is part of."""
        if t_s - self.last_s > ABSENT_S:
            self._return(t_s)
        reads = self.reads
        while reads and (t_s - reads[0].t_s > WINDOW_S or len(reads) == READS_MAX):
            self._age(reads.popleft())
        zone = sign > 0
        gap_s = t_s - self.last_zone_s[zone]
        self.last_zone_s[zone] = self.last_s = t_s
        weight = 1.0 if gap_s >= REPEAT_S else max(WEIGHT_MIN, gap_s / REPEAT_S)
        if rssi_dbm < self._rest.faint_dbm:
            weight *= FAINT_WEIGHT
        self.last_sign = sign
        self.total += 1
        look = self._same_look(t_s, sign, rssi_dbm, weight)
        if look is None:
            look = Seen(t_s, sign, rssi_dbm, weight)
            reads.append(look)
        return look

    def _same_look(self, t_s: float, sign: int, rssi_dbm: float, weight: float) -> Seen | None:
        """What one zone reads in quick succession is one look: the loudest of it, worth a little more."""
        reads = self.reads
        for back in range(1, min(len(reads), LOOK_BACK) + 1):
            last = reads[-back]
            if last.sign == sign:
                if t_s - last.t_s >= BURST_S:
                    return None
                look = Seen(last.t_s, sign, max(last.rssi_dbm, rssi_dbm), min(1.0, last.weight + weight))
                reads[-back] = look
                return look
        return None

    def _age(self, read: Seen) -> None:
        """A read leaves the window and becomes history; what is long ago counts ever less."""
        history = self.history
        history[read.sign > 0] += read.weight
        if history[0] + history[1] > HISTORY_MAX:
            history[0] *= 0.9
            history[1] *= 0.9
        self.aged_s = read.t_s
        self._rest.add(read.rssi_dbm)
        self.level_reads = min(self.level_reads + 1, 30)
        self.level_dbm += (read.rssi_dbm - self.level_dbm) / self.level_reads

    def _return(self, t_s: float) -> None:
        """It was away so long that it may have been carried anywhere: what it did before counts little."""
        self.reads.clear()
        self.history = [n * 0.2 for n in self.history]
        self.first_s = t_s
        self.watched = False
        self.aged_s = None
        self.lean = None
        self.total = 0

    def passed(self, t_s: float, sign: int, number: int) -> None:
        """It is on the other side now: only what came clearly after counts there."""
        kept = [read for read in self.reads if read.t_s > t_s + 0.5 or (read.t_s > t_s and read.sign == sign)]
        self.reads = deque(kept, maxlen=READS_MAX)
        self.went, self.went_s, self.went_with = sign, t_s, number
        # How often it is heard by the wrong zone goes with it.
        right, wrong = self.history[sign < 0], self.history[sign > 0]
        self.history = [0.0, 0.0]
        if right > 2 * wrong:
            self.history[sign > 0], self.history[sign < 0] = right / 2, wrong / 2
        self.level_reads = 0
        self.crossing = None
        self.aged_s = None
        self.lean = None
        self.watched = False
        self.total = len(kept)

    def within(self, from_s: float, until_s: float) -> list[Seen]:
        return [read for read in clearest(self.reads) if from_s <= read.t_s <= until_s]

    def was_at(self, sign: int, t_s: float) -> bool:
        """The tag was rather on this side until then."""
        before = [read for read in self.reads if read.t_s < t_s + 1.0]
        here = sum(read.weight for read in before if read.sign == sign) + self.history[sign > 0]
        return here > sum(read.weight for read in before if read.sign != sign) + self.history[sign < 0]

    def both_sides(self) -> float:
        """Weight of the reads of the side that has fewer."""
        sides = [sum(read.weight for read in self.reads if read.sign == sign) for sign in (-1, 1)]
        return min(sides)

    @property
    def level(self) -> float | None:
        return self.level_dbm if self.level_reads >= 2 else None

    def fresh(self, t_s: float, warm_s: float) -> bool | None:
        """Never seen before it came near just now; None when the portal itself had not yet watched for long."""
        if self.born_s < t_s - FRESH_S:
            return False
        return True if t_s - warm_s > WARM_S else None
