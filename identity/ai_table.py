"""The application identifiers as values: components, FNC1 need, associations, Digital Link roles.

Built from ai_rows.py at the first use (about 530 identifiers, a few milliseconds), never at import.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from identity.ai_rows import ROWS
from identity.linters import CSET39, CSET64, CSET82, DIGITS, LINTERS, Linter

CHARACTER_SETS = {
    "N": (DIGITS, "NON_DIGIT_CHARACTER"),
    "X": (CSET82, "INVALID_CSET82_CHARACTER"),
    "Y": (CSET39, "INVALID_CSET39_CHARACTER"),
    "Z": (CSET64 | {"="}, "INVALID_CSET64_CHARACTER"),
}


_OPEN_TIMES = frozenset({"4324", "4325"})


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a value: `least` to `most` characters of `allowed`, then the linters in their order."""

    allowed: frozenset[str]
    fault: str
    least: int
    most: int
    optional: bool
    linters: tuple[Linter, ...]


@dataclass(frozen=True, slots=True)
class Spec:
    """One application identifier.

    `predefined`: its length is known to every reader, so no FNC1 follows. `requires`: one of the groups must be
    complete, for each entry. `excludes`: patterns, n standing for any digit. `qualifiers`: None if it is no Digital
    Link key, else the allowed sequences of path qualifiers.
    """

    ai: str
    predefined: bool
    attribute: bool
    components: tuple[Component, ...]
    least: int
    most: int
    requires: tuple[tuple[tuple[str, ...], ...], ...]
    excludes: tuple[str, ...]
    qualifiers: tuple[tuple[str, ...], ...] | None
    title: str


def _component(word: str) -> Component:
    optional = word[0] == "["
    form, *names = word.replace("[", "").replace("]", "").split(",")
    linters = tuple(LINTERS[name] for name in names)
    length = form[1:]
    most = int(length.removeprefix(".."))
    least = 1 if length.startswith("..") else most
    if form[0] == "Z":
        return Component(
            CSET64 | {"="}, "INVALID_CSET64_CHARACTER", least, most, optional, (LINTERS["cset64"], *linters)
        )
    allowed, fault = CHARACTER_SETS[form[0]]
    return Component(allowed, fault, least, most, optional, linters)


def _spec(ai: str, row: Sequence[str]) -> Spec:
    _, flags, words, attributes, title = (*row, "", "")[:5]
    if ai in _OPEN_TIMES:
        words = words.replace("hhmi", "hhmi_or_open")
    components = tuple(_component(word) for word in words.split())
    requires: list[tuple[tuple[str, ...], ...]] = []
    excludes: list[str] = []
    qualifiers: tuple[tuple[str, ...], ...] | None = None
    for attribute in attributes.split():
        name, _, value = attribute.partition("=")
        if name == "req":
            requires.append(tuple(tuple(group.split("+")) for group in value.split(",")))
        elif name == "ex":
            excludes.extend(value.split(","))
        else:
            qualifiers = tuple(tuple(way.split(",")) for way in value.split("/")) if value else ((),)
    return Spec(
        ai=ai,
        predefined="*" in flags,
        attribute="?" in flags,
        components=components,
        least=sum(part.least for part in components if not part.optional),
        most=sum(part.most for part in components),
        requires=tuple(requires),
        excludes=tuple(excludes),
        qualifiers=qualifiers,
        title=title,
    )


@cache
def table() -> dict[str, Spec]:
    """Every application identifier, ranges unfolded."""
    specs: dict[str, Spec] = {}
    for line in ROWS.splitlines():
        row = line.split("|")
        first, _, last = row[0].partition("-")
        for number in range(int(first), int(last or first) + 1):
            ai = str(number).zfill(len(first))
            specs[ai] = _spec(ai, row)
    return specs


def matches(pattern: str, ai: str) -> bool:
    """Whether `ai` fits a pattern of digits and n (any digit)."""
    return len(pattern) == len(ai) and ai.startswith(pattern.rstrip("n"))
