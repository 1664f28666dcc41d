"""The two MQTT packets that events travel with, written and read in bulk: PUBLISH at QoS 1, and PUBACK.

Everything else on the connection is paho's. Packet ids from `OURS` on belong to this side; paho keeps the lower half.
MQTT 3.1.1 section 3.3 and 3.4; MQTT 5.0 section 3.3.2.3 and 3.4.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from struct import Struct
from typing import NamedTuple

OURS = 0x8000
PUBLISH = b"\x32"  # at QoS 1
PUBLISH_RETAINED = b"\x33"
PUBACK = 0x40
DISCONNECT = b"\xe0\x00"  # normal disconnection, the same in 3.1.1 (3.14) and 5 (3.14): the will is not sent
PACKET_BYTES_MAX = 268_435_455
FAILURE = 0x80
HEADER_BYTES_MAX = 5  # packet type, and a length of up to four bytes
TOKEN_MAX = 0xFFFF


_ACKS = Struct(">xxH")


class WireError(ValueError):
    """The peer's bytes are no MQTT."""


class Receipt(NamedTuple):
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


def topic_field(topic: str) -> bytes:
    """The topic as a PUBLISH carries it: two bytes of length, UTF-8."""
    encoded = topic.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def publish(field: bytes, payload: bytes, token: int, *, retain: bool, version5: bool) -> bytes:
    """A PUBLISH packet at QoS 1, without properties. `field` is from `topic_field`."""
    tail = token.to_bytes(2, "big") + b"\0" if version5 else token.to_bytes(2, "big")
    size = len(field) + len(tail) + len(payload)
    head = PUBLISH_RETAINED if retain else PUBLISH
    if size < 128:
        return b"%b%c%b%b%b" % (head, size, field, tail, payload)
    if size < 16_384:
        return b"%b%c%c%b%b%b" % (head, size & 0x7F | 0x80, size >> 7, field, tail, payload)
    return head + remaining_length(size) + field + tail + payload


def two_bytes(size: int) -> bytes:
    """`remaining_length` of the sizes that messages mostly have: 128 to 16,383."""
    return bytes((size & 0x7F | 0x80, size >> 7))


class EventPacker:
    """PUBLISH packets of event messages, many at a time: topic, header and frame are made once a connection.

    Gives the bytes of `publish` with `contract.chain.message`; a test holds them against each other.
    """

    def __init__(self, topics: Mapping[str, bytes], frame: tuple[bytes, bytes], *, version5: bool) -> None:
        self._before = b"\0" + frame[0] if version5 else frame[0]
        self._after = frame[1]
        self._fields = dict(topics)
        around = 2 + len(self._before) + len(self._after)
        self._around = {kind: len(field) + around for kind, field in topics.items()}

    def pack(self, messages: Iterable[tuple[str, list[bytes]]], token: int) -> tuple[list[bytes], int]:
        """Pieces of the packets in order, and the last packet id given; `token` is the one before the first."""
        pieces: list[bytes] = []
        add, before, after, fields, around = pieces.extend, self._before, self._after, self._fields, self._around
        for kind, bodies in messages:
            token = OURS if token >= TOKEN_MAX else token + 1
            joined = b",".join(bodies)
            size = len(joined) + around[kind]
            add(
                (
                    PUBLISH,
                    two_bytes(size) if 128 <= size < 16_384 else remaining_length(size),
                    fields[kind],
                    token.to_bytes(2, "big"),
                    before,
                    joined,
                    after,
                )
            )
        return pieces, token

    def size_bytes(self, kind: str, bodies: list[bytes]) -> int:
        """Of the whole packet, at most."""
        return self._around[kind] + sum(map(len, bodies)) + len(bodies) + HEADER_BYTES_MAX


class Demux:
    """Splits what arrives: our PUBACKs come out as values, all other packets go on to paho byte for byte."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> tuple[bytes, list[Receipt]]:
        if not self._held and (plain := _plain_acks(data)) is not None:
            return b"", plain
        self._held += data
        held, at, end = self._held, 0, len(self._held)
        theirs: list[bytes] = []
        acks: list[Receipt] = []
        while end - at >= 2:
            length = held[at + 1]
            if held[at] == PUBACK and 2 <= length < 0x80 and end - at >= 2 + length and held[at + 2] >= 0x80:
                acks.append(Receipt(held[at + 2] << 8 | held[at + 3], held[at + 4] if length > 2 else 0))
                at += 2 + length
                continue
            size = self._size(at)
            if size is None or end - at < size:
                break
            theirs.append(bytes(held[at : at + size]))
            at += size
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


def _plain_acks(data: bytes) -> list[Receipt] | None:
    """The common case by far, in bulk: nothing but our PUBACKs without a reason, four bytes each."""
    count, rest = divmod(len(data), 4)
    if rest or not count or data[0::4] != b"\x40" * count or data[1::4] != b"\x02" * count or min(data[2::4]) < 0x80:
        return None
    return [Receipt(token, 0) for (token,) in _ACKS.iter_unpack(data)]
