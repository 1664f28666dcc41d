"""What head office expects of a store: `expected/{document}`, retained; an empty payload withdraws it.

Readers ignore what they do not know. A document is one message: at most 64 KiB.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from pydantic import Field, ValidationError, model_validator

from contract.shapes import Day, Disposition, DocumentKind, Epc, Identifier, Name, Place, Quantity, Shape
from contract.stock import is_outside

LINES_MAX = 2000
DOCUMENT_SIZE_BYTES_MAX = 64 * 1024
Kind = DocumentKind | Literal["count_request"]
INWARD = frozenset({"receipt", "transfer_in"})
_OUTSIDE = {
    "receipt": "supplier",
    "transfer_in": "transit",
    "transfer_out": "transit",
    "vendor_return": "supplier",
    "pick": "customer",
}


class DocumentRefused(ValueError):
    """It is no document; the text says why."""


class ExpectedLine(Shape):
    line: Annotated[int, Field(ge=1)] = Field(description="number of the line, unique in the document")
    sku: Name
    quantity: Quantity = Field(description="base units")
    lot: str | None = Field(None, max_length=64)
    disposition: Disposition = Field("sellable", description="of the goods when they have come")
    expiry: Day | None = Field(None, description="last day of the lot")
    sscc: str | None = Field(None, pattern="^[0-9]{18}$", description="logistic unit that the goods come in")
    reservation: Identifier | None = Field(None, description="of a pick: the reservation that it fills")
    epcs: list[Epc] | None = Field(None, max_length=2000, description="identities, where the sender knows them")


class ExpectedDocument(Shape):
    """What is to come, to go or to be counted. A `receipt` is an advance ship notice or a purchase order; a `pick` has
    the goods of an online order; a `count_request` names zones and has no lines."""

    document: Name
    kind: Kind
    revision: Annotated[int, Field(ge=1)] = Field(description="grows with each change; a lower one is old news")
    source: Place | None = Field(
        None, alias="from", description="`supplier` or `transit:{store}` for what comes, a zone for what goes"
    )
    target: Place | None = Field(
        None, alias="to", description="a zone for what comes; `transit:{store}`, `supplier` or `customer` for what goes"
    )
    lines: list[ExpectedLine] = Field(default_factory=list[ExpectedLine], max_length=LINES_MAX)
    zones: list[Name] = Field(default_factory=list[Name], max_length=500, description="what a `count_request` asks for")
    blind: bool = Field(default=True, description="of a `count_request`: clerks do not see what is expected")
    due_at: str | None = Field(None, max_length=40, description="when it is wanted, RFC 3339")
    order: Identifier | None = Field(
        None, description="of a pick: the customer's order; of a receipt: the purchase order"
    )
    tolerance_percent: Annotated[int, Field(ge=0, le=100)] = Field(
        0, description="over-delivery of a line that is taken without a supervisor"
    )

    @model_validator(mode="after")
    def _goes_one_way(self) -> ExpectedDocument:
        if self.kind == "count_request":
            if self.lines or not self.zones:
                raise ValueError("a count_request has zones and no lines")
            return self
        if not self.lines or self.zones:
            raise ValueError(f"a {self.kind} has lines and no zones")
        if self.source is None or self.target is None:
            raise ValueError(f"a {self.kind} says where it goes: from, to")
        inward = self.kind in INWARD
        outside, inside = (self.source, self.target) if inward else (self.target, self.source)
        if not is_outside(outside) or is_outside(inside):
            raise ValueError(f"a {self.kind} goes from {'outside to a zone' if inward else 'a zone to outside'}")
        wanted = _OUTSIDE[self.kind]
        if outside.partition(":")[0] != wanted:
            raise ValueError(f"the outside of a {self.kind} is {wanted + (':{store}' if wanted == 'transit' else '')}")
        if len({line.line for line in self.lines}) != len(self.lines):
            raise ValueError("two lines have the same number")
        return self


def parse_document(payload: bytes | dict[str, Any], name: str | None = None) -> ExpectedDocument:
    """`name` is that of the topic, where there is one. Raises `DocumentRefused` with the first thing that is wrong."""
    if isinstance(payload, bytes) and len(payload) > DOCUMENT_SIZE_BYTES_MAX:
        raise DocumentRefused(f"it has {len(payload)} bytes, at most {DOCUMENT_SIZE_BYTES_MAX} are taken")
    try:
        found = ExpectedDocument.model_validate(orjson.loads(payload) if isinstance(payload, bytes) else payload)
    except orjson.JSONDecodeError as error:
        raise DocumentRefused(f"it is no JSON: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise DocumentRefused(f"{where}: {first['msg'].removeprefix('Value error, ')}") from error
    if name is not None and found.document != name:
        raise DocumentRefused(f"it says that it is {found.document}, its topic says {name}")
    return found
