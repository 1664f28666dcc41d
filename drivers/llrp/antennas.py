"""Which antenna stopped reading while the others go on: a cable, or something metal in front of it.

An antenna is silent when it was a good reader (`READS_MIN`), nothing came from it for `antenna_silence_s`, and by its
share of all reads so far `MISSED` of the reads that the others made since would have been its own: by chance alone that
happens once in e^20. It has to read `BACK` times to be trusted again. Counts are halved now and then, so that a portal
which is used differently from today on is judged by today.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drivers.reads import Arrival
from drivers.session import NS_PER_S

READS_MIN = 20
MISSED = 20
BACK = 3
HISTORY_READS = 20_000  # then all counts are halved
ANTENNAS_MAX = 64


@dataclass(slots=True)
class _Antenna:
    last_ns: int
    reads: float = 0
    missed: int = 0  # reads of the others since its last
    back: int = 0
    silent: bool = False


class Antennas:
    def __init__(self, silence_s: float) -> None:
        self._silence_ns = int(silence_s * NS_PER_S)
        self._known: dict[int, _Antenna] = {}
        self._total = 0.0

    def count(self, reads: Mapping[int, int], now: Arrival) -> list[tuple[int, bool]]:
        """Reads by antenna in a report. Antennas that have changed: number, and whether it is silent now."""
        if not self._silence_ns:
            return []
        total = sum(reads.values())
        for number in reads:
            if number not in self._known and len(self._known) < ANTENNAS_MAX:
                self._known[number] = _Antenna(now.monotonic_ns)
        changed: list[tuple[int, bool]] = []
        for number, one in self._known.items():
            own = reads.get(number, 0)
            changes = self._heard(one, own, now) if own else self._missed(one, total, now)
            if changes:
                changed.append((number, one.silent))
        self._age(total)
        return changed

    def forget(self, number: int) -> None:
        """It was unplugged, or plugged in: what it read before says nothing."""
        self._known.pop(number, None)

    def _heard(self, one: _Antenna, own: int, now: Arrival) -> bool:
        one.last_ns, one.missed = now.monotonic_ns, 0
        one.reads += own
        one.back += own
        if not one.silent or one.back < BACK:
            return False
        one.silent = False
        return True

    def _missed(self, one: _Antenna, others: int, now: Arrival) -> bool:
        if one.silent:
            return False
        one.missed += others
        share = one.reads / self._total if self._total else 0.0
        if one.reads < READS_MIN or one.missed * share < MISSED or now.monotonic_ns - one.last_ns < self._silence_ns:
            return False
        one.silent, one.back = True, 0
        return True

    def _age(self, total: int) -> None:
        self._total += total
        if self._total < HISTORY_READS:
            return
        self._total /= 2
        for one in self._known.values():
            one.reads /= 2
