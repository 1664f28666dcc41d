"""A head office with a desk in the test: stores' logs taken in, items and rules put down, pages asked for."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import Any

import httpx
import orjson

from headoffice.storages import open_storage
from headoffice.view.figures import Figures
from headoffice.view.stock import View
from headoffice.web import tokens
from headoffice.web.access import Gate
from headoffice.web.app import Desk, build
from headoffice.web.hub import Hub
from headoffice.web.room import Pool, Room
from tests.headoffice.logs import Log
from tests.headoffice.taking import batch

NOW_US = 1_790_000_000_000_000  # 2026-09-21T14:13:20Z


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now_us = NOW_US
        self._drawn = 0

    def wall_us(self) -> int:
        return self.now_us

    def now_s(self) -> float:
        return self.now_us / 1e6

    def chance(self) -> float:
        return 0.5

    def entropy(self, size_bytes: int) -> bytes:
        self._drawn += 1
        return sha256(b"%d" % self._drawn).digest()[:size_bytes]


class Client:
    """Asks the app, one request after the other, in this process."""

    def __init__(self, app: Desk, address: str, headers: dict[str, str]) -> None:
        self.app = app
        self.headers = headers
        self._address = address

    def request(self, method: str, path: str, *, raising: bool = False, **more: Any) -> httpx.Response:
        headers = {**self.headers, **more.pop("headers", {})}

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=(self._address, 50_000), raise_app_exceptions=raising)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8480") as client:
                return await client.request(method, path, headers=headers, **more)

        return asyncio.run(asked())

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)


class Office:
    def __init__(self, target: str) -> None:
        self.target = target
        self.storage = open_storage(target)
        self.database = self.storage.database
        self.clock = Clock()
        self.room = Room(
            Pool(target, read_only=True), Pool(target, read_only=False), self.clock, Figures(self.clock.wall_us), Hub()
        )
        self._taken: dict[str, int] = {}

    def take(self, *logs: Log) -> None:
        """What is new of each is stored now, in one round."""
        batches = [batch(self.storage, log, self._taken.get(log.name, 0) + 1) for log in logs]
        self.storage.save(batches, self.clock.now_us)
        self._taken.update({log.name: log.head for log in logs})

    def item(self, sku: str, **members: Any) -> None:
        count = self.database.rows("SELECT COUNT(*) FROM item")[0][0]
        body: dict[str, Any] = {"sku": sku, "base_unit": members.get("base_unit", "each")}
        body |= {"price": members.pop("price")} if "price" in members else {}
        body |= {"category": members["category"]} if "category" in members else {}
        row = {
            "sku": sku, "revision": count + 1, "name_ko": None, "name_en": None, "category": None, "base_unit": "each",
            "stock_min": None, "stock_max": None, "deleted": 0, "body": orjson.dumps(body), **members,
        }  # fmt: skip
        self.put("item", **row)

    def rule(self, rule: str, value: int | None, *, on: bool = True, **place: str) -> None:
        store, category, sku = (place.get(name, "") for name in ("store", "category", "sku"))
        self.put(
            "rule",
            rule=rule,
            store=store,
            category=category,
            sku=sku,
            value=value,
            severity="info",
            enabled=int(on),
            at_us=0,
        )

    def state(self, store: str, state: str = "online", **members: Any) -> None:
        row = {"boot": "B", "log": "L1", "head": 1, "version": "0.1.0", "state_us": self.clock.now_us}
        self.put("store_state", store=store, state=state, heard_us=self.clock.now_us, **{**row, **members})

    def put(self, table: str, **row: Any) -> None:
        marks = ", ".join("?" * len(row))
        self.database.write(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))

    @property
    def view(self) -> View:
        return self.room.view()

    def app(self, gate: Gate | None = None) -> Desk:
        return build(self.room, gate or Gate(open=True))

    def client(self, gate: Gate | None = None, address: str = "127.0.0.1", **headers: str) -> Client:
        """A program on this machine, with every right unless the gate says otherwise."""
        return Client(self.app(gate), address, {"x-jaego-desk": "1", **headers})

    def token(self, name: str, role: tokens.Role) -> str:
        return tokens.add(self.database, name, role, self.clock)

    def close(self) -> None:
        self.room.reading.close()
        self.room.writing.close()
        self.storage.close()
