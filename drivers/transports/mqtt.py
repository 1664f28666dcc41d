"""Messages of a broker as lines: what a reader publishes to its topics, one payload a line.

paho's thread does nothing but write payloads into the feed. It never connects again by itself: a lost broker is a lost
device, and the supervisor opens it anew. Messages that the broker kept as retained are of another day and are left out.
The session at the broker is clean, so what is published while nobody is connected is not delivered later.
"""

from __future__ import annotations

import socket
import ssl
import threading
from dataclasses import dataclass
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from drivers.errors import DeviceError, DeviceRefused, DeviceUnavailable
from drivers.transports.feed import FeedSource, lost
from drivers.transports.tcp import Tls

_HINT = "check the broker and the network"
_WORDS = bytes.maketrans(b"\r\n", b"  ")
_ACCOUNT = {"Bad user name or password", "Not authorized"}  # CONNACK 4 and 5 (MQTT 3.1.1, 3.2.2.3), in paho's words


@dataclass(frozen=True, slots=True)
class Subscription:
    """How to reach the broker and what to listen to. A payload longer than `line_bytes_max` is cut one byte above."""

    host: str
    port: int
    client_id: str
    topics: tuple[str, ...]
    qos: int
    keepalive_s: int
    line_bytes_max: int
    timeout_s: float
    username: str | None = None
    password: str | None = None
    tls: Tls | None = None


def open_mqtt(wanted: Subscription) -> FeedSource:
    """Connected and subscribed to every topic. Raises DeviceUnavailable or DeviceRefused, with a hint."""
    listener = _Listener(wanted)
    try:
        listener.open()
    except DeviceError:
        listener.source.close()
        raise
    return listener.source


class _Listener:
    """The callbacks run in paho's thread, and none of them raises: an exception there would end it unseen."""

    def __init__(self, wanted: Subscription) -> None:
        self._wanted = wanted
        self._peer = f"{wanted.host}:{wanted.port}"
        self.source = FeedSource(self._release, lost(f"the broker {self._peer}", _HINT))
        self._answered = threading.Event()
        self._refusal: DeviceError | None = None
        self._leaving = False
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=wanted.client_id,
            protocol=paho.MQTTv311,
            clean_session=True,
            reconnect_on_failure=False,
        )
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_message = self._message
        client.on_disconnect = self._disconnected
        client.connect_timeout = wanted.timeout_s
        self._client = client

    def open(self) -> None:
        wanted, client = self._wanted, self._client
        try:
            if wanted.username is not None:
                client.username_pw_set(wanted.username, wanted.password)
            if wanted.tls is not None:
                context = wanted.tls.context()
                context.sslsocket_class = _ClosedWhenRefused
                client.tls_set_context(context)  # pyright: ignore[reportUnknownMemberType]
            client.connect(wanted.host, wanted.port, wanted.keepalive_s)
        except (OSError, ValueError) as error:
            raise _refusal(self._peer, error) from error
        client.loop_start()
        if not self._answered.wait(wanted.timeout_s):
            raise DeviceUnavailable(f"{self._peer} does not answer as a broker", hint="is it the port of MQTT?")
        if self._refusal is not None:
            raise self._refusal

    def _release(self) -> None:
        self._leaving = True
        client = self._client
        client.disconnect()
        client.loop_stop()
        # paho closes its pair of sockets only when the client is collected, and a traceback may hold it in a circle.
        client._reset_sockets()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        client.on_connect = client.on_subscribe = client.on_message = client.on_disconnect = None
        del self._client

    def _connected(self, client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        if not code.is_failure:
            client.subscribe([(topic, self._wanted.qos) for topic in self._wanted.topics])
        elif str(code) in _ACCOUNT:
            self._answer(
                DeviceRefused(f"the broker {self._peer} refuses: {code}", hint="correct username and password_file")
            )
        else:
            self._answer(DeviceUnavailable(f"the broker {self._peer} refuses: {code}", hint=_HINT))

    def _subscribed(self, _client: Any, _data: Any, _id: Any, codes: list[ReasonCode], _properties: Any) -> None:
        denied = [topic for topic, code in zip(self._wanted.topics, codes, strict=False) if code.is_failure]
        if denied:
            names = ", ".join(denied)
            hint = "give this account the right to read them at the broker"
            self._answer(DeviceRefused(f"the broker {self._peer} denies {names}", hint=hint))
        else:
            self._answer(None)

    def _answer(self, refusal: DeviceError | None) -> None:
        self._refusal = refusal
        self._answered.set()

    def _message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        if message.retain:
            return
        payload = bytes(message.payload[: self._wanted.line_bytes_max + 1])
        self.source.put(payload.translate(_WORDS) + b"\n")

    def _disconnected(self, _client: Any, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        if not self._answered.is_set():
            self._answer(DeviceUnavailable(f"the broker {self._peer} closed the connection", hint=_HINT))
        if not self._leaving:
            self.source.end(str(code))


class _ClosedWhenRefused(ssl.SSLSocket):
    """paho 2.2 leaves the socket open when the handshake fails."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def _refusal(peer: str, error: Exception) -> DeviceError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return DeviceRefused(
            f"{peer} has a certificate that is not trusted: {error.verify_message}",
            hint="name the authority in tls_ca_file, or set tls_check = false for a certificate of its own",
        )
    if isinstance(error, ssl.SSLError):
        return DeviceRefused(f"{peer} does not speak TLS: {error.reason}", hint="is it the secure port (MQTT: 8883)?")
    if isinstance(error, socket.gaierror):
        return DeviceUnavailable(f"{peer}: no such host ({error.strerror})", hint="check the name, or give the address")
    if isinstance(error, TimeoutError):
        return DeviceUnavailable(f"{peer} is not there: nothing answers", hint=_HINT)
    if isinstance(error, FileNotFoundError | PermissionError):
        return DeviceRefused(f"tls_ca_file: {error.strerror}", hint="correct tls_ca_file, or its permissions")
    why = error.strerror if isinstance(error, OSError) else str(error)
    return DeviceUnavailable(f"{peer} is not there: {why}", hint=_HINT)
