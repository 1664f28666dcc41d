"""Around every answer: the Host check and the security headers.

A page of a stranger's site may let its own name point at 127.0.0.1 (DNS rebinding) and then read what this agent says,
because to the browser it is the same origin. The Host header still carries the stranger's name, so we answer only to
names that are ours: loopback, the configured host, and the very address that the connection came in on.
"""

from __future__ import annotations

from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.web.errors import refuse
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

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                secure(MutableHeaders(scope=message))
            await send(message)

        if _head_size_bytes(scope) > HEAD_BYTES_MAX:
            await refuse(scope, 431)(scope, receive, secured)
            return
        if not is_ours(Headers(scope=scope).getlist("host"), scope, self._room.hosts):
            await refuse(scope, 421)(scope, receive, secured)
            return
        await self._app(scope, receive, secured)


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
