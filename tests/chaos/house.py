"""A store, a broker and a head office as processes that a test may kill. Ports are free ones of the loopback."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
REPOSITORY = Path(__file__).parents[2]

CONFIG = """
[store]
id = "S001"
state_dir = "store"
zones = ["backroom", "salesfloor"]
clock_trusted = true
[catalogue]
file = "{catalogue}"
[uplink]
port = {port}
backoff_s_max = 1
ack_timeout_s = 2
health_interval_s = 2
[web]
enabled = false
[[station]]
name = "dock"
zone = "backroom"
[[station]]
name = "gate"
zone = "backroom"
[[device]]
name = "dock-ssi"
station = "dock"
[device.settings]
kind = "ssi"
path = "dev/dock-ssi"
aim = true
[[device]]
name = "gate-line"
station = "gate"
[device.settings]
kind = "serial_line"
path = "dev/gate-line"
host_ack = "honeywell"
# Below the scanner's own 3 s: an answer that comes after the scanner gave up would be taken for the next code's.
host_ack_timeout_s = 2.5
aim = true
"""

SCENARIO = """
name = "kills"
seconds = 3600
seed = {seed}
[[scanners]]
name = "dock-ssi"
kind = "ssi"
path = "dev/dock-ssi"
ack_timeout_s = 1.0
resends_max = 20
[scanners.clerk]
generator = "serial_gtin"
gtins = ["08809999000235", "18809999000232", "08809999000099"]
rate_per_s = {rate}
[[scanners]]
name = "gate-line"
kind = "serial_line"
path = "dev/gate-line"
host_ack = true
host_ack_timeout_s = 3.0
[scanners.clerk]
generator = "serial_gtin"
gtins = ["08809999000013", "18809999000010"]
rate_per_s = {rate}
unknown_share = 0.05
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class House:
    def __init__(self, folder: Path, *, seed: int, rate_per_s: float) -> None:
        self.folder = folder
        self.port = free_port()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._logs: dict[str, Any] = {}
        for name in ("store", "dev", "broker"):
            (folder / name).mkdir()
        catalogue = REPOSITORY / "config" / "demo-catalogue.csv"
        (folder / "agent.toml").write_text(CONFIG.format(port=self.port, catalogue=catalogue))
        (folder / "scenario.toml").write_text(SCENARIO.format(seed=seed, rate=rate_per_s))
        (folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {folder}/broker/\nuser root\n"
        )
        self.commands = {
            "broker": [str(MOSQUITTO), "-c", str(folder / "mosquitto.conf")],
            "headoffice": [
                str(BIN / "jaego-hq"), "run", "--broker", f"127.0.0.1:{self.port}", "--db", str(folder / "hq.db"),
            ],
            "agent": [str(BIN / "jaego"), "run", str(folder / "agent.toml")],
            "scanners": [
                str(BIN / "jaego-sim"), "run", str(folder / "scenario.toml"), "--folder", str(folder),
                "--witness", str(self.witness), "--quiet",
            ],
        }  # fmt: skip

    @property
    def witness(self) -> Path:
        return self.folder / "witness.jsonl"

    def start(self, name: str) -> None:
        if name not in self._logs:
            self._logs[name] = (self.folder / f"{name}.log").open("ab")
        log = self._logs[name]
        self._processes[name] = subprocess.Popen(self.commands[name], stdout=log, stderr=log)

    def kill(self, name: str) -> None:
        process = self._processes[name]
        assert process.poll() is None, f"{name} had ended by itself:\n{self.log(name)}"
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self, name: str) -> None:
        process = self._processes.pop(name, None)
        if process is not None:
            if process.poll() is None:
                process.terminate()
            process.wait(20)

    def stop_all(self) -> None:
        for name in ("scanners", "agent", "headoffice", "broker"):
            self.stop(name)
        for log in self._logs.values():
            log.close()

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    def run(self, *command: str, timeout_s: float = 90) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(BIN / command[0]), *command[1:]], capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def events(self) -> list[dict[str, Any]]:
        done = self.run("jaego", "log", "export", "-", "-c", str(self.folder / "agent.toml"))
        return [json.loads(line) for line in done.stdout.splitlines()]

    def seen(self) -> list[dict[str, Any]]:
        """What the witness wrote down."""
        return [json.loads(line) for line in self.witness.read_text().splitlines()] if self.witness.exists() else []

    def wait_for_scans(self, count: int, timeout_s: float) -> None:
        """Until the witness has seen `count` acknowledgements in all."""
        end = time.monotonic() + timeout_s
        while len(self.seen()) < count:
            assert time.monotonic() < end, f"only {len(self.seen())} of {count} scans:\n{self.log('agent')}"
            time.sleep(0.02)
