"""The commands that the session sends, as bytes, and what their responses hold.

Sources as in `frames.py`; the layouts of reads and writes with a filter also from frames that the vendor's Universal
Reader Assistant sent, which the tests hold.
"""

from __future__ import annotations

from drivers.operations import Outcome, ReadMemory, WriteMemory
from drivers.thingmagic.frames import Command, Op, Status, encode

GEN2 = 0x05
_SELECT_EPC, _METADATA, _LONG_FILTER = 0x01, 0x10, 0x20
_FIRST_BITS_MAX = 255  # of a filter whose length is one byte

# No time-out, option 1 (continuous), sub-command 0x22 without search flags; Gen2 with 7 bytes: 0x22, option metadata,
# search flags 0x001B (antenna list, streaming, large population), 1000 ms a round, metadata 0x01FF (all up to GPIO).
START = encode(Command(Op.MULTI_PROTOCOL_TAG_OP, bytes.fromhex("00000122000005072210001b03e801ff")))
STOP = encode(Command(Op.MULTI_PROTOCOL_TAG_OP, bytes.fromhex("000002")))
BOOT = encode(Command(Op.BOOT_FIRMWARE))
VERSION = encode(Command(Op.VERSION))
GET_REGION = encode(Command(Op.GET_REGION))
SET_GEN2 = encode(Command(Op.SET_TAG_PROTOCOL, bytes((0, GEN2))))
GET_POWER_LIMITS = encode(Command(Op.GET_READ_TX_POWER, b"\x01"))
DETECT_ANTENNAS = encode(Command(Op.GET_ANTENNA_PORT, b"\x05"))
# Key 0x0C, the filter that shows a tag once: off, so that each observation comes.
READ_FILTER_OFF = encode(Command(Op.SET_READER_OPTIONAL_PARAMS, bytes((0x01, 0x0C, 0x00))))

# First byte of the hardware version. Micro and Nano do not detect antennas (Mercury API, cmdAntennaDetect).
MODELS = {0x00: "M5e", 0x01: "M5e", 0x18: "M6e", 0x19: "M6e", 0x20: "M6e Micro", 0x30: "M6e Nano", 0x38: "M7e"}
DETECTING = frozenset({0x00, 0x18, 0x19})

_OUTCOMES: dict[int, Outcome] = {
    Status.SUCCESS: Outcome.DONE,
    Status.NO_TAGS_FOUND: Outcome.NO_RESPONSE,
    Status.NO_DATA_READ: Outcome.NO_RESPONSE,
    Status.GEN2_INSUFFICIENT_POWER: Outcome.NO_RESPONSE,
    Status.GEN2_MEMORY_LOCKED: Outcome.LOCKED,
    Status.GEN2_MEMORY_OVERRUN: Outcome.OVERRUN,
    Status.INVALID_ADDRESS: Outcome.OVERRUN,
}


def outcome_of(status: int) -> Outcome:
    return _OUTCOMES.get(status, Outcome.FAILED)


def set_region(code: int) -> bytes:
    return encode(Command(Op.SET_REGION, bytes((code,))))


def set_power(op: Op, power_cdbm: int) -> bytes:
    return encode(Command(op, power_cdbm.to_bytes(2, "big", signed=True)))


def set_session(session: int) -> bytes:
    return encode(Command(Op.SET_PROTOCOL_PARAM, bytes((GEN2, 0x00, session))))


def set_antenna(antenna: int) -> bytes:
    """The one port of commands on single tags."""
    return encode(Command(Op.SET_ANTENNA_PORT, bytes((antenna, antenna))))


def set_antennas(antennas: tuple[int, ...]) -> bytes:
    """The search list of streams."""
    ports = b"".join(bytes((antenna, antenna)) for antenna in antennas)
    return encode(Command(Op.SET_ANTENNA_PORT, b"\x02" + ports))


def read_memory(operation: ReadMemory, epc: bytes, timeout_ms: int) -> bytes:
    option, select = _filter(epc, operation.access_password)
    data = (
        timeout_ms.to_bytes(2, "big")
        + bytes((option | _METADATA, 0, 0, operation.bank))
        + operation.word_offset.to_bytes(4, "big")
        + bytes((operation.word_count,))
        + select
    )
    return encode(Command(Op.READ_TAG_DATA, data))


def write_memory(operation: WriteMemory, epc: bytes, timeout_ms: int) -> bytes:
    option, select = _filter(epc, operation.access_password)
    data = (
        timeout_ms.to_bytes(2, "big")
        + bytes((option,))
        + operation.word_offset.to_bytes(4, "big")
        + bytes((operation.bank,))
        + select
        + operation.data
    )
    return encode(Command(Op.WRITE_TAG_DATA, data))


def _filter(epc: bytes, password: int) -> tuple[int, bytes]:
    """Option and bytes of "the tag with this whole EPC": password, length in bits, EPC."""
    bits = 8 * len(epc)
    wide = bits > _FIRST_BITS_MAX
    option = _SELECT_EPC | (_LONG_FILTER if wide else 0)
    return option, password.to_bytes(4, "big") + bits.to_bytes(2 if wide else 1, "big") + epc


def memory_of(data: bytes) -> bytes | str:
    """What READ_TAG_DATA read: behind the option and, where it says so, metadata flags, of which we ask for none."""
    if not data:
        return "a response without its option"
    if not data[0] & _METADATA:
        return data[1:]
    if len(data) < 3 or data[1:3] != b"\0\0":
        return f"metadata that nobody asked for: {data[:3].hex()}"
    return data[3:]


def version_of(data: bytes) -> dict[str, str]:
    """Boot loader, hardware, date and version of the firmware, protocols: four bytes each. Too short: nothing."""
    if len(data) < 16:
        return {}
    hardware = data[4:8]
    return {
        "model": f"ThingMagic {MODELS.get(hardware[0], f'model {hardware[0]:02X}')}",
        "hardware": hardware.hex("."),
        "firmware": data[12:16].hex("."),
        "firmware_date": f"{data[8:10].hex()}-{data[10]:02x}-{data[11]:02x}",
    }


def limits_of(data: bytes) -> tuple[int, int] | None:
    """Lowest and highest transmit power in cdBm: option, set, highest, lowest."""
    if len(data) < 7:
        return None
    return int.from_bytes(data[5:7], "big", signed=True), int.from_bytes(data[3:5], "big", signed=True)


def detected_of(data: bytes) -> dict[int, bool]:
    """Whether an antenna is on each port: option, then port and flag in turn."""
    return {data[at]: data[at + 1] == 1 for at in range(1, len(data) - 1, 2)}
