"""What a simulated LLRP reader tells about tags: sightings gathered into TagReportData, and those into bytes.

The bytes are packed by `struct` from the definitions' numbers, not element by element: a reader makes a thousand tags
a second, and eight of them run beside the driver that is measured. A test holds them equal to `elements.encode`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from drivers.llrp.definitions import DEFINITIONS
from drivers.llrp.elements import Element
from drivers.llrp.frames import Message, encode
from simulators.reader_profiles import IMPINJ
from simulators.tags import Sighting

TAGS_MAX = 500  # of one report; more become more reports
RO_ACCESS_REPORT = DEFINITIONS["RO_ACCESS_REPORT"].number
_CUSTOM, _TV = 1023, 0x80
_PHASE_TURN = 4096  # steps of Impinj's phase in a turn


@dataclass(frozen=True, slots=True)
class Content:
    """The names of what TagReportData says beside the EPC: TV parameters, and Impinj's parameters."""

    names: frozenset[str]

    @classmethod
    def of(cls, report_spec: Element, *, impinj: bool) -> Content:
        selector = report_spec.one("TagReportContentSelector")
        names = {name for name, flag in _FLAGS.items() if selector is not None and selector[flag]}
        memory = None if selector is None else selector.one("C1G2EPCMemorySelector")
        if memory is not None:
            names |= {name for name, flag in _MEMORY.items() if memory[flag]}
        extra = report_spec.one("ImpinjTagReportContentSelector")
        if impinj and extra is not None:
            for one in extra.parameters:
                if isinstance(one, Element) and one.name in _IMPINJ and any(one.fields.values()):
                    names.add(_IMPINJ[one.name])
        return cls(frozenset(names))


_FLAGS = {
    "ROSpecID": "EnableROSpecID",
    "SpecIndex": "EnableSpecIndex",
    "InventoryParameterSpecID": "EnableInventoryParameterSpecID",
    "AntennaID": "EnableAntennaID",
    "PeakRSSI": "EnablePeakRSSI",
    "ChannelIndex": "EnableChannelIndex",
    "FirstSeen": "EnableFirstSeenTimestamp",
    "LastSeen": "EnableLastSeenTimestamp",
    "TagSeenCount": "EnableTagSeenCount",
    "AccessSpecID": "EnableAccessSpecID",
}
_MEMORY = {"C1G2_PC": "EnablePCBits", "C1G2_CRC": "EnableCRC"}
_IMPINJ = {
    "ImpinjEnableSerializedTID": "ImpinjSerializedTID",
    "ImpinjEnableRFPhaseAngle": "ImpinjRFPhaseAngle",
    "ImpinjEnablePeakRSSI": "ImpinjPeakRSSI",
    "ImpinjEnableRFDopplerFrequency": "ImpinjRFDopplerFrequency",
}


@dataclass(slots=True)
class Entry:
    """One TagReportData in the making. Times are the simulation's; `results` are encoded OpSpec results."""

    sighting: Sighting
    rospec: int
    spec_index: int
    inventory_spec: int
    first_us: int
    last_us: int
    rssi_cdbm: int
    count: int = 1
    access_spec: int = 0
    results: bytes = b""

    def again(self, sighting: Sighting, at_us: int) -> None:
        self.sighting, self.last_us = sighting, at_us
        self.count = min(self.count + 1, 0xFFFF)
        self.rssi_cdbm = max(self.rssi_cdbm, sighting.rssi_cdbm)


@dataclass(slots=True)
class Gathering:
    """Sightings until a report is due. `each`: every sighting is told alone, none is counted into another's entry."""

    content: Content
    each: bool = False
    entries: list[Entry] = field(default_factory=list[Entry])
    _known: dict[tuple[Any, ...], Entry] = field(default_factory=dict[tuple[Any, ...], Entry])

    def add(self, entry: Entry) -> None:
        """Sightings are one entry while all that is told of them is the same (LLRP 1.0.1, 14.2.3: accumulation)."""
        if self.each or entry.results:
            self.entries.append(entry)
            return
        names = self.content.names
        sighting = entry.sighting
        key = (
            sighting.epc,
            entry.rospec,
            entry.spec_index if "SpecIndex" in names else 0,
            sighting.antenna if "AntennaID" in names else 0,
            sighting.frequency_khz if "ChannelIndex" in names else 0,
        )
        known = self._known.get(key)
        if known is None:
            self._known[key] = entry
            self.entries.append(entry)
        else:
            known.again(sighting, entry.last_us)

    def take(self) -> list[Entry]:
        found, self.entries = self.entries, []
        self._known.clear()
        return found


