"""The overview, stock over all stores, one item, the stores and one of them."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from headoffice.view import books, stock, stores, summary
from headoffice.view.charts import DAY_US
from headoffice.view.movements import MovementPage, Which, movements
from headoffice.view.overview import overview as together
from headoffice.web.pages import CursorQuery, Live, NameQuery, TextQuery, csv_of, missing, render
from headoffice.web.room import Now, Reading, SkuPath, StorePath, room_of

router = APIRouter(include_in_schema=False)

PAGE_ROWS = 50
TICKER_ROWS = 14
OFFLINE_ROWS = 40
STORES_ROWS = 200
ACCURACY_DAYS = 30


@router.get("/")
def overview(request: Request, database: Reading, view: Now) -> HTMLResponse:
    newest = movements(database, Which(), cursor=None, limit=TICKER_ROWS)
    content = {
        "all": together(database, view.now_us, room_of(request).figures),
        "offline": stores.stores(database, view.now_us, limit=OFFLINE_ROWS, online=False).rows,
        "rate": summary.events_a_second(database, view.now_us),
        "accuracy": summary.accuracy(database, view.now_us - ACCURACY_DAYS * DAY_US),
        "accuracy_days": ACCURACY_DAYS,
        "page": newest,
        "names": named(database, newest),
    }
    return render(request, "overview.html", content, live=Live("movement store alert exception count"))


def named(database: Reading, page: MovementPage) -> dict[str, summary.ItemName]:
    return summary.item_names(database, (line.sku for row in page.rows for line in row.lines))


@router.get("/stock")
def stock_list(
    request: Request,
    database: Reading,
    view: Now,
    q: TextQuery = "",
    category: TextQuery = "",
    store: NameQuery = "",
    standing: Literal["", "below_min", "above_max", "negative"] = "",
    cursor: CursorQuery = None,
) -> HTMLResponse:
    text = q.strip() or None
    asked = stock.Filter(text, category or None, store or None, standing or None)
    content = {
        "asked": asked,
        "categories": summary.categories(database),
        "stores": summary.store_names(database),
        "page": stock.page(database, asked, view, cursor=cursor, limit=PAGE_ROWS),
        "csv": csv_of("/api/v1/stock", q=text, category=asked.category, store=asked.store, standing=asked.standing),
    }
    return render(request, "stock.html", content, live=Live("stock", asked.store))


@router.get("/stock/{sku}")
def item(request: Request, sku: SkuPath, database: Reading, view: Now, cursor: CursorQuery = None) -> HTMLResponse:
    one = stock.totals(database, [sku], view)[0]
    if one.base_unit is None and one.stores == 0:
        raise missing(sku)
    content = {
        "one": one,
        "page": stock.in_stores(database, sku, view, cursor=cursor, limit=STORES_ROWS),
        "places": stock.places(database, sku, limit=PAGE_ROWS),
        "reservations": books.reservations(database, sku=sku, limit=PAGE_ROWS).rows,
        "tags": summary.tags(database, sku),
        "csv": csv_of(f"/api/v1/stock/{sku}/stores"),
    }
    return render(request, "item.html", content, live=Live("stock store", sku=sku))


@router.get("/stores")
def store_list(request: Request, database: Reading, view: Now, cursor: CursorQuery = None) -> HTMLResponse:
    page = stores.stores(database, view.now_us, cursor=cursor, limit=STORES_ROWS)
    figures = room_of(request).figures
    content = {
        "page": page,
        "figures": {row.store: figures.of(row.store) for row in page.rows},
        "csv": csv_of("/api/v1/stores"),
    }
    return render(request, "stores.html", content, live=Live("store movement"))


@router.get("/stores/{store}")
def store_page(request: Request, store: StorePath, database: Reading, view: Now, sku: NameQuery = "") -> HTMLResponse:
    one = stores.store(database, store, view.now_us)
    if one is None:
        raise missing(store)
    newest = movements(database, Which(store, sku or None), cursor=None, limit=TICKER_ROWS)
    content = {
        "one": one,
        "health": stores.health(database, store),
        "figures": room_of(request).figures.of(store),
        "devices": books.devices(database, store=store, limit=PAGE_ROWS).rows,
        "page": newest,
        "names": named(database, newest),
        "documents": books.documents(database, store=store, limit=8).rows,
        "counts": books.counts(database, store=store, limit=8).rows,
        "exceptions": books.exceptions(database, store=store, state="open", limit=8).rows,
        "checks": summary.checks(database, store),
    }
    wants = "movement store alert exception document count"
    return render(request, "store.html", content, live=Live(wants, store))
