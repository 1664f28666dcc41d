"""Frames of ThingMagic's serial protocol (M6e, Micro, Nano, M7e).

    to the module:    FF | LEN | OP | data … | CRC, high byte first
    from the module:  FF | LEN | OP | STATUS, 2 bytes | data … | CRC

LEN counts `data` alone. Numbers are big-endian. Sources: the Mercury API (serial_reader_l3.c, serial_reader_imp.h; MIT)
and SparkFun's library for the Nano (SparkFun_UHF_RFID_Reader.cpp, MIT), read for facts; captures in the tests.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import NamedTuple

from drivers.modules.framing import FrameDecoder

MARK = 0xFF
HEAD_BYTES = 3
COMMAND_EXTRA_BYTES, RESPONSE_EXTRA_BYTES = 5, 7  # mark, LEN, OP, CRC; and the status
DATA_BYTES_MAX = 250
_EBV = 0x80  # an option byte before the option byte
_RECORD_TAG = 0x01
_PC_XPC, _XPC_W2 = 0x0200, 0x8000  # Gen2, 6.3.2.1.2: XPC words follow the PC


class Op(IntEnum):
    VERSION = 0x03
    BOOT_FIRMWARE = 0x04
    READ_TAG_ID_MULTIPLE = 0x22
    WRITE_TAG_DATA = 0x24
    READ_TAG_DATA = 0x28
    MULTI_PROTOCOL_TAG_OP = 0x2F
    GET_ANTENNA_PORT = 0x61
    GET_READ_TX_POWER = 0x62
    GET_REGION = 0x67
    SET_ANTENNA_PORT = 0x91
    SET_READ_TX_POWER = 0x92
    SET_TAG_PROTOCOL = 0x93
    SET_WRITE_TX_POWER = 0x94
    SET_REGION = 0x97
    SET_READER_OPTIONAL_PARAMS = 0x9A
    SET_PROTOCOL_PARAM = 0x9B


OP_NAMES = {op.value: op.name for op in Op}


class Status(IntEnum):
    """The Mercury API's fault codes that a driver meets."""

    SUCCESS = 0x0000
    WRONG_NUMBER_OF_DATA = 0x0100
    INVALID_OPCODE = 0x0101
    UNIMPLEMENTED_OPCODE = 0x0102
    POWER_TOO_HIGH = 0x0103
    INVALID_FREQUENCY = 0x0104
    INVALID_PARAMETER_VALUE = 0x0105
    POWER_TOO_LOW = 0x0106
    UNIMPLEMENTED_FEATURE = 0x0109
    NO_TAGS_FOUND = 0x0400  # and the keepalive of a stream
    NO_PROTOCOL_DEFINED = 0x0401
    INVALID_PROTOCOL = 0x0402
    WRITE_PASSED_LOCK_FAILED = 0x0403
    NO_DATA_READ = 0x0404
    AFE_NOT_ON = 0x0405
    WRITE_FAILED = 0x0406
    NOT_FOR_THIS_PROTOCOL = 0x0407
    INVALID_WRITE_DATA = 0x0408
    INVALID_ADDRESS = 0x0409
    GENERAL_TAG_ERROR = 0x040A
    DATA_TOO_LARGE = 0x040B
    BIT_DECODING_FAILED = 0x040F
    GEN2_OTHER_ERROR = 0x0420
    GEN2_MEMORY_OVERRUN = 0x0423
    GEN2_MEMORY_LOCKED = 0x0424
    GEN2_INSUFFICIENT_POWER = 0x042B
    GEN2_NON_SPECIFIC_ERROR = 0x042F
    GEN2_UNKNOWN_ERROR = 0x0430
    AHAL_INVALID_FREQUENCY = 0x0500
    CHANNEL_OCCUPIED = 0x0501
    TRANSMITTER_ON = 0x0502
    ANTENNA_NOT_CONNECTED = 0x0503
    OVER_TEMPERATURE = 0x0504
    HIGH_RETURN_LOSS = 0x0505
    PLL_NOT_LOCKED = 0x0506
    INVALID_ANTENNA_CONFIG = 0x0507
    SYSTEM_UNKNOWN_ERROR = 0x7F00
    ASSERT_FAILED = 0x7F01


