"""GS1 element strings: application identifiers with their values, on the wire and in brackets.

A value is checked by its components' linters, a string by the association rules (mutually exclusive, required,
repeated). GS1 General Specifications 7.8 (processing, FNC1) and 4.14 (associations).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from identity.ai_table import Spec, matches, table

GS = "\x1d"
ELEMENTS_MAX = 64  # a GS1 QR Code of 4,296 characters cannot hold many more that differ

Elements = tuple[tuple[str, str], ...]


class ElementError(ValueError):
    """`reason` is our machine word, `linter` the reference linter's word where one refused, `ai` the identifier."""

    def __init__(self, reason: str, message: str, *, ai: str = "", linter: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.ai = ai
        self.linter = linter


def check_value(spec: Spec, value: str) -> None:
    """Applies the components to `value`, each taking its share from the front. ElementError tells the first fault."""
    at = 0
    for part in spec.components:
        share = value[at : at + part.most]
        if not share and part.optional:
            break
        if not part.allowed.issuperset(share):
            raise _linted(spec, part.fault, value)
        if len(share) < part.least:
            raise ElementError("ai_too_short", f"AI {spec.ai}: {value!r} is too short", ai=spec.ai)
        for linter in part.linters:
            fault = linter(share)
            if fault is not None:
                raise _linted(spec, fault, value)
        at += len(share)
    if at != len(value):
        raise ElementError("ai_too_long", f"AI {spec.ai}: {value!r} is longer than {spec.most}", ai=spec.ai)


def _linted(spec: Spec, fault: str, value: str) -> ElementError:
    reason = "check_digit" if fault == "INCORRECT_CHECK_DIGIT" else "ai_" + fault.lower()
    message = f"AI {spec.ai} ({spec.title}): {value!r}: {fault.lower().replace('_', ' ')}"
    return ElementError(reason, message, ai=spec.ai, linter=fault)


def _spec_at(specs: dict[str, Spec], text: str, at: int) -> Spec:
    # No identifier is the beginning of another one, so the first length that fits is the only one.
    for length in (2, 3, 4):
        spec = specs.get(text[at : at + length])
        if spec is not None:
            return spec
    raise ElementError("ai_unknown", f"no application identifier begins {text[at : at + 4]!r}", ai=text[at : at + 4])


def parse(text: str) -> Elements:
    """Elements of a string as scanned: GS for FNC1, one in front tolerated, as is one behind a predefined length.

    Raises ElementError. Associations are not checked here.
    """
    specs = table()
    found: list[tuple[str, str]] = []
    at = 0
    end = len(text)
    while at < end:
        if text[at] == GS:
            at += 1
            continue
        if len(found) == ELEMENTS_MAX:
            raise ElementError("ai_too_many", f"more than {ELEMENTS_MAX} elements")
        spec = _spec_at(specs, text, at)
        at += len(spec.ai)
        stop = text.find(GS, at)
        if stop < 0:
            stop = end
        if spec.predefined:
            stop = min(stop, at + spec.most)
        value = text[at:stop]
        check_value(spec, value)
        found.append((spec.ai, value))
        at = stop
    if not found:
        raise ElementError("empty", "no element")
    return tuple(found)


def parse_bracketed(text: str) -> Elements:
    """Elements of the human readable form `(01)…(10)…`; a bracket that belongs to a value is written `\\(`."""
    specs = table()
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        close = text.find(")", at)
        spec = specs.get(text[at + 1 : close]) if text[at] == "(" and close > 0 else None
        if spec is None:
            raise ElementError("ai_unknown", f"no application identifier in brackets at {text[at : at + 6]!r}")
        stop = close + 1
        while stop < len(text) and not (text[stop] == "(" and text[stop - 1] != "\\"):
            stop += 1
        value = text[close + 1 : stop].replace("\\(", "(")
        check_value(spec, value)
        found.append((spec.ai, value))
        if len(found) > ELEMENTS_MAX:
            raise ElementError("ai_too_many", f"more than {ELEMENTS_MAX} elements")
        at = stop
    if not found:
        raise ElementError("empty", "no element")
    return tuple(found)


def unparse(elements: Iterable[tuple[str, str]], separator: str = GS) -> str:
    """The wire form, FNC1 only where the next element needs it and none in front."""
    specs = table()
    parts: list[str] = []
    open_end = False
    for ai, value in elements:
        if open_end:
            parts.append(separator)
        parts.append(ai + value)
        open_end = not specs[ai].predefined
    return "".join(parts)


def bracketed(elements: Iterable[tuple[str, str]]) -> str:
    return "".join(f"({ai})" + value.replace("(", "\\(") for ai, value in elements)


def repeated(elements: Elements) -> str | None:
    """The identifier that stands twice with different values, if any (4.14.1)."""
    seen: dict[str, str] = {}
    for ai, value in elements:
        if seen.setdefault(ai, value) != value:
            return ai
    return None


def excluded(elements: Elements) -> tuple[str, str] | None:
    """Two identifiers that must not stand together, if any. None is exclusive of itself."""
    specs = table()
    present = {ai for ai, _ in elements}
    for ai in sorted(present):
        for pattern in specs[ai].excludes:
            for other in present:
                if other != ai and matches(pattern, other):
                    return ai, other
    return None


def missing(elements: Elements) -> tuple[str, str] | None:
    """An identifier whose companion is not there, with the companions it may have, if any."""
    specs = table()
    present = {ai for ai, _ in elements}
    for ai, _ in elements:
        for groups in specs[ai].requires:
            if not any(_complete(group, present) for group in groups):
                return ai, " or ".join("+".join(group) for group in groups)
    return None


def _complete(group: Sequence[str], present: set[str]) -> bool:
    return all(any(matches(pattern, ai) for ai in present) for pattern in group)


def unserialised_signature(elements: Elements) -> str | None:
    """The key that lacks the serial which a digital signature (AI 8030) wants; GDTI, GCN, GRAI have it optional."""
    values = dict(elements)
    if "8030" not in values:
        return None
    for ai, bare in (("253", 13), ("255", 13), ("8003", 14)):
        if ai in values and len(values[ai]) == bare:
            return ai
    return None
