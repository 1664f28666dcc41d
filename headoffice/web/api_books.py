"""Documents, and counts with how right they found the books."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query

from headoffice.view import books
from headoffice.view.books import CountRow, CountTold, DocumentRow, DocumentTold
from headoffice.view.paging import Page
from headoffice.web.lists import TABLE, Listing
from headoffice.web.room import NAME_PATTERN, Reading, Refused, StorePath, StoreQuery

router = APIRouter(prefix="/api/v1", tags=["books"])

DocumentKind = Literal["receipt", "transfer_in", "transfer_out", "vendor_return", "pick"]
DocumentStatus = Literal["opened", "closed", "closed_short", "withdrawn"]
DocumentPath = Annotated[str, Path(pattern=NAME_PATTERN, description="name of the document")]
LogPath = Annotated[str, Path(pattern=NAME_PATTERN, description="id of the log")]
CountPath = Annotated[str, Path(pattern=NAME_PATTERN, description="name of the count")]


@router.get(
    "/documents", summary="Documents that stores work on, what changed last first", response_model=Page[DocumentRow],
    responses=TABLE,
)  # fmt: skip
def documents(
    listing: Listing, store: StoreQuery = None,
    kind: Annotated[DocumentKind | None, Query(description="one kind only")] = None,
    status: Annotated[DocumentStatus | None, Query(description="only these")] = None,
) -> Any:  # fmt: skip
    return listing.answer(
        DocumentRow,
        lambda database, cursor, limit: books.documents(
            database, cursor=cursor, limit=limit, store=store, kind=kind, status=status
        ),
    )


@router.get("/documents/{store}/{document}", summary="One document with its lines")
def one_document(store: StorePath, document: DocumentPath, database: Reading) -> DocumentTold:
    found = books.document(database, store, document)
    if found is None:
        raise Refused(404, "unknown_document", "this store has opened no such document", "document")
    return found


@router.get("/counts", summary="Counts, the newest first", response_model=Page[CountRow], responses=TABLE)
def counts(
    listing: Listing, store: StoreQuery = None,
    zone: Annotated[str | None, Query(pattern=NAME_PATTERN, description="one zone only")] = None,
) -> Any:  # fmt: skip
    return listing.answer(
        CountRow,
        lambda database, cursor, limit: books.counts(database, cursor=cursor, limit=limit, store=store, zone=zone),
    )


@router.get("/counts/{store}/{log}/{count}", summary="One count with its lines")
def one_count(store: StorePath, log: LogPath, count: CountPath, database: Reading) -> CountTold:
    found = books.count(database, store, log, count)
    if found is None:
        raise Refused(404, "unknown_count", "head office has no such count", "count")
    return found
