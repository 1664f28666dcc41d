"""The only file of head office that knows the time and has chance."""

from __future__ import annotations

import os
import random
import time
from typing import Protocol


class Clock(Protocol):
    def wall_us(self) -> int:
        """Microseconds since 1970."""
        ...

    def now_s(self) -> float:
        """Seconds that never go back."""
        ...

    def chance(self) -> float:
        """Uniform in [0, 1)."""
        ...

    def entropy(self, size_bytes: int) -> bytes: ...


class SystemClock:
    def wall_us(self) -> int:
        return time.time_ns() // 1000

    def now_s(self) -> float:
        return time.monotonic()

    def chance(self) -> float:
        return random.random()  # noqa: S311  back-off jitter, no secret

    def entropy(self, size_bytes: int) -> bytes:
        return os.urandom(size_bytes)
