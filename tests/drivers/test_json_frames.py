"""Documents of Impinj and Zebra readers: every trap of the two dialects, whole and split at every byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.reader_json import fields, impinj, zebra
from drivers.reader_json.facts import READS, STOPPED, WAITS_FOR_INPUT, Antennas, Level, Other, Overflow, Strange, Tag
from drivers.reader_json.frames import Document, DocumentDecoder, Malformed, encode
from drivers.reader_json.numbers import EventNumbers, Step
from drivers.reads import Fault

FIXTURES = Path(__file__).parents[1] / "fixtures" / "reader_json"
IMPINJ = (FIXTURES / "impinj.jsonl").read_bytes()
ZEBRA = (FIXTURES / "zebra.jsonl").read_bytes()
TAG = bytes.fromhex("e2806894000040017790e471")


def decoded(data: bytes, bytes_max: int = 65_536) -> list[Document | Malformed]:
    return DocumentDecoder(bytes_max).feed(data)


def faults(found: list[Document | Malformed]) -> list[Fault | None]:
    return [one.fault if isinstance(one, Malformed) else None for one in found]


def told(data: bytes) -> list[object]:
    dialect = impinj if data in IMPINJ else zebra
    return [fact for one in decoded(data) if isinstance(one, Document) for fact in dialect.facts(one.value)]


# What each line says, worked out by hand from the line; times checked with `date -u -d ... +%s`.
EXPECTED_IMPINJ = [
    [Tag(bytes.fromhex("8a450224"), 3, -7400, 1_772_126_017_432_087, frequency_khz=866_900)],
    [Tag(bytes.fromhex("300833b2ddd9014000000000"), 1, -5234, 1_775_131_201_000_000, phase_mrad=567)],
    [Tag(bytes.fromhex("300833b2ddd9014000000000"), 0, None, 1_775_131_202_500_000)],
    [READS],
    [Level(1, level=False)],
    [Antennas(((2, False),))],
    [Other("diagnostic")],
]
EXPECTED_ZEBRA = [
    [Tag(TAG, 0, None, 1_788_785_436_194_000, event_number=5036)],
    [Tag(TAG, 1, -3700, 1_788_785_455_513_000, event_number=5059)],
    [Tag(TAG, 1, -3700, 1_788_784_228_390_000, 1, 0x3000, 245, 908_250, 4828)],
    [Tag(bytes.fromhex("e28011700000020d2a412182"), 1, -6000, 1_774_682_413_028_000, 1, None, 3308, 866_300, 16511)],
    [Tag(bytes.fromhex("e28011700000020d2a40c095"), 1, -6100, 1_774_682_413_069_000, 1, None, 4490, 866_300, 16512)],
    [Other("gpo")],
    [Level(2, level=False)],
    [Other("BLE")],
    [Other("heartbeat")],
    [
        Other("heartbeat"),
        Antennas(((1, False), (2, False), (3, False), (4, True)), complete=True),
        STOPPED,
        Overflow(0),
    ],
]


@pytest.mark.parametrize(("line", "expected"), list(zip(IMPINJ.splitlines(True), EXPECTED_IMPINJ, strict=True)))
def test_impinj_documents_say_what_they_say(line: bytes, expected: list[object]) -> None:
    assert told(line) == expected


@pytest.mark.parametrize(("line", "expected"), list(zip(ZEBRA.splitlines(True), EXPECTED_ZEBRA, strict=True)))
def test_zebra_documents_say_what_they_say(line: bytes, expected: list[object]) -> None:
    assert told(line) == expected


@pytest.mark.parametrize("data", [IMPINJ, ZEBRA], ids=["impinj", "zebra"])
def test_split_at_every_byte_it_is_the_same(data: bytes) -> None:
    whole = decoded(data)
    for at in range(len(data)):
        decoder = DocumentDecoder(65_536)
        assert decoder.feed(data[:at]) + decoder.feed(data[at:]) == whole
    decoder = DocumentDecoder(65_536)
    assert [one for at in range(len(data)) for one in decoder.feed(data[at : at + 1])] == whole


@given(st.binary(max_size=300), st.integers(1, 40))
def test_any_bytes_in_any_portions_are_values(data: bytes, size: int) -> None:
    whole = DocumentDecoder(64)
    parts = DocumentDecoder(64)
    found = [one for at in range(0, len(data), size) for one in parts.feed(data[at : at + size])]
    # Where a long line is noticed depends on the portions; what it is does not.
    assert faults(found + parts.cut("end")) == faults(whole.feed(data) + whole.cut("end"))
    assert isinstance(parts.feed(b"\n{}\n")[-1], Document)


def test_lines_end_in_any_way_and_empty_ones_are_signs_of_life() -> None:
    assert [one.value for one in decoded(b'{"a":1}\n\r\r\n\n  \n{"b":2}\r{"c":3}\n') if isinstance(one, Document)] == [
        {"a": 1},
        {"b": 2},
        {"c": 3},
    ]


def test_an_array_is_several_documents_and_each_bad_element_is_one_fault() -> None:
    found = decoded(b'[{"a":1},7,{"b":2}]\n')
    assert faults(found) == [None, Fault.FRAMING, None]
    assert decoded(b"[]\n") == []


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b'{"data":{"idHex":"e28068', Fault.UNDECODABLE),
        (b'{"a":\xff}', Fault.UNDECODABLE),
        (b'"text"', Fault.FRAMING),
        (b"17", Fault.FRAMING),
        (b"null", Fault.FRAMING),
        (b'{"a":NaN}', Fault.UNDECODABLE),
        (b"[" * 5000 + b"]" * 5000, Fault.UNDECODABLE),
        (b'{"a":"' + b"x" * 70_000 + b'"}', Fault.TOO_LONG),
    ],
)
def test_garbage_is_one_fault_and_the_next_line_works(line: bytes, fault: Fault) -> None:
    found = decoded(line + b'\n{"ok":1}\n')
    assert faults(found) == [fault, None]
    assert isinstance(found[0], Malformed)
    assert len(found[0].raw) <= 512


def test_a_long_line_in_pieces_is_reported_once() -> None:
    decoder = DocumentDecoder(100)
    found = [one for _ in range(50) for one in decoder.feed(b"x" * 90)]
    assert faults(found) == [Fault.TOO_LONG]
    assert faults(decoder.feed(b'\n{"ok":1}\n')) == [None]


def test_a_line_of_just_the_limit_is_read_and_one_byte_more_is_not() -> None:
    line = b'{"a":"' + b"x" * 92 + b'"}'
    assert faults(decoded(line + b"\n", 100)) == [None]
    assert faults(decoded(line + b" \n", 100)) == [Fault.TOO_LONG]


def test_what_is_cut_off_is_incomplete() -> None:
    decoder = DocumentDecoder(100)
    assert decoder.feed(b'{"a":') == []
    assert faults(decoder.cut("gone")) == [Fault.INCOMPLETE]
    assert decoder.cut("gone") == []
    assert faults(decoder.feed(b'{"a":1}\n')) == [None]


def test_after_a_loss_the_rest_of_a_line_is_not_taken_for_one() -> None:
    decoder = DocumentDecoder(100)
    decoder.feed(b'{"a":')
    decoder.skip()
    assert faults(decoder.feed(b'{"b":1}}\n{"c":1}\n')) == [None]


def test_what_is_encoded_decodes() -> None:
    assert decoded(encode({"a": ["é\n"]}) + b"\n") == [Document({"a": ["é\n"]}, b'{"a":["\xc3\xa9\\n"]}')]


# RFC 4648, section 9 and section 5
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FPucA9l-", "14fb9c03d97e"),
        ("FPucA9l+", "14fb9c03d97e"),
        ("FPucA9k=", "14fb9c03d9"),
        ("FPucA9k", "14fb9c03d9"),
        ("FPucAw==", "14fb9c03"),
        ("FPucAw", "14fb9c03"),
        ("__8", "ffff"),
        ("FPucAw=x", None),
        ("FPucA", None),
        ("FP*cAw", None),
        ("", None),
        ("A" * 200, None),
        ("é\u0100", None),
        (7, None),
    ],
)
def test_base64url_with_and_without_padding(text: object, expected: str | None) -> None:
    assert fields.base64_bytes(text, 62) == (bytes.fromhex(expected) if expected else None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("1970-01-01T00:00:01.000001999Z", 1_000_001),
        ("1970-01-01T01:00:01+01:00", 1_000_000),
        ("1970-01-01T01:00:01.5+0100", 1_500_000),
        ("1969-12-31T14:30:01-0930", 1_000_000),
        ("1970-01-01T00:00:01", 1_000_000),
        ("1970-01-01T00:00:01.123456789012Z", 1_123_456),
        ("2000-01-01T00:00:00Z", 946_684_800_000_000),
        ("2026-13-01T00:00:00Z", None),
        ("2026-01-01T00:00:60Z", None),
        ("2026-01-01T00:00:00+9900", None),
        ("0001-01-01T00:00:00+2300", -62_135_679_600_000_000),
        ("yesterday", None),
        ("٢٠٢٦-01-01T00:00:00Z", None),
        (1_772_126_017, None),
    ],
)
def test_times(text: object, expected: int | None) -> None:
    assert fields.time_us(text) == expected


def event(**inner: object) -> dict[str, object]:
    return {"eventType": "tagInventory", "tagInventoryEvent": inner}


def test_every_field_but_the_epc_is_optional_and_a_wrong_one_is_left_out() -> None:
    wrong = {"antennaPort": "x", "peakRssiCdbm": 1e300, "frequency": True, "pc": "ff", "phaseAngle": None}
    assert impinj.facts(event(epcHex="ab", lastSeenTime=7, **wrong)) == [Tag(b"\xab")]
    assert impinj.facts(event(epcHex="ab", antennaPort="2", pc="MAA=")) == [Tag(b"\xab", 2, pc=0x3000)]
    assert zebra.facts({"data": {"idHex": "AB", "antenna": 0, "eventNum": "x", "reads": -1, "PC": 3000}}) == [
        Tag(b"\xab")
    ]


def test_epcs_that_are_none_are_told() -> None:
    for inner in ({"epc": "*"}, {"epcHex": "abc"}, {"epcHex": ""}, {"epc": "ikUCJA==", "epcHex": "xx"}):
        assert [type(fact) for fact in impinj.facts(event(**inner))] == [Strange]
    assert impinj.facts(event(epc="ikUCJA", epcHex="8a450224")) == [Tag(bytes.fromhex("8a450224"))]
    assert impinj.facts(event(epc="ikUCJA", epcHex="8a450225")) == [Strange("epc and epcHex differ")]
    assert isinstance(zebra.facts({"data": {"idHex": "e2" * 63}})[0], Strange)
    assert isinstance(zebra.facts({"data": {"idHex": None}})[0], Strange)
    (missing,) = impinj.facts(event(antennaPort=1))
    assert isinstance(missing, Strange)
    assert missing.once


def test_status_words() -> None:
    def status(word: str) -> object:
        return impinj.facts({"eventType": "inventoryStatus", "inventoryStatusEvent": {"inventoryStatus": word}})[0]

    assert [status(word) for word in ("running", "idle", "armed")] == [READS, STOPPED, WAITS_FOR_INPUT]
    assert isinstance(status("dancing"), Other)
    assert impinj.facts({"eventType": "overflow"}) == [Overflow(None)]


def test_unknown_events_are_counted_and_never_an_error() -> None:
    assert impinj.facts({}) == [Other("without eventType")]
    assert impinj.facts({"eventType": 7}) == [Other("without eventType")]
    assert impinj.facts({"eventType": "new"}) == [Other("new")]
    assert zebra.facts({}) == [Other("without type")]
    assert zebra.facts({"type": "userapp", "data": "text"}) == [Other("userapp")]


def test_a_document_of_the_other_dialect_is_named() -> None:
    (zebra_tag,) = impinj.facts({"type": "SIMPLE", "data": {"idHex": "ab"}})
    assert isinstance(zebra_tag, Strange)
    assert 'dialect = "zebra"' in zebra_tag.detail
    (impinj_tag,) = zebra.facts(event(epcHex="ab"))
    assert isinstance(impinj_tag, Strange)
    assert 'dialect = "impinj"' in impinj_tag.detail


def test_zebra_without_envelope_and_with_an_array_of_data() -> None:
    assert zebra.facts({"eventNum": 5, "format": "epc", "idHex": "ab"}) == [Tag(b"\xab", event_number=5)]
    both = [{"idHex": "ab", "eventNum": 1}, {"idHex": "cd", "eventNum": 2}]
    assert zebra.facts({"type": "SIMPLE", "data": both}) == [Tag(b"\xab", event_number=1), Tag(b"\xcd", event_number=2)]


def test_a_heartbeat_in_the_older_spelling() -> None:
    beat = {"type": "heartbeat", "data": {"radio_control": {"radioActivitiy": "active"}}}
    assert READS in zebra.facts(beat)


def test_a_heartbeat_of_wrong_types_says_nothing() -> None:  # found by tests/fuzz/json_fuzz.py
    radio = {"antennas": {"1": 7, "x": "connected", "": "connected"}, "radioActivity": [[]], "radioConnection": {}}
    assert zebra.facts({"type": "heartbeat", "data": {"radio_control": radio, "reader_gateway": []}}) == [
        Other("heartbeat")
    ]


NUMBERS: list[tuple[list[int], list[Step], list[str]]] = [
    ([5, 6, 7], [Step.NEXT] * 3, []),
    ([5, 7], [Step.NEXT, Step.GAP], ["6"]),
    ([5, 10, 11], [Step.NEXT, Step.GAP, Step.NEXT], ["6 to 9 (4)"]),
    ([5000, 0, 1], [Step.NEXT, Step.RESTART, Step.NEXT], []),
    ([5000, 1, 2], [Step.NEXT, Step.RESTART, Step.NEXT], []),
    ([5000, 4], [Step.NEXT, Step.RESTART], ["1 to 3 (3) since its restart"]),
    ([30, 1, 2], [Step.NEXT, Step.RESTART, Step.NEXT], []),
    ([5, 5, 6], [Step.NEXT, Step.AGAIN, Step.NEXT], []),
    ([5, 7, 6, 8], [Step.NEXT, Step.GAP, Step.LATE, Step.NEXT], ["6"]),
    ([2**31 - 1, 0, 1], [Step.NEXT, Step.WRAP, Step.NEXT], []),
    ([2**32 - 1, 1], [Step.NEXT, Step.WRAP], []),
    ([2**32 - 3, 2], [Step.NEXT, Step.WRAP], ["4294967294 to 4294967295 (2), 1"]),
    ([65_535, 0], [Step.NEXT, Step.WRAP], []),
]


@pytest.mark.parametrize(("given_numbers", "steps", "missing"), NUMBERS)
def test_event_numbers(given_numbers: list[int], steps: list[Step], missing: list[str]) -> None:
    numbers = EventNumbers()
    seen = [numbers.take(number) for number in given_numbers]
    assert [one.step for one in seen] == steps
    assert [one.missing for one in seen if one.missing] == missing


def test_after_a_loss_of_our_own_the_numbers_begin_anew() -> None:
    numbers = EventNumbers()
    numbers.take(5)
    numbers.forget()
    assert numbers.take(500).step is Step.NEXT
