"""`jaego identify`: what a label means, with this store's catalogue and templates where a configuration is given."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from identity import Identity, Kind, Template, identify, identify_epc
from identity.describe import describe, line_to_input

if TYPE_CHECKING:
    from agent.catalogue import Catalogue
    from agent.config import Config


class Labels:
    def __init__(self, config: Config | None) -> None:
        self._catalogue: Catalogue | None = None
        self._templates: list[Template] = [one.template() for one in config.in_store] if config else []
        if config is not None:
            from agent.catalogue import Catalogue  # noqa: PLC0415  only with a configuration

            self._catalogue = Catalogue(config.store.state_dir / "catalogue.db")

    def code(self, line: str, *, aim: bool) -> Identity:
        """`<GS>` and `\\\\x1d` stand for the separator. With `aim`, a code without an AIM identifier is refused."""
        text = line_to_input(line)
        if aim and not text.startswith("]"):
            return Identity(text, Kind.REFUSED, reason="no_aim", hint="the code does not begin with an AIM identifier")
        lookup = self._catalogue.lookup if self._catalogue else None
        return self._with_sku(identify(text, lookup=lookup, templates=self._templates))

    def tag(self, line: str) -> Identity:
        return self._with_sku(identify_epc(line.strip()))

    def _with_sku(self, found: Identity) -> Identity:
        if self._catalogue is None or found.sku is not None or found.gtin is None:
            return found
        return replace(found, sku=self._catalogue.lookup(f"gtin:{found.gtin}"))


def as_line(found: Identity) -> str:
    return json.dumps(describe(found), ensure_ascii=False)


def as_text(found: Identity) -> str:
    """What is known, without what is not."""
    parts: dict[str, Any] = {name: value for name, value in describe(found).items() if value not in (None, [])}
    kind, text = parts.pop("kind"), parts.pop("input").replace("\x1d", "<GS>")
    said = (f"{name} {value}" for name, value in parts.items() if name != "ais")
    return f"{text}: {kind}  {', '.join(said)}".rstrip()
