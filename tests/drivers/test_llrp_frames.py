"""LLRP framing: every captured frame whole and split, names and numbers by the published definitions, any bytes."""

from __future__ import annotations

import json
import random
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.llrp.frames import (
    HEADER_BYTES,
    KEEPALIVE,
    Decoder,
    Malformed,
    Message,
    Parameter,
    close_connection,
    encode,
    keepalive_ack,
    parameters,
)
from drivers.llrp.names import FIELD_BYTES, MESSAGES, TLV_NAMES, TV
from drivers.reads import Fault
from drivers.session import RAW_BYTES_MAX

FIXTURES = Path(__file__).parents[1] / "fixtures" / "llrp"
SPLIT_BYTES = 2_000  # of a large capture are split at every byte
# Frames of each origin. Fewer would be a test that shows less than it says.
FRAMES = {"dx101": 958, "ltkjava": 7, "llrp-rs": 10, "edgex": 6, "conversations": 201, "golden": 12}


def loaded(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text("utf-8"))


def plain(name: str) -> str:
    return name.replace("_", "").lower()


NUMBERS = {plain(name): number for number, name in MESSAGES.items()}


@cache
def captures() -> dict[str, bytes]:
    """Streams by name. Bodies that were kept without their header get one, by the name of their file."""
    found = {path.relative_to(FIXTURES).as_posix(): path.read_bytes() for path in sorted(FIXTURES.rglob("*.bin"))}
    for path in sorted((FIXTURES / "edgex").glob("*.bytes")):
        number = NUMBERS[plain(path.name.partition("-")[0])]
        found[f"edgex/{path.name}"] = encode(Message(1, number, 7, path.read_bytes()))
    for path in sorted((FIXTURES / "conversations").glob("*.jsonl")):
        found[f"conversations/{path.name}"] = b"".join(
            bytes.fromhex(one["hex"]) for one in said_by_the_proxy(path.name)
        )
    found["golden"] = b"".join(map(bytes.fromhex, loaded("golden.json").values()))
    return found


def said_by_the_proxy(name: str) -> list[dict[str, Any]]:
    lines = (FIXTURES / "conversations" / name).read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def messages(wire: bytes) -> list[Message]:
    decoder = Decoder()
    found = [one for one in decoder.feed(wire) if isinstance(one, Message)]
    assert not decoder.partial
    assert not decoder.lost
    return found


@pytest.mark.parametrize("name", captures())
def test_a_capture_decodes_and_encodes_back(name: str) -> None:
    wire = captures()[name]
    found = messages(wire)
    assert found
    assert b"".join(map(encode, found)) == wire
    assert sum(one.length for one in found) == len(wire)


@pytest.mark.parametrize("name", captures())
def test_a_capture_split_at_every_byte(name: str) -> None:
    wire = captures()[name]
    whole = messages(wire)
    single = Decoder()
    assert [one for byte in wire for one in single.feed(bytes((byte,)))] == whole
    short = wire[:SPLIT_BYTES]
    decoder = Decoder()
    expected, rest = decoder.feed(short), decoder.cut("end")
    for cut in range(len(short) + 1):
        decoder = Decoder()
        assert decoder.feed(short[:cut]) + decoder.feed(short[cut:]) == expected
        assert decoder.cut("end") == rest


@pytest.mark.parametrize("name", captures())
def test_parameters_of_a_capture_are_framed_whole(name: str) -> None:
    for message in messages(captures()[name]):
        found = parameters(message.body, message.field_bytes)
        assert all(isinstance(one, Parameter) and one.name for one in found), message
        assert message.body[: message.field_bytes] + b"".join(one.raw for one in found) == message.body


@pytest.mark.parametrize("name", loaded("told.json"))
def test_names_are_those_of_the_xml(name: str) -> None:
    found = [
        [
            one.name,
            one.id,
            [inner.name for inner in parameters(one.body, one.field_bytes) if isinstance(inner, Parameter)],
        ]
        for one in messages(captures()[name])
    ]
    assert found == loaded("told.json")[name]


def test_names_are_those_of_the_files() -> None:
    for path in (FIXTURES / "llrp-rs").glob("*.bin"):
        (one,) = messages(path.read_bytes())
        assert plain(path.stem.partition("_")[2]).startswith(plain(one.name))


@pytest.mark.parametrize("name", sorted(path.name for path in (FIXTURES / "conversations").glob("*.jsonl")))
def test_headers_are_as_the_proxy_read_them(name: str) -> None:
    found = messages(captures()[f"conversations/{name}"])
    said = said_by_the_proxy(name)
    assert [(one.version, one.type, one.id, one.length) for one in found] == [
        (one["ver"], one["type"], one["id"], one["len"]) for one in said
    ]


