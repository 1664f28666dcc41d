"""Lines for people: once each, never a flood, never the end of the store. And systemd's datagrams."""

from __future__ import annotations

import io
import os
import socket
import sys
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.announce import SUBJECTS_MAX, Announcer
from agent.notify import notify, watchdog_s
from contract.times import Stamper
from tests.agent.clocks import FakeClock


def announcer() -> Announcer:
    return Announcer(FakeClock(), Stamper(ZoneInfo("Asia/Seoul")))


@pytest.fixture(autouse=True)
def _no_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JOURNAL_STREAM", "NOTIFY_SOCKET", "WATCHDOG_USEC"):
        monkeypatch.delenv(name, raising=False)


def test_a_line_has_the_stores_time_its_subject_and_its_hint(capsys: pytest.CaptureFixture[str]) -> None:
    announcer().say("broker", "away", hint="check the cable")
    assert capsys.readouterr().err == "12:50:00.000 broker: away (check the cable)\n"


def test_a_line_is_said_once_until_its_subject_says_something_else(capsys: pytest.CaptureFixture[str]) -> None:
    one = announcer()
    for text in ("away", "away", "back", "away"):
        one.say("broker", text)
    one.say("disk", "away")
    texts = [line.split(" ", 1)[1] for line in capsys.readouterr().err.splitlines()]
    assert texts == ["broker: away", "broker: back", "broker: away", "disk: away"]


def test_subjects_are_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    one = announcer()
    for number in range(3 * SUBJECTS_MAX):
        one.say(f"subject {number}", "x")
    assert len(one._last) <= SUBJECTS_MAX
    assert len(capsys.readouterr().err.splitlines()) == 3 * SUBJECTS_MAX


def test_the_journal_gets_priorities(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:12345")
    one = announcer()
    one.say("broker", "away", level=3)
    one.say("broker", "back")
    assert capsys.readouterr().err == "<3>broker: away\n<5>broker: back\n"


def test_a_reader_that_went_away_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    announcer().say("broker", "away")


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_gets_its_datagram(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, abstract: bool) -> None:
    address: Any = f"\0jaego-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", address.replace("\0", "@"))
        notify("READY=1")
        assert systemd.recv(100) == b"READY=1"
        systemd.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        for _ in range(10_000):  # nobody reads: the writer's thread must not wait for it
            notify("WATCHDOG=1")


def test_nobody_listens_and_a_socket_that_is_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    notify("READY=1")


@pytest.mark.parametrize(
    ("text", "expected"), [("20000000", 10.0), ("0", None), ("", None), ("x", None), ("-5", None), ("1.5", None)]
)
def test_a_sign_of_life_is_given_twice_as_often_as_asked(
    monkeypatch: pytest.MonkeyPatch, text: str, expected: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", text)
    assert watchdog_s() == expected
