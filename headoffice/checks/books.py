"""Head office's side of a check, of one store."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson

from contract.stock import StockError, StockKey, StockRow, event_deltas, opening_rows
from headoffice import keeping, keys
from headoffice.checks.engine import Holding, NotCompared
from headoffice.event_store import SKU_LAST
from headoffice.storing import Storage, Written
from headoffice.taken import Position, Skipped

PAGE_EVENTS = 500
BACK_EVENTS_MAX = 20_000  # that are taken back to be at the store's event


class StoreBooks:
    def __init__(self, storage: Storage, store: str) -> None:
        self.store = store
        self._storage = storage
        self._hash_at = storage.hash_at(store)

    def position(self) -> tuple[Position, str | None] | None:
        return self._storage.position(self.store)

    def hash_at(self, log: str, seq: int) -> str | None:
        return self._hash_at(log, seq)

    def page(self, log: str, first: int) -> list[Written]:
        return list(self._storage.written(self.store, log, first, first + PAGE_EVENTS - 1))

    def other_logs(self, log: str) -> list[str]:
        return [extent.log for extent in self._storage.extents(self.store) if extent.log != log]

    def skipped(self, log: str) -> list[Skipped]:
        return self._storage.skipped(self.store, log)

    def oldest(self, log: str) -> int:
        said, first = keeping.oldest(self._storage.database, self.store)
        return first if said == log else 1

    def keys(self) -> set[str]:
        held = self.position()
        return keys.of_logs(self._storage.database, self.store, held[1] if held else None)

    def rows(self, log: str, seq: int, sku_from: str | None, sku_to: str | None) -> list[StockRow] | None:
        with self._storage.moment():
            held = self.position()
            if held is None or held[0].log != log or held[0].seq < seq:
                return None
            if held[0].seq - seq > BACK_EVENTS_MAX:
                raise NotCompared("the store's answer is too old")
            rows = {StockKey(*row[:4]): row.quantity for row in self._storage.stock(self.store, sku_from, sku_to)}
            for one in self._storage.written(self.store, log, seq + 1, held[0].seq):
                with suppress(StockError, ValueError, KeyError, TypeError):  # damaged: what looks at events says so
                    self._take_back(rows, orjson.loads(one.body))
        last = SKU_LAST if sku_to is None else sku_to
        return [StockRow(*key, quantity) for key, quantity in rows.items() if (sku_from or "") <= key.sku <= last]

    def _take_back(self, rows: dict[StockKey, int], event: dict[str, Any]) -> None:
        if opening_rows(event) is not None:
            raise NotCompared("the store stated its stock anew meanwhile")
        for key, delta in event_deltas(event):
            rows[key] = rows.get(key, 0) - delta

    def holdings(self) -> tuple[Position | None, dict[str, Holding]]:
        database = self._storage.database
        with self._storage.moment():
            held = self.position()
            reserved = dict[str, int](
                database.rows(
                    "SELECT sku, CAST(SUM(quantity) AS INTEGER) FROM reservation WHERE store = ? GROUP BY sku",
                    (self.store,),
                )
            )
            stock = {
                sku: (on_hand, sellable)
                for sku, on_hand, sellable in database.rows(
                    "SELECT sku, CAST(SUM(quantity) AS INTEGER), CAST(SUM(CASE WHEN disposition = 'sellable' "
                    "THEN quantity ELSE 0 END) AS INTEGER) FROM stock WHERE store = ? GROUP BY sku",
                    (self.store,),
                )
            }
            changed = database.rows("SELECT sku, log, seq FROM sku_changed WHERE store = ?", (self.store,))
        position = held[0] if held else None
        newest = {sku: seq for sku, log, seq in changed if position is not None and log == position.log}
        names = stock.keys() | reserved.keys() | newest.keys()
        found: dict[str, Holding] = {}
        for sku in names:
            on_hand, sellable = stock.get(sku, (0, 0))
            found[sku] = Holding(on_hand, reserved.get(sku, 0), newest.get(sku, 0), sellable)
        return position, found
