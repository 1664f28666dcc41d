"""Head office's database: events exactly once, positions, stock by store, what was refused.

SQLite, WAL, synchronous FULL: an acknowledgement is only published after the commit, and a commit survives a power cut.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from contract.canonical import INTEGER_MAX
from contract.stock import StockRow, opening_rows
from headoffice.database import Database, SqliteDatabase
from headoffice.errors import DatabaseFull, DatabaseUnusable
from headoffice.ingest import Accepted, Position, Refusal
from headoffice.storing import Batch, Extent, Quarantined, Written

if TYPE_CHECKING:
    import sqlite_utils

STEPS = ("001_head_office", "002_expected", "003_view", "004_arrival")
QUARANTINE_ROWS_MAX = 10_000
QUARANTINE_STORE_ROWS_MAX = 1_000
BODY_BYTES_KEPT = 64 * 1024

Stock = tuple[str, str, str, str, str]


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Hold the database: a second head office on it is refused. The lock goes with the process, however it ends."""
    file = path.resolve()
    if file.is_dir():
        raise DatabaseUnusable(f"{path} is a folder", hint="name a file in it")
    try:
        held = file.with_name(file.name + ".lock").open("ab")
    except OSError as error:
        raise DatabaseUnusable(
            f"{path}: {error.strerror}", hint="the folder must exist and be writable for head office"
        ) from error
    with held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DatabaseUnusable(
                f"{path} is in use by another head office", hint="stop the other one first, or use another --db"
            ) from error
        yield


