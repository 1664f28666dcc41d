"""The only file of the agent that knows the time and has chance."""

from __future__ import annotations

import ctypes
import os
import random
import threading
import time
from typing import Literal, Protocol

from drivers.reads import Arrival

ClockState = Literal["synced", "suspect"]
DRIFT_US_MAX = 2_000_000
STATE_CHECK_NS = 5_000_000_000
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_SIZE_BYTES = 208


class Clock(Protocol):
    def now(self) -> Arrival: ...

    def state(self) -> ClockState: ...

    def entropy(self, size_bytes: int) -> bytes: ...

    def chance(self) -> float:
        """Uniform in [0, 1)."""
        ...


class SystemClock:
    """The kernel's clocks. `suspect` when unsynchronised, or when wall and monotonic time drifted apart by over 2 s.

    A jump is seen at once, and stays suspect until the kernel says that it is synchronised at a later check.
    """

    def __init__(self, *, trust_unsynchronised: bool = False) -> None:
        self._trust = trust_unsynchronised
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._offset_us = self._offset()
        self._checked_ns = -STATE_CHECK_NS
        self._state: ClockState = "suspect"
        self._pool = b""
        self._at = 0
        self._drawing = threading.Lock()  # ids are made in several threads: no two may get the same bytes

    def now(self) -> Arrival:
        return Arrival(time.time_ns() // 1000, time.monotonic_ns())

    def state(self) -> ClockState:
        now_ns = time.monotonic_ns()
        # The kernel is asked seldom; times that are wrong by a year are not called right for as long as that.
        if now_ns - self._checked_ns >= STATE_CHECK_NS or (self._state == "synced" and self._jumped(self._offset())):
            self._checked_ns = now_ns
            self._state = self._check()
        return self._state

    def entropy(self, size_bytes: int) -> bytes:
        with self._drawing:
            if self._at + size_bytes > len(self._pool):
                self._pool, self._at = os.urandom(max(4096, size_bytes)), 0
            self._at += size_bytes
            return self._pool[self._at - size_bytes : self._at]

    def chance(self) -> float:
        return random.random()  # noqa: S311  back-off jitter, no secret

    def _offset(self) -> int:
        return time.time_ns() // 1000 - time.monotonic_ns() // 1000

    def _jumped(self, offset_us: int) -> bool:
        return abs(offset_us - self._offset_us) > DRIFT_US_MAX

    def _check(self) -> ClockState:
        offset_us = self._offset()
        synced = self._trust or self._kernel_synchronised()
        if self._state == "synced" and self._jumped(offset_us):
            return "suspect"
        if synced:
            self._offset_us = offset_us
            return "synced"
        return "suspect"

    def _kernel_synchronised(self) -> bool:
        buffer = ctypes.create_string_buffer(_TIMEX_SIZE_BYTES)  # modes 0: read only
        return int(self._libc.adjtimex(buffer)) not in {_TIME_ERROR, -1}
