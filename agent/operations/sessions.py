"""Sessions of stations: opened by the first scan, changed by control barcodes, folded from events."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from agent.operations.values import Context, Draft, Session, Station

IN_ONE_ZONE = frozenset({"receive", "count"})  # modes that begin in the station's own zone


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
    data = {
        "kind": kind,
        "session": session.session,
        "mode": session.mode,
        "language": session.language,
        **({"zone": session.zone} if session.zone else {}),
        **({"zone_to": session.zone_to} if session.zone_to else {}),
    }
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
        _, session, mode, zone, zone_to, language, _ = before
        held[station] = Session(station, session, mode, zone, zone_to, language, top)
        return station
    return _fold_journal(held, station, data) if kind == "journal" else None


def _fold_journal(held: MutableMapping[str, Session], station: str, data: Mapping[str, Any]) -> str | None:
    kind = data["kind"]
    if kind == "session_closed":
        return station if held.pop(station, None) else None
    if kind not in {"session_opened", "session_changed"}:
        return None
    before = held.get(station)
    top = before.top if before is not None and before.session == data["session"] else None
    zone, zone_to = data.get("zone"), data.get("zone_to")
    held[station] = Session(station, data["session"], data["mode"], zone, zone_to, data["language"], top)
    return station
