"""Repair by replay: what head office holds of a store is made right from its events, and damaged events from the store.

A check writes into the table `mending` from which event on a store's log is to be taken in again; the worker that
takes in the store does it, between two rounds:

    events from there on   are set aside (`event_aside`), the position goes back to the event before them
    projections            are made again from the events that are left

Then the worker acknowledges that position, which is a request for everything after it. An event past the position means
that no event is damaged: only projections are made again. It is one transaction; what was broken off is done again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import NamedTuple

import orjson

from headoffice import keeping, projecting, rebuilding
from headoffice.database import Database
from headoffice.storing import Storage


class Wanted(NamedTuple):
    """`seq` is the first event that is to come again."""

    store: str
    log: str
    seq: int


class Mended(NamedTuple):
    """`tables`: projections that were not as the events say. `error`: why nothing was done."""

    tables: list[str]
    error: str | None


def want(database: Database, store: str, log: str, seq: int, now_us: int) -> None:
    """Ask the store's worker for it; a later wish takes the place of an earlier one."""
    database.write(
        "INSERT INTO mending (store, log, seq, at_us) VALUES (?, ?, ?, ?) ON CONFLICT (store) DO UPDATE SET "
        "log = excluded.log, seq = excluded.seq, at_us = excluded.at_us, done_us = NULL, tables = NULL, error = NULL",
        (store, log, seq, now_us),
    )


def outcome(database: Database, store: str) -> Mended | None:
    """None while it is not done."""
    rows = database.rows("SELECT tables, error FROM mending WHERE store = ? AND done_us IS NOT NULL", (store,))
    return Mended(orjson.loads(rows[0][0] or "[]"), rows[0][1]) if rows else None


def give_up(database: Database, store: str) -> None:
    database.write("DELETE FROM mending WHERE store = ?", (store,))


def tidy(database: Database, store: str) -> None:
    """Forget what is done; of what was set aside only what has not come again stays, which is the damage."""
    with database.transaction():
        database.write("DELETE FROM mending WHERE store = ? AND done_us IS NOT NULL", (store,))
        database.write(
            "DELETE FROM event_aside WHERE store = ? AND EXISTS (SELECT 1 FROM event WHERE "
            "event.store = event_aside.store AND event.log = event_aside.log AND event.seq = event_aside.seq "
            "AND event.body = event_aside.body)",
            (store,),
        )


def waiting(database: Database) -> list[Wanted]:
    rows = database.rows("SELECT store, log, seq FROM mending WHERE done_us IS NULL ORDER BY at_us LIMIT 100")
    return [Wanted(*row) for row in rows]


def mend(storage: Storage, wanted: Wanted, clock: Callable[[], int]) -> Mended:
    """By the worker that takes in the store; all of it or nothing. `clock` gives microseconds since 1970."""
    database, store, tables = storage.database, wanted.store, list[str]()
    try:
        with database.transaction():
            rebuilding.hold(storage, store)
            _set_aside(storage, wanted, clock())
            before = digests(database, store)
            rebuilding.make_again(storage, store)
            projecting.forget_old_sales(database, clock())
            after = digests(database, store)
        tables, error = [name for name in before if before[name] != after[name]], None
    except _Not as found:
        error = str(found)
    except (ValueError, KeyError, TypeError, RuntimeError) as found:  # a log that was left: nobody sends it again
        error = f"the events cannot be folded ({type(found).__name__}: {found}): restore a copy of the database"
    database.write(
        "UPDATE mending SET done_us = ?, tables = ?, error = ? WHERE store = ? AND log = ? AND seq = ?",
        (clock(), orjson.dumps(tables).decode(), error, *wanted),
    )
    return Mended(tables, error)


class _Not(Exception):
    """Why it cannot be done."""


def _set_aside(storage: Storage, wanted: Wanted, now_us: int) -> None:
    """In the caller's transaction. Raises `_Not`."""
    database, (store, log, seq) = storage.database, wanted
    held = storage.position(store)
    if held is None or held[0].log != log:
        raise _Not("the store has begun another log since")
    if seq > held[0].seq:
        return
    before = next(storage.written(store, log, seq - 1, seq - 1), None)
    if before is None:
        raise _Not(f"event {seq} is the first that is left: there is nothing to go on from")
    data = orjson.loads(before.body)["data"]
    part = (data["part"], data["parts"]) if data.get("kind") == "opening" else (0, 0)
    place = (store, log, seq)
    database.write(
        "INSERT INTO event_aside SELECT store, log, seq, type, hash, body, ? FROM event "
        "WHERE store = ? AND log = ? AND seq >= ?",
        (now_us, *place),
    )
    database.write("DELETE FROM event WHERE store = ? AND log = ? AND seq >= ?", place)
    database.write(
        "UPDATE position SET (seq, hash, part, parts, key, at_us) = (?, ?, ?, ?, ?, ?) WHERE store = ?",
        (seq - 1, before.hash, *part, keeping.key_at(database, store, log, seq - 1, held[1]), now_us, store),
    )
    keeping.take_back(database, store, log, seq)


def digests(database: Database, store: str) -> dict[str, str]:
    """Of a store's rows in each projection, in their order; rows of no stock say nothing."""
    return {name: sha256(b"\n".join(_rows(database, name, store))).hexdigest() for name in projecting.PROJECTED}


def _rows(database: Database, table: str, store: str) -> Iterator[bytes]:
    where = " AND quantity <> 0" if table == "stock" else ""
    found = (repr(row).encode() for row in database.rows(f"SELECT * FROM {table} WHERE store = ?{where}", (store,)))
    return iter(sorted(found))
