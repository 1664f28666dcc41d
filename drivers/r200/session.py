"""An R200 or M100 module as the host drives it: set up, poll without end, operations on tags.

These modules have no keepalive. A poll of 65,535 rounds answers each round with tags or "no tag", and ends in silence;
some firmware says nothing of empty rounds. So silence of `alive_s` begins the set-up anew, which is the same at every
opening and restores what a reset forgot; a module that does not answer that within `alive_s` is lost.
"""

from __future__ import annotations

from collections.abc import Callable

from drivers.errors import DeviceRefused, DeviceUnavailable
from drivers.modules.base import Ask, ModuleSession, Script, quiet_reason
from drivers.modules.conditions import Condition
from drivers.operations import Bank, Outcome, ReadMemory, TagOperation, TagResult, WriteMemory
from drivers.r200.frames import (
    GEN2_LOCKED,
    GEN2_LOW_POWER,
    GEN2_OVERRUN,
    READ_GEN2,
    WRITE_GEN2,
    Cmd,
    Failure,
    Frame,
    Tag,
    Type,
    decoder,
    encode,
    failure_name,
    tag_of,
)
from drivers.r200.settings import REGIONS, R200Settings
from drivers.reads import Arrival, TagRead
from drivers.session import NS_PER_S

ANTENNA = 1  # the one port
ROUNDS = 0xFFFF
WRITE_WORDS_MAX = 32  # of one command
_SELECT_EPC = bytes((0x01, 0, 0, 0, 0x20))  # target S0, action 0, bank EPC; from bit 32 on: behind CRC and PC
_MASK_BITS_MAX = 255
_NEVER_SELECT = b"\x01"
_HARDWARE, _SOFTWARE = 0x00, 0x01
_SESSION_BITS, _SESSION_SHIFT = 0x0300, 8  # of the query parameters
_REGION_NAMES = {code: name for name, code in REGIONS.items()}
_NO_RESPONSE = {
    Failure.READ_NO_TAG,
    Failure.WRITE_NO_TAG,
    Failure.INVENTORY_NO_TAG,
    READ_GEN2 | GEN2_LOW_POWER,
    WRITE_GEN2 | GEN2_LOW_POWER,
}


