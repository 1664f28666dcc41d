"""A sheet as PDF. Korean is set in a font of this machine that is put into the file; without one in the viewer's own
Korean font, which PDF readers have."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

from agent.errors import AgentError
from agent.printing.code128 import GS
from agent.printing.layout import PAPERS, Page, Paper, Placed, Size, bars, pages
from agent.printing.sheet import Sheet, Symbol

Words = Literal["ko", "en", "both"]
FONTS = tuple(
    Path("/usr/share/fonts/truetype") / name
    for name in ("nanum/NanumGothic.ttf", "nanum/NanumBarunGothic.ttf", "unfonts-core/UnDotum.ttf", "baekmuk/dotum.ttf")
)
VIEWERS_FONT = "HYGothic-Medium"  # Adobe's Korean character collection: not in the file, named in it
_PT_PER_MM = 72 / 25.4
_CODE_PT, _SAID_PT, _TITLE_PT = 8.0, 11.0, 14.0


class PrintingUnavailable(AgentError):
    """What draws PDF is not installed."""


class Printed(NamedTuple):
    """`left_out` are codes too wide for this paper."""

    body: bytes
    pages: int
    left_out: tuple[Symbol, ...]


def draw(sheet: Sheet, size: Size, words: Words = "both", fonts: Iterable[Path] = FONTS) -> Printed:
    """The same sheet gives the same bytes. Raises `PrintingUnavailable`."""
    try:
        from reportlab.pdfgen.canvas import Canvas  # noqa: PLC0415  an extra, and memory
    except ImportError as error:
        hint = "pip install 'jaego[print]', or print the page /print of the screens"
        raise PrintingUnavailable("PDF needs the package reportlab", hint=hint) from error
    paper = PAPERS[size]
    found, left_out = pages(sheet.groups, paper)
    output = io.BytesIO()
    size_pt = paper.width_mm * _PT_PER_MM, paper.height_mm * _PT_PER_MM
    pen = _Pen(Canvas(output, size_pt, invariant=1), paper, words, _font(fonts))
    for page in found:
        pen.page(page)
    pen.end(empty=not found)
    return Printed(output.getvalue(), max(1, len(found)), tuple(left_out))


def _font(fonts: Iterable[Path]) -> str:
    from reportlab.pdfbase import pdfmetrics  # noqa: PLC0415

    register = cast("Any", pdfmetrics).registerFont
    for path in fonts:
        if path.is_file():
            from reportlab.pdfbase.ttfonts import TTFont  # noqa: PLC0415

            register(TTFont(path.stem, path))
            return path.stem
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont  # noqa: PLC0415

    register(UnicodeCIDFont(VIEWERS_FONT))
    return VIEWERS_FONT


class _Pen:
    """Draws in mm from the top left on a canvas that counts points from the bottom left."""

    def __init__(self, canvas: Any, paper: Paper, words: Words, font: str) -> None:
        self._canvas = canvas
        self._paper = paper
        self._words = words
        self._font = font

    def page(self, page: Page) -> None:
        for group, y_mm in page.titles:
            self._text(self._said(group.ko, group.en), self._paper.margin_mm, y_mm + 8, _TITLE_PT)
        for placed in page.symbols:
            self._symbol(placed)
        self._canvas.showPage()

    def end(self, *, empty: bool) -> None:
        if empty:
            self._canvas.showPage()
        self._canvas.save()

    def _said(self, ko: str, en: str) -> str:
        if self._words == "both" and ko != en:
            return f"{ko} · {en}"
        return en if self._words == "en" else ko

    def _symbol(self, placed: Placed) -> None:
        paper, symbol = self._paper, placed.symbol
        height_pt = paper.bar_mm * _PT_PER_MM
        bottom_pt = (paper.height_mm - placed.y_mm - paper.bar_mm - 1) * _PT_PER_MM
        for x_mm, width_mm in bars(placed):
            self._canvas.rect(x_mm * _PT_PER_MM, bottom_pt, width_mm * _PT_PER_MM, height_pt, stroke=0, fill=1)
        middle_mm, below_mm = placed.x_mm + placed.width_mm / 2, placed.y_mm + paper.bar_mm + 1
        said = self._said(symbol.ko, symbol.en)
        self._text(said, middle_mm, below_mm + 5, _SAID_PT, within_mm=placed.width_mm - 4)
        self._text(symbol.code.replace(GS, "<GS>"), middle_mm, below_mm + 9, _CODE_PT, within_mm=placed.width_mm - 4)

    def _text(self, text: str, x_mm: float, y_mm: float, size_pt: float, within_mm: float | None = None) -> None:
        """Centred at `x_mm` and made smaller until it fits, where it must fit; else beginning there."""
        x_pt, y_pt = x_mm * _PT_PER_MM, (self._paper.height_mm - y_mm) * _PT_PER_MM
        if within_mm is None:
            self._canvas.setFont(self._font, size_pt)
            self._canvas.drawString(x_pt, y_pt, text)
            return
        wide_pt = self._canvas.stringWidth(text, self._font, size_pt)
        self._canvas.setFont(self._font, size_pt * min(1, within_mm * _PT_PER_MM / max(wide_pt, 1)))
        self._canvas.drawCentredString(x_pt, y_pt, text)
