"""ThingMagic's frames against captures and the vendor's own commands (tests/fixtures/modules)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.modules.framing import FrameDecoder, Malformed
from drivers.operations import Bank, Outcome, ReadMemory, WriteMemory
from drivers.reads import Fault
from drivers.thingmagic import commands
from drivers.thingmagic.frames import (
    DATA_BYTES_MAX,
    Command,
    Op,
    Response,
    Status,
    Tag,
    command_decoder,
    crc16,
    encode,
    response_decoder,
    status_name,
    tag_of,
    tag_record,
)
from tests.drivers.module_tools import cuts, frames

COMMANDS = frames("thingmagic", "commands")
RESPONSES = frames("thingmagic", "responses")
RECORD = RESPONSES["tag_record"]
EPC = bytes.fromhex("9812ab32ff00020605e401f6")


def decoded(wire: bytes) -> Response:
    [found] = response_decoder().feed(wire)
    assert isinstance(found, Response)
    return found


@pytest.mark.parametrize("name", RESPONSES)
def test_responses_decode_at_every_cut_and_encode_to_the_same_bytes(name: str) -> None:
    wire = RESPONSES[name]
    for pieces in cuts(wire):
        decoder = response_decoder()
        found = [one for piece in pieces for one in decoder.feed(piece)]
        assert len(found) == 1
        assert isinstance(found[0], Response)
        assert encode(found[0]) == wire
        assert not decoder.partial


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_decode_and_encode_to_the_same_bytes(name: str) -> None:
    [found] = command_decoder().feed(COMMANDS[name])
    assert isinstance(found, Command)
    assert encode(found) == COMMANDS[name]


def test_what_the_session_sends_is_what_the_vendors_tools_send() -> None:
    assert COMMANDS["version"] == commands.VERSION
    assert COMMANDS["boot"] == commands.BOOT
    assert COMMANDS["start"] == commands.START
    assert COMMANDS["stop"] == commands.STOP
    assert COMMANDS["set_gen2"] == commands.SET_GEN2
    assert COMMANDS["get_power_limits"] == commands.GET_POWER_LIMITS
    assert COMMANDS["read_filter_off"] == commands.READ_FILTER_OFF
    assert commands.set_region(2) == COMMANDS["set_region_02"]
    assert commands.set_region(6) == COMMANDS["set_region_06"]
    assert commands.set_antennas((1,)) == COMMANDS["search_antenna_1"]
    assert commands.set_power(Op.SET_READ_TX_POWER, 1200) == COMMANDS["set_read_power_1200"]
    reading = ReadMemory(Bank.RESERVED, 0, 0, match=EPC)
    assert commands.read_memory(reading, EPC, 1000) == COMMANDS["read_reserved_of_epc"]


def test_a_write_names_password_and_epc_between_bank_and_data() -> None:
    """The order of SparkFun's write without filter, with the filter of the assistant's read behind the bank."""
    writing = WriteMemory(Bank.USER, 0, b"\x00\xee", match=EPC, access_password=0x11223344)
    [found] = command_decoder().feed(commands.write_memory(writing, EPC, 1000))
    assert isinstance(found, Command)
    bare = COMMANDS["write_user_no_filter"]
    assert found.data[:2] == bare[3:5]
    assert found.data[2] == 0x01
    assert found.data[3:8] == bare[6:11]
    assert found.data[8:] == bytes.fromhex("11223344") + b"\x60" + EPC + b"\x00\xee"


def test_a_long_epc_has_its_length_in_two_bytes() -> None:
    epc = bytes(range(62))
    [found] = command_decoder().feed(commands.read_memory(ReadMemory(Bank.TID, 0, 6, match=epc), epc, 500))
    assert isinstance(found, Command)
    assert found.data[2] == 0x31
    assert found.data[15:17] == (496).to_bytes(2, "big")


def test_the_record_of_the_library_says_what_its_comment_says() -> None:
    epc = bytes.fromhex("000000000000000000001545")
    assert tag_of(decoded(RECORD).data) == Tag(epc, 0x3000, 0xE94A, 1, -60, 1, 923_200, 295, 0)
    assert tag_record(Tag(epc, 0x3000, 0xE94A, 1, -60, 1, 923_200, 295, 0)) == decoded(RECORD).data


def test_a_record_is_read_by_its_flags() -> None:
    """Metadata 0x0057 behind the multi-select option, as the vendor's assistant asks for it."""
    body = bytes.fromhex("3400e2004704576064 26e301010ec4bb".replace(" ", ""))
    data = bytes.fromhex("8810051b005701") + bytes.fromhex("2bc6110000000905") + (8 * len(body)).to_bytes(2, "big")
    assert tag_of(data + body) == Tag(body[2:-2], 0x3400, 0xC4BB, 0x2B, -58, 1, None, 9, None)


def test_xpc_words_are_no_part_of_the_epc() -> None:
    head = bytes.fromhex("10001b004001") + b"\x05"
    one = bytes.fromhex("3200") + b"\x00\x01" + b"\xaa" * 4 + b"\x12\x34"
    two = bytes.fromhex("3200") + b"\x80\x01\x00\x02" + b"\xbb" * 4 + b"\x12\x34"
    for body, epc in ((one, b"\xaa" * 4), (two, b"\xbb" * 4)):
        tag = tag_of(head + (8 * len(body)).to_bytes(2, "big") + body)
        assert isinstance(tag, Tag)
        assert (tag.epc, tag.crc) == (epc, 0x1234)


