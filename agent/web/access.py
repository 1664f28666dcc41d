"""Who asks, and what they may: a program by token, a clerk by cookie, a screen of this PC, or nobody.

A screen of this PC (`kiosk`) gets a cookie with any page, from loopback and while `web.open_screens` holds: it may
read, and scan at stations. Its cookie is signed and nowhere kept. A clerk's cookie is a new one at each login.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from agent.clock import Clock
from agent.operations.values import Clerk, Role
from agent.people import People, Refused, Scope
from agent.web.access_limits import Buckets

COOKIE = "jaego_session"
KIOSK = "k."
KIOSK_S = 30 * 24 * 3600
KIOSK_RENEWED_S = 24 * 3600  # a page loaded later than this gets a new one
COOKIE_CHARACTERS_MAX = 200
TOKEN_CHARACTERS_MAX = 128
CSRF_HEADER = "x-jaego-csrf"
METRICS = "/metrics"
PROGRAMS = ("/api/", "/events", METRICS)  # no pages: what is wrong is told as JSON
LOGIN_PATHS = frozenset({"/login", "/logout"})  # forms, which cannot send a header; their origin is checked
ROLES: tuple[Role, ...] = ("clerk", "supervisor", "admin")
READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Principal:
    """`key` names it among others, for limits and logs; `csrf` is empty where nothing needs it."""

    kind: Literal["nobody", "kiosk", "clerk", "token"]
    key: str
    clerk: Clerk | None = None
    scopes: frozenset[Scope] = frozenset()
    csrf: str = ""

    def may(self, need: Need) -> bool:
        match self.kind:
            case "token":
                return need.scope in self.scopes or "admin" in self.scopes
            case "clerk":
                assert self.clerk is not None
                return ROLES.index(self.clerk.role) >= ROLES.index(need.role)
            case "kiosk":
                return need.kiosk
            case "nobody":
                return False


@dataclass(frozen=True, slots=True)
class Need:
    """What a route asks for: a token's scope, or a clerk's role; `kiosk` where a screen without a login may too."""

    scope: Scope = "read"
    role: Role = "clerk"
    kiosk: bool = False


READ = Need(kiosk=True)


class Denied(Exception):
    """`word` names the lines `denied_…` of the screens' texts."""

    def __init__(self, status: Literal[401, 403, 429], word: str, *, wait_s: int = 0) -> None:
        super().__init__(word)
        self.status, self.word, self.wait_s = status, word, wait_s


NOBODY = Principal("nobody", "")


