"""A ThingMagic module that reads simulated tags: settings, stream, keepalive, faults, memory of tags."""

from __future__ import annotations

from dataclasses import dataclass, field

from drivers.modules.framing import Malformed
from drivers.operations import Bank, Outcome
from drivers.thingmagic.frames import Command, Op, Response, Status, Tag, command_decoder, encode, tag_record
from simulators.module import ModuleFault, World

KEEPALIVE_US = 1_000_000
_VERSION = bytes.fromhex("07102300180000032014100701070209 00000010")
_POWER_MAX_CDBM, _POWER_MIN_CDBM = 3000, 500
_KNOWN_REGIONS = frozenset({0x01, 0x02, 0x03, 0x05, 0x06, 0x08, 0x09, 0x0B, 0x0C})
_STATUS = {
    Outcome.DONE: Status.SUCCESS,
    Outcome.OVERRUN: Status.GEN2_MEMORY_OVERRUN,
    Outcome.LOCKED: Status.GEN2_MEMORY_LOCKED,
    Outcome.PASSWORD: Status.NO_TAGS_FOUND,  # a Gen2 tag does not answer a wrong password
}


@dataclass(slots=True)
class ThingmagicSetup:
    """`antennas`: ports with an antenna on them; `ports`: all that the module has."""

    ports: tuple[int, ...] = (1, 2, 3, 4)
    antennas: set[int] = field(default_factory=lambda: {1, 2, 3, 4})
    streaming: bool = False  # from before
    bootloader: bool = False  # needs BOOT_FIRMWARE first


