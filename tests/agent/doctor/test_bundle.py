"""The support bundle with secrets planted everywhere that one can stand: none comes out."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agent import bundle
from agent.bundle import REMOVED, redacted, scrubbed
from agent.cli import app
from agent.clock import SystemClock
from agent.ledger.log import Ledger
from agent.operations.values import Draft
from agent.people import People
from tests.agent.doctor.shop import Shop
from tests.agent.test_health import STAMPER

PASSWORD, READER, NAME = "broker-PASSWORD-1", "reader-PASSWORD-2", "김민지"
PLANTED = "planted-SECRET-3"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def packed(shop: Shop, *, good: bool = True) -> dict[str, str]:
    """The parts of the archive that the command writes."""
    file = shop.folder / "out.tar.gz"
    result = CliRunner().invoke(app, ["bundle", str(file), "--config", str(shop.config)])
    assert (result.exit_code == 0) == good, result.output
    assert file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as archive:
        return {one.name: read(archive, one) for one in archive.getmembers()}


def read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    held = archive.extractfile(member)
    assert held is not None
    return held.read().decode()


def plant(shop: Shop) -> tuple[list[str], str]:
    """A store with every secret that there is; gives them, and the lines that its log might hold."""
    shop.begin()
    for name, text in (("broker.password", PASSWORD), ("reader.password", READER)):
        (shop.folder / name).write_text(f"{text}\n")
    clock = SystemClock()
    people = People(shop.state, clock)
    clerk, badge = people.add(NAME, "clerk", "ko")
    token = people.add_client("till", frozenset({"sales"}))
    people.close()
    ledger = Ledger(shop.state, store="S1", clock=clock, stamper=STAMPER)
    ledger.start()
    data = {"kind": "bad_read", "reason": "checksum", "code": {"text": PLANTED, "raw_hex": "00"}}
    draft = Draft("exception", data, {"device": "dock", "clerk": clerk.clerk}, clock.now().wall_us, "synced")
    ledger.call(lambda tx: tx.append([draft]))
    ledger.close()
    key = (shop.state / "store.key").read_bytes().hex()
    log = f"login {PASSWORD} by {NAME} {clerk.clerk}; key {key}; reader said {READER}\nAuthorization: Bearer {token}\n"
    log += "mqtt://store:url-SECRET@hq:1883 password=inline-SECRET\n"
    log += "-----BEGIN PRIVATE KEY-----\npem-SECRET\n-----END PRIVATE KEY-----\n"
    found = [PASSWORD, READER, NAME, PLANTED, clerk.clerk, badge, token, key]
    return [*found, "url-SECRET", "inline-SECRET", "pem-SECRET"], log


def test_no_secret_leaves_the_store(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets, log = plant(shop)
    gate = '[[device]]\nname = "gate"\nsettings = { kind = "reader_json", username = "reader", dialect = "impinj"'
    shop.configure(
        f'enabled = true\nport = {shop.port}\nusername = "store-user"\npassword_file = "broker.password"\n# {PLANTED}',
        more=gate + ', host = "127.0.0.1", topics = ["gate/#"], password_file = "reader.password" }\n',
    )
    monkeypatch.setattr(bundle, "_log", lambda: log)
    parts = packed(shop)
    everything = "".join(parts.values())
    assert [one for one in secrets if one in everything] == []
    assert "store-user" not in parts["jaego-bundle/configuration.json"]
    assert "broker.password" in parts["jaego-bundle/configuration.json"]  # where it lies is no secret
    assert parts["jaego-bundle/log.txt"].count(REMOVED) >= 8
    findings = json.loads(parts["jaego-bundle/findings.json"])
    assert {"agent_stopped", "ledger_good"} <= {one["code"] for one in findings}
    events = json.loads(parts["jaego-bundle/events.json"])
    assert [(one["seq"], one["type"], one["kind"], one["source"]) for one in events] == [
        (1, "journal", "opening", {}),
        (2, "exception", "bad_read", {"device": "dock"}),
    ]
    assert json.loads(parts["jaego-bundle/files.json"])["ledger.db"]["size_bytes"] > 0
    assert "orjson" in json.loads(parts["jaego-bundle/versions.json"])["packages"]
    assert "no agent runs" in parts["jaego-bundle/devices.json"]


def test_a_secret_that_was_written_into_the_configuration_itself(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.configure(f'password = "{PLANTED}"\n[[portal]]\npin = 90817263\nname = "{PLANTED}-too"')
    monkeypatch.setattr(bundle, "_log", lambda: f"read {PLANTED} and 90817263")
    parts = packed(shop)
    everything = "".join(parts.values())
    assert PLANTED not in everything
    assert "90817263" not in everything
    assert "config_wrong" in parts["jaego-bundle/findings.json"]


def test_a_file_that_is_no_configuration_and_one_that_is_not_there(shop: Shop) -> None:
    shop.config.write_text(f"password {PLANTED}")
    parts = packed(shop)
    assert PLANTED not in "".join(parts.values())
    assert parts["jaego-bundle/configuration.json"].startswith("not to be had")
    shop.config.unlink()
    assert "config_wrong" in packed(shop)["jaego-bundle/findings.json"]


def test_a_place_that_cannot_be_written_leaves_nothing(shop: Shop) -> None:
    (shop.folder / "out.tar.gz").mkdir()
    result = CliRunner().invoke(app, ["bundle", str(shop.folder / "out.tar.gz"), "--config", str(shop.config)])
    assert result.exit_code == 1
    assert "hint: " in result.output
    assert not (shop.folder / "out.tar.gz.part").exists()


def test_devices_and_health_of_a_running_agent(shop: Shop) -> None:
    shop.configure(more='[[device]]\nname = "dock"\nsettings = { kind = "serial_line", path = "/dev/ttyGONE9" }\n')
    with shop.agent():
        parts = packed(shop)
    [device] = json.loads(parts["jaego-bundle/devices.json"])
    [health] = json.loads(parts["jaego-bundle/health.json"])
    assert (device["device"], device["kind"]) == ("dock", "serial_line")
    assert health["connected"] is False
    assert health["memory_bytes"] > 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"password": "x"}, {"password": REMOVED}),
        ({"broker_pw": 5, "api_token": "x", "pin": 1}, {"broker_pw": REMOVED, "api_token": REMOVED, "pin": REMOVED}),
        ({"key_file": "a/b", "password_file": "c"}, {"key_file": "a/b", "password_file": "c"}),
        ({"list": [{"secret": ["a", "b"]}]}, {"list": [{"secret": [REMOVED, REMOVED]}]}),
        ({"name": "dock", "port": 1, "on": True}, {"name": "dock", "port": 1, "on": True}),
    ],
)
def test_settings_are_judged_by_their_names(value: Any, expected: Any) -> None:
    assert redacted(value) == expected


def test_texts_are_searched_the_longest_secret_first_and_stay_what_they_are() -> None:
    secrets = ["secret-long", "secret"]
    assert scrubbed({"a secret": ["secret-long", 5, None, True]}, secrets) == {f"a {REMOVED}": [REMOVED, 5, None, True]}
