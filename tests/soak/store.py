"""The processes of a busy store under acceleration, and what is seen of them from outside."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from tests.brokers import Mosquitto, free_port

BIN = Path(sys.executable).parent
REPOSITORY = Path(__file__).parents[2]
SURROUNDINGS = {**os.environ, "PYTHONPATH": str(REPOSITORY)}  # they run in a folder of their own
SCANNERS = ("line-1", "line-2", "line-3", "line-4")
# Goods without serial numbers: what is told apart stays in the books until it is gone, and these clerks only receive.
CODES = ["]E08809999000099", "]E08809999000105", "]E08809999000112"]
STORE = """
[store]
id = "S001"
state_dir = "store"
zones = ["backroom", "salesfloor"]
clock_trusted = true
[catalogue]
file = "{catalogue}"
[ledger]
opening_days = 1
keep_days = 2
[backup]
every_h = 24
keep = 2
[uplink]
port = {port}
[web]
port = 0
[[station]]
name = "shelves"
zone = "salesfloor"
[[device]]
name = "shelves"
station = "shelves"
[device.settings]
kind = "llrp"
host = "127.0.0.1"
port = {reader}
"""
STATION = """
[[station]]
name = "at-{name}"
zone = "backroom"
[[device]]
name = "{name}"
station = "at-{name}"
[device.settings]
kind = "serial_line"
path = "dev/{name}"
host_ack = "honeywell"
host_ack_timeout_s = 2.5
settle_ms = 0
aim = true
"""
SCANNER = """
[[scanners]]
name = "{name}"
kind = "serial_line"
path = "dev/{name}"
host_ack = true
host_ack_timeout_s = 3.0
[scanners.clerk]
codes = {codes}
rate_per_s = {rate}
"""


class Sample(NamedTuple):
    """At `hour` of the simulated time. Sizes in bytes; `waiting` are events that head office has not acknowledged."""

    hour: float
    agent_rss: int
    agent_files: int
    agent_threads: int
    headoffice_rss: int
    headoffice_files: int
    headoffice_threads: int
    ledger: int
    wal: int
    snapshots: int
    head: int
    kept: int
    waiting: int


class Store:
    def __init__(self, folder: Path, *, factor: float, scans_per_s: float, reads_per_s: float) -> None:
        self.folder, self.broker = folder, Mosquitto(folder)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        reader = free_port()
        for name in ("store", "dev"):
            (folder / name).mkdir()
        catalogue = REPOSITORY / "config" / "demo-catalogue.csv"
        config = STORE.format(catalogue=catalogue, port=self.broker.port, reader=reader)
        self.config = folder / "agent.toml"
        self.config.write_text(config + "".join(STATION.format(name=name) for name in SCANNERS))
        clerks = [SCANNER.format(name=name, codes=CODES, rate=scans_per_s / len(SCANNERS)) for name in SCANNERS]
        (folder / "scenario.toml").write_text('name = "soak"\nseconds = 86400\nseed = 7\n' + "".join(clerks))
        address = f"127.0.0.1:{self.broker.port}"
        scenario = ("run", "scenario.toml", "--folder", ".", "--witness", "witness.jsonl", "--quiet")
        self._commands: dict[str, Sequence[str]] = {
            "headoffice": (str(BIN / "jaego-hq"), "run", "--broker", address, "--db", "hq.db"),
            "reader": (
                str(BIN / "jaego-sim"), "reader", "llrp", "--port", str(reader), "--tags", "200", "--each",
                "--rate", str(reads_per_s),
            ),
            "agent": (sys.executable, "-m", "tests.soak.accelerated", str(factor), str(self.config)),
            "agent in time": (str(BIN / "jaego"), "run", str(self.config)),
            "scanners": (str(BIN / "jaego-sim"), *scenario),
        }  # fmt: skip

    def start(self) -> None:
        self.broker.start()
        for name in ("headoffice", "reader", "agent", "scanners"):
            self._start(name)

    def slow_down(self) -> None:
        """The agent again, in real time: head office's requests lapse by the clock."""
        self.stop("agent")
        self._start("agent in time")

    def _start(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                self._commands[name], stdout=log, stderr=log, cwd=self.folder, env=SURROUNDINGS
            )

    def ended(self) -> str | None:
        """The first process that ended by itself, with the end of what it said."""
        for name, process in self._running.items():
            if process.poll() is not None:
                return f"{name} ended with {process.returncode}: {(self.folder / f'{name}.log').read_text()[-2000:]}"
        return None

    def stop(self, *names: str) -> None:
        for name in names:
            process = self._running.pop(name, None)
            if process is not None:
                process.terminate()
                process.wait(60)

    def stop_all(self) -> None:
        self.stop("scanners", "reader", "agent", "agent in time", "headoffice")
        self.broker.stop()

    def run(self, *command: str, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            capture_output=True, text=True, timeout=timeout_s, check=False, cwd=self.folder,
            env=SURROUNDINGS,
        )  # fmt: skip

    def reads(self) -> int:
        """That the agent has taken in: tags and codes."""
        listed = self.run("jaego", "device", "list", "-c", str(self.config), "--json")
        if listed.returncode:
            raise RuntimeError(f"jaego device list: {listed.stdout}{listed.stderr}")
        return sum(int(json.loads(line)["reads"]) for line in listed.stdout.splitlines())

    def sample(self, hour: float) -> Sample:
        agent, office = (_process(self._running[name].pid) for name in ("agent", "headoffice"))
        state = self.folder / "store"
        ledger = (_size(state / "ledger.db"), _size(state / "ledger.db-wal"))
        copies = sum(_size(one) for one in (state / "snapshots").glob("*"))
        return Sample(hour, *agent, *office, *ledger, copies, *self._log())

    def _log(self) -> tuple[int, int, int]:
        """Newest event, events that are kept, events that are not acknowledged."""
        uri = f"file:{self.folder / 'store' / 'ledger.db'}?mode=ro"
        with suppress(sqlite3.Error), closing(sqlite3.connect(uri, uri=True)) as connection:
            row = connection.execute(
                "SELECT MAX(seq), MAX(seq) - MIN(seq) + 1, "
                "MAX(seq) - (SELECT COALESCE(MAX(seq), 0) FROM position) FROM event"
            ).fetchone()
            return int(row[0]), int(row[1]), int(row[2])
        return 0, 0, 0

    def unanswered(self) -> int:
        """Scans whose scanner gave up waiting, as it says when it ends."""
        return sum(int(one) for one in re.findall(r"(\d+) without answer", (self.folder / "scanners.log").read_text()))

    def witnessed(self) -> list[dict[str, Any]]:
        with (self.folder / "witness.jsonl").open() as file:
            return [json.loads(line) for line in file]


def _process(pid: int) -> tuple[int, int, int]:
    """Resident bytes, open files, threads."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = dict(line.split(":", 1) for line in status.splitlines())
    return int(found["VmRSS"].split()[0]) * 1024, len(list(Path(f"/proc/{pid}/fd").iterdir())), int(found["Threads"])


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
