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
        """0: taken. Else whole seconds until there is one again."""
        left, at_s = self._held.pop(key, (float(self._burst), now_s))
        left = min(self._burst, left + (now_s - at_s) * self._per_s)
        taken = left >= 1.0
        self._held[key] = (left - taken, now_s)
        if len(self._held) > BUCKETS_MAX:
            self._held.popitem(last=False)
        return 0 if taken else ceil((1.0 - left) / self._per_s)
