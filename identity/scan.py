"""One call's arguments, carried together so that no function takes seven."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from identity.aim import Symbology
from identity.in_store import Template
from identity.values import Identity, Kind, Lookup


class Scan:
    __slots__ = ("lookup", "symbology", "templates", "text", "year")

    def __init__(
        self, text: str, symbology: Symbology | None, lookup: Lookup | None, templates: Sequence[Template], year: int
    ) -> None:
        self.text = text
        self.symbology = symbology
        self.lookup = lookup
        self.templates = templates
        self.year = year

    def sku(self, key: str) -> str | None:
        return self.lookup(key) if self.lookup is not None else None

    def found(self, kind: Kind, **fields: Any) -> Identity:
        name = self.symbology.name if self.symbology is not None else None
        return Identity(self.text, kind, symbology=name, **fields)

    def refused(self, reason: str, hint: str) -> Identity:
        return self.found(Kind.REFUSED, reason=reason, hint=hint)
