"""Folds written down: the same statements for SQLite and PostgreSQL, one for each table and round.

Stores are folded apart and written together, so a round of a thousand stores costs what one of one store does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

import orjson

from contract.stock import StockKey
from headoffice.database import Database, Row
from headoffice.folding import VERSION, Fold, oldest_day
from headoffice.records import TABLES, Key, Place, Record, Reservation

_NUMBERS = frozenset({
    "quantity", "made", "seq", "at_us", "events", "sold", "returned", "revision", "expected", "done", "damaged", "over",
    "short", "blind", "lines_total", "accuracy_permille", "exact_permille", "counted", "units_off", "units_net",
    "version", "sent", "received", "skus",
})  # fmt: skip
PROJECTED = (
    "stock", "sku_changed", "reservation", "document", "counted", "exception", "tag", "daily", "sale_day", "transit",
    "opening_off",
)  # fmt: skip
_STATED = ("stock", "tag", "reservation")  # what an opening states anew


class Upsert(NamedTuple):
    """Rows by their key: `added` columns grow by what comes, `replaced` ones become it."""

    table: str
    keys: tuple[str, ...]
    added: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()


_STOCK = Upsert("stock", ("store", "sku", "zone", "lot", "disposition"), ("quantity",))
_SKUS = Upsert("sku_changed", ("store", "sku"), (), Place._fields)
_DAILY = Upsert("daily", ("store", "day", "kind"), ("events", "quantity"))
_SALES = Upsert("sale_day", ("store", "sku", "day"), ("sold", "returned"))
_TRANSIT = Upsert("transit", ("store", "peer", "sku"), ("sent", "received"))
_OFF = Upsert("opening_off", ("store", "log", "seq"), (), ("skus", "at_us", "body"))
_RECORDS = {kind: Upsert(table, ("store", *keys), (), kind._fields) for kind, (table, keys) in TABLES.items()}


class StoreBooks:
    """What a fold looks up: a store's rows and events as they are in the open transaction."""

    def __init__(self, database: Database, store: str) -> None:
        self._database = database
        self._store = store

    def find(self, kind: type, key: Key) -> Record | None:
        rows = self._database.rows(_select(kind), (self._store, *key))
        return cast("Record", kind(*rows[0])) if rows else None

    def stock(self) -> dict[StockKey, int]:
        rows = self._database.rows(
            "SELECT sku, zone, lot, disposition, quantity FROM stock WHERE store = ?", (self._store,)
        )
        return {StockKey(*row[:4]): row[4] for row in rows}

    def reserved(self) -> dict[str, Reservation]:
        columns = ", ".join(Reservation._fields)
        rows = self._database.rows(f"SELECT reservation, {columns} FROM reservation WHERE store = ?", (self._store,))
        return {row[0]: Reservation(*row[1:]) for row in rows}

    def events(self, log: str, first: int, last: int) -> Iterator[dict[str, Any]]:
        rows = self._database.rows(
            "SELECT body FROM event WHERE store = ? AND log = ? AND seq BETWEEN ? AND ? ORDER BY seq",
            (self._store, log, first, last),
        )
        return (orjson.loads(row[0]) for row in rows)


def write(database: Database, folds: Sequence[Fold]) -> None:
    """In the caller's transaction, in which nothing else writes these tables for these stores."""
    for fold in folds:
        if fold.restated is not None:
            clear(database, fold.store, _STATED)
            database.write(
                "UPDATE sku_changed SET (log, seq, at_us) = (?, ?, ?) WHERE store = ?", (*fold.restated, fold.store)
            )
    add(database, _STOCK, [(one.store, *key, delta) for one in folds for key, delta in one.stock.items()])
    sold_out = [(one.store, *key) for one in folds for key in one.stock if key.lot]  # lots come without end
    remove(database, _STOCK, sold_out, "AND quantity = 0")
    add(database, _SKUS, [(one.store, sku, *place) for one in folds for sku, place in one.skus.items()])
    add(database, _DAILY, [(one.store, *key, *sums) for one in folds for key, sums in one.daily.items()])
    add(database, _SALES, [(one.store, *key, *sums) for one in folds for key, sums in one.sales.items()])
    add(database, _TRANSIT, [(one.store, *key, *sums) for one in folds for key, sums in one.transit.items()])
    add(database, _OFF, [(one.store, *off) for one in folds for off in one.off])
    for kind, upsert in _RECORDS.items():
        _records(database, kind, upsert, folds)
    settled = [(said, one.store, *key) for one in folds for key, said in one.settled.items()]
    if settled:
        database.write_many("UPDATE exception SET resolution = ? WHERE store = ? AND log = ? AND seq = ?", settled)


