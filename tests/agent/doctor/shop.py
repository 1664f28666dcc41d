"""A store on a real folder, with a real agent and a real broker, for the doctor to look at."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from typer.testing import CliRunner

from agent.cli import app
from agent.clock import SystemClock
from agent.ledger.log import Ledger
from agent.people import People
from contract.times import Stamper
from tests.brokers import free_port

READY_LINE = "is open"


class Shop:
    """`uplink`, `web` and `more` are lines of the configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state, self.config = folder, folder / "state", folder / "agent.toml"
        self.state.mkdir(mode=0o750)
        self.port = free_port()
        self.said: list[str] = []  # by the agent, until its store was open
        self.configure()

    def configure(self, uplink: str = "enabled = false", web: str = "", more: str = "") -> None:
        self.config.write_text(
            f'[store]\nid = "S1"\nstate_dir = "state"\nzones = ["backroom"]\nclock_trusted = true\nlanguage = "en"\n'
            f"[uplink]\n{uplink}\n[web]\nport = {self.port}\n{web}\n{more}\n"
        )

    def begin(self) -> None:
        """Ledger and people, as a first start leaves them."""
        clock = SystemClock()
        Ledger(self.state, store="S1", clock=clock, stamper=Stamper(ZoneInfo("Asia/Seoul"))).close()
        People(self.state, clock).close()

    def doctor(self) -> tuple[dict[str, dict[str, Any]], int]:
        """Findings by `code` or `code subject`, and the exit code."""
        result = CliRunner().invoke(app, ["doctor", "--json", "--config", str(self.config)])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        told = json.loads(result.output)
        assert told["worst"] == result.exit_code
        return {f"{one['code']} {one['subject']}".rstrip(): one for one in told["findings"]}, result.exit_code

    @contextmanager
    def agent(self) -> Iterator[subprocess.Popen[str]]:
        """`jaego run`, once its store is open."""
        command = [sys.executable, "-c", "from agent.cli import main; main()", "run", str(self.config)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        try:
            lines = self.said = list[str]()
            while not lines or READY_LINE not in lines[-1]:
                lines.append(process.stderr.readline())
                assert lines[-1], "".join(lines)
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


def level(found: dict[str, dict[str, Any]], name: str) -> str:
    return str(found[name]["level"])
