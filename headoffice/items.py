"""Head office's item master: read from a file, published per item, answered page by page to `ask/catalog`.

A small strict reader: the first wrong row stops it, because head office must not send half a catalogue. Stores import
files of their own with a report of every row (`jaego catalogue import`); the columns are the same (docs/catalogue.md).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from contract.catalog import Item, ItemRefused, parse_item
from headoffice.errors import ConfigError

PAGE_ITEMS = 100
_HINT = "docs/catalogue.md describes the columns; jaego catalogue import reports every wrong row"


class ItemMaster:
    """Items by SKU, and their wire form in the order of revisions."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.items = sorted(items, key=lambda item: (item.revision, item.sku))
        self.revision = max((item.revision for item in self.items), default=0)

    def page(self, since: int, number: int) -> dict[str, Any]:
        """What changed since a revision: `{"items", "page", "more", "since", "revision"}`."""
        changed = [item for item in self.items if item.revision > since or since == 0]
        start = number * PAGE_ITEMS
        return {
            "items": [wire(item) for item in changed[start : start + PAGE_ITEMS]],
            "page": number,
            "more": start + PAGE_ITEMS < len(changed),
            "since": since,
            "revision": self.revision,
        }


def wire(item: Item) -> dict[str, Any]:
    return item.model_dump(mode="json", exclude_none=True)


def read_items(path: Path) -> list[Item]:
    """CSV, or JSON Lines in the wire form. Raises `ConfigError` with the line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix == ".csv":
                return _read_csv(file, path)
            return [_item(orjson.loads(line), path, number) for number, line in enumerate(file, 1) if line.strip()]
    except (OSError, UnicodeDecodeError, orjson.JSONDecodeError, csv.Error) as error:
        raise ConfigError(f"{path}: {error}", hint=_HINT) from error


def _read_csv(file: Iterable[str], path: Path) -> list[Item]:
    rows = csv.DictReader(line for line in file if not line.startswith("#"))
    groups: dict[str, dict[str, Any]] = {}
    lines: dict[str, int] = {}
    for number, row in enumerate(rows, start=2):
        if None in row or not row.get("sku"):
            raise ConfigError(f"{path}: row {number} has no sku, or more cells than the header", hint=_HINT)
        cells = {name: value.strip() for name, value in row.items() if value and value.strip()}
        sku = cells["sku"]
        if sku not in groups:
            groups[sku], lines[sku] = _head(cells), number
        _codes(groups[sku], cells)
    return [_item(value, path, lines[sku]) for sku, value in groups.items()]


def _head(cells: dict[str, str]) -> dict[str, Any]:
    value: dict[str, Any] = {"sku": cells["sku"], "gtins": [], "item_numbers": []}
    value["name"] = {name[5:]: cells[name] for name in ("name_ko", "name_en") if name in cells}
    value.update({name: cells[name] for name in ("base_unit", "tracking", "category") if name in cells})
    if "revision" in cells:
        value["revision"] = _number(cells["revision"])
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
    return int(text) if text.isascii() and text.isdigit() else text


def _item(value: object, path: Path, number: int) -> Item:
    try:
        return parse_item(value)
    except ItemRefused as error:
        raise ConfigError(f"{path}: row {number}: {error}", hint=_HINT) from error
