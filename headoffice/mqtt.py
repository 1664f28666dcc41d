"""The thin shell around paho and its lane: one thread moves bytes and only enqueues what comes, one worker takes what
waits, a dead thread is noticed."""

from __future__ import annotations

import os
import queue
import select
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from headoffice.errors import BrokerUnreachable, unusable_pem
from headoffice.lane import OURS, Arrived, Lane, LaneClient, pubacks, publish

QUEUE_MAX = 1_000  # messages of up to 64 KiB; the rest waits at the broker
PUT_TIMEOUT_S = 5.0
SUBSCRIBE_TOPICS_MAX = 100
SESSION_EXPIRY_S = 7 * 86_400
VERSION_REFUSED = {1, 0x84}
KEEPALIVE_S = 15
LOOP_S = 1.0
FAREWELL = b"\xe0\x00"  # DISCONNECT (MQTT 5.0, 3.14), the same in 3.1.1
WAKES = 4096
PACKET_ID_MAX = 0xFFFF
BACKOFF_S_MIN = 0.5
BACKOFF_S_MAX = 10.0  # all stores wait for it


@dataclass(frozen=True, slots=True)
class Broker:
    """How to reach the broker, secrets already read."""

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    keep_session: bool = True


@dataclass(frozen=True, slots=True)
class Connected:
    """Put on the queue when the broker took us; `session`: it knew us."""

    session: bool


Item = Arrived | Connected


