"""What a request asks for: language and parameters, checked. A malformed one is answered with 400 and a hint."""

from __future__ import annotations

import re

from starlette.requests import Request

from agent.web.room import room_of
from agent.web.texts import LANGUAGES, Language
from contract.ids import is_name

COOKIE = "jaego_lang"
FOUND_CHARACTERS_MAX = 60
PAGE_MAX = 10_000
EPC = re.compile("(?:[0-9A-Fa-f]{2}){4,64}")


class BadParameter(Exception):
    """`expected` is a key of the screens' texts, `facts` fill it."""

    def __init__(self, name: str, found: str, expected: str, **facts: object) -> None:
        super().__init__(f"{name}: {found!r}")
        self.name = name
        self.found = found if len(found) <= FOUND_CHARACTERS_MAX else found[: FOUND_CHARACTERS_MAX - 1] + "…"
        self.expected = expected
        self.facts = facts


def _one(request: Request, name: str) -> str:
    """A form sends empty fields too: empty and absent are the same."""
    values = request.query_params.getlist(name)
    if len(values) > 1:
        raise BadParameter(name, ", ".join(values), "expected_once")
    return values[0].strip() if values else ""


def name(request: Request, parameter: str) -> str | None:
    """An SKU or a zone."""
    value = _one(request, parameter)
    if value and not is_name(value):
        raise BadParameter(parameter, value, "expected_name")
    return value or None


def wanted(request: Request) -> str | None:
    """`?q=`: an SKU, or an EPC, whose spaces are left out and whose letters become capitals."""
    value = _one(request, "q")
    if is_name(value) or not value:
        return value or None
    digits = "".join(value.split()).upper()
    if not is_epc(digits):
        raise BadParameter("q", value, "expected_wanted")
    return digits


def is_epc(text: str) -> bool:
    """Hexadecimal digits of whole bytes. Few enough of them are rather an SKU that is not known."""
    return EPC.fullmatch(text) is not None


def page_number(request: Request) -> int:
    value = _one(request, "page") or "1"
    if not (value.isascii() and value.isdigit() and len(value) <= 6 and 1 <= int(value) <= PAGE_MAX):
        raise BadParameter("page", value, "expected_page", limit=PAGE_MAX)
    return int(value)


def chosen_language(request: Request) -> Language | None:
    """What `?lang=` says in this request."""
    value = _one(request, "lang")
    if not value:
        return None
    if value not in LANGUAGES:
        raise BadParameter("lang", value, "expected_lang")
    return value


def kept_language(request: Request) -> Language:
    """The cookie's, else the store's. A cookie with anything else in it is as none."""
    held = request.cookies.get(COOKIE)
    if held in LANGUAGES:
        return held
    return room_of(request).view.language


def language(request: Request) -> Language:
    return chosen_language(request) or kept_language(request)
