"""Simulated time and chance: one heap of things to come, one seed. Nothing here knows the real clock."""

from __future__ import annotations

import hashlib
import heapq
import random
from collections.abc import Callable

from agent.clock import ClockState
from drivers.reads import Arrival

NS_PER_S = 1_000_000_000
DAY_BEGINS_US = 1_780_268_400_000_000  # 2026-06-01, 08:00 in Seoul
SUSPECT_S = 5.0  # so long after a correction the kernel is not sure of its clock


class Sim:
    """`step` runs what is due next. The trace is a hash over everything that was told to it, for comparing two runs."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.now_ns = 1000 * NS_PER_S
        self.steps = 0
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self._trace = hashlib.sha256()

    def chance(self, name: str) -> random.Random:
        """A stream of its own for each part: what one part draws moves no other."""
        return random.Random(f"{self.seed}/{name}")

    @property
    def now_s(self) -> float:
        return self.now_ns / NS_PER_S

    def at(self, delay_s: float, call: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._heap, (self.now_ns + max(0, int(delay_s * NS_PER_S)), self._count, call))

    def step(self) -> None:
        self.now_ns, _, call = heapq.heappop(self._heap)
        self.steps += 1
        call()

    def trace(self, *words: object) -> None:
        self._trace.update(repr((self.now_ns, words)).encode())

    def digest(self) -> str:
        return self._trace.hexdigest()


class Life:
    """What a process has set up to come: nothing of it comes once it is dead."""

    def __init__(self, sim: Sim) -> None:
        self._sim = sim
        self.alive = True

    def at(self, delay_s: float, call: Callable[[], None]) -> None:
        self._sim.at(delay_s, lambda: call() if self.alive else None)

    def every(self, period_s: float, call: Callable[[], None]) -> None:
        def again() -> None:
            call()
            self.at(period_s, again)

        self.at(period_s, again)


class StoreClock:
    """`agent.clock.Clock` of the store's PC. Its wall clock can be wrong, and is suspect until it was set right."""

    def __init__(self, sim: Sim) -> None:
        self._sim = sim
        self._chance = sim.chance("store clock")
        self.right_us = DAY_BEGINS_US + self._chance.randrange(300 * 86_400) * 1_000_000
        self.wrong_us = 0
        self._suspect_until_ns = 0

    def set_wrong(self, wrong_us: int) -> None:
        """By so much; 0 sets it right."""
        self.wrong_us = wrong_us
        self._suspect_until_ns = self._sim.now_ns + int(SUSPECT_S * NS_PER_S)

    def true_us(self) -> int:
        return self._sim.now_ns // 1000 + self.right_us

    def now(self) -> Arrival:
        return Arrival(self.true_us() + self.wrong_us, self._sim.now_ns)

    def state(self) -> ClockState:
        return "suspect" if self.wrong_us or self._sim.now_ns < self._suspect_until_ns else "synced"

    def entropy(self, size_bytes: int) -> bytes:
        return self._chance.randbytes(size_bytes)

    def chance(self) -> float:
        return self._chance.random()


class OfficeClock:
    """`headoffice.clock.Clock`."""

    def __init__(self, sim: Sim, offset_us: int) -> None:
        self._sim = sim
        self._chance = sim.chance("office clock")
        self.offset_us = offset_us

    def wall_us(self) -> int:
        return self._sim.now_ns // 1000 + self.offset_us

    def now_s(self) -> float:
        return self._sim.now_s

    def chance(self) -> float:
        return self._chance.random()

    def entropy(self, size_bytes: int) -> bytes:
        return self._chance.randbytes(size_bytes)
