"""From a sale to two consumers of EPCIS through real processes: agent, mosquitto, head office, capture interface.

What the agent says on its topic and what head office delivers are the same events with the same ids.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.brokers import Observer, free_port
from tests.chain.test_orders_chain import BIN, CONFIG, Chain, until
from tests.contract.epcis_scores import check

EPCIS = """
[epcis]
base = "https://stock.example.com"
gln = "8801234000109"
"""
MASTER = """
base = "https://stock.example.com"
locations = { S001 = "8801234000109" }
"""
pytestmark = pytest.mark.broker


class EpcisChain(Chain):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.kill_agent()
        (folder / "agent.toml").write_text(CONFIG.format(port=self.broker.port) + EPCIS)
        (folder / "epcis.toml").write_text(MASTER)
        port = free_port()
        self.capture = f"http://127.0.0.1:{port}/epcis"
        faults = ("--faults", "0.2", "--seed", "5", "--out", "stored.jsonl")
        self._running["peer"] = self._start("jaego-sim", "epcis", "--port", str(port), *faults)

    def push(self) -> str:
        words = ["epcis", "push", self.capture, "--db", "hq.db", "--master", "epcis.toml", "--batch", "20"]
        done = subprocess.run(
            [str(BIN / "jaego-hq"), *words], capture_output=True, text=True, timeout=100, check=False, cwd=self.folder
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def at_head_office(self) -> int:
        words = [str(BIN / "jaego-hq"), "log", "show", "--store", "S001", "--db", "hq.db", "--last", "1", "--json"]
        done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=self.folder)
        return int(json.loads(done.stdout)["seq"])

    def at_peer(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "stored.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[EpcisChain]:
    opened = EpcisChain(tmp_path)
    yield opened
    opened.close()


def test_both_ways_tell_the_same_events(chain: EpcisChain) -> None:
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    with Observer(chain.broker.port, "stock/v1/S001/epcis") as observer:
        chain.start_agent()
        done = chain.folder / "drop" / "done"
        for name in ("one.csv", "two.csv"):
            chain.drop(name, *(f"{name}-{number},till-1,{now},MILK,1," for number in range(100)))
            until((done / name).exists, f"{name} was not taken")
            chain.kill_agent()
            chain.start_agent()
        until(lambda: len({one["eventID"] for one in told(observer)}) >= 200, "documents are missing")
        head = chain.ask("SELECT MAX(seq) FROM event")[0]
        until(lambda: chain.at_head_office() == head, "head office lacks events")
        heard = told(observer)
    assert f"{head:,} events delivered" in chain.push()
    first = {one["eventID"]: one for one in heard}
    stored = chain.at_peer()
    assert [one["eventID"] for one in stored] == list(first)
    assert all({**one, "quantityList": 0} == {**first[one["eventID"]], "quantityList": 0} for one in stored)
    assert {one["bizStep"] for one in stored} == {"retail_selling"}


def told(observer: Observer) -> list[dict[str, Any]]:
    """The same event may come twice: its content is the same."""
    found: dict[str, dict[str, Any]] = {}
    for payload in observer.payloads("stock/v1/S001/epcis"):
        document = json.loads(payload)
        check(document)
        for one in document["epcisBody"]["eventList"]:
            assert found.setdefault(one["eventID"], one) == one
    return list(found.values())
