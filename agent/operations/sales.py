"""Sales and returns of the point of sale, each transaction once. Pure.

A transaction that was booked is known by its id; the same id with other content is refused, for one of the two is
wrong. What the catalogue does not know goes to the exceptions tray, and the rest of the transaction is booked: the
goods are gone, and what is refused here would be missing. So is the transaction that takes stock below zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from agent.operations import movements, reservations
from agent.operations.books import Books, Folded, Shelf
from agent.operations.counts_settle import booked
from agent.operations.fefo import fefo
from agent.operations.rings import remember
from agent.operations.transactions import Meant, Sale, SaleLine, Taken
from agent.operations.values import Context, Draft, Outcome, State, TagPlace
from contract.stock import NO_LOT, QUANTITY_MAX, StockKey, StockRow, is_outside, line_deltas
from contract.times import parse_us

BOOK = "sale"
FILES = "sales_file"
REMEMBERED_MAX = 250_000  # transactions; 90 days of 2,700 a day
FILES_REMEMBERED_MAX = 1_000
AGE_US_MAX = 90 * 86_400_000_000
AHEAD_US_MAX = 86_400_000_000
LINES_A_MOVEMENT_MAX = 500


@dataclass(frozen=True, slots=True)
class Tills:
    """Where tills sell from: by till, and for those that are not named. `damaged` are the reasons of returned goods
    that are not sold again."""

    zones: Mapping[str, str]
    zone: str | None = None
    damaged: frozenset[str] = frozenset()

    def zone_of(self, till: str) -> str | None:
        return self.zones.get(till, self.zone)


class _Group(NamedTuple):
    """Lines of one movement."""

    returned: bool
    reservation: str | None
    reason: str | None
    departing: bool


class _Ahead:
    """Stock as it is behind what this transaction has done already."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._deltas: dict[StockKey, int] = {}
        self.books: Shelf = state.books

    def take(self, deltas: Iterable[tuple[StockKey, int]]) -> None:
        for key, delta in deltas:
            self._deltas[key] = self._deltas.get(key, 0) + delta

    def stock(self, key: StockKey) -> int:
        return self._state.stock(key) + self._deltas.get(key, 0)

    def stock_rows(self, *, sku: str | None = None, zone: str | None = None) -> list[StockRow]:
        rows = self._state.stock_rows(sku=sku, zone=zone)
        return [row._replace(quantity=row.quantity + self._deltas.get(StockKey(*row[:4]), 0)) for row in rows]


def book(state: State, sale: Sale, tills: Tills, context: Context) -> Outcome:
    """The result is a `Taken`; a transaction that is refused writes nothing."""
    one = sale.transaction
    content = one.content()
    if (held := state.books.get(BOOK, one.transaction)) is not None:
        return Outcome(result=_again(one.transaction, same=held["content"] == content))
    zone, occurred_us = tills.zone_of(one.till), parse_us(one.occurred_at)
    fault = _fault(one.till, zone, occurred_us, context)
    if fault is not None:
        return Outcome(result=Taken(one.transaction, "refused", fault[0], fault[1]))
    assert zone is not None
    booking = _Booking(state, sale, zone, tills, replace(context, occurred_us=occurred_us))
    for line, meant in zip(one.lines, sale.meant, strict=True):
        booking.add(line, meant)
    return Outcome(tuple(booking.drafts(content)), Taken(one.transaction, "taken", tray=len(booking.tray)))


def _again(name: str, *, same: bool) -> Taken:
    if same:
        return Taken(name, "known")
    return Taken(
        name, "conflict", "other_content", "this id was booked with other lines: send it with an id of its own"
    )


def _fault(till: str, zone: str | None, occurred_us: int, context: Context) -> tuple[str, str] | None:
    """Word and hint. A suspect clock refuses nobody's time."""
    if zone is None:
        return "unknown_till", f"name the zone of {till} in tills of the section [sales], or a zone for all"
    if context.clock == "synced" and occurred_us > context.occurred_us + AHEAD_US_MAX:
        return "in_future", "it is of more than a day from now: is the till's clock right?"
    if context.clock == "synced" and occurred_us < context.occurred_us - AGE_US_MAX:
        return "too_old", "it is older than 90 days and may have been booked before: a count settles what is missing"
    return None


