"""`jaego setup` against a desk and a broker: every way to credentials, once more with nothing changed, and refusals."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from typer.testing import CliRunner, Result

import agent.cli
import headoffice.cli
from agent.ledger.log import Ledger
from contract.times import Stamper
from headoffice import keys
from simulators.scanner_line import LineScanner, LineSetup
from tests.access.desks import Desk
from tests.access.stores import Client, settings
from tests.access.stores import Office as Signer
from tests.agent.clocks import FakeClock
from tests.agent.setup.scanners import Hand
from tests.brokers import Mosquitto

pytestmark = pytest.mark.broker
ANSWERS = """
store = "S001"
language = "en"
zones = ["backroom"]
state_dir = "state"
[broker]
host = "localhost"
port = {port}
[credentials]
{credentials}
[[station]]
name = "dock"
zone = "backroom"
{devices}
"""


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer(tmp_path)


@pytest.fixture
def broker(tmp_path: Path, signer: Signer) -> Iterator[Mosquitto]:
    made = Mosquitto(tmp_path)
    made.start(*settings(made, signer))
    yield made
    made.kill()


@pytest.fixture
def desk(tmp_path: Path, signer: Signer) -> Iterator[Desk]:
    made = Desk(tmp_path, signer)
    yield made
    made.close()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    found = tmp_path / "store"
    found.mkdir()
    return found


def run_setup(
    store: Path, port: int, credentials: str, *options: str, devices: str = "", token: str | None = None
) -> Result:
    (store / "answers.toml").write_text(ANSWERS.format(port=port, credentials=credentials, devices=devices))
    command = ["setup", "-c", str(store / "agent.toml"), "--answers", str(store / "answers.toml"), "--no-start"]
    if token is not None:
        command += ["--token", "-"]
    return CliRunner().invoke(agent.cli.app, [*command, *options], input=token)


def config(store: Path) -> dict[str, Any]:
    return tomllib.loads((store / "agent.toml").read_text())


def files(store: Path) -> dict[str, tuple[int, bytes]]:
    found = (
        one for one in [*store.glob("*"), *(store / "state").glob("*")] if one.is_file() and one.name != "answers.toml"
    )
    return {one.name: (one.stat().st_mtime_ns, one.read_bytes()) for one in found}


def test_a_token_is_exchanged_and_the_broker_lets_the_store_in(store: Path, broker: Mosquitto, desk: Desk) -> None:
    way = f'way = "token"\ndesk = "{desk.url}"'
    done = run_setup(store, broker.port, way, token=desk.invite())
    assert done.exit_code == 0, done.output
    assert "Head office has issued the certificate" in done.output
    assert "takes us (MQTT 5)" in done.output
    uplink = config(store)["uplink"]
    assert (uplink["desk"], uplink["cert_file"]) == (desk.url, uplink["key_file"])  # jaego renew: test_renewing.py
    assert (uplink["tls"], Path(uplink["key_file"]).stat().st_mode & 0o777) == (True, 0o600)
    assert keys.newest(desk.office.database, "S001") is not None
    with Client(broker.port, desk.signer.ca, (Path(uplink["cert_file"]), Path(uplink["key_file"]))) as client:
        assert not client.publish("stock/v1/S001/health").is_failure
        assert client.publish("stock/v1/S002/health").is_failure


def test_the_same_again_changes_nothing_and_needs_no_token(store: Path, broker: Mosquitto, desk: Desk) -> None:
    way = f'way = "token"\ndesk = "{desk.url}"'
    assert run_setup(store, broker.port, way, token=desk.invite()).exit_code == 0
    before = files(store)
    again = run_setup(store, broker.port, way)
    assert again.exit_code == 0, again.output
    assert "is still good" in again.output
    assert "Nothing has changed" in again.output
    assert files(store) == before


def test_what_a_person_changed_stays_and_the_former_file_is_kept(store: Path, broker: Mosquitto, desk: Desk) -> None:
    way = f'way = "token"\ndesk = "{desk.url}"'
    assert run_setup(store, broker.port, way, token=desk.invite()).exit_code == 0
    path = store / "agent.toml"
    edited = path.read_text().replace("[uplink]\n", "[uplink]\nkeepalive_s = 20\n") + "\n[rules]\nexpired = 'look'\n"
    path.write_text(edited)
    assert run_setup(store, broker.port, way).exit_code == 0
    assert (store / "agent.toml.before").read_text() == edited
    assert (config(store)["uplink"]["keepalive_s"], config(store)["rules"]) == (20, {"expired": "look"})


def test_a_desk_that_is_not_the_one_gets_no_token(store: Path, broker: Mosquitto, desk: Desk, tmp_path: Path) -> None:
    """Somebody between: another authority, whose desk would take any token."""
    (tmp_path / "false").mkdir()
    false = Desk(tmp_path / "false", Signer(tmp_path / "false"))
    try:
        done = run_setup(store, broker.port, f'way = "token"\ndesk = "{false.url}"', token=desk.invite())
    finally:
        false.close()
    assert done.exit_code == 1
    assert "is not the head office that made the token" in done.output
    assert not (store / "agent.toml").exists()


def test_a_token_of_another_store_is_refused(store: Path, broker: Mosquitto, desk: Desk) -> None:
    done = run_setup(store, broker.port, f'way = "token"\ndesk = "{desk.url}"', token=desk.invite("S002"))
    assert done.exit_code == 1
    assert "not of S002" in done.output
    assert not (store / "agent.toml").exists()


def test_no_secret_is_said(store: Path, broker: Mosquitto, desk: Desk) -> None:
    token = desk.invite()
    good = run_setup(store, broker.port, f'way = "token"\ndesk = "{desk.url}"', token=token)
    bad = run_setup(store, broker.port, 'way = "token"\ndesk = "http://192.0.2.1"', token=token)
    secret = token.removeprefix("jse_").partition(".")[0]
    assert secret not in good.output + bad.output + (store / "agent.toml").read_text()


def test_a_request_is_signed_by_hand(store: Path, broker: Mosquitto, signer: Signer, tmp_path: Path) -> None:
    asked = run_setup(store, broker.port, 'way = "request"')
    assert "Signing request" in asked.output
    (store / "ca.pem").write_bytes(signer.ca.read_bytes())
    office = ["enrol", "S001", "--csr", str(store / "state/broker.csr"), "--out", str(store / "S001.pem")]
    office += ["--db", str(tmp_path / "hq.db"), "--authority", str(tmp_path / "authority")]
    signed = CliRunner().invoke(headoffice.cli.whole(), [*office, "--signing-key", "ab" * 32])
    assert signed.exit_code == 0, signed.output
    way = 'way = "request"\ncertificate = "S001.pem"\nauthority = "ca.pem"\ndesk = "https://desk.example.com"'
    done = run_setup(store, broker.port, way)
    assert done.exit_code == 0, done.output
    made = x509.load_pem_x509_certificate((store / "state/broker.pem").read_bytes())
    assert made.subject.rfc4514_string() == "CN=S001"
    other = signer.store("S002")[0]
    wrong = run_setup(store, broker.port, f'way = "request"\ncertificate = "{other}"')
    assert wrong.exit_code == 1
    assert "of another store or key, of S002" in wrong.output
    assert (store / "state/broker.pem").read_bytes().startswith((store / "S001.pem").read_bytes())
    assert not (store / "state/broker.key").exists()
    assert config(store)["uplink"]["desk"] == "https://desk.example.com"


def test_a_password_of_head_offices_opens_the_broker(store: Path, signer: Signer, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    office = ["enrol", "S001", "--password", str(passwords), "--out", str(store / "password")]
    assert CliRunner().invoke(headoffice.cli.whole(), office).exit_code == 0
    made = Mosquitto(tmp_path)
    chain, key = signer.server
    acl = next(line for line in settings(made, signer) if line.startswith("acl_file"))
    lines = ["allow_anonymous false", f"password_file {passwords}", f"certfile {chain}", f"keyfile {key}", acl]
    made.start(*lines)
    (store / "ca.pem").write_bytes(signer.ca.read_bytes())
    way = 'way = "password"\npassword_file = "password"\nauthority = "ca.pem"'
    done = run_setup(store, made.port, way)
    (store / "password").write_text("wrong\n")
    wrong = run_setup(store, made.port, way)
    made.kill()
    assert done.exit_code == 0, done.output
    assert config(store)["uplink"]["username"] == "S001"
    assert (store / "state/broker.password").stat().st_mode & 0o777 == 0o600
    assert wrong.exit_code == 1
    assert "username" in wrong.output


def test_two_scanners_are_learned_and_named_by_whoever_scans_first(store: Path) -> None:
    devices = '[[device]]\nname = "hand-1"\nstation = "dock"\nlearn = true\n'
    devices += '[[device]]\nname = "hand-2"\nstation = "dock"\nlearn = true\n'
    one = LineScanner(store / "one", LineSetup(suffix=b"#"))
    two = LineScanner(store / "two")
    two.plug()
    places = ["--scanner", str(store / "one"), "--scanner", str(store / "two")]
    only_one = devices.partition('[[device]]\nname = "hand-2')[0]
    with Hand(one):
        first = run_setup(store, 1, 'way = "none"', *places, "--wait", "5", devices=only_one)
    two.unplug()
    assert "hand-1: " in first.output, first.output
    with Hand(LineScanner(store / "two")), Hand(one):
        second = run_setup(store, 1, 'way = "none"', *places, "--wait", "5", devices=devices)
    assert "hand-2: " in second.output, second.output
    found = {device["name"]: device["settings"] for device in config(store)["device"]}
    assert {Path(one["path"]).name for one in found.values()} == {"one", "two"}
    assert sorted(one.get("suffix", "") for one in found.values()) == ["", "#"]


def test_nobody_scans_and_nothing_is_written(store: Path) -> None:
    LineScanner(store / "one").plug()
    device = '[[device]]\nname = "hand-1"\nlearn = true\n'
    done = run_setup(store, 1, 'way = "none"', "--scanner", str(store / "one"), "--wait", "1", devices=device)
    assert done.exit_code == 1
    assert "nothing was scanned for 1 s" in done.output
    assert not (store / "agent.toml").exists()


def test_a_ledger_of_another_store_is_not_taken_over(store: Path) -> None:
    assert run_setup(store, 1, 'way = "none"').exit_code == 1  # no broker there: written, and said
    ledger = Ledger(store / "state", store="S009", clock=FakeClock(), stamper=Stamper(UTC))
    ledger.start()
    ledger.close()
    before = config(store)
    done = run_setup(store, 1, 'way = "none"')
    assert done.exit_code == 78
    assert "the ledger is of store S009, not S001" in done.output
    assert config(store) == before


def test_a_configuration_that_the_agent_would_refuse_is_not_written(store: Path) -> None:
    done = run_setup(store, 1, 'way = "none"', devices='[[station]]\nname = "two"\nzone = "cellar"\n')
    assert done.exit_code == 78
    assert f"{store / 'agent.toml'}: station[2].zone: found 'cellar'" in done.output
    assert [one.name for one in store.iterdir() if one.is_file()] == ["answers.toml"]
