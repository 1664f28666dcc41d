"""How to reach the broker, and what a connection is made of before the first byte."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.config import secret
from agent.sections import UplinkSection

Client = TypeVar("Client", bound=paho.Client)

SESSION_EXPIRY_S = 86_400
LOOK_S = 2.0
RETAIN_REFUSED = 0x9A  # MQTT 5.0, 3.2.2.2: our will is retained


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach the broker, secrets already read."""

    host: str
    port: int
    client_id: str
    keepalive_s: int = 15
    connect_timeout_s: float = 5.0
    backoff_s_max: float = 30.0
    username: str | None = None
    password: str | None = None
    tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @classmethod
    def of(cls, settings: UplinkSection, store: str) -> Access:
        """From the configuration. Raises `ConfigError` for a secret that cannot be read."""
        names = [one.name for one in fields(cls) if one.name not in {"client_id", "password"}]
        return cls(
            client_id=settings.client_id or f"jaego-{store}"[:64],
            password=secret(settings.password_file),
            **{name: getattr(settings, name) for name in names},
        )

    @property
    def where(self) -> str:
        return f"{self.host}:{self.port}"

    def refused(self, code: int, reason: str) -> str:
        """What to say of a CONNACK that is a refusal."""
        see = "see username, password_file and its access list"
        if code == RETAIN_REFUSED:
            see = "the broker must keep retained messages (mosquitto: retain_available true)"
        return f"{self.where} refuses this store: {reason}; {see}"


def tls_context(access: Access) -> ssl.SSLContext:
    """Raises `OSError` that names the file."""
    try:
        context = ssl.create_default_context(cafile=str(access.ca_file) if access.ca_file else None)
    except OSError as error:
        raise OSError(f"ca_file {access.ca_file} cannot be used: {error}") from error
    if access.cert_file is not None:
        try:
            context.load_cert_chain(access.cert_file, access.key_file)
        except OSError as error:
            raise OSError(f"cert_file {access.cert_file} or its key cannot be used: {error}") from error
    return context


class Files:
    """The certificate and its key, as they lay there when the connection was made: `jaego renew` replaces them."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._paths = [one for one in (access.cert_file, access.key_file) if one is not None]
        self._taken: list[tuple[int, int]] = []
        self._look_s = 0.0

    def take(self) -> None:
        self._taken = self._marks()

    def are_others(self, now_s: float) -> bool:
        """And whether they can be used: else the connection that stands is the better one."""
        if now_s < self._look_s:
            return False
        self._look_s, marks = now_s + LOOK_S, self._marks()
        if marks == self._taken:
            return False
        self._taken = marks
        try:
            tls_context(self._access)
        except OSError:  # whoever put them there hears of it: jaego doctor, health
            return False
        return True

    def _marks(self) -> list[tuple[int, int]]:
        try:
            return [(one.st_ino, one.st_mtime_ns) for one in map(Path.stat, self._paths)]
        except OSError:
            return []


def client_of(kind: type[Client], access: Access, *, version5: bool, kept: bool) -> Client:
    """One that is not connected and never connects again by itself; `kept`: the broker is to keep its session."""
    client = kind(
        CallbackAPIVersion.VERSION2,
        client_id=access.client_id,
        clean_session=None if version5 else not kept,
        protocol=paho.MQTTv5 if version5 else paho.MQTTv311,
        reconnect_on_failure=False,
    )
    client.connect_timeout = access.connect_timeout_s
    if access.username is not None:
        client.username_pw_set(access.username, access.password)
    if access.tls:
        client.tls_set_context(tls_context(access))  # pyright: ignore[reportUnknownMemberType]
    return client


def session_kept() -> Properties:
    """The broker keeps our subscriptions, and requests that come meanwhile, for a day."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = SESSION_EXPIRY_S
    return properties


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the broker said when it took us."""

    version5: bool
    receive_max: int
    packet_bytes_max: int
    session_present: bool
    since_s: float = 0.0  # monotonic
    certificate_ends_s: int | None = None  # the broker's, in Unix time; None without TLS


@dataclass(frozen=True, slots=True)
class Inbound:
    topic: str
    payload: bytes
    retained: bool
