"""Reading the ledger beside its writer: for the uplink, the screens and the command line. Short transactions only."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from agent.errors import LedgerUnusable
from agent.ledger import files
from agent.ledger.books import read_book
from agent.ledger.schema import DOOR, KEPT
from agent.ledger.transaction import load_sessions
from agent.operations.books import Record
from agent.operations.values import Session
from contract.chain import GENESIS, ChainError, check_body
from contract.checkpoint import check_signed
from contract.opening import read_opening
from contract.stock import StockRow
from contract.topics import EventType

PAGE_EVENTS = 1000

Row = tuple[int, str, bytes]
"""Sequence, type and body of an event."""


class Reader:
    """One connection; use each from one thread at a time."""

    def __init__(self, folder: Path, name: str = files.DATABASE) -> None:
        self._connection = files.open_reader(folder, name)
        with ExitStack() as opened, files.read_errors(folder, name):
            opened.callback(self._connection.close)
            row = self._connection.execute("SELECT store, log FROM identity").fetchone()
            opened.pop_all()
        if row is None:
            self._connection.close()
            raise LedgerUnusable(f"the ledger in {folder} was never begun", hint="start the agent once")
        self.store, self.log = str(row[0]), str(row[1])

    def close(self) -> None:
        self._connection.close()

    def head(self) -> int:
        return int(self._connection.execute("SELECT COALESCE(MAX(seq), 0) FROM event").fetchone()[0])

    def first(self) -> int:
        """The oldest event that was not pruned."""
        return int(self._connection.execute(f"SELECT COALESCE(MIN(seq), 0) FROM event WHERE {KEPT}").fetchone()[0])  # noqa: S608

    def door(self) -> int:
        """Events below it were pruned; 1 where none were."""
        return int(self._connection.execute(f"SELECT {DOOR}").fetchone()[0])

    def openings(self) -> list[int]:
        """Where openings begin that were written in the midst of the log."""
        rows = self._connection.execute(f"SELECT seq FROM opening WHERE {KEPT} ORDER BY seq")  # noqa: S608  our own words
        return [row[0] for row in rows]

    def events(self, start: int, limit: int) -> list[Row]:
        """(seq, type, body) from `start` on, at most `limit`."""
        statement = f"SELECT seq, type, body FROM event WHERE seq >= MAX(?, {DOOR}) ORDER BY seq LIMIT ?"  # noqa: S608
        return self._connection.execute(statement, (start, limit)).fetchall()

    def newest(self, limit: int, kind: str | None = None) -> list[dict[str, Any]]:
        """The newest events, oldest first."""
        # The type stands in the statement, not beside it: only so is the index of exceptions used.
        where = f"type = '{EventType(kind)}' AND {KEPT}" if kind else KEPT
        statement = f"SELECT body FROM event WHERE {where} ORDER BY seq DESC LIMIT ?"  # noqa: S608  our own words
        rows = self._connection.execute(statement, (limit,)).fetchall()
        return [files.parse(row[0]) for row in reversed(rows)]

    def all_events(self) -> Iterator[tuple[int, str, bytes]]:
        """The whole log in pages, so that no long transaction keeps the write-ahead log from being reset."""
        start = self.first()
        while page := self.events(start, PAGE_EVENTS):
            yield from page
            start = page[-1][0] + 1

    def hash_of(self, seq: int) -> str | None:
        row = self._connection.execute(f"SELECT body FROM event WHERE seq = ? AND {KEPT}", (seq,)).fetchone()  # noqa: S608
        return str(files.parse(row[0])["hash"]) if row else None

    def stock(self, sku: str | None = None, zone: str | None = None) -> list[StockRow]:
        return self._stock("(?1 IS NULL OR sku = ?1) AND (?2 IS NULL OR zone = ?2)", (sku, zone))

    def stock_between(self, sku_from: str | None, sku_to: str | None) -> list[StockRow]:
        """Inclusive on both ends; None is open."""
        return self._stock("(?1 IS NULL OR sku >= ?1) AND (?2 IS NULL OR sku <= ?2)", (sku_from, sku_to))

    def _stock(self, where: str, values: tuple[Any, ...]) -> list[StockRow]:
        statement = f"SELECT sku, zone, lot, disposition, quantity FROM stock WHERE {where} ORDER BY 1, 2, 3, 4"  # noqa: S608
        return [StockRow(*row) for row in self._connection.execute(statement, values)]

    def snapshot(self, sku_from: str | None, sku_to: str | None) -> tuple[int, str, list[StockRow]]:
        """Head, its hash and stock rows of one moment."""
        with self.moment():
            head = self.head()
            return head, self.hash_of(head) or GENESIS, self.stock_between(sku_from, sku_to)

    @contextmanager
    def moment(self) -> Generator[None]:
        """All that is read within is of one moment. Short: the write-ahead log grows meanwhile."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")

    def integrity(self) -> str:
        """SQLite's own check of the file: `ok`, or the first thing that it found."""
        return str(self._connection.execute("PRAGMA integrity_check(1)").fetchone()[0])

    def skus(self, after: str, limit: int) -> list[str]:
        statement = "SELECT DISTINCT sku FROM stock WHERE sku > ? ORDER BY sku LIMIT ?"
        return [row[0] for row in self._connection.execute(statement, (after, limit))]

    def positions(self) -> dict[str, int]:
        return dict(self._connection.execute("SELECT consumer, seq FROM position").fetchall())

    def sessions(self) -> dict[str, Session]:
        """Open sessions by station."""
        return load_sessions(self._connection)

    def counted(self, session: str, zone: str) -> list[str]:
        """EPCs that a count has seen, hexadecimal."""
        statement = "SELECT epc FROM counted WHERE session = ? AND zone = ?"
        return [row[0] for row in self._connection.execute(statement, (session, zone))]

    def book(self, book: str, prefix: str = "") -> list[tuple[str, Record]]:
        """Keys that begin with `prefix` and their records, in key order."""
        return list(read_book(self._connection, book, prefix))

    def response(self, request_id: str) -> bytes | None:
        row = self._connection.execute("SELECT body FROM response WHERE id = ?", (request_id,)).fetchone()
        return row[0] if row else None

    def projections(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every projected table in key order: what a rebuild must give again to the byte."""
        return projected(self._connection)


def projected(connection: sqlite3.Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {
        "stock": connection.execute("SELECT * FROM stock ORDER BY 1, 2, 3, 4").fetchall(),
        "session": connection.execute("SELECT * FROM session ORDER BY 1").fetchall(),
        "counted": connection.execute("SELECT * FROM counted ORDER BY 1, 2, 3").fetchall(),
        "serial": connection.execute("SELECT * FROM serial ORDER BY 1").fetchall(),
        "tag": connection.execute("SELECT * FROM tag ORDER BY 1").fetchall(),
        "progress": connection.execute("SELECT * FROM progress ORDER BY 1, 2").fetchall(),
        "doubt": connection.execute("SELECT * FROM doubt ORDER BY 1").fetchall(),
        "book": connection.execute("SELECT * FROM book ORDER BY 1, 2").fetchall(),
    }


def walk(reader: Reader, rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    """The events of rows that follow each other. Raises `ChainError` at the first that is not what was written."""
    prev: str | None = None
    seq = reader.first() - 1
    for found, kind, body in rows:
        if found > seq + 1 and found == reader.door():
            raise LedgerUnusable("the log was pruned while it was read", hint="try again")
        event = check_body(body, prev=prev, seq=seq + 1)
        if found != event["seq"]:
            raise ChainError("sequence", f"event {event['seq']} is filed as {found}")
        if (event["store"], event["log"]) != (reader.store, reader.log):
            raise ChainError("log", f"event {found} is of store {event['store']}, log {event['log']}")
        if event["type"] != kind:
            raise ChainError("type", f"event {found} is filed as {kind}, and says {event['type']}")
        if prev is None:
            _check_beginning(event, reader.door())
        prev, seq = event["hash"], found
        yield event


def _check_beginning(event: dict[str, Any], door: int) -> None:
    """A log begins with its opening, and what is left of a pruned one with that which stands at the door: a signature
    says that nothing else was dropped before it."""
    seq, opening = event["seq"], read_opening(event)
    if opening is None or opening.part != 1:
        raise ChainError("opening", f"the log begins with event {seq}, which is no opening")
    after = opening.parent.seq if opening.parent is not None else 0
    if event["prev"] == GENESIS:
        if seq not in {1, after + 1}:
            raise ChainError("prev", f"event {seq} is not the first one, and names none before it")
    elif seq == 1:
        raise ChainError("prev", "event 1 names an event before it")
    elif seq != door:
        raise ChainError("sequence", f"the log begins with event {seq}, and was pruned below {door}")


def verify(reader: Reader, progress: Any = None, known: Collection[str] = ()) -> dict[str, Any]:
    """Walk the whole chain. Raises `ChainError` at the first event that is not what was written.

    Signatures are held to the key of the first opening and its rotations, and the one at the end to `known` (public,
    hexadecimal), where there are any: nobody else comes to the store's key. `signed` is the newest event that one of
    them stands for: what comes after could be written anew by who owns the file.
    """
    prev: str | None = None
    key: str | None = None
    count, seq, signed = 0, reader.first() - 1, 0
    for event in walk(reader, reader.all_events()):
        prev, seq, count = event["hash"], event["seq"], count + 1
        key, signed = check_signed(event, key, signed)
        if progress is not None and count % 10_000 == 0:
            progress(count)
    if known and key not in known:
        raise ChainError("key", f"event {signed} is signed with a key that is not this store's")
    return {"store": reader.store, "log": reader.log, "events": count, "head": seq, "hash": prev, "signed": signed}


__all__ = ["Reader", "Row", "projected", "verify", "walk"]
