"""What head office asks of a database that keeps events, whichever it is.

store.py       SQLite: one file, one worker
postgres.py    PostgreSQL: many workers, a month a partition
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from contract.canonical import INTEGER_MAX
from contract.stock import StockRow
from headoffice.database import Database
from headoffice.refusals import Refusal
from headoffice.taken import Accepted, Note, Outcome, Position, Skipped


class Extent(NamedTuple):
    """How much of a log is stored: so many events with numbers `first` to `last`."""

    log: str
    events: int
    first: int
    last: int


class Quarantined(NamedTuple):
    """What was refused: `times` it came, first and last at (microseconds since 1970), `body` is the beginning of it."""

    store: str
    code: str
    log: str | None
    seq: int | None
    reason: str
    times: int
    at_us: int
    last_at_us: int
    body: bytes


class Written(NamedTuple):
    """An event as it lies in the table; nothing of it is checked."""

    seq: int
    type: str
    hash: str
    body: bytes
    at_us: int


class Batch:
    """What one round brought of one store; `before` is the position from which it went on."""

    __slots__ = ("accepted", "before", "key", "notes", "position", "refusals", "store")

    def __init__(self, store: str, before: Position | None = None) -> None:
        self.store = store
        self.before = before
        self.accepted: list[Accepted] = []
        self.refusals: list[Refusal] = []
        self.notes: list[Note] = []
        self.position: Position | None = None
        self.key: str | None = None

    def add(self, outcome: Outcome, position: Position | None, key: str | None) -> None:
        """What came of a message, and where that leaves the engine."""
        self.accepted += outcome.accepted
        self.refusals += outcome.refusals
        self.notes += outcome.notes
        self.position, self.key = position, key


class Storage(Protocol):
    """One connection with the schema in place; one writer a store."""

    @property
    def database(self) -> Database:
        """The same connection, for everything that is not about events."""
        ...

    def save(self, batches: Iterable[Batch], now_us: int, fence: Callable[[Database], None] | None = None) -> None:
        """Everything of one round in one commit: events, positions, projections, refusals.

        `fence` looks first, in the same transaction, whether this worker may still write; it raises `LeaseLost` if not.
        Raises `DatabaseFull`, `DatabaseLost` (the connection; come again), `LeaseLost` (a store of the round has gone
        on without this worker). Whatever it raises, nothing of the round is stored, unless the connection broke in the
        middle of the commit: after `DatabaseLost` what is stored is to be read again.
        """
        ...

    def expect(self, store: str, bodies: Mapping[str, bytes | None]) -> None: ...
    def stores(self) -> list[str]: ...
    def position(self, store: str) -> tuple[Position, str | None] | None: ...
    def hash_at(self, store: str) -> Callable[[str, int], str | None]: ...
    def knows(self, store: str) -> Callable[[str], bool]: ...
    def expected(self, store: str, since: int) -> list[tuple[str, int, bytes | None]]: ...
    def stock(self, store: str, sku_from: str | None = None, sku_to: str | None = None) -> list[StockRow]: ...
    def snapshot(
        self, store: str, sku_from: str | None, sku_to: str | None
    ) -> tuple[Position | None, list[StockRow]]: ...
    def moment(self) -> AbstractContextManager[None]: ...
    def extents(self, store: str) -> list[Extent]: ...
    def skipped(self, store: str, log: str) -> list[Skipped]: ...
    def first_missing(self, store: str, log: str) -> int: ...
    def written(self, store: str, log: str, first: int = 1, last: int = INTEGER_MAX) -> Iterator[Written]: ...
    def newest(self, store: str, limit: int) -> list[dict[str, Any]]: ...
    def quarantined(self, store: str | None = None) -> Iterator[Quarantined]: ...
    def counts(self) -> Iterator[tuple[str, int, int]]: ...
    def close(self) -> None: ...
