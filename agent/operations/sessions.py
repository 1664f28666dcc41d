"""Sessions of stations: opened by the first scan, changed by control barcodes, folded from events."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from agent.operations.values import Context, Draft, Session, Station

IN_ONE_ZONE = frozenset({"receive", "count", "ship", "return", "adjust"})  # begin in the station's own zone
_FOLDED = frozenset({"station", "top"})  # the event's source says the one, the order of events the other
_SCANNED = frozenset({"looked_up", "count_submitted", "tags_identified"})
_FINAL = frozenset({"reservation_picked", "pick_rejected"})  # head office knows: undo goes no further back


def fresh(station: Station, context: Context) -> Session:
    """A station is ready to scan without a word: its mode and zone come from the configuration."""
    return Session(
        station.name,
        context.session_id,
        station.mode,
        station.zone if station.mode in IN_ONE_ZONE else None,
        None,
        station.language,
    )


def restored(body: Mapping[str, Any]) -> Session:
    """A session from its projection's row or an opening: members without a value are left out there."""
    members: dict[str, Any] = {"zone": None, "zone_to": None, **body}
    return Session(**members)


def draft(kind: str, session: Session, source: Mapping[str, Any], context: Context) -> Draft:
    data = {"kind": kind, **{name: value for name, value in session._asdict().items() if value and name not in _FOLDED}}
    return Draft("journal", data, source, context.occurred_us, context.clock)


def fold(
    held: MutableMapping[str, Session], kind: str, seq: int, source: Mapping[str, Any], data: Mapping[str, Any]
) -> str | None:
    """Apply an event to the sessions; gives the station whose session changed."""
    station: str | None = source.get("station")
    if station is None:
        return None
    if kind == "movement":
        before = held.get(station)
        if before is None or before[1] != source.get("session"):
            return None
        top = data.get("follows") if data["kind"] == "reversed" else seq
        held[station] = after_scan(before)._replace(top=top)
        return station
    if kind == "journal" and data["kind"] == "counted":
        return _counted(held, station, seq, source, data)
    if kind == "exception" or (kind == "journal" and data["kind"] in _SCANNED):
        return _scanned(held, station, source)
    if kind == "journal" and data["kind"] in _FINAL:
        return _scanned(held, station, source, final=True)
    return _fold_journal(held, station, data) if kind == "journal" else None


def _counted(
    held: MutableMapping[str, Session], station: str, seq: int, source: Mapping[str, Any], data: Mapping[str, Any]
) -> str | None:
    """A count scan is undone like a movement; with the first one the station works on that count."""
    before = held.get(station)
    if before is None or before.session != source.get("session"):
        return None
    top = data.get("follows") if "reverses" in data else seq
    held[station] = after_scan(before)._replace(top=top, counting=data.get("count"))
    return station


def _scanned(
    held: MutableMapping[str, Session], station: str, source: Mapping[str, Any], *, final: bool = False
) -> str | None:
    before = held.get(station)
    if before is None or before.session != source.get("session"):
        return None
    held[station] = after_scan(before)._replace(top=None if final else before.top)
    return station if held[station] != before else None


def after_scan(session: Session) -> Session:
    """Without what was of one scan only."""
    if session.multiplier is None and session.damaged is None and session.pending is None:
        return session
    return session._replace(multiplier=None, multiplier_until=None, damaged=None, pending=None)


def _fold_journal(held: MutableMapping[str, Session], station: str, data: Mapping[str, Any]) -> str | None:
    kind = data["kind"]
    if kind == "session_closed":
        return station if held.pop(station, None) else None
    if kind not in {"session_opened", "session_changed"}:
        return None
    before = held.get(station)
    top = before.top if before is not None and before.session == data["session"] else None
    held[station] = restored({name: data[name] for name in data if name != "kind"} | {"station": station, "top": top})
    return station


def locking(session: Session, source: Mapping[str, Any], context: Context) -> tuple[Draft, ...]:
    """Nobody scanned for too long: whoever is logged in is out, and what comes next needs a badge. The session stays
    as it was, and goes on for the same clerk."""
    if session.clerk is None or session.locked:
        return ()
    out = {"kind": "clerk_logged_out", "clerk": session.clerk, "by": "idle"}
    whose = {**source, "station": session.station, "session": session.session}
    return (
        Draft("journal", out, {**whose, "clerk": session.clerk}, context.occurred_us, context.clock),
        draft("session_changed", session._replace(locked=True), whose, context),
    )
