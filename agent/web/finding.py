"""Looking for one item by its tags: page, stream and API."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from agent.catalogue.errors import CatalogueError
from agent.web import ask, shown, tags_shown
from agent.web import stream as streams
from agent.web.answers import answer
from agent.web.endpoint import refusal
from agent.web.lane import Busy
from agent.web.pages import render
from agent.web.room import Room, room_of
from agent.web.texts import Language, text
from contract.catalog import Item
from contract.ids import is_name

TICK_S = 0.4  # a person who walks wants to be told at least twice a second


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for, as asked. `item` None: it is an EPC."""

    asked: str
    item: Item | None

    @property
    def named(self) -> bool:
        """Whether a tag can name it."""
        return self.item is None or bool(self.item.gtins)


async def _wanted(room: Room, asked: str) -> Wanted | None:
    """None for what is neither an SKU of the catalogue nor an EPC. Raises `Busy`."""
    try:
        item = await room.lane.call(room.view.item, asked) if is_name(asked) else None
    except CatalogueError as error:
        raise Busy(str(error)) from error
    return Wanted(asked, item) if item is not None or ask.is_epc(asked) else None


def _told(room: Room, wanted: Wanted, language: Language) -> dict[str, Any]:
    found = room.find(wanted.asked)
    return tags_shown.finding(found, language, readers=room.readers_up(), named=wanted.named)


async def page(request: Request) -> Response:
    """`/find?q=`: an SKU or EPC. Without `q` the field to type it in; 404 for what nobody knows."""
    room, language, asked = room_of(request), ask.language(request), ask.wanted(request)
    wanted = await _wanted(room, asked) if asked is not None else None
    content: dict[str, Any] = {"asked": asked or "", "wanted": wanted, "title": text("find_title", language)}
    content["blank"] = tags_shown.NOTHING
    if wanted is not None:
        content |= _told(room, wanted, language)
        content["title"] = shown.item_name(wanted.item, language) if wanted.item is not None else wanted.asked
    unknown = asked is not None and wanted is None
    return render(request, "find.html", language, content, status=404 if unknown else 200)


async def stream(request: Request) -> Response:
    """`/events/find?q=`: `find` with the page's texts, every `TICK_S`, changed or not: silence means that it is lost.

    Without `q` it is the stream of a station that is called so.
    """
    if "q" not in request.query_params:
        request.path_params["name"] = "find"
        return await streams.station(request)
    room, language = room_of(request), ask.language(request)
    wanted = await _asked(room, request)
    if wanted is None:
        return _unknown(request, language)

    def first() -> list[bytes]:
        try:
            return [streams.event("find", _told(room, wanted, language))]
        except Busy:
            return []  # the page shows what it has; the next tick asks again

    async def changes(_entries: object) -> list[bytes]:
        return first()

    return streams.Stream(room, room.looking, first, changes, tick_s=TICK_S)


async def api(request: Request) -> Response:
    """`?q=`: the tags lately read, the nearest first, at most 20. `sku` is null for an EPC."""
    room = room_of(request)
    wanted = await _asked(room, request)
    if wanted is None:
        return _unknown(request, ask.language(request))
    item = wanted.item
    return answer(
        {
            "q": wanted.asked,
            "sku": item.sku if item is not None else None,
            "name": {"ko": item.name.ko, "en": item.name.en} if item is not None else None,
            "named_by_tags": wanted.named,
            "readers_up": room.readers_up(),
            "tags": [{**asdict(one), "state": tags_shown.nearness_state(one)} for one in room.find(wanted.asked)],
        }
    )


async def _asked(room: Room, request: Request) -> Wanted | None:
    asked = ask.wanted(request)
    if asked is None:
        raise ask.BadParameter("q", "", "expected_wanted")
    return await _wanted(room, asked)


def _unknown(request: Request, language: Language) -> Response:
    message = text("find_unknown", language, wanted=ask.wanted(request))
    return refusal(404, "unknown_sku", f"{message}. {text('find_unknown_hint', language)}", "q")
