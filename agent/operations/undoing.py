"""Taking back the session's newest movement or count scan by an event that reverses it; another quantity. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.operations import counts, documents, movements, receiving
from agent.operations.counts_settle import balance
from agent.operations.turn import Turn
from agent.operations.values import Decision, Draft
from drivers.reads import Answer


def undo(turn: Turn) -> Decision:
    event = _last(turn)
    if event is None:
        return _nothing(turn)
    if event["type"] == "journal":
        return counts.undone(turn.state, turn.scan, turn.session, turn.source, event)
    if (name := event["source"].get("document")) and documents.is_closed(turn.state.books, name):
        return Decision(Answer.LOOK, "closed_already", facts={"document": name})
    data = _reversal(event)
    facts: dict[str, Any] = {"sku": data["lines"][0]["sku"], "quantity": _units(data), "seq": event["seq"]}
    return _of(turn, event).moved("reversed", data, facts | _done(turn, event, -_units(data)))


def set_last(turn: Turn, quantity: int) -> Decision:
    """The session's newest scan was of `quantity` base units: it is taken back, and booked anew."""
    event = _last(turn)
    if event is None:
        return _nothing(turn)
    if event["type"] == "journal":
        return counts.set_last(turn.state, turn.scan, turn.session, turn.source, event, quantity)
    if quantity == 0 or documents.is_closed(turn.state.books, event["source"].get("document", "")):
        return undo(turn)
    if len({line["sku"] for line in event["data"]["lines"]}) > 1:
        return turn.stop("several_items")
    if any("epcs" in line for line in event["data"]["lines"]):
        return turn.stop("one_identity")
    data = {**event["data"], "lines": _resized(event["data"]["lines"], quantity)}
    more = quantity - _units(event["data"])
    mine = _of(turn, event)
    if more > 0 and (refused := _beyond(mine, event, data, more)) is not None:
        return refused
    return _both(mine, event, data, quantity)


def _last(turn: Turn) -> Mapping[str, Any] | None:
    return turn.state.event(turn.session.top) if turn.session.top is not None else None


def _nothing(turn: Turn) -> Decision:
    """What was pruned, or is in a log before this one, cannot be taken back."""
    return Decision(Answer.LOOK, "nothing_to_undo" if turn.session.top is None else "too_old")


def _both(turn: Turn, event: Mapping[str, Any], data: Mapping[str, Any], quantity: int) -> Decision:
    back = movements.movement(_reversal(event), turn.source, turn.context)
    again = movements.movement(data, turn.source, turn.context)
    net = again._replace(deltas=[*back.deltas, *again.deltas])
    low = list(movements.below_zero(turn.state, net, turn.seq + 1, turn.source, turn.context))
    sku = data["lines"][0]["sku"]
    facts: dict[str, Any] = {"sku": sku, "name": sku, "quantity": quantity, "seq": event["seq"]}
    facts |= _done(turn, event, quantity - _units(event["data"]))
    for key, delta in movements.summed(net.deltas).items():
        facts["zone"], facts["zone_quantity"] = key.zone, turn.state.stock(key) + delta
    if low:
        facts["zone"], facts["zone_quantity"] = low[-1][0].zone, low[-1][1]
    settled = *balance(turn.state, back, turn.seq), *balance(turn.state, again, turn.seq + 1)
    drafts: tuple[Draft, ...] = (back, again, *(one for _, _, one in low), *settled)
    return Decision(Answer.LOOK if low else Answer.GOOD, "negative_stock" if low else "set_to", drafts, facts)


def _beyond(turn: Turn, event: Mapping[str, Any], data: Mapping[str, Any], more: int) -> Decision | None:
    """What a document does not expect is for a supervisor here too: as much as it would be more."""
    name = event["source"].get("document")
    document = turn.state.document(name) if name else None
    if document is None:
        return None
    sku = data["lines"][0]["sku"]
    held = documents.item(turn.state, document, sku)
    if receiving.beyond(turn, document, held, more) != "over_delivery":
        return None
    line = {**data["lines"][-1], "quantity": more}
    wanted = {**{name: one for name, one in data.items() if name != "follows"}, "lines": [line]}
    decision = turn.exception("over_delivery", "over_delivery", sku=sku, quantity=more, zone=turn.zone, held=wanted)
    facts = {"sku": sku, "name": sku, "quantity": more, "expected": held.expected, "done": held.done + more}
    return decision._replace(facts={**decision.facts, **facts, "seq": turn.seq})


def _of(turn: Turn, event: Mapping[str, Any]) -> Turn:
    """What is taken back is taken back from the document that it was for."""
    source = {name: one for name, one in turn.source.items() if name != "document"}
    if "document" in event["source"]:
        source["document"] = event["source"]["document"]
    return Turn(turn.state, turn.scan, turn.session, source, turn.ahead)


def _done(turn: Turn, event: Mapping[str, Any], more: int) -> dict[str, Any]:
    name = event["source"].get("document")
    document = turn.state.document(name) if name else None
    if document is None:
        return {}
    held = documents.item(turn.state, document, event["data"]["lines"][0]["sku"])
    return {"document": name, "expected": held.expected, "done": held.done + more}


def _reversal(event: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("follows", "reason", "sscc", "reservation")
    return {
        "kind": "reversed",
        "lines": [_reversed(line) for line in event["data"]["lines"]],
        "reverses": {"seq": event["seq"], "id": event["id"]},
        **{name: event["data"][name] for name in kept if name in event["data"]},
    }


def _reversed(line: Mapping[str, Any]) -> dict[str, Any]:
    back = {**line, "from": line["to"], "to": line["from"]}
    if "from_disposition" in line:
        back["disposition"], back["from_disposition"] = line["from_disposition"], line["disposition"]
    return back


def _units(data: Mapping[str, Any]) -> int:
    return sum(line["quantity"] for line in data["lines"])


def _resized(lines: list[dict[str, Any]], quantity: int) -> list[dict[str, Any]]:
    """The same lines for another quantity: the first lots are filled first, the last takes what is left."""
    found: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        part = quantity if number == len(lines) else min(quantity, line["quantity"])
        quantity -= part
        if part:
            found.append({**line, "quantity": part})
    return found
