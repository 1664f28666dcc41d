"""The logs of simulated stores: signed openings and sealed events, one JSON Lines file a store, as `jaego log export`
writes it. What is in the file is what head office is compared with afterwards (`jaego-hq verify --export`)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract.chain import GENESIS, Place, Sealed, Sealer, frame
from contract.ids import uuid7
from contract.messages import MESSAGE_EVENTS_MAX, MESSAGE_SIZE_BYTES_MAX
from contract.opening import opening_parts, sign
from contract.times import Stamper
from simulators.clock import Chance, chance
from simulators.load_day import Day, Draft, Item, Mix, items, opening_stock

SUFFIX = ".jsonl"


class Plan(NamedTuple):
    """`skus` items in every store's opening; `prefix` is the stores' common name."""

    stores: int
    skus: int = 200
    mix: Mix = Mix.DAY
    seed: int = 1
    prefix: str = "S"

    def names(self) -> list[str]:
        return [f"{self.prefix}{number:05d}" for number in range(1, self.stores + 1)]


class StoreWriter:
    """Writes one store's log. A store has one key; every log that is made for it has a name of its own."""

    def __init__(self, store: str, plan: Plan, assortment: list[Item], now_us: int) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(sha256(f"{plan.seed}/{store}".encode()).digest())
        self._chance: Chance = chance(f"{plan.seed}/{store}/{now_us}")
        self.store = store
        self.log = uuid7(now_us // 1000, self._chance.randbytes(10))
        self._sealer = Sealer(store, self.log)
        self._stamper = Stamper(UTC)
        self._day = Day(assortment, self._chance, plan.mix)
        self.seq, self._prev = 0, GENESIS

    def open(self, assortment: list[Item], now_us: int) -> Iterator[Sealed]:
        """The parts of the opening."""
        public = self._key.public_key().public_bytes_raw().hex()
        for part in opening_parts(opening_stock(assortment, self._chance.randint), [], None):
            data = sign(
                self._key.sign, public, store=self.store, log=self.log, seq=self.seq + 1, prev=self._prev, data=part
            )
            yield self._sealed(Draft("journal", data, {}), now_us)

    def next(self, now_us: int) -> Sealed:
        return self._sealed(self._day.next(self.seq + 1), now_us)

    def _sealed(self, draft: Draft, now_us: int) -> Sealed:
        at, identity = self._stamper.text(now_us), uuid7(now_us // 1000, self._chance.randbytes(10))
        place = Place(self.seq + 1, self._prev, identity, at, at, "synced")
        event = self._sealer.seal(draft.type, draft.data, draft.source, place)
        self.seq, self._prev = event.seq, event.hash
        return event


def prepare(folder: Path, plan: Plan, events: int, now_us: int, spread_us: int) -> int:
    """Write every store's log: its opening and `events` events, over `spread_us` up to now. How many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    assortment, total = items(plan.skus), 0
    for store in plan.names():
        writer = StoreWriter(store, plan, assortment, now_us)
        begin_us = now_us - spread_us
        with (folder / f"{store}{SUFFIX}").open("wb") as file:
            file.writelines(event.body + b"\n" for event in writer.open(assortment, begin_us))
            for number in range(events):
                file.write(writer.next(begin_us + spread_us * number // max(1, events)).body + b"\n")
        total += writer.seq
    return total


class Batch(NamedTuple):
    """Consecutive events of one type: one message, as they lie in the file."""

    type: str
    first: int
    last: int
    start: int
    end: int


class Log:
    """A written log in memory, cut into the messages that it makes."""

    def __init__(self, content: bytes, batch_events_max: int) -> None:
        first: dict[str, Any] = orjson.loads(content[: content.index(b"\n")])
        self.store: str = first["store"]
        self.log: str = first["log"]
        self._before, self._after = frame(self.store, self.log)
        self._content = content
        self.batches = _cut(content, min(batch_events_max, MESSAGE_EVENTS_MAX))
        self._lasts = [batch.last for batch in self.batches]

    @property
    def head(self) -> int:
        return self.batches[-1].last

    def payload(self, batch: Batch) -> bytes:
        """No body holds a line feed (canonical JSON escapes it), so bodies are joined by changing those between."""
        return self._before + self._content[batch.start : batch.end].replace(b"\n", b",") + self._after

    def at(self, seq: int) -> int:
        """Index of the message that holds event `seq`; behind the last one if there is none."""
        return bisect_left(self._lasts, seq)

    def bodies(self, first: int, last: int) -> Iterator[bytes]:
        for batch in self.batches[self.at(first) : self.at(last) + 1]:
            found = self._content[batch.start : batch.end].split(b"\n")
            yield from found[max(0, first - batch.first) : last - batch.first + 1]


def _cut(content: bytes, events_max: int) -> list[Batch]:
    """As the agent cuts: runs of one type, no more events nor bytes than one message holds."""
    batches: list[Batch] = []
    kind, first, start, at, seq = "", 1, 0, 0, 0
    size_max = MESSAGE_SIZE_BYTES_MAX - 512  # topic, packet header, and the members around the events
    while at < len(content):
        end = content.index(b"\n", at)
        found = content[content.rindex(b':"', at, end) + 2 : end - 2].decode()
        seq += 1
        if seq > first and (found != kind or seq - first >= events_max or end - start > size_max):
            batches.append(Batch(kind, first, seq - 1, start, at - 1))
            first, start = seq, at
        kind, at = found, end + 1
    batches.append(Batch(kind, first, seq, start, at - 1))
    return batches
