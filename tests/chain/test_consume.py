"""docs/consume.md: its snippets, run as they stand against a broker, an agent and head office."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.asyncapi_document import Recorded, messages_of, plane_of, validators
from tests.brokers import Mosquitto, Observer
from tests.contract_document import sample_log

BIN = Path(sys.executable).parent
TEXT = (Path(__file__).parent.parent.parent / "docs" / "consume.md").read_text("utf-8")
WAIT_S_MAX = 40.0
CONFIG = """
[store]
id = "S001"
state_dir = "store"
zones = ["backroom"]
language = "en"
clock_trusted = true
[catalogue]
file = "items.csv"
[web]
enabled = false
[[station]]
name = "dock"
zone = "backroom"
mode = "receive"
[uplink]
port = {port}
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


class House:
    """A broker, an agent that knows the consumer `books`, and head office."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Mosquitto(folder)
        (folder / "store").mkdir()
        (folder / "items.csv").write_text("sku,name_en,gtin\nMILK,Milk,8801234567893\nTEA,Tea,8801234567909\n")
        [settings] = blocks("toml")
        consumers = settings.partition("[uplink]\n")[2]
        (folder / "agent.toml").write_text(CONFIG.format(port=self.broker.port) + consumers)
        [program] = blocks("python")
        (folder / "books.py").write_text(program)
        self.broker.start()
        self._running: list[subprocess.Popen[bytes]] = []
        address = f"127.0.0.1:{self.broker.port}"
        self.start(str(BIN / "jaego-hq"), "run", "--broker", address, "--db", "hq.db")
        self.start(str(BIN / "jaego"), "run", "agent.toml")

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{Path(command[0]).name}.log").open("ab") as log:
            one = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        self._running.append(one)
        return one

    def books(self) -> subprocess.Popen[bytes]:
        return self.start(sys.executable, "books.py", "127.0.0.1", str(self.broker.port), "books.db")

    def scan(self, *codes: str) -> None:
        """At the dock: each is received."""
        for code in codes:
            self.until(lambda code=code: self._scanned(code))

    def _scanned(self, code: str) -> bool:
        command = [str(BIN / "jaego"), "scan", "dock", code, "-c", "agent.toml"]
        return subprocess.run(command, cwd=self.folder, capture_output=True, check=False).returncode == 0

    def shell(self, script: str) -> str:
        known = {"BROKER": "127.0.0.1", "PORT": str(self.broker.port), "STORE": "S001"}
        done = subprocess.run(
            ["bash", "-c", script], env=os.environ | known, capture_output=True, text=True, timeout=30, check=False
        )
        assert not done.stderr.replace("Timed out", "").strip(), done.stderr
        return done.stdout

    def query(self, database: str, sql: str) -> list[tuple[object, ...]]:
        path = self.folder / database
        if not path.exists():
            return []
        with closing(sqlite3.connect(path)) as db:
            try:
                return db.execute(sql).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" not in str(error):
                    raise
                return []

    def until(self, true: Callable[[], object]) -> None:
        end_s = time.monotonic() + WAIT_S_MAX
        while not true():
            logs = {path.name: path.read_text(errors="replace")[-800:] for path in self.folder.glob("*.log")}
            assert time.monotonic() < end_s, logs
            time.sleep(0.1)

    def stop(self) -> None:
        for one in reversed(self._running):
            one.terminate()
            one.wait(20)
        self.broker.stop()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Everything that is said in it must be what docs/schemas says."""
    made = House(tmp_path)
    try:
        with Observer(made.broker.port, "stock/v1/#") as observer:
            yield made
            heard = [Recorded(topic, retained, payload.decode()) for topic, payload, retained in observer.messages]
        known = validators()
        assert len({plane_of(one.topic).key for one in heard}) > 5
        assert not [one for one in heard if not messages_of(one, known)]
    finally:
        made.stop()


@pytest.mark.broker
def test_the_consumer_has_every_event_once_over_kills_and_the_sums_are_right(house: House) -> None:
    [sql] = blocks("sql")
    count = "SELECT COUNT(*), MAX(seq), COUNT(DISTINCT id) FROM (SELECT seq, body ->> '$.id' AS id FROM event)"
    first = house.books()
    house.scan("8801234567893", "8801234567893")
    house.until(lambda: [row[-1] for row in house.query("books.db", sql)] == [2])
    first.kill()
    first.wait()
    house.scan("8801234567909")
    house.books()
    house.scan("8801234567893")
    expected = [("S001", "MILK", "backroom", 3), ("S001", "TEA", "backroom", 1)]
    house.until(lambda: [row[:1] + row[2:] for row in house.query("books.db", sql)] == expected)
    [(events, head, ids)] = house.query("books.db", count)
    assert events == head == ids
    house.until(lambda: house.query("hq.db", sql) == house.query("books.db", sql))
    held = "SELECT store, sku, zone, quantity FROM stock ORDER BY 1, 2, 3"
    house.until(lambda: house.query("hq.db", held) == expected)
    with Observer(house.broker.port, "stock/v1/S001/ack/books") as observer:
        observer.wait(lambda: observer.messages)
        assert json.loads(observer.messages[0][1])["seq"] == head


