"""A store in memory for `scans.decide`: the State protocol over a list of events, each sealed and held against the
contract. Stock and sessions are folded from the events alone, so a draft whose `deltas` lie is found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from agent.operations import scans, sessions
from agent.operations.values import BadScan, Context, Decision, Product, Scan, Session, Station
from contract.chain import GENESIS, Place, Sealer
from contract.events import EVENT
from contract.ids import uuid7
from contract.stock import StockKey, event_deltas, line_deltas
from contract.times import Stamper
from drivers.reads import Arrival, BadRead, BarcodeRead, Fault
from identity import Control, Identity, identify
from identity.control import encode

START_US = 1_757_217_000_000_000
ZONES = frozenset({"backroom", "salesfloor", "Freezer"})
COLA, CASE, HAM, BEER = "08801234567893", "18801234567890", "28801234567897", "08801234500012"
PRODUCTS = {
    COLA: Product("COLA", 1, 7, "each", "콜라", "Cola", 150_000),
    CASE: Product("COLA", 24, 7, "each", "콜라", "Cola"),
    HAM: Product("HAM", 1, 3, "gram", "햄", "Ham"),
    BEER: Product("BEER", 6, 1, "each", "맥주", ""),
}
UNDO = encode("UNDO")


def station(name: str = "dock", mode: Any = "receive", zone: str = "backroom", language: Any = "ko") -> Station:
    return Station(name, mode, zone, language, ZONES)


class Memory:
    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.now_us = START_US
        self._sealer = Sealer("S1", "L1")
        self._prev = GENESIS
        self._stock: dict[StockKey, int] = {}
        self.sessions: dict[str, Session] = {}
        self._stamper = Stamper(ZoneInfo("Asia/Seoul"))
        self._reads = 0

    # -- State ------------------------------------------------------------------------------------------------------

    @property
    def next_seq(self) -> int:
        return len(self.events) + 1

    def stock(self, key: StockKey) -> int:
        return self._stock.get(key, 0)

    def on_hand(self, sku: str) -> int:
        return sum(quantity for key, quantity in self._stock.items() if key.sku == sku)

    def session(self, station: str) -> Session | None:
        return self.sessions.get(station)

    def event(self, seq: int) -> Mapping[str, Any] | None:
        return self.events[seq - 1] if 1 <= seq <= len(self.events) else None

    def recent(self, device: str, limit: int) -> list[Mapping[str, Any]]:
        return [one for one in reversed(self.events[-limit:]) if one["source"].get("device") == device]

    # -- the world --------------------------------------------------------------------------------------------------

    def take(self, decision: Decision) -> Decision:
        """What the ledger does with a decision, and what the contract says of each of its events."""
        for draft in decision.drafts:
            if draft.type == "movement":
                assert list(draft.deltas) == [delta for line in draft.data["lines"] for delta in line_deltas(line)]
            else:
                assert not draft.deltas
            seq = self.next_seq
            stamp = self._stamper.text(draft.occurred_us)
            place = Place(seq, self._prev, uuid7(seq, seq.to_bytes(10, "big")), stamp, stamp, draft.clock)
            sealed = self._sealer.seal(draft.type, draft.data, draft.source, place)
            event = orjson.loads(sealed.body)
            EVENT.validate_python(event)
            self._prev = sealed.hash
            self.events.append(event)
            for key, delta in event_deltas(event):
                self._stock[key] = self.stock(key) + delta
            if event["type"] in {"movement", "journal"}:
                sessions.fold(self.sessions, event["type"], event["seq"], event["source"], event["data"])
        return decision

    def scan(
        self, text: str | bytes, at: Station | None = None, *, device: str | None = None, resent: bool = False
    ) -> Decision:
        at = at or station()
        data = text if isinstance(text, bytes) else text.encode()
        found = identify(data)
        return self.give(found, at, data=data, device=device, resent=resent)

    def give(
        self,
        found: Identity,
        at: Station | None = None,
        *,
        data: bytes = b"x",
        device: str | None = None,
        resent: bool = False,
        product: Product | None = None,
    ) -> Decision:
        at = at or station()
        self._reads += 1
        read = BarcodeRead(device or f"{at.name}-scanner", self._reads, data, None, Arrival(self.now_us, 0), resent)
        product = product or (PRODUCTS.get(found.gtin) if found.gtin else None)
        return self.take(scans.decide(self, Scan(at, read, found, product, self.context())))

    def order(self, verb: str, argument: str | None = None, at: Station | None = None) -> Decision:
        return self.scan(encode(verb, argument), at)

    def bad(self, raw: bytes, fault: Fault, at: Station | None) -> Decision:
        self._reads += 1
        read = BadRead("lost-scanner", self._reads, raw, fault, "detail", Arrival(self.now_us, 0))
        return self.take(scans.decide(self, BadScan(at, read, self.context())))

    def context(self) -> Context:
        return Context(self.now_us, "synced", f"session-{self._reads}")

    def kinds(self) -> list[str]:
        return [one["data"]["kind"] for one in self.events]

    def held(self) -> dict[tuple[str, str], int]:
        """(SKU, zone) to quantity, without what is zero."""
        found: dict[tuple[str, str], int] = {}
        for key, quantity in self._stock.items():
            if quantity:
                found[key.sku, key.zone] = found.get((key.sku, key.zone), 0) + quantity
        return found


def control(verb: str, argument: str | None = None) -> Control:
    return Control(verb, argument)


def movements(events: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [one for one in events if one["type"] == "movement"]
