"""Who asks, and what they may. In front of everything: what is not opened here needs a token or a login.

A program sends `Authorization: Bearer`. A browser sends the cookie of a login; what it writes carries the header
`X-Jaego-Desk` besides, which a page of another site cannot send without being asked for permission first. With `open`
whoever is on this machine may do everything, as `local`.

Role `view` reads, role `act` writes too.
"""

from __future__ import annotations

import asyncio
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headoffice.web import tokens
from headoffice.web.errors import database_errors, no_database, refusal
from headoffice.web.limits import Buckets
from headoffice.web.origin import address_of, is_loopback, is_of_a_stranger, is_ours
from headoffice.web.room import Room
from headoffice.web.tokens import Known

COOKIE = "jaego_desk"
HEADER = "x-jaego-desk"
SECRET_CHARACTERS_MAX = 128
HEAD_BYTES_MAX = 16 * 1024
BODY_BYTES_MAX = 8 * 1024 * 1024
BODY_S_MAX = 30.0
KNOWN_S = 2.0  # a token that is removed works so much longer
KNOWN_MAX = 1_000
READING = frozenset({"GET", "HEAD"})
OPEN = frozenset(
    {
        *("/login", "/favicon.ico", "/api/v1/login", "/api/v1/health"),
        *("/api/v1/enrol", "/api/v1/enrol/authority", "/api/v1/enrol/challenge", "/api/v1/enrol/renew"),
    }
)
LOCAL = Known("local", "act")
# No script, style, frame or connection from anywhere else, none inline: plotly too works without (assets.py); no string
# becomes markup (Trusted Types).
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=()",
}
YEAR_S = 31_536_000


class Gate(NamedTuple):
    """`names`: what this desk is called, beside its own addresses. `open`: this machine needs no token."""

    names: frozenset[str] = frozenset()
    open: bool = False


class Stopped(Exception):
    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class Access:
    """Who asks: looked up in the database, known for a moment."""

    def __init__(self, room: Room, gate: Gate) -> None:
        self.gate = gate
        self._room = room
        self._database_errors = database_errors(room.reading.target)
        self._failed = Buckets(per_s=1 / 6, burst=20)
        self._all = Buckets(per_s=200, burst=1_000)
        self._known: dict[tuple[str, bytes], tuple[float, Known | None]] = {}

    async def who(self, scope: Scope, headers: Headers) -> tuple[Known | None, bool]:
        """And whether a token in a header said so."""
        given = headers.get("authorization")
        if given is not None:
            kind, _, secret = given.partition(" ")
            known = await self._find("token", secret.strip()) if kind.lower() == "bearer" else None
            if known is None:  # a program must not be served as somebody else by mistake
                self._hold_back(scope)
                raise Stopped(_unknown())
            return known, True
        secret = cookie_of(headers, cookie_name(scope))
        known = await self._find("login", secret) if secret else None
        if known is None and self.gate.open and is_loopback(scope):
            return LOCAL, False
        return known, False

    def _hold_back(self, scope: Scope) -> None:
        """After a token that is none. Raises `Stopped` for an address with too many of them."""
        _wait(self._failed.wait_s(address_of(scope), self._room.clock.now_s()), "too many wrong tokens")

    def pace(self, scope: Scope) -> None:
        """Raises `Stopped` for an address that asks too often, whoever it is."""
        _wait(self._all.wait_s(address_of(scope), self._room.clock.now_s()), "too many requests")

    async def _find(self, kind: str, secret: str) -> Known | None:
        if len(secret) > SECRET_CHARACTERS_MAX:
            return None
        key, now_s = (kind, tokens.digest(secret)), self._room.clock.now_s()
        held = self._known.get(key)
        if held is not None and now_s - held[0] < KNOWN_S:
            return held[1]
        try:
            known = await run_in_threadpool(self._look_up, *key)
        except self._database_errors as error:
            raise Stopped(no_database()) from error
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[key] = (now_s, known)
        return known

    def _look_up(self, kind: str, digest: bytes) -> Known | None:
        with self._room.reading.taken() as database:
            if kind == "token":
                return tokens.of_token(database, digest)
            return tokens.of_login(database, digest, self._room.clock.wall_us())

    # -- for the endpoints of logins ---------------------------------------------------------------------------------

    async def check(self, scope: Scope, secret: str) -> Known | None:
        """A token that somebody typed. Raises `Stopped` after too many wrong ones."""
        known = await self._find("token", secret)
        if known is None:
            self._hold_back(scope)
        return known

    def forget(self, secret: str) -> None:
        self._known.pop(("login", tokens.digest(secret)), None)


