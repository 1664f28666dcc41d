"""Answers become a configuration; what was there before stays; what is written is read back the same."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import load
from agent.errors import ConfigError
from agent.setup.answers import Answers, configuration, read
from agent.setup.writing import toml

ROOT = Path(__file__).parents[3]
ANSWERS = {
    "store": "S001",
    "zones": ["backroom", "salesfloor"],
    "broker": {"host": "broker.example.com"},
    "station": [{"name": "dock", "zone": "backroom"}],
    "device": [
        {"name": "hand-1", "station": "dock", "path": "/dev/serial/by-id/usb-x", "learn": True},
        {"name": "door", "host": "192.0.2.99"},
    ],
}
LEARNED = {"hand-1": {"kind": "serial_line", "end": "crlf", "suffix": "\x1d"}}
NAMES = st.text(min_size=1, max_size=8)
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def made(answers: Any = ANSWERS, former: Any = None, access: Any = None, learned: Any = LEARNED) -> dict[str, Any]:
    return configuration(former or {}, read(answers, "answers.toml"), access or {}, learned)


def loaded(table: dict[str, Any], folder: Path) -> Any:
    path = folder / "agent.toml"
    path.write_text(toml(table))
    return load(path)


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_any_table_is_read_back(table: dict[str, Any]) -> None:
    assert tomllib.loads(toml(table)) == table


@pytest.mark.parametrize("file", ["agent.example.toml", "demo.toml"])
def test_configurations_of_ours_are_read_back(file: str) -> None:
    table = tomllib.loads((ROOT / "config" / file).read_text())
    assert tomllib.loads(toml(table)) == table


def test_answers_make_a_configuration_that_the_agent_takes(tmp_path: Path) -> None:
    access = {"ca_file": "ca.pem", "cert_file": "broker.pem", "key_file": "broker.key"}
    config = loaded(made(access=access), tmp_path)
    assert (config.store.id, config.store.zones) == ("S001", ("backroom", "salesfloor"))
    assert (config.uplink.host, config.uplink.port, config.uplink.tls) == ("broker.example.com", 8883, True)
    assert [(one.name, one.settings.kind) for one in config.device] == [("hand-1", "serial_line"), ("door", "llrp")]
    assert (config.device[0].settings.end.value, config.device[0].settings.suffix) == ("crlf", "\x1d")
    assert config.device[0].station == "dock"


def test_the_same_answers_change_nothing() -> None:
    first = made()
    assert made(former=first) == first


def test_what_nobody_asked_about_stays() -> None:
    former = tomllib.loads((ROOT / "config" / "agent.example.toml").read_text())
    former["uplink"]["keepalive_s"] = 30
    former["rules"]["expired"] = "look"
    table = made(former=former)
    assert (table["uplink"]["keepalive_s"], table["rules"]["expired"]) == (30, "look")
    assert {one["name"] for one in former["device"]} <= {one["name"] for one in table["device"]}
    assert former["uplink"].get("host") is None, "the former table is not changed"


def test_a_device_in_the_same_place_is_the_same_device() -> None:
    table = made()
    renamed = {**ANSWERS, "device": [{**ANSWERS["device"][0], "name": "dock-scanner"}]}  # type: ignore[dict-item]
    again = made(renamed, former=table, learned={"dock-scanner": {"kind": "serial_line", "end": "cr"}})
    assert [one["name"] for one in again["device"]] == ["dock-scanner", "door"]
    assert again["device"][0]["settings"] == {"path": "/dev/serial/by-id/usb-x", "kind": "serial_line", "end": "cr"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"store": "a b"}, "store"),
        ({"language": "fr"}, "language"),
        ({"shop": 1}, "shop"),
        ({"credentials": {"way": "token"}}, "needs desk"),
        ({"credentials": {"way": "token", "desk": "ftp://x"}}, "credentials.desk"),
        ({"device": [{"name": "x"}]}, "needs host, learn = true"),
        ({"device": [{"name": "x", "host": "a", "path": "b"}]}, "either path or host"),
    ],
)
def test_a_mistake_is_named(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read({**ANSWERS, **change}, "answers.toml")
    assert any(says in line for line in refused.value.mistakes), refused.value.mistakes
    assert all(line.startswith("answers.toml: ") for line in refused.value.mistakes)


def test_a_secret_that_was_typed_into_the_wrong_place_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as refused:
        read({**ANSWERS, "credentials": {"way": "jse_very-secret"}}, "answers.toml")
    assert "very-secret" not in str(refused.value)


def test_answers_have_defaults_but_for_the_store() -> None:
    assert read({"store": "S001"}, "x") == Answers.model_validate({"store": "S001"})
