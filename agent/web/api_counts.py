"""Counts: opened, reviewed, counted again, approved."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import Field

from agent.operations import counts_office, counts_plan
from agent.operations.counts_values import COUNTS, Review, ReviewLine, is_open
from agent.operations.rules import Rules
from agent.operations.values import State
from agent.web.endpoint import ROWS_MAX, Body, Call, DoneTold, Endpoint, Limit, Nothing, Query, Told, Word
from contract.shapes import Disposition

SKUS_MAX = 500
CountState = Literal["open", "submitted", "recount"]
Skus = Annotated[list[Word], Field(min_length=1, max_length=SKUS_MAX)]


class CountTold(Told):
    count: str
    zone: str
    state: CountState
    blind: bool
    request: str | None = None
    clerks: list[str] = Field(default_factory=list[str])


class CountsTold(Told):
    counts: list[CountTold] = Field(description="that are neither approved nor cancelled")


class LineTold(Told):
    sku: str
    lot: str | None
    disposition: Disposition
    expected: int
    counted: int | None = Field(description="null: nobody scanned it")
    delta: int
    status: Literal["right", "over", "short", "missing", "unexpected", "wrong_zone", "moved", "recount"]
    within: bool = Field(description="within the store's tolerance")
    again: bool = Field(description="must be counted again before approval")
    recounted: bool


class ReviewTold(CountTold):
    """`done` of `lines_total` lines were scanned or confirmed to be gone: how far the count is, not how right."""

    done: int
    lines_total: int
    lines: list[LineTold] | None = Field(
        description="from `start` on, `limit` at most; null while a blind count goes on: submit it first"
    )
    unknown: list[int] = Field(description="exceptions of codes and tags that are no item")


class ProposalTold(Told):
    zone: str
    approved_us: int | None = Field(description="when it was counted last; null: never")


class TaskTold(Told):
    document: str
    zone: str
    due_at: str | None
    blind: bool
    count: str | None = Field(description="the open count of that zone")


class ProposalsTold(Told):
    proposals: list[ProposalTold]
    requests: list[TaskTold] = Field(description="zones that head office wants counted")


class ReviewQuery(Query):
    start: Annotated[int, Field(ge=0, le=1_000_000, description="lines before it are left out")] = 0
    limit: Limit = ROWS_MAX


class OpenCount(Body):
    zone: Word
    blind: bool | None = Field(None, description="absent: as the store's rules say")


class SkusBody(Body):
    skus: Skus


class Approval(Body):
    """By the supervisor who is logged in, or by one who gives badge and PIN."""

    badge: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    pin: Annotated[str, Field(min_length=1, max_length=64)] | None = None


def count_told(count: str, record: Any) -> dict[str, Any]:
    """`record` is that of the book `count`."""
    told = {name: record[name] for name in ("zone", "state", "blind", "request") if name in record}
    return {"count": count, **told, "clerks": list(record.get("clerks", ()))}


def open_counts(state: State) -> list[dict[str, Any]]:
    held = state.books.under(COUNTS)
    return [count_told(count, record) for count, record in held if is_open(record)]


async def listed(call: Call) -> Any:
    return {"counts": await call.look(open_counts)}


async def opened(call: Call) -> Any:
    zone = call.body.zone
    if zone not in call.room.zones:
        raise call.refuse(404, "unknown_zone")
    blind = call.body.blind if call.body.blind is not None else call.back.rules.count_blind
    return await call.do(lambda tx, context: counts_office.open_in(tx, zone, context, blind=blind, clerk=call.clerk))


def is_hidden(review: Review) -> bool:
    """What is expected is not shown while a blind count goes on."""
    return bool(review.record["blind"]) and review.record["state"] != "submitted"


def review_told(review: Review, start: int, limit: int) -> dict[str, Any]:
    return {
        **count_told(review.count, review.record),
        "done": review.done,
        "lines_total": review.lines_total,
        "lines": None if is_hidden(review) else [_line(one) for one in review.lines[start : start + limit]],
        "unknown": list(review.unknown),
    }


def _line(one: ReviewLine) -> dict[str, Any]:
    return {
        "sku": one.key.sku,
        "lot": one.key.lot or None,
        "disposition": one.key.disposition,
        "expected": one.expected,
        "counted": one.counted,
        "delta": one.delta,
        "status": one.status,
        "within": one.within,
        "again": one.again,
        "recounted": one.recounted,
    }


async def review_of(call: Call) -> Review:
    """Raises `Refused` for a count that is not open."""
    found = await call.look(partial(counts_office.review, count=call.path["count"], rules=call.back.rules))
    if found is None:
        raise call.refuse(404, "unknown_count")
    return found


async def reviewed(call: Call) -> Any:
    return review_told(await review_of(call), call.query.start, call.query.limit)


async def submitted(call: Call) -> Any:
    count = call.path["count"]
    return await call.do(lambda tx, context: counts_office.submit(tx, count, context, clerk=call.clerk))


async def recount(call: Call) -> Any:
    count, skus, rules = call.path["count"], call.body.skus, call.back.rules
    return await call.do(
        lambda tx, context: counts_office.recount(tx, count, skus, context, rules=rules, clerk=call.clerk)
    )


async def confirmed_zero(call: Call) -> Any:
    count, skus = call.path["count"], call.body.skus
    return await call.do(lambda tx, context: counts_office.confirm_zero(tx, count, skus, context, clerk=call.clerk))


async def approved(call: Call) -> Any:
    clerk = await call.supervisor(call.body.badge, call.body.pin)
    count, rules = call.path["count"], call.back.rules
    return await call.do(lambda tx, context: counts_office.approve(tx, count, context, rules=rules, clerk=clerk))


async def cancelled(call: Call) -> Any:
    count = call.path["count"]
    return await call.do(lambda tx, context: counts_office.cancel(tx, count, context, clerk=call.clerk))


def due(state: State, zones: list[str], now_us: int, rules: Rules) -> dict[str, Any]:
    """The day's zones, and those that head office asks for."""
    found = counts_plan.proposals(state.books, zones, now_us, rules)
    return {
        "proposals": [one._asdict() for one in found],
        "requests": [asdict(one) for one in islice(counts_plan.tasks(state), ROWS_MAX)],
    }


