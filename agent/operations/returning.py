"""What customers bring back. Pure."""

from __future__ import annotations

from typing import Any

from agent.operations import moving, receiving
from agent.operations.turn import Goods, Turn
from agent.operations.values import Decision
from contract.stock import is_outside


def scanned(turn: Turn, goods: Goods) -> Decision:
    """Into the station's zone; what is damaged is not sellable there."""
    reason = turn.rules.reason(turn.session.reason)
    if reason is None or reason.kind not in {"return", "damage"}:
        return turn.stop("no_reason")
    facts: dict[str, Any] = {"product": goods.product, "quantity": goods.quantity, "zone": turn.zone}
    tag = moving.known(turn, goods)
    if tag is not None and not is_outside(tag.place):
        return receiving.duplicate(turn, "already_here", {**facts, "zone": tag.place})
    disposition = "damaged" if turn.session.damaged or reason.kind == "damage" else "sellable"
    line = turn.line(goods, "customer", turn.zone, disposition)
    return turn.moved("returned", turn.movement("returned", [line], reason=reason.code), facts)
