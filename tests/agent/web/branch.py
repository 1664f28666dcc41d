"""A store with a real ledger and catalogue behind its API: time stands until told, and everything is written down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

import httpx

from agent.capture.office import Office
from agent.capture.tills import TillDesk
from agent.catalogue import Catalogue
from agent.ledger.log import Ledger
from agent.ledger.moment import Moments
from agent.ledger.reader import Reader
from agent.looking import Looking
from agent.operations.reservations import Orders
from agent.operations.rules import DEFAULTS
from agent.operations.sales import Tills
from agent.operations.values import Draft
from agent.web.app import build
from agent.web.back import Back
from contract.catalog import Item
from contract.stock import line_deltas
from contract.times import Stamper
from tests.agent.clocks import FakeClock
from tests.agent.web.store import Store

ITEMS: list[dict[str, Any]] = [
    {
        "sku": "MILK-1L",
        "name": {"ko": "서울우유 1L", "en": "Seoul Milk 1 l"},
        "gtins": [{"gtin": "8801234567893"}, {"gtin": "18801234567890", "units": 12, "level": "case"}],
    },
    {"sku": "RICE", "name": {"ko": "쌀", "en": "Rice"}, "gtins": [{"gtin": "8809999999997"}]},
    {"sku": "BEEF", "name": {"ko": "한우 등심"}, "base_unit": "gram"},
]


class Branch:
    """`with Branch(tmp_path) as branch: branch.ask(...)`."""

    def __init__(self, folder: Path) -> None:
        stamper = Stamper(ZoneInfo("Asia/Seoul"))
        self.clock = FakeClock()
        self.ledger = Ledger(folder, store="seoul-01", clock=self.clock, stamper=stamper)
        self.catalogue = Catalogue(folder / "catalogue.db")
        self.catalogue.upsert_many([Item.model_validate_json(json.dumps(one)) for one in ITEMS])
        self.ledger.start()
        self.moments = Moments(folder, self.clock, stamper)
        self.reader = Reader(folder)
        self.looking = Looking(self.reader, self.catalogue)
        self.rules = DEFAULTS
        self.store = Store()

    def back(self) -> Back:
        office = Office(self.ledger, self.clock)
        return Back(
            look=self.moments.look,
            do=office.do,
            sell=TillDesk(items=self.catalogue, office=office, tills=Tills({"till-1": "salesfloor"})).sell,
            after=self.moments.after,
            before=self.moments.before,
            now_us=lambda: self.clock.now().wall_us,
            by_code=self.catalogue.by_code,
            search=self.catalogue.search,
            settings={"store": {"id": "seoul-01"}, "uplink": {"username": "store", "password_file": "secret.txt"}},
            rules=self.rules,
            orders=Orders(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.moments.close()
        self.reader.close()
        self.ledger.close()
        self.catalogue.close()

    def app(self) -> Any:
        self.store.back = self.back()
        view = self.store.view()
        return build(
            type(view)(
                **{name: getattr(view, name) for name in view.__dataclass_fields__}
                | {"stock": self.looking.stock, "exceptions": self.looking.exceptions, "item": self.catalogue.item}
            )
        )

    def run(self, talk: Callable[[httpx.AsyncClient], Any]) -> Any:
        """What a conversation of one client with the store gives."""

        async def within() -> Any:
            app = self.app()
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8470") as client:
                told = await talk(client)
            await app.state.room.close()
            return told

        return asyncio.run(within())

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        return self._call("GET", path, status, params=query)

    def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        return self._call("POST", path, status, json={} if body is None else body)

    def _call(self, method: str, path: str, status: int, **options: Any) -> Any:
        async def talk(client: httpx.AsyncClient) -> httpx.Response:
            return await client.request(method, f"/api/v1{path}", **options)

        answer = self.run(talk)
        assert answer.status_code == status, answer.text
        return answer.json()

    def move(self, sku: str, quantity: int, source: str, target: str, **more: Any) -> None:
        """A movement of one line, written as a station would."""
        line = {"sku": sku, "quantity": quantity, "from": source, "to": target, "disposition": "sellable"}
        data = {"kind": more.get("kind", "received"), "lines": [line]}
        source = {"station": "dock-1"} | ({"document": more["document"]} if "document" in more else {})
        draft = Draft("movement", data, source, self.clock.wall_us, "synced", line_deltas(line))
        self.ledger.call(lambda tx: tx.append([draft]))
