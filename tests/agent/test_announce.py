"""Lines for people: once each, never a flood, never the end of the store. And systemd's datagrams."""

from __future__ import annotations

import io
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.announce import SUBJECTS_MAX, Announcer
from agent.logs import FIELD_BYTES_MAX, Journal, datagram, is_journal
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


def test_what_a_device_says_makes_no_line_of_ours_and_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    announcer().say("gate", "재고\x1b[2J\r12:50:00 agent: all is well\n12:50:01 broker: back", hint="\x9bA\u2028")
    assert capsys.readouterr().err == (
        "12:50:00.000 gate: 재고\\x1b[2J\\x0d12:50:00 agent: all is well\n  12:50:01 broker: back (\\x9bA\\x2028)\n"
    )


def test_subjects_are_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    one = announcer()
    for number in range(3 * SUBJECTS_MAX):
        one.say(f"subject {number}", "x")
    assert len(one._last) <= SUBJECTS_MAX
    assert len(capsys.readouterr().err.splitlines()) == 3 * SUBJECTS_MAX


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "journal"))
        listening.settimeout(5)
        yield listening


def fields_of(data: bytes) -> dict[str, str]:
    """As journald reads a datagram: JOURNAL_NATIVE_PROTOCOL."""
    found: dict[str, str] = {}
    while data:
        line, _, rest = data.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            size = int.from_bytes(rest[:8], "little")
            value, data = rest[8 : 8 + size], rest[8 + size + 1 :]
        else:
            data = rest
        found[name.decode()] = value.decode()
    return found


def test_the_journal_gets_fields_once_for_each_change(
    journald: socket.socket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = Announcer(FakeClock(), Stamper(ZoneInfo("Asia/Seoul")), Journal(tmp_path / "journal"))
    for _ in range(3):
        one.say("dock-scanner", "a bug:\n  line 2=\n", hint="스캐너를 다시 꽂으세요", level=3)
    one.say("dock-scanner", "up again")
    assert fields_of(journald.recv(100_000)) == {
        "MESSAGE": "dock-scanner: a bug:\n  line 2=\n (스캐너를 다시 꽂으세요)",
        "PRIORITY": "3",
        "SYSLOG_IDENTIFIER": "jaego",
        "JAEGO_SUBJECT": "dock-scanner",
        "JAEGO_TEXT": "a bug:\n  line 2=\n",
        "JAEGO_HINT": "스캐너를 다시 꽂으세요",
    }
    again = fields_of(journald.recv(100_000))
    assert again["PRIORITY"] == "5"
    assert "JAEGO_HINT" not in again
    assert not capsys.readouterr().err


def test_a_very_long_text_is_cut_between_characters() -> None:
    found = fields_of(datagram({"MESSAGE": "가" * 100_000}))
    assert found == {"MESSAGE": "가" * (FIELD_BYTES_MAX // 3)}


def test_a_journal_that_is_gone_gets_priorities_on_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = Announcer(FakeClock(), Stamper(ZoneInfo("Asia/Seoul")), Journal(tmp_path / "gone"))
    one.say("broker", "away", level=3)
    one.say("broker", "back")
    assert capsys.readouterr().err == "<3>broker: away\n<5>broker: back\n"


def test_the_journal_is_only_what_standard_error_is(tmp_path: Path) -> None:
    """A child of a service inherits JOURNAL_STREAM, and may have its standard error elsewhere."""
    with (tmp_path / "err").open("wb") as file, (tmp_path / "other").open("wb") as other:
        held = os.fstat(file.fileno())
        stream = f"{held.st_dev}:{held.st_ino}"
        assert is_journal(stream, file.fileno())
        assert not is_journal(stream, other.fileno())
        assert not is_journal(None, file.fileno())
    assert not is_journal(stream, 1_000_000)


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
