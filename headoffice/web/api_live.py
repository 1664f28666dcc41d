"""The live stream: what changes, as it changes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from headoffice.web.hub import Wanted
from headoffice.web.room import Refused, SkuQuery, StoreQuery, room_of
from headoffice.web.stream import Stream

router = APIRouter(prefix="/api/v1", tags=["live"])

NAMES = ("movement", "stock", "store", "alert", "exception", "document", "count")


@router.get(
    "/live",
    summary="Server-sent events: " + ", ".join(NAMES) + "; `resync`: fetch what you show again; `beat`",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "The stream"}},
)
async def live(
    request: Request, store: StoreQuery = None, sku: SkuQuery = None,
    events: Annotated[
        str | None, Query(pattern=r"^[a-z]+(,[a-z]+)*$", max_length=100, description="only these, with commas between")
    ] = None,
) -> Response:  # fmt: skip
    """The first event is always `resync`: what changed before is not told, what changes from then on is."""
    names = frozenset(events.split(",")) if events is not None else None
    if names is not None and not names <= set(NAMES):
        raise Refused(422, "unknown_event", f"there are {', '.join(NAMES)}", "events")
    return Stream(room_of(request).hub, Wanted(names, store, sku))
