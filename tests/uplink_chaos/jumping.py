"""An agent whose wall clock a test lets jump: back by a year at SIGUSR1, forward again at SIGUSR2.

`python -m tests.uplink_chaos.jumping agent.toml`
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from agent.clock import SystemClock
from agent.compose import run
from agent.config import load
from drivers.reads import Arrival

YEAR_US = 365 * 86_400 * 1_000_000


class Jumping(SystemClock):
    shift_us = 0

    def now(self) -> Arrival:
        true = super().now()
        return Arrival(true.wall_us + self.shift_us, true.monotonic_ns)

    def _offset(self) -> int:
        return super()._offset() + self.shift_us

    def jump(self, number: int) -> None:
        self.shift_us = -YEAR_US if number == signal.SIGUSR1 else 0


def main() -> None:
    clock = Jumping(trust_unsynchronised=True)
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, lambda came, _frame: clock.jump(came))
    sys.exit(run(load(Path(sys.argv[1])), clock))


if __name__ == "__main__":
    main()
