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
KEEPALIVE = {"type": "KEEPALIVE", "number": 62, "id": 5, "version": 1, "length": 10, "parameters": {}}


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


def test_names_are_nested_as_in_the_xml() -> None:
    (found,) = shown(str(FIXTURES / "ltkjava" / "ADD_ROSPEC.bin"))
    assert (found["type"], found["id"], found["version"]) == ("ADD_ROSPEC", 4, 1)
    rospec = found["parameters"]["ROSpec"]
    assert (rospec["ROSpecID"], rospec["CurrentState"]) == (1, "Disabled")
    assert rospec["ROBoundarySpec"]["ROSpecStopTrigger"] == {
        "ROSpecStopTriggerType": "Null",
        "DurationTriggerValue": 0,
    }
    inventory = {"InventoryParameterSpecID": 9, "ProtocolID": "EPCGlobalClass1Gen2"}
    assert rospec["AISpec"][0]["InventoryParameterSpec"] == [inventory]
    assert rospec["Custom"] == [{"VendorIdentifier": 1111, "ParameterSubtype": 1111, "Data": "ff"}]
    (start,) = shown(str(FIXTURES / "ltkjava" / "START_ROSPEC.bin"))
    assert start["parameters"] == {"ROSpecID": 1}
    (boom,) = shown(given=GOLDEN["error_message_boom"])
    assert boom["parameters"] == {"LLRPStatus": {"StatusCode": "M_Success", "ErrorDescription": "boom"}}


def test_what_is_unknown_is_shown_with_its_bytes() -> None:
    (custom,) = shown(given=GOLDEN["unknown_custom_message"])
    assert custom["type"] == "CUSTOM_MESSAGE"
    assert custom["parameters"] == {"VendorIdentifier": 666, "MessageSubtype": 42, "Data": "dead"}
    (message,) = shown(given=bytes.fromhex("07e70000000c00000001beef"))
    assert (message["type"], message["parameters"]) == ("message 999", {"Data": "beef"})
    (report,) = shown(given=bytes.fromhex("043d0000000f00000001" + "03e80005aa"))
    assert report["parameters"] == {"Unknown": [{"type": 1000, "bytes": "03e80005aa"}]}
    assert report["tags"] == []
    (status,) = shown(given=bytes.fromhex("04040000001300000001" + "011f000900000001ff"))
    assert status["parameters"] == {"LLRPStatus": {"StatusCode": "M_Success", "ErrorDescription": "\\xff"}}


def test_tags_of_reports() -> None:
    (found,) = shown(given=GOLDEN["ro_access_report_tv"])
    epc = "000102030405060708090a0b"
    assert found["tags"] == [{"epc": epc, "epc_bits": 96, "antenna": 3, "rssi_dbm": -42, "seen_count": 2}]
    (read,) = shown(str(FIXTURES / "llrp-rs" / "14_ro_access_report_read.bin"))
    (tag,) = read["tags"]
    assert (tag["first_seen_us"], tag["clock"]) == (1557458648804222, "UTC")
    assert tag["results"][0]["Result"] == "Success"
    lines = (FIXTURES / "conversations" / "llrpkit_to_llrpkitemu.jsonl").read_text("utf-8").splitlines()
    octane = bytes.fromhex(next(one["hex"] for one in map(json.loads, lines) if one["type"] == 61))
    (tag,) = shown(given=octane)[0]["tags"]
    assert (tag["rssi_dbm"], tag["phase"]) == (-52.06, 3868)  # ebaa, 0f1c


def test_epcs_of_odd_bits_have_their_count() -> None:
    found = shown(str(FIXTURES / "dx101" / "dx101_b.bin"))
    assert found[0]["tags"] == [{"epc": "54", "epc_bits": 1}]
    assert {len(one["epc"]) == (one["epc_bits"] + 7) // 8 * 2 for each in found for one in each["tags"]} == {True}


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
    assert second["parameters"] == {
        "PeakRSSI": {"PeakRSSI": 10},
        "malformed": [{"malformed": "parameter length 255, 4 bytes are there", "offset": 22, "bytes": "00f000ff"}],
    }
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
