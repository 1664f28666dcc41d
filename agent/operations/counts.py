"""Counting at a station: scans add up in the count of a zone, which several clerks may work on. Pure.

A count begins with the first thing that is counted in a zone, or with the zone's code, and ends in the office: what is
scanned here moves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.operations import counts_office, sessions
from agent.operations.books import Record
from agent.operations.codes import code_of, exception
from agent.operations.counts_values import (
    EPCS,
    line_of,
    lines_of,
    needs_another,
    open_count,
    units_of,
)
from agent.operations.values import Decision, Draft, Scan, Session, State
from contract.stock import NO_LOT, StockKey
from drivers.reads import Answer
from identity import Control


def scanned(state: State, scan: Scan, session: Session, source: Mapping[str, Any], quantity: int) -> Decision:
    """`quantity` base units of the scan's product, seen in the session's zone."""
    product = scan.product
    assert product is not None
    zone = session.zone or scan.station.zone
    held = open_count(state.books, zone)
    key = StockKey(product.sku, zone, scan.identity.lot or NO_LOT, "sellable")
    if session.damaged:
        key = key._replace(disposition=_damaged(state, key))
    if held is not None and (barred := barred_from(state, held, product.sku, session.clerk)) is not None:
        return exception(scan, source, "not_done", barred)
    facts: dict[str, Any] = {"product": product, "quantity": quantity, "zone": zone}
    if held is not None and scan.epc is not None and state.books.get(EPCS, f"{held[0]}/{scan.epc}") is not None:
        return Decision(Answer.LOOK, "already_counted", facts=facts)
    opening, count, record = begun(state, scan, zone, source)
    line = line_of(state.books, count, key)
    facts |= {"counting": count, "done": quantity + (units_of(line) if line is not None else 0)}
    if not record["blind"]:
        facts["expected"] = state.stock(key)
    data = _counted(state, session, count, key, quantity) | {"code": code_of(scan)}
    data |= {name: value for name, value in (("expiry", scan.identity.expiry), ("epc", scan.epc)) if value}
    if session.top is not None:
        data["follows"] = session.top
    return Decision(Answer.GOOD, "counted", (*opening, _draft(scan, source, data)), facts)


def _damaged(state: State, key: StockKey) -> str:
    """Damaged goods of a delivery are in quarantine: they are counted where stock has them."""
    quarantine = key._replace(disposition="quarantine")
    return (
        "quarantine" if state.stock(quarantine) and not state.stock(key._replace(disposition="damaged")) else "damaged"
    )


def begun(state: State, scan: Scan, zone: str, source: Mapping[str, Any]) -> tuple[tuple[Draft, ...], str, Record]:
    """The zone's count, and the event that opens it where there is none."""
    held = open_count(state.books, zone)
    if held is not None:
        return (), *held
    draft, record = counts_office.opening(state, zone, source, scan.context, blind=scan.station.rules.count_blind)
    return (draft,), scan.context.session_id, record


def barred_from(state: State, held: tuple[str, Record], sku: str, clerk: str | None) -> str | None:
    """Why an item cannot be counted now: it is not among those that are recounted, or another clerk must do it."""
    count, record = held
    lines = list(lines_of(state.books, count, sku))
    if record["state"] == "recount" and lines and not any("again" in one or "recounted" in one for one in lines):
        return "not_recounted"
    return "other_clerk" if needs_another(lines, clerk) else None


def _counted(state: State, session: Session, count: str, key: StockKey, quantity: int) -> dict[str, Any]:
    lot = {"lot": key.lot} if key.lot else {}
    return {
        "kind": "counted",
        "session": session.session,
        "count": count,
        "zone": key.zone,
        "sku": key.sku,
        "quantity": quantity,
        **lot,
        "disposition": key.disposition,
        "stock": state.stock(key),
    }


def undone(state: State, scan: Scan, session: Session, source: Mapping[str, Any], event: Mapping[str, Any]) -> Decision:
    """Takes back `event`, the session's newest count scan: as long as the count has not gone on without it."""
    data = event["data"]
    count = data.get("count")
    held = open_count(state.books, data["zone"])
    key = StockKey(data["sku"], data["zone"], data.get("lot") or NO_LOT, data.get("disposition", "sellable"))
    line = line_of(state.books, count, key) if held is not None and held[0] == count else None
    gone = line is None or not line.get("scans") or event["seq"] < line["first"]
    if gone or held is None or held[1]["state"] == "submitted":
        return Decision(Answer.LOOK, "nothing_to_undo")
    assert line is not None
    back = _counted(state, session, count, key, -data["quantity"])
    back |= {name: data[name] for name in ("epc", "code", "follows") if name in data}
    back["reverses"] = {"seq": event["seq"], "id": event["id"]}
    done = units_of(line) - data["quantity"]
    facts = {"sku": key.sku, "quantity": data["quantity"], "zone": key.zone, "seq": event["seq"], "done": done}
    return Decision(Answer.GOOD, "reversed", (_draft(scan, source, back),), facts)


