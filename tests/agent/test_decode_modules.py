"""`jaego decode thingmagic` and `jaego decode r200` over the fixtures, raw and as text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from agent import decode_modules
from agent.cli import app

FIXTURES = Path(__file__).parent.parent / "fixtures" / "modules"
THINGMAGIC = json.loads((FIXTURES / "thingmagic.json").read_text("utf-8"))
R200 = json.loads((FIXTURES / "r200.json").read_text("utf-8"))
RECORD = bytes.fromhex(THINGMAGIC["responses"]["tag_record"])
NOTIFICATION = bytes.fromhex(R200["aa_dd"]["tag"])


def shown(*arguments: str, stdin: bytes | None = None) -> list[dict[str, Any]]:
    done = CliRunner().invoke(app, ["decode", *arguments], input=stdin)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_record_of_a_thingmagic_module() -> None:
    [found] = shown("thingmagic", stdin=RECORD)
    assert found["type"] == "READ_TAG_ID_MULTIPLE"
    assert found["status"] == "0000 success"
    assert found["tags"] == [
        {
            "epc": "000000000000000000001545",
            "epc_bits": 96,
            "antenna": 1,
            "rssi_dbm": -60,
            "seen_count": 1,
            "phase_deg": 0,
            "frequency_khz": 923200,
            "since_keepalive_ms": 295,
            "pc": 0x3000,
            "crc": 0xE94A,
        }
    ]


def test_every_fixture_raw_and_as_text(tmp_path: Path) -> None:
    for group, arguments in (("responses", ["thingmagic"]), ("commands", ["thingmagic", "--host"])):
        held = THINGMAGIC[group]
        text = tmp_path / "text"
        text.write_text("\n".join(held.values()), "utf-8")
        found = shown(*arguments, str(text))
        assert found == shown(*arguments, stdin=bytes.fromhex("".join(held.values())))
        assert len(found) == len(held)
        assert not [one for one in found if "malformed" in one or "damage" in one]
    for framing in ("aa_dd", "bb_7e"):
        found = shown("r200", "--framing", framing, stdin="".join(R200[framing].values()).encode())
        assert len(found) == len(R200[framing])
        assert not [one for one in found if "malformed" in one or "damage" in one]


def test_frames_of_an_r200_module() -> None:
    tag, none = shown("r200", stdin=NOTIFICATION + bytes.fromhex(R200["aa_dd"]["no_tag"]))
    assert (tag["type"], tag["kind"], tag["number"]) == ("SINGLE_POLL", "notification", 0x22)
    epc = {"epc": "30751feb705c5904e3d50d70", "epc_bits": 96}
    assert tag["tags"] == [{**epc, "rssi_dbm": -55, "pc": 0x3400, "crc": 0x3A76}]
    assert none["failure"] == "15 inventory no tag"


def test_damage_has_its_place_and_is_no_failure() -> None:
    broken = NOTIFICATION[:8] + b"\x00" + NOTIFICATION[9:]
    first, second, third = shown("r200", stdin=b"abc\x00" + broken + NOTIFICATION)
    assert first == {"malformed": "4 bytes outside any frame", "offset": 0, "bytes": "61626300"}
    assert second == {"malformed": "sum ef, not bf", "offset": 4, "bytes": broken.hex()}
    assert "tags" in third
    [cut] = shown("thingmagic", stdin=RECORD[:9])
    assert cut == {"malformed": "the input ends inside a frame", "offset": 0, "bytes": RECORD[:9].hex()}
    text = shown("thingmagic", stdin=RECORD.hex().encode() + b" ,")
    assert len(text) == 2
    assert "not hexadecimal" in text[1]["malformed"]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["decode", "r200", str(tmp_path / "gone")])
    assert done.exit_code == 1
    assert "hint: " in done.output


@pytest.mark.parametrize("decoded", [decode_modules.thingmagic, decode_modules.r200])
@given(pieces=st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([RECORD, NOTIFICATION])), max_size=8))
def test_any_bytes_are_shown_and_printable(decoded: Any, pieces: list[bytes]) -> None:
    for one in decoded(pieces):
        assert json.dumps(one)
        assert ("malformed" in one) is not ("type" in one)
