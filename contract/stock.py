"""What movements mean for stock: the one fold that the agent, head office and every checker use.

Stock is the sum of movements per (SKU, zone, lot, disposition), in the item's base unit. Places outside the store have
no stock here: `supplier`, `customer`, `transit:{store}`, `scrap`, `unknown`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, cast

from contract.canonical import canonical, digest
from contract.ids import is_name, is_store

OUTSIDE = frozenset({"supplier", "customer", "scrap", "unknown"})
DISPOSITIONS = ("sellable", "damaged", "quarantine", "display")
QUANTITY_MAX = 10**12  # as in events.py: sums of a million such lines fit 64 bits
NO_LOT = ""  # in a key; `null` on the wire
KEY_CHARACTERS_MAX = 512  # of all texts of a line: more than names and a lot need, less than any index takes


class StockKey(NamedTuple):
    sku: str
    zone: str
    lot: str
    disposition: str


class StockRow(NamedTuple):
    sku: str
    zone: str
    lot: str
    disposition: str
    quantity: int


class StockError(ValueError):
    """A movement that says nothing definite about stock."""


def is_outside(place: str) -> bool:
    return place in OUTSIDE or (place.startswith("transit:") and is_store(place[8:]))


def is_zone(place: str) -> bool:
    return is_name(place) and place not in OUTSIDE


def line_deltas(line: Mapping[str, Any]) -> list[tuple[StockKey, int]]:
    """What one movement line takes from and brings to zones; outside places fall out. Raises `StockError`."""
    try:
        quantity, sku, source, target = line["quantity"], line["sku"], line["from"], line["to"]
        lot, disposition = line.get("lot") or NO_LOT, line["disposition"]
    except (KeyError, TypeError, AttributeError) as error:
        raise StockError(f"a movement line lacks {error}") from error
    if type(quantity) is not int or not 1 <= quantity <= QUANTITY_MAX:
        raise StockError(f"quantity is {quantity!r}, expected 1, 2, 3 … in the base unit, at most {QUANTITY_MAX}")
    before = line.get("from_disposition") or disposition
    # One type after the other: this is the hottest line of every fold, and `all` would double its time.
    if not (type(sku) is type(source) is type(target) is type(lot) is type(disposition) is type(before) is str):
        raise StockError("sku, from, to, lot and disposition are text")
    texts = sku + source + target + lot + disposition + before
    if len(texts) > KEY_CHARACTERS_MAX or "\0" in texts:
        raise StockError(f"sku, from, to and lot have no zero bytes and at most {KEY_CHARACTERS_MAX} characters")
    deltas: list[tuple[StockKey, int]] = []
    # As `is_outside`, which only a colon calls for: it would double the time.
    if source not in OUTSIDE and not (":" in source and is_outside(source)):
        deltas.append((StockKey(sku, source, lot, before), -quantity))
    if target not in OUTSIDE and not (":" in target and is_outside(target)):
        deltas.append((StockKey(sku, target, lot, disposition), quantity))
    return deltas


def event_deltas(event: Mapping[str, Any]) -> list[tuple[StockKey, int]]:
    """Everything an event does to stock. An opening is no delta: see `opening_rows`. Raises `StockError`."""
    if event["type"] != "movement":
        return []
    lines = event["data"].get("lines")
    if not isinstance(lines, list):
        raise StockError("a movement has no lines")
    return [delta for line in cast("list[Any]", lines) for delta in line_deltas(line)]


def opening_rows(event: Mapping[str, Any]) -> Iterator[StockRow] | None:
    """The complete stock that an opening states (one part of it), or None for any other event."""
    data = event["data"]
    if event["type"] != "journal" or data.get("kind") != "opening":
        return None
    return (StockRow(row[0], row[1], row[2] or NO_LOT, row[3], row[4]) for row in data["state"]["stock"])


def stock_digest(rows: Iterable[StockRow]) -> dict[str, Any]:
    """Row count, summed quantity and hash over rows in key order; rows of quantity 0 do not count."""
    held = [row for row in sorted(rows) if row.quantity != 0]
    listed = [wire_row(row) for row in held]
    return {"rows": len(held), "quantity": sum(row.quantity for row in held), "hash": digest(canonical(listed))}


def wire_row(row: StockRow) -> list[Any]:
    """[sku, zone, lot or null, disposition, quantity]"""
    return [row.sku, row.zone, row.lot or None, row.disposition, row.quantity]
