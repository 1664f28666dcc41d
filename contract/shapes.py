"""What events and messages are made of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from contract.ids import NAME

CODE_TEXT_MAX = 4096  # longer than any symbol that stock counts


CODE_HEX_MAX = 2 * CODE_TEXT_MAX


Name = Annotated[str, Field(pattern=f"^{NAME.pattern}$")]


Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


Epc = Annotated[str, Field(pattern="^([0-9A-F]{2}){1,62}$")]


Gtin = Annotated[str, Field(pattern="^[0-9]{14}$")]


Sscc = Annotated[str, Field(pattern="^[0-9]{18}$")]


Serial = Annotated[str, Field(pattern="^[0-9]{1,12}$")]


Quantity = Annotated[int, Field(ge=1, le=10**12)]


Sequence = Annotated[int, Field(ge=1)]


Disposition = Literal["sellable", "damaged", "quarantine", "display"]


Mode = Literal["receive", "move", "ship", "return", "adjust", "count", "lookup"]


Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


Identifier = Annotated[str, Field(pattern=r"^[ -~]{1,128}$")]


Permille = Annotated[int, Field(ge=0, le=1000)]


DocumentKind = Literal["receipt", "transfer_in", "transfer_out", "vendor_return", "pick"]


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
    press: Identifier | None = Field(None, description="id of the press at a screen that it came from; it happens once")


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
    expiry: Day | None = Field(None, description="last day of the lot, where the code said it")
    disposition: Disposition
    from_disposition: Disposition | None = Field(None, description="where the goods change their disposition")
    code: Code | None = None
    epcs: list[str] | None = Field(None, description="identities that moved, for goods that are tracked by serial")


class Reference(Shape):
    """Another event of the same log."""

    seq: Sequence
    id: str | None = None
