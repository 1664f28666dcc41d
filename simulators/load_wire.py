"""MQTT 3.1.1 as far as the load program speaks it (OASIS mqtt-v3.1.1-os), in bytes: QoS 1 both ways. Pure.

A client library costs more for a message than head office does, and the load must not take the core that it measures.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple

PACKET_SIZE_BYTES_MAX = 1024 * 1024
CONNACK, PUBLISH, PUBACK, SUBACK = 2, 3, 4, 9
PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"


class WireError(ValueError):
    """What came is no packet of a broker."""


class Packet(NamedTuple):
    kind: int
    flags: int
    body: bytes


class Received(NamedTuple):
    """A PUBLISH of the broker; `packet_id` is None for QoS 0."""

    topic: str
    payload: bytes
    packet_id: int | None
    retained: bool


def _framed(first: int, body: bytes) -> bytes:
    """Remaining Length (2.2.3): seven bits a byte, the lowest first."""
    size, length = len(body), bytearray([first])
    while size >= 128:
        length.append(size % 128 | 128)
        size //= 128
    length.append(size)
    return bytes(length) + body


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">H", len(encoded)) + encoded


def connect(client_id: str, keepalive_s: int) -> bytes:
    """With a clean session (3.1)."""
    return _framed(0x10, _text("MQTT") + struct.pack(">BBH", 4, 2, keepalive_s) + _text(client_id))


def subscribe(packet_id: int, filters: Iterable[str]) -> bytes:
    return _framed(0x82, struct.pack(">H", packet_id) + b"".join(_text(one) + b"\x01" for one in filters))


def publish(topic: str, payload: bytes, packet_id: int, *, retain: bool = False) -> bytes:
    return _framed(0x33 if retain else 0x32, _text(topic) + struct.pack(">H", packet_id) + payload)


def puback(packet_id: int) -> bytes:
    return struct.pack(">BBH", 0x40, 2, packet_id)


def received(packet: Packet) -> Received:
    """Raises `WireError` for a PUBLISH that ends too early or names its topic in no UTF-8."""
    body = packet.body
    try:
        (size,) = struct.unpack_from(">H", body)
        at = 2 + size
        topic = body[2:at].decode()
        packet_id = None
        if packet.flags & 6:
            (packet_id,) = struct.unpack_from(">H", body, at)
            at += 2
    except (struct.error, UnicodeDecodeError) as error:
        raise WireError(f"a PUBLISH that is none: {error}") from error
    return Received(topic, body[at:], packet_id, bool(packet.flags & 1))


def number(packet: Packet) -> int:
    """The packet identifier of a PUBACK or SUBACK. Raises `WireError`."""
    if len(packet.body) < 2:
        raise WireError("an acknowledgement without a number")
    return int.from_bytes(packet.body[:2])


class Decoder:
    """Bytes in, whole packets out."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, data: bytes) -> list[Packet]:
        """Raises `WireError`; the connection is of no use after it."""
        self._waiting += data
        found: list[Packet] = []
        at = 0
        while (bounds := self._bounds(at)) is not None:
            begin, end = bounds
            found.append(Packet(self._waiting[at] >> 4, self._waiting[at] & 15, bytes(self._waiting[begin:end])))
            at = end
        del self._waiting[:at]
        return found

    def _bounds(self, at: int) -> tuple[int, int] | None:
        """Where the body of the packet at `at` begins and ends; None while it is not whole."""
        size = 0
        for position in range(4):
            if at + 1 + position >= len(self._waiting):
                return None
            byte = self._waiting[at + 1 + position]
            size |= (byte & 127) << (7 * position)
            if byte < 128:
                if size > PACKET_SIZE_BYTES_MAX:
                    raise WireError(f"a packet of {size} bytes")
                end = at + 2 + position + size
                return (at + 2 + position, end) if end <= len(self._waiting) else None
        raise WireError("a length of more than four bytes")
