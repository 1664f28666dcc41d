"""Templates for in-store codes and documents: layouts that only the store knows (standards.md, 5).

A layout names each digit behind the prefix:

    I  item number      W  weight      P  price      N  count
    K  check digit over the weight, price or count field (GS1 General Specifications 7.9.2-7.9.4; 4 or 5 digits)
    -  a digit without meaning           C  the code's own check digit, last

A Korean scale label may be `InStoreTemplate("scale", ("28",), "IIIIIPPPPPC")`; a British one
`InStoreTemplate("uk", ("20",), "IIIIIKPPPPC")`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from identity.check import gs1_digit, price4_digit, price5_digit
from identity.gtin import is_digits

_LAYOUT = re.compile(r"[IWPNK-]+C\Z")
DOCUMENT_CHARACTERS_MAX = 80


class TemplateError(ValueError):
    """A template that cannot mean anything. The text names it and the fault."""


@dataclass(frozen=True, slots=True)
class InStoreTemplate:
    """A layout of 8 or 13 digits (a 12-digit UPC-A is taken with a 0 in front).

    `weight_unit_g`: grams of the last weight digit. `price_decimals`: digits behind the price's decimal point (0 for
    Korean won). `currency`: ISO 4217 letters, told on. Raises TemplateError.
    """

    name: str
    prefixes: tuple[str, ...]
    layout: str
    weight_unit_g: int = 1
    price_decimals: int = 0
    currency: str | None = None

    def __post_init__(self) -> None:
        if not self.prefixes or not _LAYOUT.match(self.layout):
            raise TemplateError(f"template {self.name}: layout {self.layout!r} does not follow [IWPNK-]+C")
        for prefix in self.prefixes:
            if not prefix or not is_digits(prefix) or len(prefix) + len(self.layout) not in {8, 13}:
                raise TemplateError(f"template {self.name}: prefix {prefix!r} and layout are not 8 or 13 digits")
        measures = [letter for letter in "WPN" if letter in self.layout]
        runs = re.findall(r"I+|W+|P+|N+|K+", self.layout)
        if len(measures) > 1 or len({run[0] for run in runs}) != len(runs) or "I" not in self.layout:
            raise TemplateError(f"template {self.name}: one item number and one measure, each in one piece")
        if "K" in self.layout and (not measures or self.layout.count(measures[0]) not in {4, 5}):
            raise TemplateError(f"template {self.name}: K guards a measure of 4 or 5 digits")
        if self.layout.count("K") > 1 or self.weight_unit_g < 1 or not 0 <= self.price_decimals <= 4:
            raise TemplateError(f"template {self.name}: one K, weight_unit_g from 1, price_decimals 0 to 4")


@dataclass(frozen=True, slots=True)
class DocumentTemplate:
    """A document number: `prefix` (letters and digits as printed), then at least one more character."""

    name: str
    prefix: str

    def __post_init__(self) -> None:
        if not self.prefix or not self.prefix.isascii() or len(self.prefix) > DOCUMENT_CHARACTERS_MAX // 2:
            raise TemplateError(f"template {self.name}: a document's prefix is 1 to 40 ASCII characters")

    def matches(self, text: str) -> bool:
        return len(self.prefix) < len(text) <= DOCUMENT_CHARACTERS_MAX and text.startswith(self.prefix)


Template = InStoreTemplate | DocumentTemplate


@dataclass(frozen=True, slots=True)
class InStore:
    """What a template found. `check_ok` is false when the inner check digit K does not fit."""

    item_number: str
    weight_g: int | None
    price: str | None
    count: int | None
    currency: str | None
    check_ok: bool


def read(template: InStoreTemplate, digits: str) -> InStore | None:
    """The fields of `digits` (8 or 13, check digit already proved), or None if the template is not for it."""
    for prefix in template.prefixes:
        if digits.startswith(prefix) and len(digits) == len(prefix) + len(template.layout):
            return _fields(template, digits[len(prefix) :])
    return None


def _fields(template: InStoreTemplate, rest: str) -> InStore:
    def field(letter: str) -> str:
        first = template.layout.find(letter)
        return rest[first : first + template.layout.count(letter)] if first >= 0 else ""

    weight, price, count = field("W"), field("P"), field("N")
    measure = weight or price or count
    guard = field("K")
    wanted = (price4_digit if len(measure) == 4 else price5_digit)(measure) if guard else ""
    return InStore(
        item_number=field("I"),
        weight_g=int(weight) * template.weight_unit_g if weight else None,
        price=decimal(price, template.price_decimals) if price else None,
        count=int(count) if count else None,
        currency=template.currency if price else None,
        check_ok=guard == wanted,
    )


def without_measure(template: InStoreTemplate, digits: str) -> str | None:
    """The code with its measure and inner check digit zeroed: the number a scale item's master record may carry."""
    for prefix in template.prefixes:
        if digits.startswith(prefix) and len(digits) == len(prefix) + len(template.layout):
            rest = zip(digits[len(prefix) : -1], template.layout, strict=False)
            payload = prefix + "".join("0" if letter in "WPNK" else digit for digit, letter in rest)
            return payload + gs1_digit(payload)
    return None


def decimal(digits: str, places: int) -> str:
    """`digits` with a decimal point before the last `places`, without needless leading zeros."""
    padded = digits.rjust(places + 1, "0")
    whole = padded[: len(padded) - places].lstrip("0") or "0"
    return f"{whole}.{padded[len(padded) - places :]}" if places else whole
