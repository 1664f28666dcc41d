"""The exceptions tray: what waits for a person, and one entry with what can be done about it."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent.operations import resolving
from agent.operations.values import State
from agent.web import api_tray, ask, shown
from agent.web.office_pages import cursor, look, place, stamp, word
from agent.web.pages import render
from agent.web.room import Room, room_of
from agent.web.texts import Language, text
from contract.stock import DISPOSITIONS, OUTSIDE

ROWS = 100
WAYS = ("received", "moved", "sold", "returned", "transferred", "adjusted")


async def listed(request: Request) -> Response:
    """`/exceptions`: open entries, the newest first, `?kind=` alone, in pages below `?before=`."""
    room, language = room_of(request), ask.language(request)
    kind, before = ask.name(request, "kind"), cursor(request, "before")

    def read(state: State) -> tuple[list[dict[str, Any]], list[str], tuple[int, int]]:
        held = [(int(key), record) for key, record in state.books.under(resolving.BOOK)]
        wanted = [(seq, one) for seq, one in reversed(held) if seq < before and kind in {None, one["kind"]}]
        events = [event for seq, _ in wanted[: ROWS + 1] if (event := resolving.event_of(state, seq)) is not None]
        return [dict(one) for one in events], sorted({one["kind"] for _, one in held}), resolving.standing(state.books)

    events, kinds, (count, dropped) = await look(room, read)
    rows = [shown.exception(one, language) for one in events[:ROWS]]
    link = f"kind={kind}&" if kind else ""
    content = {
        "rows": rows,
        "count": shown.number(count),
        "dropped": shown.number(dropped) if dropped else "",
        "kinds": [{"kind": one, "word": word("kind", one, language), "on": one == kind} for one in kinds],
        "kind": kind or "",
        "next": f"?{link}before={rows[-1]['seq']}" if len(events) > ROWS else "",
    }
    return render(request, "exceptions.html", language, content)


async def told(request: Request) -> Response:
    room, language, name = room_of(request), ask.language(request), request.path_params["seq"]
    known = name.isascii() and name.isdigit() and len(name) <= 15
    found = await look(room, lambda state: api_tray.entry(state, int(name))) if known else None
    if found is None:
        raise HTTPException(404)
    event, way = found["event"], found["way"]
    content = {
        "seq": found["seq"],
        "open": found["open"],
        "one": shown.exception(event, language),
        "around": [_scan(one, found["seq"], language) for one in found["around"]],
        "sku": event["data"].get("sku", ""),
        "quantity": max(1, event["data"].get("quantity", 1)),
        "way": _way(way, language) if way else "",
        "ways": [{"value": one, "word": word("moved", one, language)} for one in WAYS],
        "places": _places(room, language),
        "dispositions": [{"value": one, "word": text(one, language)} for one in DISPOSITIONS],
        "is_code": event["data"]["kind"] in {"unknown_code", "unknown_tag", "unknown_sale"},
    }
    return render(request, "entry.html", language, content)


def _way(way: dict[str, Any], language: Language) -> str:
    paper = f" · {way['document']}" if way["document"] else ""
    places = f"{place(way['from'], language)} → {place(way['to'], language)}"
    return f"{word('moved', way['kind'], language)}: {places}{paper}"


def _places(room: Room, language: Language) -> list[dict[str, str]]:
    return [{"value": one, "word": place(one, language)} for one in [*sorted(room.zones), *sorted(OUTSIDE)]]


def _scan(event: dict[str, Any], seq: int, language: Language) -> dict[str, Any]:
    """An event of the same station, as one line."""
    data = event["data"]
    lines = data.get("lines", ())
    said = ", ".join(f"{one['sku']} {shown.number(one['quantity'])}" for one in lines[:3])
    code = shown.code(data.get("code") or (lines[0].get("code") if lines else None) or {})
    prefix = "moved" if event["type"] == "movement" else "kind" if event["type"] == "exception" else "journal"
    return {
        "time": stamp(event),
        "what": word(prefix, data["kind"], language),
        "code": code or str(data.get("sku", "")),
        "said": said or (shown.exception(event, language)["reason"] if event["type"] == "exception" else ""),
        "here": event["seq"] == seq,
    }
