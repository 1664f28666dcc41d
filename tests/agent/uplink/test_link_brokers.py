"""The link and a store's traffic against mosquitto: killed, frozen, emptied, locked, encrypted."""

from __future__ import annotations

import ipaddress
import itertools
import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agent.ledger.log import Ledger
from agent.ledger.reader import Reader
from agent.operations.values import Draft
from agent.uplink import access
from agent.uplink.engine import Engine
from agent.uplink.plane import StatePlane
from agent.uplink.traffic import Outside, Store, StoreTraffic
from contract.chain import check_event
from contract.stock import line_deltas
from contract.times import Stamper
from tests.agent.clocks import FakeClock
from tests.agent.uplink.lines import Running, Steady, Words
from tests.brokers import Mosquitto, Observer, free_port

pytestmark = pytest.mark.broker
SEOUL = ZoneInfo("Asia/Seoul")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as started:
        yield started


# -- a connection's life -----------------------------------------------------------------------------------------------


def test_messages_arrive_in_mqtt_5_and_the_end_says_stopped(broker: Mosquitto) -> None:
    words = Words()
    with Observer(broker.port) as observer:
        with Running(words, broker.port) as running:
            words.waiting.extend(("t/x", b"%d" % number, False) for number in range(500))
            running.link.wake()
            running.wait(lambda: len(words.acks) == 500)
            observer.publish("t/in", b"hello")
            running.wait(lambda: [one.payload for one in words.heard] == [b"hello"])
        observer.wait(lambda: observer.payloads("t/state"))
        assert [one.version5 for one in words.accepted] == [True]
        assert observer.payloads("t/x") == [b"%d" % number for number in range(500)]
        assert {ack.reason for ack in words.acks} <= {0, 0x10}
        assert observer.payloads("t/state") == [b"stopped"]
    with Observer(broker.port, "t/state") as late:
        late.wait(lambda: late.messages)
        assert late.messages == [("t/state", b"stopped", True)]


def test_a_connection_that_breaks_leaves_the_will_and_comes_again(broker: Mosquitto) -> None:
    words = Words()
    with Observer(broker.port, "t/state") as observer, Running(words, broker.port) as running:
        running.wait(lambda: words.accepted)

        def cut() -> None:
            client = running.link._client
            assert client is not None
            assert client.shared is not None
            client.shared._inner.shutdown(socket.SHUT_RDWR)

        running.link.post(cut)
        observer.wait(lambda: observer.payloads("t/state") == [b"offline"])
        running.hears("connected again")
        assert (words.losses, len(words.accepted), words.accepted[1].session_present) == (1, 2, True)


def test_what_was_sent_to_us_while_we_were_away_is_still_there(broker: Mosquitto) -> None:
    words = Words()
    with Observer(broker.port, "t/none") as observer:
        with Running(words, broker.port) as running:
            running.wait(lambda: words.accepted)
            observer.publish("t/in", b"1")
            running.wait(lambda: words.heard)
        observer.publish("t/in", b"2")
        with Running(words, broker.port) as running:
            running.wait(lambda: len(words.heard) == 2)
            assert words.accepted[1].session_present


def test_a_frozen_broker_is_noticed_within_two_keepalives(broker: Mosquitto) -> None:
    words = Words()
    with Running(words, broker.port, keepalive_s=2) as running:
        running.wait(lambda: words.accepted)
        broker.freeze()
        began_s = time.monotonic()
        running.wait(lambda: running.said)
        took_s = time.monotonic() - began_s
        assert took_s < 2 * 2 + 1.5
        assert "no answer within the keepalive" in running.said[0]
        broker.thaw()
        running.hears("connected again")


def test_a_broker_that_comes_later_is_found(tmp_path: Path) -> None:
    broker, words = Mosquitto(tmp_path), Words()
    with Running(words, broker.port) as running:
        running.hears("cannot be reached")
        with broker:
            running.wait(lambda: words.accepted)
            assert running.said[-1] == "connected again"


def test_a_second_client_with_our_id_is_named(broker: Mosquitto) -> None:
    """mosquitto 2.0.11 throws out without a word."""
    first, second = Words(), Words()
    with Running(first, broker.port, client_id="store-1") as one:
        one.wait(lambda: first.accepted)
        with Running(second, broker.port, client_id="store-1") as other:
            one.hears("is another client using the id store-1?")
            other.hears("is another client using the id store-1?")
        one.wait(lambda: one.link.up)


