"""Copies of head office's database where it is a file: of one moment, verified, some of them kept.

A copy has its name only once it is whole and on the disk. SQLite's backup interface copies page by page within one read
of the write-ahead log: the worker goes on writing meanwhile and never waits. Whatever is newer than a copy, the stores
send again when it is put back (docs/install.md).
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from headoffice import own
from headoffice.database import is_postgres
from headoffice.errors import ConfigError, Damaged, DatabaseUnusable
from headoffice.store import Store

PART = "backup.part"
ROOM_BYTES_MIN = 500_000_000  # that a copy leaves: it must never be what stops the worker


class Backup(NamedTuple):
    """`stores` of which every event is there, from the first to the position."""

    file: Path
    size_bytes: int
    stores: int


def backups(folder: Path) -> list[Path]:
    """Those that are kept, the newest first."""
    return sorted(folder.glob("headoffice-*.db"), reverse=True)


def back_up(target: str, folder: Path, *, keep: int, wall_us: int) -> Backup:
    """A new copy in `folder`, and no more than `keep` afterwards.

    Raises `ConfigError` for PostgreSQL, `DatabaseUnusable` where there is no room or no right to write, `Damaged` where
    the copy is not whole: it is deleted then, and the older ones stay.
    """
    if is_postgres(target):
        raise ConfigError(
            "PostgreSQL has its own way to make copies", hint="pg_dump --format=custom --file=FILE 'postgresql://…'"
        )
    stamp = datetime.fromtimestamp(wall_us / 1e6, UTC).strftime("%Y%m%dT%H%M%SZ")
    source, made = Path(target), folder / f"headoffice-{stamp}.db"
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        _forget_parts(folder)
        _copy(source, folder / PART)
        stores = _verified(folder / PART)
        _sync(folder / PART)
        (folder / PART).replace(made)
        _sync(folder)
        for old in [one for one in backups(folder) if one != made][keep - 1 :]:
            old.unlink()
        return Backup(made, made.stat().st_size, stores)
    except OSError as error:
        raise DatabaseUnusable(
            f"no copy in {folder}: {error.strerror}", hint="check room, owner and permission of the folder"
        ) from error
    finally:
        _forget_parts(folder)


def _copy(source: Path, part: Path) -> None:
    if not source.is_file():
        raise DatabaseUnusable(f"there is no database {source}", hint="is this the file that jaego-hq run writes?")
    wanted = source.stat().st_size + ROOM_BYTES_MIN
    if shutil.disk_usage(part.parent).free < wanted:
        raise DatabaseUnusable(
            f"no copy in {part.parent}: it needs {wanted // 1_000_000} MB of free room, with what must stay free",
            hint="free some disk space, name a folder on another disk, or keep fewer",
        )
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640))
    address = f"{source.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as held, closing(sqlite3.connect(part)) as copy:
            held.backup(copy)  # all pages in one step: in several, it would begin anew with every commit of the worker
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, which can be taken away as it is
    except sqlite3.DatabaseError as error:
        raise DatabaseUnusable(
            f"{source} cannot be copied: {error}", hint="is the disk full, or failing? dmesg, smartctl -a"
        ) from error


def _verified(part: Path) -> int:
    """SQLite's structures, and of every store that its events are there: how many stores. Raises `Damaged`."""
    with closing(Store(part, read_only=True)) as held:
        try:
            found = str(held.database.rows("PRAGMA quick_check(1)")[0][0])
        except sqlite3.DatabaseError as error:
            found = str(error)
        if found != "ok":
            raise Damaged(f"the copy is damaged: {found}", hint="look at the disk: dmesg, smartctl -a")
        stores = held.stores()
        for store in stores:
            own.check(held, store)
        return len(stores)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _forget_parts(folder: Path) -> None:
    for left in folder.glob(f"{PART}*"):
        left.unlink(missing_ok=True)
