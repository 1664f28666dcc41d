"""Head office's database for many workers: PostgreSQL 13 or newer, through psycopg 3.

Events lie in a partition for each month of arrival, made ahead of time; where a month could not be made the default
partition takes them. The schema is made by whoever comes first. Nothing needs a superuser; CREATE on the schema does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from importlib.resources import files
from struct import pack

import psycopg
from psycopg import errors

from headoffice.database import Database, PostgresDatabase, connect_postgres, postgres_schema
from headoffice.errors import DatabaseUnusable
from headoffice.event_store import EventStore
from headoffice.storing import Batch

STEPS = (
    "postgres/001_head_office",
    "003_view",
    "postgres/002_room",
    "005_key",
    "006_log",
    "007_enrolment",
    "008_renewal",
)
MAKING = 0x6A6165676F  # advisory lock of whoever makes tables
LOCK_WAIT = "2s"  # for a partition: who reads for hours must not stop those who write
AGAIN_US = 600_000_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  months of UTC
_COPY = "COPY event (store, log, seq, type, hash, body, at_us) FROM STDIN (FORMAT BINARY)"
_COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # PostgreSQL documentation, COPY, binary format
_COPY_TAIL = b"\xff\xff"


class PostgresStore(EventStore):
    """One connection. Several may write at once, each for other stores: see `save`."""

    def __init__(self, target: str, *, read_only: bool = False) -> None:
        database = connect_postgres(target, read_only=read_only)
        self._connection = database.connection
        super().__init__(database)
        self._made_until_us = 0
        try:
            _bring_up(database, read_only=read_only)
        except psycopg.Error as error:
            database.close()
            hint = "the user must own the tables, or have CREATE on the schema; the database is empty or head office's"
            raise DatabaseUnusable(f"PostgreSQL: {error}".strip(), hint=hint) from error
        except BaseException:
            database.close()
            raise

    def save(self, batches: Iterable[Batch], now_us: int, fence: Callable[[Database], None] | None = None) -> None:
        if now_us >= self._made_until_us:
            self._made_until_us = self._make_months(now_us)
        super().save(batches, now_us, fence)

    def _insert(self, batches: Sequence[Batch], now_us: int) -> None:
        with self._connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            copy.write(b"".join((_COPY_HEAD, *_copied(batches, now_us), _COPY_TAIL)))

    def _make_months(self, now_us: int) -> int:
        """This month's partition and the next one's; until when that will do."""
        this = _month(now_us)
        end_us = _start_us(*_next(*this))
        try:
            for year, month in (this, _next(*this)):
                self._make_month(year, month)
        except (errors.LockNotAvailable, errors.CheckViolation, errors.InsufficientPrivilege):
            return min(now_us + AGAIN_US, end_us)  # `event_other` takes what comes
        return end_us

    def _make_month(self, year: int, month: int) -> None:
        name, database = f"event_{year:04d}_{month:02d}", self._database
        first, end = _start_us(year, month), _start_us(*_next(year, month))
        if database.rows("SELECT to_regclass(?)", (name,))[0][0] is not None:
            return
        with database.transaction():
            database.write(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
            database.rows("SELECT pg_advisory_xact_lock(?)", (MAKING,))
            database.write(f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF event FOR VALUES FROM ({first}) TO ({end})")


def _bring_up(database: PostgresDatabase, *, read_only: bool) -> None:
    """Raises `DatabaseUnusable`."""
    if database.rows("SHOW server_encoding")[0][0] != "UTF8":
        raise DatabaseUnusable("the database is not in UTF-8", hint="create it with ENCODING 'UTF8'")
    made = _made(database)
    if read_only:
        if made != set(STEPS):
            raise DatabaseUnusable("the database is not as this release wants it", hint="start jaego-hq run first")
        return
    if made == set(STEPS):
        return
    with database.transaction():
        database.rows("SELECT pg_advisory_xact_lock(?)", (MAKING,))
        database.write("CREATE TABLE IF NOT EXISTS schema_step (name TEXT PRIMARY KEY)")
        made = _made(database)
        for name in STEPS:
            if name not in made:
                script = (files("headoffice") / "schema" / f"{name}.sql").read_text("utf-8")
                database.connection.execute((script if "/" in name else postgres_schema(script)).encode())
                database.write("INSERT INTO schema_step (name) VALUES (?)", (name,))


def _made(database: Database) -> set[str]:
    """Raises `DatabaseUnusable` for what a newer release has made."""
    if database.rows("SELECT to_regclass('schema_step')")[0][0] is None:
        return set()
    made = {row[0] for row in database.rows("SELECT name FROM schema_step")}
    if made - set(STEPS):
        newer = ", ".join(sorted(made - set(STEPS)))
        raise DatabaseUnusable(
            f"the database has schema {newer}, which this release does not know",
            hint="install the release that wrote it",
        )
    return made


def _copied(batches: Sequence[Batch], now_us: int) -> Iterable[bytes]:
    """The rows of COPY, each value behind its length. The way of `copy.write_row` takes twice as long."""
    types: dict[str, bytes] = {}
    tail = pack(">iq", 8, now_us)
    for batch in batches:
        store, log, head = batch.store, "", b""
        for one in batch.accepted:
            if one.log != log:
                log = one.log
                head = pack(">h", 7) + _sized(store) + _sized(log) + pack(">i", 8)
            kind = types.get(one.type)
            if kind is None:
                kind = types[one.type] = _sized(one.type) + pack(">i", 64)
            yield b"".join((
                head, pack(">q", one.seq), kind, one.hash.encode(), pack(">i", len(one.body)), one.body, tail
            ))  # fmt: skip


def _sized(text: str) -> bytes:
    return pack(">i", len(text)) + text.encode("ascii")


def _month(now_us: int) -> tuple[int, int]:
    moment = _EPOCH + timedelta(microseconds=now_us)
    return moment.year, moment.month


def _next(year: int, month: int) -> tuple[int, int]:
    return (year, month + 1) if month < 12 else (year + 1, 1)


def _start_us(year: int, month: int) -> int:
    return (datetime(year, month, 1) - _EPOCH) // timedelta(microseconds=1)  # noqa: DTZ001  months of UTC
