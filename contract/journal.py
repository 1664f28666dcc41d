"""Events of the journal: everything that is no movement, no count, no document and no exception."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from contract.shapes import (
    Code,
    Day,
    Disposition,
    Epc,
    Gtin,
    Hash,
    Identifier,
    Mode,
    Name,
    Place,
    Quantity,
    Reference,
    Sequence,
    Serial,
    Shape,
)


class SessionData(Shape):
    kind: Literal["session_opened", "session_changed", "session_closed"]
    session: str
    mode: Mode
    zone: Name | None = None
    zone_to: Name | None = None
    language: Literal["ko", "en"]
    clerk: str | None = Field(None, description="who is logged in; absent: nobody")
    document: Name | None = Field(None, description="document that is worked on")
    counting: Name | None = Field(None, description="count that is worked on")
    reason: Name | None = Field(None, description="word for why, for what is scanned next")
    multiplier: Annotated[int, Field(ge=1, le=99_999)] | None = Field(None, description="of the next scan only")
    multiplier_until: str | None = Field(None, description="when the multiplier lapses")
    damaged: Literal[True] | None = Field(None, description="the next scan is of damaged goods")
    pending: Literal["close", "close_short"] | None = Field(None, description="what the clerk was asked to confirm")
    locked: Literal[True] | None = Field(None, description="idle for too long: a badge opens it again")


class LookupData(Shape):
    kind: Literal["looked_up"]
    sku: Name
    code: Code
    on_hand: int


class ClerkData(Shape):
    """Who stands at a station from here on: `source.clerk`."""

    kind: Literal["clerk_logged_in", "clerk_logged_out"]
    clerk: str
    role: Literal["clerk", "supervisor", "admin"] | None = None
    by: Literal["badge", "pin", "idle"] = Field(description="how; `idle` locked the station")


class CountedData(Shape):
    """A barcode scanned in a count. It moves nothing: the approved count does."""

    kind: Literal["counted"]
    session: str
    count: Name | None = None
    zone: Name
    sku: Name
    quantity: int = Field(ge=-(10**12), le=10**12, description="base units; negative takes a scan back")
    lot: str | None = None
    expiry: Day | None = None
    disposition: Disposition = "sellable"
    stock: int | None = Field(None, description="of this item, zone, lot and disposition at this moment")
    epc: Epc | None = Field(None, description="identity, where the code carries a serial number")
    code: Code | None = None
    reverses: Reference | None = None
    follows: Sequence | None = Field(
        None, description="the session's last event that undo would reverse before this one"
    )


class ZeroLine(Shape):
    """A line of a count that nobody scanned, and somebody confirmed to be gone."""

    sku: Name
    lot: str | None = None
    disposition: Disposition = "sellable"
    stock: int = Field(description="of this item, zone, lot and disposition at this moment")


class CountStepData(Shape):
    """What happened to a count of one zone, apart from its scans."""

    kind: Literal["count_opened", "count_submitted", "count_recount", "count_zeroed", "count_cancelled"]
    count: Name = Field(description="name of the count, unique in the store")
    zone: Name | None = None
    blind: bool | None = Field(None, description="clerks do not see what is expected")
    request: Name | None = Field(None, description="head office's count request that it answers")
    skus: list[Name] | None = Field(None, max_length=500, description="whose lines are counted again")
    lines: list[ZeroLine] | None = Field(None, max_length=400, description="confirmed to be gone")
    by_another: bool | None = Field(None, description="a recount that another clerk must do")


class SeenItem(Shape):
    """What EPCs new to a count add to one line of it."""

    sku: Name
    quantity: Quantity
    lot: str | None = None
    disposition: Disposition = "sellable"
    stock: int = Field(description="of this item, zone, lot and disposition at this moment")
    epcs: list[Epc] = Field(max_length=500, description="which of the EPCs")


class ReservationData(Shape):
    kind: Literal[
        "reservation_made", "reservation_released", "reservation_expired", "reservation_picked", "pick_rejected"
    ]
    reservation: Identifier
    sku: Name
    quantity: Quantity
    order: Identifier | None = None
    expires_at: str | None = None
    zone: Name | None = Field(None, description="where it was picked")
    reason: Literal["not_in_stock", "mismatch", "damaged"] | None = Field(None, description="why it cannot be picked")
    code: Code | None = None


class ResolvedData(Shape):
    """An entry of the exceptions tray that somebody settled."""

    kind: Literal["exception_resolved"]
    concerns: Reference = Field(description="the exception")
    resolution: Literal["dismissed", "booked", "counted", "assigned"]
    note: str | None = Field(None, max_length=500)
    sku: Name | None = Field(None, description="what an unknown code was found to be")


class SalesFileData(Shape):
    """A file of the drop folder was read to its end."""

    kind: Literal["sales_file_taken"]
    name: str = Field(max_length=255)
    hash: Hash = Field(description="SHA-256 of its bytes")
    rows: Annotated[int, Field(ge=0)]
    taken: Annotated[int, Field(ge=0)]
    known: Annotated[int, Field(ge=0)] = Field(description="transactions that were taken before")
    refused: Annotated[int, Field(ge=0)]


class TagSeenData(Shape):
    """EPCs new to a count, in groups of up to a second. The count is their union."""

    kind: Literal["tags_seen"]
    session: str | None = Field(None, description="the station's session, whose count it is")
    zone: Name | None = Field(None, description="zone that is counted")
    count: Name | None = None
    epcs: list[Epc] = Field(max_length=500)
    items: list[SeenItem] | None = Field(None, max_length=500, description="what they are, where that is known")


class TagsDepartedData(Shape):
    """Tags that left through a portal, of goods whose sale by barcode was booked before: no stock moves."""

    kind: Literal["tags_departed"]
    sku: Name
    place: Place
    portal: Name
    quantity: Quantity = Field(description="base units that they stand for")
    epcs: list[Epc] = Field(max_length=500)


class TagsIdentifiedData(Shape):
    """Tags of goods that were received by barcode before, for the same document (`source.document`): no stock moves."""

    kind: Literal["tags_identified"]
    sku: Name
    place: Name = Field(description="zone where they are")
    lot: str | None = None
    disposition: Disposition
    quantity: Quantity = Field(description="base units that they stand for")
    epcs: list[Epc] = Field(max_length=500)


class Encoding(Shape):
    """A tag and what it is to carry."""

    gtin: Gtin
    serial: Serial
    epc: Epc = Field(description="what the tag is to carry")
    replaces: Epc = Field(description="what it carried before")
    tid: str | None = Field(None, pattern="^[0-9A-F]*$", description="the chip's own number, where it was read")


class TagEncodingData(Encoding):
    """Before a tag is written: its serial number is given out from here on, whatever becomes of the tag."""

    kind: Literal["tag_encoding"]
    outside: bool | None = Field(None, description="the serial number was chosen, and is not of the store's own range")


class TagWrittenData(Encoding):
    """The tag was read again and carries the EPC."""

    kind: Literal["tag_written"]
    encoding: Reference = Field(description="the `tag_encoding` event")


class Parent(Shape):
    """The event that a new log grows from. Its numbers go on behind that event's, so that what its opening says of
    earlier events by their numbers stays true; `prev` of its first event is zeros all the same."""

    log: Name
    seq: Annotated[int, Field(ge=0)]
    hash: Hash


Key = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Signature = Annotated[str, Field(pattern="^[0-9a-f]{128}$")]
Lot = Annotated[str, Field(max_length=128, pattern="^[^\\x00]*$")]


class OpeningState(Shape):
    stock: list[tuple[Name, Name, Lot | None, Disposition, int]]
    sessions: list[dict[str, Any]]
    counted: list[tuple[str, Name, Epc]] = Field(
        default_factory=list[tuple[str, Name, Epc]], description="tags that open counts have seen: session, zone, EPC"
    )
    serials: list[tuple[Gtin, int]] = Field(
        default_factory=list[tuple[Gtin, int]], description="the highest serial number that was given out, by GTIN"
    )
    tags: list[tuple[Epc, Name, Place, str, Disposition, Quantity]] = Field(
        default_factory=list[tuple[Epc, Name, Place, str, Disposition, Quantity]],
        description="known tags: EPC, SKU, place, lot or empty, disposition, base units",
    )
    progress: list[tuple[Name, Name, int]] = Field(
        default_factory=list[tuple[Name, Name, int]], description="what moved for documents: document, SKU, base units"
    )
    books: list[tuple[str, str, dict[str, Any]]] = Field(
        default_factory=list[tuple[str, str, dict[str, Any]]],
        description="what else was open: book (`document`, `count`, `reservation` …), key, record",
    )
    doubts: list[tuple[Epc, int]] = Field(
        default_factory=list[tuple[Epc, int]], description="tags in doubt, and the exception that says so"
    )


class OpeningData(Shape):
    """The complete state, in parts, each signed with the store's Ed25519 key.

    A log begins with one, and what is left of a pruned log begins with a later one: events before it may be gone.
    `parent` is the log's, in each of them.
    """

    kind: Literal["opening"]
    part: Annotated[int, Field(ge=1)]
    parts: Annotated[int, Field(ge=1)]
    parent: Parent | None
    state: OpeningState
    key: Key
    signature: Signature


class CheckpointData(Shape):
    """The store's signature under everything before this event."""

    kind: Literal["checkpoint"]
    upto: Sequence = Field(description="the event before this one")
    hash: Hash = Field(description="of that event")
    at: str
    key: Key
    signature: Signature


class KeyRotatedData(Shape):
    """The store's next key, from this event on. Signed by both: the store gives it out, and holds it."""

    kind: Literal["key_rotated"]
    key: Key = Field(description="the log's key so far")
    next: Key = Field(description="signs what comes after this event")
    signature: Signature = Field(description="by `key`")
    next_signature: Signature = Field(description="by `next`, over the same bytes")


JournalData = Annotated[
    SessionData
    | ClerkData
    | LookupData
    | CountedData
    | CountStepData
    | TagSeenData
    | TagsDepartedData
    | TagsIdentifiedData
    | TagEncodingData
    | TagWrittenData
    | ReservationData
    | ResolvedData
    | SalesFileData
    | OpeningData
    | CheckpointData
    | KeyRotatedData,
    Field(discriminator="kind"),
]
