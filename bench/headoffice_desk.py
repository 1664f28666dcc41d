"""What the desk's questions cost with many stores and items: `python -m bench.headoffice_desk [STORES SKUS [TARGET]]`.

The tables are filled straight, as projections would: SQLite in a temporary folder, or the PostgreSQL database that
TARGET names, which should be empty. Each question is asked 20 times; the median and the slowest are shown.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from headoffice.clock import SystemClock
from headoffice.database import Database
from headoffice.storages import open_storage
from headoffice.view import books, stock, stores
from headoffice.view.figures import Figures
from headoffice.view.overview import overview
from headoffice.view.stock import Filter, View

TIMES = 20
ZONES = ("backroom", "salesfloor")
CHUNK = 100_000


def rows(store_count: int, sku_count: int) -> Iterator[tuple[Any, ...]]:
    for store in range(store_count):
        for sku in range(sku_count):
            yield f"S{store:04}", f"SKU-{sku:05}", ZONES[(store + sku) % 2], "", "sellable", (store * 7 + sku * 3) % 40


def fill(database: Database, store_count: int, sku_count: int, now_us: int) -> None:
    names = [f"S{number:04}" for number in range(store_count)]
    with database.transaction():
        database.write_many(
            "INSERT INTO position (store, log, seq, hash, part, parts, at_us) VALUES (?, 'L', 1, '', 1, 1, ?)",
            [(name, now_us) for name in names],
        )
        database.write_many(
            "INSERT INTO item (sku, revision, name_ko, category, base_unit, stock_min, stock_max, deleted, body) "
            "VALUES (?, ?, ?, ?, 'each', 2, 38, 0, ?)",
            [
                (
                    f"SKU-{n:05}",
                    n,
                    f"상품 {n}",
                    f"C{n % 20}",
                    orjson.dumps({"price": {"amount_minor": n, "currency": "KRW"}}),
                )
                for n in range(sku_count)
            ],
        )
        chunk: list[tuple[Any, ...]] = []
        for row in rows(store_count, sku_count):
            chunk.append(row)
            if len(chunk) == CHUNK:
                write(database, chunk, now_us)
                chunk = []
        if chunk:
            write(database, chunk, now_us)
    database.write("ANALYZE")


def write(database: Database, chunk: list[tuple[Any, ...]], now_us: int) -> None:
    names = "store, sku, zone, lot, disposition, quantity"
    if database.dialect == "sqlite":
        database.write_many(f"INSERT INTO stock ({names}) VALUES (?, ?, ?, ?, ?, ?)", chunk)
        database.write_many("INSERT INTO sku_changed VALUES (?, ?, 'L', 1, ?)", [(*row[:2], now_us) for row in chunk])
        return
    columns = [list(column) for column in zip(*chunk, strict=True)]
    types = ", ".join(f"?::{kind}[]" for kind in ("text", "text", "text", "text", "text", "bigint"))
    database.write(f"INSERT INTO stock ({names}) SELECT * FROM unnest({types})", columns)
    database.write(
        "INSERT INTO sku_changed (store, sku, log, seq, at_us) "
        "SELECT s, k, 'L', 1, ?::bigint FROM unnest(?::text[], ?::text[]) AS u(s, k)",
        [now_us, *columns[:2]],
    )


def measured(name: str, ask: Callable[[], object]) -> None:
    took = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        ask()
        took.append((time.perf_counter() - begun) * 1000)
    print(f"{name:52} {statistics.median(took):9.1f} ms  slowest {max(took):9.1f} ms", flush=True)


def questions(database: Database, view: View, figures: Figures) -> dict[str, Callable[[], object]]:
    def page(limit: int, **chosen: Any) -> Callable[[], object]:
        return lambda: stock.page(database, Filter(**chosen), view, cursor=None, limit=limit)

    return {
        "stock, page of 50 items over all stores": page(50),
        "stock, page of 500 items over all stores": page(500),
        "stock of one store, page of 50": page(50, store="S0001"),
        "stock, a name": page(50, text="상품 77"),
        "stock, a category": page(50, category="C7"),
        "stock, items that are short somewhere": page(50, standing="below_min"),
        "stock of one store, items that are short": page(50, standing="below_min", store="S0001"),
        "one item, all its stores": lambda: stock.in_stores(database, "SKU-00007", view),
        "one item, its places": lambda: stock.places(database, "SKU-00007"),
        "stock of 20 items in one store (live)": lambda: stock.in_store(
            database, "S0001", [f"SKU-{n:05}" for n in range(20)], view
        ),
        "stores side by side, page of 500": lambda: stores.stores(database, view.now_us),
        "overview": lambda: overview(database, view.now_us, figures),
        "documents": lambda: books.documents(database),
    }


def main() -> None:
    given = sys.argv[1:]
    store_count, sku_count = (int(given[0]), int(given[1])) if len(given) >= 2 else (200, 2_000)
    with tempfile.TemporaryDirectory() as folder:
        storage = open_storage(given[2] if len(given) > 2 else str(Path(folder) / "hq.db"))
        database, clock = storage.database, SystemClock()
        begun = time.perf_counter()
        fill(database, store_count, sku_count, clock.wall_us())
        print(
            f"{store_count} stores, {sku_count} items, {database.dialect}: {time.perf_counter() - begun:.0f} s to fill"
        )
        figures = Figures(clock.wall_us)
        begun = time.perf_counter()
        while figures.refresh(database, 1.0, clock.now_s):
            continue
        print(f"{'figures of one store':52} {(time.perf_counter() - begun) * 1000 / store_count:9.1f} ms")
        for name, ask in questions(database, View(clock.wall_us(), ("salesfloor",)), figures).items():
            measured(name, ask)
        storage.close()


if __name__ == "__main__":
    main()
