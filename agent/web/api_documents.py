"""Documents: what is expected to come and to go, how far each is, and local ones."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from agent.ledger.transaction import Transaction
from agent.operations import documents
from agent.operations.values import Context, Outcome, State
from agent.web.endpoint import Call, DoneTold, Endpoint, Handler, Limit, Nothing, Query, Told, Word
from contract.documents import ExpectedDocument, Kind

DOCUMENTS_MAX = 2000


class DocumentTold(Told):
    document: str
    kind: Kind
    revision: int
    source: str | None = Field(None, alias="from")
    target: str | None = Field(None, alias="to")
    due_at: str | None = None
    order: str | None = None
    zones: list[str] = Field(description="what a count_request asks for")
    lines: int
    lines_done: int = Field(description="of which all was done, or more")


class DocumentsTold(Told):
    documents: list[DocumentTold]
    cursor: str
    more: bool


class StandingTold(Told):
    """`over` and `short` compare what was done with what is expected."""

    line: int | None = Field(description="null: not on the document")
    sku: str
    lot: str | None
    expected: int
    done: int
    damaged: int = Field(description="of what was done")
    over: int
    short: int


class DocumentDetailTold(DocumentTold):
    standing: list[StandingTold]


class DocumentsQuery(Query):
    kind: Kind | None = None
    after: Word | None = Field(None, description="documents behind this one, in their order")
    limit: Limit = 100


class LocalDocument(ExpectedDocument):
    """A document of the store's own, as docs/contract.md has `expected/{document}`."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def summary(state: State, one: ExpectedDocument) -> dict[str, Any]:
    return {
        "document": one.document,
        "kind": one.kind,
        "revision": one.revision,
        "from": one.source,
        "to": one.target,
        "due_at": one.due_at,
        "order": one.order,
        "zones": list(one.zones),
        "lines": len(one.lines),
        "lines_done": sum(line.line is not None and not line.short for line in documents.standing(state, one)),
    }


def _row(one: documents.Standing) -> dict[str, Any]:
    return {**one._asdict(), "lot": one.lot or None, "over": one.over, "short": one.short}


def open_documents(state: State, kind: str | None, after: str, limit: int) -> tuple[list[dict[str, Any]], bool]:
    """Summaries of open documents behind `after`, and whether there are more."""
    held = [one for one in state.documents() if one.document > after and kind in {None, one.kind}]
    return [summary(state, one) for one in held[:limit]], len(held) > limit


async def listed(call: Call) -> Any:
    asked = call.query
    found, more = await call.look(lambda state: open_documents(state, asked.kind, asked.after or "", asked.limit))
    return {"documents": found, "cursor": found[-1]["document"] if found else asked.after or "", "more": more}


def detail(state: State, name: str) -> dict[str, Any] | None:
    one = state.document(name)
    if one is None:
        return None
    lines = documents.standing(state, one)
    return summary(state, one) | {"standing": [*map(_row, lines)]}


async def told(call: Call) -> Any:
    found = await call.look(lambda state: detail(state, call.path["name"]))
    if found is None:
        raise call.refuse(404, "unknown_document")
    return found


async def created(call: Call) -> Any:
    document: LocalDocument = call.body
    await _check_items(call, document)
    body = document.model_dump_json(by_alias=True, exclude_none=True).encode()

    def expect(tx: Transaction, _context: Context) -> Outcome:
        if documents.is_closed(tx.books, document.document):
            return Outcome(refused="closed_before")
        if tx.document(document.document) is None and len(tx.documents()) >= DOCUMENTS_MAX:
            return Outcome(refused="too_many_documents")
        if not tx.places.expect(document, body):
            return Outcome(refused="newer_revision")
        return Outcome(result={"document": document.document, "revision": document.revision})

    return await call.do(expect)


async def _check_items(call: Call, document: ExpectedDocument) -> None:
    """A misspelt SKU would be expected for ever."""
    strangers = await call.room.lane.call(
        lambda: [one for one in document.lines if call.room.view.item(one.sku) is None][:1]
    )
    if strangers:
        raise call.refuse(422, "unknown_sku", sku=strangers[0].sku)
    unknown = [zone for zone in document.zones if zone not in call.room.zones]
    if unknown:
        raise call.refuse(422, "unknown_zone")


def _ending(kind: str) -> Handler:
    """`closed` and `closed_short` with every line as it stands; `withdrawn` takes the document away."""

    async def ended(call: Call) -> Any:
        name, source = call.path["name"], call.source

        def end(tx: Transaction, context: Context) -> Outcome:
            one = tx.document(name)
            if one is None:
                return Outcome(refused="unknown_document")
            if kind == "withdrawn":
                drafts = documents.withdrawn(tx, one, context)
                tx.places.withdraw(name)
            elif one.kind == "count_request":
                return Outcome(refused="no_lines_to_close")
            else:
                first = documents.opened(tx, one, source, context)
                drafts = (*first, *documents.closed(tx, one, kind, source, context))
            return Outcome(drafts, {"document": name})

        return await call.do(end)

    return ended


def _step(name: str, does: str, kind: str, role: Literal["clerk", "supervisor"]) -> Endpoint:
    return Endpoint(
        method="POST",
        path=f"/documents/{{name}}/{name}",
        does=does,
        tells=DoneTold,
        handler=_ending(kind),
        body=Nothing,
        scope="stock",
        role=role,
        refusals=(409,),
    )


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/documents",
        does="What is expected to come and to go",
        tells=DocumentsTold,
        handler=listed,
        query=DocumentsQuery,
    ),
    Endpoint(
        method="POST",
        path="/documents",
        does="Expect a document of the store's own, or a newer revision of it",
        tells=DoneTold,
        handler=created,
        body=LocalDocument,
        scope="stock",
        role="supervisor",
        refusals=(409,),
    ),
    Endpoint(
        method="GET",
        path="/documents/{name}",
        does="One document: expected, done, over and short of each line",
        tells=DocumentDetailTold,
        handler=told,
    ),
    _step("close", "It is done: what is short will not come", "closed", "clerk"),
    _step("close-short", "Done for now: the rest stays expected", "closed_short", "clerk"),
    _step("withdraw", "It is not expected any more", "withdrawn", "supervisor"),
)
