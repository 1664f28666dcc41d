"""What the tools may ask a running agent: its devices, tags near a reader, raw bytes, a scan, another key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from agent.capture.stations import Entry
from agent.capture.supervisor import DeviceStatus, Supervisor
from agent.capture.tagging import Tagging, WriteTag
from agent.clock import Clock
from agent.control import Arguments, Values, Verb
from contract.shapes import Gtin, Name
from drivers.driver import Direction
from drivers.operations import WORDS_MAX, Bank, ReadMemory
from drivers.reads import Arrival

RECORDED_WAITING_MAX = 4096  # pieces of raw bytes that a slow tool may leave waiting
Hex = Annotated[str, Field(pattern="^([0-9A-Fa-f]{2}){1,62}$")]
Password = Annotated[int, Field(ge=0, le=0xFFFF_FFFF)]
Antenna = Annotated[int, Field(ge=1, le=255)]


class NoArguments(Arguments):
    pass


class OfDevice(Arguments):
    device: Name


class ReadTags(OfDevice):
    bank: Literal["reserved", "epc", "tid", "user"] = "tid"
    word_offset: int = Field(0, ge=0, le=4095)
    word_count: int = Field(6, ge=1, le=WORDS_MAX)
    epc: Hex | None = None
    antenna: Antenna | None = None
    access_password: Password = 0


class WriteTags(OfDevice):
    gtin: Gtin
    serial: int | None = Field(None, ge=0)
    epc: Hex | None = None
    antenna: Antenna | None = None
    access_password: Password = 0
    replace: bool = False


class ScanAt(Arguments):
    station: Name
    code: str = Field(min_length=1, max_length=4096)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the verbs work on."""

    supervisor: Supervisor
    tagging: Tagging
    kinds: Mapping[str, str]
    clock: Clock
    scan: Callable[[str, bytes, Callable[[Entry], None]], None]
    told: Callable[[], Awaitable[dict[str, Any]]]
    rotate: Callable[[], Awaitable[str]]


def verbs(parts: Parts) -> dict[str, Verb]:
    def device(arguments: OfDevice) -> Values:
        return _each([_shown(parts.supervisor.status(arguments.device), parts)])

    def devices(_arguments: NoArguments) -> Values:
        return _each([_shown(one, parts) for one in parts.supervisor.statuses()])

    def restart(arguments: OfDevice) -> Values:
        parts.supervisor.restart(arguments.device)
        return _each([])

    return {
        "devices": Verb(NoArguments, devices),
        "health": Verb(NoArguments, lambda _arguments: _health(parts)),
        "device": Verb(OfDevice, device),
        "restart": Verb(OfDevice, restart),
        "tag_read": Verb(ReadTags, lambda arguments: _read(parts, arguments)),
        "tag_write": Verb(WriteTags, lambda arguments: _write(parts, arguments)),
        "record": Verb(OfDevice, lambda arguments: _record(parts, arguments)),
        "key_rotate": Verb(NoArguments, lambda _arguments: _rotate(parts)),
        "scan": Verb(ScanAt, lambda arguments: _scan(parts, arguments)),
    }


async def _health(parts: Parts) -> Values:
    yield await parts.told()


async def _rotate(parts: Parts) -> Values:
    yield {"key": await parts.rotate()}


async def _each(values: list[Any]) -> Values:
    for value in values:
        yield value


def _shown(status: DeviceStatus, parts: Parts) -> dict[str, Any]:
    shown = {name: value for name, value in asdict(status).items() if name != "notices"}
    notices = [
        {"code": one.code, "subject": one.subject, "message": one.message, "hint": one.hint} for one in status.notices
    ]
    return {**shown, "kind": parts.kinds[status.device], "notices": notices, "facts": dict(status.facts)}


async def _read(parts: Parts, arguments: ReadTags) -> Values:
    operation = ReadMemory(
        Bank[arguments.bank.upper()],
        arguments.word_offset,
        arguments.word_count,
        bytes.fromhex(arguments.epc) if arguments.epc else None,
        arguments.antenna,
        arguments.access_password,
    )
    for one in await parts.tagging.read(arguments.device, operation):
        yield {
            "epc": one.epc.hex().upper(),
            "outcome": one.outcome.value,
            "data": one.data.hex().upper(),
            "antenna": one.antenna,
            "rssi_dbm": None if one.rssi_cdbm is None else one.rssi_cdbm / 100,
            "detail": one.detail,
        }


async def _write(parts: Parts, arguments: WriteTags) -> Values:
    order = WriteTag(
        arguments.device,
        arguments.gtin,
        arguments.serial,
        arguments.epc,
        arguments.antenna,
        arguments.access_password,
        arguments.replace,
    )
    yield asdict(await parts.tagging.write(order))


async def _scan(parts: Parts, arguments: ScanAt) -> Values:
    heard: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()

    def hear(entry: Entry) -> None:
        if not heard.done():  # the tool may have gone meanwhile
            heard.set_result(entry)

    parts.scan(arguments.station, arguments.code.encode(), hear)
    entry = await heard
    yield {"answer": entry.answer.value, "text": entry.text, "seq": entry.seq}


async def _record(parts: Parts, arguments: OfDevice) -> Values:
    """The head of a recording, then each piece of raw bytes, until the tool goes."""
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(RECORDED_WAITING_MAX)
    begun = parts.clock.now()
    lost = 0

    def tap(direction: Direction, data: bytes, arrived: Arrival) -> None:
        nonlocal lost
        if queue.full():
            lost += 1
            return
        t_us = max(0, arrived.monotonic_ns - begun.monotonic_ns) // 1000
        queue.put_nowait({"t_us": t_us, "dir": direction.value, "hex": data.hex()})

    parts.supervisor.listen(arguments.device, tap)
    try:
        yield {
            "recording": 1,
            "device": arguments.device,
            "kind": parts.kinds[arguments.device],
            "started_us": begun.wall_us,
        }
        while True:
            yield await queue.get()
            if lost:
                missing, lost = lost, 0
                yield {"lost": missing}
    finally:
        parts.supervisor.listen(arguments.device, None)
