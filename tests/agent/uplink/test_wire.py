"""Our two packets, against bytes written out from the standard, and the demultiplexer at every split."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.uplink.wire import Demux, EventPacker, Receipt, WireError, publish, remaining_length, topic_field
from contract.chain import frame, message

# MQTT 3.1.1, 2.2.3, table 2.4: the edges of each length.
LENGTHS = [
    (0, "00"),
    (127, "7f"),
    (128, "8001"),
    (16383, "ff7f"),
    (16384, "808001"),
    (2097151, "ffff7f"),
    (2097152, "80808001"),
]


@pytest.mark.parametrize(("size", "expected"), LENGTHS)
def test_remaining_length(size: int, expected: str) -> None:
    assert remaining_length(size).hex() == expected


def test_publish_as_the_standard_writes_it() -> None:
    # 3.3.2: topic a/b, packet id 0x800A.
    assert publish(topic_field("a/b"), b"hi", 0x800A, retain=False, version5=False).hex() == "32090003612f62800a6869"
    assert publish(topic_field("a/b"), b"hi", 0x800A, retain=True, version5=False).hex() == "33090003612f62800a6869"
    assert publish(topic_field("a/b"), b"hi", 0x800A, retain=False, version5=True).hex() == "320a0003612f62800a006869"


@pytest.mark.parametrize("size", [0, 110, 111, 112, 16_360, 16_370, 16_400, 100_000])
def test_every_length_of_payload_frames_itself(size: int) -> None:
    packet = publish(topic_field("stock/v1/S1/count"), b"x" * size, 9, retain=False, version5=True)
    assert Demux().feed(packet + PINGRESP) == (packet + PINGRESP, [])


@pytest.mark.parametrize("version5", [True, False])
def test_packets_in_bulk_are_the_packets_one_by_one(*, version5: bool) -> None:
    topics = {kind: topic_field(f"stock/v1/S1/{kind}") for kind in ("movement", "journal")}
    messages = [
        ("movement", [b"x" * 10]),
        ("journal", [b"y" * 7000, b"z"]),
        ("movement", [b"w" * 40_000]),
        ("journal", []),
    ]
    pieces, last = EventPacker(topics, frame("S1", "L1"), version5=version5).pack(messages, 0xFFFE)
    tokens = [0xFFFF, 0x8000, 0x8001, 0x8002]
    assert last == tokens[-1]
    assert b"".join(pieces) == b"".join(
        publish(topics[kind], message("S1", "L1", bodies), token, retain=False, version5=version5)
        for (kind, bodies), token in zip(messages, tokens, strict=True)
    )


OURS = bytes.fromhex("4002800a")
OURS_REFUSED = bytes.fromhex("4003800b87")
OURS_LONG = bytes.fromhex("4004800c1000")
PAHOS = bytes.fromhex("4002000a")
PINGRESP = bytes.fromhex("d000")
CONNACK = bytes.fromhex("20020000")
INBOUND = publish(topic_field("stock/v1/S1/ack/hq"), b'{"seq":1}' * 40, 7, retain=True, version5=False)
TAKEN_OVER = bytes.fromhex("e0018e")  # MQTT 5.0, 3.14: a reason and no properties, three bytes
STREAM = CONNACK + OURS + PINGRESP + OURS_REFUSED + INBOUND + PAHOS + OURS_LONG + PINGRESP + TAKEN_OVER
THEIRS = CONNACK + PINGRESP + INBOUND + PAHOS + PINGRESP + TAKEN_OVER
ACKS = [Receipt(0x800A, 0), Receipt(0x800B, 0x87), Receipt(0x800C, 0x10)]


def test_our_receipts_come_out_and_the_rest_goes_on_at_every_split() -> None:
    for at in range(len(STREAM) + 1):
        demux = Demux()
        first, acks = demux.feed(STREAM[:at])
        second, more = demux.feed(STREAM[at:])
        assert first + second == THEIRS
        assert acks + more == ACKS


@given(
    st.lists(st.sampled_from([CONNACK, OURS, PINGRESP, OURS_REFUSED, INBOUND, PAHOS, TAKEN_OVER]), max_size=30),
    st.integers(1, 9),
)
def test_any_order_in_any_pieces(packets: list[bytes], size: int) -> None:
    stream, demux, theirs, acks = b"".join(packets), Demux(), b"", 0
    for at in range(0, len(stream), size):
        found, ours = demux.feed(stream[at : at + size])
        theirs, acks = theirs + found, acks + len(ours)
    assert theirs == b"".join(packet for packet in packets if packet not in {OURS, OURS_REFUSED})
    assert acks == sum(packet in {OURS, OURS_REFUSED} for packet in packets)


def test_bytes_that_are_no_mqtt_are_an_error() -> None:
    with pytest.raises(WireError):
        Demux().feed(b"\x30\xff\xff\xff\xff\xff")
