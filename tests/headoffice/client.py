"""Somebody on this machine, who asks the desk's API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx

from headoffice.clock import Clock
from headoffice.view.figures import Figures
from headoffice.web.access import Gate
from headoffice.web.app import build
from headoffice.web.hub import Hub
from headoffice.web.room import Pool, Room

HEADERS = {"X-Jaego-Desk": "1", "Origin": "http://127.0.0.1:8480"}


class Client:
    def __init__(self, target: str, clock: Clock) -> None:
        self._pools = Pool(target, read_only=True), Pool(target, read_only=False)
        room = Room(*self._pools, clock, Figures(clock.wall_us), Hub())
        self._app = build(room, Gate(open=True))

    def close(self) -> None:
        for pool in self._pools:
            pool.close()

    def __getattr__(self, method: str) -> Callable[..., httpx.Response]:
        def ask(path: str, **more: Any) -> httpx.Response:
            return asyncio.run(self._ask(method, path, **more))

        return ask

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self._app, client=("127.0.0.1", 50_000))  # type: ignore[arg-type]
        headers = HEADERS | more.pop("headers", {})
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8480", headers=headers) as client:
            return await client.request(method.upper(), path, **more)


def body(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None
