"""Head office's database, whichever it is: opened, brought up to date, held against a second head office."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from headoffice import rebuilding, store
from headoffice.database import is_postgres
from headoffice.storing import Storage


@contextmanager
def locked(target: str) -> Generator[None]:
    """One worker a file. PostgreSQL takes several: there every commit says for itself whether it holds."""
    if is_postgres(target):
        yield
        return
    with store.locked(Path(target)):
        yield


def open_storage(target: str, *, read_only: bool = False) -> Storage:
    """Schema and projections are made, or brought up to date, unless it is only read. Raises `DatabaseUnusable`."""
    if is_postgres(target):
        from headoffice.postgres import PostgresStore  # noqa: PLC0415  an extra: jaego[postgres]

        opened: Storage = PostgresStore(target, read_only=read_only)
    else:
        opened = store.Store(Path(target), read_only=read_only)
    if not read_only:
        rebuilding.bring_up(opened, _say)
    return opened


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
