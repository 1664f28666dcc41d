"""RO_ACCESS_REPORT to tag reads: captured reports, values by hand, and the fast way against the general one."""

from __future__ import annotations

import json
import math
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.llrp.elements import Bits, Element, Unknown, decode, element, encode, encode_parameter, parse
from drivers.llrp.frames import Decoder, Message
from drivers.llrp.layouts import RUN_TAGS_MAX
from drivers.llrp.reports import LAYOUTS_MAX, ReportReader
from drivers.reads import Arrival, TagRead

FIXTURES = Path(__file__).parents[1] / "fixtures" / "llrp"
ARRIVED = Arrival(1_700_000_000_000_000, 5)
EPC = bytes.fromhex("30396062c3b7a14000000001")


def tag(*parameters: Element | Unknown, epc: bytes = EPC) -> Element:
    return element("TagReportData", {}, element("EPC_96", {"EPC": epc}), *parameters)


def body(*tags: Element | Unknown) -> bytes:
    return b"".join(map(encode_parameter, tags))


def only(report: bytes, reader: ReportReader | None = None) -> TagRead:
    (read,) = (reader or ReportReader("dock")).read(report, ARRIVED).reads
    return read


def test_a_report_of_a_real_reader() -> None:
    """Bytes and values are those of an Impinj R420 as EdgeX recorded them."""
    read = only((FIXTURES / "edgex" / "ROAccessReport-001.bytes").read_bytes())
    assert read == TagRead(
        device="dock",
        epc=bytes.fromhex("3000abcdef00000000000003"),
        antenna=1,
        rssi_cdbm=-4_800,
        arrived=ARRIVED,
        seen_us=1_594_174_805_140_192,
        first_us=1_594_174_805_140_192,
        device_time_us=1_594_174_805_140_192,
    )


def test_values_by_hand() -> None:
    """Every byte by the standard: TV types of 16.2.2.*, Impinj's customs 57, 56 and 68."""
    wire = bytes.fromhex(
        "00f00063"
        "8d30396062c3b7a14000000001"  # EPC_96
        "810003"  # AntennaID 3
        "86ce"  # PeakRSSI -50
        "870002"  # ChannelIndex 2
        "820000000000000064"  # FirstSeenTimestampUTC 100
        "8400000000000000c8"  # LastSeenTimestampUTC 200
        "880007"  # TagSeenCount 7
        "8c3000"  # C1G2_PC
        "8b1234"  # C1G2_CRC
        "8900000001"  # ROSpecID
        "03ff000e0000651a00000039ec78"  # ImpinjPeakRSSI -5000
        "03ff000e0000651a000000380800"  # ImpinjRFPhaseAngle 2048
        "03ff000e0000651a00000044fff0"  # ImpinjRFDopplerFrequency -16
    )
    reader = ReportReader("dock", frequencies_khz=(917_300, 917_900))
    reader.meaning.utc_offset_us = 1_000
    expected = TagRead("dock", EPC, 3, -5_000, ARRIVED, 1_200, 1_100, 200, 7, 0x3000, 3_142, 917_900, -100)
    assert round(math.pi * 1_000) == expected.phase_mrad
    for _ in range(2):  # first taught, then known
        assert only(wire, reader) == expected
    assert reader.read(wire * 300, ARRIVED).reads == [expected] * 300
    assert reader.read_by_elements(wire * 2, ARRIVED).reads == [expected] * 2


def test_without_any_option() -> None:
    """The least of a report: time is that of arrival, the antenna unsaid, the tag seen once."""
    assert only(body(tag())) == TagRead("dock", EPC, 0, None, ARRIVED, ARRIVED.wall_us, ARRIVED.wall_us)


@pytest.mark.parametrize(
    ("utc_us", "uptime_us", "clock", "seen_us"),
    [
        (0, None, "UTC", 500),
        (70, 9, "UTC", 570),
        (None, 9, "UTC", ARRIVED.wall_us),
        (0, None, "Uptime", ARRIVED.wall_us),
        (0, 90, "Uptime", 590),
    ],
)
def test_a_readers_clock(utc_us: int | None, uptime_us: int | None, clock: str, seen_us: int) -> None:
    reader = ReportReader("dock")
    reader.meaning.utc_offset_us, reader.meaning.uptime_offset_us = utc_us, uptime_us
    read = only(body(tag(element(f"LastSeenTimestamp{clock}", {"Microseconds": 500}))), reader)
    assert (read.seen_us, read.first_us, read.device_time_us) == (seen_us, seen_us, 500)


