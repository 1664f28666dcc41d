"""Stock by SKU over stores, zones and channels.

available = sellable - reserved - buffer, for each store; the buffer is rule `buffer`. What is for sale online is the
sum over the stores that have anything available: one that is below zero takes nothing from the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from pydantic import Field

from headoffice.database import Database, Row
from headoffice.view.paging import Page, Told, Where, cursor_of, cut, marks, place_of, told
from headoffice.view.stores import HEARD_US, ONLINE, SILENT_US

SCAN_SKUS = 200  # that are looked at together where a filter needs their figures
SCAN_SKUS_MAX = 2_000  # for one page
Standing = Literal["below_min", "above_max", "negative"]


class Filter(NamedTuple):
    """`text` is part of a name or SKU, or a whole GTIN."""

    text: str | None = None
    category: str | None = None
    store: str | None = None
    standing: Standing | None = None


class View(NamedTuple):
    """Of which moment, and which zones customers buy from."""

    now_us: int
    sales_zones: Sequence[str]


class SkuRow(Told):
    """Base units, summed over the stores that are asked for."""

    sku: str
    name_ko: str | None
    name_en: str | None
    category: str | None
    base_unit: str | None = Field(description="each or gram; null: no such item in the item master")
    stores: int = Field(description="that have, or had, this item")
    stores_offline: int = Field(description="of these, offline: what they have may have changed")
    on_hand: int
    sellable: int
    damaged: int
    quarantine: int
    display: int
    reserved: int = Field(description="for orders")
    buffer: int = Field(description="kept back by rule `buffer`")
    available: int = Field(description="sellable, less reserved, less buffer")
    shelf: int = Field(description="channel store: sellable in the zones that customers buy from")
    online: int = Field(description="channel online: available, of the stores that have any")
    in_transit: int = Field(description="on the way from store to store")
    below_min: int = Field(description="stores with less available than their threshold")
    above_max: int = Field(description="stores with more on hand than their threshold")
    changed_us: int | None = Field(description="when the newest event of it was stored")


class SkuStoreRow(Told):
    """One SKU in one store, base units."""

    store: str
    online: bool
    heard_us: int = Field(description="when anything came from the store last")
    on_hand: int
    sellable: int
    damaged: int
    quarantine: int
    display: int
    reserved: int
    buffer: int
    available: int
    shelf: int
    stock_min: int | None = Field(description="threshold: rule `low_stock`, else the item's own")
    stock_max: int | None = Field(description="threshold: rule `overstock`, else the item's own")
    log: str | None
    seq: int | None = Field(description="as of this event of the log, which changed it last")
    changed_us: int | None = Field(description="when that event was stored")


class PlaceRow(Told):
    store: str
    zone: str
    lot: str = Field(description="empty: no lot")
    disposition: str
    quantity: int = Field(description="base units")


def _rule(rule: str, own: str) -> str:
    """What the most specific row says, SKU before category before neither, each with its store before without.

    A row without a value, and no row, mean `own`; one that is switched off means none (as alerts/rules.py has it).
    """
    return (
        f"NULLIF(COALESCE((SELECT CASE WHEN r.enabled = 1 THEN COALESCE(r.value, {own}, -1) ELSE -1 END "
        f"FROM rule AS r WHERE r.rule = '{rule}' AND r.sku IN ('', h.sku) "
        "AND r.category IN ('', COALESCE(i.category, '')) AND r.store IN ('', h.store) "
        "ORDER BY CASE WHEN r.sku <> '' THEN 4 ELSE 0 END + CASE WHEN r.category <> '' THEN 2 ELSE 0 END "
        f"+ CASE WHEN r.store <> '' THEN 1 ELSE 0 END DESC LIMIT 1), {own}), -1)"
    )


def _sum(condition: str) -> str:
    return f"CAST(SUM(CASE WHEN {condition} THEN quantity ELSE 0 END) AS INTEGER)"


def _figures(skus: Sequence[str], view: View, store: str | None) -> tuple[str, list[str | int]]:
    """CTE `figure`: a row for each of these SKUs in each store, and the values for its marks."""
    chosen = f"sku IN ({marks(skus)})" + (" AND store = ?" if store is not None else "")
    values = [*skus, store] if store is not None else [*skus]
    sql = f"""
