"""Documents, counts, exceptions, reservations, tags, devices, items, sales, refusals: what lies in one table each."""

from __future__ import annotations

from typing import Any, Literal

import orjson
from pydantic import Field

from headoffice.database import Database, Row
from headoffice.view.paging import Page, Told, Where, cut, listed, place_of, told
from headoffice.weights import count_lines, gram_sums, weighed


class DocumentGrams(Told):
    expected: int
    done: int
    damaged: int
    over: int
    short: int


class CountGrams(Told):
    expected: int
    counted: int
    units_off: int
    units_net: int


class DocumentRow(Told):
    store: str
    document: str
    kind: str = Field(description="receipt, transfer_in, transfer_out, vendor_return, pick")
    status: str = Field(description="opened, closed, closed_short, withdrawn")
    revision: int
    source: str
    target: str
    expected: int = Field(description="pieces, over the lines of the closing; 0 while it is open")
    done: int
    damaged: int
    over: int
    short: int
    opened_at: str | None = Field(description="by the store's clock")
    closed_at: str | None
    seq: int = Field(description="its newest event")
    at_us: int = Field(description="when that event was stored")
    grams: DocumentGrams | None = Field(None, description="goods by weight, beside the pieces; null: none")


class DocumentTold(DocumentRow):
    lines: list[dict[str, Any]] = Field(description="of the closing, as in the contract")


class CountRow(Told):
    store: str
    log: str
    count_id: str
    zone: str
    request: str | None = Field(description="head office's count request that it answers")
    blind: bool
    lines_total: int
    accuracy_permille: int = Field(description="share of lines within tolerance")
    exact_permille: int = Field(description="share of lines without a difference")
    expected: int = Field(description="pieces, over all lines")
    counted: int
    units_off: int = Field(description="sum of the sizes of the differences")
    units_net: int = Field(description="sum of the differences")
    approved_at: str
    seq: int
    at_us: int
    grams: CountGrams | None = Field(None, description="goods by weight, beside the pieces; null: none")


class CountTold(CountRow):
    lines: list[dict[str, Any]] = Field(description="as in the contract")


class ExceptionRow(Told):
    store: str
    log: str
    seq: int
    kind: str
    reason: str
    sku: str | None
    zone: str | None
    quantity: int | None
    occurred_at: str
    at_us: int
    resolution: str | None = Field(description="null: open")
    data: dict[str, Any] = Field(description="of the event, as in the contract")


class ReservationRow(Told):
    store: str
    reservation: str
    sku: str
    quantity: int = Field(description="base units that are still held")
    order_id: str | None
    expires_at: str | None
    seq: int


class TagRow(Told):
    store: str
    epc: str
    sku: str
    zone: str
    seq: int
    at_us: int


class DeviceRow(Told):
    store: str
    device: str
    kind: str
    state: str = Field(description="connecting, up, down, refused, failed, stopped")
    since_at: str = Field(description="by the store's clock")
    at_us: int = Field(description="when it was told")
    told: dict[str, Any] = Field(description="the whole `device/{device}`, as in the contract")


class SaleRow(Told):
    day: str
    sold: int = Field(description="base units, less sales taken back")
    returned: int


class ItemRow(Told):
    sku: str
    revision: int
    name_ko: str | None
    name_en: str | None
    category: str | None
    base_unit: str
    stock_min: int | None
    stock_max: int | None
    item: dict[str, Any] = Field(description="as it is sent to stores")


class RefusedRow(Told):
    id: int
    store: str
    code: str
    log: str | None
    seq: int | None
    reason: str
    count: int = Field(description="how often it came")
    at_us: int
    last_at_us: int


_DOCUMENT = (
    "store, document, kind, status, revision, from_place, to_place, expected, done, damaged, over, short, opened_at, "
    "closed_at, seq, at_us"
)
_COUNT = (
    "store, log, count_id, zone, request, blind, lines_total, accuracy_permille, exact_permille, expected, counted, "
    "units_off, units_net, approved_at, seq, at_us"
)


