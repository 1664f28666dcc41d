"""What stores recorded: movements, documents, counts, exceptions; devices and workers; the login."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from contract.events import ExceptionData
from headoffice.database import Database
from headoffice.view import books, charts, summary
from headoffice.view.movements import Which, movements
from headoffice.view.paging import Page
from headoffice.web.pages import CursorQuery, Live, NameQuery, csv_of, missing, render
from headoffice.web.pages_stock import named
from headoffice.web.room import Now, Reading, StorePath
from headoffice.worker_leases import free_stores, living

router = APIRouter(include_in_schema=False)

PAGE_ROWS = 50
DEVICES_ROWS = 200
LATEST_ROWS = 20
WORKERS_S = 2  # how often their page looks again
DOCUMENTS = ("receipt", "transfer_in", "transfer_out", "vendor_return", "pick")
STANDINGS = ("opened", "closed", "closed_short", "withdrawn")
EXCEPTIONS: tuple[str, ...] = get_args(ExceptionData.model_fields["kind"].annotation)
DEVICE_STATES = ("up", "connecting", "down", "refused", "failed", "stopped")


@router.get("/movements")
def movement_list(
    request: Request,
    database: Reading,
    store: NameQuery = "",
    sku: NameQuery = "",
    kind: NameQuery = "",
    cursor: CursorQuery = None,
) -> HTMLResponse:
    page = movements(database, Which(store or None, sku or None, kind or None), cursor=cursor, limit=PAGE_ROWS)
    content = {
        "asked": {"store": store, "sku": sku, "kind": kind},
        "kinds": charts.MOVED,
        "stores": summary.store_names(database),
        "page": page,
        "names": named(database, page),
        "csv": csv_of("/api/v1/movements", store=store, sku=sku, kind=kind),
    }
    live = Live("movement", store or None, sku or None) if cursor is None else None
    return render(request, "movements.html", content, live=live)


@router.get("/documents")
def document_list(
    request: Request,
    database: Reading,
    store: NameQuery = "",
    kind: NameQuery = "",
    status: NameQuery = "",
    cursor: CursorQuery = None,
) -> HTMLResponse:
    content = {
        "asked": {"store": store, "kind": kind, "status": status},
        "kinds": DOCUMENTS,
        "standings": STANDINGS,
        "stores": summary.store_names(database),
        "page": books.documents(
            database, cursor=cursor, limit=PAGE_ROWS, store=store or None, kind=kind or None, status=status or None
        ),
        "csv": csv_of("/api/v1/documents", store=store, kind=kind, status=status),
    }
    return render(request, "documents.html", content, live=Live("document", store or None))


@router.get("/documents/{store}/{document}")
def document_page(request: Request, store: StorePath, document: str, database: Reading) -> HTMLResponse:
    one = books.document(database, store, document)
    if one is None:
        raise missing(document)
    content = {"one": one, "names": _names(database, one.lines)}
    return render(request, "document.html", content, live=Live("document", store))


def _names(database: Database, lines: list[dict[str, Any]]) -> dict[str, summary.ItemName]:
    return summary.item_names(database, (one["sku"] for one in lines))


@router.get("/counts")
def count_list(request: Request, database: Reading, store: NameQuery = "", cursor: CursorQuery = None) -> HTMLResponse:
    content = {
        "asked": {"store": store},
        "stores": summary.store_names(database),
        "page": books.counts(database, cursor=cursor, limit=PAGE_ROWS, store=store or None),
        "csv": csv_of("/api/v1/counts", store=store),
    }
    return render(request, "counts.html", content, live=Live("count", store or None))


@router.get("/counts/{store}/{log}/{count}")
def count_page(request: Request, store: StorePath, log: str, count: str, database: Reading) -> HTMLResponse:
    one = books.count(database, store, log, count)
    if one is None:
        raise missing(count)
    off = sorted((line for line in one.lines if line["delta"]), key=lambda line: -abs(line["delta"]))
    return render(request, "count.html", {"one": one, "off": off, "names": _names(database, off)})


@router.get("/exceptions")
def exception_list(
    request: Request,
    database: Reading,
    store: NameQuery = "",
    kind: NameQuery = "",
    state: Literal["", "open", "settled"] = "open",
    cursor: CursorQuery = None,
) -> HTMLResponse:
    page: Page[books.ExceptionRow] = books.exceptions(
        database, cursor=cursor, limit=PAGE_ROWS, store=store or None, kind=kind or None, state=state or None
    )
    content = {
        "asked": {"store": store, "kind": kind, "state": state},
        "kinds": EXCEPTIONS,
        "stores": summary.store_names(database),
        "page": page,
        "names": summary.item_names(database, (one.sku for one in page.rows if one.sku)),
        "csv": csv_of("/api/v1/exceptions", store=store, kind=kind, state=state),
    }
    return render(request, "exceptions.html", content, live=Live("exception", store or None))


@router.get("/devices")
def device_list(
    request: Request,
    database: Reading,
    view: Now,
    store: NameQuery = "",
    state: NameQuery = "",
    cursor: CursorQuery = None,
) -> HTMLResponse:
    page = books.devices(database, cursor=cursor, limit=DEVICES_ROWS, store=store or None, state=state or None)
    content = {
        "asked": {"store": store, "state": state},
        "states": DEVICE_STATES,
        "stores": summary.store_names(database),
        "page": page,
        "online": summary.online(database, view.now_us, {one.store for one in page.rows}),
        "csv": csv_of("/api/v1/devices", store=store, state=state),
    }
    return render(request, "devices.html", content, live=Live("store", store or None))


@router.get("/workers")
def worker_list(request: Request, database: Reading) -> HTMLResponse:
    postgres = database.dialect == "postgres"
    content = {
        "postgres": postgres,
        "workers": living(database) if postgres else [],
        "free": free_stores(database) if postgres else 0,
        "latest": summary.taken_latest(database, LATEST_ROWS),
        "refused": books.refused(database, limit=LATEST_ROWS).rows,
    }
    return render(request, "workers.html", content, live=Live("store", every_s=WORKERS_S))


@router.get("/login")
def login(request: Request, next: Annotated[str, Query(max_length=500)] = "/") -> HTMLResponse:  # noqa: A002
    """`next` is an address of this desk; anything else leads to the overview."""
    safe = next if next.startswith("/") and not next.startswith(("//", "/\\")) else "/"
    return render(request, "login.html", {"bare": True, "next": safe})
