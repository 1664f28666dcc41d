"""A store's credentials, tried on every topic of another store: nothing gets through, in either direction.

The broker is mosquitto with the files of config/. MQTT 3.1.1 has no refusal of a publish, and mosquitto grants every
subscription, so what counts is what arrives: head office and the other store listen, and a last message that is allowed
says that all before it had its turn.
"""

from __future__ import annotations

import inspect
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509

from contract.topics import EventType, Topics
from tests.access.stores import CONFIG, Client, Office, now_us, settings
from tests.brokers import USER, Mosquitto, Needs, free_port
from tests.uplink_chaos.gate import OldGate
from tests.uplink_chaos.house import BIN, PASSWORD, STORE, House, until

pytestmark = pytest.mark.broker
HEARD = {"ack", "expected", "request", "answer"}
OFFICE_ONLY = {"alert"}


def topics(store: str) -> dict[str, str]:
    """Every topic of a store by its plane, as the contract has them now."""
    found: dict[str, str] = {}
    for name, _function in inspect.getmembers(Topics, inspect.isfunction):
        if name.startswith("_") or name == "catalog":
            continue
        method = getattr(Topics(store), name)
        if name == "events":
            found |= {kind.value: method(kind.value) for kind in EventType}
        else:
            found[name] = method(*("x" for _ in inspect.signature(method).parameters))
    return found


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


@pytest.fixture
def broker(tmp_path: Path, office: Office) -> Iterator[Mosquitto]:
    made = Mosquitto(tmp_path)
    made.start(*settings(made, office))
    yield made
    made.kill()


@pytest.mark.parametrize("version5", [True, False], ids=["5", "3.1.1"])
def test_nothing_of_another_store_can_be_written(broker: Mosquitto, office: Office, version5: bool) -> None:
    with (
        Client(broker.port, office.ca, office.own()) as hq,
        Client(broker.port, office.ca, office.store("S002")) as other,
        Client(broker.port, office.ca, office.store("S001"), version5=version5) as one,
    ):
        hq.subscribe("stock/v1/#")
        other.subscribe("stock/v1/S002/#", "stock/v1/catalog/+")
        tried = [*topics("S002").values(), "stock/v1/catalog/x", "stock/v1/S002", "stock/v1/headoffice/alert/x", "x"]
        for topic in tried:
            receipt = one.publish(topic, b"forged")
            assert receipt.is_failure == version5, topic
        for plane in (*HEARD, *OFFICE_ONLY):  # what head office says, a store does not say of itself either
            one.publish(topics("S001")[plane], b"forged")
        one.publish("stock/v1/S001/state", b"true")
        hq.publish("stock/v1/S002/request/ping", b"true")
        hq.wait(lambda: ("stock/v1/S001/state", b"true") in hq.heard)
        other.wait(lambda: other.heard)
        assert [payload for _topic, payload in (*hq.heard, *other.heard)] == [b"true"] * 3
        sys.stdout.write(f"\n{len(tried)} topics tried under {'5' if version5 else '3.1.1'}, 0 arrived\n")


@pytest.mark.parametrize("version5", [True, False], ids=["5", "3.1.1"])
def test_nothing_of_another_store_can_be_heard(broker: Mosquitto, office: Office, version5: bool) -> None:
    tried = [*topics("S002").values(), "stock/v1/S002/#", "stock/v1/+/ack/+", "stock/v1/#", "#", "+/+/+/request/+"]
    with (
        Client(broker.port, office.ca, office.own()) as hq,
        Client(broker.port, office.ca, office.store("S002")) as other,
        Client(broker.port, office.ca, office.store("S001"), version5=version5) as one,
    ):
        hq.publish("stock/v1/S002/ack/x", b"kept", retain=True)
        other.publish("stock/v1/S002/level/x", b"kept", retain=True)
        one.subscribe(*tried, "$share/all/stock/v1/S002/request/+")
        for topic in topics("S002").values():
            hq.publish(topic, b"secret")
        for plane in topics("S002").keys() - HEARD - OFFICE_ONLY:
            assert not other.publish(topics("S002")[plane], b"secret").is_failure, plane
        hq.publish("stock/v1/catalog/x", b"for all")
        hq.publish("stock/v1/S001/ack/x", b"for one")
        one.wait(lambda: ("stock/v1/S001/ack/x", b"for one") in one.heard)
        assert {payload for _topic, payload in one.heard} == {b"for all", b"for one"}


def test_another_stores_session_cannot_be_read_by_taking_its_client_id(broker: Mosquitto, office: Office) -> None:
    """It can be thrown out so, which both say; what was subscribed there stays closed to whoever came."""
    with (
        Client(broker.port, office.ca, office.own()) as hq,
        Client(broker.port, office.ca, office.store("S002"), version5=False, client_id="jaego-S002", kept=True) as own,
    ):
        own.subscribe("stock/v1/S002/request/+")
        with Client(
            broker.port, office.ca, office.store("S001"), version5=False, client_id="jaego-S002", kept=True
        ) as one:
            own.wait(lambda: own.ended)
            one.subscribe("stock/v1/S001/ack/+")
            hq.publish("stock/v1/S002/request/ping", b"secret")
            hq.publish("stock/v1/S001/ack/x", b"for one")
            one.wait(lambda: one.heard)
            assert [payload for _topic, payload in one.heard] == [b"for one"]


