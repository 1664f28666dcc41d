"""The events of version 1, as head office may rely on them. Readers ignore fields they do not know.

Quantities are integers in the item's base unit (pieces, or grams for weighed goods). `kind` says what an event of its
type is about; kinds are added in later versions, never given another meaning.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from contract.journal import JournalData
from contract.papers import CountData, DocumentData
from contract.shapes import (
    Code,
    Epc,
    Hash,
    Identifier,
    Line,
    Name,
    Reference,
    Sequence,
    Shape,
    Source,
    Sscc,
)


class MovementData(Shape):
    kind: Literal["received", "moved", "sold", "returned", "transferred", "adjusted", "reversed"]
    lines: list[Line] = Field(min_length=1, max_length=500)
    follows: Sequence | None = Field(
        None, description="the session's last event that undo would reverse before this one"
    )
    reverses: Reference | None = Field(None, description="the event that this one takes back")
    portal: Name | None = Field(None, description="portal that saw it")
    reason: Name | None = Field(None, description="word for why, of the store's list: adjustments, returns, damage")
    transaction: Identifier | None = Field(None, description="of the point of sale; taken once")
    content: Hash | None = Field(None, description="of the transaction as it came: the same id with another is refused")
    departing: Literal[True] | None = Field(
        None, description="goods with tags, sold by barcode: tags of theirs that leave afterwards are in order"
    )
    reservation: Identifier | None = Field(None, description="reservation that it is for")
    count: Reference | None = Field(None, description="the approved count whose differences these are")
    balances: list[Reference] | None = Field(
        None, max_length=2, description="a count, and the late movement that the count had already seen"
    )
    approved_by: str | None = Field(None, description="opaque id of the clerk who allowed it")
    resolves: Reference | None = Field(None, description="the exception that it settles")
    sscc: Sscc | None = Field(None, description="logistic unit that was received as a whole")


class ExceptionData(Shape):
    """Something a person must look at."""

    kind: Literal[
        "unknown_code",
        "bad_read",
        "refused_code",
        "not_done",
        "possible_duplicate",
        "negative_stock",
        "bad_tag",
        "unread_passage",
        "tag_not_written",
        "unknown_tag",
        "unexpected_tag",
        "unexpected_exit",
        "uncertain_passage",
        "duplicate_tag",
        "over_delivery",
        "unexpected_item",
        "expired_lot",
        "unknown_sale",
        "file_refused",
    ]
    reason: str = Field(description="word for machines")
    detail: str | None = Field(None, max_length=1024)
    code: Code | None = None
    sku: Name | None = None
    zone: Name | None = None
    quantity: int | None = None
    epcs: list[Epc] | None = Field(None, max_length=500, description="tags that it is about")
    portal: Name | None = Field(None, description="portal where it happened")
    concerns: Reference | None = None
    transaction: Identifier | None = Field(None, description="of the point of sale, whose line it is")
    content: Hash | None = Field(None, description="of that transaction as it came")
    held: MovementData | None = Field(None, description="the movement that it would be, once a supervisor approves")


class Envelope(Shape):
    store: Name
    log: Name
    seq: Sequence
    id: str
    occurred_at: str
    recorded_at: str
    clock: Literal["synced", "suspect"]
    source: Source
    prev: Hash
    hash: Hash


class MovementEvent(Envelope):
    type: Literal["movement"]
    data: MovementData


class ExceptionEvent(Envelope):
    type: Literal["exception"]
    data: ExceptionData


class JournalEvent(Envelope):
    type: Literal["journal"]
    data: JournalData


class DocumentEvent(Envelope):
    type: Literal["document"]
    data: DocumentData


class CountEvent(Envelope):
    type: Literal["count"]
    data: CountData


Event = Annotated[
    MovementEvent | CountEvent | DocumentEvent | ExceptionEvent | JournalEvent, Field(discriminator="type")
]


# Built by whoever validates first: an agent makes events and does not, and it is 1 MB.
EVENT: TypeAdapter[MovementEvent | CountEvent | DocumentEvent | ExceptionEvent | JournalEvent] = TypeAdapter(
    Event, config=ConfigDict(defer_build=True)
)


class EventMessage(Shape):
    """The payload of `movement`, `count`, `document`, `exception` and `journal`: consecutive events of one type."""

    store: Name
    log: Name
    events: list[dict[str, Any]] = Field(min_length=1, max_length=100)
