"""Items into the tables: which revision wins, which code is taken, in transactions of bounded size.

An item is taken as a whole or refused as a whole: what the catalogue knew of a refused item stays as it was.

    incoming revision   stored content      what happens
    lower               any                 stale: ignored and counted
    equal               the same            unchanged
    equal, 1 or more    another             refused: two contents under one number
    equal               deleted, or rev. 0  replaced
    higher              any                 replaced

A code that another SKU holds is refused. Since that SKU may give it up further on (an article was renumbered), such
items are tried once more at the end.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from enum import Enum, auto
from itertools import islice
from typing import Any, NamedTuple, Protocol

import orjson

from agent.catalogue.report import Reason, Refusal, Report
from agent.catalogue.search import search_text
from contract.catalog import Item, Loc, path_text

ITEMS_MAX = 1_000_000  # deleted ones included: their revisions are remembered
BATCH_ITEMS_MAX = 500
DEFERRED_ITEMS_MAX = 1_000

Transaction = Callable[[], AbstractContextManager[sqlite3.Connection]]


class Origin(Protocol):
    """Where an item came from: gives line and column of a place in it."""

    def place(self, loc: Loc) -> tuple[int | None, str]: ...


class Wire:
    """Items without a file: the path is all there is to say."""

    def place(self, loc: Loc) -> tuple[int | None, str]:
        return None, path_text(loc)


class Entry(NamedTuple):
    item: Item
    origin: Origin


class Refused(NamedTuple):
    """An item or a line that its reader has refused already."""

    refusals: tuple[Refusal, ...]


class Outcome(Enum):
    ADDED = auto()
    CHANGED = auto()
    DELETED = auto()
    UNCHANGED = auto()
    STALE = auto()
    REFUSED = auto()


class Stored(NamedTuple):
    id: int
    revision: int
    deleted: int
    body: str


class Loader:
    """One run over many items. With `once` a SKU that comes a second time is refused: a file has each once."""

    def __init__(self, transaction: Transaction, report: Report, *, once: bool) -> None:
        self._transaction = transaction
        self._report = report
        self._seen = bytearray() if once else None  # a bit for each item id: ids are dense, nothing is ever removed
        self._deferred: list[Entry] = []
        self._last = False

    def run(self, entries: Iterable[Entry | Refused], after_batch: Callable[[], None]) -> None:
        for batch in _batches(entries):
            self._put(batch)
            after_batch()
        self._last = True
        for batch in _batches(self._deferred):
            self._put(batch)
        after_batch()

    def _put(self, batch: Sequence[Entry | Refused]) -> None:
        with self._transaction() as connection:
            before = connection.execute("SELECT items, revision FROM state").fetchone()
            step = _Step(connection, self._seen, items=before[0], revision=before[1])
            results = [part if isinstance(part, Refused) else step.put(part) for part in batch]
            connection.execute("UPDATE state SET items = ?, revision = ?", (step.items, step.revision))
        for part, result in zip(batch, results, strict=True):
            self._count(part, result)

    def _count(self, part: Entry | Refused, result: Outcome | Refused) -> None:
        report = self._report
        if isinstance(result, Refused):
            conflict = any(refusal.reason is Reason.CONFLICT for refusal in result.refusals)
            if conflict and isinstance(part, Entry) and not self._last and len(self._deferred) < DEFERRED_ITEMS_MAX:
                self._deferred.append(part)
                return
            report.refuse(result.refusals)
            return
        report.read += 1
        name = result.name.lower()
        setattr(report, name, getattr(report, name) + 1)


def _batches(entries: Iterable[Entry | Refused]) -> Iterator[list[Entry | Refused]]:
    rest = iter(entries)
    while batch := list(islice(rest, BATCH_ITEMS_MAX)):
        yield batch


class _Step:
    """The statements of one transaction."""

    def __init__(self, connection: sqlite3.Connection, seen: bytearray | None, *, items: int, revision: int) -> None:
        self._run = connection.execute
        self._seen = seen
        self.items = items
        self.revision = revision
        self._next = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM item").fetchone()[0]

    def put(self, entry: Entry) -> Outcome | Refused:
        item = entry.item
        row = self._run("SELECT id, revision, deleted, body FROM item WHERE sku = ?", (item.sku,)).fetchone()
        stored = None if row is None else Stored(*row)
        if stored is not None and self._was_seen(stored.id):
            return _refused(entry, ("sku",), item.sku, Reason.DUPLICATE, "this SKU stood in the file before")
        body = stored.body if stored is not None and item.deleted else item_body(item)
        outcome = _verdict(stored, item, body)
        if outcome is Outcome.REFUSED:
            text = f"revision {item.revision} is known with another content: a change needs a higher revision"
            return _refused(entry, ("revision",), str(item.revision), Reason.REVISION, text)
        if outcome in {Outcome.STALE, Outcome.UNCHANGED}:
            assert stored is not None
            self._mark(stored.id)
            return outcome
        conflicts = () if item.deleted else tuple(self._conflicts(entry, None if stored is None else stored.id))
        if conflicts:
            return Refused(conflicts)
        return self._write(entry, stored, body) or outcome

    def _write(self, entry: Entry, stored: Stored | None, body: str) -> Refused | None:
        item = entry.item
        if stored is None:
            number = self._next
            if number > ITEMS_MAX:
                return _refused(entry, ("sku",), item.sku, Reason.LIMIT, f"the catalogue holds {ITEMS_MAX} items")
            row = (number, item.sku, item.revision, int(item.deleted), body)
            self._run("INSERT INTO item VALUES (?, ?, ?, ?, ?)", row)
            self._next += 1
        else:
            number = stored.id
            self.forget(stored)
            change = (item.revision, int(item.deleted), body, number)
            self._run("UPDATE item SET revision = ?, deleted = ?, body = ? WHERE id = ?", change)
        if not item.deleted:
            self._index(number, item)
        self.revision = max(self.revision, item.revision)
        self._mark(number)
        return None

    def _index(self, number: int, item: Item) -> None:
        for row in item.gtins:
            self._run("INSERT INTO code VALUES (?, ?, ?)", (int(row.gtin), number, row.units))
        for text in item.item_numbers:
            self._run("INSERT INTO item_number VALUES (?, ?)", (text, number))
        codes = [*(row.gtin for row in item.gtins), *item.item_numbers]
        text = search_text(item.sku, item.name.ko, item.name.en, codes)
        self._run("INSERT INTO words VALUES (?, ?)", (number, text))
        self.items += 1

    def forget(self, stored: Stored) -> None:
        """Take a live item's codes and search text out of the indexes; its row stays."""
        if stored.deleted:
            return
        body = orjson.loads(stored.body)
        for row in body.get("gtins", ()):
            self._run("DELETE FROM code WHERE gtin = ?", (int(row["gtin"]),))
        for text in body.get("item_numbers", ()):
            self._run("DELETE FROM item_number WHERE number = ?", (text,))
        self._run("DELETE FROM words WHERE item = ?", (stored.id,))
        self.items -= 1

    def _conflicts(self, entry: Entry, own: int | None) -> Iterator[Refusal]:
        by_gtin = "SELECT item FROM code WHERE gtin = ?"
        by_number = "SELECT item FROM item_number WHERE number = ?"
        item = entry.item
        wanted = [(by_gtin, int(row.gtin), ("gtins", at, "gtin"), row.gtin) for at, row in enumerate(item.gtins)]
        numbers = [(by_number, text, ("item_numbers", at), text) for at, text in enumerate(item.item_numbers)]
        for sql, key, loc, found in (*wanted, *numbers):
            holder = self._run(sql, (key,)).fetchone()
            if holder is not None and holder[0] != own:
                sku = self._run("SELECT sku FROM item WHERE id = ?", holder).fetchone()[0]
                text = f"belongs to SKU {sku}: one code cannot mean two things"
                yield from _refused(entry, loc, found, Reason.CONFLICT, text).refusals

    def _was_seen(self, number: int) -> bool:
        seen = self._seen
        return seen is not None and number >> 3 < len(seen) and bool(seen[number >> 3] & (1 << (number & 7)))

    def _mark(self, number: int) -> None:
        if self._seen is None:
            return
        at = number >> 3
        if at >= len(self._seen):
            self._seen.extend(bytes(at + 1 - len(self._seen)))
        self._seen[at] |= 1 << (number & 7)


