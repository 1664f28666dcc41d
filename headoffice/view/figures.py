"""What a store holds, summed: kept in memory, because 1,000 stores of 20,000 SKUs cannot be summed for every page.

`refresh` is given a time and takes the stores that changed, those whose figures are oldest first. Each row says as of
when it is. What is read is one store's rows by their key; nothing here is written.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import tzinfo
from typing import Any, NamedTuple

import orjson
from pydantic import Field

from headoffice.database import Database
from headoffice.view.days import day_of, zone_of
from headoffice.view.paging import Told

COUNTS_LAST = 5


class StoreFigures(Told):
    """`today` is the store's own day, by the offset of its newest event."""

    store: str
    as_of_seq: int = Field(description="event up to which it is summed")
    as_of_us: int = Field(description="when it was summed")
    skus: int = Field(description="with anything on hand")
    units: int = Field(description="pieces on hand over all items; of goods by weight kilograms")
    sellable: int = Field(description="of these")
    value_minor: int = Field(description="on hand by the item master's price, in the currency's smallest unit")
    currency: str | None = Field(description="of most prices; others are not in the value")
    unpriced_skus: int = Field(description="with something on hand and no price in this currency")
    negative_rows: int = Field(description="places with less than nothing")
    reserved: int = Field(description="pieces, and kilograms of goods by weight")
    exceptions_open: int
    accuracy_permille: int | None = Field(description=f"of the last {COUNTS_LAST} counts, by lines; null: no count")
    events_today: int
    sales_today: int = Field(description="sales, not units")
    returns_today: int


class _Price(NamedTuple):
    amount_minor: int
    per_units: int


class Figures:
    """`now_us` is the clock. A store that writes no offset has the day of this machine."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._held: dict[str, StoreFigures] = {}
        self._days: dict[str, str] = {}
        self._zones: dict[str, tzinfo | None] = {}
        self._categories: dict[str, Counter[str]] = {}  # of each store, units
        self._category: dict[str, str] = {}  # of SKUs
        self._prices: dict[str, _Price] = {}
        self._weighed: frozenset[str] = frozenset()
        self.currency: str | None = None
        self._revision = -1
        self._lock = threading.Lock()

    def of(self, store: str) -> StoreFigures | None:
        """None: not summed yet."""
        return self._held.get(store)

    def all(self) -> list[StoreFigures]:
        with self._lock:
            return list(self._held.values())

    def categories(self, store: str | None = None) -> Counter[str]:
        """Units on hand, of one store or of all; what has no category is under the empty text."""
        with self._lock:
            held = list(self._categories.values()) if store is None else [self._categories.get(store, Counter())]
        total: Counter[str] = Counter()
        for one in held:
            total.update(one)
        return total

    def day(self, store: str) -> str:
        return day_of(self._now_us(), self._zones.get(store))

    def refresh(self, database: Database, budget_s: float, now_s: Callable[[], float]) -> bool:
        """Sum what has changed, for about so long, one store at least. False: nothing is left to do."""
        end_s = now_s() + budget_s
        due = self._due(database)
        for number, store in enumerate(due, start=1):
            found = self._sum(database, store)
            with self._lock:
                self._held[store] = found
            if now_s() >= end_s:
                return number < len(due)
        return False

    def _due(self, database: Database) -> list[str]:
        if self._priced(database):
            self._days.clear()
        changed = [
            store
            for store, seq, log in database.rows("SELECT store, seq, log FROM position")
            if self._days.get(store) != f"{self.day(store)} {log} {seq}"
        ]
        return sorted(changed, key=lambda store: self._held[store].as_of_us if store in self._held else 0)

    def _priced(self, database: Database) -> bool:
        """Whether prices changed."""
        newest = database.rows("SELECT COALESCE(MAX(revision), 0) FROM item")[0][0]
        if newest == self._revision:
            return False
        self._revision = newest
        rows = [
            (sku, orjson.loads(body)) for sku, body in database.rows("SELECT sku, body FROM item WHERE deleted = 0")
        ]
        self._category = {sku: item["category"] for sku, item in rows if item.get("category")}
        self._weighed = frozenset(sku for sku, item in rows if item.get("base_unit") == "gram")
        prices = [(sku, price) for sku, item in rows if (price := item.get("price"))]
        currencies = Counter(price["currency"] for _, price in prices)
        self.currency = currencies.most_common(1)[0][0] if currencies else None
        self._prices = {
            sku: _Price(price["amount_minor"], price.get("per_units", 1))
            for sku, price in prices
            if price["currency"] == self.currency
        }
        return True

    def _sum(self, database: Database, store: str) -> StoreFigures:
        with database.moment():
            log, seq = database.rows("SELECT log, seq FROM position WHERE store = ?", (store,))[0]
            self._zones[store] = zone_of(database, store, log, seq)
            day = self.day(store)
            held = database.rows(
                "SELECT sku, CAST(SUM(quantity) AS INTEGER), "
                "CAST(SUM(CASE WHEN disposition = 'sellable' THEN quantity ELSE 0 END) AS INTEGER), "
                "CAST(SUM(CASE WHEN quantity < 0 THEN 1 ELSE 0 END) AS INTEGER) "
                "FROM stock WHERE store = ? AND quantity <> 0 GROUP BY sku",
                (store,),
            )
            rest = self._rest(database, store, day)
        self._days[store] = f"{day} {log} {seq}"
        value_minor = unpriced = 0
        categories: Counter[str] = Counter()
        for sku, quantity, _, _ in held:
            categories[self._category.get(sku, "")] += self._whole(sku, quantity)
            price = self._prices.get(sku)
            if price is not None:
                value_minor += quantity * price.amount_minor // price.per_units
            elif quantity > 0:
                unpriced += 1
        with self._lock:
            self._categories[store] = categories
        return StoreFigures(
            store=store, as_of_seq=seq, as_of_us=self._now_us(), skus=sum(row[1] > 0 for row in held),
            units=sum(self._whole(row[0], row[1]) for row in held),
            sellable=sum(self._whole(row[0], row[2]) for row in held), value_minor=value_minor,
            currency=self.currency, unpriced_skus=unpriced, negative_rows=sum(row[3] for row in held), **rest,
        )  # fmt: skip

    def _whole(self, sku: str, quantity: int) -> int:
        """Pieces, or kilograms: what may be added up."""
        return int(quantity / 1000) if sku in self._weighed else quantity

    def _rest(self, database: Database, store: str, day: str) -> dict[str, Any]:
        reserved = database.rows(
            "SELECT sku, CAST(SUM(quantity) AS INTEGER) FROM reservation WHERE store = ? GROUP BY sku", (store,)
        )
        excepted = database.rows("SELECT COUNT(*) FROM exception WHERE store = ? AND resolution IS NULL", (store,))[0][
            0
        ]
        counts = database.rows(
            "SELECT accuracy_permille, lines_total FROM counted WHERE store = ? ORDER BY at_us DESC LIMIT ?",
            (store, COUNTS_LAST),
        )
        lines = sum(total for _, total in counts)
        kinds: dict[str, int] = dict(
            database.rows("SELECT kind, events FROM daily WHERE store = ? AND day = ?", (store, day))
        )
        return {
            "reserved": sum(self._whole(*row) for row in reserved),
            "exceptions_open": excepted,
            "accuracy_permille": sum(share * total for share, total in counts) // lines if lines else None,
            "events_today": sum(kinds.values()),
            "sales_today": kinds.get("sold", 0),
            "returns_today": kinds.get("returned", 0),
        }
