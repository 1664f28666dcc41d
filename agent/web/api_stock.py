"""Items, stock and its history."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from agent.catalogue.errors import CatalogueError
from agent.operations import reservations
from agent.web.endpoint import SEQ_MAX, Call, Endpoint, Limit, Query, Seq, Told, Word
from agent.web.lane import Busy
from agent.web.pages import PAGE_ROWS, stock_page
from contract.catalog import Item
from contract.shapes import Disposition
from contract.topics import EventType

PAGE_MAX = 10_000
FOUND_MAX = 100


class NameTold(Told):
    ko: str | None
    en: str | None


class GtinTold(Told):
    gtin: str
    units: int
    level: Literal["each", "inner", "case", "pallet"]


class ItemTold(Told):
    sku: str
    name: NameTold
    base_unit: Literal["each", "gram"]
    tracking: Literal["quantity", "lot", "serial"]
    gtins: list[GtinTold]
    revision: int
    deleted: bool


class ItemsTold(Told):
    items: list[ItemTold]


class StockRowTold(Told):
    sku: str
    zone: str
    lot: str | None = Field(description="null: no lot")
    disposition: Disposition
    quantity: int = Field(description="base units; below zero is allowed and reported")


class NamedRowTold(StockRowTold):
    name: NameTold | None = Field(description="null: not in the catalogue")
    base_unit: Literal["each", "gram"] | None


class StockTold(Told):
    rows: list[NamedRowTold]
    total: int
    page: int
    page_rows_max: int


class SkuStockTold(Told):
    sku: str
    item: ItemTold | None
    on_hand: int
    reserved: int = Field(description="for online orders")
    available: int = Field(description="sellable, less what is reserved, less the store's safety buffer")
    rows: list[StockRowTold]


class EventsTold(Told):
    """Events as docs/contract.md has them. `cursor` is what to ask for the next page with, if there is `more`.

    A page may hold fewer than asked for, or none, although more follow: it looks at 20,000 events at most.
    """

    events: list[dict[str, Any]]
    cursor: int
    more: bool


class ItemsQuery(Query):
    q: Annotated[str, Field(min_length=1, max_length=100, description="words of a name, an SKU, a code, initials")]
    limit: Annotated[int, Field(ge=1, le=FOUND_MAX)] = 20


class StockQuery(Query):
    sku: Word | None = None
    zone: Word | None = None
    page: Annotated[int, Field(ge=1, le=PAGE_MAX)] = 1


class HistoryQuery(Query):
    before: Annotated[int, Field(ge=1, le=SEQ_MAX)] = Field(SEQ_MAX, description="events below this number")
    limit: Limit = 100


class MovementsQuery(Query):
    since: Seq = Field(0, description="events above this number")
    sku: Word | None = None
    zone: Word | None = Field(None, description="from it or to it")
    document: Word | None = None
    kind: Literal["received", "moved", "sold", "returned", "transferred", "adjusted", "reversed"] | None = None
    limit: Limit = 100


def item_told(item: Item) -> dict[str, Any]:
    return {
        "sku": item.sku,
        "name": {"ko": item.name.ko, "en": item.name.en},
        "base_unit": item.base_unit,
        "tracking": item.tracking,
        "gtins": [one.model_dump(mode="json") for one in item.gtins],
        "revision": item.revision,
        "deleted": item.deleted,
    }


async def items(call: Call) -> Any:
    try:
        found = await call.room.lane.call(call.room.view.back.search, call.query.q, call.query.limit)
    except CatalogueError as error:
        raise Busy(str(error)) from error
    return {"items": [item_told(one) for one in found]}


async def _item(call: Call) -> Item | None:
    try:
        return await call.room.lane.call(call.room.view.item, call.path["sku"])
    except CatalogueError as error:
        raise Busy(str(error)) from error


async def item(call: Call) -> Any:
    found = await _item(call)
    if found is None:
        raise call.refuse(404, "unknown_sku", sku=call.path["sku"])
    return item_told(found)


async def stock(call: Call) -> Any:
    total, rows = await stock_page(call.room, call.query.sku, call.query.zone, call.query.page)
    listed = [
        {
            **row._asdict(),
            "lot": row.lot or None,
            "name": {"ko": found.name.ko, "en": found.name.en} if found is not None else None,
            "base_unit": found.base_unit if found is not None else None,
        }
        for row, found in rows
    ]
    return {"rows": listed, "total": total, "page": call.query.page, "page_rows_max": PAGE_ROWS}


async def sku_stock(call: Call) -> Any:
    sku, found = call.path["sku"], await _item(call)
    rows, reserved = await call.look(lambda state: (state.stock_rows(sku=sku), reservations.reserved(state.books, sku)))
    if found is None and not rows:
        raise call.refuse(404, "unknown_sku", sku=sku)
    return {
        "sku": sku,
        "item": item_told(found) if found is not None else None,
        "on_hand": sum(row.quantity for row in rows),
        "reserved": reserved,
        "available": reservations.available(rows, reserved, call.back.orders),
        "rows": [{**row._asdict(), "lot": row.lot or None} for row in rows],
    }


def of_sku(sku: str) -> tuple[str, ...]:
    """How an SKU stands in a movement's canonical JSON."""
    return (f'"sku":"{sku}"',)


async def history(call: Call) -> Any:
    page = await call.room.lane.call(
        call.room.view.back.before,
        call.query.before,
        EventType.MOVEMENT,
        [of_sku(call.path["sku"])],
        call.query.limit,
    )
    return page._asdict()


async def movements(call: Call) -> Any:
    asked = call.query
    needles = [of_sku(asked.sku)] if asked.sku else []
    if asked.zone:
        needles.append((f'"from":"{asked.zone}"', f'"to":"{asked.zone}"'))
    if asked.document:
        needles.append((f'"document":"{asked.document}"',))
    if asked.kind:
        needles.append((f'"kind":"{asked.kind}"',))
    after = call.room.view.back.after
    return (await call.room.lane.call(after, asked.since, EventType.MOVEMENT, needles, asked.limit))._asdict()


ENDPOINTS = (
    Endpoint(method="GET", path="/items", does="Find items", tells=ItemsTold, handler=items, query=ItemsQuery),
    Endpoint(method="GET", path="/items/{sku}", does="One item", tells=ItemTold, handler=item),
    Endpoint(
        method="GET",
        path="/stock",
        does="Stock in key order, 100 rows a page",
        tells=StockTold,
        handler=stock,
        query=StockQuery,
    ),
    Endpoint(method="GET", path="/stock/{sku}", does="Stock of one item", tells=SkuStockTold, handler=sku_stock),
    Endpoint(
        method="GET",
        path="/stock/{sku}/history",
        does="Movements of one item, the newest first",
        tells=EventsTold,
        handler=history,
        query=HistoryQuery,
    ),
    Endpoint(
        method="GET",
        path="/movements",
        does="Movements, the oldest first",
        tells=EventsTold,
        handler=movements,
        query=MovementsQuery,
    ),
)
