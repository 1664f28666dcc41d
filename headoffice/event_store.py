"""What SQLite and PostgreSQL do alike for `Storage`: the statements, and the order in which a round is written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from hashlib import sha256
from typing import Any

import orjson

from contract.canonical import INTEGER_MAX
from contract.stock import StockRow
from headoffice import documents, keeping, projecting
from headoffice.database import Database
from headoffice.errors import LeaseLost
from headoffice.folding import DAY_US, Fold
from headoffice.refusals import Refusal
from headoffice.storing import Batch, Extent, Quarantined, Written
from headoffice.taken import Position, Skipped

QUARANTINE_ROWS_MAX = 10_000
QUARANTINE_STORE_ROWS_MAX = 1_000
BODY_BYTES_KEPT = 64 * 1024
PAGE_EVENTS = 500
PAGE_REFUSALS = 100
SKU_LAST = "\U0010ffff"  # behind every SKU
_COUNT_MAX = 1_000_000_000  # rows: SQLite takes no OFFSET without a LIMIT


class EventStore(ABC):
    def __init__(self, database: Database) -> None:
        self._database = database
        self._swept_day = -1

    @property
    def database(self) -> Database:
        return self._database

    def close(self) -> None:
        self._database.close()

    # -- writing ------------------------------------------------------------------------------------------------------

    def save(self, batches: Iterable[Batch], now_us: int, fence: Callable[[Database], None] | None = None) -> None:
        database = self._database
        found = [batch for batch in batches if batch.accepted or batch.refusals]
        moved = [batch for batch in found if batch.accepted]
        if not found:
            return
        with database.transaction():
            if fence is not None:
                fence(database)
            if moved:
                self._move(moved, now_us)
                self._insert(moved, now_us)
                for batch in moved:
                    keeping.note(database, batch.store, batch.notes, now_us)
                self._project(moved, now_us)
            for batch in found:
                if batch.refusals:
                    self._quarantine(batch.store, batch.refusals, now_us)
        if moved:
            self._swept_day = now_us // DAY_US

    @abstractmethod
    def _insert(self, batches: Sequence[Batch], now_us: int) -> None:
        """The accepted events of a round into the table of events."""

    def _move(self, batches: Sequence[Batch], now_us: int) -> None:
        """Positions from where these events begin to where they end. Raises `LeaseLost` where they are elsewhere."""
        moves = [
            (*_position(batch), now_us, batch.store, *batch.before[:3]) for batch in batches if batch.before is not None
        ]
        if moves and self._database.write_many(_MOVE, moves) != len(moves):
            raise _lost(", ".join(batch.store for batch in batches if batch.before is not None))
        for batch in batches:
            if batch.before is None:
                if not self._database.write(_BEGIN, (batch.store, *_position(batch), now_us)):
                    raise _lost(batch.store)
                projecting.mark(self._database, batch.store)

    def _project(self, batches: Sequence[Batch], now_us: int) -> None:
        folds: list[Fold] = []
        for batch in batches:
            fold = Fold(batch.store, projecting.StoreBooks(self._database, batch.store))
            for one in batch.accepted:
                fold.take(one, now_us)
            folds.append(fold)
        projecting.write(self._database, folds)
        if self._swept_day != now_us // DAY_US:
            projecting.forget_old_sales(self._database, now_us)

    def _quarantine(self, store: str, refusals: Iterable[Refusal], now_us: int) -> None:
        self._database.write_many(
            "INSERT INTO quarantine (store, code, digest, log, seq, reason, body, count, at_us, last_at_us) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?) ON CONFLICT (store, code, digest) "
            "DO UPDATE SET count = quarantine.count + 1, last_at_us = excluded.last_at_us",
            [
                (store, one.code, sha256(one.body).digest(), one.log, one.seq, one.reason, one.body[:BODY_BYTES_KEPT],
                 now_us, now_us)
                for one in refusals
            ],
        )  # fmt: skip
        self._database.write(
            "DELETE FROM quarantine WHERE id IN (SELECT id FROM quarantine WHERE store = ? "
            "ORDER BY last_at_us DESC, id DESC LIMIT ? OFFSET ?)",
            (store, _COUNT_MAX, QUARANTINE_STORE_ROWS_MAX),
        )
        self._database.write(
            "DELETE FROM quarantine WHERE id IN (SELECT id FROM quarantine "
            "ORDER BY last_at_us DESC, id DESC LIMIT ? OFFSET ?)",
            (_COUNT_MAX, QUARANTINE_ROWS_MAX),
        )

    def expect(self, store: str, bodies: Mapping[str, bytes | None]) -> None:
        """What a store is to expect from now on; None withdraws. All in one commit."""
        documents.put(self._database, store, bodies)

    # -- reading ------------------------------------------------------------------------------------------------------

    def stores(self) -> list[str]:
        return [row[0] for row in self._database.rows("SELECT store FROM position ORDER BY store")]

    def position(self, store: str) -> tuple[Position, str | None] | None:
        rows = self._database.rows("SELECT log, seq, hash, part, parts, key FROM position WHERE store = ?", (store,))
        return (Position(*rows[0][:5]), rows[0][5]) if rows else None

    def hash_at(self, store: str) -> Callable[[str, int], str | None]:
        def find(log: str, seq: int) -> str | None:
            rows = self._database.rows(
                "SELECT hash FROM event WHERE store = ? AND log = ? AND seq = ?", (store, log, seq)
            )
            return rows[0][0] if rows else None

        return find

    def knows(self, store: str) -> Callable[[str], bool]:
        """Whether any event of a log is there."""
        return lambda log: bool(
            self._database.rows("SELECT 1 FROM event WHERE store = ? AND log = ? LIMIT 1", (store, log))
        )

    def expected(self, store: str, since: int) -> list[tuple[str, int, bytes | None]]:
        """Document, revision and body of what changed after a revision, in that order; None is withdrawn."""
        rows = self._database.rows(
            "SELECT document, revision, body FROM expected WHERE store = ? AND revision > ? ORDER BY revision",
            (store, since),
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def stock(self, store: str, sku_from: str | None = None, sku_to: str | None = None) -> list[StockRow]:
        rows = self._database.rows(
            "SELECT sku, zone, lot, disposition, quantity FROM stock WHERE store = ? AND quantity <> 0 "
            "AND sku BETWEEN ? AND ? ORDER BY 1, 2, 3, 4",
            (store, sku_from or "", SKU_LAST if sku_to is None else sku_to),
        )
        return [StockRow(*row) for row in rows]

    def snapshot(self, store: str, sku_from: str | None, sku_to: str | None) -> tuple[Position | None, list[StockRow]]:
        """Position and stock of one moment."""
        with self.moment():
            held = self.position(store)
            return held[0] if held else None, self.stock(store, sku_from, sku_to)

    def moment(self) -> AbstractContextManager[None]:
        """Everything read inside is of one moment, whatever is written meanwhile."""
        return self._database.moment()

    def extents(self, store: str) -> list[Extent]:
        rows = self._database.rows(
            "SELECT log, COUNT(*), MIN(seq), MAX(seq) FROM event WHERE store = ? GROUP BY log ORDER BY log", (store,)
        )
        return [Extent(*row) for row in rows]

    def skipped(self, store: str, log: str) -> list[Skipped]:
        """In their order."""
        return keeping.skipped(self._database, store, log)

    def first_missing(self, store: str, log: str) -> int:
        """The first number from 1 on of which there is no event, and that was not skipped."""
        place = (store, log)
        found: int = self._database.rows(
            "SELECT COALESCE(MIN(seq), 0) + 1 FROM (SELECT 0 AS seq UNION ALL "
            "SELECT seq FROM event WHERE store = ? AND log = ? UNION ALL "
            "SELECT seq_to FROM skipped WHERE store = ? AND log = ?) AS one WHERE NOT EXISTS "
            "(SELECT 1 FROM event WHERE store = ? AND log = ? AND seq = one.seq + 1) AND NOT EXISTS "
            "(SELECT 1 FROM skipped WHERE store = ? AND log = ? AND seq_from = one.seq + 1)",
            place * 4,
        )[0][0]
        return found

    def written(self, store: str, log: str, first: int = 1, last: int = INTEGER_MAX) -> Iterator[Written]:
        """The stored events of a log in order, a page at a time."""
        while True:
            rows = self._database.rows(
                "SELECT seq, type, hash, body, at_us FROM event WHERE store = ? AND log = ? AND seq BETWEEN ? AND ? "
                "ORDER BY seq LIMIT ?",
                (store, log, first, last, PAGE_EVENTS),
            )
            yield from (Written(*row) for row in rows)
            if len(rows) < PAGE_EVENTS:
                return
            first = rows[-1][0] + 1

    def newest(self, store: str, limit: int) -> list[dict[str, Any]]:
        """The newest events of the log that is followed, oldest first."""
        rows = self._database.rows(
            "SELECT body FROM event WHERE store = ? AND log = (SELECT log FROM position WHERE store = ?) "
            "ORDER BY seq DESC LIMIT ?",
            (store, store, limit),
        )
        return [orjson.loads(row[0]) for row in reversed(rows)]

    def quarantined(self, store: str | None = None) -> Iterator[Quarantined]:
        """What was refused, of one store or of all, what came last at the end."""
        last_at_us, last = -1, 0
        while True:
            rows = self._database.rows(
                "SELECT store, code, log, seq, reason, count, at_us, last_at_us, body, id FROM quarantine "
                "WHERE (? = '' OR store = ?) AND (last_at_us, id) > (?, ?) ORDER BY last_at_us, id LIMIT ?",
                (store or "", store or "", last_at_us, last, PAGE_REFUSALS),
            )
            yield from (Quarantined(*row[:9]) for row in rows)
            if len(rows) < PAGE_REFUSALS:
                return
            last_at_us, last = rows[-1][7], rows[-1][9]

    def counts(self) -> Iterator[tuple[str, int, int]]:
        """(store, events, refused) of every store."""
        for store in self.stores():
            events = self._database.rows("SELECT COUNT(*) FROM event WHERE store = ?", (store,))[0][0]
            refused = self._database.rows("SELECT COUNT(*) FROM quarantine WHERE store = ?", (store,))[0][0]
            yield store, events, refused


_BEGIN = (
    "INSERT INTO position (store, log, seq, hash, part, parts, key, at_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (store) DO NOTHING"
)
_MOVE = (
    "UPDATE position SET (log, seq, hash, part, parts, key, at_us) = (?, ?, ?, ?, ?, ?, ?) "
    "WHERE store = ? AND log = ? AND seq = ? AND hash = ?"
)


def _position(batch: Batch) -> tuple[Any, ...]:
    assert batch.position is not None, "accepted events move the position"
    return (*batch.position, batch.key)


def _lost(stores: str) -> LeaseLost:
    return LeaseLost(
        f"{stores[:200]}: is not where this worker left it: another one has gone on",
        hint="one of the stores that are named is taken in by two workers; this one reads again what is stored",
    )
