"""The pages: start, station, device, stock, exceptions. Read-only; each works without its script too, only not live."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from agent.web import ask, guiding, shown, tags_shown
from agent.web.access import principal_of
from agent.web.assets import address
from agent.web.room import Room, room_of
from agent.web.texts import Language, text
from contract.catalog import Item
from contract.stock import StockRow

if TYPE_CHECKING:
    import jinja2

TEMPLATES = Path(__file__).parent / "templates"
PAGE_ROWS = 100
ENTRIES_SHOWN = 50
COOKIE_S = 31_536_000


@cache
def _templates() -> jinja2.Environment:
    import jinja2  # noqa: PLC0415  memory: an agent whose screens nobody opens does not load it

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(
    request: Request,
    template: str,
    language: Language,
    content: dict[str, Any],
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Response:
    room, chosen = room_of(request), request.query_params.get("lang")
    other: Language = "en" if language == "ko" else "ko"
    html = (
        _templates()
        .get_template(template)
        .render(
            content,
            language=language,
            other=other,
            other_address=f"{request.url.path}?{request.url.include_query_params(lang=other).query}",
            path=request.url.path,
            static=address,
            store=room.view.store,
            version=room.view.version,
            t=partial(_text, language),
            who=principal_of(request),
        )
    )
    response = HTMLResponse(html, status, headers)
    if chosen == language and status == 200:
        response.set_cookie(ask.COOKIE, language, max_age=COOKIE_S, httponly=True, samesite="strict")
    return response


def _text(language: Language, key: str, **facts: object) -> str:
    return text(key, language, **facts)


async def overview(request: Request) -> Response:
    language = ask.language(request)
    return render(request, "overview.html", language, await room_of(request).overview(language))


async def station(request: Request) -> Response:
    """In the language of the session: it is the clerk's screen, whoever chose what elsewhere."""
    room, name = room_of(request), request.path_params["name"]
    ask.chosen_language(request)
    place = room.stations.get(name)
    if place is None:
        raise HTTPException(404)
    entries, session = room.view.feed.recent(name), await room.session(name)
    language: Language = session.language
    rows = [shown.entry(one, place, language, room.view.time_zone) for one in reversed(entries[-ENTRIES_SHOWN:])]
    count = room.counting(name)
    panel = None
    if count is not None:
        panel = tags_shown.count_panel(count, await room.expected.fresh(count.zone), language)
    content = {
        "station": name,
        "rows": rows,
        "count": panel,
        "doing": shown.doing(session, language, room.clerk(session)),
    }
    content |= {"modes": guiding.modes(language), "zones": guiding.zones(place), "keys": guiding.KEYS}
    content["reasons"] = guiding.reasons(room.view.back.rules, language)
    return render(request, "station.html", language, content)


async def device(request: Request) -> Response:
    room, language = room_of(request), ask.language(request)
    found = room.device(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    return render(request, "device.html", language, {"one": shown.device_card(found, language, room.view.time_zone)})


async def stock(request: Request) -> Response:
    room, language = room_of(request), ask.language(request)
    sku, zone, page = ask.name(request, "sku"), ask.name(request, "zone"), ask.page_number(request)
    total, rows = await stock_page(room, sku, zone, page)
    pages = max(1, -(-total // PAGE_ROWS))
    zones = {one for place in room.stations.values() for one in place.zones} | {one for one in (zone,) if one}
    content = {
        "rows": [shown.stock_row(row, item, language) for row, item in rows],
        "total": shown.number(total),
        "first": shown.number((page - 1) * PAGE_ROWS + 1),
        "last": shown.number((page - 1) * PAGE_ROWS + len(rows)),
        "sku": sku or "",
        "zone": zone or "",
        "zones": sorted(zones),
        "previous": _page_address(request, page - 1) if 1 < page <= pages else "",
        "next": _page_address(request, page + 1) if page < pages else "",
    }
    return render(request, "stock.html", language, content)


def _page_address(request: Request, page: int) -> str:
    return f"{request.url.path}?{request.url.include_query_params(page=page).remove_query_params('lang').query}"


async def stock_page(
    room: Room, sku: str | None, zone: str | None, page: int
) -> tuple[int, list[tuple[StockRow, Item | None]]]:
    """How many rows match, and one page of them with their items. Rows of quantity 0 are no stock."""

    def read() -> tuple[int, list[tuple[StockRow, Item | None]]]:
        held = [row for row in room.view.stock(sku, zone) if row.quantity != 0]
        start = (page - 1) * PAGE_ROWS
        shown_rows = held[start : start + PAGE_ROWS]
        items = {name: room.view.item(name) for name in {row.sku for row in shown_rows}}
        return len(held), [(row, items[row.sku]) for row in shown_rows]

    return await room.lane.call(read)
