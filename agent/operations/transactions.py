"""What a point of sale hands over: transactions with their lines, and what became of each. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from agent.operations.values import Product
from contract.canonical import canonical, digest
from contract.shapes import CODE_TEXT_MAX, Epc, Identifier, Name, Quantity
from contract.times import parse_us

LINES_MAX = 500
Price = Annotated[int, Field(ge=0, le=10**12)]


class SaleLine(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Annotated[str, Field(min_length=1, max_length=CODE_TEXT_MAX)] | None = Field(
        None, description="as the till scanned it"
    )
    gtin: Annotated[str, Field(pattern="^([0-9]{8}|[0-9]{12,14})$")] | None = None
    sku: Name | None = None
    quantity: Quantity = Field(
        1, description="packages of a code or a GTIN (grams of weighed goods); base units of an SKU"
    )
    price_minor: Price | None = Field(None, description="price of one, in the currency's minor unit")
    lot: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    epc: Epc | None = Field(None, description="identity, where the till reads tags")
    returned: bool = Field(default=False, alias="return", description="the customer gave it back")
    reason: Name | None = Field(None, description="why it came back, of the store's list")
    reservation: Identifier | None = Field(None, description="reservation that is handed over")

    @model_validator(mode="after")
    def _one_item(self) -> Self:
        if sum(name is not None for name in (self.code, self.gtin, self.sku)) != 1:
            raise ValueError("a line has one of code, gtin, sku")
        if self.epc is not None and self.quantity != 1:
            raise ValueError("a line with an epc is of one package")
        if self.reason is not None and not self.returned:
            raise ValueError("a reason is of goods that came back")
        return self


class Transaction(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    transaction: Identifier = Field(description="names it for ever: the same one again is taken once")
    till: Name
    occurred_at: Annotated[str, Field(max_length=40)] = Field(description="RFC 3339, with its offset")
    lines: Annotated[list[SaleLine], Field(min_length=1, max_length=LINES_MAX)]

    @field_validator("occurred_at")
    @classmethod
    def _a_moment(cls, text: str) -> str:
        parse_us(text)
        return text

    def content(self) -> str:
        """SHA-256 of what it says, without what it leaves out."""
        return digest(canonical(self.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)))


class Meant(NamedTuple):
    """What a line's code means, as the catalogue says at this moment. `units` are base units of one package."""

    product: Product | None
    units: int = 1
    gtin: str | None = None
    lot: str | None = None
    serial: str | None = None
    epc: str | None = None
    why: str = "unknown_item"


class Sale(NamedTuple):
    """A transaction, and what each of its lines means."""

    transaction: Transaction
    meant: tuple[Meant, ...]


class Taken(NamedTuple):
    """What became of a transaction. `known`: it was booked before; `tray` lines of it wait for a person."""

    transaction: str
    status: Literal["taken", "known", "conflict", "refused"]
    reason: str | None = None
    hint: str | None = None
    tray: int = 0


def read(raw: Any) -> Transaction | Taken:
    """A transaction, or the refusal that says what is wrong with it."""
    try:
        return Transaction.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the transaction"
        found = raw.get("transaction") if isinstance(raw, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        name = found[:128] if isinstance(found, str) else ""
        return Taken(name, "refused", "malformed", f"{where}: {first['msg'].removeprefix('Value error, ')}"[:500])
