"""SSI packets: vectors worked out by hand from the guide's rule, every split, resynchronisation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.reads import Fault
from drivers.ssi.frames import CONTINUED, DATA_BYTES_MAX, HOST, RETRANSMIT, Malformed, Op, Packet, PacketDecoder, encode

# The checksum is 0x10000 minus the sum: 04+D0+04+00 = D8, 10000-D8 = FF28.
VECTORS = [
    ("04 D0 04 00 FF 28", Packet(Op.ACK, HOST)),
    ("05 D1 04 00 01 FF 25", Packet(Op.NAK, HOST, 0, b"\x01")),
    ("05 E6 04 00 17 FE FA", Packet(Op.BEEP, HOST, 0, b"\x17")),
    ("04 E9 04 00 FF 0F", Packet(Op.SCAN_ENABLE, HOST)),
    ("05 E7 04 01 02 FF 0D", Packet(Op.LED_ON, HOST, RETRANSMIT, b"\x02")),
    ("07 F3 00 00 0B 38 38 FE 8B", Packet(Op.DECODE_DATA, 0, 0, b"\x0b88")),
]


def told(found: list[Packet | Malformed]) -> list[object]:
    return [one if isinstance(one, Packet) else one.fault for one in found]


@pytest.mark.parametrize(("wire", "packet"), VECTORS)
def test_vectors(wire: str, packet: Packet) -> None:
    assert encode(packet) == bytes.fromhex(wire)
    assert PacketDecoder(packet.source).feed(bytes.fromhex(wire)) == [packet]


GOOD = Packet(Op.DECODE_DATA, 0, CONTINUED, b"\x0f0108801234567893\x1d10\x00\x00A")


def test_split_at_every_byte() -> None:
    wire = encode(GOOD) * 2
    for cut in range(len(wire) + 1):
        decoder = PacketDecoder()
        assert decoder.feed(wire[:cut]) + decoder.feed(wire[cut:]) == [GOOD, GOOD]
        assert not decoder.partial


def test_every_changed_byte_is_found_and_the_next_packet_is_good() -> None:
    wire = encode(GOOD)
    for at in range(len(wire)):
        decoder = PacketDecoder()
        bad = bytearray(wire)
        bad[at] ^= 0x21
        found = decoder.feed(bytes(bad) + encode(GOOD)) + decoder.cut("silence")
        assert found[-1] == GOOD
        assert found.count(GOOD) == 1
        assert any(isinstance(one, Malformed) for one in found)


def test_noise_around_packets_is_reported_once() -> None:
    decoder = PacketDecoder()
    found = decoder.feed(b"\xff\xff\x55" + encode(GOOD) + b"\x01\x02\x03" + encode(GOOD))
    assert told(found) == [Fault.FRAMING, GOOD, Fault.FRAMING, GOOD]
    (noise, _, second, _) = found
    assert isinstance(noise, Malformed)
    assert isinstance(second, Malformed)
    assert (noise.raw, second.raw) == (b"\xff\xff\x55", b"\x01\x02\x03")


def test_a_length_that_promises_too_much_is_cut_by_silence() -> None:
    decoder = PacketDecoder()
    wire = encode(GOOD)
    assert decoder.feed(b"\xc8" + wire[1:] + encode(GOOD)) == []
    assert decoder.partial
    assert told(decoder.cut("silence")) == [Fault.INCOMPLETE, GOOD]
    assert not decoder.partial


def test_limits() -> None:
    assert len(encode(Packet(Op.DECODE_DATA, 0, 0, b"x" * DATA_BYTES_MAX))) == 257
    with pytest.raises(ValueError, match="a packet takes 251"):
        encode(Packet(Op.DECODE_DATA, 0, 0, b"x" * (DATA_BYTES_MAX + 1)))
    decoder = PacketDecoder()
    for _ in range(100):
        decoder.feed(b"\xff\x00\x00\x00" * 100)
    assert len(decoder._buffer) <= 257


def test_a_packet_prints_itself() -> None:
    assert str(Packet(Op.BEEP, HOST, 1, b"\x17")) == "BEEP status 01 data 17"
    assert str(Packet(0x42)) == "opcode 42 status 00 data "


@given(st.lists(st.binary(max_size=DATA_BYTES_MAX), max_size=4), st.data())
def test_any_data_in_any_portions(codes: list[bytes], data: st.DataObject) -> None:
    packets = [Packet(Op.DECODE_DATA, 0, 0, code) for code in codes]
    wire = b"".join(map(encode, packets))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    decoder = PacketDecoder()
    found: list[Packet | Malformed] = []
    for start, stop in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        found += decoder.feed(wire[start:stop])
    assert found == packets


@given(st.binary(max_size=400))
def test_after_any_noise_and_a_silence_the_next_packet_is_good(noise: bytes) -> None:
    decoder = PacketDecoder()
    decoder.feed(noise)
    decoder.cut("silence")
    assert decoder.feed(encode(GOOD)) == [GOOD]
