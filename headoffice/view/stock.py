"""Stock by SKU over stores, zones and channels.

available = sellable - reserved - buffer, for each store; the buffer is rule `buffer`. What is for sale online is the
sum over the stores that have anything available: one that is below zero takes nothing from the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from pydantic import Field

from headoffice.database import Database, Row
from headoffice.view.paging import Page, Told, Where, cursor_of, cut, listed, marks, place_of, told
from headoffice.view.stores import HEARD_US, OFFLINE, ONLINE, SILENT_US

SCAN_ROWS = 50_000  # items times stores that are looked at together, where a filter needs their figures
SCAN_SKUS_MAX = 5_000
SCANS_MAX = 4  # for one page
Standing = Literal["below_min", "above_max", "negative"]
STANDING = {"below_min": "available < stock_min", "above_max": "on_hand > stock_max", "negative": "least < 0"}


class Filter(NamedTuple):
    """`text` is part of a name or SKU, or a whole GTIN; of items that the master lacks, the beginning of the SKU."""

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


RULES = {"buffer": "0", "low_stock": "n.stock_min", "overstock": "n.stock_max"}  # and what holds without a row


class ZoneRow(Told):
    """Over all stores: zones of one name are told together."""

    zone: str
    disposition: str
    stores: int = Field(description="that have it there")
    quantity: int = Field(description="base units")


def _rule(rule: str, *, by_store: bool) -> str:
    """What the most specific row says, SKU before category before neither, each with its store before without.

    A row without a value, and no row, mean the item's own; one that is switched off means none (alerts/rules.py).
    """
    own, stores = RULES[rule], "IN ('', h.store)" if by_store else "= ''"
    return (
        f"NULLIF(COALESCE((SELECT CASE WHEN r.enabled = 1 THEN COALESCE(r.value, {own}, -1) ELSE -1 END "
        f"FROM rule AS r WHERE r.rule = '{rule}' AND r.sku IN ('', n.sku) "
        f"AND r.category IN ('', COALESCE(n.category, '')) AND r.store {stores} "
        "ORDER BY CASE WHEN r.sku <> '' THEN 4 ELSE 0 END + CASE WHEN r.category <> '' THEN 2 ELSE 0 END "
        f"+ CASE WHEN r.store <> '' THEN 1 ELSE 0 END DESC LIMIT 1), {own}), -1)"
    )


def _sum(condition: str) -> str:
    return f"CAST(SUM(CASE WHEN {condition} THEN quantity ELSE 0 END) AS INTEGER)"


def _figures(database: Database, skus: Sequence[str], view: View, store: str | None) -> tuple[str, list[str | int]]:
    """CTE `figure`: a row for each of these SKUs in each store, and the values for its marks.

    Rules are looked up once an SKU, and for each store only where a rule names stores: of 50 SKUs in 1,000 stores
    there are 50,000 rows. MATERIALIZED keeps SQLite from looking up again for every sum.
    """
    chosen = f"sku IN ({marks(skus)})" + (" AND store = ?" if store is not None else "")
    values = [*skus, store] if store is not None else [*skus]
    by_store = {
        rule: bool(database.rows("SELECT 1 FROM rule WHERE rule = ? AND store > '' LIMIT 1", (rule,))) for rule in RULES
    }
    limits = {rule: _rule(rule, by_store=True) if by_store[rule] else f"n.{rule}" for rule in RULES}
    sql = f"""
