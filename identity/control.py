"""Control barcodes: `STK-<words>-<check>`, the keyboard of a station without a screen (operations.md).

The check character is ISO/IEC 7064 MOD 37,36 over the letters and digits between prefix and check, so that a
product's label can hardly order anything and a smudged sheet orders nothing. Case does not matter.

    >>> encode("UNDO")
    'STK-UNDO-3'
    >>> parse("stk-x12-o")
    Control(verb='X', argument='12')
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from identity.check import mod37_36

PREFIX = "STK-"
CONTROL_CHARACTERS_MAX = 64
ARGUMENT_CHARACTERS_MAX = 40


class Problem(StrEnum):
    """Why a text with the prefix is no order."""

    CHECK = "control_check"
    UNKNOWN = "control_unknown"
    ARGUMENT = "control_argument"
    LENGTH = "control_length"


class ControlError(ValueError):
    def __init__(self, problem: Problem, message: str) -> None:
        super().__init__(message)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Control:
    """An order: `verb` from `VERBS`; `argument` (upper case) where the verb takes one, digits only for X and SET."""

    verb: str
    argument: str | None = None


# Verbs that stand alone. MODE and LANG are closed sets, so each is a word of its own.
PLAIN = frozenset(
    {
        "LOGOUT",
        "LANG-KO",
        "LANG-EN",
        "MODE-RECEIVE",
        "MODE-COUNT",
        "MODE-MOVE",
        "MODE-SHIP",
        "MODE-RETURN",
        "MODE-ADJUST",
        "MODE-LOOKUP",
        "UNDO",
        "DAMAGED",
        "OK",
        "CANCEL",
        "CLOSE",
        "CLOSE-SHORT",
        "RECOUNT",
    }
)
NAMED = frozenset({"LOGIN", "ZONE", "DOC", "REASON"})  # VERB-<argument>
COUNTED = frozenset({"X", "SET"})  # VERB<number>
VERBS = PLAIN | NAMED | COUNTED

# Five digits at most: more is a slip of the sheet, not a quantity.
_COUNTED = re.compile(r"(X|SET)([0-9]{1,5})\Z")
_ARGUMENT = re.compile(r"[0-9A-Z](?:[0-9A-Z ./_+-]*[0-9A-Z])?\Z")


def is_control(text: str) -> bool:
    return text[:4].upper() == PREFIX


def parse(text: str) -> Control:
    """The order in `text`, or ControlError with the problem."""
    if len(text) > CONTROL_CHARACTERS_MAX:
        raise ControlError(Problem.LENGTH, f"longer than {CONTROL_CHARACTERS_MAX} characters")
    upper = text.upper() if text.isascii() else ""
    body, dash, check = upper[len(PREFIX) :].rpartition("-")
    if not upper.startswith(PREFIX) or not dash or len(check) != 1:
        raise ControlError(Problem.CHECK, "no check character at the end")
    if mod37_36(body) != check:
        raise ControlError(Problem.CHECK, f"check character {check} does not fit: scan again or print a new sheet")
    return _order(body)


def _order(body: str) -> Control:
    if body in PLAIN:
        return Control(body)
    counted = _COUNTED.match(body)
    if counted is not None:
        number = int(counted[2])
        if number == 0 and counted[1] == "X":
            raise ControlError(Problem.ARGUMENT, "X0 would swallow the next scan")
        return Control(counted[1], str(number))
    verb, dash, argument = body.partition("-")
    if verb in NAMED and dash:
        if len(argument) > ARGUMENT_CHARACTERS_MAX or not _ARGUMENT.match(argument):
            raise ControlError(Problem.ARGUMENT, f"{verb} cannot take {argument!r}")
        return Control(verb, argument)
    raise ControlError(Problem.UNKNOWN, f"no control code is called {body!r}")


def encode(verb: str, argument: str | int | None = None) -> str:
    """The text to print: upper case, prefix, check character. ControlError if `parse` would not give it back."""
    verb = verb.upper()
    wanted = None if argument is None else str(argument).upper()
    dash = "" if verb in COUNTED else "-"
    body = verb if wanted is None else f"{verb}{dash}{wanted}"
    text = f"{PREFIX}{body}-{mod37_36(body)}"
    if parse(text) != Control(verb, wanted):
        raise ControlError(Problem.ARGUMENT, f"{verb} cannot take {argument!r}")
    return text