class R200Session(ModuleSession[Frame]):
    def __init__(self, device: str, settings: R200Settings) -> None:
        super().__init__(device, settings, decoder(settings.framing))
        self._settings = settings
        self._region: str | None = None  # what the module has, if it is not what is set
        self._power_dbm = settings.power_dbm  # what the module has

    def farewell(self, now: Arrival) -> bytes:  # noqa: ARG002 - the shell's contract
        self._leaving = True
        return self._wire(Cmd.STOP_POLL)

    def _set_up(self) -> Script[Frame, None]:
        if self._ready:
            yield from self._ask_once()
        else:
            yield from self._pause()
        self._settled()
        yield from self._learn("model", _HARDWARE)
        yield from self._learn("firmware", _SOFTWARE)
        yield from self._set_region()
        yield from self._say(Cmd.SET_HOPPING, b"\xff" if self._settings.hopping else b"\0")
        yield from self._set_power()
        yield from self._set_session()
        yield from self._say(Cmd.SELECT_MODE, _NEVER_SELECT, also=Cmd.SET_SELECT)  # the description answers with 0C
        yield from self._resume()
        self._begun()

    def _ask_once(self) -> Script[Frame, None]:
        """Whether a silent module is still there."""
        answer = yield Ask(self._wire(Cmd.STOP_POLL), _stopped, self._stale_ns)
        if answer is None:
            raise DeviceUnavailable(
                f"{self._numbering.device} is silent for {2 * self._settings.alive_s:g} s",
                hint="check the module's cable and supply",
            )

    def _learn(self, fact: str, which: int) -> Script[Frame, None]:
        told = yield from self._say(Cmd.MODULE_INFO, bytes((which,)), may_fail=True)
        if told.failure is None:
            self._facts[fact] = told.data[1:].decode("ascii", "replace").strip()

    def _set_region(self) -> Script[Frame, None]:
        wanted = REGIONS[self._settings.region]
        found = yield from self._say(Cmd.GET_REGION, may_fail=True)
        if found.failure is not None or found.data[:1] != bytes((wanted,)):
            yield from self._say(Cmd.SET_REGION, bytes((wanted,)))
            found = yield from self._say(Cmd.GET_REGION, may_fail=True)
        code = found.data[0] if found.failure is None and found.data else wanted
        self._region = None if code == wanted else _REGION_NAMES.get(code, f"{code:02X}")
        self._facts["region"] = self._region or self._settings.region

    def _set_power(self) -> Script[Frame, None]:
        wanted = round(100 * self._settings.power_dbm)
        yield from self._say(Cmd.SET_POWER, wanted.to_bytes(2, "big"))
        told = yield from self._say(Cmd.GET_POWER, may_fail=True)
        if told.failure is None and len(told.data) >= 2:
            self._power_dbm = int.from_bytes(told.data[:2], "big") / 100
        self._facts["power_dbm"] = f"{self._power_dbm:g}"

    def _set_session(self) -> Script[Frame, None]:
        if self._settings.session is None:
            return
        told = yield from self._say(Cmd.GET_QUERY)
        now = int.from_bytes(told.data[:2], "big")
        wanted = now & ~_SESSION_BITS | self._settings.session << _SESSION_SHIFT
        if wanted != now:
            yield from self._say(Cmd.SET_QUERY, wanted.to_bytes(2, "big"))

    def _pause(self) -> Script[Frame, None]:
        yield from self._asked(self._wire(Cmd.STOP_POLL), _stopped, "stop")

    def _resume(self) -> Script[Frame, None]:
        """The poll has no answer of its own; its rounds have, and `_stale` looks after those."""
        self._output += self._wire(Cmd.MULTI_POLL, b"\x22" + ROUNDS.to_bytes(2, "big"))
        yield from ()

    def _say(
        self, command: Cmd, data: bytes = b"", *, also: Cmd | None = None, may_fail: bool = False
    ) -> Script[Frame, Frame]:
        frame = yield from self._asked(self._wire(command, data), _answers(command, also), command.name.lower())
        if frame.failure is not None and not may_fail:
            raise DeviceRefused(
                f"{self._numbering.device} refuses {command.name.lower()}: {failure_name(frame.failure)}",
                hint=_HINTS.get(command, "switch the module off and on; check its firmware"),
            )
        return frame

    def _wire(self, command: Cmd, data: bytes = b"") -> bytes:
        return encode(Frame(Type.COMMAND, command, data), self._settings.framing)

    # The stream.

    @property
    def _stale_ns(self) -> int:
        return int(self._settings.alive_s * NS_PER_S)

    def _stale(self) -> None:
        self._again()

    def _stream(self, frame: Frame) -> None:
        if frame.no_tag:
            return
        tag = tag_of(frame)
        if isinstance(tag, Tag):
            self._deliver(self._read(tag))
        elif isinstance(tag, str):
            self._unexpected(encode(frame, self._settings.framing), tag)
        elif frame.type == Type.RESPONSE and frame.failure is None:
            return  # a second answer to a command that was sent twice; firmware may also confirm the poll
        else:
            self._unexpected(encode(frame, self._settings.framing), str(frame))

    def _read(self, tag: Tag) -> TagRead:
        now = self._now
        return TagRead(
            self._numbering.device, tag.epc, ANTENNA, 100 * tag.rssi_dbm, now, now.wall_us, now.wall_us, pc=tag.pc
        )

    def _why_quiet(self) -> Condition:
        return quiet_reason(
            no_antenna=False,
            region=self._region,
            power_dbm=self._power_dbm,
            session=self._settings.session,
            ever_read=self._ever_read,
        )

    # Operations on tags.

    def _check(self, operation: TagOperation) -> None:
        device = self._numbering.device
        if operation.antenna not in {None, ANTENNA}:
            raise DeviceRefused(f"{device} has one antenna, number {ANTENNA}", hint="choose that one, or none")
        if 8 * len(operation.match or b"") > _MASK_BITS_MAX:
            raise DeviceRefused(f"{device} cannot select an EPC of more than 31 bytes", hint="use another reader")
        if isinstance(operation, WriteMemory) and len(operation.data) > 2 * WRITE_WORDS_MAX:
            raise DeviceRefused(f"{device} writes {WRITE_WORDS_MAX} words at once", hint="write in parts")

    def _access(
        self,
        operation: TagOperation,
        epc: bytes,
        antenna: int,  # noqa: ARG002 - it has one
        timeout_ms: int,  # noqa: ARG002 - it does not take one
    ) -> Script[Frame, TagResult]:
        yield from self._say(Cmd.SET_SELECT, _SELECT_EPC + bytes((8 * len(epc), 0)) + epc)
        target = operation.access_password.to_bytes(4, "big") + bytes((operation.bank,))
        target += operation.word_offset.to_bytes(2, "big")
        if isinstance(operation, ReadMemory):
            command, data = Cmd.READ_MEMORY, target + operation.word_count.to_bytes(2, "big")
        else:
            count = len(operation.data) // 2
            command, data = Cmd.WRITE_MEMORY, target + count.to_bytes(2, "big") + operation.data
        wait_ns = int(self._settings.response_timeout_s * NS_PER_S)
        frame = yield Ask(self._wire(command, data), _answers(command), wait_ns)
        if frame is None:
            raise DeviceUnavailable(
                f"{self._numbering.device} does not answer ({command.name.lower()})",
                hint="read the tag to see what became of it",
            )
        if frame.failure is not None:
            return TagResult(_outcome(frame.failure), epc, antenna=ANTENNA, detail=failure_name(frame.failure))
        # The description leaves open whether a changed EPC is told as it was or as it is.
        free = isinstance(operation, WriteMemory) and operation.bank is Bank.EPC
        return _result(command, frame.data, epc, any_epc=free)


