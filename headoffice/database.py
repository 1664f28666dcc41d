"""One way to both databases: SQLite in a file, PostgreSQL behind an address. The shapes that views, alerts, checks
and commands are written against.

SQL is written once, in what both understand: `?` for values, TEXT, INTEGER and BLOB, `ON CONFLICT`, `RETURNING`, window
functions and CTEs; sums are `CAST(SUM(…) AS INTEGER)` (PostgreSQL would make decimals of them), texts compare by code
point in both. JSON is text, read in Python.

    path/to/headoffice.db               SQLite
    postgresql://user@host/name         PostgreSQL, as psycopg reads it; passwords come from PGPASSFILE or PGPASSWORD
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from headoffice.errors import DatabaseAway, DatabaseFull, DatabaseLost, DatabaseUnusable

if TYPE_CHECKING:
    import psycopg

Row = tuple[Any, ...]
Values = Sequence[Any]
BUSY_MS = 10_000
POSTGRES = ("postgresql://", "postgres://")


def is_postgres(target: str) -> bool:
    return target.startswith(POSTGRES)


class Database(Protocol):
    """One connection, used by one thread at a time."""

    @property
    def dialect(self) -> Literal["sqlite", "postgres"]: ...

    def rows(self, sql: str, values: Values = ()) -> list[Row]:
        """Everything that a query, or a statement with RETURNING, gives."""
        ...

    def write(self, sql: str, values: Values = ()) -> int:
        """How many rows were written."""
        ...

    def write_many(self, sql: str, rows: Iterable[Values]) -> int:
        """How many rows were written, by all of them together."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """`with`: everything inside is committed together, or not at all."""
        ...

    def moment(self) -> AbstractContextManager[None]:
        """`with`: everything read inside is of one moment."""
        ...

    def close(self) -> None: ...


class SqliteDatabase:
    """Of a file whose schema is there already (`Store` makes it)."""

    dialect: Literal["sqlite"] = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def rows(self, sql: str, values: Values = ()) -> list[Row]:
        return self._db.execute(sql, values).fetchall()

    def write(self, sql: str, values: Values = ()) -> int:
        return self._db.execute(sql, values).rowcount

    def write_many(self, sql: str, rows: Iterable[Values]) -> int:
        return self._db.executemany(sql, rows).rowcount

    @contextmanager
    def transaction(self) -> Generator[None]:
        yield from self._within("BEGIN IMMEDIATE")

    @contextmanager
    def moment(self) -> Generator[None]:
        yield from self._within("BEGIN")

    def _within(self, begin: str) -> Generator[None]:
        try:
            self._db.execute(begin)
            yield
            self._db.execute("COMMIT")
        except BaseException as error:  # whatever it was: half of it must not wait for the next commit
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
                raise DatabaseFull("the disk is full: nothing is acknowledged", hint="free some disk space") from error
            raise

    def close(self) -> None:
        self._db.close()


class PostgresDatabase:
    """Raises `DatabaseFull` and `DatabaseLost` for what the server or the way to it does; other errors are bugs."""

    dialect: Literal["postgres"] = "postgres"

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self.connection = connection  # autocommit: transactions are begun where they are meant

    def rows(self, sql: str, values: Values = ()) -> list[Row]:
        with _heard():
            return self.connection.execute(postgres_sql(sql), values).fetchall()

    def write(self, sql: str, values: Values = ()) -> int:
        with _heard():
            return self.connection.execute(postgres_sql(sql), values).rowcount

    def write_many(self, sql: str, rows: Iterable[Values]) -> int:
        with _heard(), self.connection.cursor() as cursor:
            cursor.executemany(postgres_sql(sql), rows)
            return cursor.rowcount

    @contextmanager
    def transaction(self) -> Generator[None]:
        with _heard(), self.connection.transaction():
            yield

    @contextmanager
    def moment(self) -> Generator[None]:
        with _heard(), self.connection.transaction():
            self.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield

    def close(self) -> None:
        self.connection.close()


@contextmanager
def _heard() -> Generator[None]:
    import psycopg  # noqa: PLC0415  an extra, and there: a connection was made

    try:
        yield
    except psycopg.Error as error:
        state = error.sqlstate or ""  # PostgreSQL, appendix A; none where the connection broke
        if state == "53100":
            raise DatabaseFull(
                "PostgreSQL's disk is full: nothing is acknowledged", hint="free some disk space there"
            ) from error
        broken = isinstance(error, psycopg.OperationalError) and not state
        if broken or state[:2] in _PASSING or state in _ENDED:
            raise DatabaseLost(f"PostgreSQL: {error}".strip(), hint="is it running, and can it be reached?") from error
        raise


_PASSING = frozenset({"08", "40", "53", "57"})  # connection, rollback, resources, an operator's hand
_ENDED = frozenset({"25006", "25P03"})  # read only: no longer the primary; idle for too long in a transaction


@lru_cache(1000)
def postgres_sql(sql: str) -> Any:
    """`?` as psycopg wants it. Statements hold no question mark in a text."""
    return re.sub(r"\bAS INTEGER\)", "AS BIGINT)", sql.replace("%", "%%").replace("?", "%s"))


def postgres_schema(script: str) -> str:
    """A step that is written for SQLite, in the words of PostgreSQL."""
    for pattern, words in (
        (r"\bINTEGER PRIMARY KEY\b", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"),
        (r"\bINTEGER\b", "BIGINT"),
        (r"\bBLOB\b", "BYTEA"),
        (r"\bTEXT\b", 'TEXT COLLATE "C"'),
        (r"\s*WITHOUT ROWID\b", ""),
    ):
        script = re.sub(pattern, words, script)
    return script


def open_database(target: str, *, read_only: bool = False) -> Database:
    """A connection to a database whose schema `open_storage` has made. Raises `DatabaseUnusable`."""
    if is_postgres(target):
        return connect_postgres(target, read_only=read_only)
    return _sqlite(Path(target), read_only=read_only)


def _sqlite(path: Path, *, read_only: bool) -> Database:
    if not path.exists():
        raise DatabaseUnusable(f"there is no database {path}", hint="is this the file that jaego-hq run writes?")
    try:
        address = path.absolute().as_uri() + ("?mode=ro" if read_only else "?mode=rw")
        connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        if not read_only:
            connection.execute("PRAGMA synchronous = FULL")
    except sqlite3.DatabaseError as error:
        raise DatabaseUnusable(f"{path}: {error}", hint="check its folder's permissions and free space") from error
    return SqliteDatabase(connection)


# What an address leaves open. A server that is gone is noticed within some 20 s, whatever was under way.
_LIBPQ = {
    "connect_timeout": "10", "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "2",
    "tcp_user_timeout": "15000", "client_encoding": "utf8", "application_name": "jaego-hq",
}  # fmt: skip


def _may_come(text: str) -> bool:
    """libpq gives words only of a connection that failed. A server that says no says FATAL, and so does one that is
    starting or full; one that says it in another language is waited for, and told of."""
    if "connection is bad: invalid" in text:  # a part of the address
        return False
    return "FATAL" not in text or any(word in text for word in ("starting up", "shutting down", "recovery", "too many"))


def connect_postgres(target: str, *, read_only: bool = False) -> PostgresDatabase:
    """Raises `DatabaseUnusable`; `DatabaseAway` where waiting may help."""
    try:
        import psycopg  # noqa: PLC0415  an extra: jaego[postgres]
        from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415  same
    except ImportError as error:
        raise DatabaseUnusable("psycopg is not installed", hint="pip install 'jaego[postgres]'") from error
    try:
        settings: dict[str, Any] = {**_LIBPQ, **conninfo_to_dict(target)}
        connection: psycopg.Connection[Row] = psycopg.connect(autocommit=True, **settings)
        connection.execute("SET synchronous_commit = on")
        if read_only:
            connection.execute("SET default_transaction_read_only = on")
    except psycopg.Error as error:
        away = isinstance(error, psycopg.OperationalError) and _may_come(str(error))
        raise (DatabaseAway if away else DatabaseUnusable)(
            f"PostgreSQL: {error}".strip(), hint="is it running, and is the address right?"
        ) from error
    return PostgresDatabase(connection)
