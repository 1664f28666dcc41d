"""A broker that runs with config/mosquitto-store.*, an authority of head office's, and clients with what it issued."""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from headoffice import authority as authorities
from headoffice.authority import OFFICE, Authority
from tests.brokers import Mosquitto

CONFIG = Path(__file__).parents[2] / "config"


def now_us() -> int:
    return time.time_ns() // 1000


def request_of(name: str, key: Any = None) -> tuple[bytes, bytes]:
    """A signing request and its key, in PEM."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    return made.public_bytes(pem), key.private_bytes(pem, *form)


class Office:
    """The authority, and files for whoever it has signed for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority: Authority = authorities.begin(folder / "authority", "Test", now_us())
        self.ca = folder / "authority" / "ca.pem"

    def store(self, name: str) -> tuple[Path, Path]:
        request, key = request_of(name)
        return self._put(name, self.authority.store(name, request, now_us()).chain, key)

    def own(self) -> tuple[Path, Path]:
        issued, key = self.authority.office(now_us())
        return self._put(OFFICE, issued.chain, key)

    @cached_property
    def server(self) -> tuple[Path, Path]:
        """One pair: a server that reads it while another's were written would find halves that do not match."""
        return self.next_server()

    def next_server(self) -> tuple[Path, Path]:
        """In the same files."""
        issued, key = self.authority.server(["127.0.0.1", "localhost"], now_us())
        return self._put("server", issued.chain, key)

    def _put(self, name: str, chain: bytes, key: bytes) -> tuple[Path, Path]:
        files = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        files[0].write_bytes(chain)
        files[1].write_bytes(key)
        return files


def settings(broker: Mosquitto, office: Office) -> list[str]:
    """The file that is delivered; files and folders are the test's. The broker's own class gives it a listener."""
    chain, key = office.server
    text = (CONFIG / "mosquitto-store.conf").read_text()
    for pattern, words in (
        (r"^listener 8883$", ""),
        (r"^acl_file .*$", f"acl_file {CONFIG / 'mosquitto-store.acl'}"),
        (r"^cafile .*$", f"cafile {office.ca}"),
        (r"^certfile .*$", f"certfile {chain}"),
        (r"^keyfile .*$", f"keyfile {key}"),
        (r"^crlfile .*$", f"crlfile {office.folder / 'authority' / 'ca.crl'}"),
        (r"^persistence_location .*$", f"persistence_location {broker.data}/"),
    ):
        text, found = re.subn(pattern, words, text, flags=re.MULTILINE)
        assert found == 1, pattern
    return [line for line in text.splitlines() if line and not line.startswith("#")]


class Client:
    """One connection with a certificate, or none; `kept`: its session is. `heard` is (topic, payload), in order."""

    def __init__(
        self,
        port: int,
        ca: Path,
        files: tuple[Path, Path] | None,
        *,
        version5: bool = True,
        client_id: str = "",
        kept: bool = False,
    ) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.connected: Any = None
        self.receipts: dict[int, Any] = {}
        self.granted: dict[int, list[Any]] = {}
        self._news = threading.Condition()
        protocol = paho.MQTTv5 if version5 else paho.MQTTv311
        clean = None if version5 else not kept
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id, clean, protocol=protocol, reconnect_on_failure=False
        )
        context = ssl.create_default_context(cafile=str(ca))
        if files is not None:
            context.load_cert_chain(*files)
        self._client.tls_set_context(context)  # pyright: ignore[reportUnknownMemberType]
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self.ended = False
        self._client.connect("127.0.0.1", port, 30)
        self._client.loop_start()
        self.wait(lambda: self.connected is not None or self.ended)

    def _told(self, change: Callable[[], object]) -> None:
        with self._news:
            change()
            self._news.notify_all()

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._told(lambda: setattr(self, "connected", reason))

    def _on_disconnect(self, *_rest: Any) -> None:
        self._told(lambda: setattr(self, "ended", True))

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        self._told(lambda: self.heard.append((message.topic, bytes(message.payload))))

    def _on_publish(self, _client: Any, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        self._told(lambda: self.receipts.setdefault(mid, reason))

    def _on_subscribe(self, _client: Any, _data: Any, mid: int, reasons: Any, _properties: Any) -> None:
        self._told(lambda: self.granted.setdefault(mid, reasons))

    def wait(self, true: Callable[[], Any], timeout_s: float = 15.0) -> None:
        with self._news:
            assert self._news.wait_for(true, timeout_s), self.heard[-5:]

    def publish(self, topic: str, payload: bytes = b"{}", *, retain: bool = False) -> Any:
        """The broker's receipt."""
        mid = self._client.publish(topic, payload, qos=1, retain=retain).mid
        self.wait(lambda: mid in self.receipts)
        return self.receipts[mid]

    def subscribe(self, *topics: str) -> None:
        for topic in topics:
            _result, mid = self._client.subscribe(topic, qos=1)
            assert mid is not None
            self.wait(lambda mid=mid: mid in self.granted)

    def try_publish(self, topic: str, payload: bytes) -> None:
        """Until there is a receipt, or the broker has hung up."""
        mid = self._client.publish(topic, payload, qos=1).mid
        self.wait(lambda: mid in self.receipts or self.ended)

    def try_subscribe(self, topic: str) -> None:
        _result, mid = self._client.subscribe(topic, qos=1)
        self.wait(lambda: mid in self.granted or self.ended)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
