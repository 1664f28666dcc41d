"""Readers in the network: TCP, and TLS on it. The descriptor is the socket's own.

TCP_NODELAY, because requests are small and awaited; TCP_USER_TIMEOUT and keepalive probes, because a pulled cable says
nothing. Closing shuts the sending side first and reads on for a moment: a socket that is closed with unread bytes in it
sends RST, and a reader that gets one may never see the farewell before it.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path

from drivers.errors import DeviceError, DeviceRefused, DeviceUnavailable

READ_BYTES = 262_144
USER_TIMEOUT_MS = 5_000
LINGER_S = 0.5
LINGER_READS_MAX = 200  # a reader that goes on sending is cut off
_RECORD_BYTES = 5  # of a TLS record's header: type, version, length
_ABSENT = {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENETDOWN}


@dataclass(frozen=True, slots=True)
class Tls:
    """`ca_file` None takes the system's authorities; `check` false takes any certificate, as most readers have
    one of their own making."""

    check: bool = True
    ca_file: Path | None = None
    server_name: str | None = None

    def context(self) -> ssl.SSLContext:
        """Raises OSError or ssl.SSLError for a file that cannot be taken."""
        context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        if not self.check:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class TcpSource:
    def __init__(self, connection: socket.socket, peer: str) -> None:
        self._connection = connection
        self._peer = peer
        self._descriptor = connection.fileno()

    def fileno(self) -> int:
        return self._descriptor

    @property
    def waits(self) -> bool:
        return True

    def read(self) -> bytes:
        return self._connection.recv(READ_BYTES)

    def write(self, data: bytes) -> int:
        return self._connection.send(data)

    def close(self) -> None:
        try:
            self._connection.shutdown(socket.SHUT_WR)
            self._connection.settimeout(LINGER_S)
            for _ in range(LINGER_READS_MAX):
                if not self._connection.recv(READ_BYTES):
                    break
        except OSError:
            pass  # gone already
        finally:
            self._connection.close()

    def gone(self, error: OSError | None) -> DeviceError:
        why = "the reader closed the connection" if error is None else (error.strerror or str(error))
        return DeviceUnavailable(f"{self._peer} is gone: {why}", hint="check the reader's power and network cable")


class TlsSource(TcpSource):
    """TLS in memory between two buffers, so that the drain thread may read while the loop writes: one lock."""

    def __init__(self, connection: socket.socket, peer: str, tls: Tls, context: ssl.SSLContext) -> None:
        super().__init__(connection, peer)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=tls.server_name)
        self._unsent = b""
        self._lock = threading.Lock()

    def shake_hands(self) -> None:
        """While the socket still blocks, with its time-out. Raises OSError (ssl.SSLError is one)."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._connection.sendall(self._outgoing.read())
                self._incoming.write(self._record())
            else:
                self._connection.sendall(self._outgoing.read())
                return

    def _record(self) -> bytes:
        """One record (RFC 8446, 5.1) and no byte more: what follows the handshake stays where `poll` finds it."""
        header = self._exactly(_RECORD_BYTES)
        return header + self._exactly(int.from_bytes(header[3:], "big"))

    def _exactly(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            data = self._connection.recv(count - len(found))
            if not data:
                raise ConnectionResetError(errno.ECONNRESET, "closed during the TLS handshake")
            found += data
        return found

    def read(self) -> bytes:
        data = self._connection.recv(READ_BYTES)
        if not data:
            return b""
        with self._lock:
            self._incoming.write(data)
            plain = bytearray()
            try:
                while part := self._tls.read(READ_BYTES):
                    plain += part
            except ssl.SSLWantReadError:
                pass
            self._flush()
        if not plain:
            raise BlockingIOError  # a part of a record, or a new session ticket
        return bytes(plain)

    def write(self, data: bytes) -> int:
        with self._lock:
            self._flush()
            if self._unsent:
                raise BlockingIOError
            taken = self._tls.write(data)
            self._flush()
        return taken

    def _flush(self) -> None:
        self._unsent += self._outgoing.read()
        if self._unsent:
            try:
                self._unsent = self._unsent[self._connection.send(self._unsent) :]
            except BlockingIOError:
                return


def open_tcp(host: str, port: int, *, timeout_s: float, tls: Tls | None = None) -> TcpSource:
    """Connect within `timeout_s`. Raises DeviceUnavailable if nothing answers, DeviceRefused if a person must act."""
    peer = f"{host}:{port}"
    try:
        connection = socket.create_connection((host, port), timeout_s)
    except OSError as error:
        raise _refusal(peer, error) from error
    try:
        _tune(connection)
        source = _secured(connection, host, peer, tls) if tls is not None else TcpSource(connection, peer)
        connection.setblocking(False)
    except OSError as error:
        connection.close()
        raise _refusal(peer, error) from error
    return source


def _secured(connection: socket.socket, host: str, peer: str, tls: Tls) -> TlsSource:
    named = tls if tls.server_name else Tls(tls.check, tls.ca_file, host)
    source = TlsSource(connection, peer, named, named.context())
    source.shake_hands()
    return source


def _tune(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)


def _refusal(peer: str, error: OSError) -> DeviceError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return DeviceRefused(
            f"{peer} has a certificate that is not trusted: {error.verify_message}",
            hint="name the authority in tls_ca_file, or set tls_check = false for the reader's own",
        )
    if isinstance(error, ssl.SSLError):
        return DeviceRefused(f"{peer} does not speak TLS: {error.reason}", hint="is it the secure port (LLRP: 5085)?")
    if isinstance(error, socket.gaierror):
        return DeviceUnavailable(f"{peer}: no such host ({error.strerror})", hint="check the name, or give the address")
    if isinstance(error, TimeoutError) or error.errno in _ABSENT:
        why = (
            "nothing answers" if isinstance(error, TimeoutError) else (error.strerror or os.strerror(error.errno or 0))
        )
        return DeviceUnavailable(f"{peer} is not there: {why}", hint="check the reader's power, cable and address")
    return DeviceUnavailable(f"{peer}: {error.strerror or error}", hint="check the reader and the network")
