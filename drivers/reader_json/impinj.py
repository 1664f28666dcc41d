"""Events of the Impinj IoT device interface, version 1 (R700 and its kin): facts from its public model documents.

`eventType` is the name of the property that holds the event, without "Event"; older firmware leaves it out. Every other
field is optional. EPC and PC come as base64url or, as `epcHex`, in hexadecimal; RSSI in hundredths of a dBm; frequency
in kHz; the phase angle in degrees.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drivers.reader_json import fields
from drivers.reader_json.facts import (
    READS,
    STOPPED,
    WAITS_FOR_INPUT,
    Antennas,
    Fact,
    Level,
    Other,
    Overflow,
    Strange,
    Tag,
)

_STATUS = {"running": READS, "idle": STOPPED, "armed": WAITS_FOR_INPUT}


def facts(document: dict[str, Any]) -> list[Fact]:
    kind = fields.text(document.get("eventType"))
    if not kind:
        kind = next((name[:-5] for name in document if name.endswith("Event") and name[:-5] in _EVENTS), "")
    event = fields.section(document.get(f"{kind}Event"))
    reading = _EVENTS.get(kind)
    if reading is not None:
        return reading(event, document)
    if not kind and "idHex" in fields.section(document.get("data")):
        return [Strange('this is a Zebra document: set dialect = "zebra"', once=True)]
    return [Other(kind or "without eventType")]


def _tag(event: dict[str, Any], document: dict[str, Any]) -> list[Fact]:
    plain, coded = event.get("epcHex"), event.get("epc")
    if plain is None and coded is None:
        return [
            Strange("a tag event without epc and epcHex: enable one in the preset's event configuration", once=True)
        ]
    epc = fields.base64_bytes(coded, fields.EPC_BYTES_MAX)
    from_hex = fields.hex_bytes(plain, fields.EPC_BYTES_MAX)
    if (plain is not None and from_hex is None) or (coded is not None and epc is None):
        return [Strange("an EPC that is neither base64url nor hexadecimal")]
    if epc is not None and from_hex is not None and epc != from_hex:
        return [Strange("epc and epcHex differ")]
    found = from_hex or epc
    assert found is not None
    seen_us = fields.time_us(event.get("lastSeenTime"))
    pc = fields.base64_bytes(event.get("pc"), 2)
    return [
        Tag(
            found,
            fields.antenna(event.get("antennaPort")),
            fields.rssi_cdbm(event.get("peakRssiCdbm"), 1),
            fields.time_us(document.get("timestamp")) if seen_us is None else seen_us,
            pc=int.from_bytes(pc) if pc is not None and len(pc) == 2 else None,
            phase_mrad=fields.phase_mrad(event.get("phaseAngle")),
            frequency_khz=fields.frequency_khz(event.get("frequency"), 1),
        )
    ]


def _status(event: dict[str, Any], _document: dict[str, Any]) -> list[Fact]:
    status = fields.text(event.get("inventoryStatus") or event.get("status")).lower()
    return [_STATUS.get(status, Other(f"inventoryStatus {status[:32]}"))]


def _terminated(_event: dict[str, Any], _document: dict[str, Any]) -> list[Fact]:
    return [STOPPED]


def _antenna(*, connected: bool) -> Callable[[dict[str, Any], dict[str, Any]], list[Fact]]:
    def told(event: dict[str, Any], _document: dict[str, Any]) -> list[Fact]:
        port = fields.antenna(event.get("antennaPort"))
        return (
            [Antennas(((port, connected),))] if port else [Strange("an antenna event without antennaPort", once=True)]
        )

    return told


def _gpi(event: dict[str, Any], _document: dict[str, Any]) -> list[Fact]:
    port = fields.whole(event.get("gpi"), 1, 255)
    level = {"low-to-high": True, "high-to-low": False}.get(fields.text(event.get("transition")).lower())
    if port is None or level is None:
        return [Strange("an input event without port or transition")]
    return [Level(port, level)]


def _overflow(_event: dict[str, Any], _document: dict[str, Any]) -> list[Fact]:
    return [Overflow(None)]


_EVENTS: dict[str, Callable[[dict[str, Any], dict[str, Any]], list[Fact]]] = {
    "tagInventory": _tag,
    "inventoryStatus": _status,
    "inventoryTerminated": _terminated,
    "antennaConnected": _antenna(connected=True),
    "antennaDisconnected": _antenna(connected=False),
    "gpiTransition": _gpi,
    "overflow": _overflow,
}
