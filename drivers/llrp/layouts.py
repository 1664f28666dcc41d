"""One shape of a TagReportData, compiled: which bytes must be what, and where the values lie.

A reader sends thousands of tags of one shape. All that is no value (headers, types, vendor and subtype) is one mask
over the bytes, so that one comparison of big numbers proves a whole run of tags, and `struct.iter_unpack` takes the
values out. What a value means stands in `Meaning` alone, which the slow path uses too.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any, Final

from drivers.llrp.elements import Content, Element, encode_parameter
from drivers.llrp.fields import Bits
from drivers.reads import Arrival, TagRead

RUN_TAGS_MAX = 128  # tags proved by one comparison
TAG_BYTES_MAX = 256  # of one TagReportData; an EPC has 62 bytes at most, all optional parameters together about 120
_HEADER_BYTES = 4
_CUSTOM_BYTES = 12  # TLV header, vendor, subtype

# Parameters that a layout knows, with the struct code of their one value.
_CODES: Final = {
    "AntennaID": "H",
    "PeakRSSI": "b",
    "ChannelIndex": "H",
    "FirstSeenTimestampUTC": "Q",
    "FirstSeenTimestampUptime": "Q",
    "LastSeenTimestampUTC": "Q",
    "LastSeenTimestampUptime": "Q",
    "TagSeenCount": "H",
    "C1G2_PC": "H",
    "ImpinjPeakRSSI": "h",
    "ImpinjRFPhaseAngle": "H",
    "ImpinjRFDopplerFrequency": "h",
    "ROSpecID": "4x",
    "SpecIndex": "2x",
    "InventoryParameterSpecID": "2x",
    "C1G2_CRC": "2x",
    "C1G2_XPCW1": "2x",
    "C1G2_XPCW2": "2x",
    "AccessSpecID": "4x",
}
# The columns of a tag read's values; None for what a tag read has no place for.
COLUMNS: Final[dict[str, str | None]] = dict.fromkeys(_CODES) | {
    "AntennaID": "antenna",
    "PeakRSSI": "rssi_dbm",
    "ChannelIndex": "channel",
    "FirstSeenTimestampUTC": "first_utc",
    "FirstSeenTimestampUptime": "first_uptime",
    "LastSeenTimestampUTC": "last_utc",
    "LastSeenTimestampUptime": "last_uptime",
    "TagSeenCount": "count",
    "C1G2_PC": "pc",
    "ImpinjPeakRSSI": "rssi_cdbm",
    "ImpinjRFPhaseAngle": "phase",
    "ImpinjRFDopplerFrequency": "doppler",
}
PLAIN = frozenset({*_CODES, "EPC_96", "EPCData"})  # all that a tag read takes its values from, or may leave

# Impinj: 4096 steps to a turn of 2 pi; Doppler in sixteenths of a hertz (Octane LLRP, tag report content).
PHASE_MRAD: Final = {step: round(step * 2_000 * math.pi / 4_096) for step in range(4_096)}


# pyright sees the type parameter of tuple unsolved here.
_MAKE: Final[Callable[[type[TagRead], Iterable[Any]], TagRead]] = tuple.__new__  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]


class Meaning:
    """What a reader's values mean on this connection; the session sets the offsets.

    Each is added to the reader's microseconds to make microseconds since 1970 by the host's clock. None: that clock
    is not known or not to be believed, and the time of arrival stands for it.
    """

    def __init__(self, device: str, frequencies_khz: Sequence[int] = ()) -> None:
        self.device = device
        self.utc_offset_us: int | None = 0
        self.uptime_offset_us: int | None = None
        self.frequencies_khz: dict[int, int] = dict(enumerate(frequencies_khz, start=1))  # by ChannelIndex

    def reads(self, epcs: Sequence[bytes], columns: dict[str, Sequence[int]], arrived: Arrival) -> list[TagRead]:
        """One tag read for each EPC; a column that is absent is one the reader did not report."""
        get = columns.get
        first, last = self._moment(columns, "first", arrived), self._moment(columns, "last", arrived)
        raw = get("last_utc") or get("last_uptime") or get("first_utc") or get("first_uptime")
        seen = last or first or repeat(arrived.wall_us)
        rows = zip(
            repeat(self.device, len(epcs)),
            epcs,
            get("antenna") or repeat(0),
            self._rssi(columns),
            repeat(arrived),
            seen,
            first or seen,
            raw or repeat(None),
            get("count") or repeat(1),
            get("pc") or repeat(None),
            map(PHASE_MRAD.get, columns["phase"]) if "phase" in columns else repeat(None),
            map(self.frequencies_khz.get, columns["channel"]) if "channel" in columns else repeat(None),
            [round(value * 6.25) for value in columns["doppler"]] if "doppler" in columns else repeat(None),
        )
        # A NamedTuple's own constructor is Python; this is the same without it, and most of the time is spent here.
        return list(map(_MAKE, repeat(TagRead), rows))

    def _moment(self, columns: dict[str, Sequence[int]], which: str, arrived: Arrival) -> Sequence[int] | None:
        for clock, offset_us in (("utc", self.utc_offset_us), ("uptime", self.uptime_offset_us)):
            if (column := columns.get(f"{which}_{clock}")) is not None:
                if offset_us is None:
                    return [arrived.wall_us] * len(column)
                return [value + offset_us for value in column] if offset_us else column
        return None

    def _rssi(self, columns: dict[str, Sequence[int]]) -> Iterable[int | None]:
        if "rssi_cdbm" in columns:
            return columns["rssi_cdbm"]
        return [value * 100 for value in columns["rssi_dbm"]] if "rssi_dbm" in columns else repeat(None)


class Layout:
    """Of tags that have the same parameters in the same order, with EPCs of one size."""

    def __init__(self, size: int, codes: str, mask: bytes, value: bytes, names: tuple[str, ...]) -> None:
        self.size = size
        self._unpack = struct.Struct(codes).iter_unpack
        self._names = names
        self._mask = int.from_bytes(mask * RUN_TAGS_MAX)
        self._value = int.from_bytes(value * RUN_TAGS_MAX)

    def reads(self, run: bytes | memoryview, meaning: Meaning, arrived: Arrival) -> list[TagRead] | None:
        """None if not all of the run has this layout. `run` has `size` bytes for each of at most RUN_TAGS_MAX tags."""
        spare = (RUN_TAGS_MAX * self.size - len(run)) << 3
        if int.from_bytes(run) & (self._mask >> spare) != self._value >> spare:
            return None
        columns: dict[str, Any] = dict(zip(self._names, zip(*self._unpack(run), strict=True), strict=True))
        return meaning.reads(columns.pop("epc"), columns, arrived)


def is_plain(tag: Element) -> bool:
    """A tag read says all that this report says, or that matters of it."""
    return all(isinstance(one, Element) and one.name in PLAIN and not one.parameters for one in tag.parameters)


def learn(tag: Element, size: int) -> Layout | None:
    """The layout of a tag's report; None where it has what a layout does not know, or has something twice."""
    names = [one.name if isinstance(one, Element) else "" for one in tag.parameters]
    if (
        size > TAG_BYTES_MAX
        or not is_plain(tag)
        or len(set(names)) < len(names)
        or len({"EPC_96", "EPCData"}.intersection(names)) != 1
    ):
        return None
    head = encode_parameter(tag)[:_HEADER_BYTES]
    codes, mask, value = f">{_HEADER_BYTES}x", bytearray(b"\xff" * _HEADER_BYTES), bytearray(head)
    columns: list[str] = []
    for one in tag.parameters:
        code, fixed, column = _place(one)
        raw = encode_parameter(one)
        codes += f"{fixed}x{code}"
        mask += b"\xff" * fixed + bytes(len(raw) - fixed)
        value += raw[:fixed] + bytes(len(raw) - fixed)
        if column is not None:
            columns.append(column)
    return Layout(size, codes, bytes(mask), bytes(value), tuple(columns))


def _place(one: Content) -> tuple[str, int, str | None]:
    """Struct code of the value, bytes before it that are the same in every such parameter, and its column."""
    if not isinstance(one, Element):
        raise TypeError("a layout is made of elements")
    if one.name == "EPC_96":
        return "12s", 1, "epc"
    if one.name == "EPCData":
        epc = one["EPC"]
        return f"{len(epc.data) if isinstance(epc, Bits) else 0}s", _HEADER_BYTES + 2, "epc"
    return _CODES[one.name], _CUSTOM_BYTES if one.name.startswith("Impinj") else 1, COLUMNS[one.name]
