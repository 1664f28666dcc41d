"""Openings in the middle of a log: does the store state what its events say? Pure.

An opening behind the event before it changes nothing where it says the same: everything stays as of the event that
changed it last. Where it says otherwise its word counts, and the difference is told. One with which a log begins, or
what is left of it, replaces everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from contract.journal import ReservationData
from contract.stock import StockKey, opening_rows
from headoffice.records import Reservation

TOLD_MAX = 20


class Off(NamedTuple):
    """Base units of an SKU: as the opening states them, and as the events say. `of` is stock or reserved."""

    sku: str
    of: str
    stated: int
    counted: int


class Standing:
    """Stock as it is counted over events that follow each other. `begun`: there were some before."""

    def __init__(self, *, begun: bool = False) -> None:
        self.stock: dict[StockKey, int] = {}
        self.begun = begun
        self._stated: dict[StockKey, int] | None = None  # by the parts of an opening in the middle so far

    def add(self, deltas: Iterable[tuple[StockKey, int]]) -> None:
        added(self.stock, deltas)
        self.begun = True

    def state(self, event: Mapping[str, Any]) -> None:
        """The next part of an opening."""
        part, parts = event["data"]["part"], event["data"]["parts"]
        if part == 1 and self.begun:
            self._stated = {}
        elif part == 1:
            self.stock.clear()
        target = self.stock if self._stated is None else self._stated
        added(target, _rows(event))
        if part == parts and self._stated is not None:
            self.stock.clear()
            self.stock.update(self._stated)
            self._stated = None
        self.begun = True


def added(stock: dict[StockKey, int], deltas: Iterable[tuple[StockKey, int]]) -> dict[StockKey, int]:
    for key, delta in deltas:
        stock[key] = stock.get(key, 0) + delta
    return stock


def replaced(
    reserved: dict[str, Reservation], changes: Mapping[tuple[str], Reservation | None]
) -> dict[str, Reservation]:
    for (name,), record in changes.items():
        if record is None:
            reserved.pop(name, None)
        else:
            reserved[name] = record
    return reserved


def differences(
    parts: Iterable[Mapping[str, Any]], stock: Mapping[StockKey, int], reserved: Mapping[str, Reservation]
) -> list[Off]:
    """By SKU, what the parts of a complete opening say otherwise."""
    stated, booked = dict[StockKey, int](), dict[str, tuple[str, int]]()
    for part in parts:
        added(stated, _rows(part))
        for book, name, record in part["data"]["state"].get("books", ()):
            if book == "reservation":
                found = carried(name, record)
                if found is not None:
                    booked[name] = (found.sku, found.quantity)
    off = {key.sku for key in stated.keys() | stock.keys() if stated.get(key, 0) != stock.get(key, 0)}
    theirs, ours = _sums(stated, off), _sums(stock, off)
    found_off = [Off(sku, "stock", theirs.get(sku, 0), ours.get(sku, 0)) for sku in sorted(off)]
    held = {name: (one.sku, one.quantity) for name, one in reserved.items()}
    skus = {one[0] for name in booked.keys() | held.keys() if booked.get(name) != held.get(name)
            for one in (booked.get(name), held.get(name)) if one is not None}  # fmt: skip
    return found_off + [Off(sku, "reserved", _booked(booked, sku), _booked(held, sku)) for sku in sorted(skus)]


def carried(name: str, record: Mapping[str, Any]) -> Reservation | None:
    """A reservation as an opening has it, but for the event that says so; None for what is none."""
    try:
        said = ReservationData.model_validate({**record, "kind": "reservation_made", "reservation": name}, strict=True)
    except ValueError:
        return None
    made = record.get("made")
    return Reservation(said.sku, said.quantity, made, said.order, said.expires_at, 0) if type(made) is int else None


def _rows(event: Mapping[str, Any]) -> list[tuple[StockKey, int]]:
    return [(StockKey(*row[:4]), row.quantity) for row in opening_rows(event) or ()]


def _sums(rows: Mapping[StockKey, int], skus: set[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for key, quantity in rows.items():
        if key.sku in skus:
            found[key.sku] = found.get(key.sku, 0) + quantity
    return found


def _booked(rows: Mapping[str, tuple[str, int]], sku: str) -> int:
    return sum(quantity for name, quantity in rows.values() if name == sku)
