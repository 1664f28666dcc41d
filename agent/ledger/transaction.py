"""What a job may see and do inside the writer's transaction: the state, and `append`.

Events are sealed and projections folded in memory; `flush` writes all of a group with three statements. Nothing of it
is true before the commit: after a rollback the caches are forgotten.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain
from typing import Any

import orjson

from agent.clock import Clock
from agent.ledger.books import LedgerBooks
from agent.ledger.files import Chain
from agent.ledger.places import Places
from agent.ledger.schema import KEPT
from agent.ledger.tags import Tags
from agent.operations import documents, folding, reservations, sessions
from agent.operations.books import Folded
from agent.operations.values import Context, Draft, Session, TagPlace
from contract.canonical import canonical
from contract.chain import Place, Sealed, Sealer
from contract.documents import ExpectedDocument
from contract.ids import uuid7_of
from contract.stock import StockKey, StockRow
from contract.times import Stamper

STOCK_CACHE_KEYS_MAX = 20_000
# Events that may say where tags are; a movement of a scanner does when it names EPCs.
_PLACING = frozenset({"uncertain_passage", "tags_seen", "tags_departed", "tags_identified"})

# Many rows in one statement: one step of SQLite, with the interpreter's lock released, instead of one a row.
_ROWS_A_STATEMENT = (100, 10, 1)
_INSERT = {
    count: "INSERT INTO event (seq, type, body) VALUES " + ", ".join(["(?, ?, ?)"] * count)  # noqa: S608  no values
    for count in _ROWS_A_STATEMENT
}
_PUT_STOCK = {
    count: "INSERT INTO stock (sku, zone, lot, disposition, quantity) VALUES "  # noqa: S608  no values
    + ", ".join(["(?, ?, ?, ?, ?)"] * count)
    + " ON CONFLICT DO UPDATE SET quantity = excluded.quantity"
    for count in _ROWS_A_STATEMENT
}
_OF_STOCK = ("sku = ?", "zone = ?")
_DROP_STOCK = "DELETE FROM stock WHERE sku = ? AND zone = ? AND lot = ? AND disposition = ?"
_PUT_SESSION = "INSERT INTO session (station, body) VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body"


def _write_rows(connection: sqlite3.Connection, statements: dict[int, str], rows: list[tuple[Any, ...]]) -> None:
    at = 0
    for count, statement in statements.items():
        while len(rows) - at >= count:
            connection.execute(statement, list(chain.from_iterable(rows[at : at + count])))
            at += count


def _names_tags(draft: Draft) -> bool:
    return draft.type == "movement" and any("epcs" in line for line in draft.data["lines"])


def session_body(session: Session) -> str:
    """The projection's row: canonical, so that a rebuild gives the same bytes."""
    return canonical({name: value for name, value in session._asdict().items() if value is not None}).decode()


def load_sessions(connection: sqlite3.Connection) -> dict[str, Session]:
    rows = connection.execute("SELECT station, body FROM session")
    return {name: sessions.restored(orjson.loads(body)) for name, body in rows}


