"""paho's connection, with a lane of our own on it.

paho does what a session needs: CONNECT, TLS, will, SUBSCRIBE, keepalive, inbound messages. Events go past its
per-message machinery: our PUBLISH packets are appended to the same outgoing buffer, whole packets only, and our PUBACKs
are taken out of the incoming stream before paho sees it (`docs/decisions/0003-fast-lane.md`: paho moves 4,000 to 8,000
messages a second, this lane ten times that). Packet ids are divided: paho has 1 to 0x7FFF, the lane the rest.
"""

from __future__ import annotations

import socket
import ssl
from typing import Any, cast

from paho.mqtt import client as paho

from agent.uplink.wire import OURS, Demux, Receipt, WireError

READ_BYTES = 65_536
READ_BYTES_A_ROUND = 1_048_576
OUT_BYTES_MAX = 1_048_576
USER_TIMEOUT_MS = 8_000


class SharedSocket:
    """What paho takes for its socket. Bytes are only moved by `fill` and `flush`, both without blocking."""

    def __init__(self, inner: socket.socket | ssl.SSLSocket) -> None:
        self._inner = inner
        self._demux = Demux()
        self._theirs = bytearray()
        self._out = bytearray()
        self.broken = False
        self.why = ""
        self.bytes_out = 0

    # -- for the uplink's loop --------------------------------------------------------------------------------------

    def fill(self) -> list[Receipt]:
        """Read what has come; gives our acknowledgements and keeps the rest for paho."""
        acks: list[Receipt] = []
        for _ in range(READ_BYTES_A_ROUND // READ_BYTES):
            try:
                data = self._inner.recv(READ_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError, InterruptedError):
                break
            except OSError as error:
                self._break(str(error))
                break
            if not data:
                self._break("the broker hung up")
                break
            try:
                theirs, found = self._demux.feed(data)
            except WireError as error:
                self._break(str(error))
                break
            self._theirs += theirs
            acks += found
        return acks

    def _break(self, why: str) -> None:
        self.why = self.why or why
        self.broken = True

    def put(self, packet: bytes) -> None:
        self._out += packet

    def flush(self) -> None:
        while self._out and not self.broken:
            try:
                sent = self._inner.send(self._out)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError, InterruptedError):
                return
            except OSError as error:
                self._break(str(error))
                return
            self.bytes_out += sent
            del self._out[:sent]

    @property
    def wants_write(self) -> bool:
        return bool(self._out)

    @property
    def has_room(self) -> bool:
        return len(self._out) < OUT_BYTES_MAX

    @property
    def paho_has_bytes(self) -> bool:
        return bool(self._theirs) or self.broken

    @property
    def certificate_ends_s(self) -> int | None:
        """Unix time at which the broker's certificate ends; None without TLS."""
        if not isinstance(self._inner, ssl.SSLSocket):
            return None
        ends = (self._inner.getpeercert() or {}).get("notAfter")
        return ssl.cert_time_to_seconds(ends) if isinstance(ends, str) else None

    # -- for paho ---------------------------------------------------------------------------------------------------

    def recv(self, size_bytes: int) -> bytes:
        if not self._theirs:
            if self.broken:
                return b""
            raise BlockingIOError
        data = bytes(self._theirs[:size_bytes])
        del self._theirs[:size_bytes]
        return data

    def send(self, data: bytes) -> int:
        """Always takes all of it: a packet of paho's is never cut by one of ours."""
        self._out += data
        return len(data)

    def pending(self) -> int:
        return len(self._theirs)

    def fileno(self) -> int:
        return self._inner.fileno()

    def setblocking(self, flag: bool) -> None:
        self._inner.setblocking(flag)

    def close(self) -> None:
        """paho closes too, when the keepalive ran out: nothing may wait for this socket any more."""
        self._break("no answer within the keepalive")
        self._inner.close()


class LaneClient(paho.Client):
    """paho's client with a `SharedSocket` under it. Four of paho's internals are overridden; a test pins each."""

    shared: SharedSocket | None = None

    def _create_socket_connection(self) -> socket.socket:
        made: socket.socket = super()._create_socket_connection()
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        return made

    def _ssl_wrap_socket(self, tcp_sock: socket.socket) -> ssl.SSLSocket:
        """As paho's, which leaves the socket open when the handshake fails."""
        context = cast("ssl.SSLContext", self._ssl_context)  # pyright: ignore[reportUnknownMemberType]
        wrapped = context.wrap_socket(tcp_sock, server_hostname=self._host, do_handshake_on_connect=False)
        try:
            wrapped.settimeout(self.connect_timeout)
            wrapped.do_handshake()
        except OSError:
            wrapped.close()
            raise
        return wrapped

    def _create_socket(self) -> Any:
        inner = super()._create_socket()
        self.shared = SharedSocket(inner)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        return self.shared

    def _mid_generate(self) -> int:
        with self._mid_generate_mutex:
            self._last_mid = self._last_mid % (OURS - 1) + 1
            return self._last_mid
