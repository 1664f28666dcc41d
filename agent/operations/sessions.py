"""Sessions of stations: opened by the first scan, changed by control barcodes, folded from events."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from agent.operations.values import Context, Draft, Session, Station


def fresh(station: Station, context: Context) -> Session:
    """A station is ready to scan without a word: its mode and zone come from the configuration."""
    return Session(
        station.name,
        context.session_id,
        station.mode,
        station.zone if station.mode == "receive" else None,
        None,
        station.language,
    )


def restored(body: Mapping[str, Any]) -> Session:
    """A session from its projection's row or an opening: members without a value are left out there."""
    return Session(**{"zone": None, "zone_to": None, **body})


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


def fold(sessions: MutableMapping[str, Session], event: Mapping[str, Any]) -> str | None:
    """Apply an event to the sessions; gives the station whose session changed."""
    source, data = event["source"], event["data"]
    station = source.get("station")
    if station is None:
        return None
    if event["type"] == "movement":
        return _fold_movement(sessions, station, event)
    kind = data["kind"]
    if kind == "session_closed":
        return station if sessions.pop(station, None) else None
    if kind in {"session_opened", "session_changed"}:
        held = sessions.get(station)
        same = held is not None and held.session == data["session"]
        sessions[station] = Session(
            station,
            data["session"],
            data["mode"],
            data.get("zone"),
            data.get("zone_to"),
            data["language"],
            held.top if held is not None and same else None,
        )
        return str(station)
    return None


def _fold_movement(sessions: MutableMapping[str, Session], station: str, event: Mapping[str, Any]) -> str | None:
    held = sessions.get(station)
    if held is None or held.session != event["source"].get("session"):
        return None
    data = event["data"]
    top = data.get("follows") if data["kind"] == "reversed" else event["seq"]
    sessions[station] = Session(station, held.session, held.mode, held.zone, held.zone_to, held.language, top)
    return station