class _Booking:
    """One transaction on its way to drafts: lines by movement, and what is for the tray."""

    def __init__(self, state: State, sale: Sale, zone: str, tills: Tills, context: Context) -> None:
        self._state, self._zone, self._tills, self._context = state, zone, tills, context
        self._name = sale.transaction.transaction
        self._source = {"device": sale.transaction.till}
        self._ahead = _Ahead(state)
        self._groups: dict[_Group, list[dict[str, Any]]] = {}
        self._epcs: set[str] = set()
        self.tray: list[dict[str, Any]] = []

    def add(self, line: SaleLine, meant: Meant) -> None:
        quantity = line.quantity * meant.units
        epc = line.epc or meant.epc
        tag = self._state.tag(epc) if epc is not None else None
        if meant.product is None:
            self._for_tray(line, meant, quantity, meant.why)
        elif not 1 <= quantity <= QUANTITY_MAX:
            self._for_tray(line, meant, None, "bad_quantity")
        elif epc is not None and (epc in self._epcs or (tag is not None and is_outside(tag.place) != line.returned)):
            self._for_tray(line, meant, quantity, "not_sold" if line.returned else "already_sold", epc)
        else:
            self._book(line, meant, quantity, epc, tag)
            self._epcs |= {epc} if epc is not None else set()

    def _book(self, line: SaleLine, meant: Meant, quantity: int, epc: str | None, tag: TagPlace | None) -> None:
        assert meant.product is not None
        product, lot = meant.product, line.lot or meant.lot
        departing = product.tracking == "serial" and epc is None and not line.returned
        held: dict[str, Any] = {"sku": product.sku, "disposition": "sellable", "code": _code(line, meant)}
        if epc is not None:
            held["epcs"] = [epc]
        if line.returned:
            held |= {"from": "customer", "to": self._zone}
            held["disposition"] = "damaged" if line.reason in self._tills.damaged else "sellable"
            parts = [(lot or (tag.lot if tag else NO_LOT), quantity)]
        elif tag is not None:
            held |= {"sku": tag.sku, "from": tag.place, "to": "customer", "disposition": tag.disposition}
            parts = [(tag.lot, tag.units)]
        else:
            zone = self._picked_to(line) or self._zone
            held |= {"from": zone, "to": "customer"}
            parts = [(lot, quantity)] if lot else fefo(self._ahead, product.sku, zone, quantity)
        group = _Group(line.returned, None if line.returned else line.reservation, line.reason, departing)
        for part, units in parts:
            one = {**held, "quantity": units, **({"lot": part} if part else {})}
            self._ahead.take(line_deltas(one))
            self._groups.setdefault(group, []).append(one)

    def _picked_to(self, line: SaleLine) -> str | None:
        """Where the goods of a reservation stand since they were picked."""
        held = self._state.books.get(reservations.BOOK, line.reservation) if line.reservation else None
        return held.get("zone") if held is not None and held["picked"] else None

    def _for_tray(
        self, line: SaleLine, meant: Meant, quantity: int | None, reason: str, epc: str | None = None
    ) -> None:
        data: dict[str, Any] = {
            "kind": "unknown_sale",
            "reason": reason,
            "detail": "a return" if line.returned else "a sale",
            "code": _code(line, meant),
            "zone": self._zone,
            **({"quantity": quantity} if quantity is not None else {}),
            **({"epcs": [epc]} if epc else {}),
        }
        if meant.product is not None or line.sku is not None:
            data["sku"] = meant.product.sku if meant.product else line.sku
        self.tray.append(data)

    def drafts(self, content: str) -> Iterator[Draft]:
        """Movements, each with what it takes below zero and what balances it; then what is for the tray."""
        context, source, said = self._context, self._source, {"transaction": self._name, "content": content}
        ahead, seq = _Ahead(self._state), self._state.next_seq
        for group, lines in self._groups.items():
            for at in range(0, len(lines), LINES_A_MOVEMENT_MAX):
                data = _movement_data(group, lines[at : at + LINES_A_MOVEMENT_MAX]) | said
                draft = movements.movement(data, source, context)
                done = booked(ahead, draft, seq)
                for one in done:
                    ahead.take(one.deltas)
                yield from done
                seq += len(done)
        for data in self.tray:
            yield Draft("exception", data | said, source, context.occurred_us, context.clock)


def _movement_data(group: _Group, lines: list[dict[str, Any]]) -> dict[str, Any]:
    data: dict[str, Any] = {"kind": "returned" if group.returned else "sold", "lines": lines}
    data |= {"reason": group.reason} if group.reason else {}
    data |= {"reservation": group.reservation} if group.reservation else {}
    return data | ({"departing": True} if group.departing else {})


def _code(line: SaleLine, meant: Meant) -> dict[str, Any]:
    code: dict[str, Any] = {"text": line.code or line.gtin or line.sku}
    found = {"gtin": meant.gtin, "serial": meant.serial, "price_minor": line.price_minor}
    code |= {name: value for name, value in found.items() if value is not None}
    if meant.product is not None:
        code |= {"units": meant.units, "revision": meant.product.revision}
    return code


# -- folds -------------------------------------------------------------------------------------------------------------


def fold_transaction(books: Books, event: Folded) -> None:
    """Its first event makes a transaction known."""
    name = event.data.get("transaction")
    if name is not None and "content" in event.data and books.get(BOOK, name) is None:
        remember(books, BOOK, name, {"content": event.data["content"], "seq": event.seq}, REMEMBERED_MAX)


def fold_file(books: Books, event: Folded) -> None:
    data = event.data
    if books.get(FILES, data["hash"]) is None:
        record = {"name": data["name"], "refused": data["refused"], "seq": event.seq}
        remember(books, FILES, data["hash"], record, FILES_REMEMBERED_MAX)
