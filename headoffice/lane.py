"""paho's connection, with a lane for what comes in masses: messages from the stores, and acknowledgements to them.

paho does what a session needs (CONNECT, TLS, SUBSCRIBE, keepalive). It takes about 60 us for a message that arrives and
gives up the interpreter six times on the way; here they are cut out of what was read in one go, and confirmed in one
go. What is published goes past it, too. MQTT 3.1.1 sections 3.3 and 3.4, MQTT 5.0 sections 3.3 and 3.4.
"""

from __future__ import annotations

import socket
import ssl
import struct
from typing import Any, NamedTuple

from paho.mqtt import client as paho

READ_BYTES = 256 * 1024
OURS = 0x8000  # packet ids of the lane begin here; paho has those below
PUBLISH, PUBACK = 3, 4
_LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError, InterruptedError)


class Arrived(NamedTuple):
    """A message; `packet_id` is None at QoS 0."""

    topic: str
    payload: bytes
    retain: bool
    packet_id: int | None


class WireError(ValueError):
    """The peer's bytes are no MQTT."""


def publish(topic: str, payload: bytes, packet_id: int, *, retain: bool, version5: bool) -> bytes:
    """A PUBLISH packet at QoS 1, without properties."""
    name = topic.encode()
    body = b"".join(
        (struct.pack(">H", len(name)), name, struct.pack(">H", packet_id), b"\0" if version5 else b"", payload)
    )
    size, length = len(body), bytearray()
    while size >= 128:  # 2.2.3: seven bits a byte, the lowest first
        length.append(size & 127 | 128)
        size >>= 7
    length.append(size)
    return b"".join((b"\x33" if retain else b"\x32", length, body))


def pubacks(packet_ids: list[int]) -> bytes:
    return b"".join(b"\x40\x02" + packet_id.to_bytes(2) for packet_id in packet_ids)


class Lane:
    """What paho takes for its socket. Bytes are only moved by `fill` and `flush`, both without blocking."""

    def __init__(self, inner: Any, *, version5: bool) -> None:
        self._inner = inner
        self._version5 = version5
        self._in = bytearray()
        self._theirs = bytearray()
        self._out = bytearray()
        self.broken = False

    # -- for the shell's loop -----------------------------------------------------------------------------------------

    def fill(self) -> list[Arrived]:
        """Read once what has come: the messages in it. The rest is kept for paho."""
        try:
            data = self._inner.recv(READ_BYTES)
            while isinstance(self._inner, ssl.SSLSocket) and self._inner.pending():
                data += self._inner.recv(self._inner.pending())
        except _LATER:
            return []
        except OSError:
            data = b""
        if not data:
            self.broken = True
            return []
        self._in += data
        try:
            return self._cut()
        except WireError:
            self.broken = True
            return []

    def _cut(self) -> list[Arrived]:
        held, at, end, found = self._in, 0, len(self._in), list[Arrived]()
        while end - at >= 2:
            size, begin, place = 0, at + 1, 0
            while True:
                if begin >= end:
                    break
                byte = held[begin]
                size |= (byte & 127) << (7 * place)
                begin += 1
                place += 1
                if byte < 128:
                    break
                if place == 4:
                    raise WireError("a packet length of more than four bytes")
            if held[begin - 1] >= 128 or begin + size > end:
                break
            kind, flags = held[at] >> 4, held[at] & 15
            if kind == PUBLISH and flags & 6 != 4:
                found.append(_arrived(bytes(held[begin : begin + size]), flags, version5=self._version5))
            elif kind != PUBACK or held[begin] < 0x80:  # the broker's answers to ours are of no interest
                self._theirs += held[at : begin + size]
            at = begin + size
        del held[:at]
        return found

    def put(self, packets: bytes) -> None:
        self._out += packets

    def flush(self) -> None:
        while self._out and not self.broken:
            try:
                del self._out[: self._inner.send(self._out)]
            except _LATER:
                return
            except OSError:
                self.broken = True

    @property
    def wants_write(self) -> bool:
        return bool(self._out)

    # -- for paho -----------------------------------------------------------------------------------------------------

    def recv(self, size_bytes: int) -> bytes:
        if not self._theirs:
            if self.broken:
                return b""
            raise BlockingIOError
        data = bytes(self._theirs[:size_bytes])
        del self._theirs[:size_bytes]
        return data

    def send(self, data: bytes) -> int:
        """Always takes all of it: a packet of paho's is never cut by one of ours."""
        self._out += data
        return len(data)

    def pending(self) -> int:
        return len(self._theirs)

    def fileno(self) -> int:
        return int(self._inner.fileno())

    def setblocking(self, flag: bool) -> None:
        self._inner.setblocking(flag)

    def close(self) -> None:
        self.flush()  # a farewell is among it
        self.broken = True
        self._inner.close()


def _arrived(body: bytes, flags: int, *, version5: bool) -> Arrived:
    try:
        at = 2 + (body[0] << 8 | body[1])
        topic, packet_id = body[2:at].decode(), None
        if flags & 6:
            packet_id = body[at] << 8 | body[at + 1]
            at += 2
        if version5:  # properties are behind their length
            size, place = 0, 0
            while True:
                byte = body[at]
                size |= (byte & 127) << place
                at, place = at + 1, place + 7
                if byte < 128:
                    break
            at += size
    except (IndexError, UnicodeDecodeError) as error:
        raise WireError(f"a PUBLISH that is none: {error}") from error
    return Arrived(topic, body[at:], bool(flags & 1), packet_id)


class LaneClient(paho.Client):
    """paho's client with a `Lane` under it. Three of paho's internals are overridden; a test pins each."""

    lane: Lane | None = None

    def _create_socket_connection(self) -> socket.socket:
        made: socket.socket = super()._create_socket_connection()
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # paho leaves it off: 40 ms for an acknowledgement
        return made

    def _create_socket(self) -> Any:
        self.lane = Lane(super()._create_socket(), version5=self._protocol == paho.MQTTv5)
        return self.lane

    def _mid_generate(self) -> int:
        with self._mid_generate_mutex:
            self._last_mid = self._last_mid % (OURS - 1) + 1
            return self._last_mid
