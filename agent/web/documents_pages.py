"""Documents: the list, and one with what was expected and what was done."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent.web import api_documents, ask, shown
from agent.web.office_pages import look, names, place, word
from agent.web.pages import render
from agent.web.room import room_of
from agent.web.texts import Language, text
from contract.ids import is_name

ROWS = 100
UNITS = ("expected", "done", "over", "short", "damaged")


async def listed(request: Request) -> Response:
    """`/documents`: open ones in the order of their names, in pages behind `?after=`."""
    room, language, after = room_of(request), ask.language(request), ask.name(request, "after") or ""
    found, more = await look(room, lambda state: api_documents.open_documents(state, None, after, ROWS))
    content = {
        "documents": [_card(one, language) for one in found],
        "next": f"?after={found[-1]['document']}" if more else "",
    }
    return render(request, "documents.html", language, content)


def _card(one: dict[str, Any], language: Language) -> dict[str, Any]:
    ways = [place(name, language) for name in (one["from"], one["to"]) if name]
    return {
        "document": one["document"],
        "kind": word("paper", one["kind"], language),
        "is_count": one["kind"] == "count_request",
        "way": " → ".join(ways) or ", ".join(one["zones"]),
        "due": str(one["due_at"] or "")[5:16].replace("T", " "),
        "order": one["order"] or "",
        "percent": 100 * one["lines_done"] // one["lines"] if one["lines"] else 0,
        "lines": text("lines_done", language, done=shown.number(one["lines_done"]), n=shown.number(one["lines"])),
    }


async def told(request: Request) -> Response:
    room, language, name = room_of(request), ask.language(request), request.path_params["name"]
    found = await look(room, lambda state: api_documents.detail(state, name)) if is_name(name) else None
    if found is None:
        raise HTTPException(404)
    lines: list[dict[str, Any]] = found["standing"]
    known = await names(room, (one["sku"] for one in lines), language)
    content = {
        "one": _card(found, language),
        "lines": [
            {
                **{key: shown.number(one[key]) if one[key] else "" for key in UNITS},
                **{key: one[key] for key in ("line", "sku", "lot")},
                "name": known.get(one["sku"], text("not_in_catalogue", language)),
                "state": "over" if one["over"] else "short" if one["short"] else "right",
            }
            for one in lines
        ],
        "sums": [
            {"label": text(key, language), "n": shown.number(sum(one[key] > 0 for one in lines))}
            for key in ("over", "short", "damaged")
        ],
    }
    return render(request, "document.html", language, content)
