"""Which parts a desk runs."""

from __future__ import annotations

from collections.abc import Sequence

from headoffice.alerts.part import AlertsPart
from headoffice.alerts.webhook import Webhook
from headoffice.checks.levels import Levels
from headoffice.checks.part import ChecksPart, Times
from headoffice.commands import Commands
from headoffice.desk_parts import Builder, Surroundings
from headoffice.mqtt import Broker
from headoffice.part import Part
from headoffice.storages import open_storage


def builders(webhooks: Sequence[Webhook], broker: Broker | None, times: Times) -> tuple[Builder, ...]:
    """`webhooks` outlive the parts, which are made again when the database was lost."""
    checking: list[ChecksPart] = []

    def alerts(around: Surroundings) -> Part:
        return AlertsPart(around.open(), around.clock, prefix=around.prefix, say=around.say, webhooks=webhooks)

    def commands(around: Surroundings) -> Part:
        return Commands(around.open(), around.clock, prefix=around.prefix, say=around.say)

    def checks(around: Surroundings) -> Part:
        for one in checking:  # of before: it may still listen
            one.close()

        def hear(store: str) -> Levels:
            assert broker is not None, "parts run behind a broker"
            return Levels(broker, store, prefix=around.prefix, clock=around.clock, say=around.say)

        storage = open_storage(around.target, read_only=True)
        part = ChecksPart(
            storage, around.open(), around.clock, prefix=around.prefix, say=around.say, hear=hear, times=times
        )
        checking[:] = [part]
        return part

    return (alerts, checks, commands)