# -- who may come in ---------------------------------------------------------------------------------------------------


def passwords(folder: Path, word: str) -> Path:
    path = folder / "passwords"
    path.unlink(missing_ok=True)
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(path), "store", word], check=True, capture_output=True)
    path.chmod(0o644)
    return path


def test_a_wrong_password_is_said_once_and_the_right_one_works_later(tmp_path: Path) -> None:
    settings = (f"password_file {passwords(tmp_path, 'other')}", "allow_anonymous false")
    words = Words()
    with (
        Mosquitto(tmp_path, *settings) as broker,
        Running(words, broker.port, username="store", password="right") as running,
    ):
        running.hears("refuses this store: Not authorized")
        passwords(tmp_path, "right")
        assert broker._process is not None
        broker._process.send_signal(signal.SIGHUP)
        running.wait(lambda: words.accepted)
        assert running.said[1:] == ["connected again"]


def test_a_broker_without_retained_messages_is_said_to_be_one(tmp_path: Path) -> None:
    with Mosquitto(tmp_path, "retain_available false") as broker, Running(Words(), broker.port) as running:
        assert "retain_available true" in running.hears("refuses this store: Retain not supported")


class Authority:
    """A self-made certificate authority."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        certificate = self._certificate(self._name, self._key, x509.BasicConstraints(ca=True, path_length=None))
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _certificate(
        self, subject: x509.Name, key: Any, *extensions: x509.ExtensionType, ends: timedelta = timedelta(days=1)
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + ends)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def issue(self, name: str, address: str = "127.0.0.1", *, ends: timedelta = timedelta(days=1)) -> tuple[Path, Path]:
        """Files of a certificate for an address, and of its key; it ends so much later than now."""
        key = ec.generate_private_key(ec.SECP256R1())
        where = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        certificate = self._certificate(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key, where, ends=ends
        )
        files = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
        return files


def encrypted(authority: Authority, address: str = "127.0.0.1") -> tuple[str, ...]:
    certificate, key = authority.issue(f"broker-{address}", address)
    return (f"cafile {authority.file}", f"certfile {certificate}", f"keyfile {key}")


def test_tls_with_an_authority_of_our_own(tmp_path: Path) -> None:
    ours, words = Authority(tmp_path, "ours"), Words()
    with (
        Mosquitto(tmp_path, *encrypted(ours)) as broker,
        Running(words, broker.port, tls=True, ca_file=ours.file) as running,
    ):
        words.waiting.extend(("t/x", b"x" * 20_000, False) for _ in range(100))
        running.link.wake()
        running.wait(lambda: len(words.acks) == 100)
        assert running.said == []


def test_tls_with_a_certificate_of_the_stores(tmp_path: Path) -> None:
    ours, words = Authority(tmp_path, "ours"), Words()
    certificate, key = ours.issue("store")
    with Mosquitto(tmp_path, *encrypted(ours), "require_certificate true", "use_identity_as_username true") as broker:
        given = {"tls": True, "ca_file": ours.file}
        with Running(words, broker.port, **given, cert_file=certificate, key_file=key) as running:
            running.wait(lambda: words.accepted)
        with Running(words, broker.port, **given) as running:
            assert "alert" in running.hears("the connection ended").lower()


def test_a_new_certificate_is_taken_up_without_an_outage_and_a_broken_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "LOOK_S", 0.0)
    ours, words, acknowledged = Authority(tmp_path, "ours"), Words(), 0
    first, second = ([path.read_bytes() for path in ours.issue(name)] for name in ("first", "second"))
    pair = tmp_path / "pair.pem"
    pair.write_bytes(b"".join(first))
    plain = ("allow_anonymous true", f"listener {free_port()} 127.0.0.1", "allow_anonymous true")
    settings = (*encrypted(ours), "require_certificate true", "use_identity_as_username true", *plain)

    def say(running: Running) -> None:
        nonlocal acknowledged
        words.waiting.append(("t/x", b"hello", False))
        running.link.wake()
        acknowledged += 1
        running.wait(lambda: len(words.acks) == acknowledged)

    with (
        Mosquitto(tmp_path, *settings) as broker,
        Observer(int(plain[1].split()[1])) as observer,
        Running(
            words, broker.port, tls=True, ca_file=ours.file, cert_file=pair, key_file=pair, keepalive_s=60
        ) as running,
    ):
        say(running)
        pair.write_bytes(second[0] + first[1])  # a key that is not the certificate's
        say(running)
        say(running)
        assert running.link.connects == 1
        pair.write_bytes(b"".join(second))
        running.link.wake()
        running.wait(lambda: running.link.connects == 2)
        say(running)
        assert running.said == ["the certificate is a new one: connecting again with it"]
        assert observer.payloads("t/state") == []  # no will
        assert len(observer.payloads("t/x")) == acknowledged
        assert "u'second'" in broker.log.read_text()


def test_tls_that_is_not_to_be_trusted_is_said_in_one_clear_line(tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    with Mosquitto(tmp_path, *encrypted(theirs)) as broker:
        with Running(Words(), broker.port, tls=True, ca_file=ours.file) as running:
            line = running.hears("is not to be trusted")
            assert f"the certificate of 127.0.0.1:{broker.port}" in line
            assert "see ca_file" in line
            running.wait(lambda: running.link._attempts >= 3)
            assert len(running.said) == 1
        with Running(Words(), broker.port, tls=True, ca_file=tmp_path / "none.pem") as running:
            assert f"ca_file {tmp_path / 'none.pem'} cannot be used" in running.hears("cannot be reached")
        lone = {"cert_file": tmp_path / "none.crt", "key_file": tmp_path / "none.key"}
        with Running(Words(), broker.port, tls=True, ca_file=theirs.file, **lone) as running:
            running.hears("none.crt or its key cannot be used")
    with (
        Mosquitto(tmp_path, *encrypted(theirs, "10.9.8.7")) as broker,
        Running(Words(), broker.port, tls=True, ca_file=theirs.file) as running,
    ):
        assert "IP address mismatch" in running.hears("is not to be trusted")


def test_tls_to_a_broker_without_and_the_other_way_round(tmp_path: Path) -> None:
    ours = Authority(tmp_path, "ours")
    with Mosquitto(tmp_path) as broker, Running(Words(), broker.port, tls=True, ca_file=ours.file) as running:
        running.hears("cannot be reached")
    with Mosquitto(tmp_path, *encrypted(ours)) as broker, Running(Words(), broker.port) as running:
        running.hears("the connection ended")


# -- a store's events --------------------------------------------------------------------------------------------------


class StoreRig:
    """A ledger with events, and the traffic that sends them."""

    def __init__(self, folder: Path, events: int) -> None:
        self.ledger = Ledger(folder, store="S1", clock=FakeClock(), stamper=Stamper(SEOUL))
        self.ledger.start()
        for _ in range(events // 100):
            self.ledger.call(lambda tx: tx.append([self._draft(number) for number in range(100)]))
        self.reader = Reader(folder)
        self.calls: list[Callable[[], None]] = []
        self.said: list[str] = []
        clock = Steady(trust_unsynchronised=True)
        self.traffic = StoreTraffic(
            Store("S1", self.ledger.log, "boot", "1.0"),
            engine=Engine(self.ledger.log, self.ledger.head, {"hq": 0}),
            plane=StatePlane(levels_per_s_max=200, dirty_max=1000),
            reader=self.reader,
            clock=clock,
            stamper=Stamper(SEOUL),
            levels="retained",
            outside=Outside(self.ledger.submit, self._post, lambda _device: False, self._say, None),
        )
        self.post: Callable[[Callable[[], None]], None] = self.calls.append

    def _post(self, call: Callable[[], None]) -> None:
        self.post(call)

    def _say(self, subject: str, text: str) -> None:
        self.said.append(f"{subject}: {text}")

    @staticmethod
    def _draft(number: int) -> Draft:
        if number % 3 == 0:
            data = {"kind": "unknown_code", "reason": "plain_text", "code": {"text": "x" * (number * 8)}}
            return Draft("exception", data, {"device": "d"}, FakeClock().wall_us, "synced")
        line = {"sku": "COLA", "quantity": 1, "from": "supplier", "to": "backroom", "disposition": "sellable"}
        data = {"kind": "received", "lines": [line]}
        return Draft("movement", data, {"device": "d"}, FakeClock().wall_us, "synced", line_deltas(line))

    def close(self) -> None:
        self.ledger.close()
        self.reader.close()


class HeadOffice(Observer):
    """Takes events in order, once in effect, and acknowledges; checks every event against the chain."""

    def __init__(self, port: int) -> None:
        self.position, self.prev, self.largest = 0, "0" * 64, 0
        self._asked_s = 0.0
        super().__init__(port, "stock/v1/S1/+")

    def _message(self, client: Any, _data: Any, message: Any) -> None:
        super()._message(client, _data, message)
        plane = message.topic.rsplit("/", 1)[1]
        if plane not in {"movement", "exception", "journal"}:
            return
        self.largest = max(self.largest, len(message.payload))
        found = json.loads(message.payload)
        for event in found["events"]:
            if event["seq"] == self.position + 1:
                check_event(event, prev=self.prev, seq=self.position + 1)
                self.position, self.prev = event["seq"], event["hash"]
        answer = json.dumps({"log": found["log"], "seq": self.position}).encode()
        client.publish("stock/v1/S1/ack/hq", answer, qos=1, retain=True)
        if found["events"][0]["seq"] > self.position + 1:
            self._gap(client, found["log"])

    def _gap(self, client: Any, log: str) -> None:
        """Ask for what is missing, once a second."""
        now_s = time.monotonic()
        if now_s - self._asked_s < 1.0:
            return
        self._asked_s = now_s
        ask = {"id": f"r{now_s:.6f}", "expires_at": "2099-01-01T00:00:00Z", "log": log, "consumer": "hq"}
        client.publish("stock/v1/S1/request/replay", json.dumps({**ask, "seq": self.position + 1}), qos=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreRig]:
    folder = tmp_path / "store"
    folder.mkdir()
    rig = StoreRig(folder, 6000)
    yield rig
    rig.close()


def running_store(store: StoreRig, port: int) -> Running:
    running = Running(store.traffic, port)
    store.post = running.link.post
    return running


def test_events_are_complete_in_order_over_kills_and_empty_restarts(broker: Mosquitto, store: StoreRig) -> None:
    head = store.ledger.head
    with ExitStack() as open_now:
        office = open_now.enter_context(HeadOffice(broker.port))
        running = open_now.enter_context(running_store(store, broker.port))
        for part in (0.2, 0.6):
            office.wait(lambda part=part: office.position > head * part)
            broker.kill()
            broker.start()  # nothing of what it held is left
        office.wait(lambda: office.position == head, 30)
        running.wait(lambda: store.traffic.engine.consumers["hq"].delivered == head)
        running.wait(lambda: store.reader.positions() == {"hq": head})
        assert store.traffic.counts.acks_refused == 0


def test_a_brokers_largest_packet_is_kept_to_and_what_is_larger_is_said(tmp_path: Path, store: StoreRig) -> None:
    with (
        Mosquitto(tmp_path, "max_packet_size 3000") as broker,
        HeadOffice(broker.port) as office,
        running_store(store, broker.port) as running,
    ):
        office.wait(lambda: office.position == store.ledger.head, 30)
        assert 1000 < office.largest <= 3000
        assert running.link.connects == 1
    with (
        Mosquitto(tmp_path, "max_packet_size 900") as small,
        HeadOffice(small.port) as office,
        running_store(store, small.port) as running,
    ):
        running.wait(lambda: any("too large" in line for line in store.said))
        office.wait(lambda: office.payloads("stock/v1/S1/state"))
        assert running.link.connects == 1  # it stays connected: levels and health go on


def test_live_events_follow_at_once(broker: Mosquitto, store: StoreRig) -> None:
    head = store.ledger.head
    with HeadOffice(broker.port) as office, running_store(store, broker.port) as running:
        office.wait(lambda: office.position == head, 30)
        latencies: list[float] = []
        for number in itertools.count(1):
            began_s = time.monotonic()
            store.ledger.call(lambda tx: tx.append([store._draft(1)]))
            store.traffic.head_boxed[0] = store.ledger.head
            running.link.wake()
            office.wait(lambda number=number: office.position == head + number)
            latencies.append(time.monotonic() - began_s)
            if number == 20:
                break
        assert sorted(latencies)[10] < 0.2
