"""The exceptions tray: what waits for a person, and how it is settled."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from agent.catalogue.errors import CatalogueError
from agent.operations import resolving
from agent.operations.values import State
from agent.web.endpoint import SEQ_MAX, Body, Call, DoneTold, Endpoint, Limit, Query, Told, Word
from agent.web.lane import Busy
from contract.shapes import Disposition, Gtin, Place, Quantity
from contract.stock import QUANTITY_MAX

Note = Annotated[str, Field(max_length=500)]


class EntryTold(Told):
    """An exception that is open. The members beside these are those of its event, where it has them."""

    seq: int
    kind: str
    reason: str
    occurred_us: int
    sku: str | None = None
    zone: str | None = None
    quantity: int | None = None
    station: str | None = None
    device: str | None = None
    text: str | None = Field(None, description="what was scanned, cut")
    detail: str | None = None
    tags: int | None = Field(None, description="how many tags it is about")


class TrayTold(Told):
    """The newest first; `before` the last one's number is the next page."""

    exceptions: list[EntryTold]
    open: int
    dropped: int = Field(description="that fell out unsettled, for there are 10,000 at most")


class EntryDetailTold(Told):
    seq: int
    open: bool
    event: dict[str, Any]
    around: list[dict[str, Any]] = Field(description="events of the same station before and after")
    way: dict[str, Any] | None = Field(description="what the scan would have been; null: it must be said")


class TrayQuery(Query):
    before: Annotated[int, Field(ge=1, le=SEQ_MAX)] = Field(SEQ_MAX, description="entries below this number")
    kind: Word | None = None
    limit: Limit = 100


class Dismissal(Body):
    note: Note | None = None


class Way(Body):
    kind: Literal["received", "moved", "sold", "returned", "transferred", "adjusted"]
    origin: Place = Field(alias="from")
    target: Place = Field(alias="to")
    document: Word | None = None
    reason: Word | None = None
    disposition: Disposition = "sellable"


class Booking(Body):
    """`sku` and base units of it, or `gtin` and packages. Without `way` it is what the station was doing."""

    sku: Word | None = None
    gtin: Gtin | None = None
    quantity: Quantity
    lot: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    way: Way | None = None


class Assignment(Body):
    sku: Word


async def listed(call: Call) -> Any:
    asked = call.query

    def read(state: State) -> dict[str, Any]:
        held = [(int(key), record) for key, record in state.books.under(resolving.BOOK) if int(key) < asked.before]
        wanted = [one for one in reversed(held) if asked.kind in {None, one[1]["kind"]}]
        count, dropped = resolving.standing(state.books)
        entries = [{"seq": seq, **record} for seq, record in wanted[: asked.limit]]
        return {"exceptions": entries, "open": count, "dropped": dropped}

    return await call.look(read)


def entry(state: State, seq: int) -> dict[str, Any] | None:
    """An exception with what was scanned around it; None for what is none."""
    event = resolving.event_of(state, seq)
    if event is None or event["type"] != "exception":
        return None
    way = resolving.way_of(state, event)
    named = {"origin": "from", "target": "to"}
    return {
        "seq": seq,
        "open": state.books.get(resolving.BOOK, resolving.key_of(seq)) is not None,
        "event": dict(event),
        "around": [dict(one) for one in resolving.around(state, seq)],
        "way": {named.get(key, key): value for key, value in way._asdict().items()} if way is not None else None,
    }


async def told(call: Call) -> Any:
    found = await call.look(lambda state: entry(state, call.path["seq"]))
    if found is None:
        raise call.refuse(404, "unknown_exception")
    return found


async def dismissed(call: Call) -> Any:
    seq, note = call.path["seq"], call.body.note
    return await call.do(lambda tx, context: resolving.dismiss(tx, seq, note, call.source, context))


async def booked(call: Call) -> Any:
    asked: Booking = call.body
    sku, units = await _item(call, asked.sku, asked.gtin)
    if asked.quantity * units > QUANTITY_MAX:
        raise call.refuse(422, "bad_quantity")
    way = resolving.Way(**asked.way.model_dump()) if asked.way is not None else None
    late = resolving.Late(call.path["seq"], sku, asked.quantity * units, asked.lot, way)
    return await call.do(lambda tx, context: resolving.book(tx, late, call.source, context))


async def assigned(call: Call) -> Any:
    seq, (sku, _) = call.path["seq"], await _item(call, call.body.sku, None)
    done = await call.do(lambda tx, context: resolving.assign(tx, seq, sku, call.source, context))
    event = await call.look(lambda state: state.event(seq))
    call.back.ask_about((event or {"data": {}})["data"].get("code", {}), sku)
    return done


async def _item(call: Call, sku: str | None, gtin: str | None) -> tuple[str, int]:
    """SKU and base units of one. Raises `Refused` for what the catalogue does not know."""
    if (sku is None) == (gtin is None):
        raise call.refuse(422, "sku_or_gtin")
    try:
        if gtin is not None:
            hit = await call.room.lane.call(call.back.by_code, gtin)
            if hit is not None:
                return hit.sku, hit.units
        elif sku is not None and await call.room.lane.call(call.room.view.item, sku) is not None:
            return sku, 1
    except CatalogueError as error:
        raise Busy(str(error)) from error
    raise call.refuse(404, "unknown_sku", sku=sku or gtin)


def _step(name: str, does: str, handler: Any, body: type[Body]) -> Endpoint:
    return Endpoint(
        method="POST",
        path=f"/exceptions/{{seq}}/{name}",
        does=does,
        tells=DoneTold,
        handler=handler,
        body=body,
        scope="stock",
        role="supervisor",
        refusals=(409,),
    )


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/exceptions",
        does="What waits for a person, the newest first",
        tells=TrayTold,
        handler=listed,
        query=TrayQuery,
    ),
    Endpoint(
        method="GET",
        path="/exceptions/{seq}",
        does="An exception with what was scanned around it",
        tells=EntryDetailTold,
        handler=told,
    ),
    _step("dismiss", "Nothing is to be done", dismissed, Dismissal),
    _step("book", "Book what the scan would have been, as of its time", booked, Booking),
    _step("assign", "The unknown code is this item's", assigned, Assignment),
)
