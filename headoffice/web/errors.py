"""Every refusal in one shape: `{"error": word for machines, "hint": what to do, "field": where}`."""

from __future__ import annotations

import sqlite3
import sys
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from headoffice.database import is_postgres
from headoffice.errors import DatabaseFull, DatabaseLost, DatabaseUnusable
from headoffice.view.paging import BadCursor
from headoffice.web.language import language_of
from headoffice.web.room import Refused
from headoffice.web.texts_refused import REFUSED

RETRY_S = 2


class Refusal(BaseModel):
    error: str = Field(description="word for machines")
    hint: str = Field(description="what to do, for people")
    field: str | None = Field(None, description="which parameter or member is wrong")


REFUSALS = {
    400: "A parameter is unknown or malformed",
    401: "No token, or one that is not known",
    403: "Not with this token",
    404: "There is no such thing",
    409: "It cannot be done as things are",
    413: "The body is too long",
    422: "A parameter or the body says something that cannot be",
    429: "Too often; retry-after says when",
    503: "The database cannot be used just now; retry-after says when",
}
ALWAYS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": REFUSALS[status]} for status in REFUSALS
}


def refusal(status: int, error: str, hint: str, field: str | None = None) -> JSONResponse:
    body = {"error": error, "hint": hint} | ({"field": field} if field is not None else {})
    headers = {"retry-after": str(RETRY_S)} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return JSONResponse(body, status, headers)


def _told(request: Request, status: int, error: str, hint: str, field: str | None = None) -> Response:
    """In the reader's language, where there are words for it."""
    if error in REFUSED and language_of(request, "en") == "ko":
        hint = REFUSED[error].format(hint=hint)
    return refusal(status, error, hint, field)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return _told(request, error.status, error.error, error.hint, error.field)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where, *names = map(str, first["loc"])
    hint = str(first["msg"]).removeprefix("Value error, ").encode("utf-8", "backslashreplace").decode()
    field = ".".join(names).encode("utf-8", "backslashreplace").decode() or where
    return _told(request, 422, "invalid", hint, field)


def _cursor(request: Request, _error: Exception) -> Response:
    return _told(
        request, 400, "bad_cursor", "take the cursor from `more` of the page before, of the same list", "cursor"
    )


def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    word = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    answer = refusal(error.status_code, word, str(error.detail))
    answer.headers.update(error.headers or {})
    return answer


def _database(request: Request, error: Exception) -> Response:
    if is_mistake(error):
        raise error
    sys.stderr.write(f"desk: {request.url.path}: {error}\n")
    return no_database()


def _failed(_request: Request, _error: Exception) -> Response:
    """Our own mistake: the server writes its traceback, and only this request fails."""
    return refusal(500, "failed", "this is a mistake of the desk; its log has more")


def install(app: FastAPI, target: str) -> None:
    for kind, handler in (
        (Refused, _refused), (RequestValidationError, _invalid), (BadCursor, _cursor), (HTTPException, _http),
        *((one, _database) for one in database_errors(target)), (Exception, _failed),
    ):  # fmt: skip
        app.add_exception_handler(kind, handler)


def database_errors(target: str) -> tuple[type[Exception], ...]:
    """What is raised when a database cannot be used just now."""
    ours = (DatabaseUnusable, DatabaseLost, DatabaseFull)
    if not is_postgres(target):
        return (*ours, sqlite3.OperationalError)
    import psycopg  # noqa: PLC0415  an extra: jaego[postgres]

    return (*ours, psycopg.OperationalError)


def is_mistake(error: Exception) -> bool:
    """SQLite has one class for a database that cannot be used and for SQL that cannot be understood."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_ERROR


def no_database() -> Response:
    return refusal(503, "database", "the database cannot be used just now: try again in a moment")
