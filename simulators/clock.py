"""The simulators' only source of time and chance."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

Chance = random.Random


def monotonic_us() -> int:
    return time.monotonic_ns() // 1000


def wall_us() -> int:
    return time.time_ns() // 1000


def chance(seed: int | str) -> Chance:
    """Chance that one seed repeats."""
    return random.Random(seed)  # noqa: S311 - simulated faults, no secrets


def generator(seed: int | str) -> np.random.Generator:
    """Chance for arrays that one seed repeats, on every machine. Needs numpy (the extra `sim`)."""
    import hashlib  # noqa: PLC0415

    import numpy as np  # noqa: PLC0415 - only the portal's physics needs it

    return np.random.default_rng(int.from_bytes(hashlib.sha256(str(seed).encode()).digest()[:8]))


class Pacer:
    """Waits, and stops waiting when the run ends."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def stop(self) -> None:
        self._stopped.set()

    def wait(self, seconds: float) -> bool:
        """False if the run was stopped meanwhile."""
        return not self._stopped.wait(max(0.0, seconds))
