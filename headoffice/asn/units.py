"""How many base units a row is. The item master knows what a package holds; a row that says otherwise is wrong."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from contract.catalog import Item
from headoffice.asn.columns import UNITS, plain

QUANTITY_MAX = 10**12
DIGITS_MAX = 20
_GRAMS = {"gram": 1, "kilogram": 1000}


class Wrong(Exception):
    """A fault of this row: its column, its code, its facts."""

    def __init__(self, column: str, code: str, **facts: str) -> None:
        super().__init__(code)
        self.column = column
        self.code = code
        self.facts = facts


def packages(cells: dict[str, str]) -> Decimal:
    """The quantity as it stands: `1,200`, `12.000`; never zero or less. Raises `Wrong`."""
    text = cells["quantity"].replace(" ", "").replace("\xa0", "")
    head, comma, tail = text.rpartition(",")
    if comma and len(tail) == 3 and tail.isdigit() and head.replace(",", "").isdigit():
        text = text.replace(",", "")
    try:
        found = Decimal(text) if text.isascii() and len(text) <= DIGITS_MAX else Decimal(0)
    except InvalidOperation:
        found = Decimal(0)
    if not found.is_finite() or not 0 < found <= QUANTITY_MAX:
        raise Wrong("quantity", "bad_quantity")
    return found


def base_units(item: Item, gtin: str | None, cells: dict[str, str]) -> int:
    """`gtin` has 14 digits, and is of the item. Raises `Wrong`."""
    found = packages(cells) * _factor(item, gtin, cells)
    if found != found.to_integral_value():
        raise Wrong("quantity", "fraction")
    if found > QUANTITY_MAX:
        raise Wrong("quantity", "bad_quantity")
    return int(found)


def _factor(item: Item, gtin: str | None, cells: dict[str, str]) -> int:
    package = next((one for one in item.gtins if one.gtin == gtin), None)
    unit, units = _unit(cells), _units(cells)
    if unit in _GRAMS:
        if item.base_unit != "gram":
            raise Wrong("unit", "not_by_weight")
        return _GRAMS[unit]
    if item.base_unit == "gram" and (package is None or package.units == 1):
        raise Wrong("unit", "weight_needed")
    if package is not None and package.level != "each":
        if unit not in {None, package.level}:
            raise Wrong("unit", "level_differs", level=package.level)
        if units not in {None, package.units}:
            raise Wrong("units", "units_differ", units=str(package.units))
        return package.units
    # The code of one piece, or none: what the quantity counts is the unit's to say, once something else is mentioned.
    if unit is None and units not in {None, 1}:
        raise Wrong("quantity", "unit_needed")
    return _package(item, unit, units) if unit not in {None, "each"} else package.units if package is not None else 1


def _package(item: Item, unit: str | None, units: int | None) -> int:
    """By the level alone: the row has the GTIN of one piece, or none."""
    known = {one.units for one in item.gtins if one.level == unit}
    if units is not None and known and units not in known:
        raise Wrong("units", "units_differ", units=", ".join(map(str, sorted(known))))
    if units is not None:
        return units
    if len(known) != 1:
        raise Wrong("unit", "no_package")
    return known.pop()


def _unit(cells: dict[str, str]) -> str | None:
    if "unit" not in cells:
        return None
    found = UNITS.get(plain(cells["unit"]))
    if found is None:
        raise Wrong("unit", "bad_unit")
    return found


def _units(cells: dict[str, str]) -> int | None:
    if "units" not in cells:
        return None
    text = cells["units"].replace(",", "")
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX and int(text) > 0):
        raise Wrong("units", "bad_units")
    return int(text)