Clock = Callable[[int], int]


class ReportWriter:
    """Entries to bytes. `clock` turns the simulation's time into the reader's, which is UTC or `uptime`."""

    def __init__(self, content: Content, channels_khz: tuple[int, ...], clock: Clock, *, uptime: bool) -> None:
        self._channels = {khz: number for number, khz in enumerate(channels_khz, start=1)}
        self._channels_khz = channels_khz
        self._clock = clock
        kind = "Uptime" if uptime else "UTC"
        rows: list[tuple[str, str, Callable[[Entry], int]]] = [
            ("ROSpecID", "I", lambda one: one.rospec),
            ("SpecIndex", "H", lambda one: one.spec_index),
            ("InventoryParameterSpecID", "H", lambda one: one.inventory_spec),
            ("AntennaID", "H", lambda one: one.sighting.antenna),
            ("PeakRSSI", "b", lambda one: max(-128, min(127, round(one.rssi_cdbm / 100)))),
            ("ChannelIndex", "H", self._channel),
            ("FirstSeen", "Q", lambda one: clock(one.first_us)),
            ("LastSeen", "Q", lambda one: clock(one.last_us)),
            ("TagSeenCount", "H", lambda one: one.count),
            ("C1G2_PC", "H", lambda one: one.sighting.tag.pc),
            ("C1G2_CRC", "H", lambda one: one.sighting.tag.crc),
        ]
        layout, self._getters = ">", list[Callable[[Entry], int]]()
        for name, code, getter in rows:
            if name in content.names:
                number = DEFINITIONS[f"{name}Timestamp{kind}" if name.endswith("Seen") else name].number
                layout += "B" + code
                self._getters += [_always(_TV | number), getter]
        self._tvs = struct.Struct(layout)
        self._access = "AccessSpecID" in content.names
        self._customs = [make for name, make in _CUSTOMS.items() if name in content.names]

    def entry(self, one: Entry) -> bytes:
        """One TagReportData."""
        body = _epc(one.sighting.epc) + self._tvs.pack(*[get(one) for get in self._getters])
        if self._access and one.access_spec:
            body += struct.pack(">BI", _TV | DEFINITIONS["AccessSpecID"].number, one.access_spec)
        body += one.results
        for make in self._customs:
            body += make(one)
        return struct.pack(">HH", DEFINITIONS["TagReportData"].number, 4 + len(body)) + body

    def report(self, entries: list[Entry], message_id: int, version: int) -> bytes:
        return encode(Message(version, RO_ACCESS_REPORT, message_id, b"".join(map(self.entry, entries))))

    def _channel(self, one: Entry) -> int:
        khz = one.sighting.frequency_khz
        if khz is None:
            return 1
        found = self._channels.get(khz)
        if found is None:  # a recording made in another region: its place in the band
            found = 1 + khz // 100 % len(self._channels_khz)
        return found


def _always(number: int) -> Callable[[Entry], int]:
    return lambda _one: number


def _epc(epc: bytes) -> bytes:
    if len(epc) == 12:
        return bytes((_TV | DEFINITIONS["EPC_96"].number,)) + epc
    return struct.pack(">HHH", DEFINITIONS["EPCData"].number, 6 + len(epc), 8 * len(epc)) + epc


def _custom(name: str, data: bytes) -> bytes:
    return struct.pack(">HHII", _CUSTOM, 12 + len(data), IMPINJ, DEFINITIONS[name].subtype) + data


def _tid(one: Entry) -> bytes:
    tid = one.sighting.tag.tid
    return _custom("ImpinjSerializedTID", struct.pack(">H", len(tid) // 2) + tid)


def _phase(one: Entry) -> bytes:
    turns = (one.sighting.phase_mrad or 0) / 1000 / math.tau
    return _custom("ImpinjRFPhaseAngle", struct.pack(">H", round(turns * _PHASE_TURN) % _PHASE_TURN))


def _rssi(one: Entry) -> bytes:
    return _custom("ImpinjPeakRSSI", struct.pack(">h", one.rssi_cdbm))


def _doppler(_one: Entry) -> bytes:
    """A tag that stands still: the simulation knows no speed."""
    return _custom("ImpinjRFDopplerFrequency", struct.pack(">h", 0))


_CUSTOMS: dict[str, Callable[[Entry], bytes]] = {
    "ImpinjSerializedTID": _tid,
    "ImpinjRFPhaseAngle": _phase,
    "ImpinjPeakRSSI": _rssi,
    "ImpinjRFDopplerFrequency": _doppler,
}
