"""Who is asking; logins of browsers; whether the desk lives."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from headoffice.view.paging import Told
from headoffice.web import tokens
from headoffice.web.access import SECRET_CHARACTERS_MAX, Access, Stopped, cookie_name, cookie_of, set_cookie
from headoffice.web.errors import refusal
from headoffice.web.room import Reading, room_of
from headoffice.web.tokens import Known

router = APIRouter(prefix="/api/v1", tags=["access"])


class Me(Told):
    name: str = Field(description="of the token; `local`: whoever is on this machine")
    role: Literal["view", "act"] = Field(description="view: reads; act: writes too")


class Login(Told):
    token: Annotated[str, Field(min_length=1, max_length=SECRET_CHARACTERS_MAX)]


class Lives(Told):
    status: Literal["ok"]


@router.get("/health", summary="Whether the desk and its database can be used; open to everybody")
def health(database: Reading) -> Lives:
    database.rows("SELECT store FROM position LIMIT 1")
    return Lives(status="ok")


@router.get("/me", summary="Whose token or login this is")
def me(request: Request) -> Me:
    known: Known = request.state.known
    return Me(name=known.name, role=known.role)


@router.post("/login", summary="Open a login for this browser; answers with its cookie", response_model=Me)
async def log_in(body: Login, request: Request) -> Response:
    access: Access = request.app.state.access
    try:
        known = await access.check(request.scope, body.token)
    except Stopped as stopped:
        return stopped.response
    if known is None:
        return refusal(401, "unknown", "there is no such token", "token")
    secret = await run_in_threadpool(_open, request, known.name)
    response = JSONResponse({"name": known.name, "role": known.role})
    set_cookie(response, request.scope, secret)
    return response


@router.post("/logout", summary="End this browser's login", status_code=204, responses={204: {"model": None}})
async def log_out(request: Request) -> Response:
    secret = cookie_of(request.headers, cookie_name(request.scope))
    if secret:
        await run_in_threadpool(_close, request, secret)
        request.app.state.access.forget(secret)
    response = Response(status_code=204)
    set_cookie(response, request.scope, None)
    return response


def _open(request: Request, name: str) -> str:
    with room_of(request).writing.taken() as database:
        return tokens.open_login(database, name, room_of(request).clock)


def _close(request: Request, secret: str) -> None:
    with room_of(request).writing.taken() as database:
        tokens.close_login(database, tokens.digest(secret))
