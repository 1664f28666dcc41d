"""Reservations for online orders: made for head office, picked and sold in the store, lapsing by themselves. Pure.

Available is what is sellable on hand, less what is reserved, less the store's safety buffer. A pick does not end a
reservation: the goods are in the store and sellable until they are sold, so they stay reserved. What cannot be picked
is free at once, and head office hears of it and sends the order elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from agent.operations import movements
from agent.operations.books import Books, Folded, Shelf
from agent.operations.fefo import fefo
from agent.operations.values import Context, Draft, Outcome, State
from contract.stock import StockRow
from contract.times import parse_us

BOOK = "reservation"
RESERVED = "reserved"  # book: sku -> base units of all its reservations
RESERVATIONS_MAX = 5_000  # open ones
EXPIRED_A_TURN_MAX = 500

Rejection = Literal["not_in_stock", "mismatch", "damaged"]


@dataclass(frozen=True, slots=True)
class Orders:
    """What the configuration says of online orders. Picks go to `pickup_zone`, where there is one."""

    pickup_zone: str | None = None
    safety_buffer: int = 0


PLAIN = Orders()


class Wanted(NamedTuple):
    """`hold_until` is RFC 3339; None holds it until it is released."""

    reservation: str
    sku: str
    quantity: int
    order: str | None = None
    hold_until: str | None = None


def reserved(books: Shelf, sku: str) -> int:
    record = books.get(RESERVED, sku)
    return record["quantity"] if record else 0


def available(rows: list[StockRow], reserved: int, orders: Orders) -> int:
    """`rows` are all of one item. Below zero when goods that are reserved were sold or lost."""
    return sum(row.quantity for row in rows if row.disposition == "sellable") - reserved - orders.safety_buffer


def reserve(state: State, wanted: Wanted, orders: Orders, context: Context) -> Outcome:
    """The result is `{"available": n}` after it. The same reservation once more changes nothing."""
    books, (name, sku, quantity, order, hold_until) = state.books, wanted
    free = available(state.stock_rows(sku=sku), reserved(books, sku), orders)
    held = books.get(BOOK, name)
    if held is not None:
        same = (held["sku"], held["made"], held.get("order"), held.get("expires_at"))
        if same == (sku, quantity, order, hold_until):
            return Outcome(result={"available": free})
        return Outcome(refused="reservation_exists", detail=f"{name} is a reservation of {held['made']} {held['sku']}")
    if hold_until is not None and (fault := _time_fault(hold_until, context)):
        return Outcome(refused="bad_time", detail=fault)
    if free < quantity:
        return Outcome(refused="not_available", detail=f"{max(0, free)} of {sku} are available")
    if sum(1 for _ in books.under(BOOK)) >= RESERVATIONS_MAX:
        return Outcome(refused="too_many", detail=f"{RESERVATIONS_MAX} reservations are open: release some")
    data = _data("reservation_made", name, sku, quantity)
    data |= {"order": order} if order else {}
    data |= {"expires_at": hold_until} if hold_until else {}
    return Outcome((_journal(data, {}, context),), {"available": free - quantity})


def release(state: State, name: str, orders: Orders, context: Context) -> Outcome:
    """What is left of it is free again. The result is `{"available": n}` after it."""
    held = state.books.get(BOOK, name)
    if held is None:
        return _unknown(name)
    sku, quantity = held["sku"], held["quantity"]
    free = available(state.stock_rows(sku=sku), reserved(state.books, sku), orders)
    draft = _journal(_data("reservation_released", name, sku, quantity), {}, context)
    return Outcome((draft,), {"available": free + quantity})


def expire(state: State, context: Context) -> Outcome:
    """Reservations whose time is over. A suspect clock decides nothing."""
    if context.clock != "synced":
        return Outcome()
    over = [
        _journal(_data("reservation_expired", name, held["sku"], held["quantity"]), {}, context)
        for name, held in state.books.under(BOOK)
        if "expires_at" in held and parse_us(held["expires_at"]) <= context.occurred_us
    ]
    return Outcome(tuple(over[:EXPIRED_A_TURN_MAX]))


def pick(
    state: State, name: str, quantity: int, zone: str, orders: Orders, source: Mapping[str, Any], context: Context
) -> Outcome:
    """`quantity` base units for a reservation were taken out of a zone."""
    held = state.books.get(BOOK, name)
    if held is None:
        return _unknown(name)
    left = held["quantity"] - held["picked"]
    if quantity > left:
        return Outcome(refused="more_than_reserved", detail=f"{left} of {held['sku']} are still to be picked")
    return Outcome(picked(state, name, quantity, zone, orders, source, context))


def picked(
    state: State, name: str, quantity: int, zone: str, orders: Orders, source: Mapping[str, Any], context: Context
) -> tuple[Draft, ...]:
    """What a pick writes: that it was, and the movement to the pickup zone, where there is one."""
    held = state.books.get(BOOK, name)
    if held is None:
        return ()
    sku, target = held["sku"], orders.pickup_zone
    data = _data("reservation_picked", name, sku, quantity) | {"zone": target or zone}
    drafts = (_journal(data, source, context),)
    if target is None or target == zone:
        return drafts
    lines = [
        {
            "sku": sku,
            "quantity": part,
            "from": zone,
            "to": target,
            "disposition": "sellable",
            **({"lot": lot} if lot else {}),
        }
        for lot, part in fefo(state, sku, zone, quantity)
    ]
    moved = movements.movement({"kind": "moved", "lines": lines, "reservation": name}, source, context)
    low = movements.below_zero(state, moved, state.next_seq + 1, source, context)
    return (*drafts, moved, *(one for _, _, one in low))


def reject(
    state: State, name: str, reason: Rejection, quantity: int | None, source: Mapping[str, Any], context: Context
) -> Outcome:
    """It cannot be picked, or not so much of it; `quantity` None: all that is not picked yet."""
    held = state.books.get(BOOK, name)
    if held is None:
        return _unknown(name)
    left = held["quantity"] - held["picked"]
    if left == 0 or (quantity or 1) > left:
        return Outcome(refused="more_than_reserved", detail=f"{left} of {held['sku']} are still to be picked")
    return Outcome(rejected(state, name, reason, quantity or left, source, context))


def rejected(
    state: State, name: str, reason: Rejection, quantity: int, source: Mapping[str, Any], context: Context
) -> tuple[Draft, ...]:
    held = state.books.get(BOOK, name)
    if held is None:
        return ()
    data = _data("pick_rejected", name, held["sku"], quantity) | {"reason": reason}
    data |= {"order": held["order"]} if "order" in held else {}
    return (_journal(data, source, context),)


# -- folds -------------------------------------------------------------------------------------------------------------


def fold_made(books: Books, event: Folded) -> None:
    data = event.data
    record = {name: data[name] for name in ("sku", "quantity", "order", "expires_at") if name in data}
    books.put(BOOK, data["reservation"], record | {"made": data["quantity"], "picked": 0, "seq": event.seq})
    _add(books, data["sku"], data["quantity"])


def fold_less(books: Books, event: Folded) -> None:
    """Released, lapsed or rejected: no longer reserved."""
    _take(books, event.data["reservation"], event.data["quantity"], picked=0)


def fold_picked(books: Books, event: Folded) -> None:
    held = books.get(BOOK, event.data["reservation"])
    if held is None:
        return
    done = min(held["quantity"], held["picked"] + event.data["quantity"])
    books.put(BOOK, event.data["reservation"], {**held, "picked": done, "zone": event.data["zone"]})


def fold_moved(books: Books, event: Folded) -> None:
    """What went to the customer is no longer reserved; what such a movement's reversal brings back is again. What goes
    back to its shelf is to be picked once more."""
    name = event.data.get("reservation")
    held = books.get(BOOK, name) if name is not None else None
    if name is None or held is None:
        return
    gone = sum(
        line["quantity"] * ((line["to"] == "customer") - (line["from"] == "customer"))
        for line in event.data["lines"]
        if line["sku"] == held["sku"]
    )
    if gone:
        _take(books, name, gone, picked=gone)
    elif event.data["kind"] == "reversed":
        back = sum(line["quantity"] for line in event.data["lines"] if line["sku"] == held["sku"])
        books.put(BOOK, name, {**held, "picked": max(0, held["picked"] - back)})


def _take(books: Books, name: str, quantity: int, *, picked: int) -> None:
    held = books.get(BOOK, name)
    if held is None:
        return
    left = min(max(0, held["quantity"] - quantity), held["made"])
    _add(books, held["sku"], left - held["quantity"])
    ready = min(max(0, held["picked"] - picked), left)
    books.put(BOOK, name, {**held, "quantity": left, "picked": ready} if left else None)


def _add(books: Books, sku: str, quantity: int) -> None:
    total = reserved(books, sku) + quantity
    books.put(RESERVED, sku, {"quantity": total} if total else None)


def _data(kind: str, name: str, sku: str, quantity: int) -> dict[str, Any]:
    return {"kind": kind, "reservation": name, "sku": sku, "quantity": quantity}


def _time_fault(text: str, context: Context) -> str | None:
    try:
        over = parse_us(text) <= context.occurred_us
    except ValueError as error:
        return str(error)
    return f"{text} has passed" if over and context.clock == "synced" else None


def _unknown(name: str) -> Outcome:
    return Outcome(refused="unknown_reservation", detail=f"{name} is not open: sold, given up, lapsed or never made")


def _journal(data: Mapping[str, Any], source: Mapping[str, Any], context: Context) -> Draft:
    return Draft("journal", data, source, context.occurred_us, context.clock)
