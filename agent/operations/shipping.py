"""What leaves the store for another store, a vendor or an order. Pure."""

from __future__ import annotations

from typing import Any

from agent.operations import documents, moving, receiving, reservations
from agent.operations.codes import code_of
from agent.operations.turn import Goods, Turn
from agent.operations.values import Decision, Draft
from contract.documents import ExpectedDocument, ExpectedLine
from contract.stock import is_outside
from drivers.reads import Answer

_KINDS = {"transfer_out": "transferred", "vendor_return": "returned", "pick": "sold"}


def scanned(turn: Turn, goods: Goods) -> Decision:
    tag = moving.known(turn, goods)
    facts: dict[str, Any] = {"product": goods.product, "quantity": goods.quantity, "zone": turn.zone}
    if tag is not None and is_outside(tag.place):
        return receiving.duplicate(turn, "already_gone", facts)
    document = turn.document
    if document is None:
        return _to_vendor(turn, goods, facts)
    held = documents.item(turn.state, document, goods.product.sku)
    facts |= {"document": document.document, "expected": held.expected, "done": held.done + goods.quantity}
    if document.kind == "pick" and (line := _reserved(turn, document, goods)) is not None:
        return _pick(turn, goods, line, facts)
    kind = _KINDS[document.kind]
    lines, look, lot = moving.taken(turn, goods, turn.zone, document.target or "")
    data = turn.movement(kind, lines, reason=turn.session.reason)
    refusal = "unexpected_item" if not held.expected else receiving.beyond(turn, document, held, goods.quantity)
    if refusal in {"unexpected_item", "over_delivery"}:
        return receiving.refused(turn, goods, refusal, data, facts)
    return turn.moved("shipped_of", data, facts | lot, refusal or look)


def _to_vendor(turn: Turn, goods: Goods, facts: dict[str, Any]) -> Decision:
    """Without a document goods go back to a vendor, for a reason; where else they went, only a document can say."""
    reason = turn.rules.reason(turn.session.reason)
    if reason is None or reason.kind != "return":
        return turn.stop("no_document")
    lines, look, lot = moving.taken(turn, goods, turn.zone, "supplier")
    return turn.moved("shipped", turn.movement("returned", lines, reason=reason.code), facts | lot, look)


def _reserved(turn: Turn, document: ExpectedDocument, goods: Goods) -> ExpectedLine | None:
    """The first line of the item whose reservation is not picked yet."""
    for line in document.lines:
        held = turn.state.books.get(reservations.BOOK, line.reservation) if line.reservation else None
        if line.sku == goods.product.sku and held is not None and held["quantity"] > held["picked"]:
            return line
    return None


def _pick(turn: Turn, goods: Goods, line: ExpectedLine, facts: dict[str, Any]) -> Decision:
    """For a reservation; damaged goods are a pick that cannot be made, and head office hears of it at once."""
    name = line.reservation or ""
    held = turn.state.books.get(reservations.BOOK, name)
    assert held is not None
    if goods.quantity > held["quantity"] - held["picked"]:
        return turn.stop("more_than_reserved")
    state, source, context = turn.state, turn.source, turn.context
    if turn.session.damaged:
        drafts = reservations.rejected(state, name, "damaged", goods.quantity, source, context)
        return Decision(Answer.LOOK, "pick_rejected", _of_scan(turn, drafts), facts)
    orders = reservations.Orders(turn.rules.pickup_zone)
    drafts = reservations.picked(state, name, goods.quantity, turn.zone, orders, source, context)
    return Decision(Answer.GOOD, "picked", _of_scan(turn, drafts), facts)


def _of_scan(turn: Turn, drafts: tuple[Draft, ...]) -> tuple[Draft, ...]:
    """With the code that was scanned; the movement, where there is one, is in the chain of what can be undone."""
    code, top = code_of(turn.scan), turn.session.top
    chain: dict[str, Any] = {} if top is None else {"follows": top}
    found: list[Draft] = []
    for one in drafts:
        if one.type == "movement":
            lines = [{**line, "code": code} for line in one.data["lines"]]
            found.append(one._replace(data={**one.data, "lines": lines, **chain}))
        else:
            found.append(one._replace(data={**one.data, "code": code}) if one.type == "journal" else one)
    return tuple(found)


def not_found(turn: Turn, document: ExpectedDocument) -> tuple[Draft, ...]:
    """A pick is closed: what was not picked of its reservations is free at once."""
    drafts: list[Draft] = []
    for line in document.lines if document.kind == "pick" else ():
        held = turn.state.books.get(reservations.BOOK, line.reservation) if line.reservation else None
        left = held["quantity"] - held["picked"] if held is not None else 0
        if line.reservation and left > 0:
            drafts += reservations.rejected(
                turn.state, line.reservation, "not_in_stock", left, turn.source, turn.context
            )
    return tuple(drafts)
