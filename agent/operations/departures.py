"""Goods with tags that were sold by barcode: their tags are expected to leave, and an exit takes them without alarm.

Pure. The book `departure` holds, for each item, sales whose tags have not left yet: [lapses at, base units].
"""

from __future__ import annotations

from typing import NamedTuple

from agent.operations.books import Books, Folded, Shelf
from agent.operations.values import Context, Draft

BOOK = "departure"
LAPSE_US = 4 * 3_600_000_000  # who has paid leaves the house within hours
WAITING_MAX = 100  # sales of one item; beyond it the oldest lapses


def due(books: Shelf, sku: str, context: Context) -> int:
    """Base units whose tags may leave now. A suspect clock lets nothing lapse."""
    since = context.occurred_us if context.clock == "synced" else 0
    return sum(units for until_us, units in _waiting(books, sku) if until_us >= since)


class Left(NamedTuple):
    """Tags of one item that left together, and the base units that they stand for."""

    sku: str
    epcs: tuple[str, ...]
    quantity: int


def departed(left: Left, place: str, portal: str, device: str, context: Context) -> Draft:
    data = {
        "kind": "tags_departed",
        "sku": left.sku,
        "place": place,
        "portal": portal,
        "quantity": left.quantity,
        "epcs": sorted(left.epcs),
    }
    return Draft("journal", data, {"device": device}, context.occurred_us, context.clock)


def fold_sold(books: Books, event: Folded) -> None:
    if not event.data.get("departing"):
        return
    for line in event.data["lines"]:
        kept = [one for one in _waiting(books, line["sku"]) if one[0] >= event.occurred_us]
        kept.append([event.occurred_us + LAPSE_US, line["quantity"]])
        _put(books, line["sku"], kept[-WAITING_MAX:])


def fold_departed(books: Books, event: Folded) -> None:
    """The oldest sale first."""
    left, kept = event.data["quantity"], list[list[int]]()
    for until_us, units in _waiting(books, event.data["sku"]):
        part = min(units, left)
        left -= part
        if units > part:
            kept.append([until_us, units - part])
    _put(books, event.data["sku"], kept)


def _waiting(books: Shelf, sku: str) -> list[list[int]]:
    record = books.get(BOOK, sku)
    return record["waiting"] if record else []


def _put(books: Books, sku: str, waiting: list[list[int]]) -> None:
    books.put(BOOK, sku, {"waiting": waiting} if waiting else None)
