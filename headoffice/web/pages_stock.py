"""The overview, stock over all stores, one item, the stores and one of them."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from headoffice.database import Database
from headoffice.view import books, stock, stores, summary
from headoffice.view.charts import DAY_US
from headoffice.view.figures import Figures
from headoffice.view.movements import MovementPage, Which, movements
from headoffice.view.overview import overview as together
from headoffice.view.paging import LIMIT_MAX, Page
from headoffice.web.pages import CursorQuery, Live, NameQuery, TextQuery, csv_of, missing, render
from headoffice.web.room import Now, Reading, Refused, SkuPath, StorePath, room_of

router = APIRouter(include_in_schema=False)

PAGE_ROWS = 50
TICKER_ROWS = 14
OFFLINE_ROWS = 40
STORES_ROWS = 200
ACCURACY_DAYS = 30
# What the stores can be sorted by, and which of their figures that is.
SORTS = {
    "behind": "behind",
    "skus": "skus",
    "units": "units",
    "reserved": "reserved",
    "negative_rows": "negative_rows",
    "sales_today": "sales_today",
    "events_today": "events_today",
    "open_exceptions": "exceptions_open",
    "accuracy": "accuracy_permille",
}


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


def named(database: Database, page: MovementPage) -> dict[str, summary.ItemName]:
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
def store_list(
    request: Request,
    database: Reading,
    view: Now,
    state: Literal["", "online", "offline"] = "",
    sort: NameQuery = "",
    cursor: CursorQuery = None,
) -> HTMLResponse:
    """By name and in pages; sorted by a figure: the first `STORES_ROWS` of all."""
    if sort and sort not in SORTS:
        raise Refused(422, "invalid", ", ".join(SORTS), "sort")
    figures = room_of(request).figures
    online = None if not state else state == "online"
    if sort:
        rows = _sorted(_all_stores(database, view.now_us, online), figures, sort)
        page = Page[stores.StoreRow](rows=rows[:STORES_ROWS], more=None)
    else:
        page = stores.stores(database, view.now_us, cursor=cursor, limit=STORES_ROWS, online=online)
    content = {
        "asked": {"state": state, "sort": sort},
        "sorts": SORTS,
        "page": page,
        "figures": {row.store: figures.of(row.store) for row in page.rows},
        "csv": csv_of("/api/v1/stores", state=state),
    }
    return render(request, "stores.html", content, live=Live("store movement"))


def _all_stores(database: Database, now_us: int, online: bool | None) -> list[stores.StoreRow]:
    found: list[stores.StoreRow] = []
    cursor: str | None = None
    while True:
        page = stores.stores(database, now_us, cursor=cursor, limit=LIMIT_MAX, online=online)
        found += page.rows
        if (cursor := page.more) is None:
            return found


def _sorted(rows: list[stores.StoreRow], figures: Figures, sort: str) -> list[stores.StoreRow]:
    """Most first, of accuracy the least; those of which it is not known at the end."""

    def place(row: stores.StoreRow) -> tuple[bool, int, str]:
        value: int | None = row.behind if sort == "behind" else getattr(figures.of(row.store), SORTS[sort], None)
        return value is None, (value or 0) * (1 if sort == "accuracy" else -1), row.store

    return sorted(rows, key=place)


@router.get("/stores/{store}")
def store_page(request: Request, store: StorePath, database: Reading, view: Now, sku: NameQuery = "") -> HTMLResponse:
    one = stores.store(database, store, view.now_us)
    if one is None:
        raise missing(store)
    newest = movements(database, Which(store, sku or None), cursor=None, limit=TICKER_ROWS)
    content = {
        "one": one,
        "health": stores.health(database, store),
        "log": stores.log(database, store),
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