def test_totals(capsys: pytest.CaptureFixture[str]) -> None:
    totals = dict.fromkeys(FRAMES, 0)
    for name, wire in captures().items():
        totals[name.partition("/")[0]] += len(messages(wire))
    size = sum(map(len, captures().values()))
    with capsys.disabled():
        sys.stdout.write(f"\nLLRP frames, there and back: {totals}, {sum(totals.values())} in {size:,} bytes\n")
    assert totals == FRAMES


@pytest.mark.parametrize("version", ["1.0.1", "1.1"])
def test_every_row_is_in_the_definitions(version: str) -> None:
    defined = loaded("definitions.json")[version]
    for number, one in defined["messages"].items():
        assert MESSAGES[int(number)] == one["name"]
        assert one["name"] == "CUSTOM_MESSAGE" or FIELD_BYTES.get(int(number), 0) * 8 == one["field_bits"]
    for number, one in defined["parameters"].items():
        if "field_bits" in one:
            assert TV[int(number)] == (one["name"], 1 + one["field_bits"] // 8)
        else:
            assert TLV_NAMES[int(number)] == one["name"]


def test_no_row_is_without_a_definition() -> None:
    defined = loaded("definitions.json")["1.1"]
    assert MESSAGES.keys() == {int(number) for number in defined["messages"]}
    assert TLV_NAMES.keys() | TV.keys() == {int(number) for number in defined["parameters"]}
    assert FIELD_BYTES.keys() <= MESSAGES.keys()


GOLDEN = {name: bytes.fromhex(text) for name, text in loaded("golden.json").items()}


def test_answers_echo_the_id() -> None:
    (keepalive,) = messages(GOLDEN["keepalive"])
    assert (keepalive.type, keepalive.id) == (KEEPALIVE, 5)
    assert keepalive_ack(keepalive) == GOLDEN["keepalive_ack"]
    assert keepalive_ack(Message(2, KEEPALIVE, 9)) == bytes.fromhex("08480000000a00000009")
    assert close_connection(1) == GOLDEN["close_connection"]
    with pytest.raises(ValueError, match="KEEPALIVE_ACK is not answered"):
        keepalive_ack(Message(1, 72, 5))


def test_unknown_messages_are_kept() -> None:
    wire = bytes.fromhex("07e70000000c00000001beef") + GOLDEN["keepalive"]
    unknown, known = messages(wire)
    assert (unknown.name, unknown.body, unknown.field_bytes) == ("message 999", b"\xbe\xef", 2)
    assert encode(unknown) + encode(known) == wire


@pytest.mark.parametrize(
    ("head", "fault", "detail"),
    [
        ("043e00000009000000ff", Fault.FRAMING, "length 9, a header alone has 10"),
        ("043e00000000000000ff", Fault.FRAMING, "length 0, a header alone has 10"),
        ("043e00000065000000ff", Fault.TOO_LONG, "length 101, at most 100 are taken"),
        ("043effffffff000000ff", Fault.TOO_LONG, "length 4294967295, at most 100 are taken"),
        ("243e0000000a000000ff", Fault.FRAMING, "reserved bits of a header are set"),
    ],
)
def test_a_header_that_cannot_be_true_ends_the_trust(head: str, fault: Fault, detail: str) -> None:
    bad = bytes.fromhex(head)
    wire = GOLDEN["keepalive"] + bad + GOLDEN["keepalive"] * 100
    for cut in range(len(wire) + 1):
        decoder = Decoder(bytes_max=100)
        found = decoder.feed(wire[:cut]) + decoder.feed(wire[cut:])
        assert found == [Message(1, KEEPALIVE, 5), Malformed(bad, fault, detail, 10)]
        assert decoder.lost
        assert not decoder.partial
        assert decoder.ignored_bytes == 1000
        assert decoder.cut("closed") == [
            Malformed(wire[20 : 20 + RAW_BYTES_MAX], Fault.DROPPED, "1000 bytes after lost framing", 20)
        ]
        assert decoder.feed(GOLDEN["keepalive"]) == []


def test_a_message_of_exactly_the_cap() -> None:
    message = Message(1, 61, 1, bytes(90))
    assert Decoder(bytes_max=100).feed(encode(message, bytes_max=100)) == [message]
    with pytest.raises(ValueError, match="length 101"):
        encode(Message(1, 61, 1, bytes(91)), bytes_max=100)


def test_a_stream_that_ends_inside_a_message() -> None:
    decoder = Decoder()
    wire = GOLDEN["close_connection"]
    assert len(decoder.feed(wire + wire[:7])) == 1
    assert decoder.partial
    assert decoder.cut("closed") == [Malformed(wire[:7], Fault.INCOMPLETE, "closed", 10)]
    assert decoder.cut("closed") == []


@pytest.mark.parametrize("message", [Message(8, 1, 1), Message(1, 1024, 1), Message(1, 1, 1 << 32), Message(-1, 1, 1)])
def test_what_no_field_takes_is_refused(message: Message) -> None:
    with pytest.raises(ValueError, match="a message takes 0 to"):
        encode(message)


@pytest.mark.parametrize("bytes_max", [9, 1 << 32])
def test_a_cap_that_is_none_is_refused(bytes_max: int) -> None:
    with pytest.raises(ValueError, match="bytes_max"):
        Decoder(bytes_max=bytes_max)


@pytest.mark.parametrize(
    ("rest", "fault"),
    [
        ("ff0000", Fault.FRAMING),  # TV 127
        ("8100", Fault.INCOMPLETE),  # AntennaID without its second byte
        ("00f0", Fault.INCOMPLETE),
        ("00f00003", Fault.FRAMING),
        ("00f00005", Fault.INCOMPLETE),
        ("04f00004", Fault.FRAMING),  # a reserved bit
    ],
)
def test_a_parameter_that_cannot_be_framed_stands_for_the_rest(rest: str, fault: Fault) -> None:
    good = bytes.fromhex("0102030407" + "860a" + "03e80005aa")  # 5 bytes of fields, PeakRSSI, TLV 1000
    rssi, unknown, bad = parameters(good + bytes.fromhex(rest), 5)
    assert isinstance(rssi, Parameter)
    assert (rssi.type, rssi.tv, rssi.name, rssi.content) == (6, True, "PeakRSSI", b"\x0a")
    assert isinstance(unknown, Parameter)
    assert (unknown.type, unknown.tv, unknown.name, unknown.content) == (1000, False, None, b"\xaa")
    assert isinstance(bad, Malformed)
    assert (bad.raw.hex(), bad.fault, bad.offset) == (rest, fault, len(good))


def test_parameters_are_capped() -> None:
    found = parameters(b"\x86\x00" * 4, count_max=3)
    assert [type(one) for one in found] == [Parameter] * 3 + [Malformed]
    assert found[3] == Malformed(b"\x86\x00", Fault.TOO_LONG, "more than 3 parameters", 6)


LIKELY = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(list(GOLDEN.values())),
    st.builds(
        lambda head, length, rest: head.to_bytes(2, "big") + length.to_bytes(4, "big") + rest,
        st.integers(0, 0x1FFF),
        st.integers(0, 40),
        st.binary(max_size=40),
    ),
)


