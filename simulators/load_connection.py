"""One connection of the load program, and the stores on it. A shop has a connection of its own, with a will; here many
share one, there is no will, and a store's `state` stays as it was said last."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from contract.topics import parse
from simulators import load_wire as wire
from simulators.load_store import LoadStore, Publish

WINDOW_MESSAGES = 100  # that the broker has not taken
KEEPALIVE_S = 30
RETRY_S = 0.5
CONNECT_S_MAX = 5.0
FILTERS_A_PACKET = 400
READ_BYTES = 256 * 1024
LOST = (OSError, wire.WireError)


class Waited(NamedTuple):
    """A message that head office acknowledged: its newest event, and how long since its events existed."""

    store: str
    seq: int
    seconds: float


class Connection:
    """One MQTT connection and the stores on it."""

    def __init__(
        self,
        name: str,
        address: tuple[str, int],
        stores: Sequence[LoadStore],
        stamp: Callable[[], str],
        *,
        levels: bool,
    ) -> None:
        self.stores = {one.log.store: one for one in stores}
        self.ready: deque[LoadStore] = deque()
        self._turns = deque(stores)
        self.socket: socket.socket | None = None
        self.up = False
        self.waited: list[Waited] = []
        self._name = name
        self._address = address
        self._levels = levels
        self._stamp = stamp
        self._prefix = stores[0].topics.prefix
        self._decoder = wire.Decoder()
        self._out = bytearray()
        self._others: deque[Publish] = deque()
        self._in_flight = self._packet_id = self._subscribing = 0
        self._retry_s = self._said_s = 0.0

    def open(self, now_s: float) -> socket.socket | None:
        """Connect, unless it is too soon to try again; None without success."""
        if now_s < self._retry_s:
            return None
        self._retry_s = now_s + RETRY_S
        try:
            opened = socket.create_connection(self._address, CONNECT_S_MAX)
        except OSError:
            return None
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.setblocking(False)
        self.socket = opened
        self._decoder, self._in_flight, self._packet_id = wire.Decoder(), 0, 0
        self._out = bytearray(wire.connect(self._name, KEEPALIVE_S))
        return opened

    def close(self) -> None:
        """What was under way is lost; the stores send it again."""
        if self.socket is not None:
            self.socket.close()
        self.socket, self.up = None, False

    def read(self, now_s: float) -> None:
        """Raises `OSError` and `WireError`: the connection is over."""
        assert self.socket is not None
        data = self.socket.recv(READ_BYTES)
        if not data:
            raise ConnectionResetError("the broker hung up")
        for packet in self._decoder.feed(data):
            self._packet(packet, now_s)

    def _packet(self, packet: wire.Packet, now_s: float) -> None:
        if packet.kind == wire.PUBACK:
            self._in_flight -= 1
        elif packet.kind == wire.PUBLISH:
            self._heard(wire.received(packet), now_s)
        elif packet.kind == wire.SUBACK:
            self._subscribing -= 1
            if self._subscribing == 0:
                self._begin()
        elif packet.kind == wire.CONNACK:
            if packet.body[1:2] != b"\0":
                raise wire.WireError(f"the broker refuses: {packet.body[1:2].hex()}")
            self._subscribe()

    def _subscribe(self) -> None:
        filters = [one for store in self.stores.values() for one in store.filters()]
        for at in range(0, len(filters), FILTERS_A_PACKET):
            self._subscribing += 1
            self._out += wire.subscribe(self._next_id(), filters[at : at + FILTERS_A_PACKET])

    def _begin(self) -> None:
        at = self._stamp()
        self._others = deque(one for store in self.stores.values() for one in store.connected(at, levels=self._levels))
        self.ready = deque(self.stores.values())
        self.up = True

    def _heard(self, message: wire.Received, now_s: float) -> None:
        if message.packet_id is not None:
            self._out += wire.puback(message.packet_id)
        address = parse(message.topic, self._prefix)
        store = self.stores.get(address.store) if address is not None else None
        if address is None or store is None or address.name is None:
            return
        if address.plane == "request":
            answer = store.answer(address.name, message.payload)
            if answer is not None:
                self._others.append(answer)
        else:
            try:
                self.waited += [Waited(address.store, *one) for one in store.acknowledge(message.payload, now_s)]
            except ValidationError as error:
                raise wire.WireError(f"{message.topic} holds no acknowledgement") from error
        self.ready.append(store)

    def release(self, now_s: float) -> int:
        """Let the next message's events of the next store exist; how many they are, 0 when all do."""
        for _ in range(len(self._turns)):
            store = self._turns.popleft()
            events = store.release(now_s)
            if events:
                self._turns.append(store)
                self.ready.append(store)
                return events
        return 0

    def tick(self, now_s: float, *, health: int | None) -> None:
        """Stores that were not heard send again; `health`: say it, with so many seconds of uptime."""
        for store in self.stores.values():
            if store.tick(now_s):
                self.ready.append(store)
            if self._levels:
                self._others += store.levels()
            if health is not None:
                self._others.append(store.health(self._stamp(), health))

    def write(self, now_s: float) -> None:
        """As much as window and socket take. Raises `OSError`."""
        assert self.socket is not None
        while self.up and self._in_flight < WINDOW_MESSAGES and len(self._out) < READ_BYTES:
            publish = self._others.popleft() if self._others else self._next_events(now_s)
            if publish is None:
                break
            self._in_flight += 1
            self._out += wire.publish(publish.topic, publish.payload, self._next_id(), retain=publish.retain)
        if now_s - self._said_s > KEEPALIVE_S / 2:
            self._out += wire.PINGREQ if self.up else b""
            self._said_s = now_s
        if self._out:
            try:
                del self._out[: self.socket.send(self._out)]
            except BlockingIOError:
                return

    def _next_events(self, now_s: float) -> Publish | None:
        """Stores in turn, a message each."""
        while self.ready:
            store = self.ready.popleft()
            publish = store.next(now_s)
            if publish is not None:
                self.ready.append(store)
                return publish
        return None

    def _next_id(self) -> int:
        self._packet_id = self._packet_id % 65_535 + 1
        return self._packet_id
