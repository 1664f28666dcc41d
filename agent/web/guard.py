"""Around every answer: the Host check, who asks and how often, and the security headers.

A page of a stranger's site may let its own name point at 127.0.0.1 (DNS rebinding) and then read what this agent says,
because to the browser it is the same origin. The Host header still carries the stranger's name, so we answer only to
names that are ours: loopback, the configured host, and the very address that the connection came in on.
"""

from __future__ import annotations

from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.web.access import LOGIN_PATHS, METRICS, NOBODY, PROGRAMS, READ, READING, Denied, Need, Principal, require
from agent.web.errors import denied, refuse
from agent.web.headers import secure
from agent.web.room import Room

HOST_CHARACTERS_MAX = 255
HEAD_BYTES_MAX = 16 * 1024  # h11 limits only what has not arrived as a whole


class Guard:
    def __init__(self, app: ASGIApp, room: Room) -> None:
        self._app = app
        self._room = room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            # No lifespan and no websocket here: uvicorn is told so, and anything else is a mistake in composing.
            raise RuntimeError(f"no {scope['type']} is served here")

        welcome: str | None = None

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                secure(headers, scope["scheme"])
                if welcome is not None:
                    cookie = Response()
                    self._room.view.access.set_cookie(cookie, welcome)
                    headers.append("set-cookie", cookie.headers["set-cookie"])
            await send(message)

        if _head_size_bytes(scope) > HEAD_BYTES_MAX:
            await refuse(scope, 431)(scope, receive, secured)
            return
        if not is_ours(Headers(scope=scope).getlist("host"), scope, self._room.hosts):
            await refuse(scope, 421)(scope, receive, secured)
            return
        request = Request(scope)
        request.state.principal = NOBODY
        try:
            request.state.principal, welcome = self._admit(request)
            _floor(request)
        except Denied as error:
            response = await denied(request, error)
            await response(scope, receive, secured)
            return
        await self._app(scope, receive, secured)

    def _admit(self, request: Request) -> tuple[Principal, str | None]:
        """Who asks, and the cookie to give. Raises `Denied`."""
        access = self._room.view.access
        access.limit(request)
        who = access.principal(request)
        if request.method not in READING:
            access.writes(request, who)
        elif who.kind in {"nobody", "kiosk"} and _is_page(request) and access.opens_for(request):
            welcome = access.welcome(request)
            return (who, None) if welcome is None else (access.as_kiosk(welcome), welcome)
        return who, None


def _is_page(request: Request) -> bool:
    return not request.url.path.startswith((*PROGRAMS, "/static/"))


def _floor(request: Request) -> None:
    """What every page needs, whoever made it. Each endpoint of the API says itself what it needs."""
    path = request.url.path
    if path.startswith(("/api/", "/static/")) or path in LOGIN_PATHS or path == METRICS:
        return
    require(request, READ if request.method in READING else Need(scope="stock"))


def _head_size_bytes(scope: Scope) -> int:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    target = len(scope.get("raw_path") or b"") + len(scope["query_string"])
    return target + sum(len(name) + len(value) for name, value in headers)


def is_ours(hosts: list[str], scope: Scope, names: set[str]) -> bool:
    """Whether the one Host header names this agent; the port does not matter, a forwarded one may differ."""
    if len(hosts) != 1 or len(hosts[0]) > HOST_CHARACTERS_MAX:
        return False
    host = _without_port(hosts[0].lower())
    if host == "localhost" or host in names:
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    server = scope.get("server")
    return address.is_loopback or (server is not None and _same(server[0], host))


def _same(server: str, host: str) -> bool:
    try:
        mine, theirs = ip_address(server.partition("%")[0]), ip_address(host)
    except ValueError:
        return False
    mapped = getattr(mine, "ipv4_mapped", None)
    return theirs in {mine, mapped}


def _without_port(host: str) -> str:
    """RFC 9110, 7.2: host, or host:port, where an IPv6 address stands in brackets."""
    if host.startswith("["):
        inside, end, rest = host[1:].partition("]")
        return inside if end and (not rest or rest.removeprefix(":").isdigit()) else ""
    name, colon, port = host.partition(":")
    return name if not colon or port.isdigit() else ""
