"""Codes that are decided by arithmetic alone: EAN, UPC, ITF-14, in-store numbers, control codes and other texts."""

from __future__ import annotations

from typing import Any

from identity import control, in_store
from identity.check import gs1_valid
from identity.gtin import Prefix, expand_upc_e, is_digits, prefix_of
from identity.in_store import DocumentTemplate, InStoreTemplate
from identity.scan import Scan
from identity.values import Identity, Kind

DIGITAL_LINK_STEM = "https://id.gs1.org"


def text(scan: Scan, body: str) -> Identity:
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
    if len(body) == 18 and is_digits(body) and gs1_valid(body):
        return scan.found(Kind.RAW, reason="plain_text", hint="18 digits: an SSCC comes with AI 00 in front")
    return scan.found(Kind.RAW, reason="plain_text", hint="no GS1 code, and not in the catalogue")


def sized(scan: Scan, body: str, digits: int) -> Identity:
    if len(body) != digits or not is_digits(body):
        return scan.refused("length", f"{digits} digits expected: does the scanner cut or add some?")
    return gtin(scan, body)


def short(scan: Scan, body: str) -> Identity:
    """Eight digits from 0 or 1: a UPC-E or an EAN-8 (standards.md, 3)."""
    candidates: list[str] = []
    upc_a = expand_upc_e(body)
    if upc_a is not None:
        candidates.append("00" + upc_a)
    if gs1_valid(body):
        candidates.append("000000" + body)
    if not candidates:
        return scan.refused("check_digit", "the check digit fits neither a UPC-E nor an EAN-8")
    known = [candidate for candidate in candidates if _known(scan, candidate)]
    if len(known) == 1:
        return gtin(scan, known[0])
    hint = "UPC-E or EAN-8: choose, or switch the AIM identifier on at the scanner"
    return scan.found(Kind.AMBIGUOUS, candidates=tuple(candidates), reason="upc_e_or_ean8", hint=hint)


def _known(scan: Scan, candidate: str) -> bool:
    if prefix_of(candidate) is Prefix.IN_STORE:
        return scan.sku("item:" + in_store_digits(candidate)) is not None
    return scan.sku("gtin:" + candidate) is not None


def in_store_digits(gtin14: str) -> str:
    """The number as a store prints it: 8 digits for RCN-8, else 13."""
    return gtin14[6:] if gtin14.startswith("000000") else gtin14[1:]


def gtin(scan: Scan, digits: str, addon: str | None = None) -> Identity:
    """A GTIN-8/12/13/14 in digits."""
    if not gs1_valid(digits):
        return scan.refused("check_digit", "the check digit does not fit: read or typed wrongly")
    gtin14 = digits.rjust(14, "0")
    prefix = prefix_of(gtin14)
    if prefix is Prefix.TRADE:
        link = f"{DIGITAL_LINK_STEM}/01/{gtin14}"
        sku = scan.sku("gtin:" + gtin14) if scan.lookup is not None else None
        return scan.found(Kind.TRADE_ITEM, gtin=gtin14, digital_link=link, sku=sku, addon=addon)
    return no_trade_item(scan, gtin14, prefix)


def no_trade_item(scan: Scan, gtin14: str, prefix: Prefix, **fields: Any) -> Identity:
    """A number of GTIN form that is none: in-store, a coupon, unused. `fields` stand beside what a template finds."""
    if prefix is Prefix.COUPON:
        return scan.found(Kind.RAW, reason="coupon", hint="a coupon or receipt, no goods", **fields)
    if prefix is Prefix.UNUSED or gtin14[0] != "0":
        return scan.refused("unused_prefix", "no GTIN is given out with this prefix")
    return _in_store(scan, in_store_digits(gtin14), fields)


def _in_store(scan: Scan, digits: str, fields: dict[str, Any]) -> Identity:
    """A restricted number of 8 or 13 digits by the store's templates, or as a whole by the catalogue."""
    for template in scan.templates:
        if not isinstance(template, InStoreTemplate):
            continue
        read = in_store.read(template, digits)
        if read is None:
            continue
        if not read.check_ok:
            return scan.refused("inner_check", f"the inner check digit of layout {template.name} does not fit")
        found = {
            "weight_g": read.weight_g,
            "price": read.price,
            "currency": read.currency,
            "quantity": read.count,
        }
        fields |= {name: value for name, value in found.items() if value is not None}
        sku = scan.sku("item:" + read.item_number)
        return scan.found(Kind.IN_STORE, item_number=read.item_number, sku=sku, **fields)
    sku = scan.sku("item:" + digits)
    if sku is not None:
        return scan.found(Kind.IN_STORE, item_number=digits, sku=sku, **fields)
    hint = "no template of this store fits, the whole number stands for the item"
    return scan.found(Kind.IN_STORE, item_number=digits, reason="no_template", hint=hint, **fields)