class Access:
    """On the event loop, except `check`, which computes in a thread."""

    def __init__(self, people: People, clock: Clock, *, open_screens: bool, tls: bool) -> None:
        self._people = people
        self._clock = clock
        self._open_screens = open_screens
        self._tls = tls
        self.cookie = f"__Host-{COOKIE}" if tls else COOKIE
        # A screen sends one request for each scan; four stations at full speed and a till are far below.
        self._asked = Buckets(per_s=200, burst=400)
        self._written = Buckets(per_s=50, burst=200)
        self._logins = Buckets(per_s=1 / 6, burst=20)

    def _now_s(self) -> float:
        return self._clock.now().monotonic_ns / 1e9

    # -- who ---------------------------------------------------------------------------------------------------------

    def principal(self, request: Request) -> Principal:
        """Raises `Denied` for a token that is none: a program must not be served as something else by mistake."""
        given = request.headers.get("authorization")
        if given is not None:
            kind, _, token = given.partition(" ")
            client = None
            if kind.lower() == "bearer" and len(token) <= TOKEN_CHARACTERS_MAX:
                client = self._people.client(token.strip())
            if client is None:
                raise Denied(401, "token")
            return Principal("token", f"token {client.name}", scopes=client.scopes)
        cookie = request.cookies.get(self.cookie, "")
        if not cookie or len(cookie) > COOKIE_CHARACTERS_MAX:
            return NOBODY
        if cookie.startswith(KIOSK):
            return self._kiosk(cookie, request)
        clerk = self._people.login(cookie)
        return NOBODY if clerk is None else Principal("clerk", clerk.clerk, clerk, csrf=self._csrf(cookie))

    def _csrf(self, cookie: str) -> str:
        return self._people.sign("csrf", cookie)

    def _kiosk(self, cookie: str, request: Request) -> Principal:
        age_s = self._kiosk_age_s(cookie)
        if age_s is None or age_s > KIOSK_S or not self.opens_for(request):
            return NOBODY
        return Principal("kiosk", cookie.rpartition(".")[0], csrf=self._csrf(cookie))

    def _kiosk_age_s(self, cookie: str) -> int | None:
        """None: we never made it."""
        text, _, mark = cookie.rpartition(".")
        if not hmac.compare_digest(mark.encode(), self._people.sign("kiosk", text).encode()):
            return None
        return abs(self._clock.now().wall_us // 1_000_000 - int(text.split(".")[1]))

    def opens_for(self, request: Request) -> bool:
        """Whether a page may be had from there without a login."""
        return self._open_screens and is_loopback(request)

    def welcome(self, request: Request) -> str | None:
        """A new cookie for a screen of this PC, if it has none or an old one."""
        held = request.cookies.get(self.cookie, "")[:COOKIE_CHARACTERS_MAX]
        age_s = self._kiosk_age_s(held) if held.startswith(KIOSK) else None
        if age_s is not None and age_s <= KIOSK_RENEWED_S:
            return None
        text = f"{KIOSK}{self._clock.now().wall_us // 1_000_000}.{self._people.draw()}"
        return f"{text}.{self._people.sign('kiosk', text)}"

    def as_kiosk(self, cookie: str) -> Principal:
        """Of a cookie that `welcome` has just made."""
        return Principal("kiosk", cookie.rpartition(".")[0], csrf=self._csrf(cookie))

    # -- whether -----------------------------------------------------------------------------------------------------

    def name(self, clerk: str | None) -> str:
        """What somebody at a station is called; empty for nobody, and for whoever was erased."""
        held = self._people.clerk(clerk) if clerk is not None else None
        return held.name if held is not None else ""

    def limit(self, request: Request) -> None:
        """Each request counts for its address. Raises `Denied`."""
        wait_s = self._asked.wait_s(address_of(request), self._now_s())
        if wait_s:
            raise Denied(429, "often", wait_s=wait_s)

    def writes(self, request: Request, who: Principal) -> None:
        """A request that may change something: not too often, and from a page of ours. Raises `Denied`."""
        key = who.key or address_of(request)
        wait_s = self._written.wait_s(key, self._now_s())
        if wait_s:
            raise Denied(429, "often", wait_s=wait_s)
        if who.kind == "token":
            return
        if not is_same_origin(request):
            raise Denied(403, "origin")
        if who.kind != "nobody" and request.url.path not in LOGIN_PATHS:
            sent = request.headers.get(CSRF_HEADER, "")
            if not hmac.compare_digest(sent.encode(), who.csrf.encode()):
                raise Denied(403, "csrf")

    # -- in and out --------------------------------------------------------------------------------------------------

    async def check(self, request: Request, badge: str, pin: str) -> Clerk:
        """Whose badge and PIN they are. Raises `Denied`."""
        address = address_of(request)
        wait_s = self._logins.wait_s(address, self._now_s())
        if wait_s:
            raise Denied(429, "pins", wait_s=wait_s)
        found = await asyncio.to_thread(self._people.check, badge, pin, address)
        match found:
            case Clerk():
                return found
            case Refused(why="wait"):
                raise Denied(429, "pins", wait_s=found.wait_s)
            case Refused():
                raise Denied(403, "pin")

    async def supervisor(self, request: Request, badge: str, pin: str) -> Clerk:
        """Who allows something, standing beside whoever is logged in. Raises `Denied`."""
        clerk = await self.check(request, badge, pin)
        if clerk.role == "clerk":
            raise Denied(403, "role")
        return clerk

    async def log_in(self, clerk: Clerk, response: Response, request: Request) -> None:
        """A new cookie; a session that this browser had ends."""
        await self._end(request)
        self.set_cookie(response, await asyncio.to_thread(self._people.open_login, clerk.clerk))

    async def log_out(self, response: Response, request: Request) -> None:
        await self._end(request)
        response.delete_cookie(self.cookie, path="/", secure=self._tls, httponly=True, samesite="strict")

    async def _end(self, request: Request) -> None:
        held = request.cookies.get(self.cookie)
        if held and not held.startswith(KIOSK):
            await asyncio.to_thread(self._people.close_login, held)

    def set_cookie(self, response: Response, value: str) -> None:
        age_s = KIOSK_S if value.startswith(KIOSK) else None  # a clerk's goes with the browser
        response.set_cookie(
            self.cookie, value, max_age=age_s, path="/", secure=self._tls, httponly=True, samesite="strict"
        )


def principal_of(request: Request) -> Principal:
    """As the guard found it."""
    found: Principal = request.state.principal
    return found


def require(request: Request, need: Need) -> Principal:
    """Raises `Denied`: 401 for nobody, 403 for somebody who may not."""
    who = principal_of(request)
    if who.may(need):
        return who
    if who.kind == "nobody":
        raise Denied(401, "login")
    if who.kind == "token":
        raise Denied(403, "scope")
    raise Denied(401, "login") if who.kind == "kiosk" and need.role == "clerk" else Denied(403, "role")


Handler = Callable[[Request], Awaitable[Response]]


def needs(handler: Handler, need: Need, *, open_here: bool = False) -> Handler:
    """The handler, for those who may; `open_here`: and for everybody on this PC."""

    async def guarded(request: Request) -> Response:
        if not (open_here and is_loopback(request)):
            require(request, need)
        return await handler(request)

    return guarded


def address_of(request: Request) -> str:
    """Where it comes from; an IPv6 host owns 2^64 addresses, so its network counts."""
    host = request.client.host if request.client is not None else ""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return str(mapped)
    return str(address) if address.version == 4 or address.is_loopback else address.exploded[:19]


def is_loopback(request: Request) -> bool:
    try:
        return ip_address(address_of(request)).is_loopback
    except ValueError:
        return False


def is_same_origin(request: Request) -> bool:
    """Sec-Fetch-Site, which browsers send and pages cannot forge, or the Origin; neither: it is no page of ours."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    origin = request.headers.get("origin")
    if origin is None or (origin == "null" and site is not None):  # a form's, under our Referrer-Policy
        return site is not None
    try:
        held = urlsplit(origin)
    except ValueError:
        return False
    return (held.scheme, held.netloc.lower()) == (request.url.scheme, request.headers.get("host", "").lower())
