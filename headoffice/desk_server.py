"""uvicorn in the main thread of the desk: signals are the desk's, no access log, everything bounded."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import h11
import uvicorn
from anyio.to_thread import current_default_thread_limiter
from uvicorn.protocols.http.h11_impl import H11Protocol

from headoffice.errors import ConfigError, unusable_pem
from headoffice.web.access import HEAD_BYTES_MAX
from headoffice.web.app import Desk
from headoffice.web.hub import LISTENERS_MAX, Hub

CONNECTIONS_MAX = LISTENERS_MAX + 200
THREADS_MAX = 16  # each with a connection to the database
HEAD_S_MAX = 10.0
KEEP_ALIVE_S = 15
STOP_S_MAX = 5
BACKLOG = 128


class Address(NamedTuple):
    """`cert_file` and `key_file` are PEM files, for https."""

    host: str
    port: int
    cert_file: Path | None = None
    key_file: Path | None = None


def bind(address: Address) -> socket.socket:
    """A listening socket. Raises `ConfigError`."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ConfigError(f"{address.host} is no address of this machine", hint="--http HOST:PORT") from error
    family, kind, protocol, _, place = found[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(place)
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        hint = "another program listens there: choose another port" if error.errno == errno.EADDRINUSE else "--http"
        raise ConfigError(f"{address.host}:{address.port}: {error.strerror}", hint=hint) from error
    return bound


class Server:
    """Raises `ConfigError` where certificate and key cannot be used."""

    def __init__(self, app: Desk, address: Address) -> None:
        self._address = address
        config = uvicorn.Config(
            app,
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
            ssl_certfile=address.cert_file,
            ssl_keyfile=address.key_file,
        )
        try:
            config.load()
        except OSError as error:
            raise unusable_pem(error, address.cert_file, address.key_file) from error
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # tracebacks of failed requests; the rest is noise
        self._server = _Server(config)
        self._loop: asyncio.AbstractEventLoop | None = None

    def url(self, bound: socket.socket) -> str:
        host, port = bound.getsockname()[:2]
        return f"http{'s' if self._address.cert_file else ''}://{f'[{host}]' if ':' in host else host}:{port}/"

    def serve(self, bound: socket.socket) -> None:
        """Until `stop`."""

        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            current_default_thread_limiter().total_tokens = THREADS_MAX
            await self._server.serve(sockets=[bound])

        asyncio.run(main())

    def stop(self, hub: Hub) -> None:
        """From any thread or a signal: streams end at once, requests may finish."""
        self._server.should_exit = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(hub.close)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class _Protocol(H11Protocol):
    """uvicorn has no limit for it: a head that is not complete `HEAD_S_MAX` after the connection came ends it."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEAD_S_MAX, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._disarm()
        elif self._deadline is None and self.conn.trailing_data[0]:  # the next request of a connection that was kept
            self._deadline = self.loop.call_later(HEAD_S_MAX, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
