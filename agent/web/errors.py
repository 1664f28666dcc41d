"""What went wrong, as a page in the reader's language or, under /api/, as JSON; with a hint what to do."""

from __future__ import annotations

from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Scope

from agent.web import ask
from agent.web.access import PROGRAMS, Denied
from agent.web.endpoint import RETRY_S, refusal
from agent.web.headers import secure
from agent.web.pages import render
from agent.web.room import room_of
from agent.web.texts import TEXTS, Language, text

# What an answer of the API says for machines where its endpoint says nothing nearer.
WORDS = {
    400: "bad_request",
    401: "not_logged_in",
    403: "not_allowed",
    404: "not_found",
    405: "no_such_method",
    413: "too_long",
    429: "too_many",
    503: "busy",
}


def _language(request: Request) -> Language:
    """Never raises: it serves the answer to a malformed language too."""
    try:
        return ask.language(request)
    except ask.BadParameter:
        return ask.kept_language(request)


def _say(
    request: Request,
    status: int,
    hint: str,
    headers: dict[str, str] | None = None,
    *,
    word: str = "",
    field: str | None = None,
) -> Response:
    language = _language(request)
    key = f"error_{status}" if f"error_{status}" in TEXTS else "error_400"
    if request.url.path.startswith(PROGRAMS):
        return refusal(status, word or WORDS.get(status, "failed"), hint, field, headers=headers)
    content = {"status": status, "title": text(key, language), "hint": hint}
    return render(request, "error.html", language, content, status=status, headers=headers)


async def http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    key = f"hint_{error.status_code}"
    hint = text(key, _language(request)) if key in TEXTS else error.detail
    return _say(request, error.status_code, hint, dict(error.headers or {}))


async def bad_parameter(request: Request, error: Exception) -> Response:
    assert isinstance(error, ask.BadParameter)
    language = _language(request)
    expected = text(error.expected, language, **error.facts)
    hint = text("hint_400", language, name=error.name, found=error.found, expected=expected)
    return _say(request, 400, hint, word="bad_parameter", field=error.name)


async def denied(request: Request, error: Exception) -> Response:
    """A page that nobody may see without a login leads there."""
    assert isinstance(error, Denied)
    hint = text(f"denied_{error.word}", _language(request), n=error.wait_s)
    headers = {"retry-after": str(error.wait_s)} if error.wait_s else {}
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
        if request.method == "GET" and not request.url.path.startswith(PROGRAMS):
            return RedirectResponse(f"/login?next={quote(request.url.path)}", 303)
    return _say(request, error.status, hint, headers)


async def busy(request: Request, _error: Exception) -> Response:
    return _say(request, 503, text("hint_503", _language(request)), {"retry-after": str(RETRY_S)})


async def failed(request: Request, _error: Exception) -> Response:
    """A bug in a screen ends this answer and no more; it is counted, and the server writes its traceback."""
    room_of(request).failures += 1
    response = _say(request, 500, text("hint_500", _language(request)))
    secure(MutableHeaders(raw=response.raw_headers), request.url.scheme)  # this answer goes out around the guard
    return response


def refuse(scope: Scope, status: int) -> ASGIApp:
    """Without a page: whoever asks under a wrong name, or with too much, gets nothing of ours."""
    language = room_of(Request(scope)).view.language
    lines = f"{text(f'error_{status}', language)}\n{text(f'hint_{status}', language)}\n"
    return Response(lines, status, media_type="text/plain; charset=utf-8")
