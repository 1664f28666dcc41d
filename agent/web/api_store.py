"""Store, stations and devices: what the start page shows, as values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from pydantic import Field

from agent.capture.stations import Entry
from agent.capture.supervisor import DeviceStatus
from agent.operations.values import Mode, Station
from agent.web.endpoint import Call, Endpoint, Told


class SyncTold(Told):
    connected: bool
    head: int = Field(description="the newest event's number")
    waiting: int = Field(description="events that head office has not acknowledged")
    oldest_s: int
    clock: Literal["synced", "suspect"]
    halted: bool = Field(description="head office has events that this ledger lost: nothing is sent")


class NoticeTold(Told):
    code: str
    subject: str
    message: str
    hint: str
    since_us: int = Field(description="microseconds since 1970, as all members of that ending")


class DeviceTold(Told):
    device: str
    state: Literal["connecting", "up", "down", "refused", "failed"]
    since_us: int
    reads: int
    bad_reads: int
    error: str | None = None
    hint: str | None = None
    facts: dict[str, str]
    notices: list[NoticeTold]


class DevicesTold(Told):
    devices: list[DeviceTold]


class LastTold(Told):
    """What a station's newest scan was answered."""

    device: str
    at_us: int
    answer: Literal["good", "look", "stop"]
    text: str
    seq: int | None


class StationTold(Told):
    station: str
    mode: Mode = Field(description="of a new session")
    zone: str
    language: Literal["ko", "en"]
    last: LastTold | None


class StationsTold(Told):
    stations: list[StationTold]


class ScreensTold(Told):
    failures: int


class StatusTold(Told):
    store: str
    version: str
    language: Literal["ko", "en"]
    sync: SyncTold
    devices: list[DeviceTold]
    stations: list[StationTold]
    scans: int
    screens: ScreensTold


class HealthTold(Told):
    """Counters of the agent since it started, by name."""


class TagCountTold(Told):
    zone: str
    read: int
    foreign: int
    new_per_s: float
    flat: bool
    waiting: int
    expected: int | None = Field(description="as stock says; null when it was never told")


class StationCountTold(Told):
    station: str
    count: TagCountTold | None = Field(description="null while it is in no count by RFID")


async def status(call: Call) -> Any:
    facts, view = await call.room.facts(), call.room.view
    return {
        "store": view.store,
        "version": view.version,
        "language": view.language,
        "sync": asdict(facts.sync),
        "devices": [device_told(one) for one in facts.devices],
        "stations": _stations(call),
        "scans": view.feed.total,
        "screens": {"failures": call.room.failures},
    }


def device_told(one: DeviceStatus) -> dict[str, Any]:
    """Without the traceback: it belongs into the log, not on the wire."""
    held = {name: getattr(one, name) for name in DeviceStatus.__dataclass_fields__ if name != "traceback"}
    return held | {
        "facts": dict(one.facts),
        "notices": [
            {
                "code": notice.code,
                "subject": notice.subject,
                "message": notice.message,
                "hint": notice.hint,
                "since_us": notice.arrived.wall_us,
            }
            for notice in one.notices
        ],
    }


def _stations(call: Call) -> list[dict[str, Any]]:
    return [_station(one, call.room.last(one.name)) for one in call.room.stations.values()]


def _station(one: Station, last: Entry | None) -> dict[str, Any]:
    return {
        "station": one.name,
        "mode": one.mode,
        "zone": one.zone,
        "language": one.language,
        "last": asdict(last) | {"session": last.session and last.session._asdict()} if last is not None else None,
    }


async def stations(call: Call) -> Any:
    return {"stations": _stations(call)}


async def devices(call: Call) -> Any:
    return {"devices": [device_told(one) for one in call.room.view.devices()]}


async def device(call: Call) -> Any:
    found = call.room.device(call.path["name"])
    if found is None:
        raise call.refuse(404, "unknown_device")
    return device_told(found)


async def count(call: Call) -> Any:
    room, name = call.room, call.path["station"]
    if name not in room.stations:
        raise call.refuse(404, "unknown_station")
    held = room.counting(name)
    if held is None:
        return {"station": name, "count": None}
    told = {key: value for key, value in asdict(held).items() if key != "station"}
    return {"station": name, "count": told | {"expected": await room.expected.fresh(held.zone)}}


async def health(call: Call) -> Any:
    return call.room.view.health()


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/health",
        does="Counters of the agent",
        tells=HealthTold,
        handler=health,
        open=True,
    ),
    Endpoint(
        method="GET",
        path="/status",
        does="The start page as values: head office, stations, devices",
        tells=StatusTold,
        handler=status,
    ),
    Endpoint(
        method="GET",
        path="/stations",
        does="Stations and what their newest scan was answered",
        tells=StationsTold,
        handler=stations,
    ),
    Endpoint(method="GET", path="/devices", does="Devices", tells=DevicesTold, handler=devices),
    Endpoint(method="GET", path="/devices/{name}", does="One device", tells=DeviceTold, handler=device),
    Endpoint(
        method="GET",
        path="/count/{station}",
        does="A station's count by RFID as it goes on",
        tells=StationCountTold,
        handler=count,
    ),
)
