"""A disk that breaks on purpose, under the real SQLite: full, cut in the middle of a commit, or forgetting what it
had confirmed.

A killed process leaves what it wrote. A cut of the power leaves what was synced, and of what was written since any
sectors: with `synchronous=FULL` that is the commit which is under way. So a cut is made inside one, from the files as
they were before and after it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Literal

from agent.ledger.files import DATABASE

SECTOR_BYTES = 512
LOG_HEADER_BYTES = 32  # sqlite.org/fileformat2.html, 4.1
CHECKPOINT_PAGES = (5, 50, 1000)  # a day is too short for SQLite's 1,000 to come often
FILES = (DATABASE, DATABASE + "-wal")
CutAt = Literal["before the commit", "in the commit", "after the commit"]
Image = dict[str, bytes]


class Crash(BaseException):
    """The process is gone, at this statement. No code of ours may catch it."""


class DiskConnection(sqlite3.Connection):
    """The writer's; the disk looks at each commit."""

    disk: Disk

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if sql == "COMMIT":
            return self.disk.commit(lambda: super(DiskConnection, self).execute(sql))
        return super().execute(sql, parameters)


class Disk:
    def __init__(self, folder: Path, chance: Random) -> None:
        self.folder = folder
        self._chance = chance
        self._pages = chance.choice(CHECKPOINT_PAGES)
        self.full = False
        self.cut_at: CutAt | None = None  # in the next commit
        self.old: Image | None = None  # to which a lying disk falls back
        self._image: Image | None = None
        self.lied = False
        self.commits = 0
        self.refused = 0

    def connect(self, path: Path) -> sqlite3.Connection:
        made = sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=DiskConnection)
        made.disk = self
        made.execute(f"PRAGMA wal_autocheckpoint = {self._pages}")
        return made

    def room(self, _folder: Path) -> int:
        return 0 if self.full else 1 << 30

    def commit(self, commit: Callable[[], sqlite3.Cursor]) -> sqlite3.Cursor:
        if self.full:
            self.refused += 1
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        cut, self.cut_at = self.cut_at, None
        if cut == "before the commit":
            raise Crash
        before = self.read() if cut == "in the commit" else None
        done = commit()
        self.commits += 1
        if before is not None:
            self._image = self._torn(before, self.read())
        if cut is not None:
            raise Crash
        return done

    def _torn(self, before: Image, after: Image) -> Image:
        """Of what this commit wrote some sectors are there. SQLite syncs its log before it writes the database; and a
        log that begins anew syncs its header before any frame, or the old frames behind it would be read again."""
        taken_in = before[DATABASE] != after[DATABASE]
        name = DATABASE if taken_in else DATABASE + "-wal"
        old, new = before[name], after[name]
        if not taken_in and old[:LOG_HEADER_BYTES] != new[:LOG_HEADER_BYTES]:
            begun = new[:LOG_HEADER_BYTES] + old[LOG_HEADER_BYTES:]
            if self._chance.random() < 0.3:
                return {**after, name: self._chance.choice((old, begun))}
            old = begun
        return {**after, name: self._mixed(old, new)}

    def _mixed(self, old: bytes, new: bytes) -> bytes:
        size = max(len(old), len(new))
        old, made = old.ljust(size, b"\0"), bytearray(new.ljust(size, b"\0"))
        spots = range(0, size, SECTOR_BYTES)
        changed = [at for at in spots if old[at : at + SECTOR_BYTES] != made[at : at + SECTOR_BYTES]]
        kept = self._chance.randint(0, len(changed))
        if self._chance.random() < 0.5:  # in the order they were written, or any of them
            self._chance.shuffle(changed)
        for at in changed[kept:]:
            made[at : at + SECTOR_BYTES] = old[at : at + SECTOR_BYTES]
        return bytes(made)

    def read(self) -> Image:
        found = {name: self.folder / name for name in FILES}
        return {name: path.read_bytes() if path.exists() else b"" for name, path in found.items()}

    def remember(self) -> None:
        """What a lying disk has really kept."""
        self.old = self.read()

    def crashed(self, close: Callable[[], None]) -> None:
        """Close what the dead process had open, and leave the files as it left them."""
        self.lied = self.lied or self.old is not None
        image = self.old or self._image or self.read()
        self.old = self._image = self.cut_at = None
        close()
        for name, data in image.items():
            path = self.folder / name
            if data:
                path.write_bytes(data)
            else:
                path.unlink(missing_ok=True)
        (self.folder / (DATABASE + "-shm")).unlink(missing_ok=True)
