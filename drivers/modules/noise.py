"""Broken frames to bad reads, few of them: a noisy line may not flood the exceptions tray.

The first of a run is told at once. What follows is counted, and told as one bad read at the end of each window. A
window without any ends the run.
"""

from __future__ import annotations

from drivers.modules.framing import Malformed
from drivers.reads import Arrival, BadRead
from drivers.session import NS_PER_S, Numbering

WINDOW_S = 10


class Noise:
    def __init__(self, numbering: Numbering) -> None:
        self._numbering = numbering
        self._until_ns: int | None = None
        self._count = 0
        self._last: Malformed | None = None

    def heard(self, one: Malformed, now: Arrival) -> list[BadRead]:
        if self._until_ns is not None:
            self._count += 1
            self._last = one
            return []
        self._until_ns = now.monotonic_ns + WINDOW_S * NS_PER_S
        return [self._numbering.bad(one.raw, one.fault, one.detail, now)]

    def tick(self, now: Arrival) -> list[BadRead]:
        if self._until_ns is None or now.monotonic_ns < self._until_ns:
            return []
        told = self.rest(now)
        self._until_ns = now.monotonic_ns + WINDOW_S * NS_PER_S if told else None
        return told

    def rest(self, now: Arrival) -> list[BadRead]:
        """What was counted and not told yet."""
        last, count = self._last, self._count
        self._last, self._count = None, 0
        if last is None:
            return []
        detail = f"{count} more broken frames since the last report; this one: {last.detail}"
        return [self._numbering.bad(last.raw, last.fault, detail, now)]

    def next_deadline(self) -> int | None:
        return self._until_ns
