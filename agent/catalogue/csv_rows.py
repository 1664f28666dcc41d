"""Items from CSV: one row for each GTIN, the rows of one SKU together (docs/catalogue.md).

The first row of an SKU has the item; the rows after it repeat its columns or leave them empty, and add a GTIN or an
item number each. An item with one bad row is refused whole: a part of it would replace the good one of yesterday.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from agent.catalogue.errors import CatalogueFileError
from agent.catalogue.lines import Line
from agent.catalogue.load import Entry, Refused
from agent.catalogue.report import Reason, Refusal
from contract.catalog import ItemRefused, Loc, parse_item, shown

GTIN_COLUMNS = ("gtin", "units", "level")
ROW_COLUMNS = (*GTIN_COLUMNS, "item_number")
ITEM_COLUMNS = (
    "revision",
    "name_ko",
    "name_en",
    "base_unit",
    "tracking",
    "price_minor",
    "currency",
    "price_per",
    "threshold_min",
    "threshold_max",
    "category",
    "deleted",
)
COLUMNS = ("sku", *ITEM_COLUMNS, *ROW_COLUMNS)
IGNORED_PREFIX = "x_"
COLUMNS_MAX = 200
ROWS_MAX = 100  # of one SKU: more than an item can have codes
_DELIMITERS = ",;\t"
_INTEGER = re.compile(r"-?[0-9]{1,16}")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}

# Where a member of an item stands in the file, by the names on its path.
_PLACES: dict[tuple[str, ...], str] = {
    ("name",): "name_ko",
    ("name", "ko"): "name_ko",
    ("name", "en"): "name_en",
    ("price",): "price_minor",
    ("price", "amount_minor"): "price_minor",
    ("price", "currency"): "currency",
    ("price", "per_units"): "price_per",
    ("thresholds",): "threshold_min",
    ("thresholds", "min"): "threshold_min",
    ("thresholds", "max"): "threshold_max",
    ("gtins",): "gtin",
    ("item_numbers",): "item_number",
}


class RowError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Header:
    """The file's columns in their order; those with the prefix `x_` are passed over."""

    columns: tuple[str, ...]
    kept: tuple[tuple[int, str], ...]
    delimiter: str

    def cells(self, line: Line) -> dict[str, str]:
        """The row's cells by column. Raises `RowError`."""
        if line.fault is not None:
            reason = Reason.LIMIT if line.too_long else Reason.ENCODING
            raise RowError(Refusal(line.number, "", shown(line.text), reason, line.fault))
        values = _split(line, self.delimiter)
        if len(values) != len(self.columns):
            text = f"{len(values)} cells, the header has {len(self.columns)} columns"
            raise RowError(Refusal(line.number, "", shown(line.text), Reason.SYNTAX, text))
        return {column: values[at].strip() for at, column in self.kept}

    def guessed_sku(self, line: Line) -> str:
        """Whose row a spoiled line probably was."""
        pieces = line.text.split(self.delimiter)
        at = self.columns.index("sku")
        return pieces[at].strip(' "') if at < len(pieces) else ""


@dataclass(slots=True)
class _Group:
    """The rows of one SKU; also the `Origin` of its item."""

    sku: str
    cells: dict[str, str]
    line: int
    rows: int = 0
    gtins: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    gtin_lines: list[int] = field(default_factory=list[int])
    numbers: list[str] = field(default_factory=list[str])
    number_lines: list[int] = field(default_factory=list[int])
    refusals: list[Refusal] = field(default_factory=list[Refusal])

    def place(self, loc: Loc) -> tuple[int | None, str]:
        index = next((part for part in loc if isinstance(part, int)), None)
        names = tuple(part for part in loc if isinstance(part, str))
        if index is not None and names[0] == "gtins":
            return self.gtin_lines[index], names[-1] if len(names) > 1 else "gtin"
        if index is not None and names[0] == "item_numbers":
            return self.number_lines[index], "item_number"
        return self.line, _PLACES.get(names) or (names[-1] if names else "")


def read_csv(lines: Iterator[Line]) -> Iterator[Entry | Refused]:
    """Items and refused rows in the order of the file. Raises `CatalogueFileError` for a header that cannot be."""
    header = _header(lines)
    group: _Group | None = None
    for line in lines:
        if _is_blank(line, header.delimiter):
            continue
        try:
            cells = header.cells(line)
        except RowError as error:
            if group is not None and header.guessed_sku(line) == group.sku:
                group.refusals.append(error.refusal)
            else:
                yield Refused((error.refusal,))
            continue
        if group is None or cells["sku"] != group.sku:
            if group is not None:
                yield _item(group)
            group = _Group(cells["sku"], cells, line.number)
        _add(group, cells, line.number)
    if group is not None:
        yield _item(group)


def _is_blank(line: Line, delimiter: str) -> bool:
    return line.fault is None and (line.text.startswith("#") or not line.text.strip(delimiter + " \t"))


def _header(lines: Iterator[Line]) -> Header:
    line = next((line for line in lines if not _is_blank(line, ",")), None)
    hint = f"the first row names the columns: {', '.join(COLUMNS)}"
    if line is None:
        raise CatalogueFileError("the file is empty", hint=hint)
    if line.fault is not None:
        raise CatalogueFileError(f"line {line.number}: {line.fault}", hint=hint)
    delimiter = max(_DELIMITERS, key=line.text.count)
    try:
        names = [name.strip().lower() for name in _split(line, delimiter)]
    except RowError as error:
        raise CatalogueFileError(str(error), hint=hint) from error
    _check_columns(names, line.number, hint)
    kept = tuple((at, name) for at, name in enumerate(names) if not name.startswith(IGNORED_PREFIX))
    return Header(tuple(names), kept, delimiter)


