"""Packets of Zebra's Simple Serial Interface (SSI Programmer's Guide 72E-40451, chapter 2).

    length | opcode | source | status | data … | checksum, high byte first

`length` counts everything but the checksum. The checksum is the two's complement of the sum of all bytes before it,
in 16 bits. Source is 4 for the host and 0 for the decoder (the scanner). A packet has at most 255 + 2 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from drivers.reads import Fault
from drivers.session import RAW_BYTES_MAX

HEADER_BYTES, CHECKSUM_BYTES = 4, 2
DATA_BYTES_MAX = 255 - HEADER_BYTES
DECODER, HOST = 0, 4
RETRANSMIT, CONTINUED = 0x01, 0x02
_STATUS_BITS = 0x0F  # the others are unused and zero
_OPCODE_MIN = 0x40  # the guide's lowest to a host is 0x73


class Op(IntEnum):
    PARAM_SEND = 0xC6
    AIM_OFF = 0xC4
    AIM_ON = 0xC5
    ACK = 0xD0
    NAK = 0xD1
    BEEP = 0xE6
    LED_ON = 0xE7
    LED_OFF = 0xE8
    SCAN_ENABLE = 0xE9
    SCAN_DISABLE = 0xEA
    DECODE_DATA = 0xF3
    EVENT = 0xF6


_NAMES = {op.value: op.name for op in Op}


class Cause(IntEnum):
    """Of a NAK."""

    CHECKSUM = 1  # "resend"
    BAD_CONTEXT = 2
    DENIED = 6


@dataclass(frozen=True, slots=True)
class Packet:
    opcode: int
    source: int = DECODER
    status: int = 0
    data: bytes = b""

    @property
    def resent(self) -> bool:
        return bool(self.status & RETRANSMIT)

    @property
    def continued(self) -> bool:
        return bool(self.status & CONTINUED)

    def __str__(self) -> str:
        name = _NAMES.get(self.opcode, f"opcode {self.opcode:02X}")
        return f"{name} status {self.status:02X} data {self.data.hex(' ')}"


@dataclass(frozen=True, slots=True)
class Malformed:
    raw: bytes
    fault: Fault
    detail: str


def encode(packet: Packet) -> bytes:
    if len(packet.data) > DATA_BYTES_MAX:
        raise ValueError(f"{len(packet.data)} bytes of data, a packet takes {DATA_BYTES_MAX}")
    head = bytes((HEADER_BYTES + len(packet.data), packet.opcode, packet.source, packet.status))
    return head + packet.data + checksum(head + packet.data)


def checksum(data: bytes) -> bytes:
    return (-sum(data) & 0xFFFF).to_bytes(2, "big")


class PacketDecoder:
    """Bytes in any portions from the scanner to packets.

    After a wrong checksum the length is believed if nothing or the head of a packet follows: a scanner that has sent
    a packet waits. Otherwise the next packet is looked for from the second byte on, wherever opcode, source and
    status are what a scanner sends. Bytes that were reported once are not reported again.
    """

    def __init__(self, source: int = DECODER) -> None:
        self._source = source
        self._buffer = bytearray()
        self._reported = 0  # so many bytes at the buffer's front belong to what was reported

    @property
    def partial(self) -> bool:
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[Packet | Malformed]:
        self._buffer += data
        out: list[Packet | Malformed] = []
        while self._step(out):
            pass
        return out

    def cut(self, detail: str) -> list[Packet | Malformed]:
        """The rest will not come. What follows the first byte may still hold whole packets."""
        out: list[Packet | Malformed] = []
        while self._buffer:
            if self._reported == 0:
                out.append(Malformed(bytes(self._buffer[:RAW_BYTES_MAX]), Fault.INCOMPLETE, detail))
                self._reported = len(self._buffer)
            self._drop(1)
            while self._step(out):
                pass
        return out

    def _step(self, out: list[Packet | Malformed]) -> bool:
        self._skip(out)
        if len(self._buffer) < HEADER_BYTES:
            return False
        size = self._buffer[0] + CHECKSUM_BYTES
        if len(self._buffer) < size:
            return False
        raw = bytes(self._buffer[:size])
        if raw[-2:] == checksum(raw[:-2]):
            out.append(Packet(raw[1], raw[2], raw[3], raw[4:-2]))
            self._drop(size)
            return True
        if self._reported == 0:
            out.append(Malformed(raw, Fault.CHECKSUM, f"checksum {raw[-2:].hex()}, not {checksum(raw[:-2]).hex()}"))
            self._reported = size
        fits = len(self._buffer) == size or self._may_begin(size)
        self._drop(size if fits else 1)
        return True

    def _skip(self, out: list[Packet | Malformed]) -> None:
        """Up to what may be a header."""
        at = 0
        while at < len(self._buffer) and not self._may_begin(at):
            at += 1
        foreign = bytes(self._buffer[self._reported : at])
        if foreign:
            out.append(Malformed(foreign[:RAW_BYTES_MAX], Fault.FRAMING, f"{len(foreign)} bytes outside any packet"))
        self._drop(at)

    def _may_begin(self, at: int) -> bool:
        head = self._buffer[at : at + HEADER_BYTES]
        return (
            head[0] >= HEADER_BYTES
            and (len(head) < 2 or head[1] >= _OPCODE_MIN)
            and (len(head) < 3 or head[2] == self._source)
            and (len(head) < 4 or not head[3] & ~_STATUS_BITS)
        )

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._reported = max(0, self._reported - count)
