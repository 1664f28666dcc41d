"""Files of sales, reservations and documents through real processes: agent, mosquitto, head office, kills."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.brokers import Mosquitto

BIN = Path(sys.executable).parent
CONFIG = """
[store]
id = "S001"
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
[sales]
zone = "salesfloor"
folder = "drop"
settle_s = 0.5
"""
ASN = {
    "document": "ASN-1",
    "kind": "receipt",
    "revision": 1,
    "from": "supplier",
    "to": "backroom",
    "lines": [{"line": 1, "sku": "MILK", "quantity": 12}],
}
WAIT_S_MAX = 60.0


class Chain:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Mosquitto(folder)
        for name in ("store", "drop"):
            (folder / name).mkdir()
        (folder / "items.csv").write_text("sku,name_ko,gtin\nMILK,우유,8801234567893\n", "utf-8")
        (folder / "agent.toml").write_text(CONFIG.format(port=self.broker.port))
        self.broker.start()
        self._running = {"hq": self._start("jaego-hq", "run", "--broker", self.address, "--db", "hq.db")}
        self.start_agent()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.broker.port}"

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{command[0]}.log").open("ab") as log:
            return subprocess.Popen([str(BIN / command[0]), *command[1:]], stdout=log, stderr=log, cwd=self.folder)

    def start_agent(self) -> None:
        self._running["agent"] = self._start("jaego", "run", "agent.toml")

    def kill_agent(self) -> None:
        self._running["agent"].kill()
        self._running["agent"].wait()

    def hq(self, *command: str) -> tuple[int, dict[str, Any]]:
        done = subprocess.run(
            [str(BIN / "jaego-hq"), *command, "--store", "S001", "--broker", self.address],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.folder,
        )
        return done.returncode, json.loads(done.stdout) if done.stdout.startswith("{") else {"said": done.stderr}

    def ask(self, statement: str) -> list[Any]:
        with closing(sqlite3.connect(f"file:{self.folder}/store/ledger.db?mode=ro", uri=True)) as ledger:
            return [row[0] for row in ledger.execute(statement)]

    def drop(self, name: str, *rows: str) -> None:
        """Written beside the folder, and renamed into it."""
        path = self.folder / name
        path.write_text("\n".join(["transaction,till,occurred_at,sku,quantity,return", *rows, ""]), "utf-8")
        path.rename(self.folder / "drop" / name)

    def stored(self) -> int:
        return sum(self.ask("SELECT quantity FROM stock WHERE sku = 'MILK'"))

    def close(self) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()
        self.broker.stop()


def until(true: Callable[[], bool], what: str) -> None:
    end_s = time.monotonic() + WAIT_S_MAX
    while not true():
        assert time.monotonic() < end_s, what
        time.sleep(0.05)


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    opened = Chain(tmp_path)
    yield opened
    opened.close()


def test_orders_and_sales_over_kills(chain: Chain) -> None:
    now = time.strftime("%Y-%m-%d %H:%M:%S")  # of this machine: within a day of the store's
    chain.drop("back.csv", f"B1,till-1,{now},MILK,5000,y")
    done = chain.folder / "drop" / "done"
    until((done / "back.csv").exists, "the file was not taken")

    code, answer = chain.hq("reserve", "R1", "MILK", "4000", "--order", "O1")
    assert (code, answer["status"], answer["result"]) == (0, "done", {"available": 1000})
    code, answer = chain.hq("reserve", "R2", "MILK", "1001")
    assert (code, answer["reason"]) == (1, "not_available")

    chain.drop("day.csv", *(f"T{number:05},till-1,{now},MILK,1," for number in range(3000)))
    for left in (4800, 4000, 3000):
        until(lambda left=left: chain.stored() <= left, f"it does not go on below {left}")
        chain.kill_agent()
        (chain.folder / "asn.json").write_text(json.dumps(ASN))
        chain.hq("expect", "asn.json", "--db", "hq.db")
        chain.start_agent()
    until((done / "day.csv").exists, "the file was not put away")
    assert chain.stored() == 2000
    taken = [
        json.loads(body)
        for body in chain.ask("SELECT body FROM event WHERE CAST(body AS TEXT) LIKE '%sales_file_taken%'")
    ]
    assert [one["data"]["name"] for one in taken] == ["back.csv", "day.csv"]
    until(lambda: chain.ask("SELECT document FROM expected") == ["ASN-1"], "the document did not come")

    code, answer = chain.hq("release", "R1")
    assert (code, answer["result"]) == (0, {"available": 2000})
