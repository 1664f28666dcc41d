"""Alerts through a real broker: `jaego-hq run` takes in, `jaego-hq desk` tells; the desk is killed in between."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from contract.messages import Alert
from headoffice.alerts import records
from headoffice.alerts.rules import Row
from headoffice.database import open_database
from tests.brokers import MOSQUITTO, Mosquitto, Observer, free_port
from tests.headoffice.fake_agent import FakeAgent
from tests.headoffice.logs import Log

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto (apt install mosquitto)"),
]
PROGRAM = Path(sys.executable).parent / "jaego-hq"


@contextmanager
def program(folder: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "said.log").open("ab") as output:
        process = subprocess.Popen([str(PROGRAM), *words], stdout=output, stderr=output)
    try:
        yield process
        assert process.poll() is None, (folder / "said.log").read_text()
    finally:
        process.kill()
        process.wait()


def told(observer: Observer) -> list[dict[str, Any]]:
    return [orjson.loads(payload) for topic, payload, _ in observer.messages if "/alert/" in topic]


def test_a_sale_in_a_store_is_an_alert_on_its_topic_though_the_desk_is_killed(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    db = str(tmp_path / "hq.db")
    place = ["--broker", f"127.0.0.1:{broker.port}", "--db", db]
    desk = ["desk", *place, "--open", "--http", f"127.0.0.1:{free_port()}"]
    log = Log().open([["COLA", "shelf", None, "sellable", 20]])
    try:
        with Observer(broker.port) as observer, FakeAgent(log, broker.port) as agent, program(tmp_path, "run", *place):
            agent.deliver()
            with program(tmp_path, *desk):
                database = open_database(db)
                records.put_rules(database, [Row("low_stock", "", "", "", 10, "warning", enabled=True)], 1)
                log.receive("COLA", 12, **{"from": "shelf", "to": "customer"})
                agent.deliver()
                observer.wait(lambda: any(one["rule"] == "low_stock" for one in told(observer)))
            first = Alert.model_validate(next(one for one in told(observer) if one["rule"] == "low_stock"))
            assert (first.store, first.subject, first.facts["available"]) == ("S1", "COLA", 8)
            log.receive("MILK", 3, to="shelf")  # while no desk runs
            agent.deliver()
            with program(tmp_path, *desk):
                observer.wait(lambda: any(one["subject"] == "MILK" for one in told(observer)))
                gone(lambda: not database.rows("SELECT 1 FROM alert_notice"))
                database.close()
            assert len({one["notice"] for one in told(observer)}) == len({one["id"] for one in told(observer)})
    finally:
        broker.stop()


def gone(found: Callable[[], bool], timeout_s: float = 30.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not found():
        assert time.monotonic() < end_s
        time.sleep(0.05)
