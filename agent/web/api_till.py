"""What the point of sale hands over, and a supervisor's word at a station."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from agent.capture.tills import BATCH_MAX
from agent.operations import approving
from agent.operations.approving import Approve
from agent.web.endpoint import SEQ_MAX, Body, Call, DoneTold, Endpoint, Told, Word

SALES_BYTES_MAX = 1024 * 1024


class SalesBody(Body):
    """Each transaction is taken for itself: one that is malformed refuses no other. `Transaction` has its members."""

    transactions: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=BATCH_MAX)]


class TakenTold(Told):
    transaction: str = Field(description="empty where it could not be told")
    status: Literal["taken", "known", "conflict", "refused"] = Field(
        description="known: it was taken before; conflict: it was taken with other content"
    )
    reason: str | None = None
    hint: str | None = None
    tray: int = Field(description="lines that wait for a person")


class SalesTold(Told):
    results: list[TakenTold] = Field(description="in the order of the transactions, all of them durable")


class ApproveBody(Body):
    station: Word
    seq: Annotated[int, Field(ge=1, le=SEQ_MAX)] = Field(description="the exception that holds what was stopped")
    badge: Annotated[str, Field(min_length=1, max_length=64)]
    pin: Annotated[str, Field(min_length=1, max_length=64)]


async def sales(call: Call) -> Any:
    results = await call.back.sell(call.body.transactions)
    return {"results": [one._asdict() for one in results]}


async def approve(call: Call) -> Any:
    asked: ApproveBody = call.body
    if asked.station not in call.room.stations:
        raise call.refuse(404, "unknown_station")
    clerk = await call.room.view.access.supervisor(call.request, asked.badge, asked.pin)
    command = Approve(asked.seq, clerk, call.back.rules)
    return await call.do(lambda tx, context: approving.approve(tx, command, context))


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/sales",
        does="Sales and returns of the point of sale; each transaction is taken once",
        tells=SalesTold,
        handler=sales,
        body=SalesBody,
        body_bytes_max=SALES_BYTES_MAX,
        scope="sales",
        role="admin",
    ),
    Endpoint(
        method="POST",
        path="/approve",
        does="A supervisor allows what a station stopped",
        tells=DoneTold,
        handler=approve,
        body=ApproveBody,
        scope="stock",
        kiosk=True,
        refusals=(404, 409),
    ),
)
