"""What comes into the store, with or without a document. Pure.

What scanner, logistic unit and portal tell of one document line is one receipt: identities count once, a tag whose
goods were scanned before fills that unit, and a barcode of what the portal has seen is no further unit.
"""

from __future__ import annotations

from typing import Any

from agent.operations import documents
from agent.operations.turn import Goods, Turn, inward
from agent.operations.values import Decision, Draft
from contract.documents import ExpectedDocument, ExpectedLine
from contract.stock import NO_LOT, is_outside
from drivers.reads import Answer

LINES_A_MOVEMENT_MAX = 500


def scanned(turn: Turn, goods: Goods) -> Decision:
    document = turn.document
    facts: dict[str, Any] = {"product": goods.product, "quantity": goods.quantity, "zone": turn.zone}
    if document is None:
        goods = _with_expiry(turn, goods, None)
        data = _data(turn, goods, "received", "supplier", "sellable")
        return _present(turn, goods, facts) or _checked(turn, goods, data, facts, "received", None)
    line = _line_of(document, goods)
    goods = _with_expiry(turn, goods, line)
    held = documents.item(turn.state, document, goods.product.sku)
    facts |= {"expected": held.expected, "done": held.done, "document": document.document}
    filled = _present(turn, goods, facts) or _fills(turn, goods, document, facts)
    if filled is not None:
        return filled
    seen = _seen_by_portal(turn, goods, document)
    if seen == goods.quantity:
        return _matched(turn, goods, facts)
    goods = _less(goods, seen)
    facts |= {"quantity": goods.quantity, "done": held.done + goods.quantity}
    kind = "received" if document.kind == "receipt" else "transferred"
    data = _data(turn, goods, kind, document.source or "", line.disposition if line else "sellable")
    if line is None:
        return refused(turn, goods, "unexpected_item", data, facts)
    look = beyond(turn, document, held, goods.quantity)
    if look == "over_delivery":
        return refused(turn, goods, "over_delivery", data, facts)
    decision = _checked(turn, goods, data, facts, "received_of", look)
    return _also_matched(turn, goods, seen, decision) if seen else decision


def beyond(turn: Turn, document: ExpectedDocument, held: documents.Sums, quantity: int) -> str | None:
    """`over_within` for more than is expected, `over_delivery` for more than the tolerance."""
    done, percent = held.done + quantity, max(document.tolerance_percent, turn.rules.over_delivery_percent)
    if done <= held.expected:
        return None
    return "over_within" if done <= held.expected + held.expected * percent // 100 else "over_delivery"


def _line_of(document: ExpectedDocument, goods: Goods) -> ExpectedLine | None:
    """The line of its lot, else the first of its item."""
    lines = [line for line in document.lines if line.sku == goods.product.sku]
    return next((line for line in lines if goods.lot and line.lot == goods.lot), lines[0] if lines else None)


def _with_expiry(turn: Turn, goods: Goods, line: ExpectedLine | None) -> Goods:
    """Lot and last day: of the code, else of the notice, else of the lot as it came before."""
    lot = goods.lot or (line.lot if line is not None and line.lot else NO_LOT)
    expiry = goods.expiry
    if expiry is None and line is not None and (line.lot or NO_LOT) == lot:
        expiry = line.expiry
    if expiry is None and lot:
        known = turn.state.books.get("lot", f"{goods.product.sku}/{lot}")
        expiry = known["expiry"] if known else None
    return Goods(goods.product, goods.quantity, lot, expiry, goods.epc)


def _less(goods: Goods, units: int) -> Goods:
    return Goods(goods.product, goods.quantity - units, goods.lot, goods.expiry, goods.epc)


def _data(turn: Turn, goods: Goods, kind: str, origin: str, disposition: str) -> dict[str, Any]:
    """Damaged goods come into quarantine, with the reason."""
    if not turn.session.damaged:
        return turn.movement(kind, [turn.line(goods, origin, turn.zone, disposition)])
    target = turn.rules.quarantine_zone or turn.zone
    reason = turn.session.reason or "DAMAGED"
    return turn.movement(kind, [turn.line(goods, origin, target, "quarantine")], reason=reason)


def _present(turn: Turn, goods: Goods, facts: dict[str, Any]) -> Decision | None:
    """An identity that is in the store is no further unit."""
    tag = turn.state.tag(goods.epc) if goods.epc is not None else None
    if tag is None or is_outside(tag.place):
        return None
    return duplicate(turn, "already_here", {**facts, "zone": tag.place}, sku=goods.product.sku)


def duplicate(turn: Turn, reason: str, facts: dict[str, Any], **more: Any) -> Decision:
    """Nothing moves; the tray keeps that it was scanned."""
    decision = turn.exception("possible_duplicate", reason, **more)
    return decision._replace(text=reason, facts={**decision.facts, **facts})


def _fills(turn: Turn, goods: Goods, document: ExpectedDocument, facts: dict[str, Any]) -> Decision | None:
    """The identity of a unit that was scanned without one. Where items are not tracked by serial, a code with a number
    and one without are two items."""
    sku = goods.product.sku
    if goods.epc is None or goods.product.tracking != "serial":
        return None
    if documents.tags_of(turn.state.books, document.document, sku)["loose"] < goods.quantity:
        return None
    data = {"kind": "tags_identified", "sku": sku, "place": turn.zone, "quantity": goods.quantity}
    data |= {"disposition": "sellable", "epcs": [goods.epc], **({"lot": goods.lot} if goods.lot else {})}
    return Decision(Answer.GOOD, "identified", (turn.journal(data),), facts)


