"""A whole agent as a process of its own, for what only a real one shows: codes from screens become events."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Self

from agent.ledger.reader import Reader
from agent.operations.values import Role
from agent.people import People
from identity.control import encode
from tests.agent.clocks import FakeClock

RUN = """
import sys
from pathlib import Path
from agent import compose, config
sys.exit(compose.run(config.load(Path(sys.argv[1]))))
"""
CONFIG = """
[store]
id = "seoul-01"
state_dir = "store"
zones = ["dock", "backroom", "salesfloor"]
clock_trusted = true
language = "{language}"
[catalogue]
file = "items.json"
[uplink]
enabled = false
[web]
port = {port}
"""
STATION = """
[[station]]
name = "{name}"
zone = "dock"
mode = "receive"
"""
ITEMS = [
    {
        "sku": "MILK-1L",
        "name": {"ko": "서울우유 1L", "en": "Seoul Milk 1 l"},
        "gtins": [{"gtin": "8801234567893"}, {"gtin": "18801234567890", "units": 12, "level": "case"}],
    },
    {"sku": "RICE", "name": {"ko": "쌀 10kg", "en": "Rice 10 kg"}, "gtins": [{"gtin": "8809999999997"}]},
    {"sku": "BREAD", "name": {"ko": "식빵", "en": "Bread"}},
]
PIN = "2468"
RECEIPT = {
    "document": "ASN-1001",
    "kind": "receipt",
    "revision": 1,
    "from": "supplier",
    "to": "dock",
    "lines": [{"line": 1, "sku": "MILK-1L", "quantity": 3}, {"line": 2, "sku": "RICE", "quantity": 2}],
}
START_S_MAX = 30.0


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Shop:
    """`with Shop(folder) as shop`: the agent runs; `stop` and `start` are an outage. The port stays the same."""

    def __init__(self, folder: Path, *, language: str = "ko", stations: tuple[str, ...] = ("dock-1",)) -> None:
        self.folder = folder
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        folder.mkdir(exist_ok=True, parents=True)
        (folder / "store").mkdir(exist_ok=True)
        (folder / "items.json").write_text(json.dumps(ITEMS))
        self.config = folder / "agent.toml"
        lines = CONFIG.format(language=language, port=self.port) + "".join(STATION.format(name=one) for one in stations)
        self.config.write_text(lines)
        self.people: dict[str, str] = {}  # badges by role, once `hire` was called
        self.token = ""
        self._presses = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def hire(self) -> None:
        """A clerk, a supervisor and an admin with the PIN 2468, and a program that may write stock."""
        people = People(self.folder / "store", FakeClock())
        roles: tuple[Role, ...] = ("clerk", "supervisor", "admin")
        self.people = {role: people.add(f"Kim {role}", role, "en", PIN)[1] for role in roles}
        self.token = people.add_client("head", frozenset({"read", "stock"}))
        people.close()

    def expect(self, document: dict[str, Any]) -> None:
        self._post("/api/v1/documents", document)

    def scan(self, station: str, code: str) -> None:
        self._post(f"/api/v1/stations/{station}/scan", {"code": code})

    def _post(self, path: str, body: dict[str, Any]) -> None:
        """As a program of the store."""
        self._presses += 1
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        headers["x-jaego-press"] = f"shop-{self._presses:04d}"
        request = urllib.request.Request(self.base + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=10):
            pass

    def filled(self, paths: dict[str, str]) -> dict[str, str]:
        """The addresses, once there is something to see: a document, stock, an entry of the tray, an open count."""
        self.expect(RECEIPT)
        for code in ("8801234567893", "8800000000000", encode("MODE-COUNT"), "8809999999997"):
            self.scan("dock-1", code)
        exception = self.events("exception")[-1]["seq"]
        return {name: path.format(exception=exception) for name, path in paths.items()}

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen([sys.executable, "-c", RUN, str(self.config)], stderr=log, stdout=log)
        end_s = time.monotonic() + START_S_MAX
        while time.monotonic() < end_s:
            try:
                with urllib.request.urlopen(self.base + "/api/v1/health", timeout=1):
                    return
            except OSError:
                time.sleep(0.05)
        raise TimeoutError((self.folder / "log").read_text()[-2000:])

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """All of a type, or all."""
        reader = Reader(self.folder / "store")
        try:
            return reader.newest(100_000, kind)
        finally:
            reader.close()

    def stock(self) -> dict[str, int]:
        reader = Reader(self.folder / "store")
        try:
            return {row.sku: row.quantity for row in reader.stock() if row.quantity}
        finally:
            reader.close()
