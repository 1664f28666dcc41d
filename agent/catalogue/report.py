"""What became of the items handed in: counts, and every refusal with its place and reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

REFUSALS_KEPT_MAX = 1_000  # in memory; the callback gets all of them


class Reason(StrEnum):
    """Why something is not in the catalogue, for machines."""

    ENCODING = "encoding"  # bytes that are no UTF-8
    SYNTAX = "syntax"  # no row of CSV, no JSON
    VALUE = "value"  # a member that cannot be
    DUPLICATE = "duplicate"  # the SKU stood in the file before
    CONFLICT = "conflict"  # a code that belongs to another SKU
    REVISION = "revision"  # a revision that is known with another content
    LIMIT = "limit"  # too long, too many


@dataclass(frozen=True, slots=True)
class Refusal:
    """One mistake. `line` counts from 1 in the file, None for items that came over the wire.

    `column` is the CSV column or the path in the JSON item, empty for the row as a whole. `sku` where it is known.
    """

    line: int | None
    column: str
    found: str
    reason: Reason
    text: str
    sku: str | None = None

    def __str__(self) -> str:
        place = [] if self.line is None else [f"line {self.line}"]
        place += [] if self.sku is None else [f"SKU {self.sku}"]
        place += [self.column] if self.column else []
        found = f"{self.found!r}: " if self.found else ""
        return f"{', '.join(place) or 'item'}: {found}{self.text}"


@dataclass(slots=True)
class Report:
    """Counts of items; `refused` counts items and stray lines, `refusals_total` the mistakes found in them.

    `read` is always the sum of added, changed, deleted, unchanged, stale and refused. `stale` items had an older
    revision than the catalogue. `complete` is false when a file could not be read to its end.
    """

    read: int = 0
    added: int = 0
    changed: int = 0
    deleted: int = 0
    unchanged: int = 0
    stale: int = 0
    refused: int = 0
    refusals_total: int = 0
    refusals: list[Refusal] = field(default_factory=list[Refusal])
    complete: bool = True
    on_refusal: Callable[[Refusal], None] | None = field(default=None, repr=False)

    def refuse(self, refusals: Iterable[Refusal]) -> None:
        """Count one item (or stray line) as refused, for these mistakes."""
        self.read += 1
        self.refused += 1
        for refusal in refusals:
            self.refusals_total += 1
            if len(self.refusals) < REFUSALS_KEPT_MAX:
                self.refusals.append(refusal)
            if self.on_refusal is not None:
                self.on_refusal(refusal)
