"""The EPC families: parts of a pure identity URI to application identifiers and back (TDS 7).

Parts are text as in the URI, percent-encoding undone: `("0614141", "812345", "6789")` is the SGTIN of GTIN
80614141123458 with serial 6789. `elements` are `(("01", "80614141123458"), ("21", "6789"))`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from identity.check import gs1_digit, gs1_valid
from identity.epc.errors import EpcError, Reason

Parts = tuple[str, ...]
Elements = tuple[tuple[str, str], ...]

PREFIX_DIGITS_MIN = 6
PREFIX_DIGITS_MAX = 12

_TEXT = "[!%-?A-Z_a-z\\x22]"  # CSET 82
_UPPER = "[A-Z0-9#/-]"  # component references


@dataclass(frozen=True, slots=True)
class Family:
    """`forms`: patterns of the parts behind the company prefix. `digits`: length of prefix and reference together, or
    their greatest length if `open_ended`."""

    urn: str
    digits: int
    forms: tuple[re.Pattern[str], ...]
    to_elements: Callable[[Parts], Elements]
    from_elements: Callable[[Mapping[str, str], int], Parts]
    open_ended: bool = False


def check(family: Family, parts: Parts) -> None:
    """EpcError if the parts are none of the family: forms, length of company prefix and reference."""
    prefix = parts[0]
    if not prefix.isascii() or not prefix.isdigit() or not PREFIX_DIGITS_MIN <= len(prefix) <= PREFIX_DIGITS_MAX:
        raise EpcError(Reason.URI, f"{prefix!r} is no company prefix of 6 to 12 digits")
    if len(parts) != len(family.forms) + 1:
        raise EpcError(Reason.URI, f"{family.urn} has {len(family.forms) + 1} parts")
    for form, part in zip(family.forms, parts[1:], strict=True):
        if not form.match(part):
            raise EpcError(Reason.CHARACTER, f"{part!r} cannot stand in {family.urn}")
    length = len(prefix) + len(parts[1])
    if length > family.digits or (length < family.digits and not family.open_ended):
        raise EpcError(Reason.URI, f"company prefix and reference of {family.urn} have {family.digits} digits together")


def _checked(payload: str) -> str:
    return payload + gs1_digit(payload)


def _proved(value: str, digits: int, ai: str) -> str:
    """The payload of a key whose check digit fits."""
    key = value[:digits]
    if len(key) != digits or not key.isascii() or not key.isdigit():
        raise EpcError(Reason.URI, f"AI {ai}: {value!r} has no {digits} digits")
    if not gs1_valid(key):
        raise EpcError(Reason.CHECK_DIGIT, f"AI {ai}: the check digit of {key} does not fit")
    return key[:-1]


def _serial(values: Mapping[str, str], ai: str) -> str:
    serial = values.get(ai, "")
    if not serial:
        raise EpcError(Reason.URI, f"AI {ai} is missing or empty: an EPC names one thing")
    return serial


def _tail(values: Mapping[str, str], ai: str, digits: int) -> str:
    serial = values[ai][digits:]
    if not serial:
        raise EpcError(Reason.URI, f"AI {ai} without serial: an EPC names one thing")
    return serial


def _gtin(prefix: str, reference: str) -> str:
    """The indicator digit stands in front of the item reference (TDS 7.1)."""
    return _checked(reference[0] + prefix + reference[1:])


def _split(payload: str, length: int) -> tuple[str, str]:
    """Company prefix and reference of a payload whose first digit is an indicator or extension."""
    return payload[1 : 1 + length], payload[0] + payload[1 + length :]


def _sgtin_to(parts: Parts) -> Elements:
    return ("01", _gtin(parts[0], parts[1])), ("21", parts[2])


def _sgtin_from(values: Mapping[str, str], length: int) -> Parts:
    return *_split(_proved(values["01"], 14, "01"), length), _serial(values, "21")


def _sscc_to(parts: Parts) -> Elements:
    return (("00", _gtin(parts[0], parts[1])),)


def _sscc_from(values: Mapping[str, str], length: int) -> Parts:
    return _split(_proved(values["00"], 18, "00"), length)


def _sgln_to(parts: Parts) -> Elements:
    gln = ("414", _checked(parts[0] + parts[1]))
    # Extension 0 stands for a GLN without one (TDS 7.3).
    return (gln,) if parts[2] == "0" else (gln, ("254", parts[2]))


def _sgln_from(values: Mapping[str, str], length: int) -> Parts:
    payload = _proved(values["414"], 13, "414")
    return payload[:length], payload[length:], values.get("254", "0")


def _grai_to(parts: Parts) -> Elements:
    return (("8003", "0" + _checked(parts[0] + parts[1]) + parts[2]),)


def _grai_from(values: Mapping[str, str], length: int) -> Parts:
    value = values["8003"]
    if value[:1] != "0":
        raise EpcError(Reason.URI, "AI 8003 begins with 0")
    payload = _proved(value[1:], 13, "8003")
    return payload[:length], payload[length:], _tail(values, "8003", 14)


def _joined(ai: str) -> tuple[Callable[[Parts], Elements], Callable[[Mapping[str, str], int], Parts]]:
    """Keys of one AI without check digit: company prefix and reference."""

    def to_elements(parts: Parts) -> Elements:
        return ((ai, parts[0] + parts[1]),)

    def from_elements(values: Mapping[str, str], length: int) -> Parts:
        return values[ai][:length], values[ai][length:]

    return to_elements, from_elements


def _upui_to(parts: Parts) -> Elements:
    return ("01", _gtin(parts[0], parts[1])), ("235", parts[2])


def _upui_from(values: Mapping[str, str], length: int) -> Parts:
    return *_split(_proved(values["01"], 14, "01"), length), _serial(values, "235")


def _numbered(
    ai: str, digits: int, *, serial: bool = False
) -> tuple[Callable[[Parts], Elements], Callable[[Mapping[str, str], int], Parts]]:
    """Keys of one AI: payload, check digit, and a serial behind it where the key has one."""

    def to_elements(parts: Parts) -> Elements:
        return ((ai, _checked(parts[0] + parts[1]) + "".join(parts[2:])),)

    def from_elements(values: Mapping[str, str], length: int) -> Parts:
        payload = _proved(values[ai], digits, ai)
        key = payload[:length], payload[length:]
        return (*key, _tail(values, ai, digits)) if serial else key

    return to_elements, from_elements


def _cpi_to(parts: Parts) -> Elements:
    return ("8010", parts[0] + parts[1]), ("8011", parts[2])


def _cpi_from(values: Mapping[str, str], length: int) -> Parts:
    return values["8010"][:length], values["8010"][length:], _serial(values, "8011")


def _itip_to(parts: Parts) -> Elements:
    return ("8006", _gtin(parts[0], parts[1]) + parts[2] + parts[3]), ("21", parts[4])


def _itip_from(values: Mapping[str, str], length: int) -> Parts:
    key = values["8006"]
    _proved(key, 14, "8006")
    return *_split(key[:13], length), key[14:16], key[16:18], _serial(values, "21")


def _forms(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern + r"\Z", re.ASCII) for pattern in patterns)


_DIGITS = "[0-9]*"
_SERIAL_20 = _TEXT + "{1,20}"

FAMILIES: dict[str, Family] = {
    family.urn: family
    for family in (
        Family("sgtin", 13, _forms(_DIGITS, _SERIAL_20), _sgtin_to, _sgtin_from),
        Family("sscc", 17, _forms(_DIGITS), _sscc_to, _sscc_from),
        Family("sgln", 12, _forms(_DIGITS, _SERIAL_20), _sgln_to, _sgln_from),
        Family("grai", 12, _forms(_DIGITS, _TEXT + "{1,16}"), _grai_to, _grai_from),
        Family("giai", 30, _forms(_TEXT + "{1,24}"), *_joined("8004"), open_ended=True),
        Family("gdti", 12, _forms(_DIGITS, _TEXT + "{1,17}"), *_numbered("253", 13, serial=True)),
        Family("sgcn", 12, _forms(_DIGITS, "[0-9]{1,12}"), *_numbered("255", 13, serial=True)),
        Family("gsrn", 17, _forms(_DIGITS), *_numbered("8018", 18)),
        Family("gsrnp", 17, _forms(_DIGITS), *_numbered("8017", 18)),
        Family("cpi", 30, _forms(_UPPER + "{1,24}", "(?:0|[1-9][0-9]{0,11})"), _cpi_to, _cpi_from, open_ended=True),
        # No tag holds the next four; their URIs stand in documents.
        Family("ginc", 30, _forms(_TEXT + "{1,24}"), *_joined("401"), open_ended=True),
        Family("gsin", 16, _forms(_DIGITS), *_numbered("402", 17)),
        Family("pgln", 12, _forms(_DIGITS), *_numbered("417", 13)),
        Family("upui", 13, _forms(_DIGITS, _TEXT + "{1,28}"), _upui_to, _upui_from),
        Family("itip", 13, _forms(_DIGITS, "[0-9]{2}", "[0-9]{2}", _SERIAL_20), _itip_to, _itip_from),
    )
}
# The AI by which the elements of a family are known.
KEY_OF = {
    "01": "sgtin", "00": "sscc", "414": "sgln", "8003": "grai", "8004": "giai", "253": "gdti", "255": "sgcn",
    "8018": "gsrn", "8017": "gsrnp", "8010": "cpi", "8006": "itip", "401": "ginc", "402": "gsin", "417": "pgln",
}  # fmt: skip


def family_of(values: Mapping[str, str]) -> Family:
    if "01" in values and "235" in values:
        return FAMILIES["upui"]
    for ai, urn in KEY_OF.items():
        if ai in values:
            return FAMILIES[urn]
    raise EpcError(Reason.URI, "no key that an EPC family is made for")
