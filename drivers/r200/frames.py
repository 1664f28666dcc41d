"""Frames of R200 and M100 modules (YRM100 and others).

    mark | type | command | length, 2 bytes | parameters … | sum | end

`sum` is the low byte of the sum from type to the last parameter. The R200 marks its frames with AA and DD, the M100
with BB and 7E; all else is the same. Sources: R200 user protocol V2.3.3 (by jredrejo/rfid-r200 and oniram88/r200_uhf)
and M5Stack's "Unit RFID-UHF Protocol" for the M100, whose worked examples the tests hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import NamedTuple

from drivers.modules.framing import FrameDecoder
from drivers.session import RAW_BYTES_MAX

HEAD_BYTES, EXTRA_BYTES = 5, 7
PARAMETER_BYTES_MAX = RAW_BYTES_MAX  # the longest known are reads of 64 words behind an EPC


class Framing(StrEnum):
    AA_DD = "aa_dd"
    BB_7E = "bb_7e"


_MARKS = {Framing.AA_DD: (0xAA, 0xDD), Framing.BB_7E: (0xBB, 0x7E)}


class Type(IntEnum):
    COMMAND = 0x00
    RESPONSE = 0x01
    NOTIFICATION = 0x02


class Cmd(IntEnum):
    MODULE_INFO = 0x03
    SET_REGION = 0x07
    GET_REGION = 0x08
    SET_SELECT = 0x0C
    GET_QUERY = 0x0D
    SET_QUERY = 0x0E
    SELECT_MODE = 0x12
    SINGLE_POLL = 0x22
    MULTI_POLL = 0x27
    STOP_POLL = 0x28
    READ_MEMORY = 0x39
    WRITE_MEMORY = 0x49
    SET_HOPPING = 0xAD
    SET_POWER = 0xB6
    GET_POWER = 0xB7
    FAILED = 0xFF


_CMD_NAMES = {cmd.value: cmd.name for cmd in Cmd}
_TYPE_NAMES = {kind.value: kind.name for kind in Type}


class Failure(IntEnum):
    """First parameter of a FAILED response. Reads add Gen2's own code to A0, writes to B0 (Gen2, annex I)."""

    READ_NO_TAG = 0x09
    INVALID_PARAMETER = 0x0E
    WRITE_NO_TAG = 0x10
    INVENTORY_NO_TAG = 0x15
    ACCESS_PASSWORD = 0x16
    INVALID_COMMAND = 0x17
    HOPPING = 0x20


READ_GEN2, WRITE_GEN2 = 0xA0, 0xB0
GEN2_OVERRUN, GEN2_LOCKED, GEN2_LOW_POWER = 0x03, 0x04, 0x0B
_GEN2_NAMES = {GEN2_OVERRUN: "memory overrun", GEN2_LOCKED: "memory locked", GEN2_LOW_POWER: "insufficient power"}
_FAILURE_NAMES = {failure.value: failure.name.lower().replace("_", " ") for failure in Failure}


def failure_name(code: int) -> str:
    if code & 0xF0 in {READ_GEN2, WRITE_GEN2}:
        return f"{code:02X} tag says {_GEN2_NAMES.get(code & 0x0F, 'error')}"
    return f"{code:02X} {_FAILURE_NAMES.get(code, 'unknown failure')}"


@dataclass(frozen=True, slots=True)
class Frame:
    type: int
    command: int
    data: bytes = b""

    @property
    def type_name(self) -> str:
        return _TYPE_NAMES[self.type]

    @property
    def name(self) -> str:
        return _CMD_NAMES.get(self.command, f"command {self.command:02X}")

    @property
    def failure(self) -> int | None:
        """The code of a FAILED response."""
        return self.data[0] if self.type == Type.RESPONSE and self.command == Cmd.FAILED and self.data else None

    @property
    def no_tag(self) -> bool:
        """A poll that met no tag."""
        return self.failure == Failure.INVENTORY_NO_TAG

    def __str__(self) -> str:
        return f"{self.type_name} {self.name} {self.data.hex(' ')}".rstrip()


class Tag(NamedTuple):
    epc: bytes
    pc: int
    crc: int
    rssi_dbm: int


def encode(frame: Frame, framing: Framing = Framing.AA_DD) -> bytes:
    if len(frame.data) > PARAMETER_BYTES_MAX:
        raise ValueError(f"{len(frame.data)} bytes of parameters, a frame takes {PARAMETER_BYTES_MAX}")
    mark, end = _MARKS[framing]
    body = bytes((frame.type, frame.command)) + len(frame.data).to_bytes(2, "big") + frame.data
    return bytes((mark,)) + body + bytes((sum(body) & 0xFF, end))


class _Layout:
    head_bytes = HEAD_BYTES

    def __init__(self, framing: Framing) -> None:
        self.mark, self._end = _MARKS[framing]

    def size_of(self, head: bytes) -> int:
        size = int.from_bytes(head[3:5], "big")
        return size + EXTRA_BYTES if head[1] in _TYPE_NAMES and size <= PARAMETER_BYTES_MAX else 0

    def parse(self, raw: bytes) -> Frame | str:
        told, found = raw[-2], sum(raw[1:-2]) & 0xFF
        if told != found:
            return f"sum {told:02x}, not {found:02x}"
        if raw[-1] != self._end:
            return f"end {raw[-1]:02x}, not {self._end:02x}"
        return Frame(raw[1], raw[2], raw[5:-2])


def decoder(framing: Framing = Framing.AA_DD) -> FrameDecoder[Frame]:
    """Both directions: the type says whose frame it is."""
    return FrameDecoder(_Layout(framing))


def tag_of(frame: Frame) -> Tag | str | None:
    """The tag of a notification: RSSI (signed dBm), PC, EPC, CRC. None for other frames, or what is wrong with it.

    The description names it 0x22 in one place and 0x27 in another, and modules send either.
    """
    if frame.type != Type.NOTIFICATION or frame.command not in {Cmd.SINGLE_POLL, Cmd.MULTI_POLL}:
        return None
    data = frame.data
    if len(data) < 5:
        return f"a tag notification of {len(data)} bytes"
    rssi = data[0] - 256 if data[0] > 127 else data[0]
    return Tag(data[3:-2], int.from_bytes(data[1:3], "big"), int.from_bytes(data[-2:], "big"), rssi)


def notification(tag: Tag, command: int = Cmd.SINGLE_POLL) -> Frame:
    data = bytes((tag.rssi_dbm & 0xFF,)) + tag.pc.to_bytes(2, "big") + tag.epc + tag.crc.to_bytes(2, "big")
    return Frame(Type.NOTIFICATION, command, data)
