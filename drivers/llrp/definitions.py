"""The rows of table.py as values: what each message and parameter is made of, by number and by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from drivers.llrp.table import ROWS

CUSTOM_MESSAGE = CUSTOM = 1023


class Kind(Enum):
    MESSAGE = "M"
    TLV = "P"
    TV = "T"


@dataclass(frozen=True, slots=True)
class Field:
    """`name` is empty for reserved bits, `bits` 0 where the size is the value's."""

    name: str
    type: str
    bits: int
    signed: bool = False
    enumeration: str = ""
    format: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A parameter inside another: how often it stands there. `many` is any number, `needed` at least one."""

    name: str
    needed: bool
    many: bool


@dataclass(frozen=True, slots=True)
class Definition:
    """`vendor` and `subtype` are -1 for what is no extension; then `number` is the type, else 1023.

    `parts` name parameters and choices as the definition does, `allowed` every parameter that may stand inside.
    `response` is the answer's name, empty for a message that has none. `later` is true for what 1.0.1 lacks.
    """

    kind: Kind
    name: str
    number: int
    fields: tuple[Field, ...]
    parts: tuple[Part, ...]
    allowed: frozenset[str]
    response: str = ""
    later: bool = False
    vendor: int = -1
    subtype: int = -1


def _field(text: str) -> Field:
    if text[0] == "_":
        return Field("", "reserved", int(text[1:]))
    text, _, form = text.partition("/")
    text, _, enumeration = text.partition("=")
    name, _, kind = text.partition(":")
    bits = int(kind[1:]) if kind[1:].isdigit() else 0
    return Field(name, kind, bits, kind[0] == "s", enumeration, form)


def _part(text: str) -> Part:
    repeat = text[-1] if text[-1] in "?*+" else "1"
    return Part(text.removesuffix(repeat) if repeat != "1" else text, needed=repeat in "1+", many=repeat in "*+")


def _rows() -> list[list[str]]:
    return [line.split("|") + [""] * 4 for line in ROWS.replace("\n  ", " ").splitlines()]


def _choices() -> dict[str, tuple[str, ...]]:
    return {row[1]: tuple(row[2].split()) for row in _rows() if row[0][0] == "C"}


def _enumerations() -> tuple[dict[str, dict[int, str]], dict[str, dict[str, int]]]:
    """Names by number, and numbers by every name; where the versions differ, the name of 1.0.1 is the first."""
    names: dict[str, dict[int, str]] = {}
    numbers: dict[str, dict[str, int]] = {}
    for head, enumeration, entries, *_ in _rows():
        if head[0] != "E":
            continue
        names[enumeration], numbers[enumeration] = {}, {}
        for entry in entries.split():
            number, _, both = entry.partition("=")
            names[enumeration][int(number)] = both.partition("/")[0]
            numbers[enumeration] |= dict.fromkeys(both.split("/"), int(number))
    return names, numbers


def _definition(head: str, name: str, fields: str, parts: str, response: str) -> Definition:
    kind, number = Kind(head[0]), head[2:]
    found = tuple(map(_part, parts.split()))
    allowed = frozenset(member for part in found for member in CHOICES.get(part.name, (part.name,)))
    shared = (tuple(map(_field, fields.split())), found, allowed, response)
    if "/" in number:
        vendor, _, subtype = number.partition("/")
        return Definition(kind, name, CUSTOM, *shared, vendor=int(vendor), subtype=int(subtype))
    return Definition(kind, name, int(number.removesuffix("+")), *shared, later=number.endswith("+"))


CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(_choices())
ENUMERATIONS: Mapping[str, Mapping[int, str]] = MappingProxyType(_enumerations()[0])
ENUMERATORS: Mapping[str, Mapping[str, int]] = MappingProxyType(_enumerations()[1])

DEFINITIONS: Mapping[str, Definition] = MappingProxyType(
    {row[1]: _definition(*row[:5]) for row in _rows() if row[0][0] in "MPT"}
)


def _numbered(kind: Kind) -> Mapping[int, Definition]:
    return MappingProxyType({one.number: one for one in DEFINITIONS.values() if one.kind is kind and one.vendor < 0})


def _extensions(kind: Kind) -> Mapping[tuple[int, int], Definition]:
    return MappingProxyType(
        {(one.vendor, one.subtype): one for one in DEFINITIONS.values() if one.kind is kind and one.vendor >= 0}
    )


MESSAGES, TLV, TV = map(_numbered, Kind)
CUSTOM_MESSAGES, CUSTOMS = _extensions(Kind.MESSAGE), _extensions(Kind.TLV)
