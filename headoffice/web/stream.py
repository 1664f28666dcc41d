"""Server-sent events (HTML Living Standard, 9.2) of one listener."""

from __future__ import annotations

import asyncio

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from headoffice.web.errors import refusal
from headoffice.web.hub import Hub, Listener, Wanted

BEAT_S = 10.0
SEND_S_MAX = 30.0
BEAT = b": alive\nevent: beat\ndata: {}\n\n"
BEGIN = b"retry: 2000\n\n"


class Stream(Response):
    """Until the listener goes, or the desk closes. What is not taken within `SEND_S_MAX` ends it."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, wanted: Wanted) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._hub = hub
        self._wanted = wanted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with self._hub.listening(self._wanted) as listener:
                await self._serve(listener, receive, send)
        except OverflowError:
            await refusal(503, "too_many", "too many are listening: try again later")(scope, receive, send)

    async def _serve(self, listener: Listener, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        gone = asyncio.create_task(_gone(receive))
        try:
            await self._send(send, BEGIN)
            while not gone.done() and not self._hub.closed:
                news = asyncio.create_task(listener.news.wait())
                await asyncio.wait({gone, news}, timeout=BEAT_S, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                if not gone.done() and not self._hub.closed:
                    await self._send(send, listener.take() or BEAT)
            if not gone.done():
                await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            return  # it does not read: the server closes what is not ended
        finally:
            gone.cancel()

    async def _send(self, send: Send, body: bytes) -> None:
        await asyncio.wait_for(send({"type": "http.response.body", "body": body, "more_body": True}), SEND_S_MAX)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
