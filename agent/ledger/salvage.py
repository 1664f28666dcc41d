"""What can be saved of a damaged ledger: the newest snapshot that is whole, and every event behind it that is exactly
what its place in the chain demands. So what is saved is what was written.

What may stay unknown is whether something was written behind the last event that fits. It is known where SQLite finds
the table of events in order.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from agent.errors import LedgerError, LedgerUnusable
from agent.ledger import files
from agent.ledger.checking import check_whole
from agent.ledger.reader import Reader, Row
from agent.ledger.schema import migrate
from agent.ledger.snapshots import snapshots
from contract.chain import GENESIS, ChainError, check_body

PART = "restored.part"
# What is no projection, taken from the damaged file where SQLite finds the table in order.
_BESIDE = ("position", "response", "expected")
_FIRST = "SELECT MAX((SELECT COALESCE(MIN(seq), 1) FROM event), (SELECT COALESCE(MAX(below), 1) FROM prune_door))"


class Saved(NamedTuple):
    """`head` and `hash` of the newest event, 0 where there is none; `sure`: nothing was written behind it."""

    log: str
    head: int
    hash: str
    saved: int
    sure: bool


def copy_snapshot(folder: Path, into: Path, snapshot: Path | None, say: Callable[[str], None]) -> Path | None:
    """The snapshot that `PART` is a copy of now: the one that is named, or the newest that is whole, or none.

    One of another log, or that ends before the ledger's first event, has nothing that the ledger could go on from.
    """
    source = snapshot or _newest_good(into, *_whose(folder), say)
    if source is not None:
        shutil.copyfile(source, folder / PART)
    return source


def _whose(folder: Path) -> tuple[str | None, int]:
    """Log and first event of the ledger, as far as they can be read."""
    with suppress(LedgerError, sqlite3.DatabaseError), closing(Reader(folder)) as reader:
        return reader.log, reader.first()
    return None, 0


def _newest_good(into: Path, log: str | None, first: int, say: Callable[[str], None]) -> Path | None:
    for one in snapshots(into):
        try:
            found = check_whole(into, name=one.name)
        except LedgerError as error:
            say(f"the snapshot {one.name} is not used: {error}")
        else:
            return one if log in {None, found.log} and found.seq + 1 >= first else None
    return None


def save(folder: Path, store: str, new: sqlite3.Connection) -> Saved:
    """Take over what the ledger in the folder has behind the newest event of `new`, in one transaction."""
    migrate(new)
    new.execute("BEGIN IMMEDIATE")
    saved, sure = 0, False
    with suppress(LedgerError), closing(files.open_reader(folder)) as old:
        saved, sure = _save_events(old, new)
        for table in _BESIDE:
            with suppress(sqlite3.DatabaseError, UnicodeDecodeError):
                _take_over(old, new, table)
    event = newest(new)
    if event is not None:
        name(new, store, event)
    new.execute("COMMIT")
    if event is None:
        return Saved("", 0, GENESIS, 0, sure=False)
    return Saved(event["log"], event["seq"], event["hash"], saved, sure)


def take_beside(folder: Path, new: sqlite3.Connection) -> None:
    """What is true for any log of the store, where it can be read."""
    with suppress(LedgerError), closing(files.open_reader(folder)) as old:
        for table in ("response", "expected"):
            with suppress(sqlite3.DatabaseError, UnicodeDecodeError):
                _take_over(old, new, table)


def newest(connection: sqlite3.Connection) -> dict[str, Any] | None:
    row = connection.execute("SELECT body FROM event ORDER BY seq DESC LIMIT 1").fetchone()
    return files.parse(row[0]) if row is not None else None


def name(new: sqlite3.Connection, store: str, event: dict[str, Any]) -> None:
    """The file's identity is that of its events. Raises `LedgerUnusable` where they are another store's."""
    if event["store"] != store:
        raise LedgerUnusable(f"this is a ledger of store {event['store']}", hint="is it the right snapshot?")
    new.execute("DELETE FROM identity")
    new.execute("INSERT INTO identity VALUES (?, ?)", (event["store"], event["log"]))


def _save_events(old: sqlite3.Connection, new: sqlite3.Connection) -> tuple[int, bool]:
    held = newest(new)
    saved, whole = 0, False
    with suppress(sqlite3.DatabaseError, UnicodeDecodeError, ChainError):
        in_order = _in_order(old, "event")
        (first,) = old.execute(_FIRST).fetchone()
        before: dict[str, Any] = held or {"seq": first - 1, "hash": GENESIS if first == 1 else None}
        for row in _rows(old, before["seq"] + 1):
            event = check_body(row[2], prev=before["hash"], seq=before["seq"] + 1)
            if row[:2] != (event["seq"], event["type"]) or any(
                event[name] != before.get(name, event[name]) for name in ("store", "log")
            ):
                raise ChainError("log", f"event {row[0]} is of another log")
            files.put_event(new, row)
            before, saved = event, saved + 1
        statement = "SELECT seq, type, body FROM event ORDER BY seq DESC LIMIT 1"
        whole = in_order and old.execute(statement).fetchone() == new.execute(statement).fetchone()
    return saved, whole


def _rows(old: sqlite3.Connection, start: int) -> Iterator[Row]:
    """One by one: a page that cannot be read takes no event with it that stands before."""
    while row := old.execute("SELECT seq, type, body FROM event WHERE seq = ?", (start,)).fetchone():
        yield row
        start += 1


def _take_over(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> None:
    if _in_order(old, table):
        rows = old.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608  our own names
        new.execute(f"DELETE FROM {table}")  # noqa: S608  same
        for row in rows:
            new.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608  same


def _in_order(old: sqlite3.Connection, table: str) -> bool:
    """Whether SQLite finds the pages and rows of one table whole."""
    try:
        return bool(old.execute(f"PRAGMA integrity_check({table})").fetchall() == [("ok",)])
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return False
