"""Messages of LLRP 1.0.1 and 1.1 in a stream of bytes; what is in them stands in elements.py.

    message   3 bits reserved | 3 bits version | 10 bits type | length u32 | id u32 | body

High byte first; the length counts its own header (LLRP 1.0.1, chapter 16: binary encoding). The stream has no mark to
find a message by, so a header that cannot be true ends the trust in all that follows: the connection must be made anew.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from drivers.llrp.definitions import MESSAGES
from drivers.reads import Fault
from drivers.session import RAW_BYTES_MAX

HEADER_BYTES = 10
MESSAGE_BYTES_MAX = 1 << 20  # a reader's largest answers, its capabilities and reports, are some kilobytes
CLOSE_CONNECTION, KEEPALIVE, KEEPALIVE_ACK = 14, 62, 72

_HEADER = struct.Struct(">HII")
_VERSION_MAX, _TYPE_MAX, _U32_MAX = 7, 1023, 0xFFFF_FFFF
_RESERVED = 0xE000


class Message(NamedTuple):
    """`version` is the field's value: 1 is LLRP 1.0.1, 2 is 1.1. Others are kept; to refuse them is the session's."""

    version: int
    type: int
    id: int
    body: bytes = b""

    @property
    def name(self) -> str:
        """As in the LTK, `RO_ACCESS_REPORT`; `message 999` for a number that is in neither definition."""
        known = MESSAGES.get(self.type)
        return known.name if known else f"message {self.type}"

    @property
    def length(self) -> int:
        """On the wire, in bytes, with the header."""
        return HEADER_BYTES + len(self.body)


@dataclass(frozen=True, slots=True)
class Malformed:
    """Of a stream: `raw` is cut at 512 bytes, `offset` counts from the decoder's first. Of a body: `raw` is whole,
    `offset` counts from the body's first byte.
    """

    raw: bytes
    fault: Fault
    detail: str
    offset: int


def encode(message: Message, *, bytes_max: int = MESSAGE_BYTES_MAX) -> bytes:
    """Raises ValueError for a value that its field does not take, and for more than `bytes_max`."""
    fields = (
        ("version", message.version, _VERSION_MAX),
        ("type", message.type, _TYPE_MAX),
        ("id", message.id, _U32_MAX),
        ("length", message.length, min(bytes_max, _U32_MAX)),
    )
    for what, value, highest in fields:
        if not 0 <= value <= highest:
            raise ValueError(f"{what} {value}, a message takes 0 to {highest}")
    return _HEADER.pack(message.version << 10 | message.type, message.length, message.id) + message.body


def keepalive_ack(keepalive: Message) -> bytes:
    """The answer that a reader waits for, with the version and the id of its KEEPALIVE."""
    if keepalive.type != KEEPALIVE:
        raise ValueError(f"{keepalive.name} is not answered by KEEPALIVE_ACK")
    return encode(Message(keepalive.version, KEEPALIVE_ACK, keepalive.id))


def close_connection(message_id: int, *, version: int = 1) -> bytes:
    """To leave a reader by; without it the reader holds the session until its keepalives fail. The answer echoes it."""
    return encode(Message(version, CLOSE_CONNECTION, message_id))


class Decoder:
    """Bytes in any portions from the peer to messages. Keeps at most `bytes_max` bytes between two calls.

    A header that cannot be true is reported at once and `lost` is set for good. What follows is counted in
    `ignored_bytes` and not read: any bytes look like some message, and an invented tag read is worse than a new
    connection. `cut` shows the first 512 of them.
    """

    def __init__(self, *, bytes_max: int = MESSAGE_BYTES_MAX) -> None:
        if not HEADER_BYTES <= bytes_max <= _U32_MAX:
            raise ValueError(f"bytes_max {bytes_max}, a message has {HEADER_BYTES} to {_U32_MAX} bytes")
        self._bytes_max = bytes_max
        self._buffer = bytearray()
        self._offset = 0  # of the buffer's first byte in the stream
        self.lost = False
        self.ignored_bytes = 0  # after the header that ended the trust

    @property
    def partial(self) -> bool:
        """Bytes of an unfinished message are waiting for more."""
        return bool(self._buffer) and not self.lost

    def feed(self, data: bytes) -> list[Message | Malformed]:
        if self.lost:
            self._ignore(data)
            return []
        self._buffer += data
        out: list[Message | Malformed] = []
        at = 0
        while (found := self._take(at)) is not None:
            out.append(found)
            if isinstance(found, Malformed):
                self.lost = True
                self._drop(at + HEADER_BYTES)
                after = bytes(self._buffer)
                self._buffer.clear()
                self._ignore(after)
                return out
            at += found.length
        self._drop(at)
        return out

    def cut(self, detail: str) -> list[Malformed]:
        """The rest will not come: report what is there of a message, or what was ignored."""
        if self.lost:
            count, fault, detail = self.ignored_bytes, Fault.DROPPED, f"{self.ignored_bytes} bytes after lost framing"
        else:
            count, fault = len(self._buffer), Fault.INCOMPLETE
        if not count:
            return []
        found = Malformed(bytes(self._buffer[:RAW_BYTES_MAX]), fault, detail, self._offset)
        self._buffer.clear()
        self._offset += count
        self.ignored_bytes = 0
        return [found]

    def _take(self, at: int) -> Message | Malformed | None:
        """The message that begins at `at` in the buffer; None when more bytes are needed."""
        there = len(self._buffer) - at
        if there < HEADER_BYTES:
            return None
        head, length, message_id = _HEADER.unpack_from(self._buffer, at)
        reason = self._wrong(head, length)
        if reason is not None:
            raw = bytes(self._buffer[at : at + HEADER_BYTES])
            return Malformed(raw, reason[0], reason[1], self._offset + at)
        if there < length:
            return None
        body = bytes(memoryview(self._buffer)[at + HEADER_BYTES : at + length])
        return Message(head >> 10, head & _TYPE_MAX, message_id, body)

    def _wrong(self, head: int, length: int) -> tuple[Fault, str] | None:
        if head & _RESERVED:
            return Fault.FRAMING, "reserved bits of a header are set"
        if length < HEADER_BYTES:
            return Fault.FRAMING, f"length {length}, a header alone has {HEADER_BYTES}"
        if length > self._bytes_max:
            return Fault.TOO_LONG, f"length {length}, at most {self._bytes_max} are taken"
        return None

    def _ignore(self, data: bytes) -> None:
        self.ignored_bytes += len(data)
        self._buffer += data[: RAW_BYTES_MAX - len(self._buffer)]

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._offset += count
