"""What head office tells a store, through real processes: agent, mosquitto, worker and desk, with kills."""

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

from tests.brokers import Mosquitto, Observer, free_port

BIN = Path(sys.executable).parent
WAIT_S_MAX = 40.0
EACH, CASE = "8801234567893", "18801234567890"
ITEMS = f"sku,name_ko,gtin,units,level\nMILK,우유,{EACH},1,each\nMILK,,{CASE},12,case\n"
CONFIG = """
[store]
id = "S001"
state_dir = "store"
zones = ["backroom"]
clock_trusted = true
[uplink]
port = {port}
backoff_s_max = 1
[web]
enabled = false
[[station]]
name = "dock"
zone = "backroom"
mode = "receive"
"""


class Chain:
    """A store without a catalogue of its own; a worker that publishes the items; a desk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Mosquitto(folder)
        (folder / "store").mkdir()
        (folder / "items.csv").write_text(ITEMS, "utf-8")
        (folder / "agent.toml").write_text(CONFIG.format(port=self.broker.port))
        self.broker.start()
        self._address = f"127.0.0.1:{self.broker.port}"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.start("worker", "jaego-hq", "run", "--broker", self._address, "--db", "hq.db", "--catalog", "items.csv")
        self.start_desk()
        self.start_agent()

    def start(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [str(BIN / command[0]), *command[1:]], stdout=log, stderr=log, cwd=self.folder
            )

    def start_agent(self) -> None:
        self.start("agent", "jaego", "run", "agent.toml")

    def start_desk(self) -> None:
        http = f"127.0.0.1:{free_port()}"
        self.start("desk", "jaego-hq", "desk", "--db", "hq.db", "--broker", self._address, "--http", http)

    def kill(self, *names: str) -> None:
        for name in names:
            one = self._running.pop(name)
            one.kill()
            one.wait()

    def run(self, *command: str) -> tuple[int, str]:
        done = subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.folder,
        )
        return done.returncode, done.stdout

    def send(self, verb: str, *more: str, **members: Any) -> tuple[int, dict[str, Any]]:
        given = ["--store", "S001", "--members", json.dumps(members), "--db", "hq.db", *more]
        code, told = self.run("jaego-hq", "command", "send", verb, *given)
        return code, json.loads(told) if told else {}

    def ledger(self, sql: str) -> list[Any]:
        return self._query("store/ledger.db", sql)

    def office(self, sql: str) -> list[Any]:
        return self._query("hq.db", sql)

    def _query(self, name: str, sql: str) -> list[Any]:
        try:
            with closing(sqlite3.connect(f"file:{self.folder / name}?mode=ro", uri=True)) as db:
                return [row[0] for row in db.execute(sql)]
        except sqlite3.OperationalError:
            return []

    def until(self, true: Callable[[], Any]) -> None:
        end_s = time.monotonic() + WAIT_S_MAX
        while not true():
            logs = {path.name: path.read_text(errors="replace")[-1000:] for path in self.folder.glob("*.log")}
            assert time.monotonic() < end_s, logs
            time.sleep(0.1)

    def close(self) -> None:
        self.kill(*list(self._running))
        self.broker.stop()


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    opened = Chain(tmp_path)
    yield opened
    opened.close()


@pytest.mark.broker
def test_items_notices_and_commands_reach_a_store(chain: Chain) -> None:
    scan = ("jaego", "scan", "dock", CASE, "-c", "agent.toml")
    chain.until(lambda: chain.run(*scan)[0] == 0)  # the item has come from head office
    chain.until(lambda: chain.office("SELECT state FROM store_state") == ["online"])

    (chain.folder / "asn.csv").write_text(f"납품번호,점포코드,바코드,수량\nASN-1,S001,{CASE},2\n", "cp949")
    assert chain.run("jaego-hq", "asn", "import", "asn.csv", "--db", "hq.db")[0] == 0
    chain.until(lambda: chain.ledger("SELECT document FROM expected") == ["ASN-1"])  # the worker has said it

    code, row = chain.send("reserve", "--wait", "30", "--id", "web-1", reservation="R1", sku="MILK", quantity=10)
    assert (code, row["status"], row["response"]["result"]) == (0, "done", {"available": 2})
    code, again = chain.send("reserve", "--wait", "30", "--id", "web-1", reservation="R1", sku="MILK", quantity=10)
    assert (code, again["response"]) == (0, row["response"])
    code, row = chain.send("reserve", "--wait", "30", reservation="R2", sku="MILK", quantity=10)
    assert (code, row["response"]["reason"]) == (1, "not_available")
    chain.until(lambda: chain.office("SELECT quantity FROM reservation") == [10])


@pytest.mark.broker
def test_a_command_outlives_the_desk_and_the_agent_and_is_done_once(chain: Chain) -> None:
    chain.until(lambda: chain.run("jaego", "scan", "dock", CASE, "-c", "agent.toml")[0] == 0)
    chain.until(lambda: chain.office("SELECT state FROM store_state") == ["online"])
    chain.kill("agent")
    names = [f"R{number}" for number in range(6)]
    for name in names:
        chain.send("reserve", "--life", "600", "--id", name, reservation=name, sku="MILK", quantity=2)
    chain.until(lambda: chain.office("SELECT COUNT(*) FROM command WHERE status = 'sent'") != [0] or
                chain.office("SELECT state FROM store_state") == ["offline"])  # fmt: skip
    chain.kill("desk")
    chain.start_desk()
    chain.start_agent()
    done = "SELECT COUNT(*) FROM command WHERE status = 'done'"
    chain.until(lambda: chain.office(done) not in ([0], []))
    chain.kill("desk", "agent")
    chain.start_agent()
    chain.start_desk()
    chain.until(lambda: chain.office(done) == [len(names)])
    made = "SELECT COUNT(*) FROM event WHERE CAST(body AS TEXT) LIKE '%reservation_made%'"
    assert chain.ledger(made) == [len(names)]
    chain.until(lambda: chain.office("SELECT SUM(quantity) FROM reservation") == [12])


@pytest.mark.broker
def test_a_broker_that_forgot_everything_is_told_again(chain: Chain) -> None:
    topic = "stock/v1/catalog/MILK"
    with Observer(chain.broker.port, topic) as observer:
        observer.wait(lambda: observer.payloads(topic))
    chain.broker.kill()
    chain.broker.start()
    with Observer(chain.broker.port, topic) as observer:
        observer.wait(lambda: observer.payloads(topic), 30)
        assert json.loads(observer.payloads(topic)[0])["gtins"][1]["units"] == 12
