"""What an endpoint of the local HTTP API is: a row of a table. Routing, checks, refusals and the OpenAPI document come
from it.

A handler takes a `Call` whose parameters and body are checked, and gives a JSON value. Everything that goes wrong has
one shape: `{"error": a word for machines, "hint": what a person can do, "field": where}`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.capture.office import Operation
from agent.errors import LedgerError
from agent.operations.values import State
from agent.texts import TEXTS as OPERATIONS
from agent.texts import render
from agent.web import ask
from agent.web.access import Need, needs, principal_of, require
from agent.web.answers import answer
from agent.web.back import Back
from agent.web.room import Room, room_of
from agent.web.texts import TEXTS, Language, text
from contract.canonical import CanonicalError
from contract.ids import NAME
from contract.stock import StockError

API = "/api/v1"
BODY_BYTES_MAX = 64 * 1024
ROWS_MAX = 500
RETRY_S = 5
SEQ_MAX = 2**53 - 1  # what every JSON reader holds exactly

Word = Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
Seq = Annotated[int, Field(ge=0, le=SEQ_MAX)]
Limit = Annotated[int, Field(ge=1, le=ROWS_MAX, description="rows of an answer")]

# What a path's parameters are; one that is not named here is a name.
PATH_SHAPES: Mapping[str, Any] = {"seq": Annotated[int, Field(ge=1, le=SEQ_MAX)]}

T = TypeVar("T")
_PARAMETER = re.compile(r"\{([a-z_]+)\}")


class Query(BaseModel):
    """Parameters of an address. What is not documented is refused: a misspelt filter would filter nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # most are never asked for: memory

    lang: Literal["ko", "en"] | None = Field(None, description="language of hints; absent: the store's")


class Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class Nothing(Body):
    """The address says it all."""


class Told(BaseModel):
    """An answer. Members are added in later versions, never given another meaning."""

    model_config = ConfigDict(extra="ignore", strict=True, defer_build=True)


class Refusal(Told):
    """What every answer of 400 and above says."""

    error: str = Field(description="word for machines")
    hint: str = Field(description="what to do, in Korean or English")
    field: str | None = Field(None, description="parameter or member that it is about")


class DoneTold(Told):
    """What was done, and is durable."""

    seqs: list[int] = Field(description="the events that say so")
    result: dict[str, Any] | None = None


class Refused(Exception):
    """A call that cannot be done: `word` for machines, `hint` for people."""

    def __init__(self, status: int, word: str, hint: str, field: str | None = None) -> None:
        super().__init__(f"{word}: {hint}")
        self.status, self.word, self.hint, self.field = status, word, hint, field


@dataclass(frozen=True, slots=True)
class Call:
    """A checked request."""

    request: Request
    room: Room
    language: Language
    path: Mapping[str, Any]
    query: Any
    body: Any

    @property
    def back(self) -> Back:
        return self.room.view.back

    @property
    def clerk(self) -> str | None:
        """The opaque id of who calls, where that is a person."""
        who = principal_of(self.request).clerk
        return who.clerk if who is not None else None

    @property
    def source(self) -> dict[str, Any]:
        return {"clerk": self.clerk} if self.clerk is not None else {}

    async def supervisor(self, badge: str | None, pin: str | None) -> str | None:
        """Who approves: whose badge and PIN they are, else who is logged in; None: a program. Raises `Denied`."""
        if badge is not None:
            return (await self.room.view.access.supervisor(self.request, badge, pin or "")).clerk
        require(self.request, Need("stock", "supervisor"))
        return self.clerk

    async def look(self, function: Callable[[State], T]) -> T:
        return await self.room.lane.call(self.back.look, function)

    def refuse(self, status: int, word: str, **facts: object) -> Refused:
        """`word` names a line of the screens' texts, `refused_…`."""
        return Refused(status, word, text(f"refused_{word}", self.language, **facts))

    async def do(self, operation: Operation) -> Any:
        """The operation's result, once it is durable. Raises `Refused`."""
        try:
            done = await self.back.do(operation)
        except (CanonicalError, StockError) as error:
            raise Refused(422, "unwritable", str(error)) from error
        outcome = done.outcome
        if outcome.refused is not None:
            raise self.refusal(outcome.refused, outcome.detail)
        return {"seqs": list(done.seqs), "result": outcome.result}

    def refusal(self, word: str, detail: str) -> Refused:
        status = 404 if word.startswith(("unknown_", "no_such_")) else 409
        if f"refused_{word}" in TEXTS:
            hint = text(f"refused_{word}", self.language)
        else:
            hint = _unstopped(render(word, {}, self.language)) if word in OPERATIONS else word.replace("_", " ")
        return Refused(status, word, f"{hint} ({detail})" if detail else hint)