_STATUS_NAMES = {status.value: status.name.lower().replace("_", " ") for status in Status}


def status_name(status: int) -> str:
    return f"{status:04X} {_STATUS_NAMES.get(status, 'unknown status')}"


class Metadata(IntFlag):
    """What a tag record holds, in this order (the Mercury API's TMR_TRD_MetadataFlag)."""

    READ_COUNT = 0x0001
    RSSI = 0x0002
    ANTENNA = 0x0004
    FREQUENCY = 0x0008
    TIMESTAMP = 0x0010
    PHASE = 0x0020
    PROTOCOL = 0x0040
    DATA = 0x0080
    GPIO = 0x0100
    GEN2_Q = 0x0200
    GEN2_LF = 0x0400
    GEN2_TARGET = 0x0800
    BRAND = 0x1000


# Size in bytes; DATA is two bytes of a length in bits, and the data.
_FIELDS = (
    (Metadata.READ_COUNT, 1),
    (Metadata.RSSI, 1),
    (Metadata.ANTENNA, 1),
    (Metadata.FREQUENCY, 3),
    (Metadata.TIMESTAMP, 4),
    (Metadata.PHASE, 2),
    (Metadata.PROTOCOL, 1),
    (Metadata.DATA, 2),
    (Metadata.GPIO, 1),
    (Metadata.GEN2_Q, 1),
    (Metadata.GEN2_LF, 1),
    (Metadata.GEN2_TARGET, 1),
    (Metadata.BRAND, 2),
)


@dataclass(frozen=True, slots=True)
class Command:
    op: int
    data: bytes = b""

    def __str__(self) -> str:
        return f"{OP_NAMES.get(self.op, f'op {self.op:02X}')} {self.data.hex(' ')}".rstrip()


@dataclass(frozen=True, slots=True)
class Response:
    op: int
    status: int = 0
    data: bytes = b""

    @property
    def keepalive(self) -> bool:
        return self.op == Op.READ_TAG_ID_MULTIPLE and self.status == Status.NO_TAGS_FOUND and not self.data

    def __str__(self) -> str:
        name = OP_NAMES.get(self.op, f"op {self.op:02X}")
        return f"{name} status {status_name(self.status)} data {self.data.hex(' ')}".rstrip()


class Tag(NamedTuple):
    """A tag record. `timestamp_ms` counts from the last keepalive, `phase_deg` is 0 to 180; None: not in the record."""

    epc: bytes
    pc: int
    crc: int
    read_count: int = 1
    rssi_dbm: int | None = None
    antenna: int = 0
    frequency_khz: int | None = None
    timestamp_ms: int | None = None
    phase_deg: int | None = None


def crc16(data: bytes) -> int:
    """Of LEN to the last byte of data, two bytes at least.

    Polynomial 0x1021, initial 0xFFFF, and *no* 16 zero bits shifted in behind the message, so it is not CRC-CCITT: the
    last two bytes enter as they are. 0x1D0F is what the initial value is worth 16 bits further on.
    """
    return binascii.crc_hqx(data[:-2], 0x1D0F) ^ int.from_bytes(data[-2:], "big")


def encode(frame: Command | Response) -> bytes:
    if len(frame.data) > DATA_BYTES_MAX:
        raise ValueError(f"{len(frame.data)} bytes of data, a frame takes {DATA_BYTES_MAX}")
    body = bytes((len(frame.data), frame.op))
    if isinstance(frame, Response):
        body += frame.status.to_bytes(2, "big")
    body += frame.data
    return bytes((MARK,)) + body + crc16(body).to_bytes(2, "big")


class _Responses:
    mark = MARK
    head_bytes = HEAD_BYTES

    def size_of(self, head: bytes) -> int:
        return head[1] + RESPONSE_EXTRA_BYTES if head[1] <= DATA_BYTES_MAX else 0

    def parse(self, raw: bytes) -> Response | str:
        wrong = _crc_error(raw)
        return wrong or Response(raw[2], int.from_bytes(raw[3:5], "big"), raw[5:-2])