class Store:
    """One writer; readers open another with `read_only`."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        if read_only and not path.exists():
            raise DatabaseUnusable(f"there is no database {path}", hint="is this the file that jaego-hq run writes?")
        with ExitStack() as opened:
            try:
                target = path.absolute().as_uri() + ("?mode=ro" if read_only else "")
                self._db = sqlite3.connect(target, uri=True, isolation_level=None, check_same_thread=False)
                opened.callback(self._db.close)
                self._db.execute("PRAGMA busy_timeout = 10000")
                if not read_only:
                    self._db.execute("PRAGMA journal_mode = WAL")
                    self._db.execute("PRAGMA synchronous = FULL")
                found = _version(self._db)
                if not read_only and found < len(STEPS):
                    _migrate(self._db)
                self._db.execute("SELECT store FROM position LIMIT 1")
            except sqlite3.DatabaseError as error:
                raise DatabaseUnusable(
                    f"{path}: {error}", hint="check its folder's permissions and free space"
                ) from error
            opened.pop_all()

    @property
    def database(self) -> Database:
        return SqliteDatabase(self._db)

    def close(self) -> None:
        self._db.close()

    # -- writing ----------------------------------------------------------------------------------------------------

    def save(self, batches: Iterable[Batch], now_us: int) -> None:
        """Everything of one round in one commit. Raises `DatabaseFull`; other database errors are the caller's end."""
        db = self._db
        try:
            db.execute("BEGIN IMMEDIATE")
            for batch in batches:
                self._save(batch, now_us)
            db.execute("COMMIT")
        except BaseException as error:  # whatever it was: half a round must not wait for the next commit
            if db.in_transaction:
                db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
                raise DatabaseFull("the disk is full: nothing is acknowledged", hint="free some disk space") from error
            raise

    def expect(self, store: str, documents: Mapping[str, bytes | None]) -> None:
        """What a store is to expect from now on; None withdraws. All in one commit."""
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            for name, body in documents.items():
                db.execute(
                    "INSERT INTO expected SELECT ?, ?, COALESCE(MAX(revision), 0) + 1, ? FROM expected WHERE true "
                    "ON CONFLICT (store, document) DO UPDATE SET (revision, body) = (excluded.revision, excluded.body)",
                    (store, name, body),
                )
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise

    def _save(self, batch: Batch, now_us: int) -> None:
        db, store = self._db, batch.store
        if batch.accepted:
            db.executemany(
                "INSERT INTO event (store, log, seq, type, hash, body) VALUES (?, ?, ?, ?, ?, ?)",
                [(store, one.log, one.seq, one.type, one.hash, one.body) for one in batch.accepted],
            )
            self._fold(store, batch.accepted)
        if batch.position is not None:
            db.execute(
                "INSERT INTO position (store, log, seq, hash, part, parts, key) VALUES (?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET (log, seq, hash, part, parts, key) = "
                "(excluded.log, excluded.seq, excluded.hash, excluded.part, excluded.parts, excluded.key)",
                (store, *batch.position, batch.key),
            )
        if batch.refusals:
            self._quarantine(store, batch.refusals, now_us)

    def _fold(self, store: str, accepted: Iterable[Accepted]) -> None:
        deltas: dict[Stock, int] = {}
        for one in accepted:
            stated = opening_rows(one.event)
            if stated is None:
                for key, delta in one.deltas:
                    place = (store, key.sku, key.zone, key.lot, key.disposition)
                    deltas[place] = deltas.get(place, 0) + delta
                continue
            self._add(deltas)
            deltas.clear()
            if one.event["data"]["part"] == 1:
                self._db.execute("DELETE FROM stock WHERE store = ?", (store,))
            deltas.update({(store, row.sku, row.zone, row.lot, row.disposition): row.quantity for row in stated})
        self._add(deltas)

    def _add(self, deltas: dict[Stock, int]) -> None:
        self._db.executemany(
            "INSERT INTO stock (store, sku, zone, lot, disposition, quantity) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity",
            [(*place, delta) for place, delta in deltas.items() if delta],
        )

    def _quarantine(self, store: str, refusals: Iterable[Refusal], now_us: int) -> None:
        self._db.executemany(
            "INSERT INTO quarantine (store, code, digest, log, seq, reason, body, count, at_us, last_at_us) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?8) "
            "ON CONFLICT DO UPDATE SET count = count + 1, last_at_us = excluded.last_at_us",
            [
                (store, one.code, sha256(one.body).digest(), one.log, one.seq, one.reason, one.body[:BODY_BYTES_KEPT],
                 now_us)
                for one in refusals
            ],
        )  # fmt: skip
        self._db.execute(
            "DELETE FROM quarantine WHERE id IN (SELECT id FROM quarantine WHERE store = ? "
            "ORDER BY last_at_us DESC, id DESC LIMIT -1 OFFSET ?)",
            (store, QUARANTINE_STORE_ROWS_MAX),
        )
        self._db.execute(
            "DELETE FROM quarantine WHERE id IN (SELECT id FROM quarantine "
            "ORDER BY last_at_us DESC, id DESC LIMIT -1 OFFSET ?)",
            (QUARANTINE_ROWS_MAX,),
        )

    # -- reading ----------------------------------------------------------------------------------------------------

    def stores(self) -> list[str]:
        return [row[0] for row in self._db.execute("SELECT store FROM position ORDER BY store")]

    def position(self, store: str) -> tuple[Position, str | None] | None:
        row = self._db.execute(
            "SELECT log, seq, hash, part, parts, key FROM position WHERE store = ?", (store,)
        ).fetchone()
        return (Position(*row[:5]), row[5]) if row else None

    def hash_at(self, store: str) -> Callable[[str, int], str | None]:
        def find(log: str, seq: int) -> str | None:
            row = self._db.execute(
                "SELECT hash FROM event WHERE store = ? AND log = ? AND seq = ?", (store, log, seq)
            ).fetchone()
            return row[0] if row else None

        return find

    def expected(self, store: str, since: int) -> list[tuple[str, int, bytes | None]]:
        """Document, revision and body of what changed after a revision, in that order; None is withdrawn."""
        return self._db.execute(
            "SELECT document, revision, body FROM expected WHERE store = ? AND revision > ? ORDER BY revision",
            (store, since),
        ).fetchall()

    def stock(self, store: str, sku_from: str | None = None, sku_to: str | None = None) -> list[StockRow]:
        rows = self._db.execute(
            "SELECT sku, zone, lot, disposition, quantity FROM stock WHERE store = ?1 AND quantity <> 0 "
            "AND (?2 IS NULL OR sku >= ?2) AND (?3 IS NULL OR sku <= ?3) ORDER BY 1, 2, 3, 4",
            (store, sku_from, sku_to),
        )
        return [StockRow(*row) for row in rows]

    def snapshot(self, store: str, sku_from: str | None, sku_to: str | None) -> tuple[Position | None, list[StockRow]]:
        """Position and stock of one moment."""
        with self.moment():
            held = self.position(store)
            return held[0] if held else None, self.stock(store, sku_from, sku_to)

    @contextmanager
    def moment(self) -> Generator[None]:
        """Everything read inside is of one moment, whatever is written meanwhile."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("COMMIT")

    def extents(self, store: str) -> list[Extent]:
        rows = self._db.execute(
            "SELECT log, COUNT(*), MIN(seq), MAX(seq) FROM event WHERE store = ? GROUP BY log ORDER BY log", (store,)
        )
        return [Extent(*row) for row in rows]

    def first_missing(self, store: str, log: str) -> int:
        """The first number from 1 on of which there is no event."""
        found: int = self._db.execute(
            "SELECT COALESCE(MIN(seq), 0) + 1 FROM (SELECT 0 AS seq UNION ALL "
            "SELECT seq FROM event WHERE store = ?1 AND log = ?2) AS one WHERE NOT EXISTS "
            "(SELECT 1 FROM event WHERE store = ?1 AND log = ?2 AND seq = one.seq + 1)",
            (store, log),
        ).fetchone()[0]
        return found

    def written(self, store: str, log: str, first: int = 1, last: int = INTEGER_MAX) -> Iterator[Written]:
        """The stored events of a log in order, one at a time."""
        rows = self._db.execute(
            "SELECT seq, type, hash, body FROM event WHERE store = ? AND log = ? AND seq BETWEEN ? AND ? ORDER BY seq",
            (store, log, first, last),
        )
        return (Written(*row) for row in rows)

    def newest(self, store: str, limit: int) -> list[dict[str, Any]]:
        """The newest events of the log that is followed, oldest first."""
        rows = self._db.execute(
            "SELECT body FROM event WHERE store = ?1 AND log = (SELECT log FROM position WHERE store = ?1) "
            "ORDER BY seq DESC LIMIT ?2",
            (store, limit),
        ).fetchall()
        return [orjson.loads(row[0]) for row in reversed(rows)]

    def quarantined(self, store: str | None = None) -> Iterator[Quarantined]:
        """What was refused, of one store or of all, what came last at the end."""
        rows = self._db.execute(
            "SELECT store, code, log, seq, reason, count, at_us, last_at_us, body FROM quarantine "
            "WHERE ?1 IS NULL OR store = ?1 ORDER BY last_at_us, id",
            (store,),
        )
        return (Quarantined(*row) for row in rows)

    def counts(self) -> Iterator[tuple[str, int, int]]:
        """(store, events, refused) of every store."""
        for store in self.stores():
            events = self._db.execute("SELECT COUNT(*) FROM event WHERE store = ?", (store,)).fetchone()[0]
            refused = self._db.execute("SELECT COUNT(*) FROM quarantine WHERE store = ?", (store,)).fetchone()[0]
            yield store, events, refused


def _version(db: sqlite3.Connection) -> int:
    found = int(db.execute("PRAGMA user_version").fetchone()[0])
    if found > len(STEPS):
        raise DatabaseUnusable(
            f"the database has schema {found}, this release knows {len(STEPS)}",
            hint="install the release that wrote it",
        )
    return found


def _migrate(db: sqlite3.Connection) -> None:
    import sqlite_utils  # noqa: PLC0415  memory and time, only when there is something to do
    from sqlite_utils.migrations import Migrations  # noqa: PLC0415  same

    steps = Migrations("headoffice")
    for number, name in enumerate(STEPS, start=1):
        steps(name=name)(_step(number, name))
    steps.apply(sqlite_utils.Database(db))


def _step(number: int, name: str) -> Callable[[sqlite_utils.Database], None]:
    def apply(database: sqlite_utils.Database, /) -> None:
        script = (files("headoffice") / "schema" / f"{name}.sql").read_text("utf-8")
        pending = ""
        for line in script.splitlines(keepends=True):
            pending += line
            if sqlite3.complete_statement(pending):
                database.conn.execute(pending)
                pending = ""
        database.conn.execute(f"PRAGMA user_version = {number}")

    return apply