def documents(
    database: Database, *, cursor: str | None = None, limit: int = 50, store: str | None = None,
    kind: str | None = None, status: str | None = None,
) -> Page[DocumentRow]:  # fmt: skip
    """What changed last comes first."""
    where = Where()
    where.given("store = ?", store)
    where.given("kind = ?", kind)
    where.given("status = ?", status)
    by_weight = weighed(database)
    lines = "lines" if by_weight else "'[]'"  # many, and nothing to be told apart
    select, key = f"SELECT {_DOCUMENT}, {lines} FROM document", {"at_us": int, "store": str, "document": str}

    def read(rows: list[Row]) -> list[Row]:
        return _without_lines(_apart(rows, by_weight, DocumentGrams, 7))

    return listed(database, DocumentRow, select, where, key, cursor=cursor, limit=limit, newest=True, read=read)


def document(database: Database, store: str, name: str) -> DocumentTold | None:
    rows = database.rows(f"SELECT {_DOCUMENT}, lines FROM document WHERE store = ? AND document = ?", (store, name))
    return told(DocumentTold, _apart(rows, weighed(database), DocumentGrams, 7))[0] if rows else None


def counts(
    database: Database, *, cursor: str | None = None, limit: int = 50, store: str | None = None, zone: str | None = None
) -> Page[CountRow]:
    """The newest first."""
    where = Where()
    where.given("store = ?", store)
    where.given("zone = ?", zone)
    by_weight = weighed(database)
    lines = "lines" if by_weight else "'[]'"  # as above
    select, key = f"SELECT {_COUNT}, {lines} FROM counted", {"at_us": int, "store": str, "log": str, "count_id": str}

    def read(rows: list[Row]) -> list[Row]:
        return _without_lines(_apart(rows, by_weight, CountGrams, 9))

    return listed(database, CountRow, select, where, key, cursor=cursor, limit=limit, newest=True, read=read)


def count(database: Database, store: str, log: str, name: str) -> CountTold | None:
    rows = database.rows(
        f"SELECT {_COUNT}, lines FROM counted WHERE store = ? AND log = ? AND count_id = ?", (store, log, name)
    )
    return told(CountTold, _apart(rows, weighed(database), CountGrams, 9))[0] if rows else None


def _apart(rows: list[Row], by_weight: frozenset[str], kind: type[Told], first: int) -> list[Row]:
    """Rows that end in their lines as text, with grams told apart from the sums that begin in column `first`."""
    found: list[Row] = []
    for *row, text in rows:
        lines = orjson.loads(text)
        summed = count_lines(lines) if kind is CountGrams else lines
        grams = gram_sums(summed, list(kind.model_fields), by_weight)
        for column, size in enumerate((grams or {}).values(), start=first):
            row[column] -= size
        found.append((*row, kind(**grams) if grams else None, lines))
    return found


def _without_lines(rows: list[Row]) -> list[Row]:
    return [row[:-1] for row in rows]


def _opened(rows: list[Row]) -> list[Row]:
    """Rows that end in JSON as text, with its value."""
    return [(*row[:-1], orjson.loads(row[-1])) for row in rows]


def exceptions(
    database: Database, *, cursor: str | None = None, limit: int = 50, store: str | None = None,
    kind: str | None = None, state: Literal["open", "settled"] | None = None,
) -> Page[ExceptionRow]:  # fmt: skip
    """The newest first."""
    where = Where()
    where.given("store = ?", store)
    where.given("kind = ?", kind)
    if state is not None:
        where.add(f"resolution IS {'' if state == 'open' else 'NOT '}NULL")
    select = (
        "SELECT store, log, seq, kind, reason, sku, zone, quantity, occurred_at, at_us, resolution, body FROM exception"
    )
    key = {"at_us": int, "store": str, "log": str, "seq": int}
    return listed(database, ExceptionRow, select, where, key, cursor=cursor, limit=limit, newest=True, read=_opened)