class Shell:
    """`take` gives what has come. Raises `ConfigError` when certificate or key cannot be used."""

    def __init__(
        self, broker: Broker, topics: Sequence[str], say: Callable[[str], None], chance: Callable[[], float]
    ) -> None:
        self._broker = broker
        self._topics = list(topics)
        self._wanted = threading.Lock()  # `_topics` and what is said of them to the broker, in one order
        self._say = say
        self._chance = chance
        self._queue: queue.Queue[Item] = queue.Queue(QUEUE_MAX)
        self._version5 = True
        self._other_version = False
        self._closing = threading.Event()
        self._parting = False
        self._outgoing: deque[bytes] = deque()
        self._packet_id = OURS
        self._wake_in, self._wake_out = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._client = self._made()
        self._thread: threading.Thread | None = None
        self._down = False
        self._refusal = ""
        self._answered = self._taken = False
        self.deaf = False  # what comes is dropped: it cannot be stored, and comes again
        self.dropped = 0
        self._dropped_said = 0
        self.failure: BaseException | None = None

    def open(self) -> None:
        """Start connecting; goes on trying for ever."""
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        failed = 0
        try:
            while not self._closing.is_set():
                failed = 0 if self._connection() else failed + 1
                if self._other_version:
                    self._other_version, self._version5 = False, not self._version5
                    _release(self._client)
                    self._client = self._made()
                # Jitter: when a broker comes back, not all come to it at once.
                pause_s = min(BACKOFF_S_MAX, BACKOFF_S_MIN * 2 ** min(failed, 10))
                self._closing.wait(pause_s * (0.5 + self._chance()))
        except BaseException as error:  # noqa: BLE001  a dead thread must not look alive: `take` raises it
            self.failure = error

    def _connection(self) -> bool:
        """One connection from beginning to end; False if the broker has not taken us."""
        self._answered = self._taken = False
        client = self._client
        try:
            client.connect(self._broker.host, self._broker.port, KEEPALIVE_S, **self._options())
        except OSError as error:  # also names that are unknown, and certificates that are not accepted
            self._outage(f"{self._broker.host}:{self._broker.port} cannot be reached ({error}); trying again")
            return False
        lane = client.lane
        assert lane is not None
        self._outgoing.clear()
        while self._turn(client, lane):  # `close` ends it
            continue
        if not self._answered:  # an old broker may hang up on what it does not know
            self._other_version = True
        return self._taken

    def _turn(self, client: LaneClient, lane: Lane) -> bool:
        """Once around: what has come, what is to go; False when the connection is over."""
        if self._closing.is_set() and not self._parting:
            self._parting = True
            self._send(client, lane)
            lane.put(FAREWELL)
        reading: list[Lane | int] = [lane, self._wake_in]
        readable, writable, _ = select.select(reading, [lane] if lane.wants_write else [], [], LOOP_S)
        if self._wake_in in readable:
            os.read(self._wake_in, WAKES)
        arrived = lane.fill() if lane in readable else []
        result = MQTTErrorCode.MQTT_ERR_SUCCESS
        while result == MQTTErrorCode.MQTT_ERR_SUCCESS and (lane.pending() or lane.broken):
            result = client.loop_read()
        if self._parting:  # the broker hangs up once it has read all; hung up on, it would read no more
            lane.flush()
            return result == MQTTErrorCode.MQTT_ERR_SUCCESS and bool(readable or writable)
        for one in arrived:
            self._put(one)
        lane.put(pubacks([one.packet_id for one in arrived if one.packet_id is not None]))
        self._send(client, lane)
        if result == MQTTErrorCode.MQTT_ERR_SUCCESS:
            result = client.loop_misc()
        lane.flush()
        return result == MQTTErrorCode.MQTT_ERR_SUCCESS and client.socket() is not None

    def _send(self, client: LaneClient, lane: Lane) -> None:
        ours = [self._outgoing.popleft() for _ in range(len(self._outgoing))]
        if client.want_write():  # what was said to paho before any of ours goes before it
            client.loop_write()
        lane.put(b"".join(ours))

    def _wake(self, *_: object) -> None:
        with suppress(BlockingIOError):  # a full pipe wakes as well
            os.write(self._wake_out, b"w")

    def _outage(self, text: str) -> None:
        if not self._down:
            self._down = True
            self._say(text)

    def take(self, most: int, timeout_s: float, size_bytes_max: int = 1024 * 1024) -> list[Item]:
        """At least one if it comes within the timeout, at most `most`, and no more once they have `size_bytes_max`.

        Raises `BrokerUnreachable` when the connection's thread has ended.
        """
        if self.failure is not None or (self._thread is not None and not self._thread.is_alive()):
            raise BrokerUnreachable(f"the MQTT thread ended: {self.failure}", hint="restart head office")
        if self.dropped > self._dropped_said:
            self._say(f"{self.dropped - self._dropped_said} messages came faster than they can be stored: asked again")
            self._dropped_said = self.dropped
        found: list[Item] = []
        size_bytes = 0
        try:
            one = self._queue.get(timeout=timeout_s)
            while True:
                found.append(one)
                size_bytes += 0 if isinstance(one, Connected) else len(one.payload)
                if len(found) >= most or size_bytes >= size_bytes_max:
                    break
                one = self._queue.get_nowait()
        except queue.Empty:
            pass
        return found

    @property
    def waiting(self) -> bool:
        """Whether `take` would find something at once."""
        return not self._queue.empty()

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """QoS 1. Without a connection it is forgotten: positions are said again after every connect."""
        if not self._client.is_connected():
            return
        self._packet_id = self._packet_id + 1 if self._packet_id < PACKET_ID_MAX else OURS
        self._outgoing.append(publish(topic, payload, self._packet_id, retain=retain, version5=self._version5))
        self._wake()

    def listen(self, topics: Iterable[str]) -> None:
        """Subscribe to these from now on, and to nothing else."""
        with self._wanted:
            before, self._topics = set(self._topics), list(dict.fromkeys(topics))
            if self._client.is_connected():
                gone = sorted(before.difference(self._topics))
                for at in range(0, len(gone), SUBSCRIBE_TOPICS_MAX):
                    self._client.unsubscribe(gone[at : at + SUBSCRIBE_TOPICS_MAX])
                self._subscribe(self._client, [topic for topic in self._topics if topic not in before])

    def hear_again(self) -> None:
        """Deaf no longer. What was dropped may have been a retained value, as a store's state, that nobody would say
        again: the broker does with each SUBSCRIBE (MQTT 5.0, 3.8.4)."""
        self.deaf = False
        with self._wanted:
            if self._client.is_connected():
                self._subscribe(self._client, self._topics)

    def _subscribe(self, client: paho.Client, topics: Sequence[str]) -> None:
        """In packets that any broker takes."""
        for at in range(0, len(topics), SUBSCRIBE_TOPICS_MAX):
            client.subscribe([(topic, 1) for topic in topics[at : at + SUBSCRIBE_TOPICS_MAX]])

    @property
    def connected(self) -> bool:
        return bool(self._client.is_connected())

    def close(self) -> None:
        """Once the broker has read what was published, or has done nothing for a second."""
        self._closing.set()
        self._wake()
        if self._thread is not None:
            self._thread.join(5)
        _release(self._client)
        if self._thread is None or not self._thread.is_alive():
            os.close(self._wake_in)
            os.close(self._wake_out)

    # -- paho -------------------------------------------------------------------------------------------------------

    def _made(self) -> LaneClient:
        broker = self._broker
        client = LaneClient(
            CallbackAPIVersion.VERSION2,
            client_id=broker.client_id,
            clean_session=None if self._version5 else not broker.keep_session,
            protocol=paho.MQTTv5 if self._version5 else paho.MQTTv311,
        )
        if broker.username is not None:
            client.username_pw_set(broker.username, broker.password)
        if broker.ca_file is not None:
            try:
                context = ssl.create_default_context(cafile=str(broker.ca_file))
                if broker.cert_file is not None:
                    context.load_cert_chain(broker.cert_file, broker.key_file)
            except OSError as error:
                raise unusable_pem(error, broker.ca_file, broker.cert_file, broker.key_file) from error
            client.tls_set_context(context)  # pyright: ignore[reportUnknownMemberType]
        # Without it `publish` would write to the socket itself, in the caller's thread, in the middle of a packet.
        client.on_socket_register_write = self._wake
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        return client

    def _options(self) -> dict[str, Any]:
        if not self._version5:
            return {}
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S if self._broker.keep_session else 0
        return {"clean_start": not self._broker.keep_session, "properties": properties}

    def _on_connect(self, client: paho.Client, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        self._answered = True
        if reason.is_failure:
            if int(reason.value) in VERSION_REFUSED and self._version5:
                self._other_version = True
            elif str(reason) != self._refusal:
                self._refusal = str(reason)
                self._say(f"the broker refuses head office: {reason}")
            return
        self._taken, self._refusal = True, ""
        if self._down:
            self._down = False
            self._say("connected again")
        with self._wanted:
            self._subscribe(client, self._topics)
        self._put(Connected(bool(flags.session_present)))

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure and self._taken and not self._closing.is_set():
            self._outage(f"the connection to the broker is lost ({reason}); trying again")

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        """Many brokers grant what they will not deliver; those that say no are believed."""
        refused = [reason for reason in reasons if reason.is_failure]
        if refused and str(refused[0]) != self._refusal:
            self._refusal = str(refused[0])
            self._say(f"the broker refuses {len(refused)} subscriptions: {refused[0]}; see its access list")

    def _put(self, item: Item) -> None:
        """A full queue holds the broker back for a while; what is dropped then comes again with a replay."""
        if self.deaf and not isinstance(item, Connected):
            return
        try:
            self._queue.put(item, timeout=PUT_TIMEOUT_S)
        except queue.Full:
            self.dropped += 1


def _release(client: paho.Client) -> None:
    """paho closes its pair of sockets only when it is collected, and its callbacks hold it in a circle."""
    client._reset_sockets()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
