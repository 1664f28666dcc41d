"""What a scan at a station does: receive, move, look up, undo, control codes, and the exceptions tray for the rest.

Pure. A scan that cannot become a movement becomes an exception with its raw bytes: nothing scanned is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.operations import movements, sessions
from agent.operations.values import BadScan, Context, Decision, Draft, Language, Mode, Product, Scan, Session, State
from contract.shapes import CODE_HEX_MAX, CODE_TEXT_MAX
from contract.stock import QUANTITY_MAX
from contract.times import parse_us
from drivers.reads import Answer
from identity import Control, Kind

RECENT_EVENTS = 50
RESENT_WINDOW_US = 60_000_000
_MODES: dict[str, Mode] = {
    "MODE-RECEIVE": "receive",
    "MODE-MOVE": "move",
    "MODE-LOOKUP": "lookup",
    "MODE-COUNT": "count",
}
_UNCERTAIN = (Kind.REFUSED, Kind.SUSPECT, Kind.AMBIGUOUS)  # a tuple: hashing a member takes longer than comparing
_LANGUAGES: dict[str, Language] = {"LANG-KO": "ko", "LANG-EN": "en"}


def decide(state: State, command: Scan | BadScan) -> Decision:
    """The one entrance: everything a scanner delivers."""
    if isinstance(command, BadScan):
        return _bad(command)
    held = state.session(command.station.name)
    session = held or sessions.fresh(command.station, command.context)
    source = _source(command, session)
    opening = () if held else (sessions.draft("session_opened", session, source, command.context),)
    decision = _decide_in(_Ahead(state, len(opening)), command, session, source)
    return decision._replace(drafts=opening + decision.drafts) if opening else decision


class _Ahead:
    """The state with some of our own drafts already counted: sequence numbers move on, stock does not."""

    def __init__(self, state: State, drafts: int) -> None:
        self.state = state
        self.next_seq = state.next_seq + drafts


def _decide_in(ahead: _Ahead, scan: Scan, session: Session, source: Mapping[str, Any]) -> Decision:
    identity = scan.identity
    if scan.read.resent and (before := _already_written(ahead.state, scan)) is not None:
        return _exception(scan, source, "possible_duplicate", "resent_after_restart", concerns=before)
    if identity.control is not None:
        return _control(ahead, scan, session, source, identity.control)
    if scan.trouble is not None:
        return _exception(scan, source, "not_done", "no_catalogue", detail=scan.trouble)
    if identity.kind in _UNCERTAIN:
        return _exception(scan, source, "refused_code", identity.reason or identity.kind.value, detail=identity.hint)
    if scan.product is None:
        return _exception(scan, source, "unknown_code", identity.reason or f"unknown_{identity.kind.value}")
    if session.mode == "lookup":
        return _look_up(ahead.state, scan, source)
    return _move(ahead, scan, session, source)


def _move(ahead: _Ahead, scan: Scan, session: Session, source: Mapping[str, Any]) -> Decision:
    product = scan.product
    assert product is not None
    quantity = _quantity(scan)
    if quantity is None:
        return _exception(scan, source, "not_done", "no_weight")
    if not 1 <= quantity <= QUANTITY_MAX:
        return _exception(scan, source, "not_done", "bad_quantity", detail=f"the label means {quantity} base units")
    if session.mode == "count":
        return _count(scan, session, source, quantity)
    if session.mode == "move":
        if session.zone is None or session.zone_to is None:
            return _exception(scan, source, "not_done", "no_zone")
        kind, origin, target = "moved", session.zone, session.zone_to
    else:
        kind, origin, target = "received", "supplier", session.zone or scan.station.zone
    line = {
        "sku": product.sku,
        "quantity": quantity,
        "from": origin,
        "to": target,
        "disposition": "sellable",
        "code": _code(scan),
    }
    if scan.identity.lot is not None:
        line["lot"] = scan.identity.lot
    data: dict[str, Any] = {"kind": kind, "lines": [line]}
    if session.top is not None:
        data["follows"] = session.top
    return _movement(ahead, kind, data, source, scan, {"product": product, "quantity": quantity})


def _count(scan: Scan, session: Session, source: Mapping[str, Any], quantity: int) -> Decision:
    """A journal entry: what was seen moves nothing before the count is approved."""
    product = scan.product
    assert product is not None
    zone = session.zone or scan.station.zone
    data = {
        "kind": "counted",
        "session": session.session,
        "zone": zone,
        "sku": product.sku,
        "quantity": quantity,
        "code": _code(scan),
    }
    facts = {"product": product, "quantity": quantity, "zone": zone}
    return Decision(Answer.GOOD, "counted", (_draft("journal", data, source, scan.context),), facts)


def _movement(
    ahead: _Ahead, text: str, data: dict[str, Any], source: Mapping[str, Any], scan: Scan, facts: dict[str, Any]
) -> Decision:
    """The movement, its effect for the clerk, and an exception for each stock that it takes below zero."""
    context, stock = scan.context, ahead.state.stock
    draft = movements.movement(data, source, context)
    for key, delta in draft.deltas:
        facts["zone"], facts["zone_quantity"] = key[1], stock(key) + delta
    low = list(movements.below_zero(ahead.state, draft, ahead.next_seq, source, context))
    if not low:
        return Decision(Answer.GOOD, text, (draft,), facts)
    key, quantity, _ = low[-1]
    facts["zone"], facts["zone_quantity"] = key.zone, quantity
    return Decision(Answer.LOOK, "negative_stock", (draft, *(one for _, _, one in low)), facts)


def _look_up(state: State, scan: Scan, source: Mapping[str, Any]) -> Decision:
    product = scan.product
    assert product is not None
    on_hand = state.on_hand(product.sku)
    data = {"kind": "looked_up", "sku": product.sku, "code": _code(scan), "on_hand": on_hand}
    facts = {"product": product, "on_hand": on_hand}
    return Decision(Answer.GOOD, "looked_up", (_draft("journal", data, source, scan.context),), facts)


def _control(ahead: _Ahead, scan: Scan, session: Session, source: Mapping[str, Any], control: Control) -> Decision:
    if control.verb == "UNDO":
        return _undo(ahead, scan, session, source)
    if control.verb in {"LOGOUT", "CLOSE"}:
        closing = sessions.draft("session_closed", session, source, scan.context)
        return Decision(Answer.GOOD, "session_closed", (closing,))
    changed = _changed(scan, session, control)
    if isinstance(changed, str):
        return _exception(scan, source, "not_done", changed)
    note = sessions.draft("session_changed", changed, source, scan.context)
    return Decision(Answer.GOOD, _changed_text(changed, control), (note,), {"session": changed, "zone": changed.zone})


def _changed(scan: Scan, session: Session, control: Control) -> Session | str:
    """The session after a control code, or why there is none."""
    if (mode := _MODES.get(control.verb)) is not None:
        zone = scan.station.zone if mode in sessions.IN_ONE_ZONE else None
        return session._replace(mode=mode, zone=zone, zone_to=None)
    if (language := _LANGUAGES.get(control.verb)) is not None:
        return session._replace(language=language)
    if control.verb == "ZONE":
        zone = next((name for name in scan.station.zones if name.upper() == control.argument), None)
        if zone is None:
            return "unknown_zone"
        if session.mode != "move" or session.zone is None:
            return session._replace(zone=zone)
        return "same_zone" if zone == session.zone else session._replace(zone_to=zone)
    return "not_in_this_mode"


def _changed_text(session: Session, control: Control) -> str:
    if control.verb.startswith("LANG"):
        return "language"
    if session.mode == "move":
        return "move_to" if session.zone_to else "move_from" if session.zone else "move_mode"
    return f"{session.mode}_mode"


def _undo(ahead: _Ahead, scan: Scan, session: Session, source: Mapping[str, Any]) -> Decision:
    event = ahead.state.event(session.top) if session.top is not None else None
    if event is None:
        return Decision(Answer.LOOK, "nothing_to_undo")
    lines = [_reversed(line) for line in event["data"]["lines"]]
    data: dict[str, Any] = {"kind": "reversed", "lines": lines, "reverses": {"seq": event["seq"], "id": event["id"]}}
    if "follows" in event["data"]:
        data["follows"] = event["data"]["follows"]
    facts = {"sku": lines[0]["sku"], "quantity": lines[0]["quantity"], "seq": event["seq"]}
    return _movement(ahead, "reversed", data, source, scan, facts)


def _reversed(line: Mapping[str, Any]) -> dict[str, Any]:
    back = {**line, "from": line["to"], "to": line["from"]}
    if "from_disposition" in line:
        back["disposition"], back["from_disposition"] = line["from_disposition"], line["disposition"]
    return back


def _quantity(scan: Scan) -> int | None:
    """Base units: of the package as the catalogue says; grams from the label, or from its price."""
    product, identity = scan.product, scan.identity
    assert product is not None
    if product.base_unit == "gram":
        return identity.weight_g or _grams_of_price(product, identity.price)
    return product.units * (1 if identity.quantity is None else identity.quantity)


def _grams_of_price(product: Product, price: str | None) -> int | None:
    """A price label names what the goods cost; divided by the unit price, to the nearest gram."""
    if not price or not product.price_minor:
        return None
    minor = int(price.replace(".", ""))
    return (minor * product.price_per * 2 + product.price_minor) // (product.price_minor * 2) or None


def _already_written(state: State, scan: Scan) -> int | None:
    """The event that this very packet may have become before the agent was restarted.

    The scanner says that it saw no answer; whether its first copy was written, or the clerk scanned the same thing
    twice, nobody can tell from the bytes: a person decides, nothing is counted twice in silence.
    """
    newest = next(iter(state.recent(scan.read.device, RECENT_EVENTS)), None)
    if newest is None or scan.context.occurred_us - parse_us(newest["recorded_at"]) > RESENT_WINDOW_US:
        return None
    data: dict[str, Any] = newest["data"]
    control = scan.identity.control
    if data["kind"] == "reversed":  # its lines carry the codes of the scans it took back, it came from an UNDO
        return int(newest["seq"]) if control is not None and control.verb == "UNDO" else None
    code = _code(scan)
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
    return Decision(
        Answer.STOP, "bad_read", (_draft("exception", data, source, command.context),), {"fault": read.fault.value}
    )


def _exception(
    scan: Scan,
    source: Mapping[str, Any],
    kind: str,
    reason: str,
    *,
    detail: str | None = None,
    concerns: int | None = None,
) -> Decision:
    data: dict[str, Any] = {"kind": kind, "reason": reason, "code": _code(scan)}
    if detail:
        data["detail"] = detail[:500]
    if scan.product is not None:
        data["sku"] = scan.product.sku
    if concerns is not None:
        data["concerns"] = {"seq": concerns}
    answer = Answer.LOOK if kind == "possible_duplicate" else Answer.STOP
    text = reason if kind == "not_done" else kind
    facts = {"code": data["code"].get("text") or data["code"].get("raw_hex"), "reason": reason}
    return Decision(answer, text, (_draft("exception", data, source, scan.context),), facts)


def _code(scan: Scan) -> dict[str, Any]:
    """What was scanned and what it meant, so that a later change of the catalogue rewrites nothing."""
    identity, read = scan.identity, scan.read
    code: dict[str, Any] = {}
    try:
        code["text"] = read.data.decode("ascii")[:CODE_TEXT_MAX]  # `identify` refuses what is longer, and says so
    except UnicodeDecodeError:
        code["raw_hex"] = read.data.hex()[:CODE_HEX_MAX]
    if read.aim is not None:
        code["aim"] = read.aim
    if identity.gtin is not None:
        code["gtin"] = identity.gtin
    if identity.serial is not None:
        code["serial"] = identity.serial
    if scan.product is not None:
        code["units"] = scan.product.units
        code["revision"] = scan.product.revision
        if scan.product.price_minor is not None:
            code["price_minor"] = scan.product.price_minor
            if scan.product.price_per != 1:
                code["price_per"] = scan.product.price_per
    return code


def _source(scan: Scan, session: Session) -> dict[str, Any]:
    return {"device": scan.read.device, "station": scan.station.name, "session": session.session}


def _draft(kind: Any, data: Mapping[str, Any], source: Mapping[str, Any], context: Context) -> Draft:
    return Draft(kind, data, source, context.occurred_us, context.clock)
