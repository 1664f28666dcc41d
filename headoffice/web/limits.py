"""How often somebody may try. Pure; the clock is an argument."""

from __future__ import annotations

from collections import OrderedDict
from math import ceil

BUCKETS_MAX = 2048


class Buckets:
    """`burst` at once, then `per_s`. Of the buckets beyond `BUCKETS_MAX` those longest unused are forgotten, full."""

    def __init__(self, per_s: float, burst: int) -> None:
        self._per_s = per_s
        self._burst = burst
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, key: str, now_s: float) -> int:
        """Whole seconds until there is one; 0: there is."""
        left = self._left(key, now_s)
        return 0 if left >= 1.0 else ceil((1.0 - left) / self._per_s)

    def take(self, key: str, now_s: float) -> None:
        left = self._left(key, now_s)
        self._held[key] = (max(0.0, left - 1.0), now_s)
        self._held.move_to_end(key)
        if len(self._held) > BUCKETS_MAX:
            self._held.popitem(last=False)

    def _left(self, key: str, now_s: float) -> float:
        left, at_s = self._held.get(key, (float(self._burst), now_s))
        return min(self._burst, left + (now_s - at_s) * self._per_s)
