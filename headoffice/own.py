"""Is what head office has stored what the stores wrote? Reads only, at one moment, in constant memory but for stock.

Shallow: the events of every log are there from the first to the last but for those that were skipped, the position is
the last, and every log grows from the end of another. Deep: every event's bytes, hash, place and signature, and stock
against the fold of events.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from contract.chain import GENESIS, ChainError, check_body
from contract.checkpoint import check_signed
from contract.opening import read_opening
from contract.stock import StockError, StockKey, event_deltas, opening_rows
from headoffice import keys
from headoffice.beginnings import resumption
from headoffice.errors import Damaged
from headoffice.restating import Standing
from headoffice.storing import Extent, Storage
from headoffice.taken import Position

_HINT = "restore a copy of the database; what is newer the stores send again"


def check(database: Storage, store: str, *, deep: bool = False) -> None:
    """Raise `Damaged` with the first place that is not as it was stored."""
    with database.moment():
        extents, held = database.extents(store), database.position(store)
        if held is None:
            if extents:
                raise _damaged(store, extents[0].log, extents[0].last, "there are events, but no position")
            return
        position, known = held[0], keys.of_logs(database.database, store, held[1])
        _check_complete(database, store, extents, position)
        _check_parents(database, store, extents, known)
        if deep:
            for extent in extents:
                standing = folded(database, store, extent.log, known=known)
                if extent.log == position.log:
                    check_stock(database, store, position, standing.stock)


def _check_complete(database: Storage, store: str, extents: list[Extent], position: Position) -> None:
    for log, events, _first, last in extents:
        gone = sum(one.seq_to - one.seq_from + 1 for one in database.skipped(store, log) if one.seq_to < last)
        if events + gone != last:
            missing = database.first_missing(store, log)
            raise _damaged(store, log, missing, f"is missing; {events} of {last - gone} events are there")
    last = next((extent.last for extent in extents if extent.log == position.log), 0)
    if last != position.seq:
        raise _damaged(store, position.log, last + 1, f"is not as the position says, which is event {position.seq}")
    if database.hash_at(store)(position.log, position.seq) != position.hash:
        raise _damaged(store, position.log, position.seq, "has another hash than the position")


def _check_parents(database: Storage, store: str, extents: list[Extent], known: set[str]) -> None:
    """The end of a log that was left is the parent of the next; only the first may name a parent that is not here."""
    ends = {one.log: max([one.last, *(gone.seq_to for gone in database.skipped(store, one.log))]) for one in extents}
    roots = list[str]()
    for log, _events, first, _last in extents:
        body = next(database.written(store, log)).body
        try:
            opening = read_opening(check_body(body, prev=GENESIS if first == 1 else None, seq=first))
        except ChainError as error:
            raise _damaged(store, log, first, str(error)) from error
        if opening is None or opening.part != 1:
            raise _damaged(store, log, first, "is no opening")
        if known and opening.key not in known:
            raise _damaged(store, log, first, f"is signed with the key {opening.key[:12]}…, which is not this store's")
        parent = opening.parent
        if parent is None or parent.log not in ends:
            roots.append(log)
        elif ends[parent.log] != parent.seq or database.hash_at(store)(parent.log, parent.seq) not in (
            parent.hash, None,
        ):  # fmt: skip
            raise _damaged(store, parent.log, parent.seq, f"is not the last of its log, as log {log} says it is")
    if len(roots) > 1:
        raise _damaged(store, roots[-1], 1, f"grows from a log that is not there, and so does log {roots[0]}")


def folded(
    database: Storage, store: str, log: str, *, known: set[str], key: str | None = None, first: int = 1,
    last: int | None = None, prev: str | None = GENESIS, standing: Standing | None = None,
) -> Standing:  # fmt: skip
    """Stock as the stored events say, every one checked; `standing` is what was before `first`. Raises `Damaged`.

    `key` None is that of the log's own opening. `known` keys may sign what comes behind events that were skipped.
    """
    found, skips = standing or Standing(), {one.seq_from: one.seq_to for one in database.skipped(store, log)}
    seq, signed = first, first - 1
    for one in database.written(store, log, first) if last is None else database.written(store, log, first, last):
        if seq in skips:
            seq, prev, key, found.begun = skips[seq] + 1, None, None, False
        try:
            event = check_body(one.body, prev=prev, seq=seq)
            if prev is None:
                resumption(event, known)
            key, signed = check_signed(event, key, signed)
        except ChainError as error:
            raise _damaged(store, log, seq, str(error)) from error
        if (one.hash, one.type, log, store) != (event["hash"], event["type"], event["log"], event["store"]):
            raise _damaged(store, log, seq, "is stored as another event than its bytes say")
        fold(found, event)
        seq, prev = seq + 1, one.hash
    return found


def check_stock(database: Storage, store: str, position: Position, stock: Mapping[StockKey, int]) -> None:
    """Raise `Damaged` if the table of stock is not what the events up to the position sum up to."""
    held = {StockKey(*row[:4]): row.quantity for row in database.stock(store)}
    for key in sorted(held.keys() | stock.keys()):
        if held.get(key, 0) != stock.get(key, 0):
            place = f"{key.sku} {key.zone} {key.lot or '-'} {key.disposition}"
            why = f"stock of {place} is {held.get(key, 0)}, but the events say {stock.get(key, 0)}"
            raise _damaged(store, position.log, position.seq, why)


def _damaged(store: str, log: str, seq: int, why: str) -> Damaged:
    return Damaged(f"head office's data of store {store} is damaged: log {log}, event {seq}: {why}", hint=_HINT)


def fold(standing: Standing, event: dict[str, Any]) -> None:
    """What an event does to stock, as head office counts it."""
    if opening_rows(event) is not None:
        standing.state(event)
        return
    with suppress(StockError):  # it moves none, here as in `ingest`
        standing.add(event_deltas(event))
    standing.begun = True
