"""A clock that tests drive: time stands until told, chance is seeded."""

from __future__ import annotations

import random

from agent.clock import ClockState
from drivers.reads import Arrival


class FakeClock:
    def __init__(self, seed: int = 1) -> None:
        self.wall_us = 1_757_217_000_000_000
        self.monotonic_ns = 1_000_000_000
        self.synced: ClockState = "synced"
        self._chance = random.Random(seed)

    def advance(self, seconds: float) -> None:
        self.wall_us += int(seconds * 1e6)
        self.monotonic_ns += int(seconds * 1e9)

    def now(self) -> Arrival:
        return Arrival(self.wall_us, self.monotonic_ns)

    def state(self) -> ClockState:
        return self.synced

    def entropy(self, size_bytes: int) -> bytes:
        return self._chance.randbytes(size_bytes)

    def chance(self) -> float:
        return self._chance.random()
