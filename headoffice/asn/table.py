"""A notice's file as rows: whatever a spreadsheet or a partner's system made of it.

UTF-8 (with or without a mark), UTF-16 with a mark, or CP949; `,`, `;`, `|` or a tab between; lines above the header
(a title, a date) and empty lines do not matter.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import NamedTuple

from headoffice.asn.columns import NEEDED, Map, recognized
from headoffice.asn.texts import text as words
from headoffice.errors import ConfigError

SIZE_BYTES_MAX = 8 * 1024 * 1024
ROWS_MAX = 100_000
ABOVE_HEADER_MAX = 30
DELIMITERS = ",;\t|"
_HINT = "docs/asn.md describes the columns; --map says what a partner's own are"


class Fault(NamedTuple):
    """What is wrong with a cell: `column` as the file calls it, `found` as it stands there, `code` of texts.py."""

    line: int
    column: str
    found: str
    code: str
    facts: dict[str, str]

    def text(self, language: str) -> str:
        return words(self.code, language, self.facts)


class Row(NamedTuple):
    """Cells that are not empty, by column."""

    line: int
    cells: dict[str, str]


class Table(NamedTuple):
    """`heads`: what the file calls each column; `ignored`: those that are of no use here."""

    encoding: str
    delimiter: str
    heads: dict[str, str]
    ignored: list[str]
    rows: list[Row]
    faults: list[Fault]


def read_table(data: bytes, chosen: Map) -> Table:
    """Raises `ConfigError` for a file without a header that can be used."""
    if len(data) > SIZE_BYTES_MAX:
        raise ConfigError(f"the file has {len(data)} bytes, at most {SIZE_BYTES_MAX} are taken", hint="divide it")
    encoding, text = _decoded(data, chosen.settings.encoding)
    best: tuple[int, str, int, list[str], list[str | None]] | None = None
    for delimiter in DELIMITERS:
        for number, cells in _cells(text, delimiter, ABOVE_HEADER_MAX):
            names = recognized(cells, chosen)
            score = len({one for one in names if one is not None})
            if best is None or score > best[0]:
                best = (score, delimiter, number, cells, names)
    if best is None:
        raise ConfigError("the file is empty", hint=_HINT)
    _, delimiter, header_line, header, names = best
    _check(header, names, header_line, chosen)
    heads = {name: cell.strip() for name, cell in zip(names, header, strict=True) if name is not None}
    ignored = [cell.strip() for name, cell in zip(names, header, strict=True) if name is None and cell.strip()]
    rows, faults = _rows(text, delimiter, header_line, names)
    return Table(encoding, delimiter, heads, ignored, rows, faults)


def _decoded(data: bytes, wanted: str | None) -> tuple[str, str]:
    mark = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb": "utf-8-sig"}.get(data[:2])
    # CP949 is no UTF-8 and UTF-8 is hardly ever CP949: what can be read as UTF-8 is.
    for encoding in [wanted] if wanted else [mark] if mark else ["utf-8", "cp949"]:
        try:
            text = data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return encoding.removesuffix("-sig"), text
    raise ConfigError("the file is no text in UTF-8, UTF-16 or CP949", hint="export it as CSV in UTF-8")


def _cells(text: str, delimiter: str, lines_max: int | None = None) -> list[tuple[int, list[str]]]:
    """Rows that are not empty, with the line on which each ends."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    found: list[tuple[int, list[str]]] = []
    try:
        for cells in reader:
            if lines_max is not None and reader.line_num > lines_max:
                break
            if any(cell.strip() for cell in cells):
                found.append((reader.line_num, cells))
            if len(found) > ROWS_MAX:
                raise ConfigError(f"the file has more than {ROWS_MAX} rows", hint="divide it")
    except csv.Error as error:  # a cell without an end
        if lines_max is None:
            raise ConfigError(f"line {reader.line_num}: {error}", hint="look for a quotation mark too many") from error
    return found


def _check(header: list[str], names: list[str | None], line: int, chosen: Map) -> None:
    present = {*names, "store"} if chosen.settings.store else {*names}
    lacking = [" or ".join(choice) for choice in NEEDED if not present & {*choice}]
    if lacking:
        shown = ", ".join(cell.strip() for cell in header if cell.strip())[:200]
        raise ConfigError(f"line {line} is most like a header ({shown}), but lacks {', '.join(lacking)}", hint=_HINT)
    twice = [name for name, count in Counter(one for one in names if one).items() if count > 1]
    if twice:
        cells = [cell.strip() for cell, name in zip(header, names, strict=True) if name == twice[0]]
        raise ConfigError(f"line {line}: {' and '.join(cells)} are both {twice[0]}", hint=_HINT)


def _rows(text: str, delimiter: str, header_line: int, names: list[str | None]) -> tuple[list[Row], list[Fault]]:
    rows: list[Row] = []
    faults: list[Fault] = []
    for line, cells in _cells(text, delimiter):
        if line <= header_line:
            continue
        extra = [cell for cell in cells[len(names) :] if cell.strip()]
        found = {name: cell.strip() for name, cell in zip(names, cells, strict=False) if name and cell.strip()}
        if extra:
            facts = {"wanted": str(len(names)), "cells": str(len(cells))}
            faults.append(Fault(line, "", extra[0][:80], "cells", facts))
        rows.append(Row(line, found))
    return rows, faults