@pytest.mark.broker
def test_who_looks_sees_stores_levels_and_an_answer(house: House) -> None:
    if not all(map(shutil.which, ("mosquitto_sub", "mosquitto_rr", "jq"))):
        pytest.skip("needs mosquitto-clients and jq")
    house.scan("8801234567893", "8801234567909")
    states, levels, _movements, ping = blocks("sh")
    assert house.shell(states).split()[:2] == ["S001", "online"]
    house.until(lambda: sorted(house.shell(levels).splitlines()) == ["MILK\t1\t0\t1", "TEA\t1\t0\t1"])
    answer = json.loads(house.shell(ping))
    assert (answer["id"], answer["status"]) == ("look-1", "done")


@pytest.mark.broker
def test_who_looks_sees_movements(house: House) -> None:
    if not all(map(shutil.which, ("mosquitto_sub", "jq"))):
        pytest.skip("needs mosquitto-clients and jq")
    heard = house.folder / "heard"
    script = blocks("sh")[2].replace("-W 3", "-W 30 -C 1")
    house.start("bash", "-c", f"BROKER=127.0.0.1 PORT={house.broker.port}; ({script}) >'{heard}'")
    house.until(lambda: [house.scan("8801234567893"), heard.read_text()][1])
    store, _, kind, sku, quantity, *way = heard.read_text().split()
    assert (store, kind, sku, quantity, way) == ("S001", "received", "MILK", "1", ["supplier", "backroom"])


# -- what the program does with a log that is not right ---------------------------------------------------------------

_STUB = """
import json, sys, types
paho, mqtt = types.ModuleType("paho"), types.ModuleType("paho.mqtt")
class Message:
    def __init__(self, payload): self.payload = payload
class Client:
    def __init__(self, *_, **__): pass
    def connect(self, *_): pass
    def subscribe(self, topics): pass
    def publish(self, topic, payload, qos, retain): print(topic, json.loads(payload)["seq"], qos, retain)
    def loop_forever(self):
        self.on_connect(self)
        for line in sys.stdin: self.on_message(self, None, Message(line))
mqtt.client = types.SimpleNamespace(Client=Client, CallbackAPIVersion=types.SimpleNamespace(VERSION2=2))
sys.modules |= {"paho": paho, "paho.mqtt": mqtt}
"""


def consumed(folder: Path, found: list[list[dict[str, object]]]) -> list[str]:
    """What the program says of these messages, paho replaced by standard input."""
    [program] = blocks("python")
    (folder / "books.py").write_text(_STUB + program, "utf-8")
    told = "\n".join(json.dumps({"store": "S001", "log": "a", "events": events}) for events in found)
    command = [sys.executable, "books.py", "localhost", "1883", "books.db"]
    done = subprocess.run(command, input=told, capture_output=True, text=True, timeout=30, check=False, cwd=folder)
    return [line.removeprefix("stock/v1/S001/ack/books ") for line in (done.stdout + done.stderr).splitlines()]


def test_events_that_come_again_count_once(tmp_path: Path) -> None:
    log = sample_log()
    assert consumed(tmp_path, [log[:2], log[1:3], log[:1]]) == ["2 1 True", "3 1 True", "3 1 True"]
    assert consumed(tmp_path, [log]) == ["4 1 True"]  # started anew on its table


def test_a_gap_is_waited_for(tmp_path: Path) -> None:
    log = sample_log()
    assert consumed(tmp_path, [log[:1], log[2:], log[1:]]) == ["1 1 True", "1 1 True", "4 1 True"]


def test_a_log_may_begin_at_an_opening_but_nowhere_else(tmp_path: Path) -> None:
    log = sample_log()
    assert consumed(tmp_path, [log[1:]]) == []


@pytest.mark.parametrize("member", ["prev", "hash", "data"])
def test_what_was_changed_is_not_taken(tmp_path: Path, member: str) -> None:
    log = sample_log()
    log[1][member] = {**log[1]["data"], "language": "en"} if member == "data" else "0" * 64
    said = consumed(tmp_path, [log[:1], log[1:]])
    assert (said[0], said[-1]) == ("1 1 True", "S001: event 2 was changed on its way")
