"""Corrections of stock with a reason: found, lost, scrapped, damaged. Pure."""

from __future__ import annotations

from typing import Any

from agent.operations import moving
from agent.operations.turn import Goods, Turn
from agent.operations.values import Decision


def scanned(turn: Turn, goods: Goods) -> Decision:
    """What the reason's kind says: in from nowhere, out to nowhere, to scrap, or to damaged goods of the same zone."""
    reason = turn.rules.reason(turn.session.reason)
    if reason is None:
        return turn.stop("no_reason")
    facts: dict[str, Any] = {"product": goods.product, "quantity": goods.quantity}
    facts |= {"reason": reason.said(turn.session.language)}
    if reason.kind == "return":
        return turn.stop("wrong_reason")
    if reason.kind == "in":
        lines, look, lot = [turn.line(goods, "unknown", turn.zone)], None, dict[str, Any]()
    elif turn.session.damaged and reason.kind != "damage":  # of what is damaged already
        target = {"out": "unknown", "scrap": "scrap"}[reason.kind]
        lines, look, lot = [turn.line(goods, turn.zone, target, "damaged")], None, {}
    else:
        target = {"out": "unknown", "scrap": "scrap", "damage": turn.zone}[reason.kind]
        lines, look, lot = moving.taken(turn, goods, turn.zone, target)
        for line in lines if reason.kind == "damage" else ():
            line |= {"disposition": "damaged", "from_disposition": line["disposition"]}
    return turn.moved("adjusted", turn.movement("adjusted", lines, reason=reason.code), facts | lot, look)
