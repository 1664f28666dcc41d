"""Head office's database, whichever it is: opened, brought up to date, held against a second head office."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from headoffice import store
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
    """Its schema is made, or brought up to date, unless it is only read. Raises `DatabaseUnusable`."""
    if is_postgres(target):
        from headoffice.postgres import PostgresStore  # noqa: PLC0415  an extra: jaego[postgres]

        return PostgresStore(target, read_only=read_only)
    return store.Store(Path(target), read_only=read_only)
