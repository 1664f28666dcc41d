"""`/login` and `/logout`: badge and PIN, as forms that need no script."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from agent.web import ask
from agent.web.access import Denied
from agent.web.pages import render
from agent.web.room import room_of
from agent.web.texts import text

FORM_BYTES_MAX = 4096
FIELDS_MAX = 8
# A path of ours: two slashes at its beginning would be another host.
NEXT = re.compile(r"/(?:[A-Za-z0-9._~-][A-Za-z0-9._~/-]{0,200})?")


async def page(request: Request) -> Response:
    return _form(request, _next(request.query_params.get("next", "")))


async def log_in(request: Request) -> Response:
    access, fields = room_of(request).view.access, await _fields(request)
    onward = _next(fields.get("next", ""))
    try:
        clerk = await access.check(request, fields.get("badge", ""), fields.get("pin", ""))
    except Denied as error:
        return _form(request, onward, error)
    response = RedirectResponse(onward, 303)
    await access.log_in(clerk, response, request)
    return response


async def log_out(request: Request) -> Response:
    response = RedirectResponse("/", 303)
    await room_of(request).view.access.log_out(response, request)
    return response


def _form(request: Request, onward: str, denied: Denied | None = None) -> Response:
    language = ask.language(request)
    content = {"next": onward, "refused": ""}
    if denied is None:
        return render(request, "login.html", language, content)
    content["refused"] = text(f"denied_{denied.word}", language, n=denied.wait_s)
    headers = {"retry-after": str(denied.wait_s)} if denied.wait_s else None
    return render(request, "login.html", language, content, status=denied.status, headers=headers)


def _next(path: str) -> str:
    return path if NEXT.fullmatch(path) else "/"


async def _fields(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(415, "expected a form")
    held = bytearray()
    async for part in request.stream():
        held += part
        if len(held) > FORM_BYTES_MAX:
            raise HTTPException(413)
    try:
        found = parse_qs(held.decode(errors="replace"), max_num_fields=FIELDS_MAX)
    except ValueError as error:
        raise HTTPException(400, f"expected at most {FIELDS_MAX} fields") from error
    return {name: values[0] for name, values in found.items()}
