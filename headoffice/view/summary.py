"""Figures of the first page, and what filters of pages offer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from headoffice.database import Database
from headoffice.view.movements import newest
from headoffice.view.paging import marks
from headoffice.view.stores import StoreRow, store

RATE_EVENTS = 1_000  # newest events that a rate is taken from
RATE_SPAN_US = 60_000_000
CHOICES_MAX = 2_000  # of a list to choose from


class Accuracy(NamedTuple):
    counts: int
    permille: int | None


class ItemName(NamedTuple):
    sku: str
    name_ko: str | None
    name_en: str | None
    base_unit: str | None


def events_a_second(database: Database, now_us: int) -> float:
    """Over the last minute, or over the newest events if there were more of them."""
    looked, first_us = 0, now_us - RATE_SPAN_US
    for place, _body in newest(database, None, None):
        if place.at_us < first_us:
            break
        looked += 1
        if looked == RATE_EVENTS:
            first_us = place.at_us
            break
    return looked * 1e6 / max(1, now_us - first_us)


def accuracy(database: Database, since_us: int, store: str | None = None) -> Accuracy:
    """Of counts that came since then, weighted by their lines."""
    where, values = (" AND store = ?", (store,)) if store else ("", ())
    counts, weighed, lines = database.rows(
        "SELECT COUNT(*), CAST(COALESCE(SUM(accuracy_permille * lines_total), 0) AS INTEGER), "
        f"CAST(COALESCE(SUM(lines_total), 0) AS INTEGER) FROM counted WHERE at_us >= ?{where}",
        (since_us, *values),
    )[0]
    return Accuracy(counts, round(weighed / lines) if lines else None)


def categories(database: Database) -> list[str]:
    rows = database.rows(
        "SELECT DISTINCT category FROM item WHERE category IS NOT NULL AND deleted = 0 ORDER BY category LIMIT ?",
        (CHOICES_MAX,),
    )
    return [row[0] for row in rows]


def store_names(database: Database) -> list[str]:
    return [row[0] for row in database.rows("SELECT store FROM position ORDER BY store LIMIT ?", (CHOICES_MAX,))]


def item_names(database: Database, skus: Iterable[str]) -> dict[str, ItemName]:
    wanted = sorted(set(skus))
    rows = database.rows(f"SELECT sku, name_ko, name_en, base_unit FROM item WHERE sku IN ({marks(wanted)})", wanted)
    return {row[0]: ItemName(*row) for row in rows}


def tags(database: Database, sku: str) -> int:
    """How many tags of an item are known, over all stores."""
    rows = database.rows(
        "SELECT COUNT(*) FROM tag WHERE store IN (SELECT store FROM position) AND sku = ?",
        (sku,),
    )
    return int(rows[0][0])


class CheckRow(NamedTuple):
    at_us: int
    verdict: str
    reason: str | None
    rows_total: int
    rows_off: int
    units_off: int


def checks(database: Database, store: str, limit: int = 8) -> list[CheckRow]:
    """The newest first."""
    rows = database.rows(
        "SELECT at_us, verdict, reason, rows_total, rows_off, units_off FROM data_check WHERE store = ? "
        "ORDER BY at_us DESC LIMIT ?",
        (store, limit),
    )
    return [CheckRow(*row) for row in rows]


def online(database: Database, now_us: int, names: set[str]) -> dict[str, StoreRow]:
    """Of stores by their names, whether they are there."""
    return {name: row for name in names if (row := store(database, name, now_us)) is not None}


class Taken(NamedTuple):
    store: str
    log: str
    seq: int
    at_us: int


def taken_latest(database: Database, limit: int) -> list[Taken]:
    """The stores whose events were stored last."""
    rows = database.rows("SELECT store, log, seq, at_us FROM position ORDER BY at_us DESC, store LIMIT ?", (limit,))
    return [Taken(*row) for row in rows]
