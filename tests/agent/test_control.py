"""The agent's own door: one request a connection, mistakes told with a hint, nothing that is sent ends it."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from agent.control import CONNECTIONS_MAX, SOCKET, Arguments, Control, ControlError, Values, Verb, request
from drivers.errors import DeviceRefused


class Number(Arguments):
    number: int = Field(ge=0)


async def count(arguments: Number) -> Values:
    for value in range(arguments.number):
        yield value


async def refuse(_arguments: Number) -> Values:
    raise DeviceRefused("it says no", hint="ask nicely")
    yield


async def unknown(_arguments: Number) -> Values:
    raise KeyError("gate")
    yield


async def broken(_arguments: Number) -> Values:
    raise ZeroDivisionError("a bug")
    yield


def verbs(left: list[str]) -> dict[str, Verb]:
    async def wait(_arguments: Number) -> Values:
        try:
            yield "first"
            await asyncio.Event().wait()
        finally:
            left.append("left")

    calls = {"count": count, "refuse": refuse, "unknown": unknown, "broken": broken, "wait": wait}
    return {name: Verb(Number, call) for name, call in calls.items()}


def served(folder: Path, work: Callable[[], Any], left: list[str] | None = None) -> Any:
    """`work` in a thread of its own while the door is open."""

    async def body() -> Any:
        control = Control(folder, verbs([] if left is None else left))
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the bug below is reported there
        await control.start()
        try:
            async with asyncio.timeout(20):
                return await asyncio.to_thread(work)
        finally:
            await control.stop()

    return asyncio.run(body())


def said(folder: Path, line: bytes) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(folder / SOCKET))
        connection.sendall(line)
        return dict(json.loads(connection.makefile("rb").readline()))


def test_values_come_in_order_and_end(tmp_path: Path) -> None:
    assert served(tmp_path, lambda: list(request(tmp_path, "count", number=4))) == [0, 1, 2, 3]
    assert not (tmp_path / SOCKET).exists()


def test_only_the_agents_user_may_open_it(tmp_path: Path) -> None:
    mode = served(tmp_path, lambda: (tmp_path / SOCKET).stat().st_mode)
    assert stat.S_IMODE(mode) == 0o600


@pytest.mark.parametrize(
    ("verb", "code", "words"),
    [("refuse", "refused", "it says no"), ("unknown", "unknown", "gate"), ("broken", "bug", "ZeroDivisionError")],
)
def test_errors_carry_a_hint_and_a_code(tmp_path: Path, verb: str, code: str, words: str) -> None:
    def work() -> None:
        with pytest.raises(ControlError, match=words) as caught:
            list(request(tmp_path, verb, number=1))
        assert caught.value.hint
        assert caught.value.code == code
        assert list(request(tmp_path, "count", number=1)) == [0], "the door is still open"

    served(tmp_path, work)


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"no json\n",
        b"[]\n",
        b"1\n",
        b'{"verb": "nothing"}\n',
        b'{"verb": ["count"]}\n',
        b'{"verb": "count"}\n',
        b'{"verb": "count", "number": -1}\n',
        b'{"verb": "count", "number": 1, "more": 2}\n',
        b"\xff\xfe\n",
        b"x" * 200_000,
    ],
)
def test_bad_requests_are_answered_with_a_hint(tmp_path: Path, line: bytes) -> None:
    answer = served(tmp_path, lambda: said(tmp_path, line))
    assert answer["error"]
    assert answer["hint"]


def test_a_tool_that_goes_away_ends_what_it_asked_for(tmp_path: Path) -> None:
    left: list[str] = []

    def work() -> None:
        values = request(tmp_path, "wait", number=1)
        assert next(values) == "first"
        values.close()
        while not left:
            list(request(tmp_path, "count", number=1))

    served(tmp_path, work, left)
    assert left == ["left"]


def test_an_agent_that_stops_ends_what_is_open(tmp_path: Path) -> None:
    values = request(tmp_path, "wait", number=1)

    def work() -> None:
        assert next(values) == "first"

    served(tmp_path, work)
    with pytest.raises(ControlError, match="ended"):
        next(values)


def test_too_many_tools_are_told(tmp_path: Path) -> None:
    def work() -> None:
        open_ones = [request(tmp_path, "wait", number=1) for _ in range(CONNECTIONS_MAX)]
        assert [next(one) for one in open_ones] == ["first"] * CONNECTIONS_MAX
        with pytest.raises(ControlError) as caught:
            list(request(tmp_path, "count", number=1))
        assert caught.value.code == "busy"
        for one in open_ones:
            one.close()

    served(tmp_path, work)


def test_without_an_agent_a_hint_says_how_to_start_it(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="no agent") as caught:
        list(request(tmp_path, "count", number=1))
    assert "systemctl" in caught.value.hint


def test_the_socket_of_an_agent_that_was_killed_is_replaced_a_file_is_not(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / SOCKET))
    assert served(tmp_path, lambda: list(request(tmp_path, "count", number=1))) == [0]
    (tmp_path / SOCKET).write_text("somebody's")
    with pytest.raises(OSError, match="in use"):
        served(tmp_path, lambda: None)


def test_a_deep_folder_is_no_trouble(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 100) / ("e" * 100)
    folder.mkdir(parents=True)
    assert served(folder, lambda: list(request(folder, "count", number=1))) == [0]
