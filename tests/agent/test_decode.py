"""`jaego decode llrp`: one object a message, raw or hexadecimal, and exit 0 with damage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from agent import decode
from agent.cli import app

FIXTURES = Path(__file__).parents[1] / "fixtures" / "llrp"
GOLDEN = {name: bytes.fromhex(text) for name, text in json.loads((FIXTURES / "golden.json").read_text("utf-8")).items()}
KEEPALIVE = {"type": "KEEPALIVE", "number": 62, "id": 5, "version": 1, "length": 10, "parameters": []}


def shown(*arguments: str, given: bytes | None = None) -> list[dict[str, Any]]:
    done = CliRunner().invoke(app, ["decode", "llrp", *arguments], input=given, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_file_and_its_hexadecimal_say_the_same(tmp_path: Path) -> None:
    raw = FIXTURES / "dx101" / "dx101_a.bin"
    text = tmp_path / "text"
    text.write_text(raw.read_bytes().hex(" ", 2).replace("0a", "0A\n"))
    found = shown(str(raw))
    assert len(found) == 934
    assert found == shown(str(text)) == shown("-", given=raw.read_bytes()) == shown(given=text.read_bytes())
    assert {one["type"] for one in found} >= {"READER_EVENT_NOTIFICATION", "ADD_ROSPEC", "GET_READER_CAPABILITIES"}


def test_fields_and_parameters_join_to_the_body() -> None:
    (found,) = shown(given=GOLDEN["error_message_boom"])
    assert found["parameters"] == [{"type": 287, "name": "LLRPStatus", "bytes": "011f000c00000004626f6f6d"}]
    (start,) = shown(str(FIXTURES / "ltkjava" / "START_ROSPEC.bin"))
    assert (len(start["fields"]), start["parameters"]) == (8, [])
    (custom,) = shown(given=GOLDEN["unknown_custom_message"])
    assert (custom["type"], custom["fields"], custom["parameters"]) == ("CUSTOM_MESSAGE", "0000029a2adead", [])


def test_damage_has_its_place_in_the_stream() -> None:
    bad_length = bytes.fromhex("043e0000000300000005")
    found = shown(given=GOLDEN["keepalive"] + bad_length + b"abc")
    assert found == [
        KEEPALIVE,
        {"malformed": "length 3, a header alone has 10", "offset": 10, "bytes": bad_length.hex()},
        {"malformed": "3 bytes after lost framing", "offset": 20, "bytes": "616263"},
    ]
    report = bytes.fromhex("043d0000001000000001" + "860a" + "00f000ff")
    _, second = shown(given=GOLDEN["keepalive"] + report)
    assert second["parameters"] == [
        {"type": 6, "name": "PeakRSSI", "bytes": "860a"},
        {"malformed": "parameter length 255, 4 bytes are there", "offset": 22, "bytes": "00f000ff"},
    ]
    (_, cut) = shown(given=GOLDEN["keepalive"] + b"\x04")
    assert cut == {"malformed": "the input ends inside a message", "offset": 10, "bytes": "04"}


@pytest.mark.parametrize(
    ("text", "at", "bad"), [("043e0000000a00000005 0G4", 22, "47"), ("043e0000000a000000054", 20, "34")]
)
def test_text_that_is_not_hexadecimal(text: str, at: int, bad: str) -> None:
    found = shown(given=text.encode())
    assert found[0] == KEEPALIVE
    assert "not hexadecimal" in found[-1]["malformed"]
    assert (found[-1]["offset"], found[-1]["bytes"]) == (at, bad)


def test_nothing_in_nothing_out() -> None:
    assert shown(given=b"") == []


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["decode", "llrp", str(tmp_path / "gone")])
    assert done.exit_code == 1
    assert "hint: " in done.stderr


@given(
    st.lists(
        st.one_of(st.binary(max_size=30), st.sampled_from([b"043E0000 000A00000005", b"3", b" 0G", *GOLDEN.values()])),
        max_size=6,
    )
)
def test_any_input_is_answered_alike_however_it_comes(portions: list[bytes]) -> None:
    whole = b"".join(portions)
    assert list(decode.llrp([whole])) == list(decode.llrp(bytes((one,)) for one in whole))
