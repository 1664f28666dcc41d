"""Pages to print: the control codes as the sheet has them, and the sheet as PDF."""

from __future__ import annotations

from importlib.util import find_spec
from typing import get_args

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent.printing import pdf
from agent.printing.code128 import QUIET_MODULES, modules, widths
from agent.printing.layout import Size
from agent.printing.sheet import PARTS, Part, Sheet, sheet
from agent.web import ask
from agent.web.ask import BadParameter
from agent.web.pages import render
from agent.web.room import Room, room_of

BADGES: Part = "badges"  # a badge is shown once, to whoever makes it: never here
SIZES: tuple[Size, ...] = get_args(Size) if find_spec("reportlab") else ()  # without it, the page alone


async def page(request: Request) -> Response:
    """`?part=` shows one group."""
    language, parts = ask.language(request), _parts(request)
    found = await _sheet(room_of(request), parts)
    groups = [
        {
            "title": group.en if language == "en" else group.ko,
            "symbols": [
                {
                    "code": one.code,
                    "said": one.en if language == "en" else one.ko,
                    "width": modules(one.code),
                    "bars": bars(one.code),
                }
                for one in group.symbols
            ],
        }
        for group in found.groups
    ]
    content = {"groups": groups, "parts": [one for one in PARTS if one != BADGES], "part": parts[0] if parts else ""}
    return render(request, "print.html", language, content | {"left_out": found.left_out, "sizes": SIZES})


async def document(request: Request) -> Response:
    """`/print/{size}.pdf`, in both languages."""
    size: Size | None = next((one for one in SIZES if one == request.path_params["size"]), None)
    if size is None:
        raise HTTPException(404)
    found = await _sheet(room_of(request), _parts(request))
    printed = await room_of(request).lane.call(lambda: pdf.draw(found, size))
    name = f'inline; filename="control-codes-{size}.pdf"'
    return Response(printed.body, media_type="application/pdf", headers={"content-disposition": name})


def bars(code: str) -> list[tuple[int, int]]:
    """Where each bar begins, in modules from the left of the quiet zone, and how wide it is."""
    found: list[tuple[int, int]] = []
    at = QUIET_MODULES
    for place, width in enumerate(widths(code)):
        if place % 2 == 0:
            found.append((at, width))
        at += width
    return found


def _parts(request: Request) -> list[Part]:
    wanted = request.query_params.get("part", "")
    found: list[Part] = [one for one in PARTS if one == wanted and one != BADGES]
    if wanted and not found:
        raise BadParameter("part", wanted, "expected_part")
    return found


async def _sheet(room: Room, parts: list[Part]) -> Sheet:
    documents = await room.lane.call(room.view.back.look, lambda state: list(state.documents()))
    return sheet(sorted(room.zones), room.view.back.rules.reasons, documents, parts)
