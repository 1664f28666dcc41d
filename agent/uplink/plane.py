"""The state plane: retained values that are only worth their newest version. Coalesced, rate-limited, sent again after
every connect, because not every broker keeps retained messages over a crash (uplink.md). No I/O, no clock."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import NamedTuple

import orjson

from agent.operations.reservations import Orders, available
from contract.messages import Level
from contract.stock import StockRow, event_deltas
from contract.topics import EventType

SAYINGS_MAX = 1000


class Value(NamedTuple):
    topic: str
    payload: bytes
    retain: bool


class StatePlane:
    """`state`, `health` and `device/*` are few and kept here; levels are named by SKU and read in their turn."""

    def __init__(self, *, levels_per_s_max: float, dirty_max: int) -> None:
        self._kept: dict[str, Value] = {}
        self._due: OrderedDict[str, None] = OrderedDict()
        self._dirty: OrderedDict[str, None] = OrderedDict()
        self._sayings: deque[Value] = deque()
        self._rate = levels_per_s_max
        self._dirty_max = dirty_max
        self._credit = 0.0
        self._filled_s: float | None = None
        self.sweep_from: str | None = None  # all SKUs after this one are due too

    def put(self, topic: str, payload: bytes) -> None:
        value = Value(topic, payload, retain=True)
        if self._kept.get(topic) != value:
            self._kept[topic] = value
            self._due[topic] = None

    def touch(self, sku: str) -> None:
        """The level of a SKU changed, or it is gone, which no sweep finds. Beyond the limit of names all are due."""
        if len(self._dirty) < self._dirty_max:
            self._dirty[sku] = None
        elif sku not in self._dirty:
            self.sweep_from = ""

    def connect(self, *, all_levels: bool) -> None:
        self._due = OrderedDict.fromkeys(self._kept)
        self.sweep_from = "" if all_levels else None

    def say(self, topic: str, payload: bytes) -> bool:
        """A message that is sent once: a response, an ask. False when too many wait: the other side asks again."""
        if len(self._sayings) >= SAYINGS_MAX:
            return False
        self._sayings.append(Value(topic, payload, retain=False))
        return True

    def next_value(self) -> Value | None:
        if self._sayings:
            return self._sayings.popleft()
        if not self._due:
            return None
        topic, _ = self._due.popitem(last=False)
        return self._kept[topic]

    def next_skus(self, now_s: float, limit: int) -> list[str]:
        """SKUs whose level may go out now. Changed ones come before the sweep over all."""
        self._fill(now_s)
        count = min(limit, int(self._credit), len(self._dirty))
        self._credit -= count
        return [self._dirty.popitem(last=False)[0] for _ in range(count)]

    def sweep_room(self, now_s: float, limit: int) -> int:
        """How many SKUs of the sweep may be read now."""
        self._fill(now_s)
        return 0 if self.sweep_from is None or self._dirty else min(limit, int(self._credit))

    def swept(self, skus: list[str], *, asked: int) -> None:
        self._credit -= len(skus)
        self.sweep_from = skus[-1] if len(skus) == asked else None

    def _fill(self, now_s: float) -> None:
        if self._filled_s is not None:
            self._credit = min(self._rate, self._credit + (now_s - self._filled_s) * self._rate)
        self._filled_s = now_s

    @property
    def waiting(self) -> bool:
        return bool(self._sayings or self._due or self._dirty or self.sweep_from is not None)


def moved(rows: Iterable[tuple[int, str, bytes]]) -> set[str]:
    """SKUs that these events of a log moved."""
    found: set[str] = set()
    for _seq, kind, body in rows:
        if kind == EventType.MOVEMENT:
            found.update(key.sku for key, _quantity in event_deltas(orjson.loads(body)))
    return found


def level_payload(sku: str, rows: list[StockRow], reserved: int, orders: Orders, log: str, as_of: int) -> bytes:
    zones: dict[str, int] = {}
    for row in rows:
        zones[row.zone] = zones.get(row.zone, 0) + row.quantity
    free = available(rows, reserved, orders)
    level = Level(
        sku=sku, on_hand=sum(zones.values()), reserved=reserved, available=free, zones=zones, log=log, as_of=as_of
    )
    return level.model_dump_json().encode()