class _Commands:
    mark = MARK
    head_bytes = HEAD_BYTES

    def size_of(self, head: bytes) -> int:
        return head[1] + COMMAND_EXTRA_BYTES if head[1] <= DATA_BYTES_MAX else 0

    def parse(self, raw: bytes) -> Command | str:
        return _crc_error(raw) or Command(raw[2], raw[3:-2])


def _crc_error(raw: bytes) -> str:
    told, found = int.from_bytes(raw[-2:], "big"), crc16(raw[1:-2])
    return "" if told == found else f"CRC {told:04x}, not {found:04x}"


def response_decoder() -> FrameDecoder[Response]:
    """For what a module sends."""
    return FrameDecoder(_Responses())


def command_decoder() -> FrameDecoder[Command]:
    """For what a host sends."""
    return FrameDecoder(_Commands())


class _Cursor:
    def __init__(self, data: bytes, at: int) -> None:
        self._data, self.at = data, at

    def take(self, count: int) -> bytes:
        self.at += count
        if self.at > len(self._data):
            raise EOFError
        return self._data[self.at - count : self.at]

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")


def tag_of(data: bytes) -> Tag | str | None:
    """The tag record in the data of a streamed response; None if it is a record of another kind, or what is wrong.

    option, search flags (2), metadata flags (2), kind of record, metadata as the flags say, length of PC, EPC and CRC
    in bits (2), PC, EPC, CRC. With XPC words in the PC, these are no part of the EPC.
    """
    cursor = _Cursor(data, 0)
    try:
        if cursor.number(1) & _EBV:
            cursor.take(1)
        cursor.take(2)
        flags = cursor.number(2)
        if cursor.number(1) != _RECORD_TAG:
            return None
        return _tag(cursor, flags)
    except EOFError:
        return f"tag record of {len(data)} bytes is too short for what its flags say"


def _tag(cursor: _Cursor, flags: int) -> Tag | str:
    if flags >= 2 * Metadata.BRAND:
        return f"metadata flags {flags:04X} hold fields of unknown size"
    found: dict[Metadata, int] = {}
    for field, size in _FIELDS:
        if flags & field:
            found[field] = cursor.number(size)
            if field is Metadata.DATA:
                cursor.take((found[field] + 7) // 8)
    size = cursor.number(2) // 8
    body = cursor.take(size)
    pc = int.from_bytes(body[:2], "big")
    at = 2
    if pc & _PC_XPC:
        at += 4 if int.from_bytes(body[2:4], "big") & _XPC_W2 else 2
    if size < at + 2:
        return f"an EPC of {8 * size} bits with PC and CRC"
    rssi = found.get(Metadata.RSSI)
    return Tag(
        body[at:-2],
        pc,
        int.from_bytes(body[-2:], "big"),
        found.get(Metadata.READ_COUNT, 1),
        None if rssi is None else rssi - 256 if rssi > 127 else rssi,
        found.get(Metadata.ANTENNA, 0) >> 4,  # the transmitting port; the receiving one is in the low bits
        found.get(Metadata.FREQUENCY),
        found.get(Metadata.TIMESTAMP),
        found.get(Metadata.PHASE),
    )


def tag_record(tag: Tag, search_flags: int = 0x001B) -> bytes:
    """The data of a streamed response with all metadata up to GPIO, as `commands.START` asks for it."""
    body = tag.pc.to_bytes(2, "big") + tag.epc + tag.crc.to_bytes(2, "big")
    return (
        bytes((0x10,))
        + search_flags.to_bytes(2, "big")
        + bytes((0x01, 0xFF, _RECORD_TAG, tag.read_count, (tag.rssi_dbm or 0) & 0xFF, tag.antenna * 0x11 & 0xFF))
        + (tag.frequency_khz or 0).to_bytes(3, "big")
        + (tag.timestamp_ms or 0).to_bytes(4, "big")
        + (tag.phase_deg or 0).to_bytes(2, "big")
        + bytes((0x05, 0, 0, 0x0F))
        + (8 * len(body)).to_bytes(2, "big")
        + body
    )