class ThingmagicModule:
    """Records what it was told: `commands`, `region`, `power_cdbm`, `searched` (antennas of the stream), `noise`."""

    def __init__(self, world: World, setup: ThingmagicSetup | None = None) -> None:
        self.setup = setup or ThingmagicSetup()
        self.commands: list[Command] = []
        self.noise: list[Malformed] = []
        self.region = 0
        self.power_cdbm = 0
        self.searched: tuple[int, ...] = (1,)
        self.streaming = self.setup.streaming
        self.hot = False
        self._world = world
        self._port = 1
        self._boot = self.setup.bootloader
        self._decoder = command_decoder()
        self._keepalive_us = 0

    def hear(self, data: bytes, now_us: int) -> list[bytes]:
        out: list[bytes] = []
        for one in self._decoder.feed(data):
            if isinstance(one, Malformed):
                self.noise.append(one)
                continue
            self.commands.append(one)
            status, answer = self._obey(one, now_us)
            out.append(encode(Response(one.op, status, answer)))
        return out

    def due(self, now_us: int) -> list[bytes]:
        seen = self._world.due(now_us)
        if not self.streaming:
            return []
        out: list[bytes] = []
        if not self.hot:
            for tag, antenna, rssi_dbm, at_us, phase_deg, frequency_khz in seen:
                if antenna not in self.searched or antenna not in self.setup.antennas:
                    continue
                since_ms = max(0, at_us - self._keepalive_us) // 1000
                record = Tag(tag.epc, tag.pc, tag.crc, 1, rssi_dbm, antenna, frequency_khz, since_ms, phase_deg)
                out.append(encode(Response(Op.READ_TAG_ID_MULTIPLE, 0, tag_record(record))))
                self._world.reported += 1
        if now_us >= self._keepalive_us + KEEPALIVE_US:
            self._keepalive_us = now_us
            out.append(encode(Response(Op.READ_TAG_ID_MULTIPLE, self._pulse())))
        return out

    def suffer(self, fault: ModuleFault) -> list[bytes]:
        if fault is ModuleFault.MENDED:
            self.hot = False
            self.setup.antennas = set(self.setup.ports)
        elif fault is ModuleFault.HOT:
            self.hot = True
            return self._told()
        elif fault is ModuleFault.ANTENNA:
            self.setup.antennas.discard(self.searched[0])
            return self._told()
        elif fault is ModuleFault.REBOOT:
            self.streaming, self.region, self.power_cdbm = False, 0, 0
            return [encode(Response(Op.BOOT_FIRMWARE, 0, _VERSION))]
        return []

    def _told(self) -> list[bytes]:
        return [encode(Response(Op.READ_TAG_ID_MULTIPLE, self._pulse()))] if self.streaming else []

    def _pulse(self) -> int:
        """What a round ends with."""
        if self.hot:
            return Status.OVER_TEMPERATURE
        if not set(self.searched) & self.setup.antennas:
            return Status.ANTENNA_NOT_CONNECTED
        return Status.NO_TAGS_FOUND

    def _obey(self, command: Command, now_us: int) -> tuple[int, bytes]:
        data = command.data
        if self._boot and command.op not in {Op.BOOT_FIRMWARE, Op.VERSION}:
            return Status.INVALID_OPCODE, b""
        match command.op:
            case Op.BOOT_FIRMWARE:
                ran, self._boot = not self._boot, False
                return (Status.INVALID_OPCODE, b"") if ran else (0, _VERSION)
            case Op.VERSION:
                return 0, _VERSION
            case Op.MULTI_PROTOCOL_TAG_OP:
                return self._search(data, now_us)
            case Op.GET_ANTENNA_PORT:
                pairs = ((port, port in self.setup.antennas) for port in self.setup.ports)
                return 0, data[:1] + b"".join(bytes(pair) for pair in pairs)
            case Op.READ_TAG_DATA:
                return self._read(data)
            case Op.WRITE_TAG_DATA:
                return self._write(data)
            case _:
                return self._set(command)

    def _set(self, command: Command) -> tuple[int, bytes]:
        data = command.data
        match command.op:
            case Op.GET_REGION:
                return 0, bytes((self.region,))
            case Op.SET_REGION:
                if data[0] not in _KNOWN_REGIONS:
                    return Status.INVALID_PARAMETER_VALUE, b""
                self.region = data[0]
            case Op.GET_READ_TX_POWER:
                numbers = (self.power_cdbm, _POWER_MAX_CDBM, _POWER_MIN_CDBM)
                return 0, data[:1] + b"".join(number.to_bytes(2, "big") for number in numbers)
            case Op.SET_READ_TX_POWER | Op.SET_WRITE_TX_POWER:
                self.power_cdbm = int.from_bytes(data, "big")
            case Op.SET_ANTENNA_PORT:
                chosen = data[1::2]
                if not set(chosen) <= set(self.setup.ports):
                    return Status.INVALID_PARAMETER_VALUE, b""
                if data[0] == 2 and len(data) % 2:
                    self.searched = tuple(chosen)
                else:
                    self._port = data[0]
            case Op.SET_TAG_PROTOCOL | Op.SET_READER_OPTIONAL_PARAMS | Op.SET_PROTOCOL_PARAM:
                pass
            case _:
                return Status.INVALID_OPCODE, b""
        return 0, b""

    def _search(self, data: bytes, now_us: int) -> tuple[int, bytes]:
        if data[2:3] == b"\x02":
            self.streaming = False
            return 0, b"\x02"
        if not self.region:
            return Status.INVALID_FREQUENCY, b""
        self.streaming = True
        self._keepalive_us = now_us
        return 0, data[2:3]

    def _read(self, data: bytes) -> tuple[int, bytes]:
        option = data[2]
        at = 5 if option & 0x10 else 3
        bank, offset, count = Bank(data[at]), int.from_bytes(data[at + 1 : at + 5], "big"), data[at + 5]
        password, epc, _ = _filter(option, data[at + 6 :])
        tag = self._world.find(epc) if self._port in self.setup.antennas else None
        if tag is None:
            return Status.NO_TAGS_FOUND, b""
        outcome, found = tag.read(bank, offset, count, password)
        return _STATUS[outcome], bytes((option,)) + bytes(at - 3) + found

    def _write(self, data: bytes) -> tuple[int, bytes]:
        option, offset, bank = data[2], int.from_bytes(data[3:7], "big"), Bank(data[7])
        password, epc, rest = _filter(option, data[8:])
        tag = self._world.find(epc) if self._port in self.setup.antennas else None
        return (Status.NO_TAGS_FOUND if tag is None else _STATUS[tag.write(bank, offset, rest, password)]), b""


def _filter(option: int, data: bytes) -> tuple[int, bytes, bytes]:
    """Password, EPC, and what follows."""
    wide = 2 if option & 0x20 else 1
    size = int.from_bytes(data[4 : 4 + wide], "big") // 8
    return int.from_bytes(data[:4], "big"), data[4 + wide : 4 + wide + size], data[4 + wide + size :]