async def proposals(call: Call) -> Any:
    zones, now_us, rules = sorted(call.room.zones), call.back.now_us(), call.back.rules
    return await call.look(lambda state: due(state, zones, now_us, rules))


def _step(name: str, does: str, handler: Any, body: type[Body] = Nothing) -> Endpoint:
    return Endpoint(
        method="POST",
        path=f"/counts/{{count}}/{name}",
        does=does,
        tells=DoneTold,
        handler=handler,
        body=body,
        scope="stock",
        kiosk=name == "approve",  # it asks for badge and PIN
        role="supervisor" if name in {"recount", "confirm-zero", "cancel"} else "clerk",
        refusals=(409,),
    )


ENDPOINTS = (
    Endpoint(method="GET", path="/counts", does="Open counts", tells=CountsTold, handler=listed),
    Endpoint(
        method="POST",
        path="/counts",
        does="Open the count of a zone",
        tells=DoneTold,
        handler=opened,
        body=OpenCount,
        scope="stock",
        refusals=(404, 409),
    ),
    Endpoint(
        method="GET",
        path="/counts/proposals",
        does="Zones that are to be counted today",
        tells=ProposalsTold,
        handler=proposals,
    ),
    Endpoint(
        method="GET",
        path="/counts/{count}",
        does="Review of a count",
        tells=ReviewTold,
        handler=reviewed,
        query=ReviewQuery,
    ),
    _step("submit", "Scanning is done: the count is to be reviewed", submitted),
    _step("recount", "Items are counted again from nothing", recount, SkusBody),
    _step("confirm-zero", "Items that nobody found are gone", confirmed_zero, SkusBody),
    _step("approve", "Post the differences", approved, Approval),
    _step("cancel", "Give the count up: nothing is posted", cancelled),
)