def _seen_by_portal(turn: Turn, goods: Goods, document: ExpectedDocument) -> int:
    """Base units of the scan that a portal has booked for this document already."""
    if goods.epc is not None or turn.session.damaged:
        return 0
    held = documents.tags_of(turn.state.books, document.document, goods.product.sku)
    return max(0, min(goods.quantity, held["portal"] - held["matched"]))


def _matched(turn: Turn, goods: Goods, facts: dict[str, Any]) -> Decision:
    return duplicate(turn, "seen_by_portal", facts, sku=goods.product.sku, quantity=goods.quantity)


def _also_matched(turn: Turn, goods: Goods, seen: int, decision: Decision) -> Decision:
    if decision.answer is Answer.STOP:
        return decision
    part = _matched(turn, Goods(goods.product, seen), {})
    return decision._replace(answer=Answer.LOOK, drafts=(*decision.drafts, *part.drafts))


def refused(turn: Turn, goods: Goods, kind: str, data: dict[str, Any], facts: dict[str, Any]) -> Decision:
    """Kept with the movement that it would be: a supervisor may approve it."""
    held = {name: one for name, one in data.items() if name != "follows"}
    decision = turn.exception(kind, kind, quantity=goods.quantity, zone=turn.zone, held=held)
    return decision._replace(facts={**decision.facts, **facts, "seq": turn.seq})


def _checked(
    turn: Turn, goods: Goods, data: dict[str, Any], facts: dict[str, Any], text: str, look: str | None
) -> Decision:
    """With the lot's last day looked at. A clock that is suspect decides no day."""
    if goods.expiry is not None and turn.context.clock == "synced" and not turn.session.damaged:
        facts["expiry"] = goods.expiry
        today = turn.rules.day(turn.context.occurred_us)
        if goods.expiry < today:
            if turn.rules.expired == "stop":
                return refused(turn, goods, "expired_lot", data, facts)
            look = "expired"
        elif turn.rules.short_dated_days and goods.expiry < turn.rules.day(
            turn.context.occurred_us, turn.rules.short_dated_days
        ):
            look = look or "short_dated"
    return turn.moved(text, data, facts, look)


# -- logistic units ----------------------------------------------------------------------------------------------------


def unit(turn: Turn, sscc: str) -> Decision:
    """Everything that its notice says is in it, as far as it is not here yet."""
    document = _document_of(turn, sscc)
    if document is None:
        return turn.exception("unknown_code", "unknown_logistic_unit")
    facts: dict[str, Any] = {"document": document.document, "zone": turn.zone, "sscc": sscc}
    lines = _unit_lines(turn, document, sscc)
    if not lines or turn.state.books.get(documents.UNITS, f"{document.document}/{sscc}") is not None:
        return duplicate(turn, "unit_already_here", facts)
    source = {**turn.source, "document": document.document}
    opening = documents.opened(turn.state, document, source, turn.context)
    facts |= {"lines": len(lines), "quantity": sum(line["quantity"] for line in lines)}
    kind = "received" if document.kind == "receipt" else "transferred"
    drafts: list[Draft] = [*opening]
    decision: Decision | None = None
    for at in range(0, len(lines), LINES_A_MOVEMENT_MAX):
        part = Turn(turn.state, turn.scan, turn.session, source, turn.ahead + len(drafts))
        data = part.movement(kind, lines[at : at + LINES_A_MOVEMENT_MAX], sscc=sscc)
        if decision is not None:
            data["follows"] = part.seq - 1
        decision = part.moved("unit_received", data, facts)
        drafts += decision.drafts
    assert decision is not None
    return decision._replace(drafts=tuple(drafts))


def _document_of(turn: Turn, sscc: str) -> ExpectedDocument | None:
    """The one that is worked on first."""
    held = turn.document
    expected = [*([held] if held is not None else []), *turn.state.documents()]
    return next((one for one in expected if inward(one) and any(line.sscc == sscc for line in one.lines)), None)


def _unit_lines(turn: Turn, document: ExpectedDocument, sscc: str) -> list[dict[str, Any]]:
    room: dict[str, int] = {}
    lines: list[dict[str, Any]] = []
    for line in document.lines:
        if line.sscc != sscc:
            continue
        if line.sku not in room:
            held = documents.item(turn.state, document, line.sku)
            room[line.sku] = held.expected - held.done
        quantity, epcs = _not_here(turn, line)
        quantity = min(quantity, room[line.sku])
        if quantity <= 0:
            continue
        room[line.sku] -= quantity
        one: dict[str, Any] = {"sku": line.sku, "quantity": quantity, "from": document.source, "to": turn.zone}
        said = {"disposition": line.disposition, "lot": line.lot, "expiry": line.expiry, "epcs": epcs}
        lines.append(one | {name: value for name, value in said.items() if value})
    return lines


def _not_here(turn: Turn, line: ExpectedLine) -> tuple[int, list[str]]:
    """Base units and identities of a line without those that came before; identities only where all are new."""
    if not line.epcs:
        return line.quantity, []
    new = [epc for epc in line.epcs if (tag := turn.state.tag(epc)) is None or is_outside(tag.place)]
    each = line.quantity // len(line.epcs)
    return (line.quantity, new) if len(new) == len(line.epcs) else (each * len(new), new)
