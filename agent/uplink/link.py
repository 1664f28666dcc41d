"""One thread that owns the connection: paho, the fast lane, the engine and the state plane. Nobody else touches them.

Other threads reach it by `post` and `committed`, which only enqueue and wake it. Outages are announced once when they
begin and once when they end.
"""

from __future__ import annotations

import os
import select
import ssl
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from paho.mqtt import client as paho
from paho.mqtt.enums import MQTTErrorCode

from agent.clock import Clock
from agent.uplink.access import Accepted, Access, Files, Inbound, client_of, session_kept
from agent.uplink.fastlane import LaneClient, SharedSocket
from agent.uplink.wire import DISCONNECT, FAILURE, OURS, TOKEN_MAX, EventPacker, Receipt, publish, topic_field

BACKOFF_S_MIN = 0.5
WAIT_S_MAX = 1.0
INBOX_MAX = 10_000
BURST_ROUNDS = 100
BURST_WAIT_S = 0.005
FAREWELL_S_MAX = 2.0
UNSUPPORTED_VERSION = {1, 0x84}
TAKEN_OVER = 0x8E
STABLE_S = 10.0  # a connection that lasts so long ends the growth of the pauses
SHORT_ONES_MAX = 3
WORKS_ON = "the store works on, events wait in the ledger. Check the network and the broker"


class Traffic(Protocol):
    """What travels on the link. All of it is called in the link's thread."""

    will: tuple[str, bytes]
    subscriptions: tuple[str, ...]

    def connected(self, accepted: Accepted, now_s: float) -> None: ...

    def disconnected(self) -> None: ...

    def inbound(self, messages: list[Inbound], now_s: float) -> None: ...

    def receipts(self, acks: list[Receipt]) -> None: ...

    @property
    def draining(self) -> bool:
        """More waits than the broker's window takes."""
        ...

    def work(self, link: Link, now_s: float) -> None:
        """Send what may go out now, with `link.send`."""
        ...

    def send_events(self, link: Link, now_s: float) -> None: ...

    def last_words(self) -> tuple[str, bytes]: ...


