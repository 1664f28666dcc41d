"""How long commits take, from the first statement to the end of the sync, as a histogram. Pure."""

from __future__ import annotations

from bisect import bisect_left

BOUNDS_MS = (1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000)
_BOUNDS_NS = [int(one * 1_000_000) for one in BOUNDS_MS]


class Latency:
    """The writer's thread calls `took`; what others read may be one commit old."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_MS) + 1)  # up to each bound, and beyond the last
        self.sum_ns = 0
        self._slowest_ns = 0

    def took(self, duration_ns: int) -> None:
        self.counts[bisect_left(_BOUNDS_NS, duration_ns)] += 1
        self.sum_ns += duration_ns
        self._slowest_ns = max(self._slowest_ns, duration_ns)

    def within_ms(self, share: float) -> float | None:
        """What so large a share of the commits took at most, as a bound; None: longer than all of them."""
        wanted, seen = share * sum(self.counts), 0
        for bound_ms, count in zip(BOUNDS_MS, self.counts, strict=False):
            seen += count
            if seen >= wanted:
                return bound_ms
        return None

    def take_slowest_us(self) -> int:
        """The slowest commit since this was asked last; for one asker."""
        slowest_ns, self._slowest_ns = self._slowest_ns, 0
        return slowest_ns // 1000
