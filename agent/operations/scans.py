"""The one entrance for what scanners deliver: control codes, then goods by the station's mode, and the exceptions tray
for the rest.

Pure. A scan that cannot become a movement becomes an exception with its raw bytes: nothing scanned is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agent.operations import (
    adjusting,
    controls,
    counts,
    documents,
    moving,
    presses,
    receiving,
    returning,
    sessions,
    shipping,
)
from agent.operations.codes import code_of
from agent.operations.turn import BY_DOCUMENT, Goods, Turn, goods_of, lapsed, source_of
from agent.operations.values import BadScan, Decision, Draft, Mode, Scan, State
from contract.times import parse_us
from drivers.reads import Answer
from identity import Kind

RECENT_EVENTS = 50
RESENT_WINDOW_US = 60_000_000
_UNCERTAIN = (Kind.REFUSED, Kind.SUSPECT, Kind.AMBIGUOUS)  # a tuple: hashing a member takes longer than comparing
_BESIDE = frozenset({"negative_stock"})  # written behind the event that the scan became


def decide(state: State, command: Scan | BadScan) -> Decision:
    """Everything that a scanner delivers."""
    if isinstance(command, BadScan):
        return _bad(command)
    held = state.session(command.station.name)
    session = held or sessions.fresh(command.station, command.context)
    source = source_of(command, session)
    opening = () if held else (sessions.draft("session_opened", session, source, command.context),)
    decision = _decide(Turn(state, command, session, source, len(opening)))
    return decision._replace(drafts=opening + decision.drafts) if opening else decision


def _decide(turn: Turn) -> Decision:
    scan, identity = turn.scan, turn.scan.identity
    if scan.press is not None:
        held = turn.state.books.get(presses.BOOK, scan.press)
        if held is not None:
            return Decision(Answer.LOOK, "pressed_before", facts={"seq": held["seq"]})
    elif scan.read.resent and (before := _already_written(turn)) is not None:
        return turn.exception("possible_duplicate", "resent_after_restart", concerns={"seq": before})
    order = identity.control
    if order is None or order.verb not in controls.WITHOUT_CLERK:
        if turn.session.locked:
            return turn.stop("locked")
        if turn.rules.clerks_required and turn.session.clerk is None:
            return turn.stop("no_clerk")
    if order is not None:
        return controls.decide(turn, order)
    if scan.trouble is not None:
        return turn.stop("no_catalogue", scan.trouble)
    zone = {"zone": turn.session.zone} if turn.session.mode == "count" and turn.session.zone else {}
    if identity.kind in _UNCERTAIN:
        reason = identity.reason or identity.kind.value
        return turn.exception("refused_code", reason, detail=identity.hint, **zone)
    if identity.kind is Kind.LOGISTIC_UNIT and identity.sscc is not None and turn.session.mode == "receive":
        return receiving.unit(turn, identity.sscc)
    if scan.product is None:
        return turn.exception("unknown_code", identity.reason or f"unknown_{identity.kind.value}", **zone)
    if turn.session.mode == "lookup":
        return _look_up(turn)
    if turn.session.document and turn.session.mode in BY_DOCUMENT and turn.document is None:
        closed = documents.is_closed(turn.state.books, turn.session.document)
        return turn.stop("document_closed_already" if closed else "unknown_document")
    goods = goods_of(turn)
    if not isinstance(goods, Goods):
        return goods
    decision = _BY_MODE[turn.session.mode](turn, goods)
    if lapsed(turn) and decision.answer is Answer.GOOD:
        return decision._replace(answer=Answer.LOOK, text="multiplier_lapsed")
    return decision


def _counted(turn: Turn, goods: Goods) -> Decision:
    return counts.scanned(turn.state, turn.scan, turn.session, turn.source, goods.quantity)


_BY_MODE: Mapping[Mode, Callable[[Turn, Goods], Decision]] = {
    "receive": receiving.scanned,
    "move": moving.scanned,
    "ship": shipping.scanned,
    "return": returning.scanned,
    "adjust": adjusting.scanned,
    "count": _counted,
}


def _look_up(turn: Turn) -> Decision:
    product = turn.scan.product
    assert product is not None
    on_hand = turn.state.on_hand(product.sku)
    data = {"kind": "looked_up", "sku": product.sku, "code": code_of(turn.scan), "on_hand": on_hand}
    return Decision(Answer.GOOD, "looked_up", (turn.journal(data),), {"product": product, "on_hand": on_hand})


def _already_written(turn: Turn) -> int | None:
    """The event that this very packet may have become before the agent was restarted.

    The scanner says that it saw no answer; whether its first copy was written, or the clerk scanned the same thing
    twice, nobody can tell from the bytes: a person decides, nothing is counted twice in silence.
    """
    scan = turn.scan
    recent = turn.state.recent(scan.read.device, RECENT_EVENTS)
    newest = next((one for one in recent if one["data"]["kind"] not in _BESIDE), None)
    if newest is None or scan.context.occurred_us - parse_us(newest["recorded_at"]) > RESENT_WINDOW_US:
        return None
    data: dict[str, Any] = newest["data"]
    verb = scan.identity.control.verb if scan.identity.control is not None else None
    if data["kind"] == "reversed" or "reverses" in data:  # it carries the code of what it took back, it came from UNDO
        return int(newest["seq"]) if verb == "UNDO" else None
    if verb == "CLOSE" and data.get("pending") == "close":  # its first copy asked: only a person may answer
        return int(newest["seq"])
    code = code_of(scan)
    lines: list[dict[str, Any]] = data.get("lines") or [data]
    held: dict[str, Any] = lines[0].get("code") or {}
    same = all(held.get(name) == code.get(name) for name in ("text", "raw_hex"))
    return int(newest["seq"]) if same else None


def _bad(command: BadScan) -> Decision:
    read = command.read
    source = {"device": read.device}
    if command.station is not None:
        source["station"] = command.station.name
    data = {
        "kind": "bad_read",
        "reason": read.fault.value,
        "detail": read.detail[:500],
        "code": {"raw_hex": read.raw.hex()},
    }
    draft = Draft("exception", data, source, command.context.occurred_us, command.context.clock)
    return Decision(Answer.STOP, "bad_read", (draft,), {"fault": read.fault.value})
