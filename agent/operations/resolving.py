"""The exceptions tray: what waits for a person, and how it is settled without scanning again. Pure.

An entry opens with its exception and closes when somebody dismisses it, books the movement that the scan would have
been, or says what an unknown code is; counts close what they settle. A movement that is booked later happened when the
scan did: so it stands in the log, and a count in between is balanced as for any late movement.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from itertools import islice
from typing import Any, NamedTuple

from agent.operations import movements
from agent.operations.books import Books, Folded, Shelf
from agent.operations.counts_settle import booked
from agent.operations.values import Context, Draft, Outcome, State
from contract.documents import ExpectedDocument
from contract.stock import QUANTITY_MAX, StockError
from contract.times import Stamper, parse_us

BOOK = "exception_open"
TRAY = "exception_tray"
OPEN_MAX = 10_000  # beyond it the oldest drop out, and are counted
DROPPED_AT_ONCE = 500
TEXT_MAX = 200
LOOKED_BACK_MAX = 2_000  # events, for what the station was doing
AROUND_MAX = 200
_COPIED = ("kind", "reason", "sku", "zone", "quantity", "portal", "transaction")
_STOCK_KINDS = frozenset({"received", "moved", "sold", "returned", "transferred", "adjusted"})
_BY_DOCUMENT = {
    "receipt": "received",
    "transfer_in": "transferred",
    "transfer_out": "transferred",
    "vendor_return": "returned",
    "pick": "sold",
}


class Way(NamedTuple):
    """The movement that a scan would have been. Places as in a movement's line."""

    kind: str
    origin: str
    target: str
    document: str | None = None
    reason: str | None = None
    disposition: str = "sellable"


class Late(NamedTuple):
    """Book an entry: an item, base units of it, and where they went; `way` None takes what the station was doing."""

    seq: int
    sku: str
    quantity: int
    lot: str | None = None
    way: Way | None = None


def standing(books: Shelf) -> tuple[int, int]:
    """How many entries are open, and how many dropped out since the log began."""
    record = books.get(TRAY, TRAY)
    return (record["open"], record["dropped"]) if record else (0, 0)


def key_of(seq: int) -> str:
    return f"{seq:012d}"


def dismiss(state: State, seq: int, note: str | None, source: Mapping[str, Any], context: Context) -> Outcome:
    return _settled(state, seq, "dismissed", {"note": note[:500]} if note else {}, source, context)


def assign(state: State, seq: int, sku: str, source: Mapping[str, Any], context: Context) -> Outcome:
    """The unknown code is this item's: nothing moves."""
    return _settled(state, seq, "assigned", {"sku": sku}, source, context)


def book(state: State, late: Late, source: Mapping[str, Any], context: Context) -> Outcome:
    """The movement, as of the time of the scan. `source` says who settles it."""
    event = _open_event(state, late.seq)
    if event is None:
        return _not_open(late.seq)
    way = late.way or way_of(state, event)
    if way is None or way.kind not in _STOCK_KINDS:
        return Outcome(
            refused="say_where", detail="what the scan would have been is not known: say from where to where"
        )
    if not 1 <= late.quantity <= QUANTITY_MAX:
        return Outcome(refused="bad_quantity", detail=f"{late.quantity} is no number of base units")
    line = {"sku": late.sku, "quantity": late.quantity, "from": way.origin, "to": way.target}
    line |= {"disposition": way.disposition, **({"lot": late.lot} if late.lot else {})}
    line |= {"code": event["data"]["code"]} if "code" in event["data"] and "id" in event else {}
    data: dict[str, Any] = {"kind": way.kind, "lines": [line], "resolves": _reference(event)}
    data |= {"reason": way.reason} if way.reason else {}
    data |= {"transaction": event["data"]["transaction"]} if "transaction" in event["data"] else {}
    then = Context(parse_us(event["occurred_at"]), event["clock"], context.session_id)
    whose = {**source, **({"document": way.document} if way.document else {})}
    try:
        draft = movements.movement(data, whose, then)
    except StockError as error:
        return Outcome(refused="say_where", detail=str(error))
    return Outcome(booked(state, draft, state.next_seq), {"seq": state.next_seq})


def way_of(state: State, event: Mapping[str, Any]) -> Way | None:
    """What the scan of an exception would have been, from what its station was doing then."""
    data, source = event["data"], event["source"]
    if data["kind"] == "unknown_sale":
        back = data.get("detail") == "a return"
        return Way("returned", "customer", data["zone"]) if back else Way("sold", data["zone"], "customer")
    session = _session(state, event["seq"], source.get("session"))
    if session is None:
        return None
    name = source.get("document") or session.get("document")
    document = state.document(name) if name else None
    zone, reason = session.get("zone"), session.get("reason")
    match session["mode"]:
        case "receive" | "ship" if document is not None:
            return _way_of(document)
        case "receive" if zone:
            return Way("received", "supplier", zone)
        case "move" if zone and session.get("zone_to"):
            return Way("moved", zone, session["zone_to"])
        case "return" if zone:
            return Way("returned", "customer", zone, reason=reason)
        case _:
            return None


