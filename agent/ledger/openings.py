"""The complete state of a ledger as the parts of an opening: what `rebuild` makes its tables of again, to the byte."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from agent.ledger import files
from agent.ledger.schema import KEPT
from contract.opening import opening_parts
from contract.stock import StockRow, wire_row


class Prepared(NamedTuple):
    """Parts of an opening, true of the ledger as long as event `head` is its newest."""

    head: int
    parts: list[dict[str, Any]]


def prepare(folder: Path) -> Prepared:
    """The parts as of now, made beside the writer, who does not wait. Raises as `state_parts`."""
    with closing(files.open_reader(folder)) as connection, files.read_errors(folder):
        connection.execute("BEGIN")
        (head,) = connection.execute("SELECT MAX(seq) FROM event").fetchone()
        return Prepared(head, state_parts(connection, parent_of(connection)))


def state_parts(connection: sqlite3.Connection, parent: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Unsigned data of the parts, in order, of all projections as they are; `parent` is the log's.

    The caller holds one moment of the ledger. Raises `CanonicalError` where a single record has no room in an event.
    """
    rows = connection.execute
    stock = [wire_row(StockRow(*row)) for row in rows("SELECT * FROM stock ORDER BY 1, 2, 3, 4")]
    sessions = [orjson.loads(row[0]) for row in rows("SELECT body FROM session ORDER BY station")]
    books = [[book, key, orjson.loads(body)] for book, key, body in rows("SELECT * FROM book ORDER BY 1, 2")]
    more = {
        "counted": rows("SELECT * FROM counted ORDER BY 1, 2, 3").fetchall(),
        "serials": rows("SELECT * FROM serial ORDER BY 1").fetchall(),
        "tags": rows("SELECT * FROM tag ORDER BY 1").fetchall(),
        "progress": rows("SELECT * FROM progress ORDER BY 1, 2").fetchall(),
        "doubts": rows("SELECT * FROM doubt ORDER BY 1").fetchall(),
        "books": books,
    }
    return opening_parts(stock, sessions, parent, more)


def parent_of(connection: sqlite3.Connection) -> dict[str, Any] | None:
    """The parent of the log, as each of its openings names it: the log begins with one."""
    row = connection.execute(f"SELECT body FROM event WHERE {KEPT} ORDER BY seq LIMIT 1").fetchone()  # noqa: S608
    parent: dict[str, Any] | None = files.parse(row[0])["data"]["parent"]
    return parent
