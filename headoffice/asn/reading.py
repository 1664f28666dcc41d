"""Rows of a notice to expected documents, one for each store and notice; everything that is wrong, not the first alone.

A notice is taken whole or not at all: one wrong row keeps all of it back, and a row whose notice cannot be told all of
the file. Nothing here writes: what items and stores there are comes from `Known`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from contract.catalog import GtinError, Item, gtin14
from contract.documents import DocumentRefused, ExpectedDocument, parse_document
from contract.ids import is_name, is_store
from headoffice.asn.columns import Map
from headoffice.asn.table import Fault, Row, Table
from headoffice.asn.units import Wrong, base_units, packages
from identity.check import gs1_digit
from identity.epc import EpcError, encode

LOT_CHARACTERS_MAX = 64
PO = re.compile(r"[ -~]{1,128}")
EPC = re.compile(r"([0-9A-F]{2}){1,62}")
SERIAL_96_MAX = 2**38
_DAY = re.compile(r"(\d{4})[-./ ]*(\d{1,2})[-./ ]*(\d{1,2})\.?(?:[ T].*)?")
_SEPARATORS = re.compile(r"[\s,;|]+")


class Known(Protocol):
    def by_gtin(self, gtin: str) -> Item | None: ...
    def by_sku(self, sku: str) -> Item | None: ...
    def store(self, name: str) -> bool: ...


class Notice(NamedTuple):
    """`line`: where it begins in the file."""

    store: str
    line: int
    supplier: str | None
    document: ExpectedDocument


class Reading(NamedTuple):
    """`refused`: notices of which some row is wrong."""

    notices: list[Notice]
    refused: list[str]
    faults: list[Fault]


class _Line(NamedTuple):
    row: Row
    store: str
    members: dict[str, Any]
    due_at: str | None


def read(table: Table, chosen: Map, known: Known) -> Reading:
    reader = _Reader(table, chosen, known)
    for row in table.rows:
        reader.take(row)
    return reader.done()


class _Reader:
    def __init__(self, table: Table, chosen: Map, known: Known) -> None:
        self._heads = table.heads
        self._chosen = chosen
        self._known = known
        self._lines: defaultdict[str, list[_Line]] = defaultdict(list)
        self._first: dict[tuple[str, str], Row] = {}
        self._epcs: dict[str, int] = {}
        self._cut = {one.line for one in table.faults}
        self._faults = list(table.faults)
        self._refused: set[str] = set()
        self._names: dict[str, None] = {}  # in the order of the file
        self._all = False

    def take(self, row: Row) -> None:
        before = len(self._faults)
        name = self._try(row, lambda: _notice_name(row.cells))
        if name is not None:
            self._names[name] = None
            store = self._try(row, lambda: self._store(row.cells))
            members = self._members(row)
            due_at = self._try(row, lambda: self._due(row.cells))
            self._same(row, name)
            if store is not None:
                self._lines[name].append(_Line(row, store, members, due_at))
        if len(self._faults) > before or row.line in self._cut:
            if name is None:
                self._all = True
            else:
                self._refused.add(name)

    def done(self) -> Reading:
        good = [] if self._all else [name for name in self._names if name not in self._refused]
        notices = [one for name in good for one in self._notices(name)]
        kept = {one.document.document for one in notices}
        refused = [name for name in self._names if name not in kept]
        return Reading(notices, refused, sorted(self._faults, key=lambda one: one.line))

    # -- a row ------------------------------------------------------------------------------------------------------

    def _try(self, row: Row, made: Any) -> Any:
        try:
            return made()
        except Wrong as wrong:
            column = self._heads.get(wrong.column, wrong.column)
            found = row.cells.get(wrong.column, "")[:80]
            self._faults.append(Fault(row.line, column, found, wrong.code, wrong.facts))
            return None

    def _members(self, row: Row) -> dict[str, Any]:
        """Of the line; what is wrong is left out, and told."""
        cells = row.cells
        gtin = self._try(row, lambda: _gtin(cells))
        item = self._try(row, lambda: self._item(cells, gtin)) if gtin is not None or "gtin" not in cells else None
        quantity = self._try(row, lambda: base_units(_needed(cells, item), gtin, cells)) if item is not None else None
        found = {
            "sku": item.sku if item is not None else None,
            "quantity": quantity,
            "lot": self._try(row, lambda: _lot(cells)),
            "expiry": self._try(row, lambda: _day(cells, "expiry")),
            "sscc": self._try(row, lambda: _sscc(cells)),
            "epcs": self._try(row, lambda: self._tags(row, item, gtin)),
        }
        self._try(row, lambda: _po(cells))
        return {name: value for name, value in found.items() if value}

    def _store(self, cells: dict[str, str]) -> str:
        settings = self._chosen.settings
        if settings.store is not None:
            return settings.store
        column = "store" if "store" in cells else "gln"
        if column not in cells:
            raise Wrong("store", "no_value")
        given = cells[column]
        if given in self._chosen.stores:
            return self._chosen.stores[given]
        if column == "gln":
            raise Wrong("gln", "unknown_gln")
        if not is_store(given):
            raise Wrong("store", "bad_store")
        if not self._known.store(given):
            raise Wrong("store", "unknown_store")
        return given

    def _item(self, cells: dict[str, str], gtin: str | None) -> Item:
        by_gtin = self._known.by_gtin(gtin) if gtin is not None else None
        if gtin is not None and by_gtin is None:
            raise Wrong("gtin", "unknown_gtin")
        if "sku" not in cells:
            if by_gtin is None:
                raise Wrong("gtin", "no_value")
            return by_gtin
        found = self._known.by_sku(cells["sku"])
        if found is None:
            raise Wrong("sku", "unknown_sku")
        if found.deleted:
            raise Wrong("sku", "deleted_item")
        if by_gtin is not None and by_gtin.sku != found.sku:
            raise Wrong("gtin", "other_item", sku=by_gtin.sku, given=found.sku)
        return found

    def _tags(self, row: Row, item: Item | None, gtin: str | None) -> list[str]:
        cells = row.cells
        epcs = _epcs(cells) if "epc" in cells else self._encoded(cells, item, gtin) if "serial" in cells else []
        for epc in epcs:
            before = self._epcs.setdefault(epc, row.line)
            if before != row.line or epcs.count(epc) > 1:
                raise Wrong("epc" if "epc" in cells else "serial", "epc_twice", line=str(before))
        if epcs and "quantity" in cells and packages(cells) != len(epcs):
            raise Wrong("quantity", "epc_count", epcs=str(len(epcs)), quantity=cells["quantity"])
        return epcs

    def _encoded(self, cells: dict[str, str], item: Item | None, gtin: str | None) -> list[str]:
        digits = self._chosen.settings.company_prefix_digits
        if gtin is None:
            raise Wrong("serial", "serial_needs_gtin")
        if digits is None:
            raise Wrong("serial", "serial_needs_prefix")
        level = next((one.level for one in item.gtins if one.gtin == gtin), "each") if item else "each"
        try:
            return [_sgtin(gtin, one, digits, 1 if level == "each" else 2) for one in _split(cells["serial"])]
        except EpcError as error:
            raise Wrong("serial", "bad_serial", why=str(error)) from error

    def _due(self, cells: dict[str, str]) -> str | None:
        """The end of the day: a delivery of that day is in time."""
        day = _day(cells, "due")
        if day is None:
            return None
        zone = ZoneInfo(self._chosen.settings.time_zone)
        end = datetime.combine(date.fromisoformat(day), time(23, 59, 59), zone)
        return end.isoformat()

    def _same(self, row: Row, name: str) -> None:
        """What is said of a notice is said once."""
        for column in ("supplier", "due"):
            if column not in row.cells:
                continue
            first = self._first.setdefault((name, column), row)
            other = first.cells[column]
            if other != row.cells[column]:
                facts = {"line": str(first.line), "other": other[:80]}
                column_name = self._heads.get(column, column)
                self._faults.append(Fault(row.line, column_name, row.cells[column][:80], "head_differs", facts))

    # -- a notice ---------------------------------------------------------------------------------------------------

    def _notices(self, name: str) -> Iterable[Notice]:
        found: list[Notice] = []
        stores: defaultdict[str, list[_Line]] = defaultdict(list)
        for line in self._lines[name]:
            stores[line.store].append(line)
        for store, lines in stores.items():
            try:
                found.append(self._notice(name, store, lines))
            except DocumentRefused as error:
                self._faults.append(Fault(lines[0].row.line, "", name, "too_long", {"why": str(error)}))
                return []
        return found

    def _notice(self, name: str, store: str, lines: list[_Line]) -> Notice:
        orders = {line.row.cells.get("po") for line in lines}
        due = next((line.due_at for line in lines if line.due_at), None)
        raw = {
            "document": name,
            "kind": "receipt",
            "revision": 1,
            "from": "supplier",
            "to": self._chosen.settings.to,
            "tolerance_percent": self._chosen.settings.tolerance_percent,
            "lines": [{"line": number, **line.members} for number, line in enumerate(lines, start=1)],
            **({"due_at": due} if due else {}),
            **({"order": orders.pop()} if len(orders) == 1 and None not in orders else {}),
        }
        supplier = next((line.row.cells["supplier"] for line in lines if "supplier" in line.row.cells), None)
        return Notice(store, lines[0].row.line, supplier, parse_document(raw))


def _needed(cells: dict[str, str], item: Item) -> Item:
    if "quantity" not in cells:
        raise Wrong("quantity", "no_value")
    return item


def _notice_name(cells: dict[str, str]) -> str:
    if "asn" not in cells:
        raise Wrong("asn", "no_value")
    if not is_name(cells["asn"]):
        raise Wrong("asn", "bad_name")
    return cells["asn"]


def _gtin(cells: dict[str, str]) -> str | None:
    if "gtin" not in cells:
        return None
    text = cells["gtin"].lstrip("'")
    try:
        return gtin14(text)
    except GtinError as error:
        if re.fullmatch(r"[0-9][.,]?[0-9]*[eE]\+?[0-9]+", text):
            raise Wrong("gtin", "gtin_rounded") from error
        if re.fullmatch(r"[0-9]{7}|[0-9]{10,11}", text):
            raise Wrong("gtin", "gtin_short") from error
        if not re.fullmatch(r"[0-9]{8}|[0-9]{12,14}", text):
            raise Wrong("gtin", "gtin_digits") from error
        check = gs1_digit(text[:-1])
        if check != text[-1]:
            raise Wrong("gtin", "gtin_check", check=check) from error
        raise Wrong("gtin", "gtin_in_store") from error


def _lot(cells: dict[str, str]) -> str | None:
    found = cells.get("lot")
    if found is not None and not (found.isprintable() and len(found) <= LOT_CHARACTERS_MAX):
        raise Wrong("lot", "bad_text")
    return found


def _po(cells: dict[str, str]) -> None:
    if "po" in cells and not PO.fullmatch(cells["po"]):
        raise Wrong("po", "bad_text")


def _day(cells: dict[str, str], column: str) -> str | None:
    if column not in cells:
        return None
    found = _DAY.fullmatch(cells[column])
    if found is None:
        raise Wrong(column, "bad_day")
    try:
        return date(int(found[1]), int(found[2]), int(found[3])).isoformat()
    except ValueError as error:
        raise Wrong(column, "bad_day") from error


def _sscc(cells: dict[str, str]) -> str | None:
    if "sscc" not in cells:
        return None
    digits = re.sub(r"[\s()']", "", cells["sscc"])
    digits = digits.removeprefix("00") if len(digits) == 20 else digits
    if not re.fullmatch(r"[0-9]{18}", digits):
        raise Wrong("sscc", "gtin_rounded" if re.search(r"[eE]\+", digits) else "bad_sscc")
    check = gs1_digit(digits[:-1])
    if check != digits[-1]:
        raise Wrong("sscc", "sscc_check", check=check)
    return digits


def _split(text: str) -> list[str]:
    return [one for one in _SEPARATORS.split(text) if one]


def _epcs(cells: dict[str, str]) -> list[str]:
    found = [one.upper() for one in _split(cells["epc"])]
    if not found or not all(EPC.fullmatch(one) for one in found):
        raise Wrong("epc", "bad_epc")
    return found


def _sgtin(gtin: str, serial: str, prefix_digits: int, filter_value: int) -> str:
    """SGTIN-96 where it holds the serial number (TDS 1.13, 14.6.1), else SGTIN-198."""
    small = serial.isascii() and serial.isdigit() and not (len(serial) > 1 and serial[0] == "0")
    scheme = "sgtin-96" if small and len(serial) <= 12 and int(serial) < SERIAL_96_MAX else "sgtin-198"
    elements = {"01": gtin, "21": serial}
    return encode(scheme, elements, company_prefix_digits=prefix_digits, filter_value=filter_value).hex().upper()
