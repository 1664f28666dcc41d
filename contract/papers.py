"""Events about documents and counts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contract.shapes import (
    Disposition,
    DocumentKind,
    Name,
    Permille,
    Place,
    Shape,
)


class DocumentLine(Shape):
    """`over` and `short` compare what was done with what was expected; damaged goods count as done."""

    line: Annotated[int, Field(ge=1)] | None = Field(None, description="absent: not on the document")
    sku: Name
    lot: str | None = None
    expected: Annotated[int, Field(ge=0)]
    done: int
    damaged: Annotated[int, Field(ge=0)] = 0
    over: Annotated[int, Field(ge=0)] = 0
    short: Annotated[int, Field(ge=0)] = 0


class DocumentData(Shape):
    kind: Literal["opened", "closed", "closed_short", "withdrawn"]
    document: Name
    document_kind: DocumentKind
    revision: Annotated[int, Field(ge=1)]
    source: Place = Field(alias="from")
    target: Place = Field(alias="to")
    part: Annotated[int, Field(ge=1)] = 1
    parts: Annotated[int, Field(ge=1)] = 1
    lines: list[DocumentLine] | None = Field(
        None, max_length=400, description="when it is closed: every line; `closed_short` leaves the rest expected"
    )


class CountLine(Shape):
    sku: Name
    lot: str | None = None
    disposition: Disposition
    expected: int = Field(description="stock as of the line's last scan")
    counted: Annotated[int, Field(ge=0)]
    delta: int
    within: bool = Field(description="within the tolerance")
    recounted: bool | None = None


class CountData(Shape):
    """An approved count of one zone. The movements that post its differences name it."""

    kind: Literal["approved"]
    count: Name
    zone: Name
    blind: bool
    request: Name | None = None
    part: Annotated[int, Field(ge=1)] = 1
    parts: Annotated[int, Field(ge=1)] = 1
    lines: list[CountLine] = Field(max_length=400)
    lines_total: Annotated[int, Field(ge=0)]
    accuracy_permille: Permille = Field(description="share of lines within tolerance; never plus against minus")
    exact_permille: Permille = Field(description="share of lines without a difference")
    counted_by: list[str] = Field(max_length=100, description="opaque ids of the clerks who scanned")
    approved_by: str | None = None
