"""From a reader's clock to the host's: one offset a connection, never trusted blindly.

Readers stamp by UTC, which may stand in the year 2000, or by microseconds since they were switched on (Uptime). The
connection's first event is stamped when it is sent and arrives at once, so it says how far the two clocks are apart:
reports that were held during an outage then get the time at which their tags were seen.

    offset = arrival - device time        seen = device time + offset, never after the arrival

What says that a clock ran away:

- a time maps into the future. A little of it is the delay of the first event or drift, and the offset follows; more
  than `AHEAD_US_MAX` is a jump.
- after fresh reports, all that comes is old for `STALE_US` of arrivals. Reports that were held come before fresh ones,
  and what a stalled network kept back is caught up with sooner. Less than `BEHIND_US_MAX` is drift, and the offset
  follows; more is a jump.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from drivers.reads import Arrival

AHEAD_US_MAX = 500_000
BEHIND_US_MAX = 2_000_000
FRESH_US = 250_000  # a report so young is live
STALE_US = 1_500_000  # of arrivals, all of them old
STALE_COUNT = 3
SURE_US = 60_000_000  # after a jump, so long without another


class Scale(Enum):
    UTC = "utc"
    UPTIME = "uptime"


@dataclass(slots=True)
class _Clock:
    offset_us: int
    fresh: bool = False  # something live was seen by this offset
    stale_since_us: int | None = None  # arrival, monotonic
    stale_count: int = 0
    lag_us_min: int = 0  # of what was stale since then


class ClockMap:
    """`jumps` counts the times an offset was found wrong by more than drift."""

    def __init__(self) -> None:
        self._clocks: dict[Scale, _Clock] = {}
        self.jumps = 0
        self._jumped_ns: int | None = None

    def offset_us(self, scale: Scale) -> int | None:
        """To add to a time of the reader; None before the first."""
        clock = self._clocks.get(scale)
        return None if clock is None else clock.offset_us

    @property
    def unsure_until_ns(self) -> int | None:
        return None if self._jumped_ns is None else self._jumped_ns + SURE_US * 1000

    def settle(self, now: Arrival) -> bool:
        """True once, when a jump is long enough ago."""
        until = self.unsure_until_ns
        if until is None or now.monotonic_ns < until:
            return False
        self._jumped_ns = None
        return True

    def map(self, scale: Scale, device_us: int, now: Arrival, *, report: bool = True) -> int:
        """The host's time of the newest stamp of what has just arrived; the offset follows from it.

        Only a `report` shows that what was held is over: the greeting is fresh before it.
        """
        clock = self._clocks.get(scale)
        if clock is None:
            clock = self._clocks[scale] = _Clock(now.wall_us - device_us)
        lag_us = now.wall_us - (device_us + clock.offset_us)
        if lag_us < 0:
            self._ahead(clock, -lag_us, now)
        if lag_us <= FRESH_US:
            clock.fresh, clock.stale_since_us = clock.fresh or report, None
        elif clock.fresh:
            self._behind(clock, lag_us, now)
        return device_us + clock.offset_us

    def _ahead(self, clock: _Clock, by_us: int, now: Arrival) -> None:
        clock.offset_us -= by_us
        if by_us > AHEAD_US_MAX:
            self._jumped(now)

    def _behind(self, clock: _Clock, lag_us: int, now: Arrival) -> None:
        now_us = now.monotonic_ns // 1000
        if clock.stale_since_us is None:
            clock.stale_since_us, clock.stale_count, clock.lag_us_min = now_us, 0, lag_us
        clock.stale_count += 1
        clock.lag_us_min = min(clock.lag_us_min, lag_us)
        if clock.stale_count < STALE_COUNT or now_us - clock.stale_since_us < STALE_US:
            return
        clock.offset_us += clock.lag_us_min
        clock.stale_since_us = None
        if clock.lag_us_min > BEHIND_US_MAX:
            self._jumped(now)

    def _jumped(self, now: Arrival) -> None:
        self.jumps += 1
        self._jumped_ns = now.monotonic_ns
