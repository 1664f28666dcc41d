"""Stores side by side, and one of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field

from headoffice.view import books, stores
from headoffice.view.books import DeviceRow
from headoffice.view.figures import StoreFigures
from headoffice.view.overview import Overview, overview
from headoffice.view.paging import Page
from headoffice.view.stores import StoreHealth, StoreLog, StoreRow
from headoffice.web.lists import TABLE, Listing
from headoffice.web.room import Now, Reading, Refused, StorePath, StoreQuery, room_of

router = APIRouter(prefix="/api/v1", tags=["stores"])


class StoreCompared(StoreRow):
    figures: StoreFigures | None = Field(description="summed a while ago, as it says; null: not yet")


@router.get("/overview", summary="All stores together")
def all_together(request: Request, database: Reading, view: Now) -> Overview:
    return overview(database, view.now_us, room_of(request).figures)


@router.get(
    "/stores", summary="Stores side by side: whether they are there, how far behind, what they hold",
    response_model=Page[StoreCompared], responses=TABLE,
)  # fmt: skip
def stores_compared(
    request: Request, listing: Listing, view: Now,
    state: Annotated[Literal["online", "offline"] | None, Query(description="only these")] = None,
) -> Any:  # fmt: skip
    figures = room_of(request).figures

    def fetch(database: Reading, cursor: str | None, limit: int) -> Page[StoreCompared]:
        online = None if state is None else state == "online"
        page = stores.stores(database, view.now_us, cursor=cursor, limit=limit, online=online)
        rows = [StoreCompared(**row.model_dump(), figures=figures.of(row.store)) for row in page.rows]
        return Page(rows=rows, more=page.more)

    return listing.answer(StoreCompared, fetch)


@router.get("/stores/{store}", summary="One store")
def one_store(store: StorePath, request: Request, database: Reading, view: Now) -> StoreCompared:
    found = stores.store(database, store, view.now_us)
    if found is None:
        raise Refused(404, "unknown_store", "nothing ever came from a store of this name", "store")
    return StoreCompared(**found.model_dump(), figures=room_of(request).figures.of(store))


@router.get("/stores/{store}/health", summary="What a store says of itself")
def store_health(store: StorePath, database: Reading) -> StoreHealth:
    found = stores.health(database, store)
    if found is None:
        raise Refused(404, "unknown_store", "it has not said anything of itself", "store")
    return found


@router.get("/stores/{store}/log", summary="How a store's log stands: its key, and events that are gone")
def store_log(store: StorePath, database: Reading) -> StoreLog:
    found = stores.log(database, store)
    if found is None:
        raise Refused(404, "unknown_store", "no event ever came from a store of this name", "store")
    return found


@router.get(
    "/devices", summary="Scanners, readers and portals of the stores", response_model=Page[DeviceRow], responses=TABLE
)
def devices(
    listing: Listing, store: StoreQuery = None,
    state: Annotated[
        Literal["connecting", "up", "down", "refused", "failed", "stopped"] | None, Query(description="only these")
    ] = None,
) -> Any:  # fmt: skip
    return listing.answer(
        DeviceRow,
        lambda database, cursor, limit: books.devices(database, cursor=cursor, limit=limit, store=store, state=state),
    )
