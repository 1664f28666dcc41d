"""Control codes: who works here, in which mode, zone and document; what the next scan or the last one means. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agent.operations import counts, documents, sessions, shipping, undoing
from agent.operations.turn import BY_DOCUMENT, Turn, inward, source_of
from agent.operations.values import Clerk, Decision, Draft, Language, Mode, Session
from contract.documents import ExpectedDocument
from contract.times import Stamper
from drivers.reads import Answer
from identity import Control

MULTIPLIER_US = 10_000_000
MODES: dict[str, Mode] = {
    "MODE-RECEIVE": "receive",
    "MODE-COUNT": "count",
    "MODE-MOVE": "move",
    "MODE-SHIP": "ship",
    "MODE-RETURN": "return",
    "MODE-ADJUST": "adjust",
    "MODE-LOOKUP": "lookup",
}
LANGUAGES: dict[str, Language] = {"LANG-KO": "ko", "LANG-EN": "en"}
WITHOUT_CLERK = frozenset({"LOGIN", "LOGOUT", *LANGUAGES})  # a station that is locked or has nobody takes these
_REASONED = frozenset({"return", "adjust"})


def decide(turn: Turn, order: Control) -> Decision:
    if turn.session.mode == "count":
        found = counts.control(turn.state, turn.scan, turn.session, turn.source, order)
        if found is not None:
            return found
    if order.verb in MODES:
        return _mode(turn, MODES[order.verb])
    if order.verb in LANGUAGES:
        return _changed(turn, "language", turn.session._replace(language=LANGUAGES[order.verb]))
    return _VERBS.get(order.verb, _nothing)(turn, order.argument or "")


def _changed(turn: Turn, text: str, session: Session, facts: Mapping[str, Any] | None = None) -> Decision:
    held = {"session": session, "zone": session.zone, **(facts or {})}
    return Decision(Answer.GOOD, text, (turn.changed(session),), held)


def _nothing(turn: Turn, _argument: str) -> Decision:
    return turn.stop("not_in_this_mode")


# -- modes and zones ---------------------------------------------------------------------------------------------------


def _mode(turn: Turn, mode: Mode) -> Decision:
    """The document stays as long as it does not go the other way."""
    zone = turn.scan.station.zone if mode in sessions.IN_ONE_ZONE else None
    name = turn.session.document
    document = turn.state.document(name) if name else None
    if document is None or (mode in BY_DOCUMENT and (mode == "receive") != inward(document)):
        name = None
    elif mode in BY_DOCUMENT:
        zone = _zone_of(turn, document)
    cleared = sessions.after_scan(turn.session)._replace(reason=None, counting=None)
    session = cleared._replace(mode=mode, zone=zone, zone_to=None, document=name)
    return _changed(turn, _mode_text(session), session, {"document": name} if name else None)


def _mode_text(session: Session) -> str:
    if session.mode == "move":
        return "move_to" if session.zone_to else "move_from" if session.zone else "move_mode"
    return f"{session.mode}_mode"


def _zone(turn: Turn, argument: str) -> Decision:
    session = turn.session
    zone = next((name for name in turn.scan.station.zones if name.upper() == argument), None)
    if zone is None:
        return turn.stop("unknown_zone")
    if session.mode != "move" or session.zone is None:
        session = session._replace(zone=zone)
    elif zone == session.zone:
        return turn.stop("same_zone")
    else:
        session = session._replace(zone_to=zone)
    return _changed(turn, _mode_text(session), session)


# -- the next scan, and the last ---------------------------------------------------------------------------------------


def _times(turn: Turn, argument: str) -> Decision:
    until = Stamper(turn.rules.zone).text(turn.context.occurred_us + MULTIPLIER_US)
    session = turn.session._replace(multiplier=int(argument), multiplier_until=until)
    return _changed(turn, "multiplied", session, {"quantity": int(argument)})


def _set(turn: Turn, argument: str) -> Decision:
    return undoing.set_last(turn, int(argument))


def _undo(turn: Turn, _argument: str) -> Decision:
    return undoing.undo(turn)


def _damaged(turn: Turn, _argument: str) -> Decision:
    return _changed(turn, "damaged_next", turn.session._replace(damaged=True))


def _reason(turn: Turn, argument: str) -> Decision:
    reason = next((one for one in turn.rules.reasons if one.code.upper() == argument), None)
    if reason is None:
        return turn.stop("unknown_reason")
    if reason.kind == "return" and turn.session.mode == "adjust":
        return turn.stop("wrong_reason")
    if reason.kind not in {"return", "damage"} and turn.session.mode == "return":
        return turn.stop("wrong_reason")
    session = turn.session._replace(reason=reason.code)
    return _changed(turn, "reason_chosen", session, {"reason": reason.said(session.language)})


def _cancel(turn: Turn, _argument: str) -> Decision:
    """What was said of the next scan, and what was asked."""
    session = sessions.after_scan(turn.session)
    if session == turn.session and session.mode not in _REASONED:
        return Decision(Answer.LOOK, "nothing_to_cancel")
    return _changed(turn, "cancelled", session._replace(reason=None))


# -- documents ---------------------------------------------------------------------------------------------------------


def _document(turn: Turn, argument: str) -> Decision:
    document = documents.named(turn.state, argument)
    if document is None:
        closed = any(key.upper() == argument for key, _ in turn.state.books.under(documents.CLOSED))
        return turn.stop("document_closed_already" if closed else "unknown_document")
    mode: Mode = "count" if document.kind == "count_request" else "receive" if inward(document) else "ship"
    cleared = sessions.after_scan(turn.session)._replace(counting=None, zone_to=None)
    session = cleared._replace(mode=mode, zone=_zone_of(turn, document), document=document.document)
    opening = documents.opened(turn.state, document, source_of(turn.scan, session), turn.context)
    sums = documents.sums(documents.standing(turn.state, document))
    facts: dict[str, Any] = {"session": session, "zone": session.zone, "document": document.document}
    facts |= {"done": sums.done, "expected": sums.expected}
    text = "count_request_opened" if mode == "count" else "document_opened"
    return Decision(Answer.GOOD, text, (*opening, turn.changed(session)), facts)


def _zone_of(turn: Turn, document: ExpectedDocument) -> str:
    """A count request is begun in the first of its zones."""
    if document.kind == "count_request":
        return next((zone for zone in document.zones if zone in turn.scan.station.zones), turn.scan.station.zone)
    inside = document.target if inward(document) else document.source
    return inside if inside in turn.scan.station.zones else turn.scan.station.zone


def _close(turn: Turn, _argument: str) -> Decision:
    document = turn.document
    if document is None:
        return _end(turn)
    if turn.session.pending == "close":
        return _closed(turn, document, "closed")
    session = turn.session._replace(pending="close")
    return Decision(Answer.LOOK, "close_document", (turn.changed(session),), _sums(turn, document))


def _close_short(turn: Turn, argument: str) -> Decision:
    document = turn.document
    return _nothing(turn, argument) if document is None else _closed(turn, document, "closed_short")


def _ok(turn: Turn, argument: str) -> Decision:
    if turn.session.pending is None:
        return Decision(Answer.LOOK, "nothing_to_confirm")
    return _close(turn, argument)


def _closed(turn: Turn, document: ExpectedDocument, kind: str) -> Decision:
    """The session goes on in its mode."""
    opening = documents.opened(turn.state, document, turn.source, turn.context)
    missing = shipping.not_found(turn, document) if kind == "closed" else ()
    closing = documents.closed(turn.state, document, kind, turn.source, turn.context)
    session = sessions.after_scan(turn.session)._replace(document=None)
    note = sessions.draft("session_changed", session, source_of(turn.scan, session), turn.context)
    drafts = (*opening, *missing, *closing, note)
    return Decision(Answer.GOOD, f"document_{kind}", drafts, _sums(turn, document))


def _sums(turn: Turn, document: ExpectedDocument) -> dict[str, Any]:
    lines = documents.standing(turn.state, document)
    sums = documents.sums(lines)
    named = {name: getattr(sums, name) for name in ("expected", "done", "damaged", "over", "short")}
    return {"document": document.document, "zone": turn.zone, "lines": len(lines), **named}


# -- clerks ------------------------------------------------------------------------------------------------------------


def _login(turn: Turn, _argument: str) -> Decision:
    """Somebody else begins a session of their own, where this one stands: nobody takes back another's scans."""
    clerk, session = turn.scan.clerk, turn.session
    if clerk is None:
        return turn.stop("unknown_badge")
    facts = {"clerk": clerk.clerk, "clerk_name": clerk.name or clerk.clerk}
    if session.clerk == clerk.clerk:
        session = session._replace(locked=None)
        whose = {**turn.source, "clerk": clerk.clerk}
        note = sessions.draft("session_changed", session, whose, turn.context)
        return Decision(Answer.GOOD, "logged_in", (_entry(turn, clerk, whose), note), facts)
    out: tuple[Draft, ...] = ()
    if session.clerk is not None and not session.locked:
        out = (turn.journal({"kind": "clerk_logged_out", "clerk": session.clerk, "by": "badge"}),)
    fresh = sessions.after_scan(session)._replace(clerk=clerk.clerk, locked=None)
    if session.session == turn.context.session_id:  # opened by this very scan
        notes: tuple[Draft, ...] = (
            sessions.draft("session_changed", fresh, source_of(turn.scan, fresh), turn.context),
        )
    else:
        fresh = fresh._replace(session=turn.context.session_id, top=None)
        closing = sessions.draft("session_closed", session, turn.source, turn.context)
        notes = (closing, sessions.draft("session_opened", fresh, source_of(turn.scan, fresh), turn.context))
    return Decision(Answer.GOOD, "logged_in", (*out, *notes, _entry(turn, clerk, source_of(turn.scan, fresh))), facts)


