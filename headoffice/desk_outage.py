"""What a thread of the desk does when it has lost the database: says it once, and comes back to it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from headoffice.database import Database, open_database
from headoffice.errors import DatabaseUnusable
from headoffice.web.errors import database_errors, is_mistake

RETRY_S = 2.0
START_S = 0.25
DATABASE_S_MAX = 30.0  # at the start, for a worker that makes it
Say = Callable[[str], None]
Well = Callable[[], None]


def outlasting(target: str, stop: threading.Event, say: Say, name: str, body: Callable[[Well], None]) -> None:
    """`body`, again after each outage; it says `well` once it has the database. Until it returns, or `stop`."""
    errors = database_errors(target)
    lost = False

    def well() -> None:
        nonlocal lost
        if lost:
            say(f"desk: {name}: the database is there again")
        lost = False

    while not stop.is_set():
        try:
            body(well)
        except errors as error:
            if is_mistake(error):
                raise
            if not lost:
                say(f"desk: {name}: the database is lost, trying again: {error}")
            lost = True
            stop.wait(RETRY_S)
        else:
            return


def with_database(target: str, stop: threading.Event, say: Say, name: str, body: Callable[[Database], None]) -> None:
    """As `outlasting`, with a connection that only reads."""

    def connected(well: Well) -> None:
        database = open_database(target, read_only=True)
        try:
            ready(database)
            well()
            body(database)
        finally:
            database.close()

    outlasting(target, stop, say, name, connected)


def ready(database: Database) -> None:
    """Raises one of `database_errors` if it is not there, or not made yet."""
    database.rows("SELECT store FROM position LIMIT 1")


def await_database(target: str, stop: threading.Event, say: Say) -> None:
    """Until a worker has made it. Raises `DatabaseUnusable`."""
    errors, tries = database_errors(target), int(DATABASE_S_MAX / START_S)
    for left in range(tries, -1, -1):
        try:
            database = open_database(target, read_only=True)
            try:
                ready(database)
            finally:
                database.close()
        except errors as error:
            if not left or stop.is_set():
                raise DatabaseUnusable(f"the database cannot be read: {error}", hint="start jaego-hq run") from error
            if left == tries - int(RETRY_S / START_S):
                say("desk: waiting for jaego-hq run to make the database")
            stop.wait(START_S)
        else:
            return
