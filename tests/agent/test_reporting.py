"""The sign of life: the event loop asks, the ledger's writer answers, and either one that is stuck ends it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from agent.errors import LedgerFull
from agent.ledger.log import Ledger
from agent.observing import Observer
from agent.reporting import Reporter
from contract.times import Stamper
from tests.agent.ledger.test_ledger import append, movement, open_ledger

WATCHDOG_S = 0.1
SIGN = b"WATCHDOG=1"


class Systemd:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(20)

    def hear(self) -> None:
        """Wait for the next sign of life."""
        assert self._socket.recv(100) == SIGN

    def waiting(self) -> int:
        """How many came that nobody has heard yet."""
        found = 0
        self._socket.setblocking(False)
        try:
            while self._socket.recv(100) == SIGN:
                found += 1
        except BlockingIOError:
            return found
        finally:
            self._socket.settimeout(20)
        raise AssertionError("something else was said")

    def close(self) -> None:
        self._socket.close()


class Agent:
    """The two threads that matter: an event loop with the reporter, and the ledger's writer."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.loop = asyncio.new_event_loop()
        reporter = Reporter(
            cast("Observer", None),  # without an uplink nothing is observed
            stamper=Stamper(ZoneInfo("Asia/Seoul")),
            ledger=ledger,
            kinds={},
            interval_s=3600.0,
            wire=None,
        )
        self._thread = threading.Thread(target=self._run, args=(reporter,))
        self._task: asyncio.Task[None] | None = None
        self._thread.start()

    def _run(self, reporter: Reporter) -> None:
        async def main() -> None:
            self._task = asyncio.current_task()
            await reporter.run()

        with pytest.raises(asyncio.CancelledError):
            self.loop.run_until_complete(main())
        self.loop.close()

    def close(self) -> None:
        assert self._task is not None
        self.loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join()


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    with closing(Systemd(tmp_path / "notify")) as listening:
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", str(int(WATCHDOG_S * 1e6)))
        yield listening


@pytest.fixture
def agent(tmp_path: Path, systemd: Systemd) -> Iterator[Agent]:
    (tmp_path / "state").mkdir()
    with closing(open_ledger(tmp_path / "state")) as ledger, closing(Agent(ledger)) as running:
        systemd.hear()
        yield running


def silence(systemd: Systemd, elsewhere: threading.Event) -> int:
    """Signs of life within many times what systemd waits for, after what was under way."""
    elsewhere.wait(2 * WATCHDOG_S)
    systemd.waiting()
    elsewhere.wait(10 * WATCHDOG_S)
    return systemd.waiting()


def test_an_agent_that_runs_gives_one_without_end(agent: Agent, systemd: Systemd) -> None:
    for _ in range(5):
        systemd.hear()


def test_a_stuck_writer_gives_none(agent: Agent, systemd: Systemd) -> None:
    """A disk that does not come back from its sync: the event loop is well meanwhile."""
    stuck, go_on = threading.Event(), threading.Event()

    def job(_tx: Any) -> None:
        stuck.set()
        go_on.wait()

    agent.ledger.submit(job, lambda _result, _error: None)
    stuck.wait()
    try:
        assert silence(systemd, threading.Event()) == 0
    finally:
        go_on.set()
    systemd.hear()


def test_a_stuck_event_loop_gives_none(agent: Agent, systemd: Systemd) -> None:
    """A page or a driver that never gives the loop back: the writer is well meanwhile."""
    stuck, go_on = threading.Event(), threading.Event()

    def block() -> None:
        stuck.set()
        go_on.wait()

    agent.loop.call_soon_threadsafe(block)
    stuck.wait()
    try:
        assert silence(systemd, threading.Event()) == 0
        assert agent.ledger.call(lambda tx: tx.head) >= 1
    finally:
        go_on.set()
    systemd.hear()


def test_a_full_disk_is_no_reason_to_be_killed(tmp_path: Path, systemd: Systemd) -> None:
    """The writer answers that there is no room: that is a sign of life, and a restart would not help."""
    (tmp_path / "state").mkdir()
    with closing(open_ledger(tmp_path / "state", reserve_bytes=1 << 62)) as ledger:
        assert ledger.reserve is not None
        ledger.reserve.give()
        with pytest.raises(LedgerFull):
            append(ledger, movement())
        with closing(Agent(ledger)):
            systemd.hear()
