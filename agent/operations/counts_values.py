"""What a count of one zone keeps, and what a review of it shows. Pure.

Books: `count` (id: zone, state, who), `count_zone` (zone: its open count), `count_line` (id/SKU/lot/disposition: what
was scanned, and stock as of the last scan), `count_epc` (id/EPC: identities that were counted), `count_settled`
(zone/SKU/lot/disposition: when an approved count looked last), `counted_zone` (zone: its last approval).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from agent.operations.books import Record, Shelf
from contract.stock import NO_LOT, StockKey

COUNTS = "count"
ZONES = "count_zone"
LINES = "count_line"
EPCS = "count_epc"
SETTLED = "count_settled"
APPROVED = "counted_zone"

Status = Literal["right", "over", "short", "missing", "unexpected", "wrong_zone", "moved", "recount"]


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """`counted` is None for what nobody scanned. `again` says that it must be recounted before approval."""

    key: StockKey
    expected: int
    counted: int | None
    delta: int
    status: Status
    within: bool
    again: bool
    recounted: bool
    clerks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Review:
    """`done` of `lines_total` lines were scanned or confirmed to be gone: how far the count is, not how right.

    `unknown` are exceptions of codes and tags that are no item, by their sequence.
    """

    count: str
    record: Record
    lines: tuple[ReviewLine, ...]
    unknown: tuple[int, ...]
    done: int

    @property
    def lines_total(self) -> int:
        return len(self.lines)


def open_count(books: Shelf, zone: str) -> tuple[str, Record] | None:
    """The count of a zone that is neither approved nor cancelled."""
    held = books.get(ZONES, zone)
    record = books.get(COUNTS, held["count"]) if held is not None else None
    return None if held is None or record is None else (held["count"], record)


def is_open(record: Record | None) -> bool:
    return record is not None and record["state"] in {"open", "recount", "submitted"}


def line_place(count: str, key: StockKey) -> str:
    return f"{count}/{key.sku}/{key.lot}/{key.disposition}"


def settled_place(key: StockKey) -> str:
    return f"{key.zone}/{key.sku}/{key.lot}/{key.disposition}"


def line_of(books: Shelf, count: str, key: StockKey) -> Record | None:
    return books.get(LINES, line_place(count, key))


def lines_of(books: Shelf, count: str, sku: str | None = None) -> Iterator[Record]:
    for _, line in books.under(LINES, f"{count}/" if sku is None else f"{count}/{sku}/"):
        yield line


def key_of(line: Record, zone: str) -> StockKey:
    return StockKey(line["sku"], zone, line.get("lot", NO_LOT), line["disposition"])


def units_of(line: Record) -> int:
    """Goods with tags and codes are the same goods, so the two are no sum. Distinct identities are a lower bound, and
    so are scanned codes, of which each serial number counts once: the larger of the two."""
    codes: int = line.get("codes", 0)
    identified: int = line.get("identified", 0)
    return max(0, codes, identified)


def is_scanned(line: Record) -> bool:
    """Or confirmed to be gone: it says something about stock."""
    return "last" in line


def needs_another(lines: Iterable[Record], clerk: str | None) -> bool:
    """A recount that this clerk, or somebody whom nobody knows, must not do."""
    before = {one for line in lines if "another" in line for one in line.get("before", ())}
    return bool(before) and (clerk is None or clerk in before)
