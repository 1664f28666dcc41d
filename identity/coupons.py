"""The two coupon layouts of AI 8110 and 8112: digits whose fields announce their own lengths.

North American Coupon Application Guideline (GS1 US) and the Positive Offer File guideline. A store that gives no such
coupons still must not take one for anything else, so the layout is checked to its end. Errors carry the words of the
GS1 Syntax Dictionary's reference linters.
"""

from __future__ import annotations

from identity.gtin import is_digits

_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class _Fault(Exception):
    """Carries the error word out of nested fields; never leaves this module."""


class _Fields:
    """A cursor over the digits."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    @property
    def left(self) -> int:
        return len(self.text) - self.at

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self, count: int, fault: str) -> str:
        if self.left < count:
            raise _Fault(fault)
        self.at += count
        return self.text[self.at - count : self.at]

    def code(self, allowed: str, name: str, *, wrong: str = "") -> str:
        """One digit out of `allowed`."""
        digit = self.take(1, f"COUPON_MISSING_{name}")
        if digit not in allowed:
            raise _Fault(f"COUPON_INVALID_{wrong or name}")
        return digit

    def measured(self, allowed: str, add: int, name: str) -> str:
        """A field behind its variable length indicator: the digit plus `add` is its length."""
        length = self.code(allowed, f"{name}_VLI", wrong=f"{name}_LENGTH")
        return self.take(int(length) + add, f"COUPON_TRUNCATED_{name}")


def _digits(text: str) -> None:
    if not is_digits(text):
        raise _Fault("NON_DIGIT_CHARACTER")


def couponcode(text: str) -> str | None:
    """AI 8110."""
    fields = _Fields(text)
    try:
        _digits(text)
        fields.measured("0123456", 6, "GCP")
        fields.take(6, "COUPON_TRUNCATED_OFFER_CODE")
        fields.measured("12345", 0, "SAVE_VALUE")
        fields.measured("12345", 0, "1ST_PURCHASE_REQUIREMENT")
        fields.code("012349", "1ST_PURCHASE_REQUIREMENT_CODE")
        fields.take(3, "COUPON_TRUNCATED_1ST_PURCHASE_FAMILY_CODE")
        _options(fields)
    except _Fault as fault:
        return str(fault)
    return "COUPON_EXCESS_DATA" if fields.left else None


def _options(fields: _Fields) -> None:
    """The optional fields, each behind its number and in ascending order."""
    if fields.peek() == "1":
        fields.at += 1
        fields.code("0123", "ADDITIONAL_PURCHASE_RULES_CODE")
        _purchase(fields, "2ND")
    if fields.peek() == "2":
        fields.at += 1
        _purchase(fields, "3RD")
    expiry = ""
    if fields.peek() == "3":
        fields.at += 1
        # EXIPIRATION is how the reference spells it.
        expiry = _date(fields, "EXPIRATION_DATE", "EXIPIRATION_DATE")
    if fields.peek() == "4":
        fields.at += 1
        start = _date(fields, "START_DATE", "START_DATE")
        if expiry and expiry < start:
            raise _Fault("COUPON_EXPIRATION_BEFORE_START")
    if fields.peek() == "5":
        fields.at += 1
        fields.measured("0123456789", 6, "SERIAL_NUMBER")
    if fields.peek() == "6":
        fields.at += 1
        fields.measured("1234567", 6, "RETAILER_GCP_OR_GLN")
    if fields.peek() == "9":
        fields.at += 1
        fields.code("01256", "SAVE_VALUE_CODE")
        fields.code("012", "SAVE_VALUE_APPLIES_TO_ITEM")
        fields.code("0123456789", "STORE_COUPON_FLAG")
        fields.code("01", "DONT_MULTIPLY_FLAG")


def _purchase(fields: _Fields, which: str) -> None:
    fields.measured("12345", 0, f"{which}_PURCHASE_REQUIREMENT")
    fields.code("012349", f"{which}_PURCHASE_REQUIREMENT_CODE")
    fields.take(3, f"COUPON_TRUNCATED_{which}_PURCHASE_FAMILY_CODE")
    if fields.peek() == "9":
        fields.at += 1  # 9: the same company prefix as in front
    else:
        fields.measured("0123456", 6, f"{which}_PURCHASE_GCP")


def _date(fields: _Fields, short: str, wrong: str) -> str:
    text = fields.take(6, f"COUPON_TOO_SHORT_FOR_{short}")
    year, month, day = int(text[:2]), int(text[2:4]), int(text[4:])
    last = _DAYS[month - 1] if 1 <= month <= 12 else 0
    if month == 2 and year % 4:
        last = 28
    if not 1 <= day <= last:
        raise _Fault(f"COUPON_INVALID_{wrong}")
    return text


def couponposoffer(text: str) -> str | None:
    """AI 8112."""
    fields = _Fields(text)
    try:
        _digits(text)
        fields.code("01", "FORMAT_CODE")
        fields.measured("0123456", 6, "FUNDER")
        fields.take(6, "COUPON_TRUNCATED_OFFER_CODE")
        fields.measured("0123456789", 6, "SERIAL_NUMBER")
    except _Fault as fault:
        return str(fault)
    return "COUPON_EXCESS_DATA" if fields.left else None