WITH held AS (
    SELECT sku, store, CAST(SUM(quantity) AS INTEGER) AS on_hand, {_sum("disposition = 'sellable'")} AS sellable,
        {_sum("disposition = 'damaged'")} AS damaged, {_sum("disposition = 'quarantine'")} AS quarantined,
        {_sum("disposition = 'display'")} AS display,
        {_sum(f"disposition = 'sellable' AND zone IN ({marks(view.sales_zones)})")} AS shelf,
        MIN(quantity) AS least
    FROM stock WHERE {chosen} GROUP BY sku, store
), kept AS MATERIALIZED (
    SELECT sku, store, CAST(SUM(quantity) AS INTEGER) AS reserved FROM reservation WHERE {chosen} GROUP BY sku, store
), named AS MATERIALIZED (
    SELECT n.sku, n.category, n.stock_min, n.stock_max,
        {", ".join(f"{_rule(rule, by_store=False)} AS {rule}" for rule in RULES)}
    FROM (SELECT k.sku, i.category, i.stock_min, i.stock_max FROM (SELECT DISTINCT sku FROM stock WHERE {chosen}) AS k
        LEFT JOIN item AS i ON i.sku = k.sku) AS n
), ruled AS MATERIALIZED (
    SELECT h.*, COALESCE(k.reserved, 0) AS reserved, COALESCE({limits["buffer"]}, 0) AS buffer,
        {limits["low_stock"]} AS stock_min, {limits["overstock"]} AS stock_max
    FROM held AS h JOIN named AS n ON n.sku = h.sku LEFT JOIN kept AS k ON k.sku = h.sku AND k.store = h.store
), figure AS (
    SELECT ruled.*, sellable - reserved - buffer AS available FROM ruled
)"""
    return sql, [*view.sales_zones, *values, *values, *values]


SUMMED = (
    "on_hand", "sellable", "damaged", "quarantined", "display", "reserved", "buffer", "available", "shelf",
    "CASE WHEN available > 0 THEN available ELSE 0 END", "CASE WHEN available < stock_min THEN 1 ELSE 0 END",
    "CASE WHEN on_hand > stock_max THEN 1 ELSE 0 END",
)  # fmt: skip


def totals(database: Database, skus: Sequence[str], view: View, store: str | None = None) -> list[SkuRow]:
    """A row for each SKU, in this order, also for those that no store has."""
    if not skus:
        return []
    return _told(database, skus, _summed(database, skus, view, store), store)


def _summed(
    database: Database, skus: Sequence[str], view: View, store: str | None, standing: Standing | None = None
) -> dict[str, Row]:
    """By SKU; with `standing` only those that are so in some store."""
    sql, values = _figures(database, skus, view, store)
    columns = ", ".join(f"CAST(SUM({name}) AS INTEGER)" for name in SUMMED)
    having = f" HAVING SUM(CASE WHEN {STANDING[standing]} THEN 1 ELSE 0 END) > 0" if standing is not None else ""
    return {
        row[0]: row[1:]
        for row in database.rows(
            f"{sql}, silent AS MATERIALIZED ({OFFLINE}) SELECT f.sku, COUNT(*), COUNT(o.store), {columns}, "
            "MAX(c.at_us) FROM figure AS f LEFT JOIN silent AS o ON o.store = f.store "
            f"LEFT JOIN sku_changed AS c ON c.store = f.store AND c.sku = f.sku GROUP BY f.sku{having}",
            (*values, view.now_us - SILENT_US),
        )
    }


def _told(database: Database, skus: Sequence[str], summed: dict[str, Row], store: str | None) -> list[SkuRow]:
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
        found += _held(database, chosen.store, chosen.text or "", after, limit)
    return sorted({row[0] for row in found})[:limit]


def _gtin(text: str) -> str:
    return text.zfill(14) if text.isdigit() and len(text) in {8, 12, 13} else text


def _held(database: Database, store: str | None, begin: str, after: str, limit: int) -> list[Row]:
    """SKUs that begin so and that stores have, whether the item master knows them or not."""
    first, behind = max(after + "!", begin), begin + "~"  # of what SKUs are made of, nothing is below ! or above ~
    if store is not None:
        return database.rows(
            "SELECT DISTINCT sku FROM stock WHERE store = ? AND sku >= ? AND sku < ? ORDER BY sku LIMIT ?",
            (store, first, behind, limit),
        )
    # From SKU to SKU by the index: a SELECT DISTINCT would read the rows of every store.
    return database.rows(
        "WITH RECURSIVE held(sku) AS (SELECT (SELECT MIN(sku) FROM stock WHERE sku >= ? AND sku < ?) UNION ALL "
        "SELECT (SELECT MIN(s.sku) FROM stock AS s WHERE s.sku > held.sku AND s.sku < ?) "
        "FROM held WHERE held.sku IS NOT NULL) SELECT sku FROM held WHERE sku IS NOT NULL LIMIT ?",
        (first, behind, behind, limit),
    )


def page(database: Database, chosen: Filter, view: View, *, cursor: str | None, limit: int) -> Page[SkuRow]:
    """By SKU. With a `standing` a page may be short, and even empty, before the end: so many SKUs were looked at."""
    after = place_of(cursor, str)[0] if cursor is not None else ""
    if chosen.standing is None:
        skus = skus_like(database, chosen, after, limit + 1)
        rows = totals(database, skus[:limit], view, chosen.store)
        return Page(rows=rows, more=cursor_of(skus[limit - 1]) if len(skus) > limit else None)
    stores = 1 if chosen.store is not None else int(database.rows("SELECT COUNT(*) FROM position")[0][0])
    together = max(1, min(SCAN_SKUS_MAX, SCAN_ROWS // max(1, stores)))
    found: dict[str, Row] = {}
    ended = False
    for _ in range(SCANS_MAX):
        skus = skus_like(database, chosen, after, together)
        if skus:
            found |= _summed(database, skus, view, chosen.store, chosen.standing)
            after = skus[-1]
        ended = len(skus) < together
        if ended or len(found) > limit:
            break
    shown = sorted(found)[:limit]
    after = shown[-1] if len(found) > limit else after
    rows = _told(database, shown, found, chosen.store)
    return Page(rows=rows, more=None if ended and len(found) <= limit else cursor_of(after))


def in_stores(
    database: Database, sku: str, view: View, *, cursor: str | None = None, limit: int = 500, store: str | None = None
) -> Page[SkuStoreRow]:
    """Of one SKU, by store."""
    after = place_of(cursor, str)[0] if cursor is not None else ""
    rows = _by_store(database, [sku], view, store, "f.store > ? ORDER BY f.store LIMIT ?", (after, limit + 1))
    return cut(SkuStoreRow, [row[1:] for row in rows], limit, lambda row: (row.store,))


def in_store(database: Database, store: str, skus: Sequence[str], view: View) -> list[tuple[str, SkuStoreRow]]:
    """Of one store, the SKUs that are named: what changed just now."""
    rows = _by_store(database, skus, view, store, "f.store = ? ORDER BY f.sku", (store,))
    return list(zip([row[0] for row in rows], told(SkuStoreRow, [row[1:] for row in rows]), strict=True))


def _by_store(
    database: Database, skus: Sequence[str], view: View, store: str | None, rest: str, more: Sequence[str | int]
) -> list[Row]:
    """SKU and the members of `SkuStoreRow`."""
    sql, values = _figures(database, skus, view, store)
    return database.rows(
        f"{sql} SELECT f.sku, f.store, {ONLINE}, {HEARD_US}, on_hand, sellable, damaged, quarantined, display, "
        "reserved, buffer, available, shelf, stock_min, stock_max, c.log, c.seq, c.at_us FROM figure AS f "
        "LEFT JOIN sku_changed AS c ON c.store = f.store AND c.sku = f.sku "
        f"LEFT JOIN position AS p ON p.store = f.store LEFT JOIN store_state AS st ON st.store = f.store WHERE {rest}",
        (*values, view.now_us - SILENT_US, *more),
    )


def places(
    database: Database, sku: str, *, cursor: str | None = None, limit: int = 500, store: str | None = None
) -> Page[PlaceRow]:
    """Of one SKU: store, zone, lot, disposition; places with nothing are left out."""
    where = Where()
    where.add("sku = ? AND quantity <> 0", sku)
    where.given("store = ?", store)
    select = "SELECT store, zone, lot, disposition, quantity FROM stock"
    key = {"store": str, "zone": str, "lot": str, "disposition": str}
    return listed(database, PlaceRow, select, where, key, cursor=cursor, limit=limit)


def zones(database: Database, sku: str, store: str | None = None) -> list[ZoneRow]:
    """Of one SKU: zones and dispositions with anything, the fullest first."""
    where = Where()
    where.add("sku = ? AND quantity <> 0", sku)
    where.given("store = ?", store)
    rows = database.rows(
        "SELECT zone, disposition, COUNT(DISTINCT store), CAST(SUM(quantity) AS INTEGER) "
        f"FROM stock{where} GROUP BY zone, disposition ORDER BY 4 DESC, 1, 2",
        where.values,
    )
    return told(ZoneRow, rows)
