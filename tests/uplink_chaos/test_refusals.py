"""What a broker will not let in: the store says why in a clear line, loses nothing, and goes on once it may.

With each broker in turn: a certificate that is out of date, a password that is wrong, a topic that is denied. A broker
of MQTT 3.1.1 says that it took what it threw away: then nothing but the consumers' acknowledgements tells the truth.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.agent.uplink.test_link_brokers import Authority
from tests.brokers import BROKERS, Needs
from tests.uplink_chaos.gate import OldGate
from tests.uplink_chaos.house import LONG, PASSWORD, STORE, House, until

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]


@pytest.mark.parametrize("name", list(BROKERS))
def test_a_store_waits_until_it_may_come_in_and_write(tmp_path: Path, name: str) -> None:
    if not LONG and name == "rabbitmq":
        pytest.skip("four starts of 8 s: in `make uplink`")
    authority, broker = Authority(tmp_path, "ours"), BROKERS[name](tmp_path)
    good = authority.issue("good")
    old = authority.issue("old", ends=-timedelta(hours=1))
    tls = f'tls = true\nca_file = "{authority.file}"'
    broker.start(*broker.lines(Needs(password="other", certificate=old)))
    with House(tmp_path, broker, uplink=tls, ca_file=authority.file) as house:
        house.start_agent()
        house.clerk.works.set()
        house.says(STORE, "certificate has expired")
        broker.stop()
        broker.start(*broker.lines(Needs(password="other", certificate=good)))
        house.says(STORE, "refuses this store")
        assert "see username, password_file" in house.log(STORE)
        broker.stop()
        denied = f"stock/v1/{STORE}/movement"
        broker.start(*broker.lines(Needs(password=PASSWORD, certificate=good, denied=denied)))
        house.start_office()
        until(lambda: house.office_head() > 0, house.state)  # the opening is on another topic
        time.sleep(3.0)
        assert house.office_head() < house.head() - 10
        assert house.delivered() <= house.office_head()
        broker.stop()
        broker.start(*broker.lines(Needs(password=PASSWORD, certificate=good)))
        house.books.come()
        house.settle()
        house.verified()
        sys.stdout.write(f"\n{name}: {house.head():,} events after certificate, password and denied topic\n")


def test_a_broker_that_says_it_took_what_it_threw_away_is_not_believed(tmp_path: Path) -> None:
    """MQTT 3.1.1 has no other answer (3.3.5): mosquitto's PUBACK of a denied message is like any other."""
    broker = BROKERS["mosquitto"](tmp_path)
    broker.start(*broker.lines(Needs(password=PASSWORD, denied=f"stock/v1/{STORE}/movement")))
    with OldGate(broker.port) as gate, House(tmp_path, broker, port=gate.port) as house:
        house.start_office()
        house.start_agent()
        house.books.come()
        house.clerk.works.set()
        until(lambda: house.clerk.good > 100, house.state)
        house.clerk.rest()
        sent = house.health()["counters"]["events_sent"]
        assert sent > 100
        assert "the broker refused" not in house.log(STORE)
        assert max(house.delivered(), house.delivered("books")) < 10
        house.says(STORE, "headoffice stays silent at event")
        broker.stop()
        broker.start(*broker.lines(Needs(password=PASSWORD)))
        house.settle()
        house.verified()
        sys.stdout.write(f"\nmosquitto, 3.1.1: {sent:,} events sent to nobody, {house.head():,} arrived\n")
