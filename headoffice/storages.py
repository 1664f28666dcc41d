"""Head office's database, whichever it is: opened, brought up to date, held against a second head office."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from headoffice import rebuilding, store
from headoffice.database import connect_postgres, is_postgres
from headoffice.errors import DatabaseAway
from headoffice.storing import Storage

WAIT_S_MIN = 0.25
WAIT_S_MAX = 10.0


@contextmanager
def locked(target: str) -> Generator[None]:
    """One worker a file. PostgreSQL takes several: there every commit says for itself whether it holds."""
    if is_postgres(target):
        yield
        return
    with store.locked(Path(target)):
        yield


def await_server(target: str, stop: threading.Event, say: Callable[[str], None], chance: Callable[[], float]) -> None:
    """Until PostgreSQL takes connections, or `stop`; said once. Raises `DatabaseUnusable` for what no waiting mends."""
    tries = 0
    while is_postgres(target) and not stop.is_set():
        try:
            connect_postgres(target).close()
        except DatabaseAway as error:
            if not tries:
                say(f"{error}; waiting for it: {error.hint}")
            tries += 1
            stop.wait(min(WAIT_S_MAX, WAIT_S_MIN * 2 ** min(tries, 10)) * (0.5 + chance()))
        else:
            if tries:
                say(f"the database is there, after {tries} tries")
            return


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
