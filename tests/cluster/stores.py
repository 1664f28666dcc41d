"""Stores that write all the time: their logs in memory, the agent's own engine between log and broker, paho around it.

A store's log is what head office is held against at the end. One thread drives all of them; each has a connection of
its own.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from typing import Any, Self

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.uplink.engine import Engine, EngineSettings
from contract.messages import Response
from contract.topics import Topics
from tests.headoffice.logs import Log

STEP_S = 0.02
SETTINGS = EngineSettings(ack_timeout_s=2.0, probe_interval_s_max=8.0)
RECEIVE_MAX = 20
PACKET_BYTES_MAX = 65_536


class LoadStore:
    def __init__(self, name: str, port: int, seed: int) -> None:
        chance = random.Random(seed)
        self.log = Log(f"{name}-L1", store=name, key=Ed25519PrivateKey.from_private_bytes(chance.randbytes(32)))
        self.log.open([[f"SKU-{number}", "backroom", None, "sellable", 100] for number in range(20)])
        self.port = port
        self.acked = 0
        self.asked = 0  # requests for what was missing
        self.complaints: list[str] = []
        self._topics = Topics(name)
        self._engine = Engine(self.log.name, self.log.head, {"headoffice": 0}, SETTINGS)
        self._lock = threading.Lock()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"store-{name}", clean_session=True)
        self._client.reconnect_delay_set(1, 1)
        self._client.will_set(self._topics.state(), self._state("offline"), qos=1, retain=True)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._message
        self._client.on_publish = self._published
        self._tokens: list[int] = []

    def start(self) -> None:
        self._client.connect_async("127.0.0.1", self.port, 10)
        self._client.loop_start()

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def drive(self, chance: random.Random, events: int) -> None:
        """Write so many events, and send what may be sent."""
        now_s = time.monotonic()
        with self._lock:
            for _ in range(events):
                self._write(chance)
            engine = self._engine
            engine.head_is(self.log.head)
            tokens, self._tokens = self._tokens, []
            engine.pubacks(tokens)
            engine.tick(now_s)
            while (wanted := engine.fetch(now_s)) is not None:
                some = self.log.events[wanted.start - 1 : wanted.start - 1 + wanted.limit]
                rows = [(wanted.start + at, one.type, one.body) for at, one in enumerate(some)]
                engine.fetched(wanted.start, rows)
            while found := engine.take(now_s):
                for batch, live in found:
                    payload = self.log.message(batch.first, batch.last)
                    info = self._client.publish(self._topics.events(batch.type), payload, qos=1)
                    engine.sent(info.mid, batch, live=live)

    def _write(self, chance: random.Random) -> None:
        kind = chance.random()
        if kind < 0.02:
            self.log.look()
        elif kind < 0.2:
            self.log.write("journal", {"kind": "session_opened", "station": "dock"})
        else:
            self.log.receive(f"SKU-{chance.randrange(20)}", chance.randrange(1, 5))

    def _state(self, state: str) -> bytes:
        said = {"state": state, "boot": "b", "log": self.log.name, "head": self.log.head, "version": "1"}
        return orjson.dumps(said)

    # -- paho's thread ------------------------------------------------------------------------------------------------

    def _connected(self, client: paho.Client, *_rest: Any) -> None:
        client.subscribe([(self._topics.ack("headoffice"), 1), (self._topics.request("replay"), 1)])
        with self._lock:
            self._tokens.clear()
            self._engine.connect(time.monotonic(), receive_max=RECEIVE_MAX, packet_bytes_max=PACKET_BYTES_MAX)
            client.publish(self._topics.state(), self._state("online"), qos=1, retain=True)

    def _disconnected(self, *_rest: Any) -> None:
        with self._lock:
            self._engine.disconnect()

    def _published(self, _client: Any, _data: Any, token: int, *_rest: Any) -> None:
        self._tokens.append(token)  # under paho's lock: no lock of ours

    def _message(self, client: paho.Client, _data: Any, message: Any) -> None:
        body = orjson.loads(message.payload)
        if message.topic == self._topics.ack("headoffice"):
            with self._lock:
                said = self._engine.acknowledge(
                    "headoffice", body["log"], body["seq"], time.monotonic(), retained=message.retain
                )
                self.acked = max(self.acked, body["seq"])
            if said is not None:
                self.complaints.append(said)
            return
        with self._lock:
            there = body["log"] == self.log.name and body["seq"] <= self.log.head
            self.asked += there
            if there:
                self._engine.replay_from(body["seq"])
            answer = Response(id=body["id"], status="done", result={"from": body["seq"]}) if there else Response(
                id=body["id"], status="refused", reason="replay", hint=f"the newest event is {self.log.head}"
            )  # fmt: skip
        client.publish(self._topics.response(body["id"]), answer.model_dump_json(exclude_none=True).encode(), qos=1)


class Load:
    """Drives the stores in a thread of its own, `rate` events a second over all of them."""

    def __init__(self, stores: Sequence[LoadStore], rate: float, seed: int) -> None:
        self.stores = stores
        self.writing = True
        self._rate = rate
        self._chance = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load")
        self.failure: BaseException | None = None

    def __enter__(self) -> Self:
        for store in self.stores:
            store.start()
        self._thread.start()
        return self

    def __exit__(self, *_rest: object) -> None:
        self._stop.set()
        self._thread.join()
        for store in self.stores:
            store.stop()

    def _run(self) -> None:
        try:
            due, at_s = 0.0, time.monotonic()
            while not self._stop.wait(STEP_S):
                now_s = time.monotonic()
                due += (now_s - at_s) * self._rate if self.writing else 0.0
                at_s = now_s
                events = {store.log.store: 0 for store in self.stores}
                while due >= 1:
                    events[self._chance.choice(self.stores).log.store] += 1
                    due -= 1
                for store in self.stores:
                    store.drive(self._chance, events[store.log.store])
        except BaseException as error:  # noqa: BLE001  the test says it
            self.failure = error

    @property
    def written(self) -> int:
        return sum(store.log.head for store in self.stores)

    def settle(self, timeout_s: float) -> None:
        """No more events; until all are acknowledged."""
        self.writing = False
        end_s = time.monotonic() + timeout_s
        while any(store.acked < store.log.head for store in self.stores):
            assert self.failure is None, repr(self.failure)
            late = {store.log.store: (store.acked, store.log.head) for store in self.stores}
            assert time.monotonic() < end_s, f"not acknowledged after {timeout_s} s: {late}"
            time.sleep(0.05)
