"""RO_ACCESS_REPORT to tag reads, fast where tags look alike and complete where they do not.

A run of tags of one layout is proved by one comparison and unpacked at the speed of `struct` (layouts.py). A tag that
fits no known layout teaches one, or goes the general way through elements.py. Both give the same reads.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from drivers.llrp.columns import Meaning, plan
from drivers.llrp.definitions import DEFINITIONS
from drivers.llrp.elements import Content, Element, Malformed, Unknown, parse
from drivers.llrp.fields import Bits
from drivers.llrp.layouts import COLUMNS, PLAIN, Layout, is_plain, learn
from drivers.reads import Arrival, TagRead

LAYOUTS_MAX = 256  # of one connection; what comes after goes the general way
_TAG = DEFINITIONS["TagReportData"].number
_TLV = struct.Struct(">HH")


class Report(NamedTuple):
    """`reads` in the report's order. `elements` are what a tag read has no place for: whole TagReportData that carry
    access results, a TID or what no definition names, or that lack an EPC; RFSurveyReportData; customs. `malformed`
    counts offsets from the body.
    """

    reads: list[TagRead]
    elements: tuple[Element | Unknown, ...] = ()
    malformed: tuple[Malformed, ...] = ()


class _Kept:
    """A report while it is put together."""

    def __init__(self) -> None:
        self.reads: list[TagRead] = []
        self.elements: list[Element | Unknown] = []
        self.malformed: list[Malformed] = []

    def report(self) -> Report:
        return Report(self.reads, tuple(self.elements), tuple(self.malformed))


class ReportReader:
    """Of one connection. `meaning` holds what its values stand for: channels and the clocks' offsets."""

    def __init__(self, device: str, *, frequencies_khz: Sequence[int] = ()) -> None:
        self.meaning = Meaning(device, frequencies_khz)
        self._layouts: dict[int, list[Layout]] = {}  # by the bytes of a tag

    def read(self, body: bytes, arrived: Arrival) -> Report:
        """Never raises for what a reader can send."""
        if len(body) >= _TLV.size:
            kind, size = _TLV.unpack_from(body)
            if kind == _TAG and size in self._layouts and not len(body) % size:
                reads = self._run(body, size, arrived)
                if reads is not None:
                    return Report(reads)
        return self._mixed(body, arrived)

    def read_by_elements(self, body: bytes, arrived: Arrival) -> Report:
        """The general way for all of it, for comparison."""
        kept = _Kept()
        self._keep(parse(body), kept, arrived)
        return kept.report()

    def _run(self, run: bytes, size: int, arrived: Arrival) -> list[TagRead] | None:
        """Tags of `size` bytes each, if one layout holds them all."""
        for layout in self._layouts.get(size, ()):
            reads = layout.reads(run, self.meaning, arrived)
            if reads is not None:
                return reads
        return None

    def _mixed(self, body: bytes, arrived: Arrival) -> Report:
        """Tags are gathered by size, so that those alike are still read together, and put back in their places."""
        end, at, count = len(body), 0, 0
        by_size: dict[int, list[int]] = {}
        while end - at >= _TLV.size:
            kind, size = _TLV.unpack_from(body, at)
            if kind != _TAG or not _TLV.size <= size <= end - at:
                break
            by_size.setdefault(size, []).append(at)
            at += size
            count += 1
        fast: dict[int, TagRead] = {}  # by where the tag stands in the body
        for size, places in by_size.items():
            self._alike(body, size, places, arrived, fast)
        kept, after = _Kept(), at
        if len(fast) == count:  # the usual case: all of them in their order, and nothing else
            kept.reads = list(map(fast.__getitem__, sorted(fast)))
            by_size.clear()
        for at in sorted(at for places in by_size.values() for at in places):
            if at in fast:
                kept.reads.append(fast[at])
            else:
                (size,) = struct.unpack_from(">H", body, at + 2)
                self._keep(parse(body, at, at + size), kept, arrived)
        self._keep(parse(body, after), kept, arrived)
        return kept.report()

    def _alike(self, body: bytes, size: int, places: list[int], arrived: Arrival, fast: dict[int, TagRead]) -> None:
        """Reads the tags of one size that layouts hold or can be learned for."""
        reads = self._run(b"".join([body[at : at + size] for at in places]), size, arrived)
        if reads is not None:
            fast.update(zip(places, reads, strict=True))
        else:
            self._unlike(body, size, places, arrived, fast)

    def _unlike(self, body: bytes, size: int, places: list[int], arrived: Arrival, fast: dict[int, TagRead]) -> None:
        """Tags of one size and several layouts, or of none that is known; one that none holds teaches its own."""
        number = 0
        left: dict[int, int] = {at: int.from_bytes(body[at : at + size]) for at in places}
        while left:
            if number == len(self._layouts.get(size, ())):
                at, tag = left.popitem()
                if self._learn(body, at, size):
                    left[at] = tag
                continue
            layout, number = self._layouts[size][number], number + 1
            mine = [at for at, tag in left.items() if layout.fits(tag)]
            if mine:
                reads = layout.reads(b"".join([body[at : at + size] for at in mine]), self.meaning, arrived)
                fast.update(zip(mine, reads or (), strict=True))
                left = {at: tag for at, tag in left.items() if at not in fast}

    def _learn(self, body: bytes, at: int, size: int) -> bool:
        if sum(map(len, self._layouts.values())) >= LAYOUTS_MAX:
            return False
        (tag,) = parse(body, at, at + size)
        layout = learn(tag, size) if isinstance(tag, Element) else None
        if layout is not None:
            self._layouts.setdefault(size, []).append(layout)
        return layout is not None

    def _keep(self, found: tuple[Content, ...], kept: _Kept, arrived: Arrival) -> None:
        for one in found:
            if isinstance(one, Malformed):
                kept.malformed.append(one)
            elif isinstance(one, Unknown) or one.name != "TagReportData":
                kept.elements.append(one)
                kept.malformed += one.malformed if isinstance(one, Element) else ()
            else:
                self._keep_tag(one, kept, arrived)

    def _keep_tag(self, tag: Element, kept: _Kept, arrived: Arrival) -> None:
        read = _read(tag, self.meaning, arrived)
        if read is not None:
            kept.reads.append(read)
        if read is None or not is_plain(tag):
            kept.elements.append(tag)
        kept.malformed += tag.malformed


def _read(tag: Element, meaning: Meaning, arrived: Arrival) -> TagRead | None:
    """The read of one tag; where a parameter is there twice, of its first."""
    found: dict[str, int | bytes] = {}
    for one in tag.parameters:
        if not isinstance(one, Element) or one.name not in PLAIN:
            continue
        value = next(iter(one.fields.values()))
        if isinstance(value, Bits | bytes):
            found.setdefault("epc", value.data if isinstance(value, Bits) else value)
        elif (column := COLUMNS[one.name]) is not None and isinstance(value, int):
            found.setdefault(column, value)
    return plan(tuple(found)).reads(tuple(found.values()), meaning, arrived)[0] if "epc" in found else None
