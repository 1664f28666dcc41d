"""The desk's pages: drawn here, in the reader's language; `live.js` asks for them again when something has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Annotated, Any, NamedTuple, cast
from urllib.parse import urlencode

import jinja2
import orjson
from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse

from headoffice.view.paging import CURSOR_CHARACTERS_MAX
from headoffice.web.access import LOCAL
from headoffice.web.assets import address, map_style
from headoffice.web.language import COOKIE, chosen, language_of
from headoffice.web.room import Refused, room_of
from headoffice.web.shown import Shown
from headoffice.web.texts import TEXTS, Language, text
from headoffice.web.tokens import Known

TEMPLATES = Path(__file__).parent / "templates"
UNKNOWN: Language = "ko"  # who names neither language
COOKIE_S = 31_536_000
PLACES = (
    ("/", "nav_overview"),
    ("/stock", "nav_stock"),
    ("/stores", "nav_stores"),
    ("/movements", "nav_movements"),
    ("/documents", "nav_documents"),
    ("/counts", "nav_counts"),
    ("/exceptions", "nav_exceptions"),
    ("/alerts", "nav_alerts"),
    ("/checks", "nav_checks"),
    ("/commands", "nav_commands"),
    ("/devices", "nav_devices"),
    ("/workers", "nav_workers"),
)

Handler = Callable[[Request, Exception], Response]
# A form sends its empty fields too: empty and absent are the same.
NameQuery = Annotated[str, Query(pattern=r"^[A-Za-z0-9._-]{0,64}$")]
TextQuery = Annotated[str, Query(max_length=100)]
CursorQuery = Annotated[str | None, Query(max_length=CURSOR_CHARACTERS_MAX)]


class Live(NamedTuple):
    """What a page listens to: the names of the stream's events after which it looks again, of one store or SKU only.

    With `every_s` it looks every so many seconds besides: for what no event tells.
    """

    events: str
    store: str | None = None
    sku: str | None = None
    every_s: int = 0

    @property
    def address(self) -> str:
        asked = {"events": self.events.replace(" ", ","), "store": self.store, "sku": self.sku}
        return f"/api/v1/live?{urlencode({name: value for name, value in asked.items() if value})}"


class Who(NamedTuple):
    """Who looks. `local` is whoever is on this machine: there is no login to end."""

    name: str | None
    may_act: bool
    local: bool


def who_of(request: Request) -> Who:
    known: Known | None = getattr(request.state, "known", None)
    actor: str | None = getattr(request.state, "actor", None)
    return Who(known.name if known else None, actor is not None, known == LOCAL)


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def shown(request: Request) -> Shown:
    return Shown(language_of(request, UNKNOWN), room_of(request).clock.wall_us())


def render(
    request: Request, template: str, content: Mapping[str, Any], *, live: Live | None = None, status: int = 200
) -> HTMLResponse:
    words = shown(request)
    language, path = words.language, request.url.path
    other: Language = "en" if language == "ko" else "ko"
    parts = path.split("/", 2)
    here = f"/{'checks' if parts[1] == 'report' else parts[1]}"

    def with_query(**changes: str | None) -> str:
        return _with(request, changes)

    told: dict[str, Any] = {
        "language": language,
        "other": other,
        "other_address": f"{path}?{request.url.include_query_params(lang=other).query}",
        "path": path,
        "here": here,
        "around": PLACES,
        "query": dict(request.query_params),
        "with_query": with_query,
        "static": address,
        "map_style": map_style,
        "live": live,
        "bare": False,
        "s": words,
        "t": words.t,
        "n": words.number,
        "zone": words.zone,
        "refusals": {status: words.t(f"said_{status}") for status in (401, 403, 404, 409, 413, 422, 429, 503)},
        "version": version("jaego"),
        "who": who_of(request),
    }
    html = _templates().get_template(template).render({**told, **content})
    response = HTMLResponse(html, status)
    if status == 200 and chosen(request):
        response.set_cookie(COOKIE, language, max_age=COOKIE_S, httponly=True, samesite="strict")
    return response


def _with(request: Request, changes: dict[str, str | None]) -> str:
    """The page's own address with other parameters; None takes one away. The language stays in its cookie."""
    url = request.url.remove_query_params(["lang", *changes])
    kept = {name: value for name, value in changes.items() if value not in {None, ""}}
    query = url.include_query_params(**kept).query if kept else url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def csv_of(path: str, **asked: str | None) -> str:
    """Where the API gives the same list as a table."""
    return f"{path}?{urlencode({'format': 'csv'} | {name: value for name, value in asked.items() if value})}"


def failed(request: Request, status: int, detail: str | None = None) -> HTMLResponse:
    """What went wrong, as a page; `detail` in the API's own words."""
    language = language_of(request, UNKNOWN)
    title = f"error_{status}" if f"error_{status}" in TEXTS else "error_other"
    advice = f"hint_{status}" if f"hint_{status}" in TEXTS else "hint_other"
    content = {
        "status": status,
        "title": text(title, language),
        "hint": text(advice, language),
        "detail": detail or "",
    }
    return render(request, "error.html", content, status=status)


def tell_failures(app: FastAPI) -> None:
    """What goes wrong on a page is answered by a page; everything else as it is."""
    for kind, handler in list(app.exception_handlers.items()):
        if not iscoroutinefunction(handler):
            app.add_exception_handler(kind, _paged(cast("Handler", handler)))


def _paged(handler: Handler) -> Handler:
    def answer(request: Request, error: Exception) -> Response:
        response = handler(request, error)
        if request.url.path.startswith(("/api/", "/static/")):
            return response
        told: dict[str, Any] = orjson.loads(bytes(response.body)) if response.body else {}
        return failed(request, response.status_code, told.get("hint"))

    return answer


def missing(what: str) -> Refused:
    return Refused(404, "not_found", what)
