"""The item master: one SKU with its names, codes and units, as head office sends it and a file holds it.

Quantities are integers in the item's base unit (`each`, or `gram` for weighed goods). Every GTIN says how many base
units its package holds; that is known from here only, never from the GTIN (standards.md, 6).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from identity.check import gs1_digit

NAME_CHARACTERS_MAX = 200
CATEGORY_CHARACTERS_MAX = 100
GTINS_MAX = 64
ITEM_NUMBERS_MAX = 32
UNITS_MAX = 10_000_000  # base units in a package or of a threshold: ten tonnes in grams
NUMBER_MAX = 2**53 - 1  # what every JSON reader holds exactly (RFC 8259, 6)
FOUND_CHARACTERS_MAX = 80

BaseUnit = Literal["each", "gram"]
Level = Literal["each", "inner", "case", "pallet"]
Tracking = Literal["quantity", "lot", "serial"]
Loc = tuple[int | str, ...]

_DIGITS = re.compile(r"[0-9]{8}|[0-9]{12,14}")
# C0 and C1 controls, line separators, lone surrogates, and U+FFFD: what a wrong conversion leaves where a letter was.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffd]")


class GtinError(ValueError):
    """A text that is no GTIN of a trade item; the message says why and what may have happened to it."""


def gtin14(text: str) -> str:
    """The GTIN-14 of 8, 12, 13 or 14 digits, check digit verified (GS1 General Specifications, 7.9.1).

    In-store codes (GS1 prefixes 02 and 20 to 29, RCN-8) are refused: they mean something in one store only.
    """
    if not _DIGITS.fullmatch(text):
        raise GtinError(f"expected a GTIN of 8, 12, 13 or 14 digits{_spreadsheet_hint(text)}")
    check = gs1_digit(text[:-1])
    if check != text[-1]:
        raise GtinError(f"the check digit is {text[-1]}, expected {check}")
    padded = text.zfill(14)
    if _is_in_store(padded):
        raise GtinError("an in-store code is no GTIN: give its item number in item_numbers instead")
    return padded


def _spreadsheet_hint(text: str) -> str:
    if re.fullmatch(r"[0-9][.,]?[0-9]*[eE]\+?[0-9]+", text):
        return " (a spreadsheet has rounded this one: format the column as text)"
    if re.fullmatch(r"[0-9]{7}|[0-9]{10,11}", text):
        return " (a leading zero may be lost: format the column as text)"
    return ""


def _is_in_store(padded: str) -> bool:
    # A GTIN-8 is the one whose first six digits of fourteen are zero (GS1 prefixes 0000000 to 0000099 are unused
    # for that reason); its prefixes 0 and 2 are RCN-8. An indicator digit in front changes nothing.
    if padded.startswith("000000"):
        return padded[6] in "02"
    return padded[1] == "2" or padded[1:3] == "02"


def _plain(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    found = _FORBIDDEN.search(text)
    if found:
        raise ValueError(f"holds U+{ord(found[0]):04X}, which is no printable character")
    # One Hangul syllable is one code point here; macOS writes files with decomposed ones (UAX 15).
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


NameText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_CHARACTERS_MAX), AfterValidator(_plain)
]
CategoryText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=CATEGORY_CHARACTERS_MAX),
    AfterValidator(_plain),
]
Sku = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
ItemNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,20}$")]
Count = Annotated[int, Field(ge=0, le=NUMBER_MAX)]
Units = Annotated[int, Field(ge=1, le=UNITS_MAX)]
Threshold = Annotated[int, Field(ge=0, le=UNITS_MAX)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Name(_Part):
    ko: NameText | None = None
    en: NameText | None = None


class Gtin(_Part):
    """One GTIN, kept with 14 digits, and how many base units its package holds."""

    gtin: Annotated[str, AfterValidator(gtin14)]
    units: Units = 1
    level: Level = "each"


class Price(_Part):
    """`amount_minor` of the currency (won, cents) for `per_units` base units; weighed goods priced per 100 or 1000."""

    amount_minor: Count
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    per_units: Units = 1


class Thresholds(_Part):
    """Stock levels in base units below and above which somebody wants to know."""

    min: Threshold | None = None
    max: Threshold | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("neither min nor max is given")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        return self


class Item(_Part):
    """One SKU. `revision` counts head office's changes; 0 is an item from a file that does not number them.

    A deleted item may come without names and codes. `item_numbers` are the store's own short numbers, as in-store
    codes and shelf labels carry them, leading zeros included.
    """

    sku: Sku
    revision: Count = 0
    name: Name = Name()
    base_unit: BaseUnit = "each"
    gtins: Annotated[tuple[Gtin, ...], Strict(strict=False), Field(max_length=GTINS_MAX)] = ()
    item_numbers: Annotated[tuple[ItemNumber, ...], Strict(strict=False), Field(max_length=ITEM_NUMBERS_MAX)] = ()
    tracking: Tracking = "quantity"
    price: Price | None = None
    thresholds: Thresholds | None = None
    category: CategoryText | None = None
    deleted: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.deleted and self.name.ko is None and self.name.en is None:
            raise ValueError("a name is missing, in Korean or in English")
        if self.base_unit == "gram" and self.tracking == "serial":
            raise ValueError("goods by weight have no serial numbers: tracking is quantity or lot")
        if self.base_unit == "gram" and self.price is not None and self.price.per_units == 1:
            raise ValueError("the price of goods by weight is per 100 or 1000 grams, not per gram: give per_units")
        _refuse_twice("GTIN", [row.gtin for row in self.gtins])
        _refuse_twice("item number", list(self.item_numbers))
        return self


def _refuse_twice(what: str, values: list[str]) -> None:
    if len(values) > 1 and len(set(values)) < len(values):
        twice = next(value for value in values if values.count(value) > 1)
        raise ValueError(f"{what} {twice} is given twice")


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake in an item: where in it, what stands there (cut at 80 characters), why it cannot be."""

    loc: Loc
    found: str
    reason: str


