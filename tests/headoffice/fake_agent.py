"""A small store that speaks the contract through a real broker: batches, state, replays, digests, acknowledgements."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

import orjson
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from contract.messages import Response
from contract.stock import StockRow, event_deltas, opening_rows, stock_digest, wire_row
from contract.topics import Topics
from tests.headoffice.logs import Log, parsed

WINDOW = 20  # messages that the broker has not acknowledged
SLICE = 50  # messages sent before an acknowledgement is waited for
SILENCE_S = 1.0  # without an acknowledgement: sends again


class FakeAgent:
    def __init__(self, log: Log, port: int) -> None:
        self.log = log
        self.acked = 0
        self.acks: list[int] = []
        self.replays: list[int] = []
        self.stock: dict[tuple[str, ...], int] = {}
        self.deaf = False
        self._sent = 0
        self._topics = Topics(log.store)
        self._news = threading.Condition()
        self._connects = 0
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"store-{log.store}", clean_session=True)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._connected
        self._client.on_message = self._message
        self._client.connect_async("127.0.0.1", port, 10)

    def __enter__(self) -> Self:
        self._client.loop_start()
        self.wait(lambda: self._connects > 0, 10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    # -- for tests ----------------------------------------------------------------------------------------------------

    def wait(self, found: Callable[[], Any], timeout_s: float) -> bool:
        with self._news:
            return bool(self._news.wait_for(found, timeout_s))

    def publish(self, batches: Iterable[tuple[str, bytes]]) -> None:
        """With a window, as the agent does; what a lost connection swallows comes again by silence or replay."""
        window: list[paho.MQTTMessageInfo] = []
        for kind, payload in batches:
            if not self._client.is_connected():
                return
            window.append(self._client.publish(self._topics.events(kind), payload, qos=1))
            if len(window) >= WINDOW:
                self._taken(window.pop(0))
        for one in window:
            self._taken(one)

    def deliver(self, until: int | None = None, *, timeout_s: float = 20, size: int = 100) -> None:
        """Until head office has acknowledged everything, or up to `until`: silence and replays send again."""
        end_s = time.monotonic() + timeout_s
        until = self.log.head if until is None else until
        answered = 0
        while self.acked < until:
            assert time.monotonic() < end_s, f"acknowledged {self.acked} of {until}, replays {self.replays}"
            acked, asked = self.acked, len(self.replays)
            if asked > answered:
                answered = asked
                self.publish(self.log.batches(self.replays[-1], size)[:SLICE])
            elif not self._heard(acked, asked) or self.acked >= self._sent:
                batches = self.log.batches(self.acked + 1, size)[:SLICE]
                self.publish(batches)
                self._sent = orjson.loads(batches[-1][1])["events"][-1]["seq"] if batches else 0

    def _heard(self, acked: int, asked: int) -> bool:
        return self.wait(lambda: self.acked > acked or len(self.replays) > asked, SILENCE_S)

    def fold(self) -> None:
        """Stock as of the head; tests may spoil it."""
        self.stock = {}
        for event in parsed(self.log.events):
            self.stock.update({row[:4]: row.quantity for row in opening_rows(event) or ()})
            for key, delta in event_deltas(event):
                self.stock[key] = self.stock.get(key, 0) + delta

    # -- paho's thread ------------------------------------------------------------------------------------------------

    def _connected(self, client: paho.Client, *_rest: Any) -> None:
        client.subscribe([(self._topics.ack("headoffice"), 1), (self._topics.request("replay"), 1)])
        client.subscribe(self._topics.request("digest"), 1)
        state = {"state": "online", "boot": "b", "log": self.log.name, "head": self.log.head, "version": "1"}
        client.publish(self._topics.state(), orjson.dumps(state), qos=1, retain=True)
        with self._news:
            self._connects += 1
            self._news.notify_all()

    def _message(self, _client: Any, _data: Any, message: Any) -> None:
        body = orjson.loads(message.payload)
        plane, verb = message.topic.split("/")[-2:]
        if plane == "ack" and body["log"] == self.log.name:
            self.acks.append(body["seq"])
            self.acked = max(self.acked, body["seq"])
        elif verb == "replay":
            self._respond(body["id"], {"from": body["seq"]})
            self.replays.append(body["seq"])
        elif verb == "digest" and not self.deaf:
            self._respond(body["id"], self._digest(body))
        with self._news:
            self._news.notify_all()

    def _digest(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["of"] == "events":
            last = min(asked["seq_to"], self.log.head)
            place = {"log": self.log.name, "as_of": self.log.head, "head_hash": self.log.hash}
            rows = max(0, last - asked["seq_from"] + 1)
            return {**place, "rows": rows, "quantity": 0, "hash": self.log.events[last - 1].hash}
        first, last = asked.get("sku_from"), asked.get("sku_to")
        rows = sorted(
            StockRow(*key, quantity)  # type: ignore[call-arg]
            for key, quantity in self.stock.items()
            if quantity and (first is None or key[0] >= first) and (last is None or key[0] <= last)
        )
        found = {"log": self.log.name, "as_of": self.log.head, "head_hash": self.log.hash, **stock_digest(rows)}
        return {**found, "list": [wire_row(row) for row in rows]} if len(rows) <= asked["rows_max"] else found

    def _respond(self, request_id: str, result: dict[str, Any]) -> None:
        body = Response(id=request_id, status="done", result=result).model_dump_json(exclude_none=True)
        self._client.publish(self._topics.response(request_id), body.encode(), qos=1)

    def _taken(self, one: paho.MQTTMessageInfo) -> None:
        try:
            one.wait_for_publish(1)
        except (RuntimeError, ValueError):
            return  # the connection went; it comes again
