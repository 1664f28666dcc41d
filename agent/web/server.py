"""uvicorn within the agent's own event loop: no signal handlers, no access log, everything bounded.

What uvicorn has no limit for is added here: a head that never ends (a connection that sends a byte now and then would
hold one of the few places for good), and its loop that wakes ten times a second.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import h11
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import Server

from agent.errors import AgentError
from agent.web.guard import HEAD_BYTES_MAX
from agent.web.room import Room

CONNECTIONS_MAX = 160  # the feed takes 100 listeners; the rest is for pages
HEAD_S_MAX = 10.0
KEEP_ALIVE_S = 15
STOP_S_MAX = 2  # a stream ends by itself at once; this is for a page that is just being made
BACKLOG = 64
TICK_S = 1.0


class WebUnavailable(AgentError):
    """The address cannot be listened on."""


class Tls(NamedTuple):
    """PEM files; TLS 1.2 or newer."""

    cert_file: Path
    key_file: Path


class WebServer:
    """Serves an app made by `agent.web.app.build`, in the running loop."""

    def __init__(self, app: Starlette, host: str, port: int, tls: Tls | None = None) -> None:
        self._app = app
        self._tls = tls
        self._host = host
        self._port = port
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> tuple[str, int]:
        """The address and port bound. Raises `WebUnavailable`."""
        room: Room = self._app.state.room
        files = _files(self._tls)
        bound = await _bind(self._host, self._port)
        room.hosts.add(self._host.lower())
        config = uvicorn.Config(
            self._app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=CONNECTIONS_MAX,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOP_S_MAX,
            h11_max_incomplete_event_size=HEAD_BYTES_MAX,
            **files,
        )
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # tracebacks of failed pages; the rest is noise
        self._server = server = _Server(config)
        self._task = task = asyncio.create_task(server.serve(sockets=[bound]), name="screens")
        ready = asyncio.create_task(server.ready.wait())
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            ready.cancel()
            await task  # raises what it ended with
        host, port = bound.getsockname()[:2]
        return str(host), int(port)

    async def stop(self) -> None:
        """Ends streams at once, lets pages under way finish for `STOP_S_MAX`. Nothing reads the view afterwards."""
        if self._server is None or self._task is None:
            return
        room: Room = self._app.state.room
        room.closing.set()
        self._server.stop()
        await self._task
        await room.close()
        self._server = self._task = None


class _Server(Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self._ending = asyncio.Event()

    def stop(self) -> None:
        self.should_exit = True
        self._ending.set()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals are the agent's."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        """Once a second, for the Date header."""
        while not await self.on_tick(0):
            try:
                await asyncio.wait_for(self._ending.wait(), TICK_S)
            except TimeoutError:
                continue


class _Protocol(H11Protocol):
    """Closes a connection whose head is not complete in `HEAD_S_MAX` from its first byte, or that sends none."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._arm()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE or not self.conn.trailing_data[0]:
            self._disarm()
        elif self._deadline is None:
            self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def _arm(self) -> None:
        self._deadline = self.loop.call_later(HEAD_S_MAX, self.transport.abort)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _files(tls: Tls | None) -> dict[str, Any]:
    """What uvicorn is told of TLS, once the files are known to be good. Raises `WebUnavailable`."""
    if tls is None:
        return {}
    try:
        # A passphrase cannot be asked for: nobody sits there. Without one given, OpenSSL would ask the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.cert_file, tls.key_file, password="")
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise WebUnavailable(
            f"screens: {tls.cert_file}, {tls.key_file}: {error}",
            hint="expected certificate chain and private key as PEM files, without passphrase, readable to the agent",
        ) from error
    return {"ssl_certfile": tls.cert_file, "ssl_keyfile": tls.key_file}


async def _bind(host: str, port: int) -> socket.socket:
    """A listening socket at the first address of `host`."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise WebUnavailable(
            f"screens: {host} is no address of this machine ({error.strerror})",
            hint="set web.host to 127.0.0.1, to an address of this machine, or to 0.0.0.0",
        ) from error
    family, kind, protocol, _, address = found[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(BACKLOG)
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        raise WebUnavailable(f"screens: {host}:{port}: {error.strerror}", hint=_hint(error)) from error
    return bound


def _hint(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                "another program listens there, perhaps another agent: stop it, or change web.port (0 takes a free one)"
            )
        case errno.EACCES:
            return "ports below 1024 need privileges: set web.port to 1024 or above"
        case errno.EADDRNOTAVAIL:
            return "set web.host to 127.0.0.1, to an address of this machine, or to 0.0.0.0"
        case _:
            return "check web.host and web.port"
