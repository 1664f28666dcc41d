"""The desk's part for alerts: a slice of each look in turn, for a tenth of a second at most."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC

from contract.times import Stamper
from headoffice.alerts.jobs import Jobs
from headoffice.alerts.notices import Notices
from headoffice.alerts.records import Records
from headoffice.alerts.webhook import Webhook
from headoffice.clock import Clock
from headoffice.database import Database
from headoffice.part import Message, Publish

TICK_S_MAX = 0.06
SWEEP_S = 3600.0
TRANSFERS_S = 600.0
STATE_S = 5.0
WRITTEN_S = 1.0
FORGET_S = 60.0
Job = Iterator[None]


class _Turn:
    """One look: when it is due, and how far it is."""

    def __init__(self, make: Callable[[], Job], every_s: float) -> None:
        self.make = make
        self.every_s = every_s
        self.due_s = float("-inf")
        self.running: Job | None = None

    def slice(self, now_s: float) -> bool:
        """False if it is not due."""
        if self.running is None:
            if now_s < self.due_s:
                return False
            self.due_s, self.running = now_s + self.every_s, self.make()
        try:
            next(self.running)
        except StopIteration:
            self.running = None
        return True


class AlertsPart:
    """`Part` of the desk. `database` is its own connection, for writing."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        prefix: str,
        say: Callable[[str], None],
        webhooks: Sequence[Webhook] = (),
    ) -> None:
        stamper = Stamper(UTC)
        self._clock = clock
        self._say = say
        self._records = Records(database, clock, stamper)
        self._jobs = Jobs(database, clock, stamper, self._records)
        self._notices = Notices(database, clock, self._records, prefix=prefix, webhooks=webhooks, say=say)
        self._sweep = _Turn(self._jobs.sweep, SWEEP_S)
        self._turns = [
            _Turn(self._jobs.changed, 0.0),
            _Turn(self._jobs.written, WRITTEN_S),
            _Turn(self._jobs.state, STATE_S),
            _Turn(self._jobs.closing, WRITTEN_S),
            _Turn(self._jobs.transfers, TRANSFERS_S),
            _Turn(self._jobs.forgetting, FORGET_S),
            self._sweep,
        ]
        self._crowded_said = 0

    @property
    def topics(self) -> Sequence[str]:
        return ["+/alert/+"]

    def receive(self, message: Message) -> list[Publish]:
        if message.topic.split("/")[-2:-1] == ["alert"]:
            self._notices.heard(message.payload)
        return []

    def connected(self) -> list[Publish]:
        self._notices.connected()
        return []

    def tick(self) -> list[Publish]:
        end_s = self._clock.now_s() + TICK_S_MAX
        if self._jobs.rules_changed():
            self._sweep.running, self._sweep.due_s = None, float("-inf")
        turns = list(self._turns)
        while turns:
            turns = [one for one in turns if one.slice(self._clock.now_s()) and one.running is not None]
            if self._clock.now_s() >= end_s:
                self._turns.append(self._turns.pop(0))  # nobody is last for ever
                break
        if self._records.crowded > self._crowded_said:
            self._say(f"{self._records.crowded} alerts found no room: close some, or raise thresholds")
            self._crowded_said = self._records.crowded * 2
        return self._notices.tick(self._jobs.rules)

    def close(self) -> None:
        self._notices.close()
