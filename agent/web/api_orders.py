"""Reservations for online orders: made, picked, given up."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from agent.operations import reservations
from agent.operations.values import State
from agent.web.endpoint import Body, Call, DoneTold, Endpoint, Limit, Query, Told, Word
from contract.shapes import Identifier, Quantity


class ReservationTold(Told):
    reservation: str
    sku: str
    quantity: int = Field(description="base units that are still reserved")
    made: int = Field(description="base units at first")
    picked: int
    zone: str | None = Field(None, description="where the picked goods are")
    order: str | None = None
    expires_at: str | None = None


class ReservationsTold(Told):
    reservations: list[ReservationTold]
    cursor: str
    more: bool


class ReservationsQuery(Query):
    after: str = Field("", max_length=128, description="reservations behind this one, in their order")
    limit: Limit = 100


class Reserve(Body):
    reservation: Identifier
    sku: Word
    quantity: Quantity
    order: Identifier | None = None
    hold_until: str | None = Field(None, max_length=40, description="RFC 3339; absent: until it is released")


class Release(Body):
    reservation: Identifier


class Pick(Body):
    reservation: Identifier
    quantity: Quantity
    zone: Word = Field(description="where it was taken")


class Reject(Body):
    reservation: Identifier
    reason: Literal["not_in_stock", "mismatch", "damaged"]
    quantity: Quantity | None = Field(None, description="absent: all that is not picked yet")


async def listed(call: Call) -> Any:
    after, limit = call.query.after, call.query.limit

    def read(state: State) -> dict[str, Any]:
        held = [(key, record) for key, record in state.books.under(reservations.BOOK) if key > after]
        page = [{"reservation": key, **record} for key, record in held[:limit]]
        return {"reservations": page, "cursor": held[:limit][-1][0] if page else after, "more": len(held) > limit}

    return await call.look(read)


async def made(call: Call) -> Any:
    asked: Reserve = call.body
    wanted = reservations.Wanted(asked.reservation, asked.sku, asked.quantity, asked.order, asked.hold_until)
    return await call.do(lambda tx, context: reservations.reserve(tx, wanted, call.back.orders, context))


async def released(call: Call) -> Any:
    name, orders = call.body.reservation, call.back.orders
    return await call.do(lambda tx, context: reservations.release(tx, name, orders, context))


async def picked(call: Call) -> Any:
    asked: Pick = call.body
    if asked.zone not in call.room.zones:
        raise call.refuse(404, "unknown_zone")
    return await call.do(
        lambda tx, context: reservations.pick(
            tx, asked.reservation, asked.quantity, asked.zone, call.back.orders, call.source, context
        )
    )


async def rejected(call: Call) -> Any:
    asked: Reject = call.body
    return await call.do(
        lambda tx, context: reservations.reject(
            tx, asked.reservation, asked.reason, asked.quantity, call.source, context
        )
    )


def _step(path: str, does: str, handler: Any, body: type[Body]) -> Endpoint:
    return Endpoint(
        method="POST",
        path=path,
        does=does,
        tells=DoneTold,
        handler=handler,
        body=body,
        scope="stock",
        refusals=(404, 409),
    )


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/reservations",
        does="What is reserved for online orders",
        tells=ReservationsTold,
        handler=listed,
        query=ReservationsQuery,
    ),
    _step("/reservations", "Reserve, if so much is available", made, Reserve),
    _step("/reservations/release", "Give what is left of it free", released, Release),
    _step("/reservations/pick", "It was picked", picked, Pick),
    _step("/reservations/reject", "It cannot be picked; head office hears of it", rejected, Reject),
)
