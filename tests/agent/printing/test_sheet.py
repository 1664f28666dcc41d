"""Sheets: every control code is on them in both languages, and a decoder that is not ours reads each to its text."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.operations.rules import REASONS, Reason
from agent.printing import pdf
from agent.printing.code128 import QUIET_MODULES, modules, widths
from agent.printing.layout import PAPERS, Size, bars, pages
from agent.printing.sheet import NAMES_MAX, PARTS, Sheet, badges, sheet
from contract.documents import ExpectedDocument
from identity.control import COUNTED, NAMED, PLAIN, encode, parse

HANGUL = re.compile("[가-힣]")
MM_PER_PT = 25.4 / 72
DOCUMENTS = [
    ExpectedDocument.model_validate({"document": name, "kind": "count_request", "revision": 1, "zones": ["backroom"]})
    for name in ("CR-1", "A-VERY-LONG-NAME.OF-A-COUNT/REQUEST".replace("/", "_"), "x" * 60)
]
ZONES = ["backroom", "salesfloor", "Freezer_2", "a-zone-with-a-name-of-forty-characters-x"]


def whole() -> Sheet:
    return sheet(ZONES, REASONS, DOCUMENTS)


def symbols(of: Sheet) -> list[Any]:
    return [one for group in of.groups for one in group.symbols]


def pictures(body: bytes, dpi: int = 300) -> Iterator[Any]:
    pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 draws the PDF: the extra test")
    document = pdfium.PdfDocument(body)
    for page in document:
        yield page.render(scale=dpi / 72, grayscale=True).to_numpy()
    document.close()


def read(picture: Any) -> list[str]:
    zxing = pytest.importorskip("zxingcpp", reason="zxing-cpp reads the barcodes: the extra test")
    found = zxing.read_barcodes(picture, formats=zxing.BarcodeFormat.Code128, try_rotate=False, try_invert=False)
    return [one.text for one in found]


def test_every_control_code_is_on_the_sheet_in_both_languages() -> None:
    held = [parse(one.code) for one in symbols(whole())]
    assert {one.verb for one in held} == PLAIN | (NAMED - {"LOGIN"}) | COUNTED
    assert {one.argument for one in held if one.verb == "X"} == {str(number) for number in range(2, 21)}
    assert {one.argument for one in held if one.verb == "REASON"} == {one.code for one in REASONS}
    assert {one.argument for one in held if one.verb == "ZONE"} == {zone.upper() for zone in ZONES}
    assert len(held) == len(set(held))
    for group in whole().groups:
        assert HANGUL.search(group.ko)
        assert not HANGUL.search(group.en)
        for one in group.symbols:
            assert one.ko
            assert one.en
            assert not HANGUL.search(one.en)
            assert group.part in {"zones", "quantities"} or HANGUL.search(one.ko), one


def test_a_name_that_no_code_can_hold_is_said_and_stops_nothing() -> None:
    found = sheet(["x" * 41, "backroom", "창고"], [Reason("LOST", "out")], ())
    assert found.left_out == ("x" * 41, "창고")
    assert [parse(one.code).argument for group in found.groups if group.part == "zones" for one in group.symbols] == [
        "BACKROOM"
    ]


def test_more_names_than_a_sheet_holds_are_said() -> None:
    found = sheet([f"z{number}" for number in range(NAMES_MAX + 2)], (), (), ["zones"])
    assert len(symbols(found)) == NAMES_MAX
    assert found.left_out == (f"z{NAMES_MAX}", f"z{NAMES_MAX + 1}")


def test_a_part_alone() -> None:
    assert [group.part for group in sheet(ZONES, REASONS, (), ["zones"]).groups] == ["zones"]
    assert [group.part for group in whole().groups] == [part for part in PARTS if part != "badges"]


@pytest.mark.parametrize("size", ["a4", "label"])
def test_a_decoder_reads_every_printed_symbol(size: Size) -> None:
    printed = pdf.draw(whole(), size, "both")
    wanted = sorted({one.code for one in symbols(whole())} - {one.code for one in printed.left_out})
    found = [text for picture in pictures(printed.body) for text in read(picture)]
    assert sorted(found) == wanted
    assert len(printed.left_out) == (1 if size == "a4" else 2)  # forty characters need more than A4's width


def test_a_badge_is_a_login_that_reads() -> None:
    printed = pdf.draw(badges([(encode("LOGIN", "7F3K9Q2M"), "김하나"), (encode("LOGIN", "B2"), "Lee")]), "label", "ko")
    assert printed.pages == 2
    assert [text for picture in pictures(printed.body) for text in read(picture)] == [
        encode("LOGIN", "7F3K9Q2M"),
        encode("LOGIN", "B2"),
    ]


def ink(picture: Any) -> int:
    return int((picture < 128).sum())


@pytest.mark.parametrize("fonts", [pdf.FONTS, ()], ids=["the machine's font", "the viewer's font"])
def test_korean_shows(fonts: tuple[Path, ...]) -> None:
    """A glyph that is missing draws nothing or the same box for every letter: two words of different letters differ."""
    if fonts and not any(path.is_file() for path in fonts):
        pytest.skip("no Korean font is installed: apt-get install fonts-nanum")
    first, second = (
        next(pictures(pdf.draw(sheet([], [Reason("A", "out", word, "")], (), ["reasons"]), "a4", "ko", fonts).body))
        for word in ("가각갂", "흫픪뼯")
    )
    assert ink(first) > 0
    assert (first != second).any()


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=60))
def test_widths_are_whole_symbols(text: str) -> None:
    found = widths(text)
    assert set(found) <= {1, 2, 3, 4}
    assert (len(found) - 7) % 6 == 0
    assert (sum(found) - 13) % 11 == 0
    assert modules(text) == sum(found) + 2 * QUIET_MODULES


@settings(max_examples=60)
@given(st.from_regex(r"\A[0-9A-Z. /+_-]{1,40}\Z"))
def test_any_text_is_read_back(text: str) -> None:
    row = [255] * QUIET_MODULES
    for place, width in enumerate(widths(text)):
        row += [0 if place % 2 == 0 else 255] * width
    line = np.repeat(np.array(row + [255] * QUIET_MODULES, dtype=np.uint8), 2)
    assert read(np.tile(line, (40, 1))) == [text]


@pytest.mark.parametrize("text", ["", "창고", "a\n", "\x7f"])
def test_what_code_128_b_has_not_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        widths(text)


@pytest.mark.parametrize("size", ["a4", "label"])
def test_bars_are_wide_enough_and_quiet_zones_are_kept(size: Size) -> None:
    paper = PAPERS[size]
    found, _ = pages(whole().groups, paper)
    for page in found:
        for one in page.symbols:
            drawn = list(bars(one))
            assert one.module_mm >= (0.33 if size == "a4" else 0.25)
            assert min(width for _, width in drawn) == pytest.approx(one.module_mm)
            quiet_mm = QUIET_MODULES * one.module_mm - 1e-6
            assert drawn[0][0] - one.x_mm >= quiet_mm
            assert one.x_mm + one.width_mm - sum(drawn[-1]) >= quiet_mm
            assert one.x_mm >= paper.margin_mm
            assert one.x_mm + one.width_mm <= paper.width_mm - paper.margin_mm + 1e-6
            assert one.y_mm + paper.cell_mm <= paper.height_mm - paper.margin_mm + 1e-6
        for one, other in itertools.combinations(page.symbols, 2):
            apart = abs(one.y_mm - other.y_mm) >= paper.cell_mm - 1e-6
            assert apart or abs(one.x_mm - other.x_mm) >= min(one.width_mm, other.width_mm) - 1e-6


def test_the_same_sheet_is_the_same_file() -> None:
    assert pdf.draw(whole(), "a4").body == pdf.draw(whole(), "a4").body


def test_an_empty_sheet_is_a_page() -> None:
    assert pdf.draw(sheet([], [], (), ["zones"]), "a4").pages == 1
