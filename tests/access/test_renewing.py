"""A store's certificate renews itself: with a desk, a broker and an agent; cut off at every step; and refused."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from typer.testing import CliRunner, Result

import agent.cli
from agent.certificates import FAILED, renewal_failure
from agent.control import ControlError, request
from agent.errors import AgentError
from agent.setup import credentials
from headoffice import enrolling
from headoffice.enrolling import DAY_US
from tests.access.desks import Desk
from tests.access.stores import Client, Office, now_us, settings
from tests.access.test_broker_access import stays_out
from tests.brokers import Mosquitto, free_port
from tests.uplink_chaos.house import until

pytestmark = pytest.mark.broker
BIN = Path(sys.executable).parent
CONFIG = """
[store]
id = "S001"
zones = ["backroom"]
state_dir = "state"
clock_trusted = true
[uplink]
host = "localhost"
port = {port}
tls = true
ca_file = "{ca}"
cert_file = "state/broker.pem"
key_file = "state/broker.pem"
desk = "{desk}"
backoff_s_max = 1
[web]
enabled = false
[[station]]
name = "dock"
zone = "backroom"
"""


class Store:
    """Its folder, with a certificate that has `left_days` of thirteen left."""

    def __init__(self, folder: Path, desk: Desk, *, port: int = 1, left_days: int = 2) -> None:
        self.state, self.desk = folder / "state", desk
        self.config = folder / "agent.toml"
        self.pair = self.state / "broker.pem"
        self.state.mkdir()
        self.config.write_text(CONFIG.format(port=port, ca=desk.signer.ca, desk=desk.url))
        begun_us, days = now_us() - (12 - left_days) * DAY_US, 12
        issued = desk.signer.authority.store("S001", credentials.request(self.state, "S001"), begun_us, days)
        enrolling.note(desk.office.database, "S001", issued, begun_us)
        credentials.take(self.state, "S001", issued.chain, None)

    @property
    def serial(self) -> str:
        return f"{x509.load_pem_x509_certificate(self.pair.read_bytes()).serial_number:x}"

    def renew(self, *options: str) -> Result:
        return CliRunner().invoke(agent.cli.app, ["renew", "-c", str(self.config), *options])

    def is_whole(self) -> bool:
        """As the agent takes it up."""
        ssl.create_default_context().load_cert_chain(self.pair, self.pair)
        return self.pair.stat().st_mode & 0o777 == 0o600

    def scans(self) -> list[Any]:
        return list(request(self.state, "scan", station="dock", code="8801234567893", wait_s=20.0))

    def health(self) -> dict[str, Any]:
        try:
            [found] = request(self.state, "health", wait_s=20.0)
        except (ControlError, OSError):
            return {}
        return dict(found)


def said_of(client: Client, plane: str) -> list[dict[str, Any]]:
    return [json.loads(payload) for topic, payload in client.heard if topic.endswith(f"/{plane}")]


def events(client: Client) -> list[tuple[int, str]]:
    """Their numbers and hashes, as they came."""
    planes = ("movement", "exception", "journal")
    heard = [json.loads(payload) for topic, payload in client.heard if topic.rpartition("/")[2] in planes]
    return [(event["seq"], event["hash"]) for message in heard for event in message["events"]]


@contextmanager
def running(store: Store, log: Path) -> Generator[None]:
    with log.open("wb") as output:
        command = [str(BIN / "jaego"), "run", str(store.config)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def signer(tmp_path: Path) -> Office:
    return Office(tmp_path)


@pytest.fixture
def desk(tmp_path: Path, signer: Office) -> Iterator[Desk]:
    made = Desk(tmp_path, signer)
    yield made
    made.close()


@pytest.fixture
def broker(tmp_path: Path, signer: Office) -> Iterator[Mosquitto]:
    made = Mosquitto(tmp_path)
    made.start(*settings(made, signer))
    yield made
    made.kill()


@pytest.fixture
def store(tmp_path: Path, desk: Desk) -> Store:
    return Store(tmp_path, desk)


def test_a_store_renews_and_its_agent_comes_back_with_the_new_certificate(
    tmp_path: Path, desk: Desk, broker: Mosquitto
) -> None:
    store = Store(tmp_path, desk, port=broker.port)
    former, before = tmp_path / "former.pem", store.serial
    former.write_bytes(store.pair.read_bytes())
    (store.state / FAILED).write_text("no desk answers\n")  # yesterday
    log = tmp_path / "agent.log"
    with running(store, log):
        until(lambda: store.health().get("connected"), log.read_text)
        assert store.health()["renewal_failure"] == "no desk answers"
        first = store.health()["head"] + 1
        with Client(broker.port, desk.signer.ca, desk.signer.own()) as hq:
            hq.subscribe("stock/v1/S001/+")
            done = store.renew()
            assert done.exit_code == 0, done.output
            assert "renewal_failure" not in store.health()
            assert "broker.pem is renewed until" in done.output
            assert store.serial != before
            until(lambda: store.scans() and store.health()["counters"]["connects"] == 2, log.read_text, 30.0)
            last = store.health()["head"]
            assert last > first
            hq.wait(lambda: set(range(first, last + 1)) <= {seq for seq, _ in events(hq)})
            assert len(set(events(hq))) == len({seq for seq, _ in events(hq)})  # again, perhaps, and the same
            assert {told["state"] for told in said_of(hq, "state")} == {"online"}
        desk.signer.authority.take_back([before], now_us())
        broker.stop()
        broker.start()
        until(lambda: store.health()["counters"]["connects"] == 3, log.read_text, 30.0)
        assert stays_out(broker, desk.signer, (former, former))
        with Client(broker.port, desk.signer.ca, (store.pair, store.pair)) as client:
            assert not client.publish("stock/v1/S001/health").is_failure
    said = log.read_text()
    assert "the certificate is a new one: connecting again with it" in said
    assert "PRIVATE KEY" not in said + done.output


def test_it_is_renewed_in_the_last_third_of_its_life_or_when_somebody_says_so(tmp_path: Path, desk: Desk) -> None:
    store = Store(tmp_path, desk, left_days=6)
    before = store.serial
    done = store.renew()
    assert (done.exit_code, store.serial) == (0, before)
    assert "nothing to renew" in done.output
    assert store.renew("--early").exit_code == 0
    assert store.serial != before
    assert sorted(one.name for one in store.state.iterdir()) == ["broker.pem"]


def test_a_certificate_that_has_ended_comes_back_within_thirty_days(tmp_path: Path, desk: Desk) -> None:
    store = Store(tmp_path, desk, left_days=-29)
    assert store.renew().exit_code == 0
    assert "good until" in store.renew().output


def test_what_fails_is_said_kept_for_others_to_say_and_forgotten_once_it_works(store: Store, desk: Desk) -> None:
    before = store.pair.read_bytes()
    right = store.config.read_text()
    for wrong, why in (
        (right.replace(desk.url, f"https://localhost:{free_port()}"), "Connection refused"),
        (right.replace(desk.url, "http://192.0.2.1"), "is not https"),
        (right.replace("desk = ", "# desk = "), "uplink.desk does not say"),
        (right.replace(str(desk.signer.ca), str(store.pair)), "certificate verify failed"),
        (right.replace('key_file = "state/', 'key_file = "'), "was put there by hand"),
    ):
        store.config.write_text(wrong)
        failed = store.renew()
        assert (failed.exit_code, store.pair.read_bytes()) == (1, before), failed.output
        told = renewal_failure(store.state)
        assert told is not None
        assert why in told
        assert why in failed.output
    store.config.write_text(right)
    assert store.renew().exit_code == 0
    assert renewal_failure(store.state) is None


def test_one_that_was_taken_back_is_refused_and_the_store_says_so(store: Store, desk: Desk) -> None:
    enrolling.take_back(desk.office.database, desk.signer.authority, "S001", now_us())
    before = store.pair.read_bytes()
    failed = store.renew()
    assert failed.exit_code == 1
    assert "head office refuses: this certificate was taken back" in failed.output
    assert "taken back" in str(renewal_failure(store.state))
    assert store.pair.read_bytes() == before
    found = CliRunner().invoke(agent.cli.app, ["doctor", "-c", str(store.config), "--lang", "en"])
    assert "the certificate was not renewed: head office refuses: this certificate was taken back" in found.output


# -- cut off -----------------------------------------------------------------------------------------------------------


class Cut(BaseException):
    """The power is gone."""


class Power:
    """Goes off before the file operation of that number in a folder (PEP 578: what Python says before it does one)."""

    def __init__(self) -> None:
        self.place, self.left = "", -1
        self.written: set[str] = set()  # files that were opened for writing
        sys.addaudithook(self._heard)

    @contextmanager
    def off_at(self, place: Path, left: int) -> Generator[None]:
        self.place, self.left = str(place), left
        try:
            yield
        finally:
            self.place = ""

    def _heard(self, event: str, given: tuple[Any, ...]) -> None:
        if not self.place or event not in {"open", "os.rename", "os.remove"} or self.place not in str(given[0]):
            return
        if self.left == 0:
            raise Cut
        self.left -= 1
        if event == "open" and given[2] & (os.O_WRONLY | os.O_RDWR):
            self.written.add(Path(given[0]).name)


POWER = Power()


def test_a_power_cut_at_any_step_leaves_a_pair_that_works(tmp_path: Path, desk: Desk) -> None:
    """And the next try comes to the end, with one key for each answer."""
    steps = 0
    while True:
        (tmp_path / f"{steps}").mkdir()
        store = Store(tmp_path / f"{steps}", desk)
        before = store.serial
        try:
            with POWER.off_at(store.state, steps):
                renewed(store)
            break
        except Cut:
            steps += 1
        assert store.is_whole()
        renewed(store)
        assert store.is_whole()
        assert store.serial != before
        assert not (store.state / "broker.key").exists()
    assert steps > 12
    assert POWER.written == {"broker.key.new", "broker.csr.new", "broker.pem.new"}  # nothing is written in its place
    sys.stdout.write(f"\npower cut before each of {steps} file operations\n")


def renewed(store: Store) -> None:
    """As `renewing.renew`, signed here and not by way of the desk: it is asked for the same either way."""
    present = credentials.read_pair(store.pair)
    credentials.forget_answered(store.state, present)
    asked = credentials.request(store.state, "S001")
    issued = store.desk.signer.authority.store("S001", asked, now_us())
    credentials.take(store.state, "S001", issued.chain, None)


def test_an_answer_that_was_lost_is_asked_for_again_with_the_same_key(store: Store, desk: Desk) -> None:
    with POWER.off_at(store.state / "broker.pem.new", 0), pytest.raises(Cut):
        store.renew()
    assert len(enrolling.issued(desk.office.database)) == 2
    assert store.renew().exit_code == 0
    found = enrolling.issued(desk.office.database)
    assert len(found) == 3
    assert store.serial in {one.serial for one in found}


def test_a_certificate_of_another_key_is_not_put_in_place(store: Store, desk: Desk) -> None:
    credentials.request(store.state, "S001")
    other = desk.signer.store("S001")[0].read_bytes()
    before = store.pair.read_bytes()
    with pytest.raises(AgentError, match="another store or key"):
        credentials.take(store.state, "S001", other, None)
    assert store.pair.read_bytes() == before
