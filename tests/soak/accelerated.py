"""An agent whose wall clock runs FACTOR times as fast: `python -m tests.soak.accelerated FACTOR CONFIG`.

Retention, openings, snapshots and the times of events go by the wall clock. Deadlines of devices and of the broker go
by the monotonic one, which stays as it is: what is at the other end of the wire lives in real time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from agent import compose, config
from agent.clock import ClockState, SystemClock
from agent.ledger import keeper, snapshots
from agent.ledger.checking import Checked
from drivers.reads import Arrival

LOOK_S = 2.0  # real seconds between two looks of the keeper, which are minutes of an accelerated day


class Accelerated(SystemClock):
    def __init__(self, factor: float) -> None:
        super().__init__(trust_unsynchronised=True)
        self._factor, self._begin = factor, super().now()

    def now(self) -> Arrival:
        now, begin = super().now(), self._begin
        passed_us = (now.monotonic_ns - begin.monotonic_ns) / 1000
        return Arrival(begin.wall_us + round(passed_us * self._factor), now.monotonic_ns)

    def state(self) -> ClockState:
        return "synced"


def main() -> int:
    clock = Accelerated(float(sys.argv[1]))

    def take(folder: Path, into: Path, *, keep: int, pause: Callable[[], None]) -> Checked:
        """A snapshot's age is that of its file, which the file system stamps in real time."""
        found = snapshots.take(folder, into, keep=keep, pause=pause)
        now_ns = clock.now().wall_us * 1000
        os.utime(snapshots.snapshots(into)[0], ns=(now_ns, now_ns))
        return found

    keeper.LOOK_S, keeper.take = LOOK_S, take
    return compose.Agent(config.load(Path(sys.argv[2])), clock).run()


if __name__ == "__main__":
    sys.exit(main())
