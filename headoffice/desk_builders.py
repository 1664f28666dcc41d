"""Which parts a desk runs."""

from __future__ import annotations

from headoffice.alerts.part import AlertsPart
from headoffice.desk_parts import Builder, Surroundings
from headoffice.part import Part


def alerts(around: Surroundings) -> Part:
    return AlertsPart(around.open(), around.clock, prefix=around.prefix, say=around.say)


BUILDERS: tuple[Builder, ...] = (alerts,)