def reservations(
    database: Database, *, cursor: str | None = None, limit: int = 50, store: str | None = None,
    sku: str | None = None, order: str | None = None,
) -> Page[ReservationRow]:  # fmt: skip
    """Those that are open, by store and name."""
    where = Where()
    where.given("store = ?", store)
    where.given("sku = ?", sku)
    where.given("order_id = ?", order)
    select = "SELECT store, reservation, sku, quantity, order_id, expires_at, seq FROM reservation"
    key = {"store": str, "reservation": str}
    return listed(database, ReservationRow, select, where, key, cursor=cursor, limit=limit)


def tags(
    database: Database, *, cursor: str | None = None, limit: int = 50, store: str | None = None,
    sku: str | None = None, epc: str | None = None,
) -> Page[TagRow]:  # fmt: skip
    """By store and EPC."""
    where = Where()
    where.given("store = ?", store)
    where.given("sku = ?", sku)
    where.given("epc = ?", epc)
    select = "SELECT store, epc, sku, zone, seq, at_us FROM tag"
    return listed(database, TagRow, select, where, {"store": str, "epc": str}, cursor=cursor, limit=limit)


def devices(
    database: Database, *, cursor: str | None = None, limit: int = 50, store: str | None = None,
    state: str | None = None,
) -> Page[DeviceRow]:  # fmt: skip
    """By store and name."""
    where = Where()
    where.given("store = ?", store)
    where.given("state = ?", state)
    select, key = "SELECT store, device, kind, state, since_at, at_us, body FROM device", {"store": str, "device": str}
    return listed(database, DeviceRow, select, where, key, cursor=cursor, limit=limit, read=_opened)


def sales(database: Database, sku: str, *, since: str, store: str | None = None) -> list[SaleRow]:
    """Of one SKU, by day, from a day on; days without a sale are left out."""
    # The key begins with the store: asked store by store it is read by key, whatever else was sold.
    where = Where()
    where.add("store IN (SELECT store FROM position)" if store is None else "store = ?", *([store] if store else []))
    where.add("sku = ? AND day >= ?", sku, since)
    rows = database.rows(
        f"SELECT day, CAST(SUM(sold) AS INTEGER), CAST(SUM(returned) AS INTEGER) FROM sale_day{where} "
        "GROUP BY day ORDER BY day",
        where.values,
    )
    return told(SaleRow, rows)


def items(
    database: Database, *, cursor: str | None = None, limit: int = 50, category: str | None = None
) -> Page[ItemRow]:
    """The item master, by SKU."""
    where = Where()
    where.add("deleted = 0")
    where.given("category = ?", category)
    where.given("sku > ?", place_of(cursor, str)[0] if cursor is not None else None)
    return cut(ItemRow, _items(database, where, limit + 1), limit, lambda row: (row.sku,))


def item(database: Database, sku: str) -> ItemRow | None:
    where = Where()
    where.add("deleted = 0 AND sku = ?", sku)
    found = told(ItemRow, _items(database, where, 1))
    return found[0] if found else None


def _items(database: Database, where: Where, limit: int) -> list[tuple[Any, ...]]:
    rows = database.rows(
        "SELECT sku, revision, name_ko, name_en, category, base_unit, stock_min, stock_max, body "
        f"FROM item{where} ORDER BY sku LIMIT ?",
        (*where.values, limit),
    )
    return _opened(rows)


def refused(
    database: Database, *, cursor: str | None = None, limit: int = 50, store: str | None = None, code: str | None = None
) -> Page[RefusedRow]:
    """What stores sent and head office did not take in, the newest first."""
    where = Where()
    where.given("store = ?", store)
    where.given("code = ?", code)
    select = "SELECT id, store, code, log, seq, reason, count, at_us, last_at_us FROM quarantine"
    key = {"last_at_us": int, "id": int}
    return listed(database, RefusedRow, select, where, key, cursor=cursor, limit=limit, newest=True)


def event(database: Database, store: str, log: str, seq: int) -> dict[str, Any] | None:
    """As the store wrote it."""
    rows = database.rows("SELECT body FROM event WHERE store = ? AND log = ? AND seq = ?", (store, log, seq))
    return orjson.loads(rows[0][0]) if rows else None
