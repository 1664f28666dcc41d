"""Projections made again from the events: after a release that folds otherwise, or by hand.

A store is one transaction, in which nobody moves its position: whoever reads sees the old tables or the new ones, and
a rebuild that was broken off goes on with the stores that are left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import orjson

from contract.stock import StockError, StockKey, event_deltas
from headoffice import projecting
from headoffice.folding import VERSION, Fold
from headoffice.storing import Storage, Written
from headoffice.taken import Accepted

REBUILDING = 0x6A6165676F02  # advisory lock; it goes with its session
FOLD_EVENTS = 2_000  # that are written together: memory is bounded by what they change


def stale(storage: Storage) -> list[str]:
    """Stores whose projections were made by other rules than this release's."""
    rows = storage.database.rows(
        "SELECT position.store FROM position LEFT JOIN projection ON projection.store = position.store "
        "WHERE version IS NULL OR version <> ? ORDER BY position.store",
        (VERSION,),
    )
    return [row[0] for row in rows]


def bring_up(storage: Storage, say: Callable[[str], None]) -> None:
    """Rebuild what is of another release. Of workers that start together one does it, and the others wait for it."""
    if not stale(storage):
        return
    shared = storage.database.dialect == "postgres"
    if shared:
        storage.database.rows("SELECT pg_advisory_lock(?)", (REBUILDING,))
    rebuild(storage, stale(storage), say)
    if shared:
        storage.database.rows("SELECT pg_advisory_unlock(?)", (REBUILDING,))


def rebuild(storage: Storage, stores: Sequence[str], say: Callable[[str], None]) -> int:
    """How many events were folded. Says how far it is about a hundred times."""
    database, events = storage.database, 0
    for number, store in enumerate(stores, start=1):
        events += _rebuild(storage, store)
        if number % max(1, len(stores) // 100) == 0 or number == len(stores):
            say(f"projections made again from the events: {number} of {len(stores)} stores, {events} events")
    newest = database.rows("SELECT COALESCE(MAX(at_us), 0) FROM position")[0][0]
    with database.transaction():
        projecting.forget_old_sales(database, newest)
    return events


def _rebuild(storage: Storage, store: str) -> int:
    with storage.database.transaction():
        hold(storage, store)
        return make_again(storage, store)


def hold(storage: Storage, store: str) -> None:
    """Nobody moves the store's position before the caller's transaction ends. SQLite has one writer anyhow."""
    if storage.database.dialect == "postgres":
        storage.database.rows("SELECT seq FROM position WHERE store = ? FOR UPDATE", (store,))


def make_again(storage: Storage, store: str) -> int:
    """In the caller's transaction. How many events were folded."""
    database, events = storage.database, 0
    projecting.clear(database, store)
    fold = _fold(storage, store)
    for log in _logs(storage, store):
        for one in storage.written(store, log):
            fold.take(_accepted(log, one), one.at_us)
            events += 1
            if events % FOLD_EVENTS == 0:
                projecting.write(database, [fold])
                fold = _fold(storage, store)
    projecting.write(database, [fold])
    projecting.mark(database, store)
    return events


def _fold(storage: Storage, store: str) -> Fold:
    return Fold(store, projecting.StoreBooks(storage.database, store))


def _logs(storage: Storage, store: str) -> Iterator[str]:
    """The logs of a store, each after the one that it grows from."""
    parents: dict[str, str | None] = {}
    for extent in storage.extents(store):
        opening = orjson.loads(next(storage.written(store, extent.log, extent.first, extent.first)).body)
        parent = opening["data"]["parent"]
        parents[extent.log] = parent["log"] if parent else None
    known: set[str] = set()
    while len(known) < len(parents):
        ready = [
            log for log, parent in parents.items() if log not in known and (parent not in parents or parent in known)
        ]
        for log in ready or [log for log in parents if log not in known]:
            known.add(log)
            yield log


def _accepted(log: str, one: Written) -> Accepted:
    event = orjson.loads(one.body)
    deltas: tuple[tuple[StockKey, int], ...] = ()
    with suppress(StockError):  # it moves none, as when it came
        deltas = tuple(event_deltas(event))
    return Accepted(log, one.seq, one.type, one.hash, one.body, event, deltas)