def set_last(
    state: State, scan: Scan, session: Session, source: Mapping[str, Any], event: Mapping[str, Any], quantity: int
) -> Decision:
    """The session's newest count scan, `event`, was of `quantity` base units."""
    taken = undone(state, scan, session, source, event)
    if taken.text != "reversed" or quantity == 0:
        return taken
    if "epc" in event["data"]:
        return exception(scan, source, "not_done", "one_identity")
    data = {**event["data"], "quantity": quantity, "stock": taken.drafts[0].data["stock"]}
    facts = {**taken.facts, "name": data["sku"], "quantity": quantity, "done": taken.facts["done"] + quantity}
    return Decision(Answer.GOOD, "counted", (*taken.drafts, _draft(scan, source, data)), facts)


# -- control codes -----------------------------------------------------------------------------------------------------


def control(state: State, scan: Scan, session: Session, source: Mapping[str, Any], order: Control) -> Decision | None:
    """None for what means nothing special while counting."""
    if order.verb == "ZONE":
        return _zone(state, scan, session, source, order)
    held = open_count(state.books, session.zone or scan.station.zone)
    if held is None:
        return None
    if order.verb == "RECOUNT":
        return _recount(state, scan, session, source, held)
    if order.verb == "CLOSE" or (order.verb == "OK" and session.pending == "close"):
        return _close(state, scan, session, source, held)
    if order.verb == "CANCEL" and session.pending:
        note = sessions.draft("session_changed", session._replace(pending=None), source, scan.context)
        return Decision(Answer.GOOD, "count_mode", (note,), {"zone": held[1]["zone"]})
    return None


def _zone(state: State, scan: Scan, session: Session, source: Mapping[str, Any], order: Control) -> Decision | None:
    zone = next((name for name in scan.station.zones if name.upper() == order.argument), None)
    if zone is None:
        return None
    opening, count, _ = begun(state, scan, zone, source)
    changed = session._replace(zone=zone, counting=count, pending=None)
    note = sessions.draft("session_changed", changed, source, scan.context)
    text = "count_mode" if opening else "count_joined"
    return Decision(Answer.GOOD, text, (*opening, note), {"session": changed, "zone": zone, "counting": count})


def _close(state: State, scan: Scan, session: Session, source: Mapping[str, Any], held: tuple[str, Record]) -> Decision:
    """To review. Asks once when stock has items here that nobody scanned."""
    count, record = held
    facts = {"zone": record["zone"], "counting": count}
    if record["state"] == "submitted":
        return Decision(Answer.LOOK, "count_in_review", facts=facts)
    missing = counts_office.missing(state, count, record["zone"])
    if missing and session.pending != "close":
        asked = session._replace(pending="close")
        note = sessions.draft("session_changed", asked, source, scan.context)
        return Decision(Answer.LOOK, "count_missing", (note,), {**facts, "missing": len(missing)})
    step = counts_office.step("count_submitted", count, record["zone"], source, scan.context)
    return Decision(Answer.GOOD, "count_submitted", (step,), facts)


def _recount(
    state: State, scan: Scan, session: Session, source: Mapping[str, Any], held: tuple[str, Record]
) -> Decision:
    """Begins the recount of what needs one, or joins it. A session of its own: what was scanned before it stays as it
    is, and tags are new again."""
    count, record = held
    rules = scan.station.rules
    waiting = {line["sku"] for line in lines_of(state.books, count) if "again" in line}
    steps: tuple[Draft, ...] = ()
    if not waiting:
        review = counts_office.review(state, count, rules)
        assert review is not None
        waiting = {line.key.sku for line in review.lines if line.again}
        if not waiting:
            return Decision(Answer.LOOK, "nothing_to_recount", facts={"zone": record["zone"]})
        steps = counts_office.recounting(count, record["zone"], sorted(waiting), source, scan.context, rules)
    facts = {"zone": record["zone"], "counting": count, "lines": len(waiting), "skus": ", ".join(sorted(waiting)[:5])}
    return Decision(Answer.GOOD, "recount", (*steps, *_anew(scan, session, source)), facts)


def _anew(scan: Scan, session: Session, source: Mapping[str, Any]) -> tuple[Draft, ...]:
    if session.session == scan.context.session_id:
        return ()
    fresh = session._replace(session=scan.context.session_id, top=None, pending=None)
    closing = sessions.draft("session_closed", session, source, scan.context)
    return closing, sessions.draft("session_opened", fresh, {**source, "session": fresh.session}, scan.context)


def _draft(scan: Scan, source: Mapping[str, Any], data: Mapping[str, Any]) -> Draft:
    return Draft("journal", data, source, scan.context.occurred_us, scan.context.clock)