def test_embedded_data_is_stepped_over() -> None:
    body = b"\x30\x00" + b"\xcc" * 12 + b"\xab\xcd"
    data = bytes.fromhex("10001b00c001") + b"\x05" + b"\x00\x20" + b"DATA" + b"\x00\x80" + body
    tag = tag_of(data)
    assert isinstance(tag, Tag)
    assert tag.epc == b"\xcc" * 12


@pytest.mark.parametrize("size", range(40))
def test_a_record_that_ends_too_soon_says_so(size: int) -> None:
    found = tag_of(decoded(RECORD).data[:size])
    assert found is None or isinstance(found, str)


def test_records_of_other_kinds_and_unknown_flags_are_no_tags() -> None:
    data = bytearray(decoded(RECORD).data)
    data[5] = 0x02
    assert tag_of(bytes(data)) is None
    data[3:6] = b"\x80\x00\x01"
    assert "unknown size" in str(tag_of(bytes(data)))


def test_answers_say_what_they_hold() -> None:
    assert commands.limits_of(decoded(RESPONSES["power_limits"]).data) == (1000, 2300)
    facts = commands.version_of(decoded(RESPONSES["version"]).data)
    assert facts["firmware"] == "01.07.02.09"
    assert facts["firmware_date"] == "2014-10-07"
    assert facts["model"] == "ThingMagic M5e"
    assert commands.version_of(b"") == {}
    assert commands.limits_of(b"\x01") is None
    assert commands.detected_of(bytes.fromhex("0501010200")) == {1: True, 2: False}
    assert commands.memory_of(bytes.fromhex("1100001234")) == b"\x12\x34"
    assert commands.memory_of(bytes.fromhex("011234")) == b"\x12\x34"
    assert isinstance(commands.memory_of(b""), str)
    assert isinstance(commands.memory_of(bytes.fromhex("1100400512")), str)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (0, Outcome.DONE),
        (0x0400, Outcome.NO_RESPONSE),
        (0x042B, Outcome.NO_RESPONSE),
        (0x0424, Outcome.LOCKED),
        (0x0423, Outcome.OVERRUN),
        (0x0406, Outcome.FAILED),
        (0xBEEF, Outcome.FAILED),
    ],
)
def test_outcomes_of_status(status: int, outcome: Outcome) -> None:
    assert commands.outcome_of(status) is outcome


def test_a_keepalive_is_a_status_without_data() -> None:
    assert Response(Op.READ_TAG_ID_MULTIPLE, Status.NO_TAGS_FOUND).keepalive
    assert not decoded(RECORD).keepalive
    assert status_name(0x0504) == "0504 over temperature"
    assert status_name(0x1234) == "1234 unknown status"
    assert str(decoded(RESPONSES["read_single_no_tag"])) == "op 21 status 0400 no tags found data"
    assert str(Command(Op.VERSION)) == "VERSION"


def test_a_damaged_frame_is_told_once_and_the_next_is_found() -> None:
    broken = RECORD[:20] + b"\x00" + RECORD[21:]
    found = response_decoder().feed(broken + RECORD)
    assert [type(one) for one in found] == [Malformed, Response]
    assert isinstance(found[0], Malformed)
    assert (found[0].fault, found[0].raw, found[0].offset) == (Fault.CHECKSUM, broken, 0)


def test_noise_with_a_mark_in_it_costs_no_frame() -> None:
    """FF 28 in the noise claims 47 bytes; the true frames behind are found all the same."""
    for noise in (b"\xff\x28", b"\xff\xff\xff", b"\x00\xff\x01\x22", RECORD[:17], RECORD[5:]):
        decoder = response_decoder()
        found = decoder.feed(noise + 3 * RECORD) + decoder.cut("end")
        assert [one for one in found if isinstance(one, Response)] == 3 * [decoded(RECORD)]


def test_what_is_cut_is_incomplete_and_a_frame_in_it_is_found() -> None:
    decoder = response_decoder()
    assert decoder.feed(b"\xff\xc8" + RESPONSES["set_gen2"]) == []
    found = decoder.cut("late")
    assert [type(one) for one in found] == [Malformed, Response]
    assert isinstance(found[0], Malformed)
    assert (found[0].fault, found[0].detail) == (Fault.INCOMPLETE, "late")
    assert not decoder.partial


def test_more_data_than_a_frame_takes_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="250"):
        encode(Command(Op.VERSION, bytes(DATA_BYTES_MAX + 1)))


@given(st.binary(min_size=2, max_size=255))
def test_the_fast_crc_is_the_one_of_the_nibbles(data: bytes) -> None:
    crc = 0xFFFF
    for byte in data:
        for nibble in (byte >> 4, byte & 15):
            top = crc >> 12
            crc = (crc << 4 | nibble) & 0xFFFF
            for bit in range(4):
                crc ^= (0x1021 << bit) & 0xFFFF if top >> bit & 1 else 0
    assert crc16(data) == crc


@given(st.lists(st.one_of(st.binary(max_size=20), st.sampled_from(sorted(RESPONSES.values()))), max_size=12))
def test_any_stream_in_any_pieces_gives_the_same(pieces: list[bytes]) -> None:
    def frames_of(parts: list[bytes]) -> list[Response]:
        decoder: FrameDecoder[Response] = response_decoder()
        found = [one for part in parts for one in decoder.feed(part)] + decoder.cut("end")
        return [one for one in found if isinstance(one, Response)]

    stream = b"".join(pieces)
    assert frames_of(pieces) == frames_of([stream[at : at + 1] for at in range(len(stream))])
