"""The real server on a free port: streams, limits, and an end that no browser holds up."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest

from agent.capture import feed as feeds
from agent.web import server as servers
from agent.web import stream as streams
from agent.web.app import build
from agent.web.server import WebServer, WebUnavailable
from agent.web.view import Sync
from drivers.reads import Answer
from tests.agent.web.store import Store, busy_day, entry

LIMIT_S = 10.0


def serving(body: Callable[[Store, httpx.AsyncClient, WebServer], Awaitable[None]], store: Store | None = None) -> None:
    """Runs `body` against a server, and lets nothing take longer than `LIMIT_S`."""

    async def run() -> None:
        held = store or Store()
        server = WebServer(build(held.view()), "127.0.0.1", 0)
        async with asyncio.timeout(LIMIT_S):
            host, port = await server.start()
            async with httpx.AsyncClient(base_url=f"http://{host}:{port}") as client:
                try:
                    await body(held, client, server)
                finally:
                    await server.stop()

    asyncio.run(run())


@asynccontextmanager
async def events(client: httpx.AsyncClient, path: str) -> AsyncGenerator[AsyncGenerator[tuple[str, Any]]]:
    async with client.stream("GET", path) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"

        async def told() -> AsyncGenerator[tuple[str, Any]]:
            name = ""
            async for line in _lines(answer):  # httpx would also split at U+2028, a browser does not
                key, _, value = line.partition(": ")
                if key == "event":
                    name = value
                elif key == "data":
                    yield name, json.loads(value)
                elif line.startswith(":"):
                    yield "comment", value

        source = told()
        try:
            yield source
        finally:
            await source.aclose()


async def _lines(answer: httpx.Response) -> AsyncGenerator[str]:
    held = b""
    async for data in answer.aiter_bytes():
        *lines, held = (held + data).split(b"\n")
        for line in lines:
            yield line.decode()


def test_a_station_is_told_everything_and_then_each_scan():
    async def body(store: Store, client: httpx.AsyncClient, _server: WebServer) -> None:
        async with events(client, "/events/dock-1") as told:
            name, snapshot = await anext(told)
            assert name == "snapshot"
            assert [one["answer"] for one in snapshot["entries"]][:3] == ["good", "good", "stop"]
            assert snapshot["language"] == "ko"
            store.feed.publish(entry(90, Answer.LOOK, "확인: 0 미만"))
            store.feed.publish(entry(91, Answer.GOOD, "elsewhere", "backroom"))
            store.feed.publish(entry(92, Answer.GOOD, "Receiving", language="en"))
            name, look = await anext(told)
            assert (name, look["answer"], look["text"], look["mode"]) == ("entry", "look", "0 미만", "입고")
            name, words = await anext(told)
            assert (name, words["language"], words["texts"]["latest"]) == ("words", "en", "Latest scans")
            name, english = await anext(told)
            assert (name, english["text"], english["mode"]) == ("entry", "Receiving", "Receiving")

    serving(body, busy_day())


def test_the_overview_is_told_what_changes(monkeypatch):
    monkeypatch.setattr(streams, "TICK_S", 0.02)
    monkeypatch.setattr("agent.web.room.FACTS_FRESH_S", 0.0)

    async def body(store: Store, client: httpx.AsyncClient, _server: WebServer) -> None:
        async with events(client, "/events?lang=en") as told:
            name, first = await anext(told)
            assert (name, first["sync"]["text"]) == ("overview", "112 to send, oldest 4 min")
            store.feed.publish(entry(1, Answer.GOOD, "one"))
            async for name, card in told:  # a tick may come between
                if name == "station":
                    assert (card["name"], card["text"]) == ("dock-1", "one")
                    break
            store.sync = Sync(False, 1, 0, 0, "synced")
            async for name, all_of_it in told:
                if name == "overview" and all_of_it["sync"]["state"] == "offline":
                    break

    serving(body)


def test_a_silent_stream_beats(monkeypatch):
    monkeypatch.setattr(streams, "TICK_S", 0.01)

    async def body(_store: Store, client: httpx.AsyncClient, _server: WebServer) -> None:
        async with events(client, "/events/counter") as told:
            names = [name async for name, _ in _first(told, 6)]
            assert names == ["snapshot", "count", "comment", "beat", "comment", "beat"]

    serving(body)


async def _first(told: AsyncGenerator[tuple[str, Any]], count: int) -> AsyncGenerator[tuple[str, Any]]:
    for _ in range(count):
        yield await anext(told)


def test_a_thousand_scans_are_all_told_in_order():
    async def body(store: Store, client: httpx.AsyncClient, _server: WebServer) -> None:
        async with events(client, "/events/dock-1") as told:
            await anext(told)

            async def scan() -> None:
                for number in range(1000):
                    store.feed.publish(entry(number, Answer.GOOD, str(number)))
                    await asyncio.sleep(0)

            scanning = asyncio.create_task(scan())
            seen = [one["text"] async for _, one in _first(told, 1000)]
            await scanning
            assert seen == [str(number) for number in range(1000)]

    serving(body)


def test_a_hostile_text_stays_one_line():
    async def body(store: Store, client: httpx.AsyncClient, _server: WebServer) -> None:
        async with events(client, "/events/dock-1") as told:
            await anext(told)
            line = "a\n\nevent: overview\ndata: {}\r\n\u2028b"
            store.feed.publish(entry(1, Answer.GOOD, line))
            assert (await anext(told))[1]["text"] == line

    serving(body)


def test_listening_browsers_do_not_hold_up_the_end():
    async def body(store: Store, client: httpx.AsyncClient, server: WebServer) -> None:
        loop = asyncio.get_running_loop()
        async with events(client, "/events") as one, events(client, "/events/dock-1") as other:
            await anext(other)
            started_s = loop.time()
            await server.stop()
            assert loop.time() - started_s < 1.5
            assert [name async for name, _ in one if name == "station"] == []
            assert [name async for name, _ in other] == []
        assert not store.feed._listeners
        with pytest.raises(httpx.ConnectError):
            await client.get("/")

    serving(body)


def test_a_browser_that_goes_is_let_go():
    async def body(store: Store, client: httpx.AsyncClient, _server: WebServer) -> None:
        async with events(client, "/events/dock-1") as told:
            await anext(told)
            assert len(store.feed._listeners) == 1
        await _until(lambda: not store.feed._listeners)

    serving(body)


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110  bounded by the test's own limit
        await asyncio.sleep(0.01)


def test_one_listener_too_many_is_told_so(monkeypatch):
    monkeypatch.setattr(feeds, "LISTENERS_MAX", 1)

    async def body(_store: Store, client: httpx.AsyncClient, _server: WebServer) -> None:
        async with events(client, "/events/dock-1") as told:
            await anext(told)
            refused = await client.get("/events")
            assert refused.status_code == 503
            assert refused.json()["hint"]

    serving(body)


def test_connections_are_limited(monkeypatch):
    monkeypatch.setattr(servers, "CONNECTIONS_MAX", 3)

    async def body(_store: Store, client: httpx.AsyncClient, _server: WebServer) -> None:
        async with events(client, "/events/dock-1") as one, events(client, "/events") as _other:
            await anext(one)
            assert (await client.get("/")).status_code == 503

    serving(body)


async def raw(client: httpx.AsyncClient, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    writer.write(data)
    await writer.drain()
    return reader, writer


@pytest.mark.parametrize("data", [b"", b"GET / HTTP/1.1\r\nHost: lo"])
def test_a_head_that_never_ends_is_cut_off(monkeypatch, data):
    monkeypatch.setattr(servers, "HEAD_S_MAX", 0.2)

    async def body(_store: Store, client: httpx.AsyncClient, _server: WebServer) -> None:
        reader, writer = await raw(client, data)
        dripping = asyncio.create_task(_drip(writer))
        with suppress(ConnectionError):
            assert await reader.read() == b""
        dripping.cancel()
        writer.close()
        assert (await client.get("/")).status_code == 200

    serving(body)


async def _drip(writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while True:
            await asyncio.sleep(0.05)
            writer.write(b"c")
            await writer.drain()


def test_a_stream_outlives_the_limit_for_heads(monkeypatch):
    monkeypatch.setattr(servers, "HEAD_S_MAX", 0.05)
    monkeypatch.setattr(streams, "TICK_S", 0.02)

    async def body(_store: Store, client: httpx.AsyncClient, _server: WebServer) -> None:
        async with events(client, "/events/dock-1") as told:
            assert len([name async for name, _ in _first(told, 5)]) == 5

    serving(body)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 20_000,
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: localhost\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(data):
    async def body(_store: Store, client: httpx.AsyncClient, _server: WebServer) -> None:
        reader, writer = await raw(client, data)
        answer = await reader.readline()
        assert answer.split()[1] in {b"400", b"421", b"431"}
        writer.close()
        assert (await client.get("/")).status_code == 200

    serving(body)


def test_the_configured_name_is_ours_and_no_server_is_named():
    async def run() -> None:
        server = WebServer(build(Store().view()), "localhost", 0)
        host, port = await server.start()
        async with httpx.AsyncClient(base_url=f"http://localhost:{port}") as client:
            answer = await client.get("/api/v1/health")
            assert answer.status_code == 200
            assert "server" not in answer.headers
        assert host in {"127.0.0.1", "::1"}
        await server.stop()
        await server.stop()  # twice is once

    asyncio.run(run())


def test_signals_stay_the_agents():
    def held() -> list[Any]:
        return [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)]

    async def run() -> None:
        before = held()
        server = WebServer(build(Store().view()), "127.0.0.1", 0)
        await server.start()
        assert held() == before
        await server.stop()
        assert held() == before

    asyncio.run(run())


def test_a_taken_port_is_told_with_a_hint():
    async def run(port: int) -> None:
        server = WebServer(build(Store().view()), "127.0.0.1", port)
        with pytest.raises(WebUnavailable, match=f"127.0.0.1:{port}") as told:
            await server.start()
        assert "web.port" in told.value.hint
        await server.stop()

    with socket.create_server(("127.0.0.1", 0)) as taken:
        asyncio.run(run(taken.getsockname()[1]))


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_that_is_not_ours_is_told_with_a_hint(host):
    async def run() -> None:
        with pytest.raises(WebUnavailable, match=host) as told:
            await WebServer(build(Store().view()), host, 0).start()
        assert "web.host" in told.value.hint

    asyncio.run(run())
