"""The catalogue as the agent uses it: look-ups from any thread, writing from one at a time.

Every look-up borrows a reading connection from a small stock and gives it back, so memory does not grow with the
number of threads. Nothing is cached above SQLite's own pages: a look-up takes some microseconds, and an answer that is
out of date (another process has imported) would be a wrong quantity in stock.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import orjson

from agent.catalogue import load, schema, search
from agent.catalogue.errors import DAMAGED_HINT, CatalogueCorrupt, translated, translation
from agent.catalogue.report import Report
from contract.catalog import Item, ItemRefused, parse_item

READER_CACHE_KIB = 256  # the kernel's page cache holds the file anyway, and does not count as ours
WRITER_CACHE_KIB = 256
FILE_CACHE_KIB = 8 * 1024  # while a file comes in, given back afterwards
READERS_KEPT_MAX = 4
SEARCH_ITEMS_MAX = 100
SQLITE_FILES = ("", "-wal", "-shm")

_BY_CODE = "SELECT item.sku, code.units, item.revision FROM code JOIN item ON item.id = code.item WHERE code.gtin = ?"
_BY_ITEM_NUMBER = (
    "SELECT item.sku, 1, item.revision FROM item_number JOIN item ON item.id = item_number.item WHERE number = ?"
)
_LIVE_SKU = "SELECT sku FROM item WHERE sku = ? AND deleted = 0"
_ITEM = "SELECT sku, revision, deleted, body FROM item WHERE sku = ?"


class Hit(NamedTuple):
    """What a code means: the SKU, how many base units one such package holds, the item's revision."""

    sku: str
    units: int
    revision: int


