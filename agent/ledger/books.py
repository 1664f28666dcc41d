"""The books in the writer's transaction: looked up when asked, changed in memory, written by `flush`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import orjson

from agent.operations.books import Record
from contract.canonical import canonical

RECORDS_HELD_MAX = 20_000
_PUT = "INSERT INTO book (book, key, body) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body"
_DROP = "DELETE FROM book WHERE book = ? AND key = ?"
_UNDER = "SELECT key, body FROM book WHERE book = ? AND key >= ? AND key < ? ORDER BY key"
_LAST = "\U0010ffff"  # behind every character of a key


class LedgerBooks:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._held: dict[tuple[str, str], Record | None] = {}
        self._changed: set[tuple[str, str]] = set()

    def get(self, book: str, key: str) -> Record | None:
        place = book, key
        if place in self._held:
            return self._held[place]
        row = self._connection.execute("SELECT body FROM book WHERE book = ? AND key = ?", place).fetchone()
        found: Record | None = orjson.loads(row[0]) if row else None
        self._held[place] = found
        return found

    def put(self, book: str, key: str, record: Record | None) -> None:
        self._held[book, key] = record
        self._changed.add((book, key))

    def under(self, book: str, prefix: str = "") -> Iterator[tuple[str, Record]]:
        found: dict[str, Record | None] = dict(read_book(self._connection, book, prefix))
        found.update(
            {key: self._held[one, key] for one, key in self._changed if one == book and key.startswith(prefix)}
        )
        for key in sorted(found):
            record = found[key]
            if record is not None:
                yield key, record

    def changed(self, book: str) -> set[str]:
        """Keys of a book that changed since the last flush."""
        return {key for one, key in self._changed if one == book}

    def flush(self) -> None:
        puts = [(*place, body_of(record)) for place in self._changed if (record := self._held[place]) is not None]
        drops = [place for place in self._changed if self._held[place] is None]
        if puts:
            self._connection.executemany(_PUT, puts)
        if drops:
            self._connection.executemany(_DROP, drops)
        self._changed.clear()
        if len(self._held) > RECORDS_HELD_MAX:
            self._held.clear()

    def rollback(self) -> None:
        self._changed.clear()
        self._held.clear()


def body_of(record: Record) -> str:
    """The row: canonical, so that a rebuild gives the same bytes."""
    return canonical(record).decode()


def read_book(connection: sqlite3.Connection, book: str, prefix: str = "") -> Iterator[tuple[str, Record]]:
    for key, body in connection.execute(_UNDER, (book, prefix, prefix + _LAST)):
        yield key, orjson.loads(body)
