"""A store, a broker and a head office as processes, with the people who work in the store."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import httpx
import orjson

from agent.clock import SystemClock
from agent.people import People
from simulators.day_plan import Item
from tests.brokers import Mosquitto, Observer, free_port

BIN = Path(sys.executable).parent
START_S_MAX = 20.0
SUPERVISORS_PIN = "280415"
CONFIG = """
[store]
id = "S001"
state_dir = "store"
zones = ["backroom", "salesfloor", "pickup"]
clock_trusted = true
[catalogue]
file = "items.csv"
[uplink]
port = {broker}
ack_timeout_s = 2
[web]
port = {web}
[sales]
folder = "sales"
settle_s = 0.5
tills = {{ "till-1" = "salesfloor", "till-2" = "salesfloor", "counter" = "pickup" }}
[orders]
pickup_zone = "pickup"
[[station]]
name = "dock"
zone = "backroom"
[[station]]
name = "floor"
zone = "salesfloor"
mode = "lookup"
[[station]]
name = "office"
zone = "backroom"
mode = "lookup"
"""


class Store:
    """`more` are further sections of the configuration."""

    def __init__(self, folder: Path, items: list[Item], more: str = "") -> None:
        self.folder = folder
        self._more = more
        self.broker = Mosquitto(folder)
        self._web = free_port()
        self._running: list[subprocess.Popen[bytes]] = []
        for name in ("store", "sales"):
            (folder / name).mkdir()
        rows = ["sku,name_ko,name_en,gtin,units,level"]
        for one in items:
            rows += [f"{one.sku},{one.ko},{one.en},{one.gtin},1,each", f"{one.sku},,,{one.case},6,case"]
        (folder / "items.csv").write_text("\n".join(rows) + "\n", "utf-8")
        self.badges: dict[str, str] = {}
        people = People(folder / "store", SystemClock())
        for name in ("Kim", "Lee", "Park"):
            self.badges[name] = people.add(name, "clerk", "ko")[1]
        self.badges["Choi"] = people.add("Choi", "supervisor", "en", SUPERVISORS_PIN)[1]
        token = people.add_client("day", frozenset({"admin"}))
        people.close()
        base = f"http://127.0.0.1:{self._web}/api/v1"
        self.client = httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=20)

    def __enter__(self) -> Self:
        try:
            self._begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _begin(self) -> None:
        self.broker.start()
        config = CONFIG.format(broker=self.broker.port, web=self._web) + self._more
        (self.folder / "agent.toml").write_text(config, "utf-8")
        self._start("jaego-hq", "run", "--broker", f"127.0.0.1:{self.broker.port}", "--db", "hq.db")
        self._run_agent()

    def _run_agent(self) -> None:
        self._start("jaego", "run", "agent.toml")
        end_s = time.monotonic() + START_S_MAX
        while not self._up():
            assert time.monotonic() < end_s, self.log("jaego")
            time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.stop()
        self.broker.stop()

    def _start(self, *command: str) -> None:
        with (self.folder / f"{command[0]}.log").open("ab") as log:
            self._running.append(
                subprocess.Popen([str(BIN / command[0]), *command[1:]], stdout=log, stderr=log, cwd=self.folder)
            )

    def _up(self) -> bool:
        try:
            return self.client.get("/status").json()["sync"]["connected"]
        except (httpx.HTTPError, KeyError, ValueError):
            return False

    def crash(self) -> None:
        """kill -9 of the agent, and a new one."""
        agent = self._running.pop()
        agent.kill()
        agent.wait(20)
        self._run_agent()

    def stop(self) -> None:
        """Agent and head office, in this order."""
        for one in reversed(self._running):
            one.terminate()
            one.wait(20)
        self._running.clear()

    def run(self, *command: str) -> str:
        done = subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.folder,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}{self.log('jaego')}"
        return done.stdout

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-3000:]

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run("jaego", "log", "export", "-", "-c", "agent.toml").splitlines()]

    def rows(self, *command: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run(*command).splitlines()]

    def expect(self, document: dict[str, object]) -> None:
        """As head office does it: retained."""
        with Observer(self.broker.port, "none") as office:
            office.publish(f"stock/v1/S001/expected/{document['document']}", orjson.dumps(document), retain=True)

    def drop(self, name: str, text: str) -> None:
        part = self.folder / "sales" / f"{name}.part"
        part.write_text(text, "utf-8")
        part.replace(part.with_suffix(""))

    def done(self, name: str) -> bool:
        return (self.folder / "sales" / "done" / name).is_file()
