"""One shape of a TagReportData, compiled: which bytes must be what, and where the values lie.

A reader sends thousands of tags of one shape. All that is no value (headers, types, vendor and subtype) is one mask
over the bytes, so that one comparison of big numbers proves a whole run of tags, and one `struct` takes their values
out. What a value means stands in columns.py, which the general way uses too.
"""

from __future__ import annotations

import struct
from typing import Final

from drivers.llrp.columns import Meaning, plan
from drivers.llrp.elements import Content, Element, encode_parameter
from drivers.llrp.fields import Bits
from drivers.reads import Arrival, TagRead

RUN_TAGS_MAX = 32  # tags proved by one comparison
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


class Layout:
    """Of tags that have the same parameters in the same order, with EPCs of one size."""

    def __init__(self, size: int, codes: str, mask: bytes, value: bytes, names: tuple[str, ...]) -> None:
        self.size = size
        self._codes = codes
        self._structs: dict[int, struct.Struct] = {}  # by the bytes of a run
        self._plan = plan(names)
        self._one_mask, self._one_value = int.from_bytes(mask), int.from_bytes(value)
        self._mask = int.from_bytes(mask * RUN_TAGS_MAX)
        self._value = int.from_bytes(value * RUN_TAGS_MAX)

    def fits(self, tag: int) -> bool:
        """`tag` is one of `size` bytes, as a number."""
        return tag & self._one_mask == self._one_value

    def reads(self, run: bytes, meaning: Meaning, arrived: Arrival) -> list[TagRead] | None:
        """None if not all of the run has this layout. `run` has `size` bytes for each tag."""
        step = self.size * RUN_TAGS_MAX
        if len(run) <= step:
            return self._reads(run, meaning, arrived)
        view, out = memoryview(run), list[TagRead]()
        for at in range(0, len(run), step):
            reads = self._reads(view[at : at + step], meaning, arrived)
            if reads is None:
                return None
            out += reads
        return out

    def _reads(self, run: bytes | memoryview, meaning: Meaning, arrived: Arrival) -> list[TagRead] | None:
        spare = (RUN_TAGS_MAX * self.size - len(run)) << 3
        if int.from_bytes(run) & (self._mask >> spare) != self._value >> spare:
            return None
        found = self._structs.get(len(run))
        if found is None:
            found = self._structs[len(run)] = struct.Struct(">" + self._codes * (len(run) // self.size))
        return self._plan.reads(found.unpack(run), meaning, arrived)


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
    codes, mask, value = f"{_HEADER_BYTES}x", bytearray(b"\xff" * _HEADER_BYTES), bytearray(head)
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
