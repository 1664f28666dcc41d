"""Snapshots: verified copies of the ledger, taken beside the writer, of which some are kept.

A snapshot has its name only once it is whole and on the disk: SQLite's `VACUUM INTO` reads one moment of the ledger and
never waits for the writer nor makes it wait; the copy is synced, checked as `checking.py` checks a ledger, and renamed.
Names sort by log and sequence, so a clock that goes back puts no snapshot in the wrong place.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from agent.errors import LedgerCorrupt, LedgerUnusable
from agent.ledger import files
from agent.ledger.checking import Checked, check_whole
from agent.ledger.guard import free_bytes

PART = "snapshot.part"
ROOM_BYTES_MIN = 200_000_000  # that a snapshot leaves: it must never be what stops scans
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def snapshots(into: Path) -> list[Path]:
    """Those that are kept, the newest first."""
    return sorted(into.glob("ledger-*.db"), reverse=True)


def take(
    folder: Path,
    into: Path,
    *,
    keep: int,
    pause: Callable[[], None] = lambda: None,
    connect: files.Connect = files.open_reader,
) -> Checked:
    """A new snapshot, and no more than `keep` afterwards.

    Raises `LedgerCorrupt` where the ledger or the copy is damaged, `LedgerUnusable` where there is no room or no right
    to write; what was kept before is still there then.
    """
    try:
        into.mkdir(mode=0o750, exist_ok=True)
        _forget_parts(into)
        _need_room(folder, into)
        _copy(folder, into, connect)
        found = check_whole(into, pause, PART)
        made = into / f"ledger-{found.log}-{found.seq:012d}.db"
        (into / PART).replace(made)
        files.sync(into)
        for old in [one for one in snapshots(into) if one != made][keep - 1 :]:
            old.unlink()
    except OSError as error:
        raise LedgerUnusable(
            f"no snapshot in {into}: {error.strerror}", hint="check room, owner and permission of the folder"
        ) from error
    finally:
        _forget_parts(into)
    return found


def _need_room(folder: Path, into: Path) -> None:
    wanted = sum(one.stat().st_size for one in folder.glob(f"{files.DATABASE}*")) + ROOM_BYTES_MIN
    if free_bytes(into) < wanted:
        raise LedgerUnusable(
            f"no snapshot in {into}: it needs {wanted // 1_000_000} MB of free room, with what must stay free",
            hint="free some disk space, name another disk as backup.folder, or keep fewer",
        )


def _copy(folder: Path, into: Path, connect: files.Connect) -> None:
    part = into / PART
    with closing(connect(folder)) as connection:
        try:
            connection.execute("VACUUM INTO ?", (str(part),))
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE:
                raise LedgerCorrupt(f"the ledger cannot be copied: {error}", hint="see docs/restore.md") from error
            raise LedgerUnusable(
                f"no snapshot in {into}: {error}", hint="check room, owner and permission of the folder"
            ) from error
    shutil.copymode(folder / files.DATABASE, part)
    files.sync(part)


def _forget_parts(into: Path) -> None:
    """What an interrupted snapshot left, and SQLite's files beside it."""
    for left in into.glob(f"{PART}*"):
        left.unlink(missing_ok=True)
