"""What one simulated store says and answers: a log that goes out in order, followed by `ack/{consumer}`, `replay` and
`digest`. Pure: the log is handed in, and what to publish comes out.

Events exist once they are `released` (the rate of the run); of those that exist, what was not acknowledged goes out
again when head office stands still for too long, from its position.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError

from contract.chain import GENESIS
from contract.messages import Ack, Health, Level, Ping, Replay, Response, State, StockDigest
from contract.shapes import Shape
from contract.stock import StockKey, StockRow, event_deltas, opening_rows, stock_digest, wire_row
from contract.topics import Topics
from simulators.load_log import Batch, Log

AHEAD_MESSAGES_MAX = 100  # of one store, before they are acknowledged: the broker's queue has a limit
SILENCE_S = 10.0
SILENCE_S_MAX = 60.0


class Publish(NamedTuple):
    topic: str
    payload: bytes
    retain: bool


class LoadStore:
    def __init__(self, log: Log, consumer: str, prefix: str, *, until: int | None = None) -> None:
        self.log = log
        self.head = log.head if until is None else log.batches[min(log.at(until), len(log.batches) - 1)].last
        self.acked = 0
        self.released = 0
        self.resends = self.replays = 0
        self.topics = Topics(log.store, prefix)
        self._consumer = consumer
        self._cursor = 0
        self._heard_s: float | None = None
        self._patience_s = SILENCE_S
        self._waiting: deque[tuple[int, float]] = deque()  # newest event of a message, when it was released
        self._folded, self._name = 0, GENESIS
        self._stock: dict[StockKey, int] = {}
        self._dirty: set[str] = set()
        self._kinds = {batch.type: self.topics.events(batch.type) for batch in log.batches}

    def filters(self) -> list[str]:
        return [self.topics.ack(self._consumer), *(self.topics.request(verb) for verb in ("replay", "digest", "ping"))]

    def release(self, now_s: float) -> int:
        """Let the next message's events exist; how many they are."""
        if self.released >= self.head:
            return 0
        batch = self.log.batches[self.log.at(self.released + 1)]
        self.released = batch.last
        self._waiting.append((batch.last, now_s))
        return batch.last - batch.first + 1

    def next(self, now_s: float) -> Publish | None:
        """The next message of events, if one may go out now."""
        batches, at = self.log.batches, self._cursor
        if at == len(batches) or batches[at].last > self.released or self._ahead(at):
            return None
        self._cursor += 1
        if self._heard_s is None:
            self._heard_s = now_s
        return self._message(batches[at])

    def _ahead(self, at: int) -> bool:
        return at >= AHEAD_MESSAGES_MAX and self.log.batches[at - AHEAD_MESSAGES_MAX].last > self.acked

    def _message(self, batch: Batch) -> Publish:
        return Publish(self._kinds[batch.type], self.log.payload(batch), retain=False)

    def connected(self, at: str, *, levels: bool) -> list[Publish]:
        """What is retained, again after every connect; what is not acknowledged goes out again."""
        self._cursor, self._heard_s = self.log.at(self.acked + 1), None
        state = State(state="online", boot="load", log=self.log.log, head=self.released, version="load", at=at)
        found = [Publish(self.topics.state(), _json(state), retain=True)]
        if levels:
            self._fold()
            self._dirty = {key.sku for key in self._stock}
        return found

    def health(self, at: str, uptime_s: int) -> Publish:
        behind = self.released - self.acked
        health = Health(
            at=at, uptime_s=uptime_s, head=self.released, outbox_depth=behind, outbox_age_s=0, clock="synced",
            disk_free_bytes=50 * 2**30, ledger_size_bytes=self.released * 1000, devices={"dock-scanner": "up"},
            consumers={}, counters={},
        )  # fmt: skip
        return Publish(self.topics.health(), _json(health), retain=True)

    def levels(self) -> list[Publish]:
        """Levels that changed since they were asked for last."""
        self._fold()
        dirty, self._dirty = self._dirty, set()
        zones: dict[str, dict[str, int]] = {sku: {} for sku in dirty}
        for key, quantity in self._stock.items():
            if key.sku in dirty:
                zones[key.sku][key.zone] = zones[key.sku].get(key.zone, 0) + quantity
        return [self._level(sku, found) for sku, found in sorted(zones.items())]

    def _level(self, sku: str, zones: Mapping[str, int]) -> Publish:
        on_hand = sum(zones.values())
        level = Level(
            sku=sku, on_hand=on_hand, reserved=0, available=on_hand, zones=dict(zones), log=self.log.log,
            as_of=self.released,
        )  # fmt: skip
        return Publish(self.topics.level(sku), _json(level), retain=True)

    # -- what head office says ----------------------------------------------------------------------------------------

    def acknowledge(self, payload: bytes, now_s: float) -> list[tuple[int, float]]:
        """Of each message that this acknowledges: its newest event, and how long it had waited (seconds)."""
        ack = Ack.model_validate_json(payload)
        if ack.log != self.log.log:
            return []
        if ack.seq > self.acked:
            self._heard_s, self._patience_s = now_s, SILENCE_S
        back = ack.seq < self.acked  # head office lost what it had: a request for all of it
        self.acked = min(ack.seq, self.log.head)
        self.released = max(self.released, self.acked)  # an earlier run sent more
        self._cursor = self.log.at(self.acked + 1) if back else max(self._cursor, self.log.at(self.acked + 1))
        waited: list[tuple[int, float]] = []
        while self._waiting and self._waiting[0][0] <= self.acked:
            seq, released_s = self._waiting.popleft()
            waited.append((seq, now_s - released_s))
        return waited

    def tick(self, now_s: float) -> bool:
        """True when nothing was acknowledged for too long: once more from the position, with growing patience."""
        sent = self.log.batches[self._cursor - 1].last if self._cursor else 0
        if self._heard_s is None or sent <= self.acked:
            self._heard_s = None
        elif now_s - self._heard_s >= self._patience_s:
            self._heard_s, self._patience_s = now_s, min(SILENCE_S_MAX, self._patience_s * 2)
            self._cursor = self.log.at(self.acked + 1)
            self.resends += 1
            return True
        return False

    def answer(self, verb: str, payload: bytes) -> Publish | None:
        """The response to a request; None for one that has no name."""
        try:
            response = self._answered(verb, payload)
        except ValidationError as error:
            request_id = _id(payload)
            if request_id is None:
                return None
            why = error.errors()[0]["msg"]
            response = Response(id=request_id, status="refused", reason="malformed", hint=why)
        return Publish(self.topics.response(response.id), _json(response), retain=False)

    def _answered(self, verb: str, payload: bytes) -> Response:
        if verb == "replay":
            replay = Replay.model_validate_json(payload)
            if replay.log != self.log.log or replay.seq > self.released:
                return Response(id=replay.id, status="refused", reason="replay", hint="there is no such event")
            self._cursor = min(self._cursor, self.log.at(replay.seq))
            self.replays += 1
            return Response(id=replay.id, status="done", result={"from": replay.seq})
        if verb == "digest":
            digest = StockDigest.model_validate_json(payload)
            return Response(id=digest.id, status="done", result=self._digest(digest))
        ping = Ping.model_validate_json(payload)
        return Response(id=ping.id, status="done", result={"head": self.released})

    def _digest(self, asked: StockDigest) -> dict[str, Any]:
        self._fold()
        rows = [
            StockRow(*key, quantity)
            for key, quantity in self._stock.items()
            if quantity and (asked.sku_from or "") <= key.sku and (asked.sku_to is None or key.sku <= asked.sku_to)
        ]
        result = {"log": self.log.log, "as_of": self.released, "head_hash": self._name, **stock_digest(rows)}
        if len(rows) <= asked.rows_max:
            result["list"] = [wire_row(row) for row in sorted(rows)]
        return result

    def _fold(self) -> None:
        """Stock as of the events that exist, and the newest one's hash."""
        for body in self.log.bodies(self._folded + 1, self.released):
            event = orjson.loads(body)
            self._name = event["hash"]
            for row in opening_rows(event) or ():
                self._stock[StockKey(*row[:4])] = row.quantity
            for key, delta in event_deltas(event):
                self._stock[key] = self._stock.get(key, 0) + delta
                self._dirty.add(key.sku)
        self._folded = self.released


def _json(shape: Shape) -> bytes:
    return shape.model_dump_json(exclude_none=True).encode()


def _id(payload: bytes) -> str | None:
    try:
        found = orjson.loads(payload)["id"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) and found else None
