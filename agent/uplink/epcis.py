"""Events as EPCIS documents, on the topic `epcis`: one document before each event message, with the same events.

Before it, because then nothing is lost over a restart: what a consumer acknowledges of an event message, the broker has
had the document of. A message that is sent again brings its document again; the ids of EPCIS events stay, so twice is
once in effect. Who must be sure of every document is one of `uplink.consumers`, and acknowledges `jaego:seq`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from agent.catalogue import Catalogue
from agent.ledger.reader import Reader
from contract.epcis import EpcisNames, Item, Master, Unmappable, document, item_of, to_epcis

TIMES_EVENTS = 4  # a document is at most about so many times as large as its events


class EpcisDocuments:
    """In the link's thread only."""

    def __init__(
        self, names: EpcisNames, catalogue: Catalogue, reader: Reader, say: Callable[[str, str], None]
    ) -> None:
        def item(sku: str) -> Item | None:
            return item_of(catalogue.item(sku))

        self._master = Master(names, item)
        self._reader = reader
        self._say = say

    def of(self, bodies: Sequence[bytes]) -> bytes | None:
        """The payload for consecutive events as they are stored; None where none of them has a meaning in EPCIS."""
        events = [orjson.loads(body) for body in bodies]
        found = [part for event in events for part in self._mapped(event)]
        if not found:
            return None
        return orjson.dumps(document(found, self._master.names, events[-1]["recorded_at"]))

    def _mapped(self, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        try:
            return to_epcis(event, self._master, self._find)
        except Unmappable as error:
            self._say("epcis", f"event {event['seq']} is no EPCIS event: {error}")
            return []

    def _find(self, seq: int) -> Mapping[str, Any] | None:
        rows = self._reader.events(seq, 1)
        return orjson.loads(rows[0][2]) if rows and rows[0][0] == seq else None
