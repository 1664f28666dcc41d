"""Batches that a broker breaks the connection over, as MQTT 3.1.1 knows no other answer to one that is too large. Pure.

    the same batch was the oldest under way at several losses in a row    half of it is sent from then on
    it is a single event, and not a small one                              it is set aside, and tried again later

While there is a doubt one batch is sent at a time, so that it falls on no other. Brokers that are gone, or that throw
us out for another reason, raise doubts too: smaller batches do no harm, and a small event is never set aside.
"""

from __future__ import annotations

BYTES_MIN = 1024  # a broker that takes less is none
LOSSES_MAX = 3
AGAIN_S = 60.0
OTHERS_MAX = 100


class Doubt:
    def __init__(self, bytes_max: int) -> None:
        self._whole_bytes = self.bytes_max = bytes_max  # of a batch
        self.aside: int | None = None  # sequence of an event
        self._again_s: float | None = None
        self._doubted = self._blamed = False  # a batch, or an event, for the newest loss
        self._first: int = 0
        self._losses: int = 0
        self._others = 0  # batches taken on this connection

    @property
    def careful(self) -> bool:
        return self._losses > 0

    def lost(self, first: int, events: int, size_bytes: int) -> None:
        """The connection was lost, and this batch was the oldest under way."""
        if first != self._first:
            self._first, self._losses = first, 0
        self._losses += 1
        self._doubted, self._blamed = True, False
        if self._losses < LOSSES_MAX or size_bytes <= BYTES_MIN:
            return
        if events > 1:
            self._losses, self.bytes_max = 1, max(BYTES_MIN, size_bytes // 2)
        else:
            self._losses, self.aside, self._again_s, self._blamed = 0, first, None, True

    def connected(self) -> None:
        """One that was lost for something else may have been to a broker that got another limit since."""
        if not self._doubted:
            self.bytes_max = min(self._whole_bytes, 2 * self.bytes_max)
        if self.aside is not None and not self._blamed:
            self._once_more(self.aside)
        self._doubted = self._blamed = False
        self._others = 0

    def _once_more(self, first: int) -> None:
        self.aside, self._first, self._losses = None, first, LOSSES_MAX - 1

    def taken(self, first: int, last: int) -> None:
        """The broker took this batch: the one in doubt, or so many others that it is not coming."""
        self._others += 1
        if first <= self._first <= last or self._others >= OTHERS_MAX:
            self._losses = 0

    def holds(self, first: int, now_s: float) -> bool:
        """Whether this batch is set aside. One that has waited long enough is tried once more."""
        if first != self.aside:
            return False
        if self._again_s is None:
            self._again_s = now_s + AGAIN_S
        if now_s < self._again_s:
            return True
        self._once_more(first)
        return False
