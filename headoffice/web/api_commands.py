"""What head office tells stores: commands, expected documents, items."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import Base64Bytes, Field
from starlette.concurrency import run_in_threadpool

from contract.catalog import Item, ItemRefused, parse_item
from contract.documents import DocumentRefused, ExpectedDocument, parse_document
from contract.ids import is_store
from headoffice import catalogue, commands, documents
from headoffice.asn.columns import Map, checked
from headoffice.asn.importing import import_notices
from headoffice.errors import ConfigError
from headoffice.view import orders
from headoffice.view.orders import CommandRow, CommandStatus, CommandTold, ExpectedRow, Standing
from headoffice.view.paging import Page, Told
from headoffice.web.lists import TABLE, Listing
from headoffice.web.room import (
    NAME_PATTERN,
    Actor,
    Reading,
    Refused,
    Room,
    StorePath,
    StoreQuery,
    Time,
    Writing,
    room_of,
)

router = APIRouter(prefix="/api/v1", tags=["commands"])

WAIT_S_MAX = 30
LOOK_S = 0.2
DOCUMENTS_MAX = 500
ITEMS_MAX = 20_000
Verb = Literal["reserve", "release", "replay", "ping", "restart-device"]
CommandPath = Annotated[str, Path(pattern=NAME_PATTERN, description="id of the command")]
DocumentPath = Annotated[str, Path(pattern=NAME_PATTERN, description="name of the document")]


class Wish(Told):
    """A command. The same `id` again is the same command: it is not done twice."""

    members: dict[str, Any] = Field({}, description="of the request, as in the contract, without id and expires_at")
    expires_in_s: int = Field(60, ge=1, le=commands.EXPIRES_S_MAX, description="later the store does not do it")
    id: str | None = Field(None, pattern=NAME_PATTERN, description="yours to choose, once for each command")


class Papers(Told):
    documents: list[dict[str, Any]] = Field(
        min_length=1, max_length=DOCUMENTS_MAX, description="as in the contract; `revision` is counted here"
    )


class PaperOutcome(Told):
    document: str
    outcome: Literal["new", "changed", "same"]
    revision: int


class Goods(Told):
    items: list[dict[str, Any]] = Field(
        min_length=1, max_length=ITEMS_MAX, description="as in the contract; `revision` is counted here"
    )
    complete: bool = Field(default=False, description="items that are not among them are deleted")


class NoticeFile(Told):
    file: Base64Bytes = Field(description="a CSV as the supplier sent it, in base64")
    map: Map = Field(default=Map(), description="what the supplier's columns and stores are called here")
    check: bool = Field(default=False, description="nothing is written")
    language: Literal["ko", "en"] = Field("en", description="of the faults' texts")


class NoticeOutcome(Told):
    store: str
    document: str
    outcome: Literal["new", "changed", "same"]
    revision: int
    lines: int
    units: int = Field(description="base units")
    supplier: str | None


class NoticeFault(Told):
    line: int
    column: str = Field(description="as the file calls it; empty: the row, or the notice, as a whole")
    found: str
    code: str = Field(description="word for machines")
    text: str = Field(description="why, and what to do, for people")


class NoticeReport(Told):
    encoding: str
    delimiter: str
    ignored: list[str] = Field(description="columns that are of no use here")
    documents: list[NoticeOutcome]
    refused: list[str] = Field(description="notices of which nothing was taken")
    faults: list[NoticeFault]
    faults_total: int


class GoodsOutcome(Told):
    new: list[str]
    changed: list[str]
    deleted: list[str]
    same: int
    revision: int


# -- commands ---------------------------------------------------------------------------------------------------------


@router.post("/stores/{store}/commands/{verb}", summary="Tell a store to do something", status_code=202)
def order(store: StorePath, verb: Verb, body: Wish, database: Writing, actor: Actor, clock: Time) -> CommandTold:
    wish = commands.Order(store, verb, body.members, body.expires_in_s, actor, body.id)
    try:
        command = commands.enter(database, clock, wish)
    except commands.CommandRefused as error:
        status = {"other_command": 409, "too_many": 429}.get(error.error, 422)
        raise Refused(status, error.error, str(error), error.field) from error
    found = orders.command(database, command)
    assert found is not None
    return found


@router.get("/commands", summary="Commands, the newest first", response_model=Page[CommandRow], responses=TABLE)
def listed(
    listing: Listing, store: StoreQuery = None,
    verb: Annotated[Verb | None, Query(description="these only")] = None,
    status: Annotated[CommandStatus | None, Query(description="only these")] = None,
) -> Any:  # fmt: skip
    return listing.answer(
        CommandRow,
        lambda database, cursor, limit: orders.commands(
            database, cursor=cursor, limit=limit, store=store, verb=verb, status=status
        ),
    )


@router.get("/commands/{command}", summary="One command; with `wait_s` once it is answered or too late")
async def one(
    command: CommandPath, request: Request,
    wait_s: Annotated[int, Query(ge=0, le=WAIT_S_MAX, description="wait so long for an answer")] = 0,
) -> CommandTold:  # fmt: skip
    room = room_of(request)
    end_s = room.clock.now_s() + wait_s
    while True:  # a connection and a thread only while it looks
        found = await run_in_threadpool(_look, room, command)
        if found.status not in {"waiting", "sent"} or room.clock.now_s() >= end_s:
            return found
        await asyncio.sleep(LOOK_S)


def _look(room: Room, command: str) -> CommandTold:
    with room.reading.taken() as database:
        found = orders.command(database, command)
    if found is None:
        raise Refused(404, "unknown_command", "there is none; those that are answered are kept for 90 days", "command")
    return found


# -- documents --------------------------------------------------------------------------------------------------------


@router.get("/expected", summary="What stores are to expect, and how far they are", response_model=Page[ExpectedRow],
            responses=TABLE)  # fmt: skip
def expected(
    listing: Listing, clock: Time, store: StoreQuery = None,
    standing: Annotated[Standing | None, Query(description="only these; pages may be short")] = None,
) -> Any:  # fmt: skip
    return listing.answer(
        ExpectedRow,
        lambda database, cursor, limit: orders.expected(
            database, clock.wall_us(), cursor=cursor, limit=limit, store=store, standing=standing
        ),
    )


@router.get("/stores/{store}/expected/{document}", summary="One document that a store is to expect")
def expected_one(store: StorePath, document: DocumentPath, database: Reading, clock: Time) -> ExpectedRow:
    found = orders.expected_one(database, clock.wall_us(), store, document)
    if found is None:
        raise Refused(404, "unknown_document", "this store is to expect no such document", "document")
    return found


@router.post("/stores/{store}/expected", summary="Tell a store what to expect: all of the documents, or none")
def expect(store: StorePath, body: Papers, database: Writing, _actor: Actor) -> list[PaperOutcome]:
    """Deliveries, transfers, picks and count requests. One that is another than before is sent anew."""
    _store(store)
    found = [_document(raw, number) for number, raw in enumerate(body.documents)]
    if len({one.document for one in found}) < len(found):
        raise Refused(422, "twice", "one document is given twice", "documents")
    try:
        with database.transaction():
            return [_outcome(one) for one in documents.renew(database, store, found)]
    except DocumentRefused as error:
        raise Refused(422, "too_long", str(error), "documents") from error


def _outcome(one: documents.Renewed) -> PaperOutcome:
    if one.outcome == "closed":
        raise Refused(409, "closed", f"the store has closed {one.document}: take another name", "documents")
    return PaperOutcome(document=one.document, outcome=one.outcome, revision=one.revision)


@router.delete("/stores/{store}/expected/{document}", summary="Take a document back", status_code=204)
def withdraw(store: StorePath, document: DocumentPath, database: Writing, _actor: Actor) -> None:
    held = database.rows("SELECT body FROM expected WHERE store = ? AND document = ?", (store, document))
    if not held or held[0][0] is None:
        raise Refused(404, "unknown_document", "this store is to expect no such document", "document")
    documents.put(database, store, {document: None})


@router.post("/asn", summary="Advance ship notices in a supplier's file: each whole, or not at all")
def notices(body: NoticeFile, database: Writing, _actor: Actor) -> NoticeReport:
    """The same file again changes nothing. Refused notices do not keep others back; look at `faults`."""
    try:
        found = import_notices(database, body.file, checked(body.map), check=body.check)
    except ConfigError as error:
        raise Refused(422, "bad_file", f"{error}; {error.hint}", "file") from error
    faults = [
        NoticeFault(line=one.line, column=one.column, found=one.found, code=one.code, text=one.text(body.language))
        for one in found.faults
    ]
    taken = [NoticeOutcome(**one._asdict()) for one in found.documents]
    return NoticeReport(
        encoding=found.encoding, delimiter=found.delimiter, ignored=found.ignored, documents=taken,
        refused=found.refused, faults=faults, faults_total=found.faults_total,
    )  # fmt: skip


def _document(raw: dict[str, Any], number: int) -> ExpectedDocument:
    try:
        return parse_document({"revision": 1, **raw})
    except DocumentRefused as error:
        raise Refused(422, "bad_document", str(error), f"documents.{number}") from error


def _store(store: str) -> None:
    if not is_store(store):
        raise Refused(422, "bad_store", "no store can be called so", "store")


# -- items ------------------------------------------------------------------------------------------------------------


@router.post("/catalog", summary="Items that are new or changed: all of them, or none")
def goods(body: Goods, database: Writing, _actor: Actor) -> GoodsOutcome:
    items = [_item(raw, number) for number, raw in enumerate(body.items)]
    if len({one.sku for one in items}) < len(items):
        raise Refused(422, "twice", "one SKU is given twice", "items")
    try:
        found = catalogue.take(database, items, complete=body.complete)
    except ConfigError as error:
        raise Refused(422, "bad_items", f"{error}; {error.hint}", "items") from error
    return GoodsOutcome(**found._asdict())


def _item(raw: dict[str, Any], number: int) -> Item:
    try:
        return parse_item(raw)
    except ItemRefused as error:
        raise Refused(422, "bad_item", str(error), f"items.{number}") from error
