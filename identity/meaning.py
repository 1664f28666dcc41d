"""From elements to the fields of an Identity: which key names the thing, which values stock counts with.

A barcode without a key that stock keeps is `raw`: content of a pallet (02) without its SSCC, one piece of an item
(8006), coupons, people. GS1 General Specifications 3 (the identifiers), 7.12 (dates).
"""

from __future__ import annotations

from typing import Any

from identity.in_store import decimal
from identity.values import Kind

GRAMS_PER_POUND_E5 = 45_359_237  # 453.59237 g, in 10^-5 g

_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

# The first key found in this order decides the kind.
KINDS = {
    "00": Kind.LOGISTIC_UNIT,
    "01": Kind.TRADE_ITEM,
    "03": Kind.TRADE_ITEM,
    "8003": Kind.ASSET,
    "8004": Kind.ASSET,
    "8010": Kind.ASSET,
    "253": Kind.DOCUMENT,
    "8020": Kind.DOCUMENT,
    "414": Kind.LOCATION,
    "417": Kind.LOCATION,
    "401": Kind.DOCUMENT,
    "402": Kind.DOCUMENT,
    "400": Kind.DOCUMENT,
}
# Keys whose check digit lets a string without AIM identifier be taken for elements.
CHECKED_KEYS = frozenset({"00", "01", "02", "03", "253", "255", "402", "414", "415", "417", "8003", "8006"})
# Keys that name something, but nothing that stock keeps.
OTHERS = {
    "8006": ("part_of_item", "one piece of an item that consists of several: scan the item's own barcode"),
    "8026": ("part_of_item", "pieces of items inside a logistic unit: scan the unit's SSCC"),
    "255": ("coupon", "a coupon, no goods"),
    "8110": ("coupon", "a coupon, no goods"),
    "8112": ("coupon", "a coupon, no goods"),
    "02": ("no_key", "the contents of a logistic unit: scan its SSCC (AI 00) as well"),
    "8017": ("not_stock", "a service relation, no goods"),
    "8018": ("not_stock", "a service relation, no goods"),
    "8013": ("not_stock", "a model number: scan the item's own barcode"),
}


def kind_of(values: dict[str, str]) -> Kind | None:
    for ai, kind in KINDS.items():
        if ai in values:
            return kind
    return None


def why_raw(values: dict[str, str]) -> tuple[str, str]:
    for ai, answer in OTHERS.items():
        if ai in values:
            return answer
    return "no_key", "elements that name nothing by themselves: scan the barcode beside it"


def fields_of(values: dict[str, str], kind: Kind, year: int) -> dict[str, Any]:
    """The fields of an Identity of `kind` out of its elements."""
    fields: dict[str, Any] = {
        "gtin": values.get("01") or values.get("03"),
        "serial": values.get("21"),
        "lot": values.get("10"),
        "sscc": values.get("00"),
    }
    if kind is Kind.LOGISTIC_UNIT and fields["gtin"] is None:
        fields["gtin"] = values.get("02")
    if kind is Kind.LOCATION:
        fields["gln"] = values.get("414") or values.get("417")
        fields["serial"] = values.get("254")
    elif kind is Kind.ASSET:
        fields["asset"] = values.get("8003") or values.get("8004") or values.get("8010")
        fields["serial"] = values.get("8011")
    elif kind is Kind.DOCUMENT:
        fields["document"] = next(values[ai] for ai in ("253", "8020", "401", "402", "400") if ai in values)
    if len(values) > 1:
        _add_attributes(fields, values, year)
    return fields


def _add_attributes(fields: dict[str, Any], values: dict[str, str], year: int) -> None:
    expiry = values.get("17") or values.get("7003")
    if expiry is not None:
        fields["expiry"] = iso_date(expiry[:6], year)
    if "15" in values:
        fields["best_before"] = iso_date(values["15"], year)
    count = values.get("37") or values.get("30")
    if count is not None:
        fields["quantity"] = int(count)
    for ai, value in values.items():
        if len(ai) != 4 or ai[0] != "3":
            continue
        places = int(ai[3])
        if ai[:3] == "310":
            fields["weight_g"] = _scaled(int(value) * 1000, places)
        elif ai[:3] == "320" and "weight_g" not in fields:
            fields["weight_g"] = _scaled(int(value) * GRAMS_PER_POUND_E5, places + 5)
        elif ai[:3] == "392":
            fields["price"] = decimal(value, places)
        elif ai[:3] == "393":
            fields["price"] = decimal(value[3:], places)
            fields["currency"] = value[:3]


def _scaled(number: int, places: int) -> int:
    """`number` / 10^places to the nearest integer, halves up."""
    unit: int = 10**places
    return (number + unit // 2) // unit


def iso_date(yymmdd: str, year: int) -> str:
    """ISO 8601 of YYMMDD read in `year`. Day 00 is the month's last day; the century is the one that puts the date 49
    years ahead to 50 back (7.12)."""
    short, month, day = int(yymmdd[:2]), int(yymmdd[2:4]), int(yymmdd[4:6])
    century = year - year % 100
    ahead = short - year % 100
    if ahead >= 51:
        century -= 100
    elif ahead <= -50:
        century += 100
    full = century + short
    last = 29 if month == 2 and full % 4 == 0 and (full % 100 != 0 or full % 400 == 0) else _DAYS[month - 1]
    return f"{full:04}-{month:02}-{min(day or last, last):02}"