class Guard:
    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                _secure(MutableHeaders(scope=message), scope["scheme"])
            await send(message)

        headers = Headers(scope=scope)
        try:
            _bounded(scope, headers, self._access.gate.names)
            await self._admit(scope, headers)
        except Stopped as stopped:
            await stopped.response(scope, receive, secured)
            return

        coming = int(headers.get("content-length") or 0) > 0

        async def received() -> Message:
            nonlocal coming
            message = await asyncio.wait_for(receive(), BODY_S_MAX if coming else None)
            coming = coming and message.get("more_body", False)
            return message

        await self._app(scope, received, secured)

    async def _admit(self, scope: Scope, headers: Headers) -> None:
        """Sets `request.state.known`, and `actor` for whoever may change something. Raises `Stopped`."""
        self._access.pace(scope)
        path, writes = str(scope["path"]), scope["method"] not in READING
        if writes and is_of_a_stranger(headers):
            raise Stopped(refusal(403, "foreign_page", "a page of another site sent this"))
        known, by_token = await self._access.who(scope, headers)
        state = scope.setdefault("state", {})
        state["known"], state["actor"] = known, None
        if path in OPEN or path.startswith("/static/"):
            return
        if known is None:
            if path.startswith("/api/"):
                raise Stopped(_unknown())
            raise Stopped(RedirectResponse(f"/login?next={quote(path, safe='/')}", 303))
        if writes and not by_token and HEADER not in headers:
            raise Stopped(refusal(403, "no_header", "send the header X-Jaego-Desk: 1 with what you write"))
        if known.role == "act":
            state["actor"] = known.name
        elif writes and path != "/api/v1/logout":
            raise Stopped(refusal(403, "not_allowed", "a token with role act is needed"))


def cookie_name(scope: Scope) -> str:
    return f"__Host-{COOKIE}" if scope["scheme"] == "https" else COOKIE


def cookie_of(headers: Headers, name: str) -> str:
    """Empty: none."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def set_cookie(response: Response, scope: Scope, secret: str | None) -> None:
    """None takes it back."""
    response.set_cookie(
        cookie_name(scope), secret or "", max_age=tokens.LOGIN_US // 1_000_000 if secret else 0, path="/",
        secure=scope["scheme"] == "https", httponly=True, samesite="strict",
    )  # fmt: skip


def _wait(wait_s: int, why: str) -> None:
    if wait_s:
        response = refusal(429, "too_often", f"{why}: wait {wait_s} s")
        response.headers["retry-after"] = str(wait_s)
        raise Stopped(response)


def _unknown() -> Response:
    response = refusal(401, "unknown", "send a token (jaego-hq token add), or log in at /login")
    response.headers["www-authenticate"] = "Bearer"
    return response


def _bounded(scope: Scope, headers: Headers, names: frozenset[str]) -> None:
    """Before anybody is asked who it is. Raises `Stopped`."""
    target = len(scope.get("raw_path") or b"") + len(scope["query_string"])
    if target + sum(len(name) + len(value) for name, value in scope["headers"]) > HEAD_BYTES_MAX:
        raise Stopped(refusal(431, "head_too_long", f"the head may have {HEAD_BYTES_MAX} bytes"))
    if "transfer-encoding" in headers:
        raise Stopped(refusal(411, "length_required", "send the length of the body with it"))
    if int(headers.get("content-length") or 0) > BODY_BYTES_MAX:
        raise Stopped(refusal(413, "too_long", f"a body may have {BODY_BYTES_MAX} bytes"))
    if not is_ours(headers, scope, names):
        raise Stopped(refusal(421, "unknown_host", "this desk is not called so: --host NAME makes it so"))


def _secure(headers: MutableHeaders, scheme: str) -> None:
    if scheme == "https":
        headers.setdefault("strict-transport-security", f"max-age={YEAR_S}")
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    headers.setdefault("cache-control", "no-store")
