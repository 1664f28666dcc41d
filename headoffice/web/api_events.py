"""What happened: movements as they came, exceptions, single events, what was refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query

from headoffice.view import books
from headoffice.view.books import ExceptionRow, RefusedRow
from headoffice.view.movements import MovementLineRow, MovementPage, MovementRow, Which, movement_lines, movements
from headoffice.view.paging import Page
from headoffice.web.lists import TABLE, Listing
from headoffice.web.room import NAME_PATTERN, Reading, Refused, SkuQuery, StorePath, StoreQuery

router = APIRouter(prefix="/api/v1", tags=["events"])

MovementKind = Literal["received", "moved", "sold", "returned", "transferred", "adjusted", "reversed"]
Word = Annotated[str | None, Query(pattern=r"^[a-z0-9_]{1,64}$", description="one kind only")]
LogPath = Annotated[str, Path(pattern=NAME_PATTERN, description="id of the log")]
SeqPath = Annotated[int, Path(ge=1, le=2**53 - 1, description="number in the log")]


@router.get(
    "/movements", summary="Movements of all stores, the newest first; pages may be short. CSV: a row for each line",
    response_model=MovementPage, responses=TABLE,
)  # fmt: skip
def newest_movements(
    listing: Listing, store: StoreQuery = None, sku: SkuQuery = None,
    kind: Annotated[MovementKind | None, Query(description="one kind only")] = None,
) -> Any:  # fmt: skip
    which = Which(store, sku, kind)
    return listing.answer(
        MovementRow,
        lambda database, cursor, limit: movements(database, which, cursor=cursor, limit=limit),
        (
            MovementLineRow,
            lambda database, cursor, limit: movement_lines(database, which, cursor=cursor, limit=limit),
        ),
    )


@router.get(
    "/exceptions", summary="What a person must look at, the newest first", response_model=Page[ExceptionRow],
    responses=TABLE,
)  # fmt: skip
def exceptions(
    listing: Listing, store: StoreQuery = None, kind: Word = None,
    state: Annotated[Literal["open", "settled"] | None, Query(description="absent: both")] = None,
) -> Any:  # fmt: skip
    return listing.answer(
        ExceptionRow,
        lambda database, cursor, limit: books.exceptions(
            database, cursor=cursor, limit=limit, store=store, kind=kind, state=state
        ),
    )


@router.get("/events/{store}/{log}/{seq}", summary="One event, as its store wrote it")
def one_event(store: StorePath, log: LogPath, seq: SeqPath, database: Reading) -> dict[str, Any]:
    found = books.event(database, store, log, seq)
    if found is None:
        raise Refused(404, "unknown_event", "head office has no such event", "seq")
    return found


@router.get(
    "/quarantine", summary="What stores sent and was refused, the newest first", response_model=Page[RefusedRow],
    responses=TABLE,
)  # fmt: skip
def refused(listing: Listing, store: StoreQuery = None, code: Word = None) -> Any:
    return listing.answer(
        RefusedRow,
        lambda database, cursor, limit: books.refused(database, cursor=cursor, limit=limit, store=store, code=code),
    )
