"""The store at one moment, for whoever only looks: the state that operations see, and pages of the log.

Beside the writer, in short transactions, so that the write-ahead log can be reset.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from agent.clock import Clock
from agent.ledger import files
from agent.ledger.reader import Reader
from agent.ledger.transaction import Transaction
from agent.operations.values import State
from contract.times import Stamper
from contract.topics import EventType

SCANNED_MAX = 20_000  # events that one page looks at, wanted or not: some 50 ms

T = TypeVar("T")


class Page(NamedTuple):
    """Events in the order that was asked for. `cursor` is where the next page begins, `more` whether there is one."""

    events: list[dict[str, Any]]
    cursor: int
    more: bool


class Moments:
    """One connection, one look at a time, from any thread."""

    def __init__(self, folder: Path, clock: Clock, stamper: Stamper) -> None:
        self._reader = Reader(folder)
        self._connection = files.open_reader(folder)
        self._clock = clock
        self._stamper = stamper
        self._lock = threading.Lock()

    def close(self) -> None:
        with self._lock:
            self._connection.close()
            self._reader.close()

    def look(self, function: Callable[[State], T]) -> T:
        """What a pure function says of the store; it sees one moment, however long it looks."""
        with self._lock:
            self._connection.execute("BEGIN")
            try:
                row = self._connection.execute("SELECT COALESCE(MAX(seq), 0) FROM event").fetchone()
                chain = self._reader.store, self._reader.log, int(row[0]), ""  # nothing is sealed here
                return function(Transaction(self._connection, self._clock, self._stamper, chain))
            finally:
                self._connection.execute("ROLLBACK")

    def after(self, seq: int, kind: EventType | None, needles: Sequence[Sequence[str]], limit: int) -> Page:
        """Events behind `seq`, the oldest first; `kind` None means all types.

        Of each group of needles one must stand in the event's canonical JSON, such as `"sku":"MILK-1L"`. There is no
        index for it: a page looks at `SCANNED_MAX` events at most, and may be empty although more follow.
        """
        with self._lock:
            first, head = max(seq + 1, self._reader.first()), self._reader.head()
            last = min(head, first + SCANNED_MAX - 1)
            events = self._scan((first, last), kind, needles, "ASC", limit)
            cursor = events[-1]["seq"] if len(events) == limit else max(last, seq)
            return Page(events, cursor, cursor < head)

    def before(self, seq: int, kind: EventType | None, needles: Sequence[Sequence[str]], limit: int) -> Page:
        """As `after`, the newest first: events below `seq`."""
        with self._lock:
            first, head = self._reader.first(), self._reader.head()
            last = min(head, seq - 1)
            start = max(first, last - SCANNED_MAX + 1)
            events = self._scan((start, last), kind, needles, "DESC", limit)
            cursor = events[-1]["seq"] if len(events) == limit else start
            return Page(events, cursor, cursor > first)

    def _scan(
        self, span: tuple[int, int], kind: EventType | None, needles: Sequence[Sequence[str]], order: str, limit: int
    ) -> list[dict[str, Any]]:
        where, values = ["seq BETWEEN ? AND ?"], [*span]
        if kind is not None:
            where.append(f"type = '{kind}'")  # in the statement: only so is the index of exceptions used
        texts: list[bytes] = []
        for group in needles:
            where.append("(" + " OR ".join(["instr(body, ?) > 0"] * len(group)) + ")")
            texts += [one.encode() for one in group]
        statement = f"SELECT body FROM event WHERE {' AND '.join(where)} ORDER BY seq {order} LIMIT ?"  # noqa: S608
        rows = self._connection.execute(statement, (*values, *texts, limit))
        return [files.parse(row[0]) for row in rows]