@given(st.lists(LIKELY, max_size=8), st.integers(HEADER_BYTES, 64))
def test_any_bytes_are_accounted_for(portions: list[bytes], bytes_max: int) -> None:
    decoder, wire = Decoder(bytes_max=bytes_max), b"".join(portions)
    found: list[Message | Malformed] = []
    for portion in portions:
        found += decoder.feed(portion)
        assert len(decoder._buffer) <= max(bytes_max, RAW_BYTES_MAX)
    found += decoder.cut("end")
    told = b"".join(encode(one) if isinstance(one, Message) else one.raw for one in found)
    assert told == wire[: len(told)]
    assert len(told) == len(wire) or (decoder.lost and len(found[-1].raw) == RAW_BYTES_MAX)  # type: ignore[union-attr]
    other = Decoder(bytes_max=bytes_max)
    assert other.feed(wire) + other.cut("end") == found


@given(st.integers(0, 7), st.integers(0, 1023), st.integers(0, 0xFFFF_FFFF), st.binary(max_size=300))
def test_every_message_comes_back(version: int, kind: int, message_id: int, body: bytes) -> None:
    message = Message(version, kind, message_id, body)
    assert Decoder().feed(encode(message)) == [message]


@given(st.binary(max_size=200), st.integers(0, 220))
def test_any_body_is_walked_to_its_end(body: bytes, offset: int) -> None:
    assert b"".join(one.raw for one in parameters(body, offset)) == body[offset:]


def test_mutated_captures() -> None:
    chance = random.Random(4)
    wire = captures()["dx101/dx101_b.bin"] + captures()["golden"]
    for _ in range(3_000):
        bad = bytearray(wire[: chance.randrange(1, len(wire))])
        for _ in range(chance.randrange(1, 6)):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        decoder = Decoder()
        found = decoder.feed(bytes(bad))
        covered = sum(one.length if isinstance(one, Message) else len(one.raw) for one in found)
        left = sum(len(one.raw) for one in decoder.cut("end")) if not decoder.lost else decoder.ignored_bytes
        assert covered + left == len(bad) or left == RAW_BYTES_MAX
        for one in found:
            if isinstance(one, Message):
                inner = parameters(one.body, one.field_bytes)
                assert all(isinstance(each, Parameter) for each in inner[:-1])
