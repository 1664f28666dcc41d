"""What each endpoint asks for: nobody, a screen without a login, and a token that may only read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from agent.people import People
from agent.web.access import Access
from agent.web.api import ENDPOINTS
from agent.web.app import build
from agent.web.endpoint import API, Endpoint
from tests.agent.clocks import FakeClock
from tests.agent.web.store import Store

READING = [one for one in ENDPOINTS if one.method == "GET"]
WRITING = [one for one in ENDPOINTS if one.method == "POST"]
# A screen without a login may scan and practise; a supervisor's badge and PIN stand in the other two.
AT_A_SCREEN = {"/stations/{name}/scan", "/approve", "/counts/{count}/approve"}
AT_A_SCREEN |= {"/stations/{name}/practice", "/practice/{practice}"}


def address(one: Endpoint) -> str:
    path = one.path.replace("{seq}", "7")
    for name in one.parameters:
        path = path.replace(f"{{{name}}}", "X")
    return API + path


def asked(folder: Path, talk: Callable[[httpx.AsyncClient, People], Awaitable[None]], address: str) -> None:
    async def run() -> None:
        clock, store = FakeClock(), Store()
        people = People(folder, clock)
        store.access = Access(people, clock, open_screens=True, tls=False)
        app = build(store.view())
        transport = httpx.ASGITransport(app, client=(address, 50_000))
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8470") as client:
                await talk(client, people)
        finally:
            await app.state.room.close()
            people.close()

    asyncio.run(run())


def test_nobody_reaches_an_endpoint_but_health_from_this_pc(tmp_path: Path):
    async def talk(client: httpx.AsyncClient, _people: People) -> None:
        for one in ENDPOINTS:
            answer = await client.request(one.method, address(one), headers={"sec-fetch-site": "same-origin"})
            assert answer.status_code == (200 if one.path == "/health" else 401), one.path

    asked(tmp_path, talk, "127.0.0.1")


def test_a_token_that_reads_writes_nothing(tmp_path: Path):
    async def talk(client: httpx.AsyncClient, people: People) -> None:
        client.headers["authorization"] = f"Bearer {people.add_client('reader', frozenset({'read'}))}"
        for one in WRITING:
            answer = await client.post(address(one), json={})
            assert (answer.status_code, answer.json()["error"]) == (403, "not_allowed"), one.path

    asked(tmp_path, talk, "192.0.2.7")


def test_a_screen_without_a_login_writes_only_what_a_station_does():
    assert {one.path for one in WRITING if one.need.kiosk} == AT_A_SCREEN
    assert not any(one.need.kiosk for one in ENDPOINTS if one.path == "/settings")


@pytest.mark.parametrize("one", WRITING, ids=lambda one: one.path)
def test_what_is_written_has_a_scope_of_its_own(one):
    assert one.scope != "read"
    assert one.body is not None
