"""The ledger as it was before a newer release brings its schema forward: what an older release can be given back.

A migration is one transaction a step and needs no copy to be safe. The copy is for going back: the older release
refuses the newer file; `jaego restore --snapshot` makes one of the copy and every event since (docs/install.md).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from agent.errors import LedgerUnusable
from agent.ledger import files
from agent.ledger.guard import free_bytes
from agent.ledger.schema import VERSION, version
from agent.ledger.snapshots import ROOM_BYTES_MIN

PART = "before.part"
_HINT = "the agent goes on without it: back to the older release only by restoring from head office"


def keep_before(folder: Path, begun: Callable[[], None] = lambda: None) -> Path | None:
    """A copy of the ledger, where opening it will migrate it; one is kept. Under the folder's lock.

    `begun` is called where there is one to be made, and a migration to follow: both take their time.
    Raises `LedgerUnusable` where no copy can be made; nothing is changed then.
    """
    path, part = folder / files.DATABASE, folder / PART
    if not path.exists():
        return None
    try:
        with closing(files.connect(path)) as connection:
            found = version(connection)
            if not 0 < found < VERSION:
                return None
            begun()
            _need_room(folder)
            with closing(sqlite3.connect(part)) as copy:
                connection.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a write-ahead log
        part.chmod(path.stat().st_mode & 0o777)
        files.sync(part)
        kept = part.replace(folder / f"before-schema-{VERSION}.db")
        files.sync(folder)
        for old in folder.glob("before-schema-*.db"):
            if old != kept:
                old.unlink()
    except (OSError, sqlite3.DatabaseError) as error:
        raise LedgerUnusable(f"no copy of the ledger before its schema changes: {error}", hint=_HINT) from error
    finally:
        for left in folder.glob(f"{PART}*"):
            left.unlink(missing_ok=True)
    return kept


def _need_room(folder: Path) -> None:
    wanted = sum(one.stat().st_size for one in folder.glob(f"{files.DATABASE}*")) + ROOM_BYTES_MIN
    if free_bytes(folder) < wanted:
        raise LedgerUnusable(
            f"no copy of the ledger before its schema changes: it needs {wanted // 1_000_000} MB of free room",
            hint=_HINT,
        )
