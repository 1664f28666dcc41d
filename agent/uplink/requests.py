"""What head office may ask of a store: `replay`, `digest`, `ping`, `restart-device`, `reserve`, `release`. Each request
has one answer.

A late request answers `expired`, a broken one `refused` with what is wrong; a repeated one is answered by its record
and has no second effect. What a request writes is one commit with the record of its answer.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from agent.ledger.reader import Reader
from agent.operations import reservations
from agent.operations.reservations import PLAIN, Orders, Wanted
from agent.operations.values import Context, Outcome, State
from contract.chain import GENESIS
from contract.messages import (
    MESSAGE_SIZE_BYTES_MAX,
    ChainDigest,
    Ping,
    Release,
    Replay,
    Request,
    Reserve,
    Response,
    RestartDevice,
    StockDigest,
)
from contract.stock import stock_digest, wire_row
from contract.times import parse_us

LIST_SIZE_BYTES_MAX = MESSAGE_SIZE_BYTES_MAX - 1024  # room for the answer's own members
REQUESTS_S = 50.0  # each is a commit of the ledger
REQUESTS_BURST = 2_000
VERBS = ("replay", "digest", "ping", "restart-device", "reserve", "release")
_SHAPES: dict[str, TypeAdapter[Any]] = {
    "replay": TypeAdapter(Replay),
    "digest": TypeAdapter(StockDigest | ChainDigest),
    "ping": TypeAdapter(Ping),
    "restart-device": TypeAdapter(RestartDevice),
    "reserve": TypeAdapter(Reserve),
    "release": TypeAdapter(Release),
}


@dataclass(frozen=True, slots=True)
class Hands:
    """What a request may move. `replay` takes consumer, log and event, and gives the event that it begins with, or None
    and why not; `restart` says whether there is such a device."""

    replay: Callable[[str, str, int], tuple[int | None, str]]
    restart: Callable[[str], bool]
    wall_us: Callable[[], int]
    clock_synced: Callable[[], bool]
    orders: Orders = PLAIN


@dataclass(frozen=True, slots=True)
class Command:
    """A request that writes: the ledger's writer runs it, and its outcome is the answer."""

    id: str
    operation: Callable[[State, Context], Outcome]

    def response(self, outcome: Outcome) -> Response:
        if outcome.refused is not None:
            return _refused(self.id, outcome.refused, outcome.detail)
        return Response(id=self.id, status="done", result=outcome.result)


class Malformed(ValueError):
    """The request cannot even be answered: it has no usable id."""


class Pace:
    """`REQUESTS_BURST` requests at once, then `REQUESTS_S`. One beyond is not answered, and may be asked again."""

    def __init__(self, say: Callable[[str, str], None]) -> None:
        self._say = say
        self._left = float(REQUESTS_BURST)
        self._at_s = 0.0
        self._told = False

    def admits(self, now_s: float) -> bool:
        self._left = min(REQUESTS_BURST, self._left + (now_s - self._at_s) * REQUESTS_S)
        self._at_s = now_s
        if self._left < 1.0:
            if not self._told:
                self._say("request", f"more than {REQUESTS_S:.0f} requests a second come; those beyond get no answer")
            self._told = True
            return False
        self._told = self._told and self._left < REQUESTS_BURST / 2  # the end of it, and not every breath
        self._left -= 1.0
        return True


def answer(
    verb: str, payload: bytes, reader: Reader, hands: Hands, answering: Container[str] = frozenset()
) -> Response | Command | None:
    """The response to a request, or what the writer answers; a repeated one gets what was recorded. Raises `Malformed`.

    None for a repeated one whose first answer is still being recorded (`answering` has its id).
    """
    request_id = _id(payload)
    if request_id in answering:
        return None
    recorded = reader.response(request_id)
    if recorded is not None:
        return Response.model_validate_json(recorded)
    if verb not in _SHAPES:  # a broker may remember a subscription of another release
        return _refused(request_id, "unknown_verb", f"this release answers {', '.join(VERBS)}")
    try:
        raw = orjson.loads(payload)
        request: Request = _SHAPES[verb].validate_python(raw)
    except (orjson.JSONDecodeError, ValidationError) as error:
        return _refused(request_id, "malformed", _first(error))
    try:
        late = parse_us(request.expires_at) < hands.wall_us()
    except ValueError as error:
        return _refused(request.id, "malformed", f"expires_at: {error}")
    if late and hands.clock_synced():
        return Response(id=request.id, status="expired", reason="expires_at has passed", hint="ask again")
    return _done(request, reader, hands)


def _done(request: Request, reader: Reader, hands: Hands) -> Response | Command:
    orders = hands.orders
    match request:
        case Reserve():
            wanted = Wanted(request.reservation, request.sku, request.quantity, request.order, request.hold_until)
            return Command(request.id, lambda state, context: reservations.reserve(state, wanted, orders, context))
        case Release():
            name = request.reservation
            return Command(request.id, lambda state, context: reservations.release(state, name, orders, context))
        case Replay():
            first, refusal = hands.replay(request.consumer, request.log, request.seq)
            if first is None:
                return _refused(request.id, "replay", refusal)
            pruned = {"first": first} if request.seq < first else {}
            return Response(id=request.id, status="done", result={"from": first, **pruned})
        case StockDigest():
            return Response(id=request.id, status="done", result=_stock(request, reader))
        case ChainDigest():
            return _chain(request, reader)
        case RestartDevice():
            if not hands.restart(request.device):
                return _refused(request.id, "unknown_device", f"there is no device {request.device}")
            return Response(id=request.id, status="done", result={})
        case _:
            return Response(id=request.id, status="done", result={"head": reader.head()})


def _stock(request: StockDigest, reader: Reader) -> dict[str, Any]:
    head, name, rows = reader.snapshot(request.sku_from, request.sku_to)
    result: dict[str, Any] = {"log": reader.log, "as_of": head, "head_hash": name, **stock_digest(rows)}
    if len(rows) <= request.rows_max:
        listed = [wire_row(row) for row in rows]
        if len(orjson.dumps(listed)) <= LIST_SIZE_BYTES_MAX:
            result["list"] = listed
    return result


def _chain(request: ChainDigest, reader: Reader) -> Response:
    if request.log != reader.log:
        return _refused(request.id, "unknown_log", f"this store writes log {reader.log}")
    head = reader.head()
    first, last = max(request.seq_from, reader.first()), min(request.seq_to, head)  # none of what was pruned: rows 0
    name = reader.hash_of(last) if first <= last else None
    result = {
        "log": reader.log,
        "as_of": head,
        "head_hash": reader.hash_of(head) or GENESIS,
        "rows": max(0, last - first + 1),
        "quantity": 0,
        "hash": name or GENESIS,
    }
    return Response(id=request.id, status="done", result=result)


def _refused(request_id: str, reason: str, hint: str) -> Response:
    return Response(id=request_id, status="refused", reason=reason, hint=hint[:500])


def _id(payload: bytes) -> str:
    try:
        return TypeAdapter(Request).validate_python({"id": orjson.loads(payload)["id"], "expires_at": ""}).id
    except (orjson.JSONDecodeError, ValidationError, KeyError, TypeError) as error:
        raise Malformed(f"a request without a usable id: {payload[:120]!r}") from error


def _first(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        one = error.errors()[0]
        return f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}"
    return str(error)