class Catalogue:
    """Opens or creates the file. Raises `CatalogueCorrupt` or `CatalogueUnavailable`, as every method may."""

    def __init__(self, path: Path) -> None:
        self._path = path
        schema.prepare(path)
        with translated(path):
            self._writer = schema.connect(path, cache_kib=WRITER_CACHE_KIB, write=True)
        self._writing = Lock()
        self._readers: deque[sqlite3.Connection] = deque()
        self._closed = False

    def close(self) -> None:
        """Close what is idle; a reader in another thread's hands is closed when it comes back."""
        self._closed = True
        while self._readers:
            self._readers.pop().close()
        with self._writing:
            self._writer.close()

    def by_code(self, gtin14: str) -> Hit | None:
        """What a GTIN of 14 digits means here; None if unknown or deleted. ValueError if it has not 14 digits."""
        if len(gtin14) != 14 or not (gtin14.isascii() and gtin14.isdigit()):
            raise ValueError(f"{gtin14!r} is not 14 digits")
        row = self._row(_BY_CODE, (int(gtin14),))
        return None if row is None else Hit(*row)

    def by_item_number(self, number: str) -> Hit | None:
        """What an in-store item number means, leading zeros included; `units` is 1, the label has the quantity."""
        row = self._row(_BY_ITEM_NUMBER, (number,)) if number.isascii() else None
        return None if row is None else Hit(*row)

    def lookup(self, key: str) -> str | None:
        """The SKU of `gtin:…`, `item:…` or `code:…` (`identity.values.Lookup`).

        Any other text is an SKU or an item number as printed. Where it is both, of two items, it is neither.
        """
        sort, _, text = key.partition(":")
        if sort == "gtin":
            hit = self.by_code(text)
        elif sort == "item":
            hit = self.by_item_number(text)
        else:
            hit = self.by_item_number(text)
            row = self._row(_LIVE_SKU, (text,)) if text.isascii() else None
            if row is not None:
                return None if hit is not None and hit.sku != row[0] else str(row[0])
        return None if hit is None else hit.sku

    def item(self, sku: str) -> Item | None:
        """The item; one that was deleted keeps its last names here, `deleted` set, since stock may be left of it."""
        row = self._row(_ITEM, (sku,)) if sku.isascii() else None
        return None if row is None else self._item(row)

    def search(self, text: str, limit: int) -> list[Item]:
        """At most `limit` (1 to 100) live items in whose SKU, names, initials or codes every word of `text` occurs.

        Best first: the SKU or code as typed, then what begins so. Reads all search texts: some ten milliseconds
        for 200,000 items, so not for an event loop's thread.
        """
        if not 1 <= limit <= SEARCH_ITEMS_MAX:
            raise ValueError(f"limit is {limit}, expected 1 to {SEARCH_ITEMS_MAX}")
        words = search.words(text)
        if not words:
            return []
        rows = self._rows(search.statement(len(words)), (*words, limit))
        found = (self.item(row[0]) for row in rows)
        return [item for item in found if item is not None and not item.deleted]

    def count(self) -> int:
        """Live items."""
        return self._state("items")

    def revision(self) -> int:
        """The highest revision ever held. Items may still be missing below it: see `synced`."""
        return self._state("revision")

    def synced(self) -> int:
        """The revision up to which head office's answers have come in completely; where to ask on from."""
        return self._state("synced")

    def set_synced(self, revision: int) -> None:
        with self._transaction() as connection:
            connection.execute("UPDATE state SET synced = ?", (revision,))

    def upsert_many(self, items: Iterable[Item]) -> Report:
        """Take items in, in transactions of up to 500; each whole or not at all (`load.py` has the rules)."""
        wire = load.Wire()
        report = Report()
        self.load((load.Entry(item, wire) for item in items), report, once=False)
        return report

    def load(
        self,
        entries: Iterable[load.Entry | load.Refused],
        report: Report,
        *,
        once: bool,
        after_batch: Callable[[], None] = lambda: None,
    ) -> None:
        """`upsert_many` for readers of files: counts into `report`, calls back after every transaction.

        With `once` an SKU that comes a second time is refused.
        """
        loader = load.Loader(self._transaction, report, once=once)
        if not once:
            loader.run(entries, after_batch)
            return
        self._cache(FILE_CACHE_KIB)
        try:
            loader.run(entries, after_batch)
        finally:
            self._cache(WRITER_CACHE_KIB)

    def delete(self, sku: str) -> bool:
        """Delete an item at the revision it has, and free its codes. False if there is no such live item."""
        with self._transaction() as connection:
            return load.delete(connection, sku)

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        with self._writing, translated(self._path):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except orjson.JSONDecodeError as error:
                raise self._damaged(str(error)) from error
            finally:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")

    def _cache(self, kib: int) -> None:
        with self._writing, translated(self._path):
            self._writer.execute(f"PRAGMA cache_size = -{kib}")
            if kib < FILE_CACHE_KIB:
                self._writer.execute("PRAGMA shrink_memory")

    def _state(self, column: str) -> int:
        row = self._row(f"SELECT {column} FROM state", ())  # noqa: S608 - our own column names
        if row is None:
            raise self._damaged("its state is gone")
        return int(row[0])

    def _row(self, sql: str, parameters: tuple[object, ...]) -> tuple[Any, ...] | None:
        rows = self._rows(sql, parameters)
        return rows[0] if rows else None

    def _rows(self, sql: str, parameters: tuple[object, ...]) -> list[Any]:
        try:
            connection = self._readers.pop()
        except IndexError:
            connection = self._reader()
        try:
            return connection.execute(sql, parameters).fetchall()
        except sqlite3.DatabaseError as error:
            ours = translation(error, self._path)
            if ours is None:
                raise
            raise ours from error
        finally:
            if self._closed or len(self._readers) >= READERS_KEPT_MAX:
                connection.close()
            else:
                self._readers.append(connection)

    def _reader(self) -> sqlite3.Connection:
        if self._closed:
            raise ValueError("the catalogue is closed")
        with translated(self._path):
            return schema.connect(self._path, cache_kib=READER_CACHE_KIB, write=False)

    def _item(self, row: tuple[Any, ...]) -> Item:
        sku, revision, deleted, body = row
        try:
            return parse_item({**orjson.loads(body), "sku": sku, "revision": revision, "deleted": bool(deleted)})
        except (orjson.JSONDecodeError, ItemRefused) as error:
            raise self._damaged(f"SKU {sku}: {error}") from error

    def _damaged(self, what: str) -> CatalogueCorrupt:
        return CatalogueCorrupt(f"the catalogue {self._path} is damaged: {what}", hint=DAMAGED_HINT)


def set_aside(path: Path, mark: str) -> Path:
    """Rename a closed catalogue's files to `<name>.<mark>…` for whoever wants to look; returns the new main file."""
    target = path.with_name(f"{path.name}.{mark}")
    for suffix in SQLITE_FILES:
        source = path.with_name(path.name + suffix)
        if source.exists():
            source.replace(target.with_name(target.name + suffix))
    return target
