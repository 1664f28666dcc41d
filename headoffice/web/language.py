"""Which language who asks reads: of pages, and of what a refusal says to people."""

from __future__ import annotations

from fastapi import Request

from headoffice.web.texts import LANGUAGES, Language

COOKIE = "jaego_hq_lang"


def chosen(request: Request) -> Language | None:
    """What `?lang=` says; anything else than a language says nothing."""
    told = request.query_params.get("lang")
    return next((one for one in LANGUAGES if one == told), None)


def language_of(request: Request, otherwise: Language) -> Language:
    """The address's, else the cookie's, else the first of ours that the browser names."""
    told = chosen(request) or request.cookies.get(COOKIE)
    if told in LANGUAGES:
        return told
    for part in request.headers.get("accept-language", "").split(","):
        named = part.split(";")[0].strip().lower()[:2]
        if named in LANGUAGES:
            return named
    return otherwise
