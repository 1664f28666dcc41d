"""RabbitMQ and NATS with the settings that docs/brokers.md gives: certificates are users, a store has its own topics.

The settings are read out of the page. Both speak MQTT 3.1.1.
"""

from __future__ import annotations

import json
import re
import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headoffice.authority import OFFICE
from tests.access.stores import Client, Office
from tests.access.test_broker_access import HEARD, OFFICE_ONLY, topics
from tests.brokers import Broker, Nats, RabbitMq
from tests.uplink_chaos.house import LONG, until

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]
PAGE = (Path(__file__).parents[2] / "docs" / "brokers.md").read_text()
STORES = ("S001", "S002")
ESCAPES = ("#", "$MQTT/sub/#", "$MQTT/#", "$JS/#", "stock/v1/+/request/+", "stock/v1/S002/#")


def block(begin: str) -> str:
    """An indented block of the page, from the line that begins so."""
    found = re.search(rf"^    {re.escape(begin)}.*?(?=\n\n\S|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None, begin
    return "\n".join(line[4:] for line in found[0].splitlines())


def nats(broker: Broker, office: Office) -> list[str]:
    chain, key = office.server
    given = block("authorization {")
    user = given[given.index("{ user:") : given.rindex("] }")].rstrip()
    users = ", ".join([*(user.replace("S001", name) for name in STORES), f'{{ user: "CN={OFFICE}" }}'])
    tls = f'cert_file: "{chain}", key_file: "{key}", ca_file: "{office.ca}", verify_and_map: true'
    return [
        f'mqtt {{ listen: "127.0.0.1:{broker.port}", tls {{ {tls} }} }}',
        f"authorization {{ users: [ {users} ] }}",
    ]


def rabbitmq(broker: Broker, office: Office) -> list[str]:
    chain, key = office.server
    rules = re.findall(r"'([^']*)'", block("rabbitmqctl set_permissions S001"))
    configure, write, read, topic_write, topic_read = rules
    users: list[dict[str, Any]] = [{"name": name, "password_hash": "", "tags": ""} for name in (*STORES, OFFICE)]
    rights: list[dict[str, str]] = [{"user": OFFICE, "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}]
    topic_rights: list[dict[str, str]] = []
    for name in STORES:
        own = {
            place: rule.replace("S001", name)
            for place, rule in (("configure", configure), ("write", write), ("read", read))
        }
        rights.append({"user": name, "vhost": "/", **own})
        topic_rights.append(
            {"user": name, "vhost": "/", "exchange": "amq.topic", "write": topic_write, "read": topic_read}
        )
    made = {"vhosts": [{"name": "/"}], "users": users, "permissions": rights, "topic_permissions": topic_rights}
    path = broker.folder / "rights.json"
    path.write_text(json.dumps(made))
    return [
        f"load_definitions = {path}",
        "mqtt.listeners.tcp = none",
        f"mqtt.listeners.ssl.1 = 127.0.0.1:{broker.port}",
        f"ssl_options.cacertfile = {office.ca}",
        f"ssl_options.certfile = {chain}",
        f"ssl_options.keyfile = {key}",
        *(line for line in block("ssl_options.verify").splitlines() if line),
    ]


KINDS: dict[str, tuple[type[Broker], Callable[[Broker, Office], list[str]]]] = {
    "nats": (Nats, nats),
    "rabbitmq": (RabbitMq, rabbitmq),
}


class Place:
    """RabbitMQ listens before it knows its users."""

    def __init__(self, broker: Broker, office: Office) -> None:
        self.broker, self.office = broker, office

    def lets_in(self) -> bool:
        try:
            with self.client(OFFICE) as found:
                return found.connected is not None and not found.connected.is_failure
        except (ssl.SSLError, ConnectionError):
            return False

    def client(self, name: str) -> Client:
        files = self.office.own() if name == OFFICE else self.office.store(name)
        return Client(
            self.broker.port, self.office.ca, files, version5=False, client_id=f"jaego-{name.strip('@')}", kept=True
        )


@pytest.fixture(params=list(KINDS))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "rabbitmq" and not LONG:
        pytest.skip("a start of 8 s: in `make uplink`")
    kind, lines = KINDS[request.param]
    office, broker = Office(tmp_path), kind(tmp_path)
    broker.start(*lines(broker, office))
    found = Place(broker, office)
    until(found.lets_in, lambda: broker.log.read_text(errors="replace")[-2000:], 30.0)
    yield found
    broker.kill()


def test_a_store_has_its_own_topics_and_nothing_of_another(place: Place) -> None:
    own, foreign = topics("S001"), topics("S002")
    with place.client(OFFICE) as hq, place.client("S002") as other, place.client("S001") as one:
        hq.subscribe("stock/v1/#")
        other.subscribe(*(f"stock/v1/S002/{plane}/+" for plane in sorted(HEARD)))
        one.subscribe(*(f"stock/v1/S001/{plane}/+" for plane in sorted(HEARD)), "stock/v1/catalog/+")
        for plane in sorted(own.keys() - HEARD - OFFICE_ONLY):
            one.publish(own[plane], b"said")
        for plane in sorted(HEARD):
            hq.publish(own[plane], b"told")
            hq.publish(foreign[plane], b"secret")
        hq.publish("stock/v1/catalog/x", b"told")
        one.wait(lambda: len(one.heard) == len(HEARD) + 1)
        hq.wait(lambda: {own[plane] for plane in own.keys() - HEARD - OFFICE_ONLY} <= {topic for topic, _ in hq.heard})
        other.wait(lambda: len(other.heard) == len(HEARD))
    for topic in (*foreign.values(), "stock/v1/catalog/x"):  # one connection each: some hang up
        with place.client("S001") as one:
            one.try_publish(topic, b"forged")
    for escape in ESCAPES:
        with place.client("S001") as one, place.client(OFFICE) as hq, place.client("S002") as other:
            hq.subscribe("stock/v1/#")
            other.subscribe("stock/v1/S002/request/+")
            one.try_subscribe(escape)
            hq.publish("stock/v1/S002/request/ping", b"secret")
            other.publish("stock/v1/S002/level/x", b"secret")
            other.wait(lambda other=other: (foreign["request"][:-1] + "ping", b"secret") in other.heard)
            hq.wait(lambda hq=hq: (foreign["level"], b"secret") in hq.heard)
            assert b"secret" not in [payload for _topic, payload in one.heard], escape
            assert b"forged" not in [payload for _topic, payload in (*hq.heard, *other.heard)]
    sys.stdout.write(f"\n{place.broker.name}: {len(foreign)} topics and {len(ESCAPES)} wildcards tried, 0 arrived\n")
