"""Goods between zones of the store. Pure. Lots are kept: where none is said, those that expire first are taken."""

from __future__ import annotations

from typing import Any

from agent.operations.fefo import expiry, fefo
from agent.operations.turn import Goods, Turn
from agent.operations.values import Decision, TagPlace
from contract.stock import is_outside


def scanned(turn: Turn, goods: Goods) -> Decision:
    origin, target = turn.session.zone, turn.session.zone_to
    if origin is None or target is None:
        return turn.stop("no_zone")
    facts: dict[str, Any] = {"product": goods.product, "quantity": goods.quantity}
    tag = known(turn, goods)
    if tag is not None and tag.place == target:
        return turn.exception("possible_duplicate", "already_moved")._replace(
            text="already_moved", facts={**facts, "zone": target}
        )
    lines, look, lot = taken(turn, goods, origin, target)
    if turn.session.damaged:
        for line in lines:
            line |= {"disposition": "damaged", "from_disposition": line["disposition"]}
    text = "moved_lot" if lot else "moved"
    return turn.moved(text, turn.movement("moved", lines, reason=_reason(turn)), facts | lot, look)


def _reason(turn: Turn) -> str | None:
    return turn.session.reason or "DAMAGED" if turn.session.damaged else None


def known(turn: Turn, goods: Goods) -> TagPlace | None:
    """Where the identity is, as the log says."""
    return turn.state.tag(goods.epc) if goods.epc is not None else None


def taken(
    turn: Turn, goods: Goods, origin: str, target: str
) -> tuple[list[dict[str, Any]], str | None, dict[str, Any]]:
    """Lines out of a zone, the text for what needs a look, and facts of the lots."""
    tag = known(turn, goods)
    if tag is not None and not is_outside(tag.place):  # it left where it was unseen: an item is at one place
        line = turn.line(Goods(goods.product, tag.units, tag.lot, None, goods.epc), tag.place, target, tag.disposition)
        return [line], None, {}
    if goods.lot:
        older = _older(turn, goods, origin)
        return [turn.line(goods, origin, target)], "older_lot" if older else None, {"lot": older} if older else {}
    parts = fefo(turn.state, goods.product.sku, origin, goods.quantity)
    lines = [turn.line(Goods(goods.product, units, lot, None, goods.epc), origin, target) for lot, units in parts]
    lots = ", ".join(lot for lot, _ in parts if lot)
    return lines, None, {"lot": lots} if lots else {}


def _older(turn: Turn, goods: Goods, zone: str) -> str | None:
    """A lot that is in the zone and expires before the one that was scanned."""
    sku, state = goods.product.sku, turn.state
    mine = goods.expiry or expiry(state, sku, goods.lot)
    first = next((lot for lot, _ in fefo(state, sku, zone, 1) if lot), None)
    days = expiry(state, sku, first) if first else None
    return first if mine is not None and days is not None and days < mine else None
