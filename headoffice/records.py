"""Rows of the tables that are folded from events one by one: fields are columns, in their order. Pure.

What a store has of each is found by its key: the columns that `TABLES` names, behind `store`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from contract.stock import StockKey

Key = tuple[str | int, ...]


class Place(NamedTuple):
    """Of an event, and when head office stored it."""

    log: str
    seq: int
    at_us: int


class Reservation(NamedTuple):
    sku: str
    quantity: int
    made: int
    order_id: str | None
    expires_at: str | None
    seq: int


class Tag(NamedTuple):
    sku: str
    zone: str
    seq: int
    at_us: int


class Document(NamedTuple):
    kind: str
    status: str
    revision: int
    from_place: str
    to_place: str
    expected: int
    done: int
    damaged: int
    over: int
    short: int
    opened_at: str | None
    closed_at: str | None
    log: str
    seq: int
    at_us: int
    lines: str


class Counted(NamedTuple):
    zone: str
    request: str | None
    blind: int
    lines_total: int
    accuracy_permille: int
    exact_permille: int
    expected: int
    counted: int
    units_off: int
    units_net: int
    approved_at: str
    seq: int
    at_us: int
    lines: str


class Problem(NamedTuple):
    """A row of `exception`."""

    kind: str
    reason: str
    sku: str | None
    zone: str | None
    quantity: int | None
    occurred_at: str
    at_us: int
    resolution: str | None
    body: str


Record = Reservation | Tag | Document | Counted | Problem


class Books(Protocol):
    """A store's rows as they were before the fold, and its events up to the one that is folded."""

    def find(self, kind: type, key: Key) -> Record | None:
        """The row of a table by its key without the store; None where there is none."""
        ...

    def stock(self) -> dict[StockKey, int]: ...
    def reserved(self) -> dict[str, Reservation]: ...
    def events(self, log: str, first: int, last: int) -> Iterable[dict[str, Any]]: ...


TABLES: Mapping[type[Record], tuple[str, tuple[str, ...]]] = {
    Reservation: ("reservation", ("reservation",)),
    Tag: ("tag", ("epc",)),
    Document: ("document", ("document",)),
    Counted: ("counted", ("log", "count_id")),
    Problem: ("exception", ("log", "seq")),
}
