"""`jaego setup` and the service that runs: stopped meanwhile, started again whatever happens, unless told otherwise."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.errors import AgentError
from agent.setup import installing
from agent.setup.answers import read
from agent.setup.installing import Plan, install
from agent.setup.service import Service
from tests.agent.clocks import FakeClock

# Stands in for systemctl: the unit's state is a file, and what it is told is written down.
SYSTEMCTL = """#!/bin/sh
here=$(dirname "$0")
case $1 in
show) cat "$here/state" ;;
stop) echo inactive >"$here/state"; echo stop >>"$here/told" ;;
start) echo start >>"$here/told"; [ ! -e "$here/broken" ] || exit 1; echo active >"$here/state" ;;
*) echo "$1" >>"$here/told" ;;
esac
"""
ANSWERS = {"store": "S1", "language": "en", "zones": ["backroom"], "state_dir": "state", "broker": {"enabled": False}}


class Machine:
    def __init__(self, folder: Path, state: str) -> None:
        self.folder = folder
        command = folder / "systemctl"
        command.write_text(SYSTEMCTL)
        command.chmod(0o755)
        (folder / "state").write_text(state)
        self.service = Service(here=True, command=str(command))
        self.said: list[str] = []

    @property
    def told(self) -> list[str]:
        path = self.folder / "told"
        return path.read_text().split() if path.exists() else []

    def install(self, *, start: bool = True, tell: Callable[[str], None] | None = None, **answers: Any) -> int:
        given = read({**ANSWERS, **answers}, "answers")
        tell = tell or self.said.append
        config = self.folder / "agent.toml"
        return install(Plan(config, given, self.folder, FakeClock(), tell, start=start, service=self.service))


@pytest.mark.parametrize("state", ["active", "activating"])
def test_a_service_that_runs_is_stopped_first_and_started_last(tmp_path: Path, state: str) -> None:
    machine = Machine(tmp_path, state)
    assert machine.install() == 0
    assert machine.told == ["stop", "enable", "start"]
    assert machine.said[0] == "The service is stopped meanwhile: jaego-agent"
    assert machine.said[-1] == "The service runs: jaego-agent"


@pytest.mark.parametrize("state", ["inactive", "failed"])
def test_one_that_does_not_run_is_only_started(tmp_path: Path, state: str) -> None:
    machine = Machine(tmp_path, state)
    assert machine.install() == 0
    assert machine.told == ["enable", "start"]


def test_with_no_start_it_is_left_stopped_and_that_is_said(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "active")
    assert machine.install(start=False) == 0
    assert machine.told == ["stop"]
    assert machine.said[-1] == "The service is stopped. Start it with: systemctl start jaego-agent"


@pytest.mark.parametrize("start", [True, False])
def test_after_an_error_it_runs_as_before_unless_it_is_not_wanted(tmp_path: Path, start: bool) -> None:
    machine = Machine(tmp_path, "active")
    with pytest.raises(AgentError):
        machine.install(start=start, station=[{"name": "dock", "zone": "cellar"}])
    assert machine.told == (["stop", "start"] if start else ["stop"])
    assert machine.said[-1] == (
        "The service runs again: jaego-agent"
        if start
        else "The service is stopped. Start it with: systemctl start jaego-agent"
    )
    assert not (tmp_path / "agent.toml").exists()


@pytest.fixture
def at_a_terminal() -> Iterator[None]:
    """As in a person's shell: whoever runs the tests in the background may have switched these signals off."""
    wanted = {signal.SIGHUP: signal.SIG_DFL, signal.SIGTERM: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("at_a_terminal")
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_terminal_that_is_closed_leaves_no_store_standing_still(tmp_path: Path, number: signal.Signals) -> None:
    machine = Machine(tmp_path, "active")

    def tell(line: str) -> None:
        machine.said.append(line)
        if line.startswith("Written"):
            os.kill(os.getpid(), number)

    with pytest.raises(KeyboardInterrupt if number == signal.SIGINT else SystemExit):
        machine.install(tell=tell)
    assert machine.told == ["stop", "start"]
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL


def test_a_service_that_does_not_start_is_something_to_do(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "active")
    (tmp_path / "broken").touch()
    assert machine.install() == 1
    assert machine.said[-1] == "The service does not start: journalctl -u jaego-agent"


def test_where_systemd_does_not_run_nothing_is_told_to_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "active")
    machine.service = Service(here=False, command=machine.service.command)
    assert machine.install() == 0
    assert machine.told == []
    assert machine.said[-1] == f"Start it with: jaego run {tmp_path / 'agent.toml'}"
    assert installing.former(tmp_path / "agent.toml")["store"]["id"] == "S1"
