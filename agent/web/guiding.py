"""What a clerk may do at a station, and what to do next: buttons with the control codes of the sheet, and one line of
advice. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from agent.operations.rules import Rules
from agent.operations.values import Session, Station
from agent.web.texts import Language, text
from identity.control import ControlError, encode

MODES = ("receive", "count", "move", "ship", "return", "adjust", "lookup")


# Control codes without an argument, by the word on their button.
KEYS = {
    "key_ok": encode("OK"),
    "key_cancel": encode("CANCEL"),
    "key_undo": encode("UNDO"),
    "key_damaged": encode("DAMAGED"),
    "key_close": encode("CLOSE"),
    "key_close_short": encode("CLOSE-SHORT"),
    "key_recount": encode("RECOUNT"),
    "key_logout": encode("LOGOUT"),
    "lang_ko": encode("LANG-KO"),
    "lang_en": encode("LANG-EN"),
}


class Choice(NamedTuple):
    """A button: what it says, and the code that it posts. `word` names the text, where it is one of the screens'; `ko`
    and `en` are what it says in both languages, where the configuration has that."""

    label: str
    code: str
    word: str = ""
    ko: str = ""
    en: str = ""


def modes(language: Language) -> list[Choice]:
    return [Choice(text(f"mode_{one}", language), encode(f"MODE-{one}"), f"mode_{one}") for one in MODES]


def zones(station: Station) -> list[Choice]:
    return list(_named("ZONE", sorted(station.zones)))


def reasons(rules: Rules, language: Language) -> list[Choice]:
    return [
        Choice(one.ko if language == "ko" else one.en, encode("REASON", one.code), ko=one.ko, en=one.en)
        for one in rules.reasons
    ]


def documents(names: Iterable[str]) -> list[Choice]:
    return list(_named("DOC", names))


def _named(verb: str, names: Iterable[str]) -> Iterable[Choice]:
    """A name that no control code can hold is on no sheet either."""
    for name in names:
        try:
            yield Choice(name, encode(verb, name))
        except ControlError:
            continue


def advice(session: Session, language: Language) -> str:
    """The next step in this mode; first what is special about the next scan."""
    return text(_special(session) or _step(session), language)


def _special(session: Session) -> str | None:
    if session.locked:
        return "guide_locked"
    if session.pending:
        return "guide_pending"
    if session.damaged:
        return "guide_damaged"
    return "guide_multiplier" if session.multiplier else None


def _step(session: Session) -> str:
    mode = session.mode
    if mode == "move":
        return "guide_move_from" if session.zone is None else "guide_move" if session.zone_to else "guide_move_to"
    if mode in {"return", "adjust"}:
        return f"guide_{mode}" if session.reason else f"guide_{mode}_reason"
    if mode in {"receive", "ship"}:
        return f"guide_{mode}_document" if session.document else f"guide_{mode}"
    return f"guide_{mode}"