def _unstopped(line: str) -> str:
    """What a scan would be answered, without the word that says how it is answered."""
    return line.removeprefix("Stop: ").removeprefix("멈춤: ")


Handler = Callable[[Call], Awaitable[Any]]
Raw = Callable[[Request], Awaitable[Response]]


class Header(NamedTuple):
    name: str
    pattern: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """`path` stands below `/api/v1`. `raw` answers by itself, checks and all; neither: it is routed elsewhere."""

    method: Literal["GET", "POST"]
    path: str
    does: str
    tells: type[BaseModel]
    handler: Handler | None = None
    raw: Raw | None = None
    query: type[Query] = Query
    body: type[BaseModel] | None = None
    body_bytes_max: int = BODY_BYTES_MAX
    scope: Literal["read", "sales", "stock", "admin"] = "read"
    role: Literal["clerk", "supervisor", "admin"] = "clerk"
    open: bool = False  # to everybody on this PC
    kiosk: bool = False  # a writing one, to screens without a login too
    refusals: tuple[int, ...] = ()
    headers: tuple[Header, ...] = ()

    @property
    def need(self) -> Need:
        reads = self.method == "GET" and self.scope == "read" and self.role == "clerk"
        return Need(self.scope, self.role, kiosk=self.kiosk or reads)

    @property
    def parameters(self) -> list[str]:
        return _PARAMETER.findall(self.path)

    @property
    def statuses(self) -> list[int]:
        """Of refusals, beside those that every endpoint may give."""
        found = {400, 429, 503, *self.refusals}
        found |= set() if self.open else {401, 403}
        found |= {404} if self.parameters else set()
        found |= {413, 415, 422} if self.body is not None else set()
        return sorted(found)


def route(one: Endpoint) -> Route:
    assert one.handler is not None or one.raw is not None
    endpoint = one.raw or _checked(one, one.handler)
    endpoint = needs(endpoint, one.need, open_here=one.open)
    return Route(API + one.path, endpoint, methods=[one.method])


def _checked(one: Endpoint, handler: Handler | None) -> Raw:
    assert handler is not None
    shapes = {name: TypeAdapter[Any](PATH_SHAPES.get(name, Word)) for name in one.parameters}

    async def endpoint(request: Request) -> Response:
        call = Call(
            request,
            room_of(request),
            ask.language(request),
            {name: _shaped(shape, name, request.path_params[name]) for name, shape in shapes.items()},
            _query(one.query, request),
            await _body(one.body, request, one.body_bytes_max) if one.body is not None else None,
        )
        return answer(await handler(call))

    return endpoint


def refusal(
    status: int, word: str, hint: str, field: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    told = {"error": word, "hint": hint} | ({"field": field} if field else {})
    return answer(told, status=status, headers=dict(headers or {}))


def _shaped(shape: TypeAdapter[Any], name: str, value: str) -> Any:
    try:
        return shape.validate_python(value)
    except ValidationError as error:
        raise ask.BadParameter(name, value, "expected_shape", why=_why(error.errors(include_url=False)[0])) from error


def _query(model: type[Query], request: Request) -> Query:
    held: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in held:
            raise ask.BadParameter(name, value, "expected_once")
        held[name] = value
    try:
        return model.model_validate(held)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        raise ask.BadParameter(name, held.get(name, ""), "expected_shape", why=_why(first)) from error


async def _body(model: type[BaseModel], request: Request, size_bytes_max: int) -> BaseModel:
    """Raises `Refused`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, "not_json", text("refused_not_json", ask.language(request)), "content-type")
    held = bytearray()
    async for part in request.stream():
        held += part
        if len(held) > size_bytes_max:
            raise Refused(413, "too_long", text("hint_413", ask.language(request)))
    try:
        return model.model_validate_json(bytes(held))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] == "json_invalid":
            raise Refused(400, "malformed_json", _why(first), "body") from error
        where = ".".join(map(str, first["loc"])) or "body"
        raise Refused(422, "invalid", _why(first), where) from error


def _why(error: ErrorDetails) -> str:
    return error["msg"].removeprefix("Value error, ")


async def refused(_request: Request, error: Exception) -> Response:
    one = cast("Refused", error)
    return refusal(one.status, one.word, one.hint, one.field)


async def not_recorded(_request: Request, error: Exception) -> Response:
    """Nothing of the call is true; the ledger says what to do."""
    return refusal(503, "not_recorded", cast("LedgerError", error).hint, headers={"retry-after": str(RETRY_S)})
