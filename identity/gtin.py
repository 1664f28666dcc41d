"""Plain digits: GTIN-8/12/13/14, UPC-E, and the prefixes that are no trade items.

GS1 General Specifications 1.4.2 (prefixes), 1.4.3 (GTIN-8 prefixes), 7.10 (UPC-E); standards.md 3, 5, 6.
"""

from __future__ import annotations

from enum import StrEnum

from identity.check import gs1_digit, gs1_valid

_DIGITS = frozenset("0123456789")


class Prefix(StrEnum):
    """What the first digits of a GTIN-13 or GTIN-8 say."""

    TRADE = "trade"
    IN_STORE = "in_store"  # restricted circulation: the store's own or its country's
    COUPON = "coupon"  # coupons and refund receipts: money, not goods
    UNUSED = "unused"


def is_digits(text: str) -> bool:
    """ASCII digits only: str.isdigit() takes full-width and superscript ones too."""
    return _DIGITS.issuperset(text)


def prefix_of(gtin14: str) -> Prefix:
    """The sort of number behind the packaging indicator."""
    if gtin14[1] not in "029":
        return Prefix.TRADE
    body = gtin14[1:]
    if body.startswith("00000"):
        # 00000 + GTIN-8. GS1-8 prefixes 000-099 and 200-299 are RCN-8; an all-zero number is nobody's.
        if body == "0000000000000":
            return Prefix.UNUSED
        return Prefix.IN_STORE if body[5] in "02" else Prefix.TRADE
    two = body[:2]
    if two in {"02", "04"} or two[0] == "2":
        return Prefix.IN_STORE
    if two in {"05", "99"} or body[:3] in {"980", "981", "982", "983", "984"}:
        return Prefix.COUPON
    return Prefix.TRADE


def expand_upc_e(digits: str) -> str | None:
    """UPC-A (12 digits) of a UPC-E: 8 digits with number system 0 or 1 and check digit, 7 without the check digit, or
    the 6-digit core of number system 0. None if it is none or its check digit is wrong."""
    if not is_digits(digits) or len(digits) not in {6, 7, 8}:
        return None
    if len(digits) == 6:
        digits = "0" + digits
    if digits[0] not in "01":
        return None
    payload = digits[0] + _expand_core(digits[1:7])
    upc_a = payload + gs1_digit(payload)
    return upc_a if len(digits) == 7 or digits[7] == upc_a[11] else None


def _expand_core(core: str) -> str:
    last = core[5]
    if last in "012":
        return f"{core[:2]}{last}0000{core[2:5]}"
    if last == "3":
        return f"{core[:3]}00000{core[3:5]}"
    if last == "4":
        return f"{core[:4]}00000{core[4]}"
    return f"{core[:5]}0000{last}"


def suppress_upc_a(upc_a: str) -> str | None:
    """The UPC-E (8 digits) that stands for a UPC-A, or None if the number has no short form."""
    if len(upc_a) != 12 or not is_digits(upc_a) or upc_a[0] not in "01" or not gs1_valid(upc_a):
        return None
    maker, item = upc_a[1:6], upc_a[6:11]
    if maker[2] in "012" and maker[3:] == "00" and item[:2] == "00":
        core = maker[:2] + item[2:] + maker[2]
    elif maker[3:] == "00" and item[:3] == "000":
        core = maker[:3] + item[3:] + "3"
    elif maker[4] == "0" and item[:4] == "0000":
        core = maker[:4] + item[4] + "4"
    elif item[:4] == "0000" and item[4] >= "5":
        core = maker + item[4]
    else:
        return None
    return upc_a[0] + core + upc_a[11]
