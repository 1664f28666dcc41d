"""The ledger's schema, moved forward by sqlite-utils migrations.

`PRAGMA user_version` counts the migrations that are in the file: a file that is up to date is opened without importing
sqlite-utils, which is memory and time at every start.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from agent.errors import LedgerUnusable

if TYPE_CHECKING:
    from sqlite_utils import Database

STEPS = ("001_log", "002_tags", "003_places", "004_books", "005_openings")
VERSION = len(STEPS)
# Of an event: it is not pruned. What is below the door is gone, whether its row is deleted already or not.
DOOR = "(SELECT COALESCE(MAX(below), 1) FROM prune_door)"
KEPT = f"seq >= {DOOR}"


def version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, refold: Callable[[sqlite3.Connection], Any] | None = None) -> None:
    """Bring the file to `VERSION`. A file of a newer release is refused, never written to.

    `refold` makes the projections of an older file again, in the transaction that ends its migration: an older release
    did not know what this one's tables say of its events.
    """
    found = version(connection)
    if found > VERSION:
        raise LedgerUnusable(
            f"the ledger has schema {found}, this release knows {VERSION}",
            hint="install the release that wrote it, or a newer one",
        )
    if found == VERSION:
        return
    from sqlite_utils import Database  # noqa: PLC0415  see the top of this file
    from sqlite_utils.migrations import Migrations  # noqa: PLC0415  same

    steps = Migrations("ledger")
    for number, name in enumerate(STEPS, start=1):
        steps(name=name)(_step(number, name, refold if number == VERSION else None))
    steps.apply(Database(connection))


def _step(
    number: int, name: str, refold: Callable[[sqlite3.Connection], Any] | None = None
) -> Callable[[Database], None]:
    def apply(database: Database, /) -> None:
        connection = database.conn
        for statement in _statements(name):
            connection.execute(statement)
        if refold is not None and connection.execute("SELECT 1 FROM event LIMIT 1").fetchone():
            refold(connection)
        connection.execute(f"PRAGMA user_version = {number}")

    return apply


def _statements(name: str) -> list[str]:
    """A script's statements; `executescript` would commit the migration's transaction."""
    text = (files("agent.ledger") / "schema" / f"{name}.sql").read_text("utf-8")
    found: list[str] = []
    pending = ""
    for line in text.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            found.append(pending)
            pending = ""
    return found
