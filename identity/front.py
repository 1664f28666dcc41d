"""`identify`: from what a scanner delivered to an identity, or to a refusal with its reason. It never raises.

An AIM identifier decides what the data is; without one the shape does, and what two readings fit is ambiguous until
the catalogue knows one of them. Reasons (machine words) and their meaning:

    empty too_long charset          nothing, more than 4,096 bytes, other than printable ASCII and GS
    bad_identifier                  no AIM identifier after "]", or FNC1 without an application identifier
    length check_digit              digits of the wrong number, a check digit that does not fit
    unused_prefix coupon            no one's number, money and not goods
    no_template no_item inner_check an in-store code whose layout, item or inner check digit is unknown or wrong
    upc_e_or_ean8                   eight digits from 0 or 1 without an AIM identifier
    control_…                       control.py;  ai_… elements.py;  dl_… digital_link.py
    lost_separator                  a value that ends in what looks like further elements
    no_key ai_requires not_stock part_of_item    elements that name nothing that stock counts
    plain_text                      text that is no GS1 data and that no catalogue or template knows
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from identity import aim as aim_table
from identity import control, in_store
from identity.aim import Carries, Symbology
from identity.check import gs1_valid
from identity.gtin import Prefix, expand_upc_e, is_digits, prefix_of
from identity.in_store import DocumentTemplate, InStoreTemplate, Template
from identity.values import INPUT_BYTES_MAX, Identity, Kind, Lookup

DIGITAL_LINK_STEM = "https://id.gs1.org"
_CODE_LENGTHS = frozenset({8, 12, 13, 14})


class Scan:
    """One call's arguments, so that no function below takes seven."""

    __slots__ = ("lookup", "symbology", "templates", "text", "year")

    def __init__(
        self, text: str, symbology: Symbology | None, lookup: Lookup | None, templates: Sequence[Template], year: int
    ) -> None:
        self.text = text
        self.symbology = symbology
        self.lookup = lookup
        self.templates = templates
        self.year = year

    def sku(self, key: str) -> str | None:
        return self.lookup(key) if self.lookup is not None else None

    def found(self, kind: Kind, **fields: Any) -> Identity:
        name = self.symbology.name if self.symbology is not None else None
        return Identity(self.text, kind, symbology=name, **fields)

    def refused(self, reason: str, hint: str) -> Identity:
        return self.found(Kind.REFUSED, reason=reason, hint=hint)


def identify(
    data: bytes | str,
    *,
    aim: str | None = None,
    lookup: Lookup | None = None,
    templates: Sequence[Template] = (),
    year: int = 2026,
) -> Identity:
    """What one decoded symbol means.

    `data` is the symbol without terminator, GS as 0x1D; an AIM identifier comes as `aim` or in front of the data.
    `lookup` settles what two readings fit and fills `sku`. `templates` are the store's layouts. `year` is the year of
    reading: it decides the century of two-digit years (GS1 General Specifications 7.12), 49 ahead to 50 back.
    """
    if len(data) > INPUT_BYTES_MAX:
        cut = data[:INPUT_BYTES_MAX]
        return Scan(_text(cut), None, lookup, templates, year).refused("too_long", f"more than {INPUT_BYTES_MAX} bytes")
    text = _text(data)
    body = text
    if aim is None and text[:1] == "]":
        aim, body = text[:3], text[3:]
    symbology = aim_table.parse(aim) if aim is not None else None
    scan = Scan(text, symbology, lookup, templates, year)
    if aim is not None and symbology is None:
        return scan.refused("bad_identifier", f"{aim!r} is no AIM identifier")
    return _by_shape(scan, body) if symbology is None else _by_symbology(scan, symbology, body)


def _text(data: bytes | str) -> str:
    if isinstance(data, str):
        return data
    return data.decode("utf-8", "replace")


def _by_symbology(scan: Scan, symbology: Symbology, body: str) -> Identity:
    fault = _fault(scan, body)
    if fault is not None:
        return fault
    carries = symbology.carries
    if carries is Carries.TEXT:
        return _plain(scan, body)
    if carries is Carries.EAN13:
        return _sized(scan, body, 13)
    if carries is Carries.EAN8:
        return _sized(scan, body, 8)
    if carries is Carries.EAN13_ADDON:
        if len(body) not in {15, 18} or not is_digits(body):
            return scan.refused("length", "EAN-13 with an add-on has 15 or 18 digits")
        return _gtin(scan, body[:13], addon=body[13:])
    if carries is Carries.ADDON:
        return scan.refused("length", "an add-on alone names nothing; scan the EAN beside it")
    if carries is Carries.ITF:
        return _gtin(scan, body) if len(body) == 14 and is_digits(body) else _plain(scan, body)
    return scan.refused("ai_unread", "element strings come with the next change")