WITH held AS (
    SELECT sku, store, CAST(SUM(quantity) AS INTEGER) AS on_hand, {_sum("disposition = 'sellable'")} AS sellable,
        {_sum("disposition = 'damaged'")} AS damaged, {_sum("disposition = 'quarantine'")} AS quarantined,
        {_sum("disposition = 'display'")} AS display,
        {_sum(f"disposition = 'sellable' AND zone IN ({marks(view.sales_zones)})")} AS shelf,
        MIN(quantity) AS least
    FROM stock WHERE {chosen} GROUP BY sku, store
), kept AS (
    SELECT sku, store, CAST(SUM(quantity) AS INTEGER) AS reserved FROM reservation WHERE {chosen} GROUP BY sku, store
), ruled AS (
    SELECT h.*, COALESCE(k.reserved, 0) AS reserved, COALESCE({_rule("buffer", "0")}, 0) AS buffer,
        {_rule("low_stock", "i.stock_min")} AS stock_min, {_rule("overstock", "i.stock_max")} AS stock_max,
        c.log, c.seq, c.at_us AS changed_us, {ONLINE} AS online, {HEARD_US} AS heard_us
    FROM held AS h LEFT JOIN kept AS k ON k.sku = h.sku AND k.store = h.store
    LEFT JOIN item AS i ON i.sku = h.sku
    LEFT JOIN sku_changed AS c ON c.store = h.store AND c.sku = h.sku
    LEFT JOIN position AS p ON p.store = h.store LEFT JOIN store_state AS st ON st.store = h.store
), figure AS (
    SELECT ruled.*, sellable - reserved - buffer AS available FROM ruled
)"""
    return sql, [*view.sales_zones, *values, *values, view.now_us - SILENT_US]


def totals(database: Database, skus: Sequence[str], view: View, store: str | None = None) -> list[SkuRow]:
    """A row for each SKU, in this order, also for those that no store has."""
    if not skus:
        return []
    sql, values = _figures(skus, view, store)
    columns = ", ".join(
        f"CAST(SUM({name}) AS INTEGER)"
        for name in ("on_hand", "sellable", "damaged", "quarantined", "display", "reserved", "buffer", "available",
                     "shelf", "CASE WHEN available > 0 THEN available ELSE 0 END",
                     "CASE WHEN available < stock_min THEN 1 ELSE 0 END",
                     "CASE WHEN on_hand > stock_max THEN 1 ELSE 0 END")
    )  # fmt: skip
    summed = {
        row[0]: row[1:]
        for row in database.rows(
            f"{sql} SELECT sku, COUNT(*), CAST(SUM(1 - online) AS INTEGER), {columns}, MAX(changed_us) "
            "FROM figure GROUP BY sku",
            values,
        )
    }
    items: dict[str, Row] = {
        row[0]: row[1:]
        for row in database.rows(
            f"SELECT sku, name_ko, name_en, category, base_unit FROM item WHERE sku IN ({marks(skus)})", skus
        )
    }
    moving = in_transit(database, skus, store)
    nothing = (0,) * 14 + (None,)
    rows = [(sku, items.get(sku, (None,) * 4), summed.get(sku, nothing), moving.get(sku, 0)) for sku in skus]
    return told(SkuRow, [(sku, *item, *held[:12], moved, *held[12:]) for sku, item, held, moved in rows])


def in_transit(database: Database, skus: Sequence[str], store: str | None = None) -> dict[str, int]:
    """Base units on the way between stores; with `store`: on the way to it."""
    where = Where()
    where.add(f"sku IN ({marks(skus)})", *skus)
    sent, received, values = "sent", "received", list[str]()
    if store is not None:
        sent, received = "CASE WHEN peer = ? THEN sent ELSE 0 END", "CASE WHEN store = ? THEN received ELSE 0 END"
        values = [store, store]
        where.add("(peer = ? OR store = ?)", store, store)
    sql = f"SELECT sku, CAST(SUM({sent} - {received}) AS INTEGER) FROM transit{where} GROUP BY sku"
    return dict(database.rows(sql, (*values, *where.values)))


def skus_like(database: Database, chosen: Filter, after: str, limit: int) -> list[str]:
    """Of the item master and of what stores have, in order, after one; at most `limit`."""
    pattern = "%" + "".join(f"~{one}" if one in "~%_" else one for one in (chosen.text or "").lower()) + "%"
    where = Where()
    where.add("sku > ? AND deleted = 0", after)
    where.given("category = ?", chosen.category)
    if chosen.text:
        like = " OR ".join(f"LOWER({name}) LIKE ? ESCAPE '~'" for name in ("sku", "name_ko", "name_en"))
        where.add(f"({like} OR sku IN (SELECT sku FROM item_gtin WHERE gtin = ?))", *[pattern] * 3, _gtin(chosen.text))
    if chosen.store is not None:
        where.add("EXISTS (SELECT 1 FROM stock AS s WHERE s.store = ? AND s.sku = item.sku)", chosen.store)
    found = database.rows(f"SELECT sku FROM item{where} ORDER BY sku LIMIT ?", (*where.values, limit))
    if chosen.category is None:
        found += _held(database, chosen.store, pattern, after, limit)
    return sorted({row[0] for row in found})[:limit]


def _gtin(text: str) -> str:
    return text.zfill(14) if text.isdigit() and len(text) in {8, 12, 13} else text


def _held(database: Database, store: str | None, pattern: str, after: str, limit: int) -> list[Row]:
    if store is not None:
        return database.rows(
            "SELECT DISTINCT sku FROM stock WHERE store = ? AND sku > ? AND LOWER(sku) LIKE ? ESCAPE '~' "
            "ORDER BY sku LIMIT ?",
            (store, after, pattern, limit),
        )
    # From SKU to SKU by the index: a SELECT DISTINCT would read the rows of every store.
    return database.rows(
        "WITH RECURSIVE held(sku) AS (SELECT (SELECT MIN(sku) FROM stock WHERE sku > ?) UNION ALL "
        "SELECT (SELECT MIN(s.sku) FROM stock AS s WHERE s.sku > held.sku) FROM held WHERE held.sku IS NOT NULL) "
        "SELECT sku FROM held WHERE LOWER(sku) LIKE ? ESCAPE '~' LIMIT ?",
        (after, pattern, limit),
    )


def page(database: Database, chosen: Filter, view: View, *, cursor: str | None, limit: int) -> Page[SkuRow]:
    """By SKU. With a `standing` a page may be short, and even empty, before the end: so many SKUs were looked at."""
    after = place_of(cursor, str)[0] if cursor is not None else ""
    if chosen.standing is None:
        skus = skus_like(database, chosen, after, limit + 1)
        rows = totals(database, skus[:limit], view, chosen.store)
        return Page(rows=rows, more=cursor_of(skus[limit - 1]) if len(skus) > limit else None)
    found: list[SkuRow] = []
    for _ in range(SCAN_SKUS_MAX // SCAN_SKUS):
        skus = skus_like(database, chosen, after, SCAN_SKUS)
        found += _standing(database, chosen, view, skus)
        if len(found) > limit:
            return Page(rows=found[:limit], more=cursor_of(found[limit - 1].sku))
        if len(skus) < SCAN_SKUS:
            return Page(rows=found, more=None)
        after = skus[-1]
    return Page(rows=found, more=cursor_of(after))


def _standing(database: Database, chosen: Filter, view: View, skus: Sequence[str]) -> list[SkuRow]:
    if not skus:
        return []
    condition = {"below_min": "available < stock_min", "above_max": "on_hand > stock_max", "negative": "least < 0"}
    sql, values = _figures(skus, view, chosen.store)
    assert chosen.standing is not None
    rows = database.rows(f"{sql} SELECT DISTINCT sku FROM figure WHERE {condition[chosen.standing]} ORDER BY 1", values)
    return totals(database, [row[0] for row in rows], view, chosen.store)


def in_stores(
    database: Database, sku: str, view: View, *, cursor: str | None = None, limit: int = 500, store: str | None = None
) -> Page[SkuStoreRow]:
    """Of one SKU, by store."""
    sql, values = _figures([sku], view, store)
    columns = ", ".join("quarantined" if name == "quarantine" else name for name in SkuStoreRow.model_fields)
    after = place_of(cursor, str)[0] if cursor is not None else ""
    rows = database.rows(
        f"{sql} SELECT {columns} FROM figure WHERE store > ? ORDER BY store LIMIT ?", (*values, after, limit + 1)
    )
    return cut(SkuStoreRow, rows, limit, lambda row: (row.store,))


def in_store(database: Database, store: str, skus: Sequence[str], view: View) -> list[tuple[str, SkuStoreRow]]:
    """Of one store, the SKUs that are named: what changed just now."""
    sql, values = _figures(skus, view, store)
    columns = ", ".join("quarantined" if name == "quarantine" else name for name in SkuStoreRow.model_fields)
    rows = database.rows(f"{sql} SELECT sku, {columns} FROM figure ORDER BY sku", values)
    return list(zip([row[0] for row in rows], told(SkuStoreRow, [row[1:] for row in rows]), strict=True))


def places(
    database: Database, sku: str, *, cursor: str | None = None, limit: int = 500, store: str | None = None
) -> Page[PlaceRow]:
    """Of one SKU: store, zone, lot, disposition; places with nothing are left out."""
    where = Where()
    where.add("sku = ? AND quantity <> 0", sku)
    where.given("store = ?", store)
    if cursor is not None:
        where.add("(store, zone, lot, disposition) > (?, ?, ?, ?)", *place_of(cursor, str, str, str, str))
    rows = database.rows(
        f"SELECT store, zone, lot, disposition, quantity FROM stock{where} ORDER BY 1, 2, 3, 4 LIMIT ?",
        (*where.values, limit + 1),
    )
    return cut(PlaceRow, rows, limit, lambda row: (row.store, row.zone, row.lot, row.disposition))
