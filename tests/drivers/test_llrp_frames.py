"""LLRP framing: every captured frame whole and split at every byte, headers that cannot be true, any bytes."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.llrp.frames import (
    HEADER_BYTES,
    KEEPALIVE,
    Decoder,
    Malformed,
    Message,
    close_connection,
    encode,
    keepalive_ack,
)
from drivers.reads import Fault
from drivers.session import RAW_BYTES_MAX
from tests.drivers.llrp_vectors import FIXTURES, captures, loaded, messages, plain, said_by_the_proxy, scored

SPLIT_BYTES = 2_000  # of a large capture are split at every byte
# Frames of each origin. Fewer would be a test that shows less than it says.
FRAMES = {"dx101": 958, "ltkjava": 7, "llrp-rs": 10, "edgex": 6, "conversations": 201, "golden": 12}


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
    scored(name, "split at every byte", len(whole))
    for cut in range(len(short) + 1):
        decoder = Decoder()
        assert decoder.feed(short[:cut]) + decoder.feed(short[cut:]) == expected
        assert decoder.cut("end") == rest


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


def test_no_frame_is_missing() -> None:
    totals = Counter(dict.fromkeys(FRAMES, 0))
    for name, wire in captures().items():
        totals[name.partition("/")[0]] += len(messages(wire))
    assert totals == FRAMES


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
    assert (unknown.name, unknown.body) == ("message 999", b"\xbe\xef")
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