_HINTS = {
    Cmd.SET_REGION: "this module does not know the region; choose another, or a module for this country",
    Cmd.SET_POWER: "lower power_dbm",
}


def _answers(command: Cmd, also: Cmd | None = None) -> Callable[[Frame], bool]:
    """A response by this name or a failure, but never "no tag" of a poll that ends."""
    names = {command, Cmd.FAILED, command if also is None else also}
    return lambda frame: frame.type == Type.RESPONSE and frame.command in names and not frame.no_tag


_stopped = _answers(Cmd.STOP_POLL)


def _outcome(code: int) -> Outcome:
    if code in _NO_RESPONSE:
        return Outcome.NO_RESPONSE
    if code == Failure.ACCESS_PASSWORD:
        return Outcome.PASSWORD
    if code & 0xF0 in {READ_GEN2, WRITE_GEN2}:
        return {GEN2_OVERRUN: Outcome.OVERRUN, GEN2_LOCKED: Outcome.LOCKED}.get(code & 0x0F, Outcome.FAILED)
    return Outcome.FAILED


def _result(command: Cmd, data: bytes, epc: bytes, *, any_epc: bool) -> TagResult:
    """Length of PC and EPC, PC, EPC; then what was read, or 0 for a write that is done."""
    size = data[0] if data else 0
    told, rest = data[3 : 1 + size], data[1 + size :]
    if size < 2 or len(data) < 1 + size or (told != epc and not any_epc):
        return TagResult(Outcome.FAILED, epc, antenna=ANTENNA, detail=f"an answer of another tag: {data.hex()}")
    if command is Cmd.WRITE_MEMORY:
        done = rest == b"\0"
        detail = "" if done else f"an answer that says {rest.hex()}, not 00"
        return TagResult(Outcome.DONE if done else Outcome.FAILED, epc, antenna=ANTENNA, detail=detail)
    return TagResult(Outcome.DONE, epc, rest, ANTENNA)
