"""Server-sent events (HTML Living Standard, 9.2): first everything as it is, then every change.

A stream begins with a snapshot taken in the same step as the subscription, so nothing falls between; a browser that
reconnects simply draws anew. `beat` tells the script that the connection lives, the comment beside it any proxy.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractContextManager, ExitStack, aclosing
from functools import partial
from typing import Any, Literal

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agent.capture.stations import Entry
from agent.operations.values import Station
from agent.web import ask, shown, tags_shown
from agent.web.lane import Busy
from agent.web.room import Room, room_of
from agent.web.shown import Shown
from agent.web.texts import Language, text
from agent.web.texts_station import STATION

TICK_S = 1.0
BEAT_TICKS = 10
SEND_S_MAX = 30.0
RETRY_MS = 2000
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}

BEAT = b": alive\nevent: beat\ndata: 1\n\n"

Listen = Callable[[], AbstractContextManager[asyncio.Queue[Entry]]]
Changes = Callable[[list[Entry]], Awaitable[list[bytes]]]


def event(name: str, data: Any) -> bytes:
    """orjson writes no line ends, so the data is one line."""
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


class Stream(Response):
    """`changes` gives what to send for the entries of one moment, none on a tick of the clock.

    `listen` raises OverflowError when too many listen. `tick_s` None: `TICK_S`.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        room: Room,
        listen: Listen,
        first: Callable[[], list[bytes]],
        changes: Changes,
        *,
        tick_s: float | None = None,
    ) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._room = room
        self._listen = listen
        self._first = first
        self._changes = changes
        self._tick_s = TICK_S if tick_s is None else tick_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises `Busy` before the first byte when too many listen."""
        with ExitStack() as stack:
            try:
                queue = stack.enter_context(self._listen())
            except OverflowError as error:
                raise Busy(str(error)) from error
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            if scope["method"] != "HEAD":
                await self._run(receive, send, queue)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _run(self, receive: Receive, send: Send, queue: asyncio.Queue[Entry]) -> None:
        """Until the browser goes, takes nothing any more, or the agent stops."""
        over: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._room.closing.wait()),
            asyncio.create_task(_gone(receive)),
        ]
        ticks = 0
        try:
            await _chunk(send, b"".join([f"retry: {RETRY_MS}\n\n".encode(), *self._first()]))
            async with aclosing(_moments(queue, over, self._tick_s)) as moments:
                async for entries in moments:
                    ticks += not entries
                    beat = [BEAT] if not entries and ticks % BEAT_TICKS == 0 else []
                    await _chunk(send, b"".join(await self._changes(entries) + beat))
        except TimeoutError:
            return  # given up: the connection is closed with the answer's end
        finally:
            for task in over:
                task.cancel()
            await asyncio.gather(*over, return_exceptions=True)


async def _moments(
    queue: asyncio.Queue[Entry], over: list[asyncio.Task[Any]], tick_s: float
) -> AsyncGenerator[list[Entry]]:
    """Entries as they come, several at once when they come faster than they are sent; an empty list every tick."""
    loop = asyncio.get_running_loop()
    next_s = loop.time() + tick_s
    coming = asyncio.create_task(queue.get())
    try:
        while True:
            wait_s = max(0.0, next_s - loop.time())
            await asyncio.wait({coming, *over}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            if any(task.done() for task in over):
                return
            if coming.done():
                entries = [coming.result()]
                while not queue.empty():
                    entries.append(queue.get_nowait())
                coming = asyncio.create_task(queue.get())
                yield entries
            if loop.time() >= next_s:
                next_s = loop.time() + tick_s
                yield []
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


async def _chunk(send: Send, body: bytes) -> None:
    """Raises TimeoutError when the browser takes nothing for `SEND_S_MAX`."""
    if body:
        async with asyncio.timeout(SEND_S_MAX):
            await send({"type": "http.response.body", "body": body, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def overview(request: Request) -> Response:
    """`/events`: `overview` with the start page's texts, at first and when they change; `station` with each scan."""
    room, language = room_of(request), ask.language(request)
    zone = room.view.time_zone
    sent: dict[str, Any] = {}

    def told(place: Station, last: Entry) -> Shown:
        return shown.station_card(shown.begun(last, place), last, language, zone, room.clerk(last.session))

    async def changes(entries: list[Entry]) -> list[bytes]:
        nonlocal sent
        if entries:
            newest = {one.station: one for one in entries}
            return [
                event("station", told(room.stations[name], one))
                for name, one in newest.items()
                if name in room.stations
            ]
        try:
            held = await room.overview(language)
        except Busy:
            return []  # the page shows what it has; the next tick asks again
        if held == sent:
            return []
        sent = held
        return [event("overview", held)]

    return Stream(room, room.view.feed.listen, list, changes)


async def station(request: Request) -> Response:
    """`/events/{station}`: `snapshot` with the running list oldest first, then `entry` with each scan.

    All in the session's language; `words` comes before an entry that changes it. `count` comes on the first tick and
    on each on which the count by RFID has changed; null while there is none.
    """
    room, name = room_of(request), request.path_params["name"]
    place = room.stations.get(name)
    if place is None:
        raise HTTPException(404)
    ask.chosen_language(request)  # a malformed one is told, as everywhere
    session = await room.session(name)
    spoken: Language = session.language

    def told(one: Entry) -> dict[str, Any]:
        return shown.entry(one, place, one.language, room.view.time_zone, room.clerk(one.session))

    def first() -> list[bytes]:
        entries = [told(one) for one in room.view.feed.recent(name)]
        doing = entries[-1] if entries else shown.doing(session, spoken, room.clerk(session))
        return [event("snapshot", {"entries": entries, "doing": doing, **words(spoken)})]

    async def changes(entries: list[Entry]) -> list[bytes]:
        nonlocal spoken
        out: list[bytes] = []
        for one in entries:
            if one.language != spoken:
                spoken = one.language
                out.append(event("words", words(spoken)))
            out.append(event("entry", told(one)))
        return out if entries else count.news(spoken)

    count = _Count(room, name)
    return Stream(room, partial(room.view.feed.listen, name), first, changes)


class _Count:
    """What one screen was told of a station's count."""

    def __init__(self, room: Room, station: str) -> None:
        self._room = room
        self._station = station
        self._told: Shown | Literal["nothing"] | None = "nothing"

    def news(self, language: Language) -> list[bytes]:
        count, told = self._room.counting(self._station), None
        if count is not None:
            told = tags_shown.count_panel(count, self._room.expected.held(count.zone), language)
        if told == self._told:
            return []
        self._told = told
        return [event("count", told)]


def words(language: Language) -> dict[str, Any]:
    """The fixed words of a station's page; `{n}` stays for the script to fill."""
    return {
        "language": language,
        "texts": {key: text(key, language) for key in (*STATION, "nav_overview", "nav_training", "other_language")},
    }
