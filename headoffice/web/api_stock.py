"""Stock by SKU: over all stores, by store, by place; what belongs to it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from headoffice.view import books, stock
from headoffice.view.books import ItemRow, SaleRow
from headoffice.view.days import days_before
from headoffice.view.paging import Page, Told
from headoffice.view.stock import Filter, PlaceRow, SkuRow, SkuStoreRow, Standing, ZoneRow
from headoffice.web.lists import TABLE, Listing
from headoffice.web.room import Now, Reading, Refused, SkuPath, SkuQuery, StoreQuery

router = APIRouter(prefix="/api/v1", tags=["stock"])

Text = Annotated[
    str | None,
    Query(max_length=100, pattern=r"^[^\x00]*$", description="part of a name or SKU, or a whole GTIN"),
]
Category = Annotated[str | None, Query(max_length=100, pattern=r"^[^\x00]*$", description="one category only")]
DAYS_MAX = 62


class SkuTold(SkuRow):
    item: ItemRow | None = Field(description="null: no such item in the item master")
    zones: list[ZoneRow]


class Sales(Told):
    rows: list[SaleRow]


@router.get(
    "/stock", summary="Stock of all items, over stores, zones and channels", response_model=Page[SkuRow],
    responses=TABLE,
)  # fmt: skip
def stock_of_all(
    listing: Listing,
    view: Now,
    q: Text = None,
    category: Category = None,
    store: StoreQuery = None,
    standing: Annotated[
        Standing | None,
        Query(description="only what is, in some store, short, too many, or less than nothing; pages may be short"),
    ] = None,
) -> Any:
    chosen = Filter(q, category, store, standing)
    return listing.answer(
        SkuRow, lambda database, cursor, limit: stock.page(database, chosen, view, cursor=cursor, limit=limit)
    )


@router.get("/stock/{sku}", summary="One item over all stores")
def stock_of_one(sku: SkuPath, database: Reading, view: Now, store: StoreQuery = None) -> SkuTold:
    found, item = stock.totals(database, [sku], view, store)[0], books.item(database, sku)
    if item is None and not found.stores:
        raise Refused(404, "unknown_sku", "no store has it, and the item master does not know it", "sku")
    return SkuTold(**found.model_dump(), item=item, zones=stock.zones(database, sku, store))


@router.get("/stock/{sku}/stores", summary="One item, by store", response_model=Page[SkuStoreRow], responses=TABLE)
def stock_by_store(listing: Listing, sku: SkuPath, view: Now, store: StoreQuery = None) -> Any:
    return listing.answer(
        SkuStoreRow,
        lambda database, cursor, limit: stock.in_stores(database, sku, view, cursor=cursor, limit=limit, store=store),
    )


@router.get(
    "/stock/{sku}/places", summary="One item, by store, zone, lot and disposition", response_model=Page[PlaceRow],
    responses=TABLE,
)  # fmt: skip
def stock_by_place(listing: Listing, sku: SkuPath, store: StoreQuery = None) -> Any:
    return listing.answer(
        PlaceRow, lambda database, cursor, limit: stock.places(database, sku, cursor=cursor, limit=limit, store=store)
    )


@router.get("/stock/{sku}/sales", summary="One item's sales, by day of the stores")
def sales_by_day(
    sku: SkuPath, database: Reading, view: Now, store: StoreQuery = None,
    days: Annotated[int, Query(ge=1, le=DAYS_MAX, description="so many days up to today")] = 28,
) -> Sales:  # fmt: skip
    return Sales(rows=books.sales(database, sku, since=days_before(view.now_us, days), store=store))


@router.get(
    "/reservations", summary="Reservations that are open", response_model=Page[books.ReservationRow], responses=TABLE
)
def reservations(
    listing: Listing, store: StoreQuery = None, sku: SkuQuery = None,
    order: Annotated[str | None, Query(pattern=r"^[ -~]{1,128}$", description="the customer's order")] = None,
) -> Any:  # fmt: skip
    return listing.answer(
        books.ReservationRow,
        lambda database, cursor, limit: books.reservations(
            database, cursor=cursor, limit=limit, store=store, sku=sku, order=order
        ),
    )


@router.get("/tags", summary="Where tags are", response_model=Page[books.TagRow], responses=TABLE)
def tags(
    listing: Listing, store: StoreQuery = None, sku: SkuQuery = None,
    epc: Annotated[str | None, Query(pattern=r"^([0-9A-F]{2}){1,62}$", description="one tag only")] = None,
) -> Any:  # fmt: skip
    return listing.answer(
        books.TagRow,
        lambda database, cursor, limit: books.tags(database, cursor=cursor, limit=limit, store=store, sku=sku, epc=epc),
    )


@router.get("/items", summary="The item master", response_model=Page[ItemRow], responses=TABLE)
def items(listing: Listing, category: Category = None) -> Any:
    return listing.answer(
        ItemRow,
        lambda database, cursor, limit: books.items(database, cursor=cursor, limit=limit, category=category),
    )


@router.get("/items/{sku}", summary="One item of the item master")
def item(sku: SkuPath, database: Reading) -> ItemRow:
    found = books.item(database, sku)
    if found is None:
        raise Refused(404, "unknown_sku", "the item master does not know it", "sku")
    return found
