"""Projections made again from the latest opening: to the same bytes, or something is wrong with the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from agent.errors import LedgerCorrupt
from agent.ledger import files, places
from agent.ledger.books import body_of
from agent.ledger.schema import KEPT
from agent.ledger.transaction import session_body
from agent.operations import folding, sessions, tags
from agent.operations.books import Folded, MemoryBooks
from agent.operations.values import Session
from contract.stock import StockKey, StockRow, event_deltas, opening_rows
from contract.times import parse_us

Tables = dict[str, list[tuple[Any, ...]]]
_COLUMNS = {
    "stock": "?, ?, ?, ?, ?",
    "session": "?, ?",
    "counted": "?, ?, ?",
    "serial": "?, ?",
    "tag": "?, ?, ?, ?, ?, ?",
    "progress": "?, ?, ?",
    "doubt": "?, ?",
    "book": "?, ?, ?",
}


class _Fold:
    """The projections in memory."""

    def __init__(self) -> None:
        self.stock: dict[StockKey, int] = {}
        self.sessions: dict[str, Session] = {}
        self.counted: set[tuple[str, str, str]] = set()
        self.serials: dict[str, int] = {}
        self.places = places.Fold()
        self.books = MemoryBooks()

    def state(self, event: Mapping[str, Any], rows: Iterable[StockRow]) -> None:
        """One part of an opening: all there is, so far."""
        state = event["data"]["state"]
        self.stock.update({StockKey(*row[:4]): row.quantity for row in rows})
        self.sessions.update({one["station"]: sessions.restored(one) for one in state["sessions"]})
        self.counted.update(tuple(row) for row in state.get("counted", ()))
        self.serials.update(dict(state.get("serials", ())))
        self.places.state(state)
        for book, key, record in state.get("books", ()):
            self.books.put(book, key, record)

    def take(self, event: Mapping[str, Any]) -> None:
        for key, delta in event_deltas(event):
            self.stock[key] = self.stock.get(key, 0) + delta
        sessions.fold(self.sessions, event["type"], event["seq"], event["source"], event["data"])
        if event["type"] == "journal":
            self._take_tags(event["data"])
        self.places.take(event)
        occurred_us, source = parse_us(event["occurred_at"]), event["source"]
        folding.fold(
            self.books, Folded(event["type"], event["seq"], occurred_us, source, event["data"], event["clock"])
        )

    def _take_tags(self, data: Mapping[str, Any]) -> None:
        change = tags.counted_change(data)
        if change is not None:
            session, zone, epcs = change
            if zone is None:
                self.counted = {row for row in self.counted if row[0] != session}
            else:
                self.counted.update((session, zone, epc) for epc in epcs)
        given = tags.serial_change(data)
        if given is not None:
            self.serials[given[0]] = max(given[1], self.serials.get(given[0], 0))

    def tables(self) -> Tables:
        return {
            "stock": sorted((*key, quantity) for key, quantity in self.stock.items() if quantity),
            "session": sorted((name, session_body(session)) for name, session in self.sessions.items()),
            "counted": sorted(self.counted),
            "serial": sorted(self.serials.items()),
            **self.places.tables(),
            "book": [(book, key, body_of(record)) for book, key, record in self.books.rows()],
        }


def fold(bodies: Iterable[bytes]) -> Tables:
    """The projections that these events make, in key order. An opening's first part starts from nothing."""
    return fold_events(map(files.parse, bodies))


def fold_events(events: Iterable[Mapping[str, Any]]) -> Tables:
    """The same for events that are parsed."""
    held = _Fold()
    for event in events:
        stated = opening_rows(event)
        if stated is None:
            held.take(event)
            continue
        if event["data"]["part"] == 1:
            held = _Fold()
        held.state(event, stated)
    return held.tables()


def latest_opening(connection: sqlite3.Connection) -> int:
    """Sequence of part 1 of the newest opening; the first event of a young log."""
    rows = connection.execute(
        f"SELECT seq, body FROM event WHERE type = 'journal' AND instr(body, ?) AND {KEPT} ORDER BY seq DESC",  # noqa: S608
        (b'"kind":"opening"',),
    )
    for seq, body in rows:
        data = files.parse(body)["data"]
        if data["kind"] == "opening" and data["part"] == 1:
            return int(seq)
    raise LedgerCorrupt("the log has no opening", hint="run jaego log verify")


def rebuild(connection: sqlite3.Connection, progress: Callable[[int], None] = lambda _count: None) -> Tables:
    """Replace the projections in one transaction; gives what they are now."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        tables = replace(connection, progress)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return tables


def replace(connection: sqlite3.Connection, progress: Callable[[int], None] = lambda _count: None) -> Tables:
    """The same within the caller's transaction."""
    tables = fold(_bodies(connection, latest_opening(connection), progress))
    for name, columns in _COLUMNS.items():
        connection.execute(f"DELETE FROM {name}")  # noqa: S608 - our own names
        connection.executemany(f"INSERT INTO {name} VALUES ({columns})", tables[name])  # noqa: S608 - same
    return tables


def _bodies(connection: sqlite3.Connection, start: int, progress: Callable[[int], None]) -> Iterable[bytes]:
    rows = connection.execute("SELECT body FROM event WHERE seq >= ? ORDER BY seq", (start,))
    for count, row in enumerate(rows, start=1):
        if count % 10_000 == 0:
            progress(count)
        yield row[0]