class Transaction:
    """One writer's view. `store` and `log` name the chain, `head` and `prev` its newest event."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock, stamper: Stamper, log: Chain) -> None:
        self._connection = connection
        self._clock = clock
        self._stamp = stamper.text
        self.store, self.log, self.head, self.prev = log
        self._sealer = Sealer(self.store, self.log)
        self._committed: tuple[int, str] = (self.head, self.prev)
        self._stock: dict[StockKey, int] = {}
        self._changed: set[StockKey] = set()
        self._sessions = load_sessions(connection)
        self._stations: set[str] = set()
        self._skus: set[str] = set()
        self._rows: list[tuple[Any, ...]] = []
        self._tags = Tags(connection)
        self.places = Places(connection)
        self.books = LedgerBooks(connection)
        self.recorded = ""

    # -- what operations look at ------------------------------------------------------------------------------------

    @property
    def next_seq(self) -> int:
        return self.head + 1

    def stock(self, key: StockKey) -> int:
        held = self._stock.get(key)
        if held is not None:
            return held
        row = self._connection.execute(
            "SELECT quantity FROM stock WHERE sku = ? AND zone = ? AND lot = ? AND disposition = ?", key
        ).fetchone()
        quantity = int(row[0]) if row else 0
        self._stock[key] = quantity
        return quantity

    def on_hand(self, sku: str) -> int:
        return sum(row.quantity for row in self.stock_rows(sku=sku))

    def stock_rows(self, *, sku: str | None = None, zone: str | None = None) -> list[StockRow]:
        """What is not zero of an item, of a zone, or of both; in key order."""
        statement = "SELECT sku, zone, lot, disposition, quantity FROM stock WHERE " + _OF_STOCK[sku is None]  # noqa: S608
        rows = self._connection.execute(statement, (zone if sku is None else sku,))
        held = {StockKey(*row[:4]): int(row[4]) for row in rows}
        held.update({key: self._stock[key] for key in self._changed})
        return [
            StockRow(*key, quantity)
            for key, quantity in sorted(held.items())
            if quantity and sku in {None, key.sku} and zone in {None, key.zone}
        ]

    def session(self, station: str) -> Session | None:
        return self._sessions.get(station)

    def tag(self, epc: str) -> TagPlace | None:
        return self.places.tag(epc)

    def untagged(self, sku: str, zone: str) -> int:
        """Sellable units in a zone that no known tag stands for."""
        rows = self.stock_rows(sku=sku, zone=zone)
        return sum(row.quantity for row in rows if row.disposition == "sellable") - self.places.tagged(sku, zone)

    def documents(self) -> Sequence[ExpectedDocument]:
        return [one for one in self.places.documents() if not documents.is_closed(self.books, one.document)]

    def document(self, name: str) -> ExpectedDocument | None:
        return None if documents.is_closed(self.books, name) else self.places.document(name)

    def progress(self, document: str) -> Mapping[str, int]:
        return self.places.progress(document)

    def counted(self, session: str, zone: str) -> AbstractSet[str]:
        return self._tags.counted(session, zone)

    def serial(self, gtin: str) -> int | None:
        return self._tags.serial(gtin)

    def event(self, seq: int) -> Mapping[str, Any] | None:
        first = self._rows[0][0] if self._rows else self.next_seq
        if first <= seq <= self.head:
            return dict(orjson.loads(self._rows[seq - first][2]))
        row = self._connection.execute(f"SELECT body FROM event WHERE seq = ? AND {KEPT}", (seq,)).fetchone()  # noqa: S608
        return dict(orjson.loads(row[0])) if row else None

    def recent(self, device: str, limit: int) -> list[Mapping[str, Any]]:
        found = (self.event(seq) for seq in range(self.head, max(self.head - limit, 0), -1))
        return [event for event in found if event is not None and event["source"].get("device") == device]

    def withdraw(self, name: str) -> None:
        """Head office takes a document back: an event where anything was done with it."""
        document = self.places.document(name)
        if document is not None:
            context = Context(self._clock.now().wall_us, self._clock.state(), "")
            drafts = documents.withdrawn(self, document, context)
            if drafts:
                self.append(drafts)
            self.places.withdraw(name)

    # -- what the writer does ---------------------------------------------------------------------------------------

    def begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self.recorded = self._stamp(self._clock.now().wall_us)
        if len(self._stock) > STOCK_CACHE_KEYS_MAX:
            self._stock.clear()

    def append(self, drafts: Sequence[Draft]) -> list[Sealed]:
        """Put the drafts behind the newest event, all of them or none. Raises `CanonicalError`, `StockError`."""
        sealed: list[Sealed] = []
        seq, prev, seal, stamp, recorded = self.head, self.prev, self._sealer.seal, self._stamp, self.recorded
        chance = self._clock.entropy(10 * len(drafts)).hex()
        for kind, data, source, occurred_us, clock, _deltas in drafts:
            at = 20 * (seq - self.head)
            identity = uuid7_of(occurred_us // 1000, chance[at : at + 20])
            seq += 1
            one = seal(kind, data, source, Place(seq, prev, identity, stamp(occurred_us), recorded, clock))
            prev = one.hash
            sealed.append(one)
        for draft, one in zip(drafts, sealed, strict=True):
            self._fold(draft, one)
        self.head, self.prev = seq, prev
        return sealed

    def _fold(self, draft: Draft, one: Sealed) -> None:
        stock = self._stock
        for key, delta in draft.deltas:
            held = stock.get(key)
            stock[key] = (self.stock(key) if held is None else held) + delta
            self._changed.add(key)
        station = sessions.fold(self._sessions, one.type, one.seq, draft.source, draft.data)
        if station is not None:
            self._stations.add(station)
        if one.type == "journal":
            self._tags.fold(draft.data)
        if draft.data["kind"] in _PLACING or "document" in draft.source or _names_tags(draft):
            self.places.fold(one.type, one.seq, draft.source, draft.data)
        occurred_us = draft.occurred_us // 1000 * 1000
        folding.fold(self.books, Folded(one.type, one.seq, occurred_us, draft.source, draft.data, draft.clock))
        self._rows.append(one[:3])

    def settle(self) -> sqlite3.Connection:
        """Write what is only in memory so far. The tables are the state as of `head` then, in the open transaction."""
        write = self._connection
        _write_rows(write, _INSERT, self._rows)
        if self._changed:
            self._flush_stock()
        for station in self._stations:
            session = self._sessions.get(station)
            if session is None:
                write.execute("DELETE FROM session WHERE station = ?", (station,))
            else:
                write.execute(_PUT_SESSION, (station, session_body(session)))
        self._tags.flush()
        self._skus |= {key.sku for key in self._changed} | self.books.changed(reservations.RESERVED)
        self.books.flush()
        self._rows, self._changed, self._stations = [], set(), set()
        return write

    def flush(self) -> tuple[int, set[str]]:
        """Write the group and commit: the new head, and the SKUs whose stock or reservations changed."""
        self.settle().execute("COMMIT")
        skus, self._skus = self._skus, set()
        self._committed = (self.head, self.prev)
        return self.head, skus

    def _flush_stock(self) -> None:
        puts = [(*key, self._stock[key]) for key in self._changed]
        _write_rows(self._connection, _PUT_STOCK, [row for row in puts if row[4]])
        gone = [row[:4] for row in puts if not row[4]]
        if gone:
            self._connection.executemany(_DROP_STOCK, gone)

    def rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._rows, self._changed, self._stations, self._skus = [], set(), set(), set()
        self._stock.clear()
        self._tags.rollback()
        self.books.rollback()
        self.head, self.prev = self._committed
        self._sessions = load_sessions(self._connection)

    def execute(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """For what is no event and no projection: positions, recorded responses."""
        return self._connection.execute(statement, values)
