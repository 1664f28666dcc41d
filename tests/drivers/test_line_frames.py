"""Lines of serial scanners: ends, prefix, suffix, limits, and every split."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.reads import Fault
from drivers.serial_scanner.frames import End, Line, LineDecoder, Malformed, encode_line

GS1 = b"0108801234567893\x1d10A\x1c\x1eB\x85\xff21S"  # separators and what splitlines() and strip() swallow


def told(found: list[Line | Malformed]) -> list[object]:
    return [line.data if isinstance(line, Line) else line.fault for line in found]


@pytest.mark.parametrize(
    ("end", "wire"),
    [
        (End.ANY, GS1 + b"\r" + GS1 + b"\n" + GS1 + b"\r\n"),
        (End.CR, (GS1 + b"\r") * 3),
        (End.LF, (GS1 + b"\n") * 3),
        (End.CRLF, (GS1 + b"\r\n") * 3),
        (End.STX_ETX, b"\x02" + GS1 + b"\x03\r\n" + (b"\x02" + GS1 + b"\x03") * 2),
    ],
)
def test_each_end_whole_and_split_at_every_byte(end: End, wire: bytes) -> None:
    assert told(LineDecoder(end).feed(wire)) == [GS1] * 3
    for cut in range(len(wire) + 1):
        decoder = LineDecoder(end)
        assert told(decoder.feed(wire[:cut]) + decoder.feed(wire[cut:])) == [GS1] * 3
    decoder = LineDecoder(end)
    assert told([line for byte in wire for line in decoder.feed(bytes([byte]))]) == [GS1] * 3
    assert not decoder.partial


def test_an_end_of_another_sort_is_data() -> None:
    assert told(LineDecoder(End.CR).feed(b"a\nb\r")) == [b"a\nb"]
    assert told(LineDecoder(End.LF).feed(b"a\rb\n")) == [b"a\rb"]
    assert told(LineDecoder(End.CRLF).feed(b"a\rb\nc\r\r\n")) == [b"a\rb\nc\r"]


def test_blanks_at_the_edges_survive() -> None:
    assert told(LineDecoder(End.CR).feed(b" \x1d A\t \r")) == [b" \x1d A\t "]


def test_prefix_and_suffix_are_taken_off_and_must_be_there() -> None:
    decoder = LineDecoder(End.CR, prefix=b"\x11", suffix=b";;")
    assert told(decoder.feed(b"\x11A;;\rA;;\r\x11A\r\x11;;\r")) == [b"A", Fault.FRAMING, Fault.FRAMING, b""]


def test_prefix_and_suffix_do_not_share_bytes() -> None:
    assert told(LineDecoder(End.CR, prefix=b"##", suffix=b"##").feed(b"###\r")) == [Fault.FRAMING]


def test_an_empty_line_is_reported() -> None:
    assert told(LineDecoder(End.ANY).feed(b"\r\nA\r\n\n")) == [Fault.FRAMING, b"A", Fault.FRAMING]


def test_a_long_line_is_reported_once_and_the_next_is_good() -> None:
    for end in End:
        decoder = LineDecoder(end, bytes_max=10)
        wire = encode_line(b"x" * 50, end) + encode_line(b"good", end)
        assert told(decoder.feed(wire)) == [Fault.TOO_LONG, b"good"]
        decoder = LineDecoder(end, bytes_max=10)
        found = [line for byte in wire for line in decoder.feed(bytes([byte]))]
        assert told(found) == [Fault.TOO_LONG, b"good"]


def test_the_limit_is_exact_and_the_buffer_stays_small() -> None:
    decoder = LineDecoder(End.CRLF, prefix=b"<", suffix=b">", bytes_max=10)
    for byte in b"<0123456789>\r\n":
        found = decoder.feed(bytes([byte]))
    assert told(found) == [b"0123456789"]
    decoder = LineDecoder(End.CR, bytes_max=10)
    for _ in range(1000):
        decoder.feed(b"y" * 100)
    assert len(decoder._buffer) <= 100


def test_the_raw_bytes_of_a_bad_line_are_cut() -> None:
    (bad,) = LineDecoder(End.CR, bytes_max=600).feed(b"z" * 5000 + b"\r")
    assert isinstance(bad, Malformed)
    assert bad.raw == b"z" * 512


def test_bytes_outside_and_a_second_start() -> None:
    decoder = LineDecoder(End.STX_ETX)
    assert told(decoder.feed(b"noise\x02A\x02B\x03\x02C\x03")) == [Fault.FRAMING, Fault.INCOMPLETE, b"C"]


def test_cut_reports_what_is_left_once() -> None:
    decoder = LineDecoder(End.CR)
    decoder.feed(b"half")
    assert decoder.partial
    (bad,) = decoder.cut("why")
    assert bad == Malformed(b"half", Fault.INCOMPLETE, "why")
    assert decoder.cut("why") == []
    assert told(decoder.feed(b"whole\r")) == [b"whole"]
    framed = LineDecoder(End.STX_ETX)
    framed.feed(b"\x02")
    assert told(framed.cut("why")) == [Fault.INCOMPLETE]
    assert framed.cut("why") == []


@given(st.sampled_from(End), st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.data())
def test_any_codes_in_any_portions(end: End, codes: list[bytes], data: st.DataObject) -> None:
    forbidden = b"\x02\x03\r\n"
    codes = [code.translate(None, forbidden) or b"0" for code in codes]
    wire = b"".join(encode_line(code, end) for code in codes)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    decoder = LineDecoder(end)
    found: list[Line | Malformed] = []
    for start, stop in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        found += decoder.feed(wire[start:stop])
    assert told(found) == codes


@given(st.sampled_from(End), st.binary(max_size=200))
def test_after_any_noise_and_a_cut_the_next_code_is_good(end: End, noise: bytes) -> None:
    decoder = LineDecoder(end, bytes_max=50)
    decoder.feed(noise)
    decoder.cut("gap")
    assert told(decoder.feed(encode_line(b"good", end))) == [b"good"]
