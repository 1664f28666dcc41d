"""Which parts a desk runs."""

from __future__ import annotations

from collections.abc import Sequence

from headoffice.alerts.part import AlertsPart
from headoffice.alerts.webhook import Webhook
from headoffice.commands import Commands
from headoffice.desk_parts import Builder, Surroundings
from headoffice.part import Part


def builders(webhooks: Sequence[Webhook]) -> tuple[Builder, ...]:
    """`webhooks` outlive the parts, which are made again when the database was lost."""

    def alerts(around: Surroundings) -> Part:
        return AlertsPart(around.open(), around.clock, prefix=around.prefix, say=around.say, webhooks=webhooks)

    def commands(around: Surroundings) -> Part:
        return Commands(around.open(), around.clock, prefix=around.prefix, say=around.say)

    return (alerts, commands)
