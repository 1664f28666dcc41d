"""Events of the Zebra IoT Connector (FX7500, FX9600, FXR60, FXR90): facts from its public schemas and from captures.

`type` of a tag event is the operating mode. Antenna, RSSI and the rest come only in some modes or when asked for by
`tagMetaData`; the frequency is in MHz as `channel`, the phase in degrees of either sign. Tag events count in
`data.eventNum`; management and BLE events count on their own, beside `data`, and those numbers are not compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from drivers.reader_json import fields
from drivers.reader_json.facts import (
    READS,
    STOPPED,
    Antennas,
    Fact,
    Inventory,
    Level,
    Other,
    Overflow,
    Strange,
    Tag,
    Trouble,
)

EVENT_NUMBER_MAX = 2**63 - 1
_RADIO_OFF = Inventory("rospec_not_started", "the reader's radio is not connected", "restart the reader")


def facts(document: dict[str, Any]) -> list[Fact]:
    data = document.get("data")
    if isinstance(data, list):
        return [fact for one in cast("list[Any]", data) for fact in _one(document, fields.section(one))]
    return _one(document, document if data is None else fields.section(data))


def _one(document: dict[str, Any], data: dict[str, Any]) -> list[Fact]:
    kind = fields.text(document.get("type"))
    if kind.upper().startswith("BLE"):
        return [Other("BLE")]
    if "idHex" in data:
        return [_tag(document, data)]
    reading = _MANAGEMENT.get(kind.lower())
    if reading is not None:
        return reading(data)
    if "tagInventoryEvent" in document:
        return [Strange('this is an Impinj document: set dialect = "impinj"', once=True)]
    return [Other(kind or "without type")]


def _tag(document: dict[str, Any], data: dict[str, Any]) -> Fact:
    epc = fields.hex_bytes(data.get("idHex"), fields.EPC_BYTES_MAX)
    if epc is None:
        return Strange("idHex is not hexadecimal, or longer than an EPC")
    pc = fields.hex_bytes(data.get("PC"), 2)
    return Tag(
        epc,
        fields.antenna(data.get("antenna")),
        fields.rssi_cdbm(data.get("peakRssi"), 100),
        fields.time_us(document.get("timestamp")),
        fields.whole(data.get("reads"), 1, 1_000_000) or 1,
        int.from_bytes(pc) if pc is not None and len(pc) == 2 else None,
        fields.phase_mrad(data.get("phase")),
        fields.frequency_khz(data.get("channel"), 1000),
        fields.whole(data.get("eventNum"), 0, EVENT_NUMBER_MAX),
    )


def _heartbeat(data: dict[str, Any]) -> list[Fact]:
    radio = fields.section(data.get("radio_control"))
    found: list[Fact] = [Other("heartbeat")]
    states = [
        (int(name), state == "connected")
        for name, state in fields.section(radio.get("antennas")).items()
        if isinstance(state, str) and fields.antenna(name)
    ]
    if states:
        found.append(Antennas(tuple(sorted(states)), complete=True))
    activity = fields.text(radio.get("radioActivity", radio.get("radioActivitiy")))  # both spellings are in the field
    if radio.get("radioConnection") == "disconnected":
        found.append(_RADIO_OFF)
    elif activity in {"active", "inactive"}:
        found.append(READS if activity == "active" else STOPPED)
    gateway = fields.section(data.get("reader_gateway"))
    paths = gateway.get("dataPathStatistics")
    if isinstance(paths, list):
        drops = [fields.section(path).get("numDataMessagesDropped") for path in cast("list[Any]", paths)]
        found.append(Overflow(sum(fields.whole(drop, 0, EVENT_NUMBER_MAX) or 0 for drop in drops)))
    return found


def _gpi(data: dict[str, Any]) -> list[Fact]:
    port = fields.whole(data.get("pin"), 1, 255)
    level = {"high": True, "low": False}.get(fields.text(data.get("state")).lower())
    if port is None or level is None:
        return [Strange("an input event without pin or state")]
    return [Level(port, level)]


def _trouble(code: str) -> Callable[[dict[str, Any]], list[Fact]]:
    def told(data: dict[str, Any]) -> list[Fact]:
        return [Trouble(code, fields.text(data.get("message"))[:200] or "without words")]

    return told


_MANAGEMENT: dict[str, Callable[[dict[str, Any]], list[Fact]]] = {
    "heartbeat": _heartbeat,
    "gpi": _gpi,
    "error": _trouble("reader_error"),
    "warning": _trouble("reader_warning"),
}
