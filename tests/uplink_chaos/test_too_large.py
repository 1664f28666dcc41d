"""Messages over the broker's limit: batches become as small as they must, one event that is still too large waits in
the open and holds up nothing but what is behind it. Under MQTT 5 the limit is told; under 3.1.1 the broker hangs up.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.control import request
from tests.brokers import BROKERS, Needs
from tests.uplink_chaos.gate import OldGate
from tests.uplink_chaos.house import PASSWORD, STORE, House, until

LIMIT_BYTES = 3_000
SMALL = Needs(password=PASSWORD, packet_bytes_max=LIMIT_BYTES)
pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]


@pytest.fixture(params=["mosquitto", "mosquitto 3.1.1"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """The MQTT of RabbitMQ and of NATS keeps to no limit."""
    name, _, old = request.param.partition(" ")
    broker = BROKERS[name](tmp_path)
    with ExitStack() as stack:
        port = stack.enter_context(OldGate(broker.port)).port if old else broker.port
        yield stack.enter_context(House(tmp_path, broker, port=port))


def test_batches_shrink_and_an_event_that_does_not_fit_waits_in_the_open(house: House) -> None:
    house.broker.start(*house.broker.lines(SMALL))
    house.start_agent()
    good = house.clerk.good
    house.clerk.works.set()
    until(lambda: house.clerk.good > good + 60, house.state)  # nobody acknowledges them yet: they go in batches
    house.start_office()
    house.books.come()
    house.settle()

    list(request(house.folder / STORE, "scan", station="dock", code="X" * 4_000))
    stuck = house.head()
    until(lambda: house.health().get("stuck_event") == stuck, house.state)
    house.says(STORE, f"event {stuck} needs ")
    house.clerk.works.set()
    good = house.clerk.good
    until(lambda: house.clerk.good > good + 20, house.state)
    house.clerk.rest()
    assert house.office_head() == house.delivered() == stuck - 1
    told = "SELECT json_extract(health, '$.stuck_event') FROM store_state"
    until(lambda: house.office(told) == [(stuck,)], house.state)  # the state plane goes on

    house.broker.stop()
    house.broker.start(*house.broker.lines(Needs(password=PASSWORD)))
    house.settle()
    until(lambda: "stuck_event" not in house.health(), house.state)
    house.verified()
    sys.stdout.write(f"\n{house.broker.name}: {house.head()} events, one over the limit\n{house.log(STORE)}")
