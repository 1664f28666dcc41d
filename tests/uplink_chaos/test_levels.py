"""A level that was published, and whose SKU is gone when the agent is killed before it could say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.brokers import BROKERS, USER, Needs, Observer
from tests.uplink_chaos.house import PASSWORD, STORE, House, until

LEVEL = f"stock/v1/{STORE}/level/MILK"


@pytest.mark.broker
@pytest.mark.parametrize("name", ["mosquitto", "nats"])
def test_the_level_of_what_is_gone_is_cleared_after_a_crash(tmp_path: Path, name: str) -> None:
    broker = BROKERS[name](tmp_path)
    broker.start(*broker.lines(Needs(password=PASSWORD)))
    with House(tmp_path, broker) as house:
        house.start_agent()
        with Observer(broker.port, LEVEL, username=USER, password=PASSWORD) as observer:
            house.sell("back", 1, returned=True)
            observer.wait(lambda: observer.payloads(LEVEL))
            assert b'"on_hand":1' in observer.payloads(LEVEL)[-1]
        broker.stop()
        house.sell("sold", 1)
        until(lambda: not house.ledger("SELECT 1 FROM stock"), house.state)
        house.kill(STORE)
        broker.start()
        with Observer(broker.port, LEVEL, username=USER, password=PASSWORD) as observer:
            observer.wait(lambda: observer.messages)  # what the broker remembers
            house.start_agent()
            observer.wait(lambda: observer.payloads(LEVEL)[-1] == b"", 30.0)
