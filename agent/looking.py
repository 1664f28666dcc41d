"""What the screens read of the ledger: one connection, one reader at a time, any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from agent.health import outbox
from agent.ledger.reader import Reader
from agent.operations.values import Session
from agent.uplink.engine import Engine
from contract.catalog import Item
from contract.stock import StockRow

SKUS_HELD_MAX = 50_000
T = TypeVar("T")


class Items(Protocol):
    def item(self, sku: str, /) -> Item | None: ...

    def revision(self) -> int: ...


class Looking:
    def __init__(self, reader: Reader, items: Items) -> None:
        self._reader = reader
        self._items = items
        self._lock = threading.Lock()
        self._kinds: dict[str, str] = {}
        self._revision = -1

    def ask(self, question: Callable[[Reader], T]) -> T:
        with self._lock:
            return question(self._reader)

    def stock(self, sku: str | None, zone: str | None) -> list[StockRow]:
        with self._lock:
            return self._reader.stock(sku, zone)

    def exceptions(self, limit: int) -> list[dict[str, Any]]:
        """The newest, oldest first."""
        with self._lock:
            return self._reader.newest(limit, "exception")

    def sessions(self) -> dict[str, Session]:
        with self._lock:
            return self._reader.sessions()

    def waiting(self, engine: Engine, now_us: int) -> tuple[int, int]:
        """Events that the slowest consumer has not acknowledged, and the age of the oldest in seconds."""
        with self._lock:
            return outbox(self._reader, engine, now_us)

    def expected(self, zone: str) -> int:
        """Tags that stock says are in a zone: units of items that are tracked by serial, or of all that are counted in
        pieces where no item there is."""
        serial = pieces = 0
        for row in self.stock(None, zone):
            kind = self._kind(row.sku)
            serial += row.quantity if kind == "serial" else 0
            pieces += row.quantity if kind != "gram" else 0
        return max(0, serial or pieces)

    def _kind(self, sku: str) -> str:
        revision = self._items.revision()
        if revision != self._revision or len(self._kinds) > SKUS_HELD_MAX:
            self._revision, self._kinds = revision, {}
        if sku not in self._kinds:
            item = self._items.item(sku)
            self._kinds[sku] = "each" if item is None else "gram" if item.base_unit == "gram" else item.tracking
        return self._kinds[sku]
