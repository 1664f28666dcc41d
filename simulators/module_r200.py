"""An R200 or M100 module that reads simulated tags: settings, polling, reads and writes of memory."""

from __future__ import annotations

from drivers.modules.framing import Malformed
from drivers.operations import Bank, Outcome
from drivers.r200.frames import (
    GEN2_LOCKED,
    GEN2_OVERRUN,
    READ_GEN2,
    WRITE_GEN2,
    Cmd,
    Failure,
    Frame,
    Framing,
    Tag,
    Type,
    decoder,
    encode,
    notification,
)
from simulators.module import ModuleFault, World

ROUND_US = 25_000
_POWER_MAX_CDBM = 2600
_REGIONS = frozenset({0x01, 0x02, 0x03, 0x04, 0x06})
_GEN2 = {Outcome.OVERRUN: GEN2_OVERRUN, Outcome.LOCKED: GEN2_LOCKED}


class R200Module:
    """Records what it was told: `commands`, `region`, `power_cdbm`, `noise`. `rounds_max`: polls end the sooner."""

    def __init__(
        self, world: World, framing: Framing = Framing.AA_DD, *, polling: bool = False, rounds_max: int = 0xFFFF
    ) -> None:
        self.commands: list[Frame] = []
        self.noise: list[Malformed] = []
        self.region = 0x01
        self.power_cdbm = 2600
        self.query = 0x1020
        self.attached = True
        self._world = world
        self._framing = framing
        self._rounds_max = rounds_max
        self._rounds = rounds_max if polling else 0
        self._round_us = 0
        self._mask = b""
        self._decoder = decoder(framing)

    def hear(self, data: bytes, now_us: int) -> list[bytes]:
        out: list[bytes] = []
        for one in self._decoder.feed(data):
            if isinstance(one, Malformed):
                self.noise.append(one)
                continue
            self.commands.append(one)
            out += [encode(frame, self._framing) for frame in self._obey(one, now_us)]
        return out

    def due(self, now_us: int) -> list[bytes]:
        seen = self._world.due(now_us)
        frames: list[Frame] = []
        if not self._rounds:
            return []
        for tag, _, rssi_dbm, *_ in seen if self.attached else ():
            frames.append(notification(Tag(tag.epc, tag.pc, tag.crc, rssi_dbm)))
            self._world.reported += 1
        over = max(0, now_us - self._round_us) // ROUND_US
        if over:
            self._round_us += over * ROUND_US
            self._rounds = max(0, self._rounds - over)
            if not frames:
                frames.append(Frame(Type.RESPONSE, Cmd.FAILED, bytes((Failure.INVENTORY_NO_TAG,))))
        return [encode(frame, self._framing) for frame in frames]

    def suffer(self, fault: ModuleFault) -> list[bytes]:
        if fault is ModuleFault.MENDED:
            self.attached = True
        elif fault is ModuleFault.ANTENNA:
            self.attached = False  # which these modules do not notice
        elif fault is ModuleFault.REBOOT:
            self._rounds, self.region, self.power_cdbm, self._mask = 0, 0x01, 2600, b""
        return []

    def _obey(self, frame: Frame, now_us: int) -> list[Frame]:
        data = frame.data
        match frame.command:
            case Cmd.MODULE_INFO:
                return [_answer(frame, data[:1] + (b"M100 V1.00", b"V2.3.5", b"MagicRF")[data[0]])]
            case Cmd.MULTI_POLL:
                self._rounds, self._round_us = min(int.from_bytes(data[1:3], "big"), self._rounds_max), now_us
                return []
            case Cmd.STOP_POLL:
                self._rounds = 0
            case Cmd.GET_REGION:
                return [_answer(frame, bytes((self.region,)))]
            case Cmd.GET_POWER:
                return [_answer(frame, self.power_cdbm.to_bytes(2, "big"))]
            case Cmd.GET_QUERY:
                return [_answer(frame, self.query.to_bytes(2, "big"))]
            case Cmd.READ_MEMORY | Cmd.WRITE_MEMORY:
                return [self._access(frame)]
            case _:
                return [self._set(frame)]
        return [_answer(frame, b"\0")]

    def _set(self, frame: Frame) -> Frame:
        data = frame.data
        match frame.command:
            case Cmd.SET_REGION:
                if data[0] not in _REGIONS:
                    return _failed(Failure.INVALID_PARAMETER)
                self.region = data[0]
            case Cmd.SET_POWER:
                power_cdbm = int.from_bytes(data, "big")
                if power_cdbm > _POWER_MAX_CDBM:
                    return _failed(Failure.INVALID_PARAMETER)
                self.power_cdbm = power_cdbm
            case Cmd.SET_QUERY:
                self.query = int.from_bytes(data, "big")
            case Cmd.SET_SELECT:
                self._mask = data[7:]
            case Cmd.SELECT_MODE:
                return Frame(Type.RESPONSE, Cmd.SET_SELECT, b"\0")  # as the description's example has it
            case Cmd.SET_HOPPING:
                pass
            case _:
                return _failed(Failure.INVALID_COMMAND)
        return _answer(frame, b"\0")

    def _access(self, frame: Frame) -> Frame:
        data, reads = frame.data, frame.command == Cmd.READ_MEMORY
        password, bank = int.from_bytes(data[:4], "big"), Bank(data[4])
        offset, count = int.from_bytes(data[5:7], "big"), int.from_bytes(data[7:9], "big")
        tag = self._world.find(self._mask) if self.attached else None
        if tag is None:
            return _failed(Failure.READ_NO_TAG if reads else Failure.WRITE_NO_TAG)
        head = bytes((2 + len(tag.epc),)) + tag.pc.to_bytes(2, "big") + tag.epc
        if reads:
            outcome, found = tag.read(bank, offset, count, password)
        else:
            outcome, found = tag.write(bank, offset, data[9:], password), b"\0"
        if outcome is Outcome.DONE:
            return _answer(frame, head + found)
        if outcome is Outcome.PASSWORD:
            return _failed(Failure.ACCESS_PASSWORD, head)
        return _failed((READ_GEN2 if reads else WRITE_GEN2) | _GEN2[outcome], head)


def _answer(frame: Frame, data: bytes) -> Frame:
    return Frame(Type.RESPONSE, frame.command, data)


def _failed(code: int, rest: bytes = b"") -> Frame:
    return Frame(Type.RESPONSE, Cmd.FAILED, bytes((code,)) + rest)
