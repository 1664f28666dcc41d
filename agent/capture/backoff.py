"""How long to wait before the next try: exponential, with full jitter, and pure. Chance is a number from 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass

NS_PER_S = 1_000_000_000


@dataclass(slots=True)
class Backoff:
    """Delays lie between `first_s` and a ceiling that doubles up to `max_s`; `healthy_s` of running reset it."""

    first_s: float = 0.5
    max_s: float = 30.0
    healthy_s: float = 60.0
    failures: int = 0

    def next_delay_s(self, chance: float) -> float:
        """The delay after one more failure. Never zero, so that a device that dies at once does not spin."""
        assert 0.0 <= chance <= 1.0
        self.failures += 1
        # 2**10 is beyond any sensible ratio of the two limits, and keeps the power small for ever.
        ceiling_s = min(self.max_s, self.first_s * (1 << min(self.failures, 10)))
        return self.first_s + chance * (ceiling_s - self.first_s)

    def ran(self, up_s: float) -> None:
        """The device was up for so long before it failed."""
        if up_s >= self.healthy_s:
            self.reset()

    def reset(self) -> None:
        self.failures = 0
