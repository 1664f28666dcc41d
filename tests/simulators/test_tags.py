"""Simulated tags: memory as a Gen2 tag keeps it, and the sources that make tags seen."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from drivers.operations import Bank, Outcome
from identity.epc.codec import decode
from simulators.recordings import rows
from simulators.tags import Field, RateSource, RowSource, Tag, listed, sgtin_tags

EPC = bytes.fromhex("30340789000c0d4200002b66")


def test_a_tag_keeps_crc_pc_and_epc() -> None:
    """The CRC is checked by its residue, which the standard gives."""
    tag = Tag(EPC)
    assert (tag.epc, tag.pc) == (EPC, 0x3000)
    crc = 0xFFFF
    for byte in tag.bank(Bank.EPC)[2:16] + tag.bank(Bank.EPC)[:2]:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    assert crc == 0x1D0F  # Gen2, annex F.2: the residue over PC, EPC and CRC


def test_a_written_epc_is_the_epc() -> None:
    tag = Tag(EPC)
    assert tag.write(Bank.EPC, 2, b"\xab\xcd") is Outcome.DONE
    assert tag.epc == b"\xab\xcd" + EPC[2:]
    assert tag.write(Bank.EPC, 1, (8 << 11).to_bytes(2, "big")) is Outcome.DONE
    assert len(tag.epc) == 16


@pytest.mark.parametrize(
    ("bank", "offset", "data", "outcome"),
    [
        (Bank.EPC, 0, bytes(2), Outcome.LOCKED),
        (Bank.TID, 0, bytes(2), Outcome.LOCKED),
        (Bank.USER, 32, bytes(2), Outcome.OVERRUN),
        (Bank.USER, 31, bytes(2), Outcome.DONE),
    ],
)
def test_what_a_tag_answers_to_a_write(bank: Bank, offset: int, data: bytes, outcome: Outcome) -> None:
    assert Tag(EPC).write(bank, offset, data) is outcome


def test_locks_and_passwords() -> None:
    tag = Tag(EPC, password=0x1234)
    tag.locked.add(Bank.USER)
    assert tag.write(Bank.USER, 0, b"ab") is Outcome.LOCKED
    assert tag.write(Bank.USER, 0, b"ab", 0x9999) is Outcome.PASSWORD
    assert tag.read(Bank.USER, 0, 1, 0x9999) == (Outcome.PASSWORD, b"")
    assert tag.write(Bank.USER, 0, b"ab", 0x1234) is Outcome.DONE
    assert tag.read(Bank.USER, 0, 1) == (Outcome.DONE, b"ab")
    assert tag.read(Bank.RESERVED, 2, 2) == (Outcome.DONE, bytes.fromhex("00001234"))
    tag.locked.add(Bank.RESERVED)
    assert tag.read(Bank.RESERVED, 2, 2) == (Outcome.LOCKED, b"")
    assert tag.read(Bank.TID, 5, 2) == (Outcome.OVERRUN, b"")
    assert tag.read(Bank.TID, 0, 0) == (Outcome.DONE, tag.tid)


def test_a_mask_selects_as_gen2_does() -> None:
    """Bit pointer 32 is the EPC's first bit (Gen2, 6.3.2.1.2: CRC and PC are in front)."""
    field = Field(listed([EPC, bytes.fromhex("b" * 24)]))
    assert [tag.epc for tag in field.matching(Bank.EPC, 32, EPC, 96)] == [EPC]
    assert [tag.epc for tag in field.matching(Bank.EPC, 32, b"\xb0", 4, match=False)] == [EPC]
    assert len(field.matching(Bank.EPC, 0, b"", 0)) == 2
    assert not field.matching(Bank.TID, 90, b"\x00", 8)


def test_labels_are_sgtin_96_and_repeat_by_seed() -> None:
    tags = sgtin_tags(50, seed=3)
    assert [tag.epc for tag in tags] == [tag.epc for tag in sgtin_tags(50, seed=3)]
    assert len({tag.epc for tag in tags}) == len({tag.tid for tag in tags}) == 50
    assert {decode(tag.epc).scheme for tag in tags} == {"sgtin-96"}
    of_one = sgtin_tags(2, gtins=["80614141123458"])
    assert [dict(decode(tag.epc).elements)["01"] for tag in of_one] == ["80614141123458"] * 2


def test_a_rate_is_kept_however_often_it_is_asked() -> None:
    tags = sgtin_tags(7)
    once = RateSource(tags, 500, antennas=(1, 2)).due(10_000_000)
    slow, often = RateSource(tags, 500, antennas=(1, 2)), []
    for now_us in range(0, 10_000_001, 7_777):
        often += slow.due(now_us)
    often += slow.due(10_000_000)
    assert once == often
    assert len(once) == 5001
    assert {sighting.antenna for sighting in once} == {1, 2}
    assert slow.next_us() == 10_002_000


def test_a_recording_keeps_its_times(tmp_path: Path) -> None:
    lines = (
        "t,epc,antenna,rssi_dbm,phase_rad,freq_mhz\n5.0,AB01,1,-66.5,,865.7\n5.25,AB02,2,-60,1.5,\n5.2,AB01,1,-61,,\n"
    )
    path = tmp_path / "reads.csv.gz"
    path.write_bytes(gzip.compress(lines.encode()))
    source = RowSource(rows(path))
    assert source.next_us() == 0
    found = source.due(249_999) + source.due(10**9)
    assert [(one.epc.hex(), one.antenna, one.rssi_cdbm, one.at_us) for one in found] == [
        ("ab01", 1, -6650, 0),
        ("ab02", 2, -6000, 250_000),
        ("ab01", 1, -6100, 250_000),
    ]
    assert [(one.phase_mrad, one.frequency_khz) for one in found[:2]] == [(None, 865_700), (1500, None)]
    assert found[0].tag is found[2].tag
    assert source.next_us() is None


def test_a_recording_as_json_lines_and_its_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "reads.jsonl"
    path.write_text('{"t": 0, "epc": "ab01", "antenna": 1, "rssi_dbm": -50}\n{"t": 1}\n')
    found = rows(path)
    assert next(found).epc.hex() == "ab01"
    with pytest.raises(ValueError, match=r"reads.jsonl:2: no read"):
        next(found)
    path = tmp_path / "reads.csv"
    path.write_text("epc,t\n")
    with pytest.raises(ValueError, match="no column antenna, rssi_dbm"):
        next(rows(path))