class Link:
    def __init__(
        self,
        access: Access,
        traffic: Traffic,
        *,
        clock: Clock,
        say: Callable[[str, str], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._access = access
        self._files = Files(access)
        self._traffic = traffic
        self._clock = clock
        self._say = say
        self._on_failure = on_failure
        self._posted: deque[Callable[[], None]] = deque()
        self._inbox: deque[Inbound] = deque()
        self._wake_in, self._wake_out = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._waking, self._closed = threading.Lock(), False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="uplink")
        self._client: LaneClient | None = None
        self._version5 = True
        self.accepted: Accepted | None = None  # for any thread to look at
        self._refused: int | None = None
        self._parted = ""  # what CONNACK or DISCONNECT gave as the reason
        self._said_down = ""
        self._attempts = 0
        self._short_ones = 0
        self._next_s = 0.0
        self._token = OURS - 1
        self.dropped_inbound = 0
        self.connects = 0

    # -- from other threads -----------------------------------------------------------------------------------------

    def start(self) -> None:
        self._thread.start()

    def post(self, call: Callable[[], None]) -> None:
        """Run `call` in the link's thread."""
        self._posted.append(call)
        self.wake()

    def wake(self) -> None:
        """After `close` there is nobody to wake, and the descriptor's number may be another file's by then."""
        with self._waking:
            if self._closed:
                return
            try:
                os.write(self._wake_out, b"w")
            except BlockingIOError:
                return  # a full pipe wakes as well

    def stop(self) -> None:
        """Say goodbye to the broker, and end."""
        self._stopping.set()
        self.wake()
        if self._thread.is_alive():
            self._thread.join()

    def close(self) -> None:
        """Once the thread has ended; whoever posts afterwards is not heard."""
        with self._waking:
            self._closed = True
            os.close(self._wake_in)
            os.close(self._wake_out)

    @property
    def up(self) -> bool:
        return self.accepted is not None

    # -- for traffic, in the link's thread --------------------------------------------------------------------------

    def send(self, topic: bytes, payload: bytes, *, retain: bool) -> int | None:
        """Queue one message at QoS 1; gives its packet id, or None when the outgoing buffer is full.

        `topic` is from `wire.topic_field`.
        """
        accepted, client = self.accepted, self._client
        if accepted is None or client is None or client.shared is None or not client.shared.has_room:
            return None
        token = self._token = OURS if self._token >= 0xFFFF else self._token + 1
        client.shared.put(publish(topic, payload, token, retain=retain, version5=accepted.version5))
        return token

    def send_events(self, packer: EventPacker, messages: list[tuple[str, list[bytes]]]) -> list[int]:
        """Queue event messages; gives their packet ids."""
        shared = self._shared()
        assert shared is not None
        pieces, last = packer.pack(messages, self._token)
        shared.put(b"".join(pieces))
        first, self._token = self._token, last
        if last >= first:
            return list(range(first + 1, last + 1))
        return [*range(first + 1, TOKEN_MAX + 1), *range(OURS, last + 1)]

    @property
    def has_room(self) -> bool:
        shared = self._shared()
        return shared is not None and shared.has_room

    # -- the thread -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._round()
            self._farewell()
        except BaseException as error:  # noqa: BLE001  a bug here ends the process (architecture.md, promise 3)
            self._on_failure(error)

    def _round(self) -> None:
        now_s = self._now_s()
        if self._client is None and now_s >= self._next_s:
            self._connect()
        self._wait(now_s)
        while self._posted:
            self._posted.popleft()()
        if self._client is not None:
            self._pump()
        now_s = self._now_s()
        if self.accepted is not None:
            if self._said_down and now_s - self.accepted.since_s >= STABLE_S:
                self._outage_is_over()
            if self._inbox:
                messages = list(self._inbox)
                self._inbox.clear()
                self._traffic.inbound(messages, now_s)
            self._traffic.work(self, now_s)
            self._burst()
            if self._files.are_others(now_s):
                self._come_again()

    def _burst(self) -> None:
        """While a backlog drains stay close to the socket: receipts in, messages out, nothing else between."""
        shared = self._shared()
        if shared is None:
            return
        now_s = self._now_s()
        for _ in range(BURST_ROUNDS):
            shared.flush()
            if shared.paho_has_bytes or self._posted or not self._traffic.draining:
                break
            select.select([shared], [shared] if shared.wants_write else [], [], BURST_WAIT_S)
            acks = shared.fill()
            if acks:
                self._traffic.receipts(acks)
            self._traffic.send_events(self, now_s)
        shared.flush()

    def _wait(self, now_s: float) -> None:
        shared = self._shared()
        if shared is None:
            timeout_s = min(WAIT_S_MAX, max(0.0, self._next_s - now_s))
            select.select([self._wake_in], [], [], timeout_s)
        else:
            readers: list[Any] = [self._wake_in, shared]
            select.select(readers, [shared] if shared.wants_write else [], [], WAIT_S_MAX)
        try:
            while len(os.read(self._wake_in, 4096)) == 4096:
                pass
        except BlockingIOError:
            return

    def _pump(self) -> None:
        shared, client = self._shared(), self._client
        if shared is None or client is None:
            return
        acks = shared.fill()
        if acks:
            self._traffic.receipts(acks)
        rc = MQTTErrorCode.MQTT_ERR_SUCCESS
        while shared.paho_has_bytes and rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
            rc = client.loop_read()
        if rc == MQTTErrorCode.MQTT_ERR_SUCCESS and client.want_write():
            rc = client.loop_write()  # what a callback has queued, such as SUBSCRIBE
        if rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
            rc = client.loop_misc()
        shared.flush()
        if self.accepted is None and self._now_s() > self._next_s:
            self._lost(f"{self._access.where} took the connection and says nothing")
        elif rc != MQTTErrorCode.MQTT_ERR_SUCCESS or shared.broken or self._refused is not None:
            self._lost(self._parted or f"the connection ended ({shared.why or paho.error_string(rc)})")

    def _shared(self) -> SharedSocket | None:
        return self._client.shared if self._client is not None else None

    def _now_s(self) -> float:
        return self._clock.now().monotonic_ns / 1e9

    # -- connecting -------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        self._attempts += 1
        self._refused, self._parted = None, ""
        self._files.take()
        try:
            client = self._made()
            options: Any = {"clean_start": False, "properties": session_kept()} if self._version5 else {}
            client.connect(self._access.host, self._access.port, self._access.keepalive_s, **options)
        except ssl.SSLCertVerificationError as error:
            why = f"the certificate of {self._access.where} is not to be trusted: {error.verify_message}"
            self._back_off(self._now_s(), f"{why}; see ca_file and the broker's name in its certificate")
            return
        except (OSError, ValueError) as error:
            self._back_off(self._now_s(), f"{self._access.where} cannot be reached: {error}")
            return
        self._client = client
        self._next_s = self._now_s() + self._access.connect_timeout_s  # connecting itself has taken time

    def _made(self) -> LaneClient:
        client = client_of(LaneClient, self._access, version5=self._version5, kept=True)
        topic, payload = self._traffic.will
        client.will_set(topic, payload, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        return client

    def _on_connect(self, client: paho.Client, _data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._refused = int(reason.value)
            self._parted = self._access.refused(self._refused, str(reason))
            return
        shared = self._shared()
        self.accepted = Accepted(
            self._version5,
            int(getattr(properties, "ReceiveMaximum", 65_535)),
            int(getattr(properties, "MaximumPacketSize", 268_435_455)),
            bool(flags.session_present),
            self._now_s(),
            shared.certificate_ends_s if shared is not None else None,
        )
        self.connects += 1
        if self._short_ones < SHORT_ONES_MAX:
            self._outage_is_over()
        for topic in self._traffic.subscriptions:
            client.subscribe(topic, qos=1)
        self._traffic.connected(self.accepted, self._now_s())

    def _outage_is_over(self) -> None:
        if self._said_down:
            self._said_down = ""
            self._say("broker", "connected again")

    def _on_disconnect(self, _client: Any, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        if not flags.is_disconnect_packet_from_server:
            return
        self._parted = f"the broker ended the connection: {reason}"
        if int(reason.value) == TAKEN_OVER:
            own = "each store needs its own client_id"
            self._parted = f"another client came with our id {self._access.client_id}; {own}"

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        for reason in reasons:
            if reason.is_failure:
                why = "the broker's access list needs this store's topics"
                self._say("broker", f"a subscription was refused: {reason}; {why}")

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        if len(self._inbox) >= INBOX_MAX:
            self.dropped_inbound += 1
            return
        self._inbox.append(Inbound(message.topic, bytes(message.payload), bool(message.retain)))

    def _lost(self, why: str) -> None:
        now_s = self._now_s()
        unheard = self.accepted is None and self._refused is None
        if self.accepted is not None:
            why = self._lasted(now_s - self.accepted.since_s, why)
        self._part()
        if unheard:
            # A broker that hangs up without a word may not know MQTT 5 (RabbitMQ 3.10): the versions take turns.
            self._version5 = not self._version5
        elif self._version5 and self._refused in UNSUPPORTED_VERSION:
            self._version5, self._next_s = False, now_s
            return
        self._back_off(now_s, why)

    def _part(self) -> None:
        client, self._client, self.accepted = self._client, None, None
        if client is not None and client.shared is not None:
            client.shared.close()
        self._inbox.clear()
        self._traffic.disconnected()

    def _come_again(self) -> None:
        """With other credentials, and no will: what is under way goes again, as after an outage that nobody saw."""
        self._say("broker", "the certificate is a new one: connecting again with it")
        if (shared := self._shared()) is not None:
            shared.put(DISCONNECT)
            shared.flush()
        self._part()
        self._next_s = self._now_s()

    def _lasted(self, lasted_s: float, why: str) -> str:
        """Short connections lengthen the pauses: two clients with one id throw each other out for ever."""
        if lasted_s >= STABLE_S:
            self._attempts = self._short_ones = 0
            return why
        self._short_ones += 1
        if self._short_ones < SHORT_ONES_MAX or self._parted:
            return why
        # Without a number: it is one outage, and is said once.
        hint = f"is another client using the id {self._access.client_id}? Or is a topic denied to this store?"
        return f"{why}; several connections in a row were short: {hint}"

    def _back_off(self, now_s: float, why: str) -> None:
        ceiling_s = min(self._access.backoff_s_max, BACKOFF_S_MIN * 2 ** min(self._attempts, 16))
        self._next_s = now_s + BACKOFF_S_MIN + self._clock.chance() * (ceiling_s - BACKOFF_S_MIN)
        if why != self._said_down:
            self._said_down = why
            self._say("broker", f"{why}; {WORKS_ON}")

    def _farewell(self) -> None:
        """State `stopped`, then DISCONNECT, with a limit: a dead broker does not hold up the end."""
        shared = self._shared()
        if shared is None:
            return
        if self.accepted is not None:
            topic, payload = self._traffic.last_words()
            self.send(topic_field(topic), payload, retain=True)
            shared.put(DISCONNECT)
        deadline_s = self._now_s() + FAREWELL_S_MAX
        while shared.wants_write and not shared.broken and self._now_s() < deadline_s:
            shared.flush()
            if shared.wants_write:
                select.select([], [shared], [], 0.2)
        shared.close()


__all__ = ["FAILURE", "Accepted", "Access", "Inbound", "Link", "Traffic"]
