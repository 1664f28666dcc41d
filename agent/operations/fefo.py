"""Which lots goods are taken from when nobody says: those that expire first, then those that never do. Pure."""

from __future__ import annotations

from typing import Protocol

from agent.operations.books import Books, Folded, Shelf
from agent.operations.rings import remember
from contract.stock import NO_LOT, StockRow

LOT = "lot"  # book: sku/lot -> its last day
LOTS_KEPT_MAX = 20_000
_NEVER = "9999-12-31"


class LotState(Protocol):
    def stock_rows(self, *, sku: str | None = None, zone: str | None = None) -> list[StockRow]: ...

    @property
    def books(self) -> Shelf: ...


def fefo(state: LotState, sku: str, zone: str, quantity: int) -> list[tuple[str, int]]:
    """Lots and base units of each, first expired first out. What no lot has is taken without one, below zero if need
    be: nobody knows of which lot it is."""
    held = [
        row
        for row in state.stock_rows(sku=sku, zone=zone)
        if row.disposition == "sellable" and row.quantity > 0 and row.lot != NO_LOT
    ]
    found: list[tuple[str, int]] = []
    for row in sorted(held, key=lambda row: (expiry(state, sku, row.lot) or _NEVER, row.lot)):
        if quantity == 0:
            break
        part = min(row.quantity, quantity)
        found.append((row.lot, part))
        quantity -= part
    return [*found, (NO_LOT, quantity)] if quantity else found


def expiry(state: LotState, sku: str, lot: str) -> str | None:
    """The last day of a lot, where a code or a document said it."""
    record = state.books.get(LOT, f"{sku}/{lot}")
    return record["expiry"] if record else None


def fold_lots(books: Books, event: Folded) -> None:
    """The newest word on a lot's last day counts."""
    for line in event.data["lines"]:
        if "lot" not in line or "expiry" not in line:
            continue
        key, record = f"{line['sku']}/{line['lot']}", {"expiry": line["expiry"]}
        if books.get(LOT, key) is None:
            remember(books, LOT, key, record, LOTS_KEPT_MAX)
        elif books.get(LOT, key) != record:
            books.put(LOT, key, record)
