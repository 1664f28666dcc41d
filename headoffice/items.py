"""Files of items: CSV, or JSON Lines in the wire form.

A small strict reader: the first wrong row stops it, because head office must not send half a catalogue. Stores import
files of their own with a report of every row (`jaego catalogue import`); the columns are the same (docs/catalogue.md).
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from contract.catalog import Item, ItemRefused, parse_item
from headoffice.errors import ConfigError

DIGITS_MAX = 16  # of a number that can be meant
ROW_COLUMNS = frozenset({"gtin", "units", "level", "item_number"})
COLUMNS = ROW_COLUMNS | {
    "sku", "revision", "name_ko", "name_en", "base_unit", "tracking", "price_minor", "currency", "price_per",
    "threshold_min", "threshold_max", "category", "deleted",
}  # fmt: skip
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_HINT = "docs/catalogue.md describes the columns; jaego catalogue import reports every wrong row"


def wire(item: Item) -> dict[str, Any]:
    return item.model_dump(mode="json", exclude_none=True)


def read_items(path: Path) -> list[Item]:
    """CSV, or JSON Lines in the wire form. Raises `ConfigError` with the line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            items = _read_csv(file, path) if path.suffix.lower() == ".csv" else _read_lines(file, path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: {error}", hint=_HINT) from error
    twice = [sku for sku, count in Counter(item.sku for item in items).items() if count > 1]
    if twice:
        raise ConfigError(f"{path}: {twice[0]} is given twice", hint=_HINT)
    return items


def _read_lines(file: Iterable[str], path: Path) -> list[Item]:
    items: list[Item] = []
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise ConfigError(f"{path}: line {number}: {error}", hint=_HINT) from error
        items.append(_item(value, path, number))
    return items


def _read_csv(file: Iterable[str], path: Path) -> list[Item]:
    lines = ((number, line) for number, line in enumerate(file, start=1) if line.strip() and line[0] != "#")
    first, header = next(lines, (1, ""))
    delimiter = next((one for one in ",;\t" if one in header), ",")
    columns = [name.strip() for name in _split(header, delimiter)]
    unknown = [name for name in columns if name not in COLUMNS and not name.startswith("x_")]
    if "sku" not in columns or unknown or len(set(columns)) < len(columns):
        why = f"there is no column {unknown[0]!r}" if unknown else "expected columns with sku among them, each once"
        raise ConfigError(f"{path}: line {first}: {why}", hint=_HINT)
    heads: dict[str, dict[str, str]] = {}
    groups: dict[str, dict[str, Any]] = {}
    begun: dict[str, int] = {}
    for number, line in lines:  # one row is one line (docs/catalogue.md)
        row = _split(line, delimiter)
        cells = {name: value.strip() for name, value in zip(columns, row, strict=False) if value.strip()}
        if len(row) != len(columns) or "sku" not in cells:
            raise ConfigError(f"{path}: line {number}: no sku, or not as many cells as the header", hint=_HINT)
        sku = cells["sku"]
        if sku not in groups:
            heads[sku], groups[sku], begun[sku] = cells, _head(cells), number
        elif other := [name for name in cells.keys() - ROW_COLUMNS if cells[name] != heads[sku].get(name)]:
            raise ConfigError(f"{path}: line {number}: {min(other)} is not that of line {begun[sku]}", hint=_HINT)
        _codes(groups[sku], cells)
    return [_item(value, path, begun[sku]) for sku, value in groups.items()]


def _split(line: str, delimiter: str) -> list[str]:
    return [cell for row in csv.reader([line], delimiter=delimiter, strict=True) for cell in row]


def _head(cells: dict[str, str]) -> dict[str, Any]:
    value: dict[str, Any] = {"sku": cells["sku"], "gtins": [], "item_numbers": []}
    value["name"] = {name[5:]: cells[name] for name in ("name_ko", "name_en") if name in cells}
    value.update({name: cells[name] for name in ("base_unit", "tracking", "category") if name in cells})
    if "revision" in cells:
        value["revision"] = _number(cells["revision"])
    if "deleted" in cells:
        value["deleted"] = _FLAGS.get(cells["deleted"].lower(), cells["deleted"])
    if "price_minor" in cells:
        value["price"] = {
            "amount_minor": _number(cells["price_minor"]),
            "currency": cells.get("currency"),
            "per_units": _number(cells.get("price_per", "1")),
        }
    limits = {name[10:]: _number(cells[name]) for name in ("threshold_min", "threshold_max") if name in cells}
    return {**value, **({"thresholds": limits} if limits else {})}


def _codes(value: dict[str, Any], cells: dict[str, str]) -> None:
    if "gtin" in cells:
        units = {"units": _number(cells["units"])} if "units" in cells else {}
        level = {"level": cells["level"]} if "level" in cells else {}
        value["gtins"].append({"gtin": cells["gtin"], **units, **level})
    if "item_number" in cells:
        value["item_numbers"].append(cells["item_number"])


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX else text


def _item(value: object, path: Path, number: int) -> Item:
    try:
        return parse_item(value)
    except ItemRefused as error:
        raise ConfigError(f"{path}: line {number}: {error}", hint=_HINT) from error
