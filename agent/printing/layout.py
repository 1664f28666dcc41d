"""Where symbols lie on paper. Pure; lengths in mm, from the top left corner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from agent.printing.code128 import QUIET_MODULES, modules, widths
from agent.printing.sheet import Group, Symbol

Size = Literal["a4", "label"]


class Paper(NamedTuple):
    """`modules_mm` are the widths of a narrow bar, the best first. On A4 never less than 0.33 mm, which every scanner
    reads; a label printer of 203 dpi draws bars of 2 or 3 dots."""

    width_mm: float
    height_mm: float
    margin_mm: float
    columns: int
    cell_mm: float
    bar_mm: float
    title_mm: float
    modules_mm: tuple[float, ...]


PAPERS: dict[Size, Paper] = {
    "a4": Paper(210, 297, 10, 2, 33, 15, 11, (0.4, 0.33)),
    "label": Paper(100, 40, 2, 1, 36, 20, 0, (0.375, 0.25)),
}


class Placed(NamedTuple):
    """A symbol's cell, and how wide its narrow bars are."""

    symbol: Symbol
    x_mm: float
    y_mm: float
    width_mm: float
    module_mm: float


class Page(NamedTuple):
    titles: tuple[tuple[Group, float], ...]  # a group and where its title begins
    symbols: tuple[Placed, ...]


def bars(placed: Placed) -> Iterator[tuple[float, float]]:
    """Where each bar begins and how wide it is. The quiet zones lie within the cell."""
    total_mm = modules(placed.symbol.code) * placed.module_mm
    x_mm = placed.x_mm + (placed.width_mm - total_mm) / 2 + QUIET_MODULES * placed.module_mm
    for place, width in enumerate(widths(placed.symbol.code)):
        if place % 2 == 0:
            yield x_mm, width * placed.module_mm
        x_mm += width * placed.module_mm


def pages(groups: Sequence[Group], paper: Paper) -> tuple[list[Page], list[Symbol]]:
    """Filled row by row, and the symbols that are too wide for the paper. Half a row each where that is enough."""
    builder = _Builder(paper)
    for group in groups:
        builder.group(group)
    return builder.done(), builder.too_wide


class _Builder:
    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._pages: list[Page] = []
        self._titles: list[tuple[Group, float]] = []
        self._symbols: list[Placed] = []
        self._y_mm = paper.margin_mm
        self._column = 0
        self.too_wide: list[Symbol] = []

    def group(self, group: Group) -> None:
        paper = self._paper
        self._end_row()
        if self._y_mm + paper.title_mm + paper.cell_mm > paper.height_mm - paper.margin_mm:
            self._end_page()
        if paper.title_mm:
            self._titles.append((group, self._y_mm))
            self._y_mm += paper.title_mm
        for symbol in group.symbols:
            self._place(symbol)

    def _place(self, symbol: Symbol) -> None:
        paper = self._paper
        whole_mm = paper.width_mm - 2 * paper.margin_mm
        for width_mm in dict.fromkeys((whole_mm / paper.columns, whole_mm)):
            fitting = (one for one in paper.modules_mm if modules(symbol.code) * one <= width_mm)
            module_mm = next(fitting, None)
            if module_mm is not None:
                self._put(symbol, width_mm, module_mm, wide=width_mm == whole_mm)
                return
        self.too_wide.append(symbol)

    def _put(self, symbol: Symbol, width_mm: float, module_mm: float, *, wide: bool) -> None:
        paper = self._paper
        if wide:
            self._end_row()
        if self._y_mm + paper.cell_mm > paper.height_mm - paper.margin_mm:
            self._end_page()
        x_mm = paper.margin_mm + self._column * width_mm
        self._symbols.append(Placed(symbol, x_mm, self._y_mm, width_mm, module_mm))
        self._column += paper.columns if wide else 1
        if self._column >= paper.columns:
            self._end_row()

    def _end_row(self) -> None:
        if self._column:
            self._y_mm += self._paper.cell_mm
            self._column = 0

    def _end_page(self) -> None:
        if self._symbols:
            self._pages.append(Page(tuple(self._titles), tuple(self._symbols)))
        self._titles, self._symbols = [], []
        self._y_mm, self._column = self._paper.margin_mm, 0

    def done(self) -> list[Page]:
        self._end_page()
        return self._pages
