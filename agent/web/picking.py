"""Documents that a station may work on: what its picker shows."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent.operations.values import Mode, State
from agent.web import guiding, shown
from agent.web.answers import answer
from agent.web.room import room_of
from agent.web.texts import Language, text
from contract.documents import ExpectedDocument, Kind

DOCUMENTS_MAX = 200
MODES: Mapping[Kind, Mode] = {
    "receipt": "receive",
    "transfer_in": "receive",
    "transfer_out": "ship",
    "vendor_return": "ship",
    "pick": "ship",
    "count_request": "count",
}


async def documents(request: Request) -> Response:
    """`[{"label", "note", "code"}]`: of the station's mode where there are such, else all of them."""
    room, name = room_of(request), request.path_params["name"]
    if name not in room.stations:
        raise HTTPException(404)
    session = await room.session(name)
    listed = await room.lane.call(room.view.back.look, lambda state: _open(state, session.mode))
    notes = {one.document: _note(one, done, session.language) for one, done in listed}
    choices = guiding.documents(notes)
    return answer([{"label": one.label, "note": notes[one.label], "code": one.code} for one in choices])


def _open(state: State, mode: Mode) -> list[tuple[ExpectedDocument, int]]:
    """Documents and how many base units moved for each."""
    held = state.documents()
    fitting = [one for one in held if MODES[one.kind] == mode] or held
    return [(one, sum(state.progress(one.document).values())) for one in fitting[:DOCUMENTS_MAX]]


def _note(document: ExpectedDocument, done: int, language: Language) -> str:
    kind = text(f"document_{document.kind}", language)
    if document.kind == "count_request":
        return f"{kind} · {', '.join(document.zones)}"
    expected = sum(line.quantity for line in document.lines)
    return f"{kind} · {shown.of(done, expected)}"
