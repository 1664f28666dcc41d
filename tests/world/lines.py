"""The two places where paho and its socket stand in life: the store's link and head office's shell.

Packets of the store are the real bytes of `agent/uplink/wire.py`; what paho does is told to the broker by calls.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, cast

from agent.clock import Clock
from agent.uplink.access import Accepted, Inbound
from agent.uplink.link import BACKOFF_S_MIN, INBOX_MAX, Link, Traffic
from agent.uplink.wire import OURS, TOKEN_MAX, Demux, EventPacker, publish
from headoffice.lane import Arrived
from headoffice.mqtt import QUEUE_MAX, Connected, Item
from tests.world.broker import PACKET_BYTES_MAX, Broker, Line, Sent, Will
from tests.world.sim import Life

ROUND_S = 1.0
BACKOFF_S_MAX = 8.0
RECEIVE_MAX = 20


def unpacked(packet: bytes) -> list[tuple[Sent, int]]:
    """PUBLISH packets at QoS 1, written one behind the other (MQTT 5.0, 3.3)."""
    found: list[tuple[Sent, int]] = []
    at = 0
    while at < len(packet):
        kind, at = packet[at], at + 1
        size = shift = 0
        while True:
            byte, at = packet[at], at + 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        body, at = packet[at : at + size], at + size
        name = 2 + int.from_bytes(body[:2], "big")
        found.append(
            (
                Sent(body[2:name].decode(), body[name + 2 :], bool(kind & 1)),
                int.from_bytes(body[name : name + 2], "big"),
            )
        )
    return found


class StoreLink:
    """In place of `agent.uplink.link.Link`: the same rounds, stepped."""

    def __init__(self, life: Life, broker: Broker, traffic: Traffic, name: str, clock: Clock) -> None:
        self._life, self._broker, self._traffic, self._name, self._clock = life, broker, traffic, name, clock
        self._posted: deque[Callable[[], None]] = deque()
        self._inbox: deque[Inbound] = deque()
        self._acked: list[bytes] = []
        self._demux = Demux()
        self._line: Line | None = None
        self.accepted: Accepted | None = None
        self._token = OURS - 1
        self._attempts = 0
        self._woken = False
        self.dropped_inbound = 0
        self.reasons: set[str] = set()
        life.at(0.01, self._connect)
        life.every(ROUND_S, self._round)

    # -- for the agent ----------------------------------------------------------------------------------------------

    def post(self, call: Callable[[], None]) -> None:
        self._posted.append(call)
        self.wake()

    def wake(self) -> None:
        if not self._woken:
            self._woken = True
            self._life.at(0.0002 + 0.002 * self._clock.chance(), self._round)

    # -- for traffic ------------------------------------------------------------------------------------------------

    @property
    def has_room(self) -> bool:
        return self.accepted is not None

    def send(self, topic: bytes, payload: bytes, *, retain: bool) -> int | None:
        if self.accepted is None:
            return None
        token = self._token = OURS if self._token >= TOKEN_MAX else self._token + 1
        self._put(publish(topic, payload, token, retain=retain, version5=self._broker.version5))
        return token

    def send_events(self, packer: EventPacker, messages: list[tuple[str, list[bytes]]]) -> list[int]:
        pieces, last = packer.pack(messages, self._token)
        first, self._token = self._token, last
        self._put(b"".join(pieces))
        if last >= first:
            return list(range(first + 1, last + 1))
        return [*range(first + 1, TOKEN_MAX + 1), *range(OURS, last + 1)]

    def _put(self, packets: bytes) -> None:
        assert self._line is not None
        for message, packet_id in unpacked(packets):
            payload = message.payload[1:] if self._broker.version5 else message.payload  # no properties
            self._broker.publish(self._line, message._replace(payload=payload), packet_id)

    # -- the thread -------------------------------------------------------------------------------------------------

    def _round(self) -> None:
        self._woken = False
        while self._posted:
            self._posted.popleft()()
        if self.accepted is None:
            return
        now_s = self._now_s()
        sending = cast("Link", self)
        acks, self._acked = b"".join(self._acked), []
        if acks:
            self._traffic.receipts(self._demux.feed(acks)[1])
        if self._inbox:
            messages = list(self._inbox)
            self._inbox.clear()
            self._traffic.inbound(messages, now_s)
        self._traffic.work(sending, now_s)
        if self._traffic.draining:
            self._traffic.send_events(sending, now_s)

    def _now_s(self) -> float:
        return self._clock.now().monotonic_ns / 1e9

    # -- connection -------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        self._attempts += 1
        line = self._line = self._broker.dial(self, self._name)
        if line is None:
            self._back_off("unreachable")
            return
        self._broker.connect(line, Will(*self._traffic.will))
        self._life.at(5.0, lambda: self.lost(line, "silent") if self.accepted is None and self._line is line else None)

    def connacked(self, line: Line, *, session: bool) -> None:
        if line is not self._line or not self._life.alive:
            return
        self._attempts = 0
        self._demux = Demux()
        self.accepted = Accepted(self._broker.version5, RECEIVE_MAX, PACKET_BYTES_MAX, session, self._now_s())
        self._broker.subscribe(line, self._traffic.subscriptions)
        self._traffic.connected(self.accepted, self._now_s())
        self.wake()

    def puback(self, line: Line, packet_id: int, reason: int) -> None:
        if line is self._line and self._life.alive:
            tail = (
                bytes((3, *packet_id.to_bytes(2, "big"), reason))
                if reason
                else bytes((2, *packet_id.to_bytes(2, "big")))
            )
            self._acked.append(b"\x40" + tail)
            self.wake()

    def arrived(self, line: Line, message: Sent) -> None:
        if line is not self._line or not self._life.alive:
            return
        if len(self._inbox) >= INBOX_MAX:
            self.dropped_inbound += 1
        else:
            self._inbox.append(Inbound(message.topic, message.payload, message.retain))
        self._broker.puback(line)
        self.wake()

    def lost(self, line: Line, why: str) -> None:
        if line is not self._line or not self._life.alive:
            return
        self._broker.hung_up(line)
        self._line = self.accepted = None
        self._inbox.clear()
        self._acked.clear()
        self._traffic.disconnected()
        self._back_off(why)

    def _back_off(self, why: str) -> None:
        self.reasons.add(why)
        ceiling_s = min(BACKOFF_S_MAX, BACKOFF_S_MIN * 2 ** min(self._attempts, 16))
        self._life.at(BACKOFF_S_MIN + self._clock.chance() * (ceiling_s - BACKOFF_S_MIN), self._connect)

    def die(self) -> None:
        if self._line is not None:
            self._broker.hung_up(self._line)

    @property
    def queues(self) -> dict[str, tuple[int, int]]:
        return {"link inbox": (len(self._inbox), INBOX_MAX)}


class OfficeShell:
    """In place of `headoffice.mqtt.Shell`: `take` never waits."""

    def __init__(self, life: Life, broker: Broker, name: str, topics: Iterable[str], wake: Callable[[], None]) -> None:
        self._life, self._broker, self._name, self._wake = life, broker, name, wake
        self._topics = tuple(topics)
        self._queue: deque[Item] = deque()
        self._line: Line | None = None
        self._packet_id = 0
        self.connected = False
        self.deaf = False
        self.dropped = 0
        self.before_publish: Callable[[], None] = lambda: None

    def open(self) -> None:
        self._connect()

    def close(self) -> None:
        self._life.alive = False

    def listen(self, topics: Iterable[str]) -> None:
        self._topics = tuple(topics)

    def hear_again(self) -> None:
        self.deaf = False
        if self.connected and self._line is not None:
            self._broker.subscribe(self._line, self._topics)

    @property
    def waiting(self) -> bool:
        return bool(self._queue)

    def take(self, most: int, timeout_s: float, size_bytes_max: int = 0) -> list[Item]:
        return [self._queue.popleft() for _ in range(min(most, len(self._queue)))]

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        self.before_publish()
        if self.connected and self._line is not None:
            self._packet_id = self._packet_id % 0xFFFF + 1
            self._broker.publish(self._line, Sent(topic, payload, retain), self._packet_id)

    def _connect(self) -> None:
        line = self._line = self._broker.dial(self, self._name)
        if line is None:
            self._life.at(2.0, self._connect)
            return
        self._broker.connect(line, None)
        self._life.at(5.0, lambda: self.lost(line, "silent") if not self.connected and self._line is line else None)

    def connacked(self, line: Line, *, session: bool) -> None:
        if line is self._line and self._life.alive:
            self.connected = True
            self._broker.subscribe(line, self._topics)
            self._put(Connected(session))

    def puback(self, line: Line, packet_id: int, reason: int) -> None:
        """paho's business."""

    def arrived(self, line: Line, message: Sent) -> None:
        if line is self._line and self._life.alive:
            self._put(Arrived(message.topic, message.payload, message.retain, 1))
            self._broker.puback(line)

    def lost(self, line: Line, why: str) -> None:
        if line is self._line and self._life.alive:
            self._broker.hung_up(line)
            self._line, self.connected = None, False
            self._life.at(1.0, self._connect)

    def die(self) -> None:
        if self._line is not None:
            self._broker.hung_up(self._line)

    def _put(self, item: Item) -> None:
        if self.deaf and not isinstance(item, Connected):
            return
        if len(self._queue) >= QUEUE_MAX:
            self.dropped += 1
            return
        self._queue.append(item)
        self._wake()

    @property
    def queues(self) -> dict[str, tuple[int, int]]:
        return {f"{self._name} queue": (len(self._queue), QUEUE_MAX)}


def as_shell(shell: OfficeShell) -> Any:
    return shell
