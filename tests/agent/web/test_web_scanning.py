"""Codes from a screen: what they are answered, each press once, bad input."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from agent.web import presses
from agent.web.app import build
from tests.agent.web.store import Store

PATH = "/api/v1/stations/dock-1/scan"


def scanning(body: Callable[[httpx.AsyncClient, Store], Awaitable[None]], **store: Any) -> None:
    async def run() -> None:
        held = Store(**store)
        app = build(held.view())
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8470") as client:
            await body(client, held)
        await app.state.room.close()

    asyncio.run(run())


def press(client: httpx.AsyncClient, number: int, body: Any = None, **more: str) -> Awaitable[httpx.Response]:
    headers = {"x-jaego-press": f"press-{number:04d}", **more}
    return client.post(PATH, json=body or {"code": "8801043014830"}, headers=headers)


def test_a_code_is_answered_as_a_scan_is():
    async def body(client: httpx.AsyncClient, store: Store) -> None:
        told = await press(client, 1)
        assert (told.status_code, told.json()) == (200, {"answer": "good", "text": "8801043014830", "seq": 202})
        assert store.scanned == [("dock-1", "8801043014830", False)]
        assert (await press(client, 2, **{"x-jaego-resent": "1"})).status_code == 200
        assert store.scanned[-1][2]

    scanning(body)


def test_a_verb_becomes_the_code_of_the_sheet():
    async def body(client: httpx.AsyncClient, store: Store) -> None:
        await press(client, 1, {"verb": "X", "argument": "12"})
        await press(client, 2, {"verb": "UNDO", "argument": None})
        assert [code for _, code, _ in store.scanned] == ["STK-X12-O", "STK-UNDO-3"]

    scanning(body)


def test_a_press_happens_once_however_often_it_comes():
    async def body(client: httpx.AsyncClient, store: Store) -> None:
        first, second = await asyncio.gather(press(client, 1), press(client, 1))
        third = await press(client, 1)
        assert first.json() == second.json() == third.json()
        assert len(store.scanned) == 1
        await press(client, 2)
        assert len(store.scanned) == 2

    scanning(body)


def test_a_repeat_waits_for_the_first_answer_and_survives_whoever_hangs_up():
    async def body(client: httpx.AsyncClient, store: Store) -> None:
        store.held = []
        first = asyncio.ensure_future(press(client, 1))
        while not store.held:  # noqa: ASYNC110  the request is in the app
            await asyncio.sleep(0)
        second = asyncio.ensure_future(press(client, 1))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        store.held[0]()
        assert (await second).json()["answer"] == "good"
        assert len(store.scanned) == 1

    scanning(body)


def test_a_ledger_that_does_not_answer_holds_nobody_for_good(monkeypatch):
    monkeypatch.setattr(presses, "ANSWER_S_MAX", 0.01)

    async def body(client: httpx.AsyncClient, store: Store) -> None:
        store.held = []
        assert (await press(client, 1)).status_code == 503
        store.held[0]()
        assert (await press(client, 1)).status_code == 200
        assert len(store.scanned) == 1

    scanning(body)


def test_what_was_not_recorded_may_be_pressed_again():
    async def body(client: httpx.AsyncClient, store: Store) -> None:
        assert (await press(client, 1)).status_code == 503
        assert (await press(client, 1)).status_code == 200
        assert len(store.scanned) == 2

    scanning(body, refusing=1)


def test_old_presses_are_forgotten(monkeypatch):
    monkeypatch.setattr(presses, "PRESSES_KEPT", 2)

    async def body(client: httpx.AsyncClient, store: Store) -> None:
        for number in (1, 2, 3, 3, 2, 1):
            await press(client, number)
        assert len(store.scanned) == 4

    scanning(body)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'{"code": ""}', 400),
        (b'{"code": 1}', 400),
        (b'{"verb": "X", "argument": "0"}', 400),
        (b'{"verb": "NOTHING", "argument": null}', 400),
        (b'{"code": "' + b"1" * 5000 + b'"}', 413),
    ],
)
def test_bad_bodies_are_refused_with_a_hint(content, status):
    async def body(client: httpx.AsyncClient, store: Store) -> None:
        told = await client.post(PATH, content=content, headers={"x-jaego-press": "press-0001"})
        assert told.status_code == status
        assert "hint" in told.text
        assert store.scanned == []

    scanning(body)


def test_a_press_without_an_id_and_an_unknown_station_are_refused():
    async def body(client: httpx.AsyncClient, store: Store) -> None:
        assert (await client.post(PATH, json={"code": "1"})).status_code == 400
        headers = {"x-jaego-press": "press-0001"}
        gone = await client.post("/api/v1/stations/none/scan", json={"code": "1"}, headers=headers)
        assert gone.status_code == 404
        assert (await client.get(PATH)).status_code == 405
        assert store.scanned == []

    scanning(body)