def _check_columns(names: list[str], number: int, hint: str) -> None:
    if len(names) > COLUMNS_MAX:
        raise CatalogueFileError(f"line {number}: {len(names)} columns, at most {COLUMNS_MAX} are read", hint=hint)
    for at, name in enumerate(names):
        if name.startswith(IGNORED_PREFIX):
            continue
        if name not in COLUMNS:
            from difflib import get_close_matches  # noqa: PLC0415  only for who misspelt a column

            close = get_close_matches(name, COLUMNS, n=1)
            meant = f"did you mean {close[0]}? " if close else ""
            raise CatalogueFileError(
                f"line {number}: column {at + 1} is {shown(name)!r}, which is unknown",
                hint=f"{meant}{hint}; a column to pass over begins with {IGNORED_PREFIX}",
            )
        if name in names[:at]:
            raise CatalogueFileError(f"line {number}: the column {name} stands there twice", hint=hint)
    if "sku" not in names or not {"name_ko", "name_en"} & set(names):
        raise CatalogueFileError(f"line {number}: sku and name_ko or name_en are needed", hint=hint)


def _split(line: Line, delimiter: str) -> list[str]:
    if '"' not in line.text and "\r" not in line.text:
        return line.text.split(delimiter)  # what the csv module would give, at a fifth of its time
    try:
        return next(csv.reader([line.text], delimiter=delimiter, strict=True), list[str]())
    except csv.Error as error:
        text = f"no row of CSV: {error}"
        if line.text.count('"') % 2:
            text = "a quotation mark without its end (a row is one line; a quote within quotes is doubled)"
        raise RowError(Refusal(line.number, "", shown(line.text), Reason.SYNTAX, text)) from error


def _add(group: _Group, cells: dict[str, str], line: int) -> None:
    group.rows += 1
    if group.rows > ROWS_MAX:
        if group.rows == ROWS_MAX + 1:
            text = f"more than {ROWS_MAX} rows of one SKU"
            group.refusals.append(Refusal(line, "sku", shown(group.sku), Reason.LIMIT, text, group.sku))
        return
    for column in ITEM_COLUMNS if cells is not group.cells else ():
        value = cells.get(column, "")
        if value and value != group.cells[column]:
            text = f"row {group.line} of this SKU says {shown(group.cells[column])!r}: repeat it or leave it empty"
            group.refusals.append(Refusal(line, column, shown(value), Reason.VALUE, text, group.sku))
    if cells.get("gtin"):
        row: dict[str, Any] = {"gtin": cells["gtin"]}
        _put(row, "units", _integer(cells.get("units", "")))
        _put(row, "level", cells.get("level"))
        group.gtins.append(row)
        group.gtin_lines.append(line)
    elif cells.get("units") or cells.get("level"):
        column = "units" if cells.get("units") else "level"
        text = "units and level belong to a GTIN, and this row has none"
        group.refusals.append(Refusal(line, column, shown(cells[column]), Reason.VALUE, text, group.sku))
    if cells.get("item_number"):
        group.numbers.append(cells["item_number"])
        group.number_lines.append(line)


def _item(group: _Group) -> Entry | Refused:
    try:
        item = parse_item(_value(group))
    except ItemRefused as error:
        for fault in error.faults:
            line, column = group.place(fault.loc)
            group.refusals.append(Refusal(line, column, fault.found, Reason.VALUE, fault.reason, shown(group.sku)))
    else:
        if not group.refusals:
            return Entry(item, group)
    return Refused(tuple(sorted(group.refusals, key=lambda refusal: refusal.line or 0)))


def _value(group: _Group) -> dict[str, Any]:
    """The item as JSON would have it. What cannot be read as a number stays text and is refused by its type."""
    cell = group.cells.get
    value: dict[str, Any] = {"sku": group.sku, "gtins": group.gtins, "item_numbers": group.numbers}
    value["name"] = _part(ko=cell("name_ko"), en=cell("name_en")) or {}
    value["price"] = _part(
        amount_minor=_integer(cell("price_minor")), currency=cell("currency"), per_units=_integer(cell("price_per"))
    )
    value["thresholds"] = _part(min=_integer(cell("threshold_min")), max=_integer(cell("threshold_max")))
    _put(value, "revision", _integer(cell("revision")))
    _put(value, "base_unit", cell("base_unit"))
    _put(value, "tracking", cell("tracking"))
    _put(value, "category", cell("category"))
    deleted = cell("deleted") or ""
    _put(value, "deleted", _FLAGS.get(deleted.lower(), deleted))
    return value


def _part(**members: object) -> dict[str, Any] | None:
    return {name: value for name, value in members.items() if not _is_empty(value)} or None


def _put(target: dict[str, Any], name: str, value: object) -> None:
    if not _is_empty(value):
        target[name] = value


def _is_empty(value: object) -> bool:
    return value is None or value == ""


def _integer(cell: str | None) -> int | str | None:
    return int(cell) if cell and _INTEGER.fullmatch(cell) else cell
