"""A head office with stores' logs taken in as a worker does, and the alerts' part under a clock in the hand."""

from __future__ import annotations

from typing import Any

import orjson

from headoffice.alerts import records
from headoffice.alerts.engine import Alert
from headoffice.alerts.part import AlertsPart
from headoffice.alerts.rules import Row
from headoffice.alerts.webhook import Webhook
from headoffice.database import Database, open_database
from headoffice.ingest import Ingest
from headoffice.part import Message, Publish
from headoffice.storages import open_storage
from headoffice.storing import Batch
from tests.headoffice.logs import Log

START_US = 1_795_700_000_000_000  # in November 2026


class HandClock:
    """Time goes on when the test says so; chance is the middle."""

    def __init__(self) -> None:
        self.s = 1000.0
        self.offset_us = 0
        self.drawn = 0

    def wall_us(self) -> int:
        return START_US + int(self.s * 1e6) + self.offset_us

    def now_s(self) -> float:
        return self.s

    def chance(self) -> float:
        return 0.5

    def entropy(self, size_bytes: int) -> bytes:
        self.drawn += 1
        return self.drawn.to_bytes(size_bytes, "little")


class World:
    def __init__(self, target: str) -> None:
        self.target = target
        self.clock = HandClock()
        self.store = open_storage(target)
        self.database: Database = self.store.database
        self.said: list[str] = []
        self.published: list[Publish] = []
        self.echo = True
        self._engines: dict[str, Ingest] = {}
        self._parts: list[tuple[AlertsPart, Database]] = []
        self.part: AlertsPart

    def start(self, *webhooks: Webhook) -> AlertsPart:
        """The desk, or the next one after it was stopped."""
        own = open_database(self.target)
        self.part = AlertsPart(own, self.clock, prefix="stock/v1", say=self.said.append, webhooks=webhooks)
        self._parts.append((self.part, own))
        return self.part

    def close(self) -> None:
        for part, own in self._parts:
            part.close()
            own.close()
        self.store.close()

    def take(self, log: Log, first: int = 1, oldest: int = 1) -> None:
        """What the store wrote from event `first` on, in one round; it says which event is its oldest."""
        engine = self._engines.setdefault(log.store, Ingest(log.store))
        engine.begins(log.name, oldest)
        batch = Batch(log.store, engine.position)
        for kind, payload in log.batches(first):
            batch.add(engine.receive(payload, kind), engine.position, engine.key)
        self.store.save([batch], self.clock.wall_us())

    def item(
        self, sku: str, *, category: str | None = None, least: int | None = None, most: int | None = None,
        base_unit: str = "each",
    ) -> None:  # fmt: skip
        self.database.write(
            "INSERT INTO item (sku, revision, name_ko, name_en, category, base_unit, stock_min, stock_max, deleted, "
            "body) VALUES (?, (SELECT COUNT(*) + 1 FROM item), ?, ?, ?, ?, ?, ?, 0, ?)",
            (sku, f"{sku} 상품", f"{sku} item", category, base_unit, least, most, b"{}"),
        )

    def rule(self, rule: str, value: int | None = None, **where: Any) -> None:
        row = {"store": "", "category": "", "sku": "", "severity": "warning", "enabled": True, **where}
        records.put_rules(self.database, [Row(rule=rule, value=value, **row)], self.clock.wall_us() + self._rules())

    def _rules(self) -> int:
        return int(self.database.rows("SELECT COUNT(*) FROM rule")[0][0])

    def heard(self, store: str, state: str = "online", **changes: Any) -> None:
        """What the worker keeps of `state` and `health`."""
        row = {"log": "L1", "head": 0, "heard_us": self.clock.wall_us(), **changes}
        self.database.write(
            "INSERT INTO store_state (store, state, log, head, state_us, heard_us) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (store) DO UPDATE SET state = excluded.state, log = excluded.log, head = excluded.head, "
            "heard_us = excluded.heard_us",
            (store, state, row["log"], row["head"], row["heard_us"], row["heard_us"]),
        )

    def run(self, seconds: float = 6.0) -> None:
        """Ticks, sixty at most; the broker hands back what is published."""
        end_s = self.clock.s + seconds
        while self.clock.s < end_s:
            self.clock.s += max(0.25, seconds / 60)
            out = self.part.tick()
            self.published += out
            for one in out if self.echo else ():
                self.part.receive(Message(one.topic, one.payload))

    def alerts(self, rule: str | None = None) -> list[Alert]:
        rows = self.database.rows(f"SELECT {records.COLUMNS} FROM alert ORDER BY id")
        found = [records.alert_of(row) for row in rows]
        return [one for one in found if rule in {None, one.rule}]

    def one(self, rule: str) -> Alert:
        [found] = self.alerts(rule)
        return found

    def told(self) -> list[dict[str, Any]]:
        return [orjson.loads(one.payload) for one in self.published]
