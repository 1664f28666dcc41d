"""A check through a real broker: `jaego-hq run` and `jaego-hq desk` as processes, damage mended by a real replay."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from contract.messages import Level
from headoffice import own
from headoffice.storages import open_storage
from tests.brokers import MOSQUITTO, Mosquitto, Observer, free_port
from tests.headoffice.alerts.test_broker import PROGRAM, program
from tests.headoffice.checks.conftest import plain
from tests.headoffice.checks.test_checks import harm
from tests.headoffice.fake_agent import FakeAgent

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto (apt install mosquitto)"),
]


def test_damage_is_found_and_mended_by_real_processes(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    db, log = str(tmp_path / "hq.db"), plain()
    place = ["--broker", f"127.0.0.1:{broker.port}", "--db", db]
    desk = ["desk", *place, "--open", "--http", f"127.0.0.1:{free_port()}"]

    def check(*words: str, store: FakeAgent | None = None) -> tuple[int, dict[str, object]]:
        command = [str(PROGRAM), "check", "--db", db, "--json", "--timeout", "60", *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as checking:
            if store is not None:
                assert store.wait(lambda: 30 in store.replays, 60)
                store.publish(log.batches(30))
            said, failed = checking.communicate(timeout=90)
        assert said, failed
        return checking.returncode, json.loads(said)

    try:
        with Observer(broker.port) as levels, FakeAgent(log, broker.port) as agent, program(tmp_path, "run", *place):
            agent.deliver()
            agent.fold()
            level = Level(sku="COLA", on_hand=20, reserved=0, available=20, zones={}, log=log.name, as_of=log.head)
            levels.publish("stock/v1/S1/level/COLA", level.model_dump_json().encode(), retain=True)
            with program(tmp_path, *desk):
                code, found = check()
                assert (code, found["verdict"], found["levels"]) == (0, "equal", 1)
                storage = open_storage(db)
                harm(storage.database, "UPDATE event SET type = 'count' WHERE seq = 30")
                storage.database.write("UPDATE stock SET quantity = 1 WHERE sku = 'COLA'")
                code, found = check("--deep", store=agent)
                assert (code, found["verdict"], found["damaged"]) == (0, "repaired", 30)
                own.check(storage, "S1", deep=True)
                storage.close()
    finally:
        broker.stop()
