"""What charts show, as sums over stores and days. Quantities are in base units, days are the stores' own dates.

Every query reads a projection that is small or indexed for it; the stock of all stores is summed up beforehand
(`figures.py`).
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import NamedTuple

import orjson

from headoffice.database import Database
from headoffice.view.books import item, sales
from headoffice.view.figures import Figures
from headoffice.view.movements import newest
from headoffice.view.stores import ONLINE, SILENT_US

MOVED = ("received", "sold", "returned", "moved", "transferred", "adjusted", "reversed")
STORES_MAX = 20  # bars that one reads; the others are summed up
CATEGORIES_MAX = 15
HOURS_EVENTS_MAX = 20_000  # newest events that the hours are made of
DAY_US = 86_400_000_000


class Point(NamedTuple):
    """One number of a series: `series` is empty where there is one only. `y` is None where nothing is known."""

    series: str
    x: str
    y: int | None


def days(today: date, count: int) -> list[str]:
    """The `count` days that end with today, oldest first, as in the tables: 2026-11-26."""
    return [(today - timedelta(days=back)).isoformat() for back in range(count - 1, -1, -1)]


def _of(store: str | None) -> tuple[str, tuple[str, ...]]:
    return (" AND store = ?", (store,)) if store else ("", ())


def movements_by_day(database: Database, since: str, store: str | None) -> list[Point]:
    """Movements (events, not units) by kind."""
    where, values = _of(store)
    marks = ", ".join("?" * len(MOVED))
    rows = database.rows(
        f"SELECT kind, day, CAST(SUM(events) AS INTEGER) FROM daily WHERE day >= ? AND kind IN ({marks}){where} "
        "GROUP BY kind, day ORDER BY day",
        (since, *MOVED, *values),
    )
    return [Point(*row) for row in rows]


def sales_by_day(database: Database, since: str, store: str | None) -> list[Point]:
    """Sales and returns (movements, not units: pieces and grams do not add up)."""
    where, values = _of(store)
    rows = database.rows(
        "SELECT kind, day, CAST(SUM(events) AS INTEGER) FROM daily "
        f"WHERE day >= ? AND kind IN ('sold', 'returned'){where} GROUP BY kind, day ORDER BY day",
        (since, *values),
    )
    return [Point(*row) for row in rows]


def sku_sales_by_day(database: Database, sku: str, since: str, store: str | None) -> list[Point]:
    """Base units of one SKU, sold and taken back."""
    rows = sales(database, sku, since=since, store=store)
    return [Point(name, row.day, y) for row in rows for name, y in (("sold", row.sold), ("returned", row.returned))]


def accuracy_by_day(database: Database, since: str, since_us: int, store: str | None) -> list[Point]:
    """Of approved counts, per mille, weighted by their lines: within tolerance, and without any difference."""
    where, values = _of(store)
    rows = database.rows(
        "SELECT SUBSTR(approved_at, 1, 10), CAST(SUM(accuracy_permille * lines_total) AS INTEGER), "
        "CAST(SUM(exact_permille * lines_total) AS INTEGER), CAST(SUM(lines_total) AS INTEGER) FROM counted "
        f"WHERE at_us >= ? AND approved_at >= ? AND lines_total > 0{where} "
        "GROUP BY SUBSTR(approved_at, 1, 10) ORDER BY 1",
        (since_us, since, *values),
    )
    return [
        Point(name, day, round(weighed / lines))
        for day, within, exact, lines in rows
        for name, weighed in (("within", within), ("exact", exact))
    ]


def exceptions_by_kind(database: Database, since_us: int, store: str | None) -> list[Point]:
    where, values = _of(store)
    rows = database.rows(
        "SELECT CASE WHEN resolution IS NULL THEN 'open' ELSE 'settled' END, kind, COUNT(*) FROM exception "
        f"WHERE at_us >= ?{where} GROUP BY CASE WHEN resolution IS NULL THEN 'open' ELSE 'settled' END, kind "
        "ORDER BY 3 DESC, 2",
        (since_us, *values),
    )
    return [Point(*row) for row in rows]


def by_store(database: Database, since: str, kind: str) -> list[Point]:
    """Movements of one kind since a day, the stores with most first."""
    rows = database.rows(
        "SELECT store, CAST(SUM(events) AS INTEGER) FROM daily WHERE day >= ? AND kind = ? "
        "GROUP BY store ORDER BY 2 DESC, 1 LIMIT ?",
        (since, kind, STORES_MAX),
    )
    return [Point("", *row) for row in rows]


def lines_off_by_store(database: Database, since_us: int) -> list[Point]:
    """Per mille of counted lines beyond tolerance, the most first."""
    rows = database.rows(
        "SELECT store, CAST(SUM((1000 - accuracy_permille) * lines_total) AS INTEGER), "
        "CAST(SUM(lines_total) AS INTEGER) FROM counted WHERE at_us >= ? AND lines_total > 0 GROUP BY store",
        (since_us,),
    )
    found = sorted((-round(weighed / lines), store) for store, weighed, lines in rows)
    return [Point("", store, -permille) for permille, store in found[:STORES_MAX]]


def is_weighed(database: Database, sku: str) -> bool:
    found = item(database, sku)
    return found is not None and found.base_unit == "gram"


def sku_by_store(database: Database, sku: str) -> list[Point]:
    """Base units on hand of one SKU, where most lies first."""
    rows = database.rows(
        "SELECT store, CAST(SUM(quantity) AS INTEGER) FROM stock WHERE sku = ? GROUP BY store "
        "HAVING SUM(quantity) <> 0 ORDER BY 2 DESC, 1 LIMIT ?",
        (sku, STORES_MAX),
    )
    return [Point("", *row) for row in rows]


def stock_by_store(figures: Figures) -> list[Point]:
    """Pieces and kilograms on hand, the fullest stores first."""
    held = sorted(figures.all(), key=lambda one: (-one.units, one.store))
    return [Point("", one.store, one.units) for one in held[:STORES_MAX]]


def stock_by_category(figures: Figures, store: str | None) -> list[Point]:
    """Pieces and kilograms on hand, most first; an item without category, or not in the master, is under no name."""
    return [Point("", name, units) for name, units in figures.categories(store).most_common(CATEGORIES_MAX)]


def movements_by_hour(database: Database, since_us: int, store: str | None) -> tuple[list[Point], int]:
    """Movements by kind and hour of arrival (microseconds since 1970, as text), of the newest events; and how far back
    they were looked at, where that is not all of them, else 0."""
    hour_us = DAY_US // 24
    found: Counter[tuple[str, int]] = Counter()
    reached_us = 0
    for looked, (place, body) in enumerate(newest(database, store, None)):
        if place.at_us < since_us:
            break
        if looked == HOURS_EVENTS_MAX:
            reached_us = place.at_us
            break
        if body is not None:
            found[orjson.loads(body)["data"]["kind"], place.at_us // hour_us * hour_us] += 1
    return [Point(kind, str(hour), count) for (kind, hour), count in found.items()], reached_us


def stores_by_state(database: Database, now_us: int) -> list[Point]:
    """online, stopped, offline as they say; silent: says online, but nothing came for a while."""
    rows = database.rows(
        "SELECT CASE WHEN online = 1 THEN 'online' WHEN state = 'online' THEN 'silent' ELSE state END, COUNT(*) FROM "
        f"(SELECT {ONLINE} AS online, COALESCE(st.state, 'online') AS state "
        "FROM (SELECT store FROM position UNION SELECT store FROM store_state) AS n "
        "LEFT JOIN position AS p ON p.store = n.store LEFT JOIN store_state AS st ON st.store = n.store) AS judged "
        "GROUP BY CASE WHEN online = 1 THEN 'online' WHEN state = 'online' THEN 'silent' ELSE state END ORDER BY 1",
        (now_us - SILENT_US,),
    )
    return [Point("", *row) for row in rows]