def _way_of(document: ExpectedDocument) -> Way | None:
    kind = _BY_DOCUMENT.get(document.kind)
    if kind is None or document.source is None or document.target is None:
        return None
    return Way(kind, document.source, document.target, document.document)


def _session(state: State, seq: int, session: str | None) -> Mapping[str, Any] | None:
    """The session as its newest event before `seq` has it."""
    if session is None:
        return None
    for one in range(seq - 1, max(0, seq - LOOKED_BACK_MAX), -1):
        event = state.event(one)
        if event is None:
            return None
        data = event["data"]
        if data.get("session") == session and data["kind"] in {"session_opened", "session_changed"}:
            found: Mapping[str, Any] = data
            return found
    return None


def event_of(state: State, seq: int) -> Mapping[str, Any] | None:
    """An exception's event. Where it was pruned: what its open entry still knows of it, without an id."""
    event, record = state.event(seq), state.books.get(BOOK, key_of(seq))
    newest = state.event(state.next_seq - 1)
    if event is not None or record is None or newest is None:
        return event
    data = {name: record[name] for name in (*_COPIED, "detail") if name in record}
    data |= {"code": {"text": record["text"]}} if "text" in record else {}
    return {
        "seq": seq,
        "type": "exception",
        "occurred_at": Stamper(_offset(newest["recorded_at"])).text(record["occurred_us"]),
        "clock": "suspect",
        "source": {name: record[name] for name in ("station", "device") if name in record},
        "data": data,
    }


def _offset(stamp: str) -> tzinfo:
    zone = datetime.fromisoformat(stamp).tzinfo
    assert zone is not None, "events have an offset"
    return zone


def around(state: State, seq: int, limit: int = 10) -> list[Mapping[str, Any]]:
    """Events of the same station (or device) on both sides of one, oldest first, the one itself among them."""
    middle = state.event(seq)
    if middle is None:
        return []
    before = _near(state, middle, range(seq - 1, max(0, seq - AROUND_MAX), -1), limit)
    after = _near(state, middle, range(seq + 1, min(state.next_seq, seq + AROUND_MAX)), limit)
    return [*reversed(before), middle, *after]


def _near(state: State, middle: Mapping[str, Any], seqs: range, limit: int) -> list[Mapping[str, Any]]:
    name = "station" if "station" in middle["source"] else "device"
    place = middle["source"].get(name)
    events = (state.event(one) for one in seqs)
    return list(islice((one for one in events if one is not None and one["source"].get(name) == place), limit))


def _settled(
    state: State, seq: int, resolution: str, more: Mapping[str, Any], source: Mapping[str, Any], context: Context
) -> Outcome:
    event = _open_event(state, seq)
    if event is None:
        return _not_open(seq)
    data = {"kind": "exception_resolved", "concerns": _reference(event), "resolution": resolution, **more}
    return Outcome((Draft("journal", data, source, context.occurred_us, context.clock),), {"seq": state.next_seq})


def _open_event(state: State, seq: int) -> Mapping[str, Any] | None:
    return event_of(state, seq) if state.books.get(BOOK, key_of(seq)) is not None else None


def _not_open(seq: int) -> Outcome:
    return Outcome(refused="not_open", detail=f"entry {seq} is settled already, or was never one")


def _reference(event: Mapping[str, Any]) -> dict[str, Any]:
    return {name: event[name] for name in ("seq", "id") if name in event}


# -- folds -------------------------------------------------------------------------------------------------------------


def fold_opened(books: Books, event: Folded) -> None:
    count, dropped = standing(books)
    if count >= OPEN_MAX:
        for key, _ in list(islice(books.under(BOOK), DROPPED_AT_ONCE)):
            books.put(BOOK, key, None)
        count, dropped = count - DROPPED_AT_ONCE, dropped + DROPPED_AT_ONCE
    data = event.data
    record: dict[str, Any] = {name: data[name] for name in _COPIED if name in data}
    record |= {name: event.source[name] for name in ("station", "device") if name in event.source}
    code: Mapping[str, Any] = data.get("code") or {}
    texts = {"text": code.get("text") or code.get("raw_hex"), "detail": data.get("detail")}
    record |= {name: text[:TEXT_MAX] for name, text in texts.items() if text}
    record |= {"tags": len(data["epcs"])} if "epcs" in data else {}
    books.put(BOOK, key_of(event.seq), record | {"occurred_us": event.occurred_us})
    books.put(TRAY, TRAY, {"open": count + 1, "dropped": dropped})


def fold_closed(books: Books, event: Folded) -> None:
    """By its resolution, or by the movement that resolves it."""
    reference = event.data.get("resolves") or event.data.get("concerns")
    key = key_of(reference["seq"]) if reference else ""
    if key and books.get(BOOK, key) is not None:
        count, dropped = standing(books)
        books.put(BOOK, key, None)
        books.put(TRAY, TRAY, {"open": count - 1, "dropped": dropped})
