"""What tags add to a count: identities that are new to it, by line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from agent.operations.books import Record, Shelf
from agent.operations.counts_values import EPCS, lines_of, needs_another
from agent.operations.values import TagPlace
from contract.stock import NO_LOT, StockKey


class TagItem(NamedTuple):
    """What the catalogue says of a tag's GTIN: base units of one tag."""

    sku: str
    units: int


class Tagged(Protocol):
    @property
    def books(self) -> Shelf: ...

    def stock(self, key: StockKey) -> int: ...

    def tag(self, epc: str) -> TagPlace | None: ...


class Told(NamedTuple):
    """`items` are those of a `tags_seen` event; `unknown` are EPCs of no item of the catalogue."""

    items: list[dict[str, Any]]
    unknown: list[str]


def told(
    state: Tagged,
    held: tuple[str, Record],
    epcs: Iterable[str],
    catalogue: Mapping[str, TagItem],
    clerk: str | None,
) -> Told:
    """What `epcs` add to the count `held`. A tag that the log knows has its lot and disposition, any other is sellable
    and of no lot. What another clerk must recount is left out."""
    count, record = held
    groups: dict[tuple[StockKey, int], list[str]] = {}
    unknown: list[str] = []
    for epc in epcs:
        if state.books.get(EPCS, f"{count}/{epc}") is not None:
            continue
        known, item = state.tag(epc), catalogue.get(epc)
        if known is not None:
            key = StockKey(known.sku, record["zone"], known.lot, known.disposition)
            groups.setdefault((key, known.units), []).append(epc)
        elif item is not None:
            key = StockKey(item.sku, record["zone"], NO_LOT, "sellable")
            groups.setdefault((key, item.units), []).append(epc)
        else:
            unknown.append(epc)
    items = [
        _item(state, key, units, some)
        for (key, units), some in sorted(groups.items())
        if not needs_another(lines_of(state.books, count, key.sku), clerk)
    ]
    return Told(items, unknown)


def _item(state: Tagged, key: StockKey, units: int, epcs: list[str]) -> dict[str, Any]:
    lot = {"lot": key.lot} if key.lot else {}
    held = {"sku": key.sku, "quantity": units * len(epcs), **lot, "disposition": key.disposition}
    return {**held, "stock": state.stock(key), "epcs": sorted(epcs)}