def _records(database: Database, kind: type[Record], upsert: Upsert, folds: Iterable[Fold]) -> None:
    changed = [(one.store, key, row) for one in folds for key, row in one.records.get(kind, {}).items()]
    remove(database, upsert, [(store, *key) for store, key, row in changed if row is None])
    add(database, upsert, [(store, *key, *row) for store, key, row in changed if row is not None])


def forget_old_sales(database: Database, now_us: int) -> None:
    database.write("DELETE FROM sale_day WHERE day < ?", (oldest_day(now_us),))


def clear(database: Database, store: str, tables: Iterable[str] = PROJECTED) -> None:
    for table in tables:
        database.write(f"DELETE FROM {table} WHERE store = ?", (store,))


def mark(database: Database, store: str) -> None:
    """These are the projections of this release."""
    add(database, Upsert("projection", ("store",), (), ("version",)), [(store, VERSION)])


def add(database: Database, upsert: Upsert, rows: Sequence[Row]) -> None:
    _each(database, _insert(upsert, database.dialect), rows)


def remove(database: Database, upsert: Upsert, keys: Sequence[Row], condition: str = "") -> None:
    _each(database, _delete(upsert, condition, database.dialect), keys)


def _each(database: Database, statement: str, rows: Sequence[Row]) -> None:
    if not rows:
        return
    if database.dialect == "sqlite":
        database.write_many(statement, rows)
    else:  # a column a value: one statement, however many rows
        database.write(statement, [_array(column) for column in zip(*rows, strict=True)])


def _array(column: Sequence[Any]) -> str | list[Any]:
    """As PostgreSQL reads an array (documentation, 8.15.6), where nothing in it must be escaped or is NULL.

    psycopg looks at each value: for the columns of a round that takes as long as the engine takes for its events.
    """
    if type(column[0]) is int and None not in column:
        return f"{{{','.join(map(str, column))}}}"
    try:
        joined = '","'.join(column)
    except TypeError:
        return list(column)
    plain = joined.count('"') == 2 * (len(column) - 1) and "\\" not in joined
    return f'{{"{joined}"}}' if plain else list(column)


def _columns(names: Iterable[str]) -> str:
    types = ("bigint" if name in _NUMBERS else "text" for name in names)
    return f"unnest({', '.join(f'?::{kind}[]' for kind in types)})"


@lru_cache(100)
def _insert(upsert: Upsert, dialect: str) -> str:
    table, keys, added, replaced = upsert
    names = (*keys, *added, *replaced)
    values = f"VALUES ({', '.join('?' * len(names))})" if dialect == "sqlite" else f"SELECT * FROM {_columns(names)}"
    changes = [f"{name} = {table}.{name} + excluded.{name}" for name in added]
    changes += [f"{name} = excluded.{name}" for name in replaced]
    return (
        f"INSERT INTO {table} ({', '.join(names)}) {values} "
        f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {', '.join(changes)}"
    )


@lru_cache(100)
def _select(kind: type[Record]) -> str:
    table, keys = TABLES[kind]
    where = " AND ".join(f"{key} = ?" for key in ("store", *keys))
    return f"SELECT {', '.join(kind._fields)} FROM {table} WHERE {where}"


@lru_cache(100)
def _delete(upsert: Upsert, condition: str, dialect: str) -> str:
    table, keys = upsert.table, upsert.keys
    if dialect == "sqlite":
        return f"DELETE FROM {table} WHERE {' AND '.join(f'{key} = ?' for key in keys)} {condition}"
    same = " AND ".join(f"{table}.{key} = gone.{key}" for key in keys)
    return f"DELETE FROM {table} USING {_columns(keys)} AS gone ({', '.join(keys)}) WHERE {same} {condition}"
