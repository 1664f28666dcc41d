"""The driver of a reader that publishes JSON: the shared shell on a broker's messages or an HTTP stream."""

from __future__ import annotations

from pathlib import Path

from drivers.driver import Clock
from drivers.errors import DeviceRefused
from drivers.reader_json.session import ReaderJsonSession
from drivers.reader_json.settings import ReaderJsonSettings
from drivers.shell import DeviceDriver
from drivers.transports.feed import FeedSource
from drivers.transports.http_stream import Stream, open_http_stream
from drivers.transports.mqtt import Subscription, open_mqtt
from drivers.transports.tcp import Tls

SECRET_BYTES_MAX = 4096


def build(name: str, settings: ReaderJsonSettings, clock: Clock) -> DeviceDriver:
    opener = _open_mqtt if settings.transport == "mqtt" else _open_http
    return DeviceDriver(name, lambda: opener(name, settings), ReaderJsonSession(name, settings), clock)


def _open_mqtt(name: str, settings: ReaderJsonSettings) -> FeedSource:
    return open_mqtt(
        Subscription(
            settings.host,
            settings.port_used,
            "",  # the broker's choice: a fixed name would put a second agent's connection out
            settings.topics or (),
            settings.qos,
            settings.keepalive_s,
            settings.line_bytes_max,
            settings.connect_timeout_s,
            settings.username,
            _secret(settings.password_file, name),
            _tls(settings),
        )
    )


def _open_http(name: str, settings: ReaderJsonSettings) -> FeedSource:
    return open_http_stream(
        Stream(
            settings.host,
            settings.port_used,
            settings.stream_path,
            settings.connect_timeout_s,
            settings.username,
            _secret(settings.password_file, name),
            _tls(settings),
        )
    )


def _tls(settings: ReaderJsonSettings) -> Tls | None:
    return Tls(settings.tls_check, settings.tls_ca_file) if settings.tls else None


def _secret(path: Path | None, name: str) -> str | None:
    """The file's content without its line end. Never a byte of it is in an error."""
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            secret = file.read(SECRET_BYTES_MAX + 1).decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no UTF-8"
        raise DeviceRefused(f"{name}: password_file {path}: {why}", hint="correct it, or its permissions") from error
    if not secret or len(secret) > SECRET_BYTES_MAX:
        raise DeviceRefused(f"{name}: password_file {path} holds no password", hint="put the password into it")
    return secret