class ItemRefused(ValueError):
    """No item; `faults` has every mistake, at least one."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(f"{path_text(fault.loc)}: {fault.reason}" for fault in faults))
        self.faults = faults


def parse_item(value: object, *, unknown: Literal["refuse", "ignore"] = "refuse") -> Item:
    """The item in decoded JSON. Files refuse unknown members (a typo would be lost), the wire ignores them.

    Raises `ItemRefused`.
    """
    try:
        return Item.model_validate(value, extra="forbid" if unknown == "refuse" else "ignore")
    except ValidationError as error:
        # Without url and context: what is needed is short, and a context may hold the exception itself.
        faults = tuple(_fault(detail) for detail in error.errors(include_url=False))
        raise ItemRefused(faults) from None


# What people are told instead of the validator's own words, by the last name in the path.
_EXPECTED = {
    "sku": "expected 1 to 64 of A-Z a-z 0-9 . _ -",
    "revision": "expected a whole number, 0 or more",
    "ko": f"expected 1 to {NAME_CHARACTERS_MAX} characters",
    "en": f"expected 1 to {NAME_CHARACTERS_MAX} characters",
    "category": f"expected 1 to {CATEGORY_CHARACTERS_MAX} characters",
    "base_unit": "expected each or gram",
    "gtins": f"expected a list of at most {GTINS_MAX} objects with gtin, units, level",
    "gtin": "expected a GTIN of 8, 12, 13 or 14 digits, as text",
    "units": f"expected base units in the package, 1 to {UNITS_MAX}",
    "level": "expected each, inner, case or pallet",
    "item_numbers": f"expected a list of at most {ITEM_NUMBERS_MAX} texts of 1 to 20 letters and digits",
    "tracking": "expected quantity, lot or serial",
    "price": "expected an object with amount_minor, currency, per_units",
    "amount_minor": "expected a whole number of the currency's smallest unit (won, cents), 0 or more",
    "currency": "expected three capital letters of ISO 4217, such as KRW",
    "per_units": f"expected the base units that the price is for, 1 to {UNITS_MAX}",
    "thresholds": "expected an object with min, max",
    "min": f"expected base units, 0 to {UNITS_MAX}",
    "max": f"expected base units, 0 to {UNITS_MAX}",
    "name": "expected an object with ko, en",
    "deleted": "expected true or false",
}


def _fault(detail: ErrorDetails) -> Fault:
    loc, kind = detail["loc"], detail["type"]
    field = next((part for part in reversed(loc) if isinstance(part, str)), "")
    if kind == "value_error":
        reason = detail["msg"].removeprefix("Value error, ")
    elif kind == "extra_forbidden":
        reason = "no such member of an item"
    elif kind == "missing":
        return Fault(loc, "nothing", _EXPECTED.get(field, detail["msg"]))
    elif kind == "string_unicode":
        reason = "holds half of a character (a lone surrogate)"
    else:
        reason = _EXPECTED.get(
            field, "expected an item: an object with sku, name, gtins …" if not loc else detail["msg"]
        )
    # A mistake between members is told by its reason; the whole item as "found" would say nothing.
    found = "" if isinstance(detail["input"], BaseModel | dict) else shown(detail["input"])
    return Fault(loc, found, reason)


def shown(value: object) -> str:
    """A value as a person may read it in a report: printable ASCII and letters, cut at 80 characters."""
    text = value if isinstance(value, str) else repr(value)
    text = text.encode("utf-8", "backslashreplace").decode()
    text = "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)
    return text if len(text) <= FOUND_CHARACTERS_MAX else text[: FOUND_CHARACTERS_MAX - 1] + "…"


def path_text(loc: Loc) -> str:
    """A place in an item as a person would write it: `gtins[1].gtin`; empty for the item as a whole."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
