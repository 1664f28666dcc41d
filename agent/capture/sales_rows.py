"""A file of sales: CSV as points of sale write it, one row for each line, the rows of a transaction together.

The first row names the columns (`COLUMNS`; `x_…` is passed over); comma, semicolon or tab between.
UTF-8, UTF-16 with its mark, or CP949. A time without an offset is the store's. A row is one line of the file.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

from agent.operations.transactions import LINES_MAX, Taken, Transaction, read

COLUMNS = (
    "transaction", "till", "occurred_at", "code", "gtin", "sku", "quantity", "price_minor", "lot", "epc", "return",
    "reason", "reservation",
)  # fmt: skip
NEEDED = ("transaction", "till", "occurred_at")
LINE_CHARACTERS_MAX = 16_384
_NUMBERS = ("quantity", "price_minor")
_FLAGS = {"": False, "0": False, "false": False, "n": False, "1": True, "true": True, "y": True}
_DELIMITERS = ",;\t"


class FileRefused(ValueError):
    """Nothing of the file can be read; the text says why."""


class Group(NamedTuple):
    """A transaction and the rows that it stands in, or the refusal of them."""

    first: int
    last: int
    found: Transaction | Taken


def read_sales(lines: Iterable[str], zone: tzinfo) -> Iterator[Group]:
    """Transactions in the order of the file. Raises `FileRefused` for a header that cannot be."""
    numbered = ((number, line.rstrip("\r\n")) for number, line in enumerate(lines, start=1))
    rows = ((number, line) for number, line in numbered if line.strip(_DELIMITERS + " "))
    _, header = next(rows, (1, ""))
    delimiter = max(_DELIMITERS, key=header.count)
    columns = _columns(header, delimiter)
    held: list[tuple[int, dict[str, str]]] = []
    for number, line in rows:
        cells = _cells(line, delimiter, columns)
        if isinstance(cells, str):
            if held:
                yield _group(held, zone)
                held = []
            yield Group(number, number, Taken("", "refused", "malformed", cells))
            continue
        if held and cells["transaction"] != held[0][1]["transaction"]:
            yield _group(held, zone)
            held = []
        if len(held) <= LINES_MAX:  # one more, and it is refused for its length
            held.append((number, cells))
    if held:
        yield _group(held, zone)


def _columns(header: str, delimiter: str) -> tuple[str, ...]:
    names = tuple(name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter), list[str]()))
    unknown = [name for name in names if name not in COLUMNS and not name.startswith("x_")]
    missing = [name for name in NEEDED if name not in names]
    kept = [name for name in names if not name.startswith("x_")]
    hint = f"the first row names the columns: {', '.join(COLUMNS)}"
    if unknown:
        raise FileRefused(f"line 1: there is no column {unknown[0][:40]!r}; {hint}")
    if missing or not {"code", "gtin", "sku"} & set(names):
        raise FileRefused(f"line 1: {missing[0] if missing else 'code, gtin or sku'} is missing; {hint}")
    if len(set(kept)) < len(kept):
        raise FileRefused(f"line 1: a column stands there twice; {hint}")
    return names


def _cells(line: str, delimiter: str, columns: tuple[str, ...]) -> dict[str, str] | str:
    """By column, or why there are none."""
    if len(line) > LINE_CHARACTERS_MAX:
        return f"longer than {LINE_CHARACTERS_MAX} characters"
    try:
        values = next(csv.reader([line], delimiter=delimiter, strict=True), list[str]())
    except csv.Error as error:
        return f"no row of CSV: {error}"
    if len(values) != len(columns):
        return f"{len(values)} cells, the header has {len(columns)} columns"
    cells = {name: value.strip() for name, value in zip(columns, values, strict=True) if not name.startswith("x_")}
    return cells if cells["transaction"] else "no transaction"


def _group(held: list[tuple[int, dict[str, str]]], zone: tzinfo) -> Group:
    head = held[0][1]
    raw: dict[str, Any] = {name: head[name] for name in NEEDED}
    raw["occurred_at"] = _moment(raw["occurred_at"], zone)
    raw["lines"] = [_line(cells) for _, cells in held]
    first, last = held[0][0], held[-1][0]
    for number, cells in held:
        if other := next((name for name in NEEDED if cells[name] != head[name]), None):
            why = f"line {number}: {other} is not that of line {first}, and it is one transaction"
            return Group(first, last, Taken(head["transaction"][:128], "refused", "malformed", why))
    return Group(first, last, read(raw))


def _line(cells: Mapping[str, str]) -> dict[str, Any]:
    line: dict[str, Any] = {name: value for name, value in cells.items() if value and name not in NEEDED}
    for name in _NUMBERS:
        text = line.get(name, "").replace(",", "")  # as Excel writes thousands
        if text.isascii() and text.isdigit() and len(text) <= 16:
            line[name] = int(text)
    line["return"] = _FLAGS.get(cells.get("return", "").lower(), cells.get("return"))
    return line


def _moment(text: str, zone: tzinfo) -> str:
    """RFC 3339. What is no time stays, and is refused by its shape."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if moment.tzinfo is not None else moment.replace(tzinfo=zone).isoformat()