def _verdict(stored: Stored | None, item: Item, body: str) -> Outcome:
    if stored is None:
        return Outcome.DELETED if item.deleted else Outcome.ADDED
    if item.revision < stored.revision:
        return Outcome.STALE
    if item.revision == stored.revision:
        if bool(stored.deleted) == item.deleted and body == stored.body:
            return Outcome.UNCHANGED
        if item.revision > 0 and not stored.deleted:
            return Outcome.REFUSED
    if item.deleted:
        return Outcome.DELETED
    return Outcome.ADDED if stored.deleted else Outcome.CHANGED


def item_body(item: Item) -> str:
    """What is kept of an item beside its columns: JSON without defaults, the same text for the same content.

    By hand, since comparing with defaults took the model's own dump longer than all statements of an item.
    """
    body: dict[str, Any] = {"name": _given(ko=item.name.ko, en=item.name.en)}
    if item.gtins:
        body["gtins"] = [{"gtin": row.gtin, "units": row.units, "level": row.level} for row in item.gtins]
    if item.item_numbers:
        body["item_numbers"] = item.item_numbers
    if item.base_unit != "each":
        body["base_unit"] = item.base_unit
    if item.tracking != "quantity":
        body["tracking"] = item.tracking
    price, thresholds = item.price, item.thresholds
    if price is not None:
        body["price"] = {"amount_minor": price.amount_minor, "currency": price.currency, "per_units": price.per_units}
    if thresholds is not None:
        body["thresholds"] = _given(min=thresholds.min, max=thresholds.max)
    if item.category is not None:
        body["category"] = item.category
    return orjson.dumps(body).decode()


def _given(**members: object) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}


def _refused(entry: Entry, loc: Loc, found: str, reason: Reason, text: str) -> Refused:
    line, column = entry.origin.place(loc)
    return Refused((Refusal(line, column, found, reason, text, entry.item.sku),))


def delete(connection: sqlite3.Connection, sku: str) -> bool:
    """Mark an item deleted at the revision it has. False if there is none or it is deleted already."""
    row = connection.execute("SELECT id, revision, deleted, body FROM item WHERE sku = ?", (sku,)).fetchone()
    if row is None or row[2]:
        return False
    stored = Stored(*row)
    before = connection.execute("SELECT items FROM state").fetchone()
    step = _Step(connection, None, items=before[0], revision=0)
    step.forget(stored)
    connection.execute("UPDATE item SET deleted = 1 WHERE id = ?", (stored.id,))
    connection.execute("UPDATE state SET items = ?", (step.items,))
    return True