def _entry(turn: Turn, clerk: Clerk, source: Mapping[str, Any]) -> Draft:
    data = {"kind": "clerk_logged_in", "clerk": clerk.clerk, "role": clerk.role, "by": "badge"}
    return Draft("journal", data, source, turn.context.occurred_us, turn.context.clock)


def _logout(turn: Turn, _argument: str) -> Decision:
    return _end(turn)


def _end(turn: Turn) -> Decision:
    session = turn.session
    closing = sessions.draft("session_closed", session, turn.source, turn.context)
    out: tuple[Draft, ...] = ()
    if session.clerk is not None and not session.locked:
        out = (turn.journal({"kind": "clerk_logged_out", "clerk": session.clerk, "by": "badge"}),)
    return Decision(Answer.GOOD, "session_closed", (*out, closing))


_VERBS: Mapping[str, Callable[[Turn, str], Decision]] = {
    "ZONE": _zone,
    "X": _times,
    "SET": _set,
    "UNDO": _undo,
    "DAMAGED": _damaged,
    "REASON": _reason,
    "CANCEL": _cancel,
    "DOC": _document,
    "CLOSE": _close,
    "CLOSE-SHORT": _close_short,
    "OK": _ok,
    "LOGIN": _login,
    "LOGOUT": _logout,
}
