"""Head office's database in one file, for one worker: SQLite.

WAL, synchronous FULL: an acknowledgement is only published after the commit, and a commit survives a power cut.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from headoffice.database import BUSY_MS, SqliteDatabase
from headoffice.errors import DatabaseUnusable
from headoffice.event_store import EventStore
from headoffice.storing import Batch

if TYPE_CHECKING:
    import sqlite_utils

PAGE_SIZE_BYTES = 8192
CACHE_KIB = 64 * 1024
CHECKPOINT_PAGES = 2_000  # 16 MiB
STEPS = (
    "001_head_office",
    "002_expected",
    "003_view",
    "004_arrival",
    "005_key",
    "006_log",
    "007_enrolment",
    "008_renewal",
)


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


class Store(EventStore):
    """One writer; readers open another with `read_only`."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        if read_only and not path.exists():
            raise DatabaseUnusable(f"there is no database {path}", hint="is this the file that jaego-hq run writes?")
        with ExitStack() as opened:
            try:
                target = path.absolute().as_uri() + ("?mode=ro" if read_only else "")
                db = sqlite3.connect(target, uri=True, isolation_level=None, check_same_thread=False)
                opened.callback(db.close)
                db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
                if not read_only:
                    # Of a new file: four events fit 4 KiB badly, it would be half as large again.
                    db.execute(f"PRAGMA page_size = {PAGE_SIZE_BYTES}")
                    db.execute("PRAGMA journal_mode = WAL")
                    db.execute("PRAGMA synchronous = FULL")
                    # A round of many stores touches pages of each: twice as many events a second as by default.
                    db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
                    db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
                found = _version(db)
                if found < len(STEPS):
                    if read_only:
                        raise DatabaseUnusable(
                            f"{path} is not as this release wants it", hint="start jaego-hq run first: it sees to that"
                        )
                    _migrate(db)
                db.execute("SELECT store FROM position LIMIT 1")
            except sqlite3.DatabaseError as error:
                raise DatabaseUnusable(
                    f"{path}: {error}", hint="check its folder's permissions and free space"
                ) from error
            opened.pop_all()
        super().__init__(SqliteDatabase(db))

    def _insert(self, batches: Sequence[Batch], now_us: int) -> None:
        self._database.write_many(
            "INSERT INTO event (store, log, seq, type, hash, body, at_us) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (batch.store, one.log, one.seq, one.type, one.hash, one.body, now_us)
                for batch in batches
                for one in batch.accepted
            ],
        )


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
