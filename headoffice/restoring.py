"""`ask/restore`: a store fetches its events back, a page a time, from what head office has stored.

A store asks for its own alone: which one it is says the topic.
"""

from __future__ import annotations

from typing import Any

import orjson

from contract.messages import MESSAGE_EVENTS_MAX, MESSAGE_SIZE_BYTES_MAX, AskRestore
from headoffice.database import Database
from headoffice.storing import Storage

PAGE_SIZE_BYTES_MAX = MESSAGE_SIZE_BYTES_MAX - 1024  # room for the page's own members


class Restores:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def page(self, store: str, ask: AskRestore) -> dict[str, Any]:
        """As `RestorePage`."""
        with self._storage.moment():
            return self._found(store, ask)

    def _found(self, store: str, ask: AskRestore) -> dict[str, Any]:
        database, held = self._storage.database, self._storage.position(store)
        log = ask.log or (held[0].log if held else None)
        if held is None or log is None:
            return {"id": ask.id, "head": 0, "events": [], **({"log": log} if log else {})}
        page: dict[str, Any] = {"id": ask.id, "log": log, "head": 0, "followed": held[0].log, "events": []}
        newest = database.rows(
            "SELECT seq, hash FROM event WHERE store = ? AND log = ? ORDER BY seq DESC LIMIT 1", (store, log)
        )
        if newest:
            page["head"], page["hash"] = newest[0]
            key = held[1] if log == held[0].log else _last_key(database, store, log)
            page |= {"key": key} if key else {}
            page["events"] = _events(database, store, log, ask.seq or _begin(database, store, log, newest[0][0]))
        return page


def _begin(database: Database, store: str, log: str, head: int) -> int:
    """The newest opening that is complete; 1 is as good as the first event."""
    rows = database.rows(
        "SELECT MAX(seq) FROM opening WHERE store = ? AND log = ? AND seq + parts - 1 <= ?", (store, log, head)
    )
    return rows[0][0] or 1


def _events(database: Database, store: str, log: str, seq: int) -> list[orjson.Fragment]:
    """That follow each other, as the store wrote them."""
    rows = database.rows(
        "SELECT seq, body FROM event WHERE store = ? AND log = ? AND seq >= ? ORDER BY seq LIMIT ?",
        (store, log, seq, MESSAGE_EVENTS_MAX),
    )
    found, size = list[orjson.Fragment](), 0
    for number, (at, body) in enumerate(rows):
        size += len(body) + 1
        if at != rows[0][0] + number or size > PAGE_SIZE_BYTES_MAX:
            break
        found.append(orjson.Fragment(bytes(body)))
    return found


def _last_key(database: Database, store: str, log: str) -> str | None:
    """Of a log that was left."""
    changed = database.rows(
        "SELECT next FROM key_change WHERE store = ? AND log = ? ORDER BY seq DESC LIMIT 1", (store, log)
    )
    if changed:
        return str(changed[0][0])
    first = database.rows("SELECT body FROM event WHERE store = ? AND log = ? ORDER BY seq LIMIT 1", (store, log))
    key = orjson.loads(first[0][0])["data"].get("key")
    return str(key) if key else None