def test_an_epc_of_any_length() -> None:
    reader = ReportReader("dock")
    for count in (0, 1, 8, 15, 64, 96, 130, 496):
        raw = bytes(range(1, 1 + (count + 7) // 8))
        report = body(element("TagReportData", {}, element("EPCData", {"EPC": Bits(raw, count)})))
        assert only(report, reader).epc == only(report, reader).epc == raw


def test_access_results_and_what_is_unknown_are_kept_beside_the_read() -> None:
    result = element("C1G2ReadOpSpecResult", {"OpSpecID": 9, "ReadData": (0xE280, 0x1105)})
    plain, accessed, strange = tag(), tag(result), tag(Unknown(1000, bytes.fromhex("03e80005aa")))
    survey = element("RFSurveyReportData", {}, element("ROSpecID", {"ROSpecID": 4}))
    reader = ReportReader("dock")
    for _ in range(2):
        report = reader.read(body(plain, accessed, plain, strange, survey), ARRIVED)
        assert len(report.reads) == 4
        assert report.elements == (accessed, strange, survey)
        assert not report.malformed


def test_a_report_without_epc_is_no_read() -> None:
    nameless = element("TagReportData", {}, element("AntennaID", {"AntennaID": 1}))
    report = ReportReader("dock").read(body(tag(), nameless), ARRIVED)
    assert (len(report.reads), report.elements) == (1, (nameless,))


def test_damage_is_told_with_its_place_and_the_rest_is_read() -> None:
    good = body(tag(element("AntennaID", {"AntennaID": 2})))
    report = ReportReader("dock").read(good + b"\x00\xf0\x00\x05\xff" + good + b"\x00\xf0\x01", ARRIVED)
    assert [read.antenna for read in report.reads] == [2, 2]
    assert [(one.offset, one.raw) for one in report.malformed] == [
        (len(good) + 4, b"\xff"),
        (2 * len(good) + 5, b"\x00\xf0\x01"),
    ]


def test_very_many_reports_without_anything() -> None:
    """Each is one that no layout can be learned of; the time must not grow with the square of their number."""
    report = ReportReader("dock").read(b"\x00\xf0\x00\x04" * 60_000, ARRIVED)
    assert (report.reads, len(report.elements)) == ([], 60_000)


def test_an_empty_report() -> None:
    report = ReportReader("dock").read(b"", ARRIVED)
    assert not report.reads and not report.elements and not report.malformed  # noqa: PT018 - one thing: nothing


def test_layouts_are_bounded() -> None:
    reader = ReportReader("dock")
    for count in range(1, 2 * LAYOUTS_MAX):
        epc = Bits(bytes((count + 7) // 8), count)
        only(body(element("TagReportData", {}, element("EPCData", {"EPC": epc}))), reader)
    assert sum(map(len, reader._layouts.values())) == LAYOUTS_MAX


def captured() -> list[Message]:
    found: list[Message] = []
    wires = [path.read_bytes() for path in sorted(FIXTURES.rglob("*.bin"))]
    for path in sorted((FIXTURES / "conversations").glob("*.jsonl")):
        wires += [bytes.fromhex(json.loads(line)["hex"]) for line in path.read_text("utf-8").splitlines()]
    for wire in wires:
        found += [one for one in Decoder().feed(wire) if isinstance(one, Message) and one.type == 61]
    return found


def test_captured_reports_read_alike_both_ways() -> None:
    reader, reports = ReportReader("dock"), captured()
    reads = 0
    for message in (*reports, *reports):
        fast = reader.read(message.body, ARRIVED)
        assert fast == reader.read_by_elements(message.body, ARRIVED)
        tags = decode(message).all("TagReportData")
        assert [read.epc for read in fast.reads] == [epc_of(one) for one in tags]
        reads += len(fast.reads)
    assert reads > 300


def epc_of(one: Element) -> Any:
    short = one.one("EPC_96")
    if short is not None:
        return short["EPC"]
    long = one.one("EPCData")
    assert long is not None
    return long["EPC"].data  # type: ignore[union-attr]


U16, U32, S16 = st.integers(0, 0xFFFF), st.integers(0, 0xFFFF_FFFF), st.integers(-0x8000, 0x7FFF)
TIME = st.integers(0, 1 << 60)
EPCS = st.one_of(
    st.binary(min_size=12, max_size=12).map(lambda raw: element("EPC_96", {"EPC": raw})),
    st.integers(0, 300).flatmap(
        lambda count: st.binary(min_size=(count + 7) // 8, max_size=(count + 7) // 8).map(
            lambda raw: element("EPCData", {"EPC": Bits(raw, count)})
        )
    ),
)
OPTIONS = {
    "AntennaID": ("AntennaID", U16),
    "PeakRSSI": ("PeakRSSI", st.integers(-128, 127)),
    "ChannelIndex": ("ChannelIndex", st.integers(0, 6)),
    "FirstSeenTimestampUTC": ("Microseconds", TIME),
    "FirstSeenTimestampUptime": ("Microseconds", TIME),
    "LastSeenTimestampUTC": ("Microseconds", TIME),
    "LastSeenTimestampUptime": ("Microseconds", TIME),
    "TagSeenCount": ("TagCount", U16),
    "ROSpecID": ("ROSpecID", U32),
    "SpecIndex": ("SpecIndex", U16),
    "InventoryParameterSpecID": ("InventoryParameterSpecID", U16),
    "AccessSpecID": ("AccessSpecID", U32),
    "C1G2_PC": ("PC_Bits", U16),
    "C1G2_CRC": ("CRC", U16),
    "C1G2_XPCW1": ("XPC_W1", U16),
    "ImpinjPeakRSSI": ("RSSI", S16),
    "ImpinjRFPhaseAngle": ("PhaseAngle", U16),
    "ImpinjRFDopplerFrequency": ("DopplerFrequency", S16),
    "ImpinjSerializedTID": ("TID", st.lists(U16, max_size=3).map(tuple)),
    "C1G2ReadOpSpecResult": ("OpSpecID", U16),
}
SHAPES = st.lists(st.sampled_from(list(OPTIONS)), max_size=9)  # with repeats now and then


@st.composite
def tags_of(draw: st.DrawFn, shape: list[str]) -> Element:
    parameters = [element(name, {OPTIONS[name][0]: draw(OPTIONS[name][1])}) for name in shape]
    parameters.insert(draw(st.integers(0, 1)) * len(parameters), draw(EPCS))
    return Element("TagReportData", {}, tuple(parameters))


@st.composite
def reports(draw: st.DrawFn) -> bytes:
    """A few shapes, each several times, in any order; the readers' usual mixture and worse."""
    shapes = draw(st.lists(SHAPES, min_size=1, max_size=3))
    tags = [draw(tags_of(shape)) for shape in shapes for _ in range(draw(st.integers(1, 4)))]
    return body(*draw(st.permutations(tags)))


@given(st.lists(reports(), min_size=1, max_size=3), st.none() | TIME, st.none() | TIME)
def test_both_ways_give_the_same(bodies: list[bytes], utc_us: int | None, uptime_us: int | None) -> None:
    fast, slow = (ReportReader("dock", frequencies_khz=(1, 2, 3)) for _ in range(2))
    for one in (fast, slow):
        one.meaning.utc_offset_us, one.meaning.uptime_offset_us = utc_us, uptime_us
    for wire in chain(bodies, bodies):
        assert fast.read(wire, ARRIVED) == slow.read_by_elements(wire, ARRIVED)


@given(reports(), st.data())
def test_both_ways_give_the_same_with_damage(wire: bytes, data: st.DataObject) -> None:
    reader = ReportReader("dock")
    reader.read(wire, ARRIVED)
    bad = bytearray(wire)
    for _ in range(data.draw(st.integers(1, 3))):
        bad[data.draw(st.integers(0, len(bad) - 1))] = data.draw(st.integers(0, 255))
    for one in (bytes(bad), wire, bytes(bad) + wire):
        assert reader.read(one, ARRIVED) == ReportReader("dock").read_by_elements(one, ARRIVED)


@given(st.integers(1, 3 * RUN_TAGS_MAX), st.integers(0, 3 * RUN_TAGS_MAX))
def test_runs_of_any_length(count: int, other: int) -> None:
    """One tag of another layout and the same size, anywhere in a run."""
    tags = [tag(element("AntennaID", {"AntennaID": number})) for number in range(count)]
    tags.insert(min(other, count), tag(element("ChannelIndex", {"ChannelIndex": 1})))
    reader, wire = ReportReader("dock"), body(*tags)
    for _ in range(2):
        assert reader.read(wire, ARRIVED) == reader.read_by_elements(wire, ARRIVED)


def test_a_whole_message() -> None:
    wire = encode(element("RO_ACCESS_REPORT", {}, tag(), tag()), 3)
    (message,) = Decoder().feed(wire)
    assert isinstance(message, Message)
    assert parse(message.body) == decode(message).parameters
    assert len(ReportReader("dock").read(message.body, ARRIVED).reads) == 2
