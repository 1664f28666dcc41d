"""The catalogue's tables, and the steps that led to them.

`user_version` is looked at first: sqlite-utils costs some megabytes of memory, and is only imported when a step is due.
The catalogue can be had again, so the log is not synced at every commit (WAL, synchronous=NORMAL): a power cut may
take the last writes, never the file's soundness.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from agent.catalogue.errors import CatalogueCorrupt, translated

if TYPE_CHECKING:
    from sqlite_utils import Database

VERSION = 1
BUSY_S = 10.0
WAL_SIZE_BYTES_MAX = 4 * 1024 * 1024  # what an import leaves of its log on disk

# GTINs are keys as numbers: a look-up by row id is the shortest way that SQLite has. `body` is the item's JSON
# without sku, revision and deleted. `words` is narrow, so that a search reads little (search.py).
_TABLES = (
    """CREATE TABLE item (
        id INTEGER PRIMARY KEY, sku TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL, deleted INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT""",
    "CREATE TABLE code (gtin INTEGER PRIMARY KEY, item INTEGER NOT NULL, units INTEGER NOT NULL) STRICT",
    "CREATE TABLE item_number (number TEXT PRIMARY KEY, item INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE words (item INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT",
    """CREATE TABLE state (
        one INTEGER PRIMARY KEY CHECK (one = 1), items INTEGER NOT NULL, revision INTEGER NOT NULL,
        synced INTEGER NOT NULL
    ) STRICT""",
    "INSERT INTO state VALUES (1, 0, 0, 0)",
)


def prepare(path: Path) -> None:
    """Create the file or bring it up to `VERSION`. Raises `CatalogueCorrupt` or `CatalogueUnavailable`."""
    with translated(path), closing(sqlite3.connect(path, timeout=BUSY_S)) as connection:
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > VERSION:
            raise CatalogueCorrupt(
                f"the catalogue {path} has version {found}, this program knows {VERSION}",
                hint="install the newer program again, or set the file aside and import the catalogue again",
            )
        if found < VERSION:
            connection.execute("PRAGMA journal_mode = WAL")
            _migrate(connection)


def _migrate(connection: sqlite3.Connection) -> None:
    from sqlite_utils import Database, Migrations  # noqa: PLC0415 - see above

    migrations = Migrations("catalogue")

    @migrations()
    def m001_tables(db: Database) -> None:
        for sql in _TABLES:
            db.conn.execute(sql)
        db.conn.execute("PRAGMA user_version = 1")

    migrations.apply(Database(connection, recursive_triggers=False, execute_plugins=False))


def connect(path: Path, *, cache_kib: int, write: bool) -> sqlite3.Connection:
    """A connection in autocommit mode, usable from any one thread at a time, with a page cache of `cache_kib`."""
    mode = "rw" if write else "ro"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_S,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=16,
    )
    connection.execute(f"PRAGMA cache_size = -{cache_kib}")
    connection.execute("PRAGMA mmap_size = 0")  # mapped pages would count as resident
    if write:
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_SIZE_BYTES_MAX}")
    return connection
