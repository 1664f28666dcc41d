"""A ThingMagic module as the host drives it: set up, stream, keepalive, faults, operations on tags.

Set-up is the same at every opening, and writes only what it must: stop (a module may stream from before), firmware out
of the boot loader, version, region, Gen2, power within what the module can, antennas, start. The stream tells a
keepalive each second (status 0x0400); a record's time counts from it. A fault in the stream (0x0503, 0x0504, 0x0505)
may end it without a word, so silence after a fault begins the set-up again; other silence of two keepalives is a loss.

Commands on single tags go over one port, so an operation tries each antenna that it may use.
"""

from __future__ import annotations

import math

from drivers.errors import DeviceRefused, DeviceUnavailable
from drivers.modules.base import Ask, ModuleSession, Script, quiet_reason
from drivers.modules.conditions import Condition
from drivers.operations import Outcome, ReadMemory, TagOperation, TagResult
from drivers.reads import Arrival, TagRead
from drivers.session import NS_PER_MS, NS_PER_S
from drivers.thingmagic import commands
from drivers.thingmagic.frames import (
    Op,
    Response,
    Status,
    Tag,
    encode,
    response_decoder,
    status_name,
    tag_of,
)
from drivers.thingmagic.settings import REGIONS, ThingmagicSettings

_SILENT_KEEPALIVES = 2
_MRAD_PER_DEG = math.pi * 1000 / 180
_REGION_NAMES = {code: name for name, code in REGIONS.items()}
_HOT = Condition("hot", "the module is too hot and pauses", "let air to the module, lower power_dbm")


