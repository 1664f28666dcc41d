"""Projections made again from the latest opening: to the same bytes, or something is wrong with the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any

from agent.ledger import files
from agent.ledger.transaction import session_body
from agent.operations import sessions
from agent.operations.values import Session
from contract.stock import StockKey, event_deltas, opening_rows

Tables = dict[str, list[tuple[Any, ...]]]


def fold(bodies: Iterable[bytes]) -> Tables:
    """The projections that these events make, in key order. An opening's first part starts from nothing."""
    stock: dict[StockKey, int] = {}
    held: dict[str, Session] = {}
    for body in bodies:
        event = files.parse(body)
        stated = opening_rows(event)
        if stated is not None:
            if event["data"]["part"] == 1:
                stock, held = {}, {}
            stock.update({StockKey(*row[:4]): row.quantity for row in stated})
            held.update({one["station"]: sessions.restored(one) for one in event["data"]["state"]["sessions"]})
            continue
        for key, delta in event_deltas(event):
            stock[key] = stock.get(key, 0) + delta
        sessions.fold(held, event["type"], event["seq"], event["source"], event["data"])
    return {
        "stock": sorted((*key, quantity) for key, quantity in stock.items() if quantity),
        "session": sorted((name, session_body(session)) for name, session in held.items()),
    }


def latest_opening(connection: sqlite3.Connection) -> int:
    """Sequence of part 1 of the newest opening; event 1 of a young log."""
    rows = connection.execute(
        "SELECT seq FROM event WHERE type = 'journal' AND json_extract(CAST(body AS TEXT), '$.data.kind') = 'opening' "
        "AND json_extract(CAST(body AS TEXT), '$.data.part') = 1 ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    return int(rows[0]) if rows else 1


def rebuild(connection: sqlite3.Connection, progress: Callable[[int], None] = lambda _count: None) -> Tables:
    """Replace the projections in one transaction; gives what they are now."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        tables = fold(_bodies(connection, latest_opening(connection), progress))
        connection.execute("DELETE FROM stock")
        connection.execute("DELETE FROM session")
        connection.executemany("INSERT INTO stock VALUES (?, ?, ?, ?, ?)", tables["stock"])
        connection.executemany("INSERT INTO session VALUES (?, ?)", tables["session"])
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return tables


def _bodies(connection: sqlite3.Connection, start: int, progress: Callable[[int], None]) -> Iterable[bytes]:
    rows = connection.execute("SELECT body FROM event WHERE seq >= ? ORDER BY seq", (start,))
    for count, row in enumerate(rows, start=1):
        if count % 10_000 == 0:
            progress(count)
        yield row[0]
