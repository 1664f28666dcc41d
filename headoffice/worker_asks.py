"""What stores ask of head office: `ask/{verb}`, answered with `answer/{id}`.

A store that asks too fast is not answered, and asks again: who waits for each answer is never as fast as that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from pydantic import ValidationError

from contract.catalog import shown
from contract.messages import Ask, AskResolve, AskRestore
from contract.topics import Topics
from headoffice.catalogue import Items
from headoffice.documents import Pages
from headoffice.part import Publish
from headoffice.restoring import Restores
from headoffice.web.limits import Buckets

ASKS_S = 100.0  # of one store
ASKS_BURST = 200


class Asks:
    def __init__(
        self,
        items: Items,
        documents: Pages,
        restores: Restores,
        prefix: str,
        say: Callable[[str], None],
        now_s: Callable[[], float],
    ) -> None:
        self._items = items
        self._documents = documents
        self._restores = restores
        self._prefix = prefix
        self._say = say
        self._now_s = now_s
        self._pace = Buckets(ASKS_S, ASKS_BURST)

    def answer(self, store: str, verb: str, payload: bytes) -> list[Publish]:
        if self._pace.wait_s(store, self._now_s()):
            return []
        try:
            found = self._answered(store, verb, payload)
        except ValidationError as error:
            self._say(f"{store}: an ask/{verb} that is none: {error.errors()[0]['msg']}")
            return []
        if found is None:
            return []
        return [Publish(Topics(store, self._prefix).answer(found["id"]), orjson.dumps(found), retain=False)]

    def _answered(self, store: str, verb: str, payload: bytes) -> dict[str, Any] | None:
        """None for what this head office does not answer. Raises ValidationError."""
        if verb == "resolve" and self._items.some():
            code = AskResolve.model_validate_json(payload)
            items = self._items.having(code.gtin)
            self._say(f"{store}: takes code {shown(code.gtin or code.text or '-')} for {code.sku or 'nothing yet'}")
            return {"id": code.id, "items": items}
        if verb == "catalog" and self._items.some():
            ask = Ask.model_validate_json(payload)
            return {"id": ask.id, **self._items.page(store, ask.since, ask.page)}
        if verb == "expected":
            ask = Ask.model_validate_json(payload)
            return {"id": ask.id, **self._documents.page(store, ask.since, ask.page)}
        if verb == "restore":
            return self._restores.page(store, AskRestore.model_validate_json(payload))
        return None