class ThingmagicSession(ModuleSession[Response]):
    def __init__(self, device: str, settings: ThingmagicSettings) -> None:
        super().__init__(device, settings, response_decoder())
        self._settings = settings
        self._keepalive_us = 0  # wall clock at the last keepalive, or at the start
        self._region: str | None = None  # what the module has, if it is not what is set
        self._off: set[int] = set()  # configured antennas that are not there
        self._faulted = False  # since the last sound record

    def farewell(self, now: Arrival) -> bytes:  # noqa: ARG002 - the shell's contract
        self._leaving = True
        return commands.STOP

    def _set_up(self) -> Script[Response, None]:
        yield from self._pause()
        self._settled()
        yield from self._say(commands.BOOT, Op.BOOT_FIRMWARE, may_refuse=True)  # refused: it runs already
        version = yield from self._say(commands.VERSION, Op.VERSION)
        self._facts |= commands.version_of(version.data)
        yield from self._set_region()
        yield from self._say(commands.SET_GEN2, Op.SET_TAG_PROTOCOL)
        yield from self._set_power()
        if self._settings.session is not None:
            yield from self._say(commands.set_session(self._settings.session), Op.SET_PROTOCOL_PARAM)
        yield from self._say(commands.READ_FILTER_OFF, Op.SET_READER_OPTIONAL_PARAMS, may_refuse=True)
        yield from self._detect_antennas(version.data)
        yield from self._resume()
        self._begun()

    def _set_region(self) -> Script[Response, None]:
        wanted = REGIONS[self._settings.region]
        found = yield from self._say(commands.GET_REGION, Op.GET_REGION, may_refuse=True)
        if found.status or found.data[:1] != bytes((wanted,)):
            yield from self._say(commands.set_region(wanted), Op.SET_REGION)
            found = yield from self._say(commands.GET_REGION, Op.GET_REGION, may_refuse=True)
        code = found.data[0] if found.data and not found.status else wanted
        self._region = None if code == wanted else _REGION_NAMES.get(code, f"{code:02X}")
        self._facts["region"] = self._region or self._settings.region

    def _set_power(self) -> Script[Response, None]:
        power_cdbm = round(100 * self._settings.power_dbm)
        told = yield from self._say(commands.GET_POWER_LIMITS, Op.GET_READ_TX_POWER, may_refuse=True)
        limits = None if told.status else commands.limits_of(told.data)
        if limits is not None:
            self._facts["power_dbm"] = f"{limits[0] / 100:g} to {limits[1] / 100:g}"
        if limits is not None and not limits[0] <= power_cdbm <= limits[1]:
            raise DeviceRefused(
                f"{self._numbering.device} cannot send {self._settings.power_dbm:g} dBm",
                hint=f"set power_dbm between {limits[0] / 100:g} and {limits[1] / 100:g}",
            )
        for op in (Op.SET_READ_TX_POWER, Op.SET_WRITE_TX_POWER):
            yield from self._say(commands.set_power(op, power_cdbm), op)

    def _detect_antennas(self, version: bytes) -> Script[Response, None]:
        self._off.clear()
        if len(version) < 8 or version[4] not in commands.DETECTING:
            return
        told = yield from self._say(commands.DETECT_ANTENNAS, Op.GET_ANTENNA_PORT, may_refuse=True)
        if told.status:
            return
        for port, there in commands.detected_of(told.data).items():
            if port in self._settings.antennas and not there:
                self._off.add(port)
                self._tell(_antenna_off(port), hold_s=None)
            else:
                self._reads += self._conditions.end("antenna_off", self._now, str(port))

    def _pause(self) -> Script[Response, None]:
        """Any status will do: a module that does not stream refuses the stop."""
        yield from self._asked(commands.STOP, _stopped, "stop")

    def _resume(self) -> Script[Response, None]:
        antennas = self._settings.antennas
        yield from self._say(commands.set_antennas(antennas), Op.SET_ANTENNA_PORT)
        begun = yield from self._asked(commands.START, _started, "start")
        if begun.status:
            raise DeviceRefused(
                f"{self._numbering.device} refuses to read: {status_name(begun.status)}",
                hint="check region and antennas of the module",
            )
        self._keepalive_us = self._now.wall_us

    def _say(self, wire: bytes, op: Op, *, may_refuse: bool = False) -> Script[Response, Response]:
        name = op.name.lower()
        response = yield from self._asked(wire, lambda one: one.op == op and not one.keepalive, name)
        if response.status and not may_refuse:
            raise DeviceRefused(
                f"{self._numbering.device} refuses {name}: {status_name(response.status)}", hint=_hint(op)
            )
        return response

    # The stream.

    @property
    def _stale_ns(self) -> int:
        return int(_SILENT_KEEPALIVES * self._settings.keepalive_s * NS_PER_S)

    def _stale(self) -> None:
        if self._faulted:
            self._faulted = False
            self._again()
            return
        raise DeviceUnavailable(
            f"{self._numbering.device} is silent: no keepalive for {self._stale_ns / NS_PER_S:g} s",
            hint="check the module's cable and supply",
        )

    def _stream(self, frame: Response) -> None:
        if frame.op == Op.BOOT_FIRMWARE:
            raise DeviceUnavailable(f"{self._numbering.device} has restarted", hint="check the module's supply")
        if frame.op != Op.READ_TAG_ID_MULTIPLE:
            if frame.status:  # else a late answer: to a command that was sent twice, or to the farewell before
                self._unexpected(encode(frame), str(frame))
        elif frame.keepalive:
            self._keepalive_us = self._now.wall_us
        elif frame.status:
            self._fault(frame)
        else:
            self._record(frame)

    def _fault(self, frame: Response) -> None:
        antennas = self._settings.antennas
        subject = str(antennas[0]) if len(antennas) == 1 else ""
        self._faulted = True
        if frame.status == Status.OVER_TEMPERATURE:
            self._tell(_HOT)
        elif frame.status == Status.HIGH_RETURN_LOSS:
            message = "the antenna sends the power back"
            self._tell(Condition("high_return_loss", message, "check antenna and cable; do not cover it", subject))
        elif frame.status == Status.ANTENNA_NOT_CONNECTED:
            self._tell(_antenna_off(antennas[0]) if subject else Condition("antenna_off", *_OFF))
        else:
            self._unexpected(encode(frame), str(frame))

    def _record(self, frame: Response) -> None:
        tag = tag_of(frame.data)
        if isinstance(tag, str):
            self._unexpected(encode(frame), tag)
        elif tag is not None:
            self._faulted = False
            self._deliver(self._read(tag))

    def _read(self, tag: Tag) -> TagRead:
        now = self._now
        seen_us, device_us = now.wall_us, None
        if tag.timestamp_ms is not None:
            device_us = 1000 * tag.timestamp_ms
            seen_us = min(self._keepalive_us + device_us, now.wall_us)  # never later than it came
        return TagRead(
            self._numbering.device,
            tag.epc,
            tag.antenna,
            None if tag.rssi_dbm is None else 100 * tag.rssi_dbm,
            now,
            seen_us,
            seen_us,
            device_us,
            tag.read_count,
            tag.pc,
            None if tag.phase_deg is None else round(tag.phase_deg * _MRAD_PER_DEG),
            tag.frequency_khz,
        )

    def _why_quiet(self) -> Condition:
        settings = self._settings
        return quiet_reason(
            no_antenna=self._off >= set(settings.antennas),
            region=self._region,
            power_dbm=settings.power_dbm,
            session=settings.session,
            ever_read=self._ever_read,
        )

    # Operations on tags.

    def _check(self, operation: TagOperation) -> None:
        if operation.antenna is not None and operation.antenna not in self._settings.antennas:
            raise DeviceRefused(
                f"{self._numbering.device} has no antenna {operation.antenna}", hint="choose one of its antennas"
            )

    def _access(
        self, operation: TagOperation, epc: bytes, antenna: int, timeout_ms: int
    ) -> Script[Response, TagResult]:
        antennas = (antenna,) if antenna in self._settings.antennas else self._settings.antennas
        share_ms = min(max(100, timeout_ms // len(antennas)), 0xFFFF)
        result = TagResult(Outcome.NO_RESPONSE, epc)
        for port in antennas:
            yield from self._say(commands.set_antenna(port), Op.SET_ANTENNA_PORT)
            result = yield from self._access_over(port, operation, epc, share_ms)
            if result.outcome is not Outcome.NO_RESPONSE:
                break
        return result

    def _access_over(
        self, port: int, operation: TagOperation, epc: bytes, timeout_ms: int
    ) -> Script[Response, TagResult]:
        if isinstance(operation, ReadMemory):
            op, wire = Op.READ_TAG_DATA, commands.read_memory(operation, epc, timeout_ms)
        else:
            op, wire = Op.WRITE_TAG_DATA, commands.write_memory(operation, epc, timeout_ms)
        wait_ns = timeout_ms * NS_PER_MS + int(self._settings.response_timeout_s * NS_PER_S)
        response = yield Ask(wire, lambda one: one.op == op, wait_ns)
        if response is None:
            raise DeviceUnavailable(
                f"{self._numbering.device} does not answer ({op.name.lower()})",
                hint="read the tag to see what became of it",
            )
        outcome, data, detail = commands.outcome_of(response.status), b"", ""
        if outcome is not Outcome.DONE:
            detail = status_name(response.status)
        elif op is Op.READ_TAG_DATA:
            found = commands.memory_of(response.data)
            if isinstance(found, str):
                outcome, detail = Outcome.FAILED, found
            else:
                data = found
        return TagResult(outcome, epc, data, port, None, detail)


_OFF = ("an antenna is not connected", "screw the antenna cable on at both ends")


def _antenna_off(port: int) -> Condition:
    return Condition("antenna_off", f"antenna {port} is not connected", _OFF[1], str(port))


def _stopped(one: Response) -> bool:
    """The Mercury API takes a stop as done by its option 2, or by any error status."""
    return one.op == Op.MULTI_PROTOCOL_TAG_OP and (bool(one.status) or one.data[:1] == b"\x02")


def _started(one: Response) -> bool:
    """Not the answer to a stop that was sent twice."""
    return one.op == Op.MULTI_PROTOCOL_TAG_OP and one.data[:1] != b"\x02"


def _hint(op: Op) -> str:
    return {
        Op.SET_REGION: "this module does not know the region; choose another, or a module for this country",
        Op.SET_READ_TX_POWER: "lower power_dbm",
        Op.SET_WRITE_TX_POWER: "lower power_dbm",
        Op.SET_ANTENNA_PORT: "name only ports that the module has in antennas",
    }.get(op, "switch the module off and on; check its firmware")
