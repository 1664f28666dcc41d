"""A code from a screen: what a scanner does, over HTTP. Answered once it is durable."""

from __future__ import annotations

import re
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent.web.answers import answer
from agent.web.ask import BadParameter
from agent.web.lane import Busy
from agent.web.presses import NOT_WRITTEN
from agent.web.room import room_of
from identity.control import ControlError, encode

BODY_BYTES_MAX = 4096
PRESS = re.compile("[A-Za-z0-9-]{8,64}")


async def scan(request: Request) -> Response:
    """`POST /api/v1/stations/{name}/scan` with `{"code"}`, or `{"verb", "argument"}` for a control code without its
    check character. Answers `answer` (good, look, stop), `text` and `seq`, the event's place in the log.

    Headers: `X-Jaego-Press`, an id of 8 to 64 letters, digits and hyphens; `X-Jaego-Resent: 1` when it was sent before.
    """
    room, name = room_of(request), request.path_params["name"]
    if name not in room.stations:
        raise HTTPException(404)
    press = request.headers.get("x-jaego-press", "")
    if not PRESS.fullmatch(press):
        raise BadParameter("X-Jaego-Press", press, "expected_press")
    resent = request.headers.get("x-jaego-resent") == "1"
    code = await _code(request)
    try:
        entry = await room.presses.once(
            name, press, lambda hear: room.view.scan(name, code, hear, resent=resent, press=press)
        )
    except TimeoutError as error:
        raise Busy("the ledger does not answer") from error
    status = 503 if entry.said == NOT_WRITTEN else 200
    return answer({"answer": entry.answer.value, "text": entry.text, "seq": entry.seq}, status=status)


async def _code(request: Request) -> bytes:
    held = b""
    async for part in request.stream():
        held += part
        if len(held) > BODY_BYTES_MAX:
            raise HTTPException(413)
    try:
        body: Any = orjson.loads(held)
    except orjson.JSONDecodeError as error:
        raise BadParameter("body", held.decode(errors="replace"), "expected_json") from error
    match body:
        case {"code": str(code)} if code:
            return code.encode(errors="replace")
        case {"verb": str(verb), "argument": str() | None as argument}:
            try:
                return encode(verb, argument).encode()
            except ControlError as error:
                raise BadParameter("verb", f"{verb} {argument}", "expected_control") from error
        case _:
            raise BadParameter("body", held.decode(errors="replace"), "expected_code")
