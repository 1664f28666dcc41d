"""Stores: how far each is taken in, whether it is there, and how old what head office knows of it is."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import Field

from headoffice import keeping
from headoffice.database import Database
from headoffice.view.paging import Page, Told, Where, cut, place_of, told

SILENT_US = 180_000_000  # `health` comes every 60 s: after three that are missing a store is offline

# Of the tables `p` (position) and `st` (store_state), both left joined. A store that was never heard to say anything
# is judged by its events alone.
HEARD_US = "CASE WHEN COALESCE(st.heard_us, 0) > COALESCE(p.at_us, 0) THEN st.heard_us ELSE COALESCE(p.at_us, 0) END"
ONLINE = f"(CASE WHEN COALESCE(st.state, 'online') = 'online' AND {HEARD_US} >= ? THEN 1 ELSE 0 END)"

KNOWN = (
    "(SELECT store FROM position UNION SELECT store FROM store_state) AS n "
    "LEFT JOIN position AS p ON p.store = n.store LEFT JOIN store_state AS st ON st.store = n.store"
)
OFFLINE = f"SELECT n.store FROM {KNOWN} WHERE {ONLINE} = 0"


class StoreRow(Told):
    store: str
    online: bool = Field(description="it says so, and something came from it within the last 3 minutes")
    state: str | None = Field(description="what it said last: online, stopped, offline; null: nothing yet")
    heard_us: int = Field(description="when anything came from it last")
    log: str | None = Field(description="the log that is followed; null: no event yet")
    seq: int | None = Field(description="taken in up to this event")
    at_us: int | None = Field(description="when that event was stored")
    head: int | None = Field(description="the newest event that the store has told of")
    behind: int | None = Field(description="events that it has and head office has not; null: it has not said")
    version: str | None = Field(description="release of its agent")
    outbox_age_s: int | None = Field(description="age of the oldest event that it has not delivered, as it says")


class StoreHealth(Told):
    store: str
    state_us: int | None
    heard_us: int
    boot: str | None = Field(description="names the run of its agent")
    health_us: int | None = Field(description="when its newest `health` came")
    health: dict[str, Any] | None = Field(description="the newest `health`, as in the contract")


class SkippedRange(Told):
    log: str
    seq_from: int
    seq_to: int
    at_us: int = Field(description="when head office went on behind it; 0: unknown")


class StoreLog(Told):
    """How the log that is followed stands: what the store still has of it, and what nobody has any more."""

    store: str
    log: str
    first: int = Field(description="the oldest event that the store says it still has")
    key: str | None = Field(description="with which it is signed now")
    key_since: int | None = Field(description="from which event on; null: from its first")
    skipped: list[SkippedRange] = Field(
        description="numbers of any of its logs of which head office has no event, and never will; newest first"
    )


SKIPPED_MAX = 20
_COLUMNS = f"""
SELECT n.store, {ONLINE}, st.state, {HEARD_US}, p.log, p.seq, p.at_us, st.head,
    CASE WHEN st.log = p.log THEN CASE WHEN st.head > p.seq THEN st.head - p.seq ELSE 0 END END, st.version, st.health
FROM {KNOWN}"""


def stores(
    database: Database, now_us: int, *, cursor: str | None = None, limit: int = 500, store: str | None = None,
    online: bool | None = None,
) -> Page[StoreRow]:  # fmt: skip
    """By name. A store is known once it has sent anything."""
    where = Where()
    where.given("n.store > ?", place_of(cursor, str)[0] if cursor is not None else None)
    where.given("n.store = ?", store)
    since_us = now_us - SILENT_US
    if online is not None:
        where.add(f"{ONLINE} = ?", since_us, int(online))
    rows = database.rows(f"{_COLUMNS}{where} ORDER BY n.store LIMIT ?", (since_us, *where.values, limit + 1))
    return cut(StoreRow, [(*row[:-1], _age_s(row[-1])) for row in rows], limit, lambda row: (row.store,))


def _age_s(health: str | None) -> int | None:
    found = orjson.loads(health).get("outbox_age_s") if health else None
    return found if isinstance(found, int) else None


def store(database: Database, name: str, now_us: int) -> StoreRow | None:
    found = stores(database, now_us, limit=1, store=name).rows
    return found[0] if found else None


def health(database: Database, name: str) -> StoreHealth | None:
    rows = database.rows(
        "SELECT store, state_us, heard_us, boot, health_us, health FROM store_state WHERE store = ?", (name,)
    )
    if not rows:
        return None
    *head, text = rows[0]
    return told(StoreHealth, [(*head, orjson.loads(text) if text else None)])[0]


def log(database: Database, name: str) -> StoreLog | None:
    """None where nothing is followed."""
    held = database.rows("SELECT log, key FROM position WHERE store = ?", (name,))
    if not held:
        return None
    followed, key = held[0]
    said, first = keeping.oldest(database, name)
    since = database.rows("SELECT MAX(seq) FROM key_change WHERE store = ? AND log = ?", (name, followed))[0][0]
    rows = database.rows(
        "SELECT log, seq_from, seq_to, at_us FROM skipped WHERE store = ? ORDER BY at_us DESC, log, seq_from LIMIT ?",
        (name, SKIPPED_MAX),
    )
    return StoreLog(
        store=name, log=followed, first=first if said == followed else 1, key=key, key_since=since,
        skipped=told(SkippedRange, rows),
    )  # fmt: skip
