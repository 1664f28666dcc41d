"""The events of version 1, as head office may rely on them. Readers ignore fields they do not know.

Quantities are integers in the item's base unit (pieces, or grams for weighed goods). `kind` says what an event of its
type is about; kinds are added in later versions, never given another meaning.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from contract.ids import NAME

CODE_TEXT_MAX = 4096  # longer than any symbol that stock counts
CODE_HEX_MAX = 2 * CODE_TEXT_MAX

Name = Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Epc = Annotated[str, Field(pattern="^([0-9A-F]{2}){1,62}$")]
Gtin = Annotated[str, Field(pattern="^[0-9]{14}$")]
Serial = Annotated[str, Field(pattern="^[0-9]{1,12}$")]
Quantity = Annotated[int, Field(ge=1, le=10**12)]
Sequence = Annotated[int, Field(ge=1)]
Disposition = Literal["sellable", "damaged", "quarantine", "display"]
Place = Annotated[str, Field(pattern=r"^(transit:)?[A-Za-z0-9._-]{1,64}$")]


class Shape(BaseModel):
    """Readers ignore what they do not know."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Source(Shape):
    """Where an event comes from. Absent means: none took part."""

    device: Name | None = None
    station: Name | None = None
    session: str | None = None
    clerk: str | None = Field(None, description="opaque id, unique in the store; names live outside ledger and topics")
    document: Name | None = None


class Code(Shape):
    """What the scan meant at that moment."""

    text: str | None = Field(None, max_length=CODE_TEXT_MAX, description="as scanned, where it is text")
    raw_hex: str | None = Field(None, max_length=CODE_HEX_MAX, description="as scanned, where it is no text")
    aim: str | None = None
    gtin: str | None = None
    serial: str | None = None
    units: int | None = Field(None, ge=1, description="base units per package, from the catalogue")
    revision: int | None = Field(None, ge=0, description="revision of the catalogue entry that was used")
    price_minor: int | None = Field(None, description="price in the currency's minor unit")
    price_per: int | None = Field(None, ge=1, description="base units that the price is for; absent: one")


class Line(Shape):
    sku: Name
    quantity: Quantity
    source: Place = Field(alias="from")
    target: Place = Field(alias="to")
    lot: str | None = Field(None, description="absent: no lot")
    disposition: Disposition
    from_disposition: Disposition | None = Field(None, description="where the goods change their disposition")
    code: Code | None = None
    epcs: list[str] | None = Field(None, description="identities that moved, for goods that are tracked by serial")


class Reference(Shape):
    """Another event of the same log."""

    seq: Sequence
    id: str | None = None


class MovementData(Shape):
    kind: Literal["received", "moved", "sold", "returned", "transferred", "adjusted", "reversed"]
    lines: list[Line] = Field(min_length=1, max_length=500)
    follows: Sequence | None = Field(
        None, description="the session's last event that undo would reverse before this one"
    )
    reverses: Reference | None = Field(None, description="the event that this one takes back")
    portal: Name | None = Field(None, description="portal that saw it")


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


class SessionData(Shape):
    kind: Literal["session_opened", "session_changed", "session_closed"]
    session: str
    mode: Literal["receive", "move", "lookup", "count"]
    zone: Name | None = None
    zone_to: Name | None = None
    language: Literal["ko", "en"]


class LookupData(Shape):
    kind: Literal["looked_up"]
    sku: Name
    code: Code
    on_hand: int


class CountedData(Shape):
    """A barcode scanned in a count. It moves nothing: the approved count does."""

    kind: Literal["counted"]
    session: str
    zone: Name
    sku: Name
    quantity: Quantity
    code: Code


class TagSeenData(Shape):
    """EPCs new to a count, in groups of up to a second. The count is their union."""

    kind: Literal["tags_seen"]
    session: str | None = Field(None, description="the station's session, whose count it is")
    zone: Name | None = Field(None, description="zone that is counted")
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
    log: Name
    seq: Annotated[int, Field(ge=0)]
    hash: Hash


class OpeningState(Shape):
    stock: list[tuple[Name, Name, str | None, Disposition, int]]
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
    doubts: list[tuple[Epc, int]] = Field(
        default_factory=list[tuple[Epc, int]], description="tags in doubt, and the exception that says so"
    )


class OpeningData(Shape):
    """How a log begins: the complete state, in parts, each signed with the store's Ed25519 key."""

    kind: Literal["opening"]
    part: Annotated[int, Field(ge=1)]
    parts: Annotated[int, Field(ge=1)]
    parent: Parent | None
    state: OpeningState
    key: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    signature: Annotated[str, Field(pattern="^[0-9a-f]{128}$")]


JournalData = Annotated[
    SessionData | LookupData | CountedData | TagSeenData | TagEncodingData | TagWrittenData | OpeningData,
    Field(discriminator="kind"),
]


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


Event = Annotated[MovementEvent | ExceptionEvent | JournalEvent, Field(discriminator="type")]
EVENT: TypeAdapter[MovementEvent | ExceptionEvent | JournalEvent] = TypeAdapter(Event)


class EventMessage(Shape):
    """The payload of `movement`, `count`, `document`, `exception` and `journal`: consecutive events of one type."""

    store: Name
    log: Name
    events: list[dict[str, Any]] = Field(min_length=1, max_length=100)
