"""A store, its worker and the desk's checks in one thread: what one says, the others hear at the next step."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import orjson

from contract.messages import Level, Response
from contract.stock import StockRow, event_deltas, opening_rows, stock_digest, wire_row
from contract.times import Stamper
from contract.topics import Topics, parse
from headoffice.catalogue import Items
from headoffice.checks import results
from headoffice.checks.part import ChecksPart, Times
from headoffice.database import open_database
from headoffice.documents import Pages
from headoffice.part import Message, Publish
from headoffice.restoring import Restores
from headoffice.service import Roster, Service
from headoffice.storages import open_storage
from headoffice.worker_asks import Asks
from tests.headoffice.alerts.world import HandClock
from tests.headoffice.logs import Log, parsed

PREFIX = "stock/v1"


class Shop:
    """A store as the contract wants it. A test may make it deaf, let it lie, or have it move on with every answer."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.deaf = False
        self.first = 1  # older events are pruned
        self.lie: dict[tuple[str, str, str, str], int] = {}  # its table says so much more
        self.busy = False
        self.mute = False  # about its log
        self.asked: list[dict[str, Any]] = []

    def stock(self) -> dict[tuple[str, str, str, str], int]:
        found: dict[tuple[str, str, str, str], int] = {}
        for event in parsed(self.log.events):
            stated = opening_rows(event)
            if stated is not None and event["data"]["part"] == 1:
                found.clear()
            found.update({row[:4]: row.quantity for row in stated or ()})
            for key, delta in event_deltas(event):
                found[tuple(key)] = found.get(tuple(key), 0) + delta
        for place, more in self.lie.items():
            found[place] = found.get(place, 0) + more
        return found

    def digest(self, asked: dict[str, Any]) -> Response:
        self.asked.append(asked)
        common = {"log": self.log.name, "as_of": self.log.head, "head_hash": self.log.hash}
        if asked["of"] == "events" and self.mute:
            return Response(id=asked["id"], status="refused", reason="pruned", hint="it begins later")
        if asked["of"] == "events":
            first, last = max(asked["seq_from"], self.first), min(asked["seq_to"], self.log.head)
            name = self.log.events[last - 1].hash if first <= last else "0" * 64
            result: dict[str, Any] = {**common, "rows": max(0, last - first + 1), "quantity": 0, "hash": name}
        else:
            first, last = asked.get("sku_from") or "", asked.get("sku_to") or "\U0010ffff"
            rows = sorted(
                StockRow(*key, quantity)
                for key, quantity in self.stock().items()
                if quantity and first <= key[0] <= last
            )
            result = {**common, **stock_digest(rows)}
            if len(rows) <= asked["rows_max"]:
                result["list"] = [wire_row(row) for row in rows]
        if self.busy:
            self.log.receive("SKU-0", 1)
        return Response(id=asked["id"], status="done", result=result)

    def levels(self) -> list[Level]:
        sums: dict[str, int] = {}
        for key, quantity in self.stock().items():
            sums[key[0]] = sums.get(key[0], 0) + quantity
        common = {"zones": {}, "log": self.log.name, "as_of": self.log.head}
        return [Level(sku=sku, on_hand=sums[sku], reserved=0, available=sums[sku], **common) for sku in sorted(sums)]


class Heard:
    def __init__(self, levels: list[Level]) -> None:
        self._levels = levels
        self.closed = False

    def heard(self) -> list[Level] | None:
        return self._levels

    def close(self) -> None:
        self.closed = True


class World:
    def __init__(self, target: str, *shops: Shop) -> None:
        self.clock = HandClock()
        self.said: list[str] = []
        self.shops = {shop.log.store: shop for shop in shops}
        self.levels: dict[str, list[Level]] = {}
        self.storage, self._reader = open_storage(target), open_storage(target)
        self._writer = open_database(target)
        self.database = self.storage.database
        stamper = Stamper(UTC)
        restores = Restores(self.storage)
        asks = Asks(Items(self.database), Pages(self.storage), restores, PREFIX, self.said.append, self.clock.now_s)
        self.service = Service(
            self.storage, consumer="headoffice", prefix=PREFIX, clock=self.clock, stamper=stamper,
            say=self.said.append, asks=asks,
            ours=Roster(None, self.said.append).ours,
        )  # fmt: skip
        self.working = True
        self.start()
        for store in self.shops:
            self.deliver(store)

    def start(self, first_s: int = 0) -> None:
        """The desk, or the next one."""
        self.part = ChecksPart(
            self._reader, self._writer, self.clock, prefix=PREFIX, say=self.said.append,
            hear=lambda store: Heard(self.levels.get(store, [])), times=Times(2 * 3600, 3600, UTC, first_s),
        )  # fmt: skip

    def close(self) -> None:
        self.part.close()
        for one in (self.storage, self._writer):
            one.close()

    def deliver(self, store: str, first: int = 1) -> None:
        topics, log = Topics(store), self.shops[store].log
        if first <= log.head:
            self._heard(self.service.receive([Message(topics.events(kind), body) for kind, body in log.batches(first)]))

    def run(self, seconds: float = 60.0) -> None:
        end_s = self.clock.s + seconds
        while self.clock.s < end_s:
            self.clock.s += max(0.25, seconds / 500)
            self._heard(self.part.tick())
            if self.working:
                for store, shop in self.shops.items():
                    held = self.storage.position(store)
                    if shop.busy and held is not None:
                        self.deliver(store, held[0].seq + 1)
                self._heard(self.service.tick())

    def _heard(self, out: list[Publish]) -> None:
        for one in out:
            address = parse(one.topic, PREFIX)
            assert address is not None
            shop = self.shops.get(address.store)
            if address.plane != "request" or shop is None or shop.deaf:
                continue
            asked = orjson.loads(one.payload)
            if address.name == "digest":
                payload = shop.digest(asked).model_dump_json(exclude_none=True).encode()
                self.part.receive(Message(Topics(address.store).response(asked["id"]), payload))
            elif address.name == "replay" and asked["log"] == shop.log.name and self.working:
                self.deliver(address.store, max(asked["seq"], shop.first))

    def check(self, store: str = "S1", *, deep: bool = False, seconds: float = 300.0) -> results.CheckTold:
        """Asked for, and what came of it."""
        results.want(self.database, [store], self.clock.wall_us(), deep=deep)
        end_s = self.clock.s + seconds
        while results.still_wanted(self.database, [store]):
            assert self.clock.s < end_s, self.said
            self.run(1)
        return self.newest(store)

    def newest(self, store: str = "S1") -> results.CheckTold:
        [row] = results.checks(self.database, store=store, limit=1).rows
        found = results.one_check(self.database, row.id)
        assert found is not None
        return found
