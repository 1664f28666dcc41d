"""From a scanner to a page of head office, with real processes: agent, mosquitto, worker, desk."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Self

from simulators.scanner_line import LineScanner, LineSetup
from tests.brokers import Mosquitto, free_port

BIN = Path(sys.executable).parent
STORE = "seoul-01"
SKU = "MILK-1L"
CODE = b"8801234567893"
ITEMS = "sku,name_ko,name_en,gtin,category\nMILK-1L,서울우유 1L,Seoul Milk 1 l,8801234567893,유제품\n"
CONFIG = """
[store]
id = "{store}"
state_dir = "store"
zones = ["backroom", "salesfloor"]
clock_trusted = true
[catalogue]
file = "items.csv"
[uplink]
port = {port}
backoff_s_max = 1
[web]
enabled = false
[[station]]
name = "dock"
zone = "backroom"
mode = "receive"
[[device]]
name = "dock-line"
station = "dock"
[device.settings]
kind = "serial_line"
path = "dev/dock-line"
host_ack = "honeywell"
settle_ms = 0
"""
WAIT_S_MAX = 40.0


class Chain:
    """`with Chain(folder) as chain`: `chain.base` is the desk's address, `chain.scan()` receives one piece of `SKU`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("store", "dev"):
            (folder / name).mkdir(parents=True)
        self.broker = Mosquitto(folder)
        (folder / "items.csv").write_text(ITEMS, "utf-8")
        (folder / "agent.toml").write_text(CONFIG.format(store=STORE, port=self.broker.port))
        self.scanner = LineScanner(folder / "dev" / "dock-line", LineSetup(host_ack=True, host_ack_timeout_s=0.5))
        self.base = f"http://127.0.0.1:{free_port()}"
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        self.broker.start()
        broker = f"127.0.0.1:{self.broker.port}"
        self.scanner.plug()
        self._start("worker", "jaego-hq", "run", "--broker", broker, "--db", "hq.db", "--catalog", "items.csv")
        self._start("agent", "jaego", "run", "agent.toml")
        http = self.base.removeprefix("http://")
        self._start("desk", "jaego-hq", "desk", "--broker", broker, "--db", "hq.db", "--open", "--http", http)
        self._wait(self._answers, "the desk does not answer")
        self._wait(self.scan, "the agent takes no scan")

    def _start(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running.append(
                subprocess.Popen([str(BIN / command[0]), *command[1:]], stdout=log, stderr=log, cwd=self.folder)
            )

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.base}/api/v1/health", timeout=2):
                return True
        except OSError:
            return False

    def _wait(self, true: Callable[[], bool], what: str) -> None:
        end_s = time.monotonic() + WAIT_S_MAX
        while not true():
            if time.monotonic() > end_s:
                logs = "\n".join(f"{one.name}: {one.read_text()[-1500:]}" for one in self.folder.glob("*.log"))
                raise TimeoutError(f"{what}\n{logs}")
            time.sleep(0.1)

    def scan(self) -> bool:
        """Whether the agent has answered that it is durable."""
        return self.scanner.scan(CODE).acknowledged

    def close(self) -> None:
        for process in reversed(self._running):
            process.terminate()
        for process in reversed(self._running):
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running = []
        self.scanner.unplug()
        self.broker.stop()
