"""What is kept about a store's logs beside their events: what was skipped, where openings begin, which key signs.

Written in the transaction that stores the events; `mending` takes back what it says of events that are set aside.
"""

from __future__ import annotations

from collections.abc import Iterable

from headoffice.database import Database
from headoffice.taken import Note, Opened, Rekeyed, Skipped


def note(database: Database, store: str, notes: Iterable[Note], now_us: int) -> None:
    """In the caller's transaction."""
    for one in notes:
        if isinstance(one, Skipped):
            sql = "INSERT INTO skipped (store, log, seq_from, seq_to, at_us) VALUES (?, ?, ?, ?, ?)"
        elif isinstance(one, Opened):
            sql = "INSERT INTO opening (store, log, seq, parts, at_us) VALUES (?, ?, ?, ?, ?)"
        else:
            sql = "INSERT INTO key_change (store, log, seq, key, next, at_us) VALUES (?, ?, ?, ?, ?, ?)"
            _given_out(database, store, one)
        database.write(sql, (store, *one, now_us))


def _given_out(database: Database, store: str, change: Rekeyed) -> None:
    """A key that was enrolled and has signed its log until now does not sign the next one."""
    database.write(
        "INSERT INTO enrolled_key (store, key, at_us) VALUES (?, ?, 0) "
        "ON CONFLICT (store, key) DO UPDATE SET at_us = 0",
        (store, change.key),
    )


def take_back(database: Database, store: str, log: str, seq: int) -> None:
    """What was noted of this log from event `seq` on. In the caller's transaction."""
    database.write("DELETE FROM skipped WHERE store = ? AND log = ? AND seq_to >= ?", (store, log, seq))
    for table in ("opening", "key_change"):
        database.write(f"DELETE FROM {table} WHERE store = ? AND log = ? AND seq >= ?", (store, log, seq))


def skipped(database: Database, store: str, log: str) -> list[Skipped]:
    """In their order; two that touch are one."""
    found: list[Skipped] = []
    for row in database.rows(
        "SELECT log, seq_from, seq_to FROM skipped WHERE store = ? AND log = ? ORDER BY seq_from", (store, log)
    ):
        one = Skipped(*row)
        if found and found[-1].seq_to + 1 == one.seq_from:
            one = found.pop()._replace(seq_to=one.seq_to)
        found.append(one)
    return found


def oldest(database: Database, store: str) -> tuple[str, int]:
    """The store's log and the oldest event that it has of it, as it said last."""
    rows = database.rows("SELECT log, first_seq FROM store_state WHERE store = ? AND log IS NOT NULL", (store,))
    return (rows[0][0], rows[0][1]) if rows else ("", 1)


def key_at(database: Database, store: str, log: str, seq: int, pinned: str | None) -> str | None:
    """The key that signs what comes behind event `seq` of the log whose key is `pinned` at its end."""
    rows = database.rows(
        "SELECT key FROM key_change WHERE store = ? AND log = ? AND seq > ? ORDER BY seq LIMIT 1", (store, log, seq)
    )
    return rows[0][0] if rows else pinned
