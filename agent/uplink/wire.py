"""The two MQTT packets that events travel with, written and read in bulk: PUBLISH at QoS 1, and PUBACK.

Everything else on the connection is paho's. Packet ids from `OURS` on belong to this side; paho keeps the lower half.
MQTT 3.1.1 section 3.3 and 3.4; MQTT 5.0 section 3.3.2.3 and 3.4.2.
"""

from __future__ import annotations

from typing import NamedTuple

OURS = 0x8000
PUBLISH_QOS1 = 0x32
RETAIN = 0x01
PUBACK = 0x40
PACKET_BYTES_MAX = 268_435_455
FAILURE = 0x80


class WireError(ValueError):
    """The peer's bytes are no MQTT."""


class Ack(NamedTuple):
    token: int
    reason: int


def remaining_length(size: int) -> bytes:
    """Section 2.2.3: seven bits a byte, lowest first."""
    out = bytearray()
    while True:
        size, low = divmod(size, 128)
        out.append(low | 0x80 if size else low)
        if not size:
            return bytes(out)


def publish(topic: bytes, payload: bytes, token: int, *, retain: bool, version5: bool) -> bytes:
    """A PUBLISH packet at QoS 1, without properties."""
    head = len(topic).to_bytes(2, "big") + topic + token.to_bytes(2, "big") + (b"\0" if version5 else b"")
    size = len(head) + len(payload)
    return bytes((PUBLISH_QOS1 | RETAIN if retain else PUBLISH_QOS1,)) + remaining_length(size) + head + payload


class Demux:
    """Splits what arrives: our PUBACKs come out as values, all other packets go on to paho byte for byte."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> tuple[bytes, list[Ack]]:
        self._held += data
        held, at, end = self._held, 0, len(self._held)
        theirs: list[bytes] = []
        acks: list[Ack] = []
        while end - at >= 4:
            # The common case by far: a PUBACK without reason, four bytes.
            if held[at] == PUBACK and held[at + 1] == 2 and held[at + 2] >= 0x80:
                acks.append(Ack(held[at + 2] << 8 | held[at + 3], 0))
                at += 4
                continue
            size = self._size(at)
            if size is None or end - at < size:
                break
            packet = bytes(held[at : at + size])
            at += size
            ack = _long_ack(packet)
            if ack is None:
                theirs.append(packet)
            else:
                acks.append(ack)
        if 2 <= end - at < 4 and held[at + 1] == 0:  # a packet of two bytes: PINGRESP
            theirs.append(bytes(held[at : at + 2]))
            at += 2
        del held[:at]
        return b"".join(theirs), acks

    def _size(self, at: int) -> int | None:
        """Whole packet size in bytes, None while its length is incomplete."""
        size = 0
        for place in range(4):
            if at + 1 + place >= len(self._held):
                return None
            byte = self._held[at + 1 + place]
            size |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                return 2 + place + size
        raise WireError("a packet length of more than four bytes: the peer speaks no MQTT")


def _long_ack(packet: bytes) -> Ack | None:
    """A PUBACK of ours with reason code (MQTT 5): `40 LEN id id reason [properties]`."""
    if packet[0] != PUBACK or len(packet) < 4 or packet[1] >= 0x80 or packet[2] < 0x80:
        return None
    return Ack(packet[2] << 8 | packet[3], packet[4] if len(packet) > 4 else 0)