def test_a_store_says_and_hears_all_that_is_its_own(broker: Mosquitto, office: Office) -> None:
    own = topics("S001")
    with (
        Client(broker.port, office.ca, office.own()) as hq,
        Client(broker.port, office.ca, office.store("S001")) as one,
    ):
        hq.subscribe("stock/v1/#")
        one.subscribe(*(f"stock/v1/S001/{plane}/+" for plane in HEARD))
        for plane in own.keys() - HEARD - OFFICE_ONLY:
            assert not one.publish(own[plane], b"said").is_failure, plane
        for plane in HEARD:
            hq.publish(own[plane], b"told")
        one.wait(lambda: len(one.heard) == len(HEARD))
        said = {topic for topic, payload in hq.heard if payload == b"said"}
        assert said == {own[plane] for plane in own.keys() - HEARD - OFFICE_ONLY}


def stays_out(broker: Mosquitto, office: Office, shown: tuple[Path, Path] | None) -> bool:
    try:
        with Client(broker.port, office.ca, shown) as found:
            return found.connected is None
    except (ssl.SSLError, ConnectionError):
        return True


def test_nobody_comes_in_without_a_certificate_or_with_one_that_was_taken_back(
    broker: Mosquitto, office: Office
) -> None:
    stranger = Office(office.folder / "other")
    files = office.store("S003")
    with Client(broker.port, office.ca, files) as before:
        assert not before.connected.is_failure
    serial = f"{x509.load_pem_x509_certificate(files[0].read_bytes()).serial_number:x}"
    office.authority.take_back([serial], now_us())
    broker.reload()
    for shown in (files, None, stranger.store("S001")):
        until(partial(stays_out, broker, office, shown), lambda: broker.log.read_text()[-500:], 10.0)
    with Client(broker.port, office.ca, office.store("S003")) as again:
        assert not again.connected.is_failure


def test_head_offices_desk_and_tools_come_in_by_its_certificate(broker: Mosquitto, office: Office) -> None:
    chain, key = office.own()
    shown = ["--broker", f"localhost:{broker.port}", "--ca", str(office.ca), "--cert", str(chain), "--key", str(key)]
    notice = office.folder / "asn.csv"
    notice.write_text("document,kind,from,to,sku,quantity\nASN-1,receipt,supplier,backroom,TEA,3\n")
    with Client(broker.port, office.ca, office.store("S001")) as store:
        store.subscribe("stock/v1/S001/expected/+")
        tool = [str(BIN / "jaego-hq"), "expect", str(notice), "--store", "S001", "--db", "hq.db", *shown]
        done = subprocess.run(tool, cwd=office.folder, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        store.wait(lambda: [topic for topic, _ in store.heard] == ["stock/v1/S001/expected/ASN-1"])
    command = [str(BIN / "jaego-hq"), "desk", "--db", "hq.db", "--http", f"127.0.0.1:{free_port()}", *shown]
    with subprocess.Popen(command, cwd=office.folder, stdout=subprocess.DEVNULL) as desk:
        until(lambda: "as hq-desk" in broker.log.read_text(), broker.log.read_text, 30.0)
        desk.terminate()


def test_a_broker_shows_its_next_certificate_after_a_reload(broker: Mosquitto, office: Office) -> None:
    def shown() -> str:
        context = ssl.create_default_context(cafile=str(office.ca))
        with (
            socket.create_connection(("127.0.0.1", broker.port), 10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as found,
        ):
            return str((found.getpeercert() or {})["serialNumber"])

    before = shown()
    office.next_server()
    broker.reload()
    until(lambda: shown() != before, lambda: broker.log.read_text()[-500:], 10.0)


@pytest.mark.timeout(180)
def test_a_store_that_loses_its_rights_hears_of_it_under_3_1_1(tmp_path: Path) -> None:
    """Its name at the broker is no longer the store's: receipts come all the same, acknowledgements do not."""
    broker = Mosquitto(tmp_path)
    lines = [line for line in broker.lines(Needs(password=PASSWORD)) if not line.startswith("acl_file")]
    passwords = tmp_path / f"passwords-{broker.port}"
    entry = passwords.read_text()
    passwords.write_text(entry + entry.replace(USER, "@headoffice"))
    lost, given = tmp_path / "lost.acl", tmp_path / "given.acl"
    lost.write_text((CONFIG / "mosquitto-store.acl").read_text())
    given.write_text(
        lost.read_text() + f"user {USER}\ntopic readwrite stock/v1/{STORE}/#\ntopic read stock/v1/catalog/+\n"
    )
    broker.start(*lines, f"acl_file {lost}")
    with OldGate(broker.port) as gate, House(tmp_path, broker, port=gate.port, consumers=("headoffice",)) as house:
        office = [str(BIN / "jaego-hq"), "run", "--broker", f"127.0.0.1:{broker.port}", "--db", "hq.db"]
        house.start("office", *office, "--username", "@headoffice", "--password-file", "password")
        house.start_agent()
        house.clerk.works.set()
        until(lambda: house.clerk.good > 50, house.state)
        house.clerk.rest()
        house.says(STORE, "headoffice stays silent at event")
        assert (house.delivered(), house.office_head()) == (0, 0)
        broker.stop()
        broker.start(*lines, f"acl_file {given}")
        until(lambda: house.office_head() == house.head(), house.state)
