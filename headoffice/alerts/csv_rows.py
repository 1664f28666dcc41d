"""CSV that people send: rules, and what the tills sold. The first wrong line stops all of it.

A header names the columns, in any order; `,`, `;` or a tab between; an apostrophe in front of a cell (our own exports
put one before what a spreadsheet would take for a formula) is not part of it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple, cast

from contract.ids import is_name, is_store
from headoffice.alerts.rules import Row, RuleRefused, Severity, checked
from headoffice.errors import ConfigError

RULE_COLUMNS = ("rule", "store", "category", "sku", "value", "severity", "enabled")
POS_COLUMNS = ("day", "store", "sku", "sold", "returned")
ROWS_MAX = 1_000_000
CATEGORY_CHARACTERS_MAX = 128
QUANTITY_MAX = 10**12
_FLAGS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


class PosRow(NamedTuple):
    """What the tills of a store sold of an SKU on a day, and took back, in base units."""

    store: str
    sku: str
    day: str
    sold: int
    returned: int


def read_rules(data: bytes) -> list[Row]:
    """Raises `ConfigError` with the line."""
    found: dict[tuple[str, ...], Row] = {}
    for number, cells in _rows(data, RULE_COLUMNS, ("rule",)):
        row = Row(
            cells["rule"], cells.get("store", ""), cells.get("category", ""), cells.get("sku", ""),
            _number(number, "value", cells["value"]) if cells.get("value") else None,
            cast("Severity", cells.get("severity") or "warning"),
            _flag(number, cells.get("enabled") or "true"),
        )  # fmt: skip
        try:
            found[row[:4]] = check_row(row)
        except RuleRefused as error:
            raise _wrong(number, f"{error.field}: {error}", RULE_COLUMNS) from error
    return list(found.values())


def check_row(row: Row) -> Row:
    """A row from outside: names that can be names. Raises `RuleRefused`."""
    if row.store and not is_store(row.store):
        raise RuleRefused("store", f"{row.store!r} is no store")
    if row.sku and not is_name(row.sku):
        raise RuleRefused("sku", f"{row.sku!r} is no SKU")
    if len(row.category) > CATEGORY_CHARACTERS_MAX or not row.category.isprintable():
        raise RuleRefused("category", f"at most {CATEGORY_CHARACTERS_MAX} letters")
    return checked(row)


def read_pos(data: bytes) -> list[PosRow]:
    """The last row of a store, SKU and day holds. Raises `ConfigError` with the line."""
    found: dict[tuple[str, ...], PosRow] = {}
    for number, cells in _rows(data, POS_COLUMNS, POS_COLUMNS[:4]):
        if not is_store(cells["store"]) or not is_name(cells["sku"]) or not _is_day(cells["day"]):
            raise _wrong(number, "expected a store, an SKU and a day as 2026-11-26", POS_COLUMNS)
        sold = _number(number, "sold", cells["sold"])
        returned = _number(number, "returned", cells.get("returned") or "0")
        row = PosRow(cells["store"], cells["sku"], cells["day"], sold, returned)
        found[row[:3]] = row
    return list(found.values())


def _rows(data: bytes, columns: Sequence[str], needed: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _wrong(1, "it is not UTF-8", columns) from error
    delimiter = next((one for one in ",;\t" if one in text.partition("\n")[0]), ",")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip().lower() for name in next(rows, list[str]())]
        if set(header) - set(columns) or set(needed) - set(header) or len(set(header)) < len(header):
            raise _wrong(1, f"the header is {', '.join(header) or 'empty'}", columns)
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise _wrong(rows.line_num, f"{len(row)} cells, expected {len(header)}", columns)
            if rows.line_num > ROWS_MAX:
                raise _wrong(rows.line_num, f"more than {ROWS_MAX:,} rows", columns)
            yield rows.line_num, {name: _cell(cell) for name, cell in zip(header, row, strict=True)}
    except csv.Error as error:
        raise _wrong(rows.line_num, str(error), columns) from error


def _cell(text: str) -> str:
    text = text.strip()
    return text[1:] if text[:1] == "'" else text


def _number(line: int, name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 13 and int(text) <= QUANTITY_MAX):
        raise _wrong(line, f"{name} is {text!r}, expected 0, 1, 2 …", (name,))
    return int(text)


def _flag(line: int, text: str) -> bool:
    found = _FLAGS.get(text.lower())
    if found is None:
        raise _wrong(line, f"enabled is {text!r}", ("true", "false"))
    return found


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _wrong(line: int, why: str, columns: Sequence[str]) -> ConfigError:
    return ConfigError(f"line {line}: {why}", hint=f"columns: {', '.join(columns)}")
