"""A reader's stream over HTTP: one GET whose answer never ends, its body as it comes.

http.client takes the chunks apart in a thread of its own, which writes into the feed. To close, the connection itself
is shut through a second descriptor, because a thread that reads TLS cannot be woken otherwise.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import ssl
import threading
from base64 import b64encode
from dataclasses import dataclass

from drivers.errors import DeviceError, DeviceRefused, DeviceUnavailable
from drivers.transports.feed import FeedSource, lost
from drivers.transports.tcp import USER_TIMEOUT_MS, Tls

READ_BYTES = 65_536
JOIN_S = 2.0
_HINT = "check the reader's power and network cable"
_REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True)
class Stream:
    host: str
    port: int
    path: str
    timeout_s: float
    username: str | None = None
    password: str | None = None
    tls: Tls | None = None


def open_http_stream(wanted: Stream) -> FeedSource:
    """The answer's head is read when this returns. Raises DeviceUnavailable or DeviceRefused, with a hint."""
    peer = f"{wanted.host}:{wanted.port}"
    try:
        connection = _connection(wanted)
        connection.connect()
        line = connection.sock
        _watch(line)
        other = socket.socket(fileno=os.dup(line.fileno()))
    except OSError as error:
        raise _refusal(peer, error) from error
    try:
        connection.request("GET", wanted.path, headers=_headers(wanted))
        response = connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        other.close()
        raise _refusal(peer, error) from error
    if response.status != http.HTTPStatus.OK:
        connection.close()
        other.close()
        raise _answer(f"{peer}{wanted.path}", response.status, response.reason)
    line.settimeout(None)  # a stream may be silent; TCP_USER_TIMEOUT and the probes find a pulled cable
    return _Reading(connection, response, other, peer).source


class _Reading:
    """`other` is a second descriptor of the same connection."""

    def __init__(
        self,
        connection: http.client.HTTPConnection,
        response: http.client.HTTPResponse,
        other: socket.socket,
        peer: str,
    ) -> None:
        self._connection, self._response, self._other = connection, response, other
        self.source = FeedSource(self._release, lost(peer, _HINT))
        self._thread = threading.Thread(target=self._run, name=f"http {peer}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        reason = "the reader closed the stream"
        try:
            while data := self._response.read1(READ_BYTES):
                if not self.source.put(data):
                    break
        except http.client.HTTPException as error:
            reason = f"the stream broke off ({type(error).__name__})"
        except (OSError, ValueError) as error:  # ValueError: closed under the reading thread
            reason = getattr(error, "strerror", None) or str(error)
        self.source.end(reason)

    def _release(self) -> None:
        with contextlib.suppress(OSError):  # gone already
            self._other.shutdown(socket.SHUT_RDWR)
        self._thread.join(JOIN_S)
        self._response.close()
        self._connection.close()
        self._other.close()


def _connection(wanted: Stream) -> http.client.HTTPConnection:
    if wanted.tls is None:
        return http.client.HTTPConnection(wanted.host, wanted.port, timeout=wanted.timeout_s)
    context = wanted.tls.context()
    return http.client.HTTPSConnection(wanted.host, wanted.port, timeout=wanted.timeout_s, context=context)


def _watch(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)


def _headers(wanted: Stream) -> dict[str, str]:
    headers = {"Accept": "application/json"}
    if wanted.username is not None:
        account = f"{wanted.username}:{wanted.password or ''}".encode()
        headers["Authorization"] = f"Basic {b64encode(account).decode()}"
    return headers


def _answer(what: str, status: int, reason: str) -> DeviceError:
    words = f"{what} answers {status} {reason}"
    if status in {http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN}:
        return DeviceRefused(words, hint="correct username and password_file")
    if status == http.HTTPStatus.NOT_FOUND:
        return DeviceRefused(words, hint="correct stream_path; set the reader to its IoT interface")
    if status in _REDIRECTS:
        return DeviceRefused(words, hint="the reader wants HTTPS: set tls = true")
    return DeviceUnavailable(words, hint="is another client at the stream? See the reader's own page")


def _refusal(peer: str, error: Exception) -> DeviceError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return DeviceRefused(
            f"{peer} has a certificate that is not trusted: {error.verify_message}",
            hint="name the authority in tls_ca_file, or set tls_check = false for the reader's own",
        )
    if isinstance(error, ssl.SSLError):
        return DeviceRefused(f"{peer} does not speak TLS: {error.reason}", hint="is it the secure port (HTTPS: 443)?")
    if isinstance(error, socket.gaierror):
        return DeviceUnavailable(f"{peer}: no such host ({error.strerror})", hint="check the name, or give the address")
    if isinstance(error, TimeoutError):
        return DeviceUnavailable(f"{peer} is not there: nothing answers", hint=_HINT)
    if isinstance(error, FileNotFoundError | PermissionError):
        return DeviceRefused(f"tls_ca_file: {error.strerror}", hint="correct tls_ca_file, or its permissions")
    why = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return DeviceUnavailable(f"{peer}: {why}", hint=_HINT)
