"""A store's retained levels, heard from a real broker for as long as they come."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.messages import Level
from headoffice.checks.levels import Levels
from headoffice.clock import SystemClock
from headoffice.mqtt import Broker
from tests.brokers import MOSQUITTO, Mosquitto, Observer

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto (apt install mosquitto)"),
]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    found = Mosquitto(tmp_path, "max_queued_messages 0")
    found.start()
    yield found
    found.stop()


def level(sku: str, on_hand: int) -> bytes:
    common = {"reserved": 0, "available": on_hand, "zones": {}, "log": "L1", "as_of": 5}
    return Level.model_validate({"sku": sku, "on_hand": on_hand, **common}).model_dump_json().encode()


def heard(broker: Mosquitto, store: str) -> dict[str, int]:
    place = Broker("127.0.0.1", broker.port, "levels")
    levels = Levels(place, store, prefix="stock/v1", clock=SystemClock(), say=print)
    end_s = time.monotonic() + 40
    try:
        while (found := levels.heard()) is None:
            assert time.monotonic() < end_s
            time.sleep(0.05)
    finally:
        levels.close()
    return {one.sku: one.on_hand for one in found}


def test_all_of_one_store_and_nothing_else(broker: Mosquitto) -> None:
    with Observer(broker.port, "nothing") as store:
        for number in range(3_000):
            store._client.publish(f"stock/v1/S1/level/SKU-{number}", level(f"SKU-{number}", number), qos=1, retain=True)
        store.publish("stock/v1/S2/level/COLA", level("COLA", 1), retain=True)
        store.publish("stock/v1/S1/level/BAD", b"no JSON", retain=True)
        store.publish("stock/v1/S1/level/OTHER", level("COLA", 1), retain=True)
        store.publish("stock/v1/S1/level/SKU-7", b"", retain=True)
    assert heard(broker, "S1") == {f"SKU-{number}": number for number in range(3_000) if number != 7}


def test_a_store_that_publishes_none(broker: Mosquitto) -> None:
    assert heard(broker, "S9") == {}
