"""RO_ACCESS_REPORT to tag reads, fast where tags look alike and complete where they do not.

A run of tags of one layout is proved by one comparison and unpacked at the speed of `struct` (layouts.py). A tag that
fits no known layout teaches one, or goes the general way through elements.py. Both give the same reads.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from drivers.llrp.definitions import DEFINITIONS
from drivers.llrp.elements import Content, Element, Malformed, Unknown, parse
from drivers.llrp.fields import Bits
from drivers.llrp.layouts import COLUMNS, PLAIN, RUN_TAGS_MAX, Layout, Meaning, is_plain, learn
from drivers.reads import Arrival, TagRead

LAYOUTS_MAX = 64
_TAG = DEFINITIONS["TagReportData"].number
_TLV = struct.Struct(">HH")


@dataclass(slots=True)
class Report:
    """`reads` in the report's order. `elements` are what a tag read has no place for: whole TagReportData that carry
    access results, a TID or what no definition names, or that lack an EPC; RFSurveyReportData; customs. `malformed`
    counts offsets from the body.
    """

    reads: list[TagRead] = field(default_factory=list[TagRead])
    elements: list[Element | Unknown] = field(default_factory=list[Element | Unknown])
    malformed: list[Malformed] = field(default_factory=list[Malformed])


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
        report = Report()
        self._keep(parse(body), report, arrived)
        return report

    def _run(self, run: bytes, size: int, arrived: Arrival) -> list[TagRead] | None:
        """Tags of `size` bytes each, if one layout holds them all."""
        for layout in self._layouts.get(size, ()):
            step = size * RUN_TAGS_MAX
            if len(run) <= step:
                reads = layout.reads(run, self.meaning, arrived)
                if reads is not None:
                    return reads
                continue
            view, out = memoryview(run), list[TagRead]()
            for at in range(0, len(run), step):
                reads = layout.reads(view[at : at + step], self.meaning, arrived)
                if reads is None:
                    break
                out += reads
            else:
                return out
        return None

    def _mixed(self, body: bytes, arrived: Arrival) -> Report:
        """Tags are gathered by size, so that those alike are still read together, and put back in their places."""
        end, at = len(body), 0
        by_size: dict[int, list[int]] = {}
        while end - at >= _TLV.size:
            kind, size = _TLV.unpack_from(body, at)
            if kind != _TAG or not _TLV.size <= size <= end - at:
                break
            by_size.setdefault(size, []).append(at)
            at += size
        fast: dict[int, TagRead] = {}  # by where the tag stands in the body
        for size, places in by_size.items():
            self._alike(body, size, places, arrived, fast)
        report, after = Report(), at
        for at in sorted(at for places in by_size.values() for at in places):
            if at in fast:
                report.reads.append(fast[at])
            else:
                (size,) = struct.unpack_from(">H", body, at + 2)
                self._keep(parse(body, at, at + size), report, arrived)
        self._keep(parse(body, after), report, arrived)
        return report

    def _alike(self, body: bytes, size: int, places: list[int], arrived: Arrival, fast: dict[int, TagRead]) -> None:
        """Reads the tags of one size that a layout holds; the first that none holds teaches one, if it can."""
        run = (
            b"".join([body[at : at + size] for at in places]) if len(places) > 1 else body[places[0] : places[0] + size]
        )
        reads = self._run(run, size, arrived)
        if reads is not None:
            fast.update(zip(places, reads, strict=True))
            return
        if len(places) == 1:
            if self._learn(body, places[0], size) and (reads := self._run(run, size, arrived)) is not None:
                fast[places[0]] = reads[0]
            return
        for at in places:
            self._alike(body, size, [at], arrived, fast)

    def _learn(self, body: bytes, at: int, size: int) -> bool:
        (tag,) = parse(body, at, at + size)
        layout = learn(tag, size) if isinstance(tag, Element) else None
        if layout is None:
            return False
        if sum(map(len, self._layouts.values())) >= LAYOUTS_MAX:
            self._layouts.clear()
        self._layouts.setdefault(size, []).append(layout)
        return True

    def _keep(self, found: tuple[Content, ...], report: Report, arrived: Arrival) -> None:
        for one in found:
            if isinstance(one, Malformed):
                report.malformed.append(one)
            elif isinstance(one, Unknown) or one.name != "TagReportData":
                report.elements.append(one)
                report.malformed += one.malformed if isinstance(one, Element) else ()
            else:
                self._keep_tag(one, report, arrived)

    def _keep_tag(self, tag: Element, report: Report, arrived: Arrival) -> None:
        read = _read(tag, self.meaning, arrived)
        if read is not None:
            report.reads.append(read)
        if read is None or not is_plain(tag):
            report.elements.append(tag)
        report.malformed += tag.malformed


def _read(tag: Element, meaning: Meaning, arrived: Arrival) -> TagRead | None:
    """The read of one tag; where a parameter is there twice, of its first."""
    epc: bytes | None = None
    columns: dict[str, Sequence[int]] = {}
    for one in tag.parameters:
        if not isinstance(one, Element) or one.name not in PLAIN:
            continue
        value = next(iter(one.fields.values()))
        if one.name in COLUMNS:
            column = COLUMNS[one.name]
            if column is not None and isinstance(value, int):
                columns.setdefault(column, (value,))
        elif epc is None:
            epc = value.data if isinstance(value, Bits) else value if isinstance(value, bytes) else None
    return None if epc is None else meaning.reads((epc,), columns, arrived)[0]
