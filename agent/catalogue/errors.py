"""Errors of the catalogue. Each carries a hint: what a person can do.

    CatalogueError
    +-- CatalogueFileError    a file that cannot be imported at all (coding, columns, form)
    +-- CatalogueCorrupt      the database is damaged or newer than this program: set it aside, import again
    +-- CatalogueUnavailable  held by another process, disk full, no permission: try again

A bad row is no error but a `Refusal` in the report.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


class CatalogueError(Exception):
    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class CatalogueFileError(CatalogueError):
    pass


class CatalogueCorrupt(CatalogueError):
    pass


class CatalogueUnavailable(CatalogueError):
    pass


DAMAGED_HINT = "set the file aside and import the catalogue again, from head office or from its file"
_PRIMARY = 0xFF  # SQLite keeps the primary result code in the low byte of an extended one
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
_ELSEWHERE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
    }
)


@contextmanager
def translated(path: Path) -> Generator[None]:
    """SQLite's errors as ours; what is left (a wrong statement) is a bug and goes through."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        ours = translation(error, path)
        if ours is None:
            raise
        raise ours from error


def translation(error: sqlite3.DatabaseError, path: Path) -> CatalogueError | None:
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    if code in _DAMAGED:
        return CatalogueCorrupt(
            f"the catalogue {path} is damaged: {error}",
            hint=DAMAGED_HINT,
        )
    if code in _ELSEWHERE:
        return CatalogueUnavailable(
            f"the catalogue {path} cannot be used: {error}",
            hint="free disk space, check the permissions of the folder, or wait until the other process is done",
        )
    return None
