"""What head office expects of a store: `expected/{document}`, retained; an empty payload withdraws it.

Readers ignore what they do not know. A document is one message: at most 64 KiB.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from pydantic import Field, ValidationError, model_validator

from contract.events import Disposition, Epc, Name, Place, Quantity, Shape
from contract.stock import is_outside

LINES_MAX = 2000
DOCUMENT_SIZE_BYTES_MAX = 64 * 1024
Kind = Literal["receipt", "transfer_in", "transfer_out"]


class DocumentRefused(ValueError):
    """It is no document; the text says why."""


class ExpectedLine(Shape):
    line: Annotated[int, Field(ge=1)] = Field(description="number of the line, unique in the document")
    sku: Name
    quantity: Quantity = Field(description="base units")
    lot: str | None = Field(None, max_length=64)
    disposition: Disposition = Field("sellable", description="of the goods when they have come")
    epcs: list[Epc] | None = Field(None, max_length=2000, description="identities, where the sender knows them")


class ExpectedDocument(Shape):
    """An advance ship notice or purchase order (`receipt`), or a transfer from or to another store."""

    document: Name
    kind: Kind
    revision: Annotated[int, Field(ge=1)] = Field(description="grows with each change; a lower one is old news")
    source: Place = Field(alias="from", description="`supplier` or `transit:{store}` for what comes, else a zone")
    target: Place = Field(alias="to", description="a zone for what comes, else `transit:{store}`")
    lines: list[ExpectedLine] = Field(min_length=1, max_length=LINES_MAX)
    tolerance_percent: Annotated[int, Field(ge=0, le=100)] = Field(
        0, description="over-delivery of a line that is taken without a supervisor"
    )

    @model_validator(mode="after")
    def _goes_one_way(self) -> ExpectedDocument:
        inward = self.kind != "transfer_out"
        outside, inside = (self.source, self.target) if inward else (self.target, self.source)
        if not is_outside(outside) or is_outside(inside):
            raise ValueError(f"a {self.kind} goes from {'outside to a zone' if inward else 'a zone to outside'}")
        if self.kind != "receipt" and not outside.startswith("transit:"):
            raise ValueError(f"a {self.kind} names the other store: transit:{{store}}")
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
