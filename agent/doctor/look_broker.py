"""Looking at the broker, step by step: name, TCP, TLS, MQTT with a client id of its own, permission of topics.

What is sent is one message that nobody waits for, on `response/…`. A broker under MQTT 3.1.1 need not tell that it
drops a message, and some grant every subscription: what they hide cannot be seen here.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import MQTTErrorCode

from agent.clock import Clock
from agent.config import Config
from agent.doctor.facts import BrokerSeen
from agent.errors import ConfigError
from agent.uplink.access import Access, client_of, tls_context
from agent.uplink.requests import VERBS
from contract.messages import Response
from contract.topics import Topics, catalog_filter, expected_filter

ANSWER_S_MAX = 5.0
UNSUPPORTED_VERSION = {1, 0x84}
# OpenSSL, x509_vfy.h: X509_V_ERR_…
_EXPIRED = {9, 10}
_OTHER_NAME = {62, 64}


def look_at_broker(config: Config, clock: Clock) -> BrokerSeen:
    settings = config.uplink
    where = f"{settings.host}:{settings.port}"
    if not settings.enabled:
        return BrokerSeen(where, "off")
    seen = BrokerSeen(where, "nothing", tls=settings.tls)
    try:
        access = Access.of(settings, config.store.id)
    except ConfigError as error:
        return replace(seen, fault="files", why="; ".join(error.mistakes))
    seen = _connect(access, seen)
    if seen.fault:
        return seen
    name = f"jaego-doctor-{clock.entropy(6).hex()}"
    access = replace(access, client_id=name)
    for version5 in (True, False):
        visit = _Visit(access, config, clock, version5=version5)
        found = visit.run(seen)
        if not visit.other_version:
            return found
    return found


def _connect(access: Access, seen: BrokerSeen) -> BrokerSeen:
    """Name, TCP and TLS."""
    try:
        context = tls_context(access) if access.tls else None
    except OSError as error:
        return replace(seen, fault="files", why=str(error))
    try:
        connection = socket.create_connection((access.host, access.port), access.connect_timeout_s)
    except OSError as error:
        named = not isinstance(error, socket.gaierror)
        return replace(seen, reached="name" if named else "nothing", fault="unreachable", why=str(error))
    with connection:
        if context is None:
            return replace(seen, reached="tcp")
        try:
            with context.wrap_socket(connection, server_hostname=access.host) as wrapped:
                ends = (wrapped.getpeercert() or {}).get("notAfter")
        except ssl.SSLCertVerificationError as error:
            return replace(seen, reached="tcp", fault=_distrust(error), why=error.verify_message)
        except OSError as error:
            return replace(seen, reached="tcp", fault="handshake", why=str(error))
    ends_s = ssl.cert_time_to_seconds(ends) if isinstance(ends, str) else None
    return replace(seen, reached="tls", ends_s=ends_s)


def _distrust(error: ssl.SSLCertVerificationError) -> Any:
    if error.verify_code in _EXPIRED:
        return "ended"
    return "name" if error.verify_code in _OTHER_NAME else "authority"


class _Visit:
    """One connection with a clean session, no will and no events."""

    def __init__(self, access: Access, config: Config, clock: Clock, *, version5: bool) -> None:
        self._access = access
        self._clock = clock
        self._version5 = version5
        self._topics = Topics(config.store.id, config.uplink.prefix)
        self._wanted = subscriptions(config)
        self._client = self._made()
        self._reason: Any = None
        self._subscribed: dict[int, str] = {}
        self._open = 0  # answers that are still to come
        self._refused: list[str] = []
        self.other_version = False

    def _made(self) -> paho.Client:
        client = client_of(paho.Client, self._access, version5=self._version5, kept=False)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        return client

    def run(self, seen: BrokerSeen) -> BrokerSeen:
        client = self._client
        why = "no answer to CONNECT"
        try:
            client.connect(self._access.host, self._access.port, keepalive=60)
            self._loop(lambda: self._reason is not None)
        except OSError as error:
            why = str(error)
        if self._reason is None:
            self.other_version = self._version5
            return replace(seen, fault="silent", why=why)
        if self._reason.is_failure:
            self.other_version = self._version5 and int(self._reason.value) in UNSUPPORTED_VERSION
            return replace(seen, fault="refused", why=str(self._reason))
        self._try_topics()
        client.disconnect()
        version = "MQTT 5" if self._version5 else "MQTT 3.1.1"
        return replace(seen, reached="mqtt", version=version, refused_topics=tuple(sorted(self._refused)))

    def _try_topics(self) -> None:
        for topic in self._wanted:
            _rc, mid = self._client.subscribe(topic, qos=0)
            if mid is not None:
                self._subscribed[mid], self._open = topic, self._open + 1
        name = self._access.client_id
        probe = Response(id=name, status="done").model_dump_json(exclude_none=True)
        self._client.publish(self._topics.response(name), probe, qos=1)
        self._open += 1
        self._loop(lambda: not self._open)

    def _loop(self, done: Any) -> None:
        deadline_ns = self._clock.now().monotonic_ns + int(ANSWER_S_MAX * 1e9)
        while not done() and self._clock.now().monotonic_ns < deadline_ns:
            if self._client.loop(0.2) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return

    def _on_connect(self, _client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._reason = reason

    def _on_subscribe(self, _client: Any, _data: Any, mid: int, reasons: Any, _properties: Any) -> None:
        self._open -= 1
        if any(one.is_failure for one in reasons):
            self._refused.append(self._subscribed.get(mid, "?"))

    def _on_publish(self, _client: Any, _data: Any, _mid: int, reason: Any, _properties: Any) -> None:
        self._open -= 1
        if reason.is_failure:
            self._refused.append(f"{self._topics.response(self._access.client_id).rpartition('/')[0]}/+")


def subscriptions(config: Config) -> Sequence[str]:
    """What the agent hears, as `StoreTraffic` subscribes."""
    topics, prefix = Topics(config.store.id, config.uplink.prefix), config.uplink.prefix
    found = [topics.ack(name) for name in config.uplink.consumers]
    found += [topics.request(verb) for verb in VERBS]
    found += [expected_filter(config.store.id, prefix), f"{prefix}/{config.store.id}/answer/+"]
    return [*found, catalog_filter(prefix)] if config.catalogue.topic else found