def _fault(scan: Scan, body: str) -> Identity | None:
    """What no symbol of ours may carry."""
    if not body:
        return scan.refused("empty", "nothing was read")
    if not body.isascii():
        return scan.refused("charset", "letters other than ASCII: is a Hangul input method on?")
    if not body.replace("\x1d", "").isprintable():
        return scan.refused("charset", "control characters other than GS")
    return None


def _by_shape(scan: Scan, body: str) -> Identity:
    fault = _fault(scan, body)
    if fault is not None:
        return fault
    if len(body) in _CODE_LENGTHS and is_digits(body):
        if len(body) == 8 and body[0] in "01":
            return _short(scan, body)
        return _gtin(scan, body)
    return _plain(scan, body)


def _plain(scan: Scan, body: str) -> Identity:
    """Text: a control code, a document, something the catalogue knows, or nothing of ours."""
    if control.is_control(body):
        try:
            return scan.found(Kind.CONTROL, control=control.parse(body))
        except control.ControlError as error:
            return scan.refused(error.problem.value, str(error))
    for template in scan.templates:
        if isinstance(template, DocumentTemplate) and template.matches(body):
            return scan.found(Kind.DOCUMENT, document=body)
    sku = scan.sku("code:" + body)
    if sku is not None:
        return scan.found(Kind.IN_STORE, item_number=body, sku=sku)
    return scan.found(Kind.RAW, reason="plain_text", hint="no GS1 code, and not in the catalogue")


def _sized(scan: Scan, body: str, digits: int) -> Identity:
    if len(body) != digits or not is_digits(body):
        return scan.refused("length", f"{digits} digits expected")
    return _gtin(scan, body)


def _short(scan: Scan, body: str) -> Identity:
    """Eight digits from 0 or 1: a UPC-E or an EAN-8 (standards.md, 3)."""
    candidates: list[str] = []
    upc_a = expand_upc_e(body)
    if upc_a is not None:
        candidates.append("00" + upc_a)
    if gs1_valid(body):
        candidates.append("000000" + body)
    if not candidates:
        return scan.refused("check_digit", "the check digit fits neither a UPC-E nor an EAN-8")
    known = [gtin for gtin in candidates if scan.sku("gtin:" + gtin) is not None]
    if len(known) == 1:
        return _gtin(scan, known[0])
    hint = "UPC-E or EAN-8: choose, or switch the AIM identifier on at the scanner"
    return scan.found(Kind.AMBIGUOUS, candidates=tuple(candidates), reason="upc_e_or_ean8", hint=hint)


def _gtin(scan: Scan, digits: str, addon: str | None = None) -> Identity:
    """A GTIN-8/12/13/14 in digits."""
    if not gs1_valid(digits):
        return scan.refused("check_digit", "the check digit does not fit: read or typed wrongly")
    gtin = digits.rjust(14, "0")
    prefix = prefix_of(gtin)
    if prefix is Prefix.TRADE:
        link = f"{DIGITAL_LINK_STEM}/01/{gtin}"
        sku = scan.sku("gtin:" + gtin)
        return scan.found(Kind.TRADE_ITEM, gtin=gtin, digital_link=link, sku=sku, addon=addon)
    if prefix is Prefix.COUPON:
        return scan.found(Kind.RAW, reason="coupon", hint="a coupon or receipt, no goods")
    if prefix is Prefix.UNUSED or gtin[0] != "0":
        return scan.refused("unused_prefix", "no GTIN is given out with this prefix")
    return _in_store(scan, gtin[6:] if gtin.startswith("000000") else gtin[1:])


def _in_store(scan: Scan, digits: str) -> Identity:
    """A restricted number of 8 or 13 digits by the store's templates, or as a whole by the catalogue."""
    for template in scan.templates:
        if not isinstance(template, InStoreTemplate):
            continue
        fields = in_store.read(template, digits)
        if fields is None:
            continue
        if not fields.check_ok:
            return scan.refused("inner_check", f"the inner check digit of layout {template.name} does not fit")
        sku = scan.sku("item:" + fields.item_number)
        return scan.found(
            Kind.IN_STORE,
            item_number=fields.item_number,
            weight_g=fields.weight_g,
            price=fields.price,
            currency=fields.currency,
            quantity=fields.count,
            sku=sku,
        )
    sku = scan.sku("item:" + digits)
    if sku is not None:
        return scan.found(Kind.IN_STORE, item_number=digits, sku=sku)
    hint = "no template of this store fits, the whole number stands for the item"
    return scan.found(Kind.IN_STORE, item_number=digits, reason="no_template", hint=hint)
