"""A store in memory for `scans.decide`: the State protocol over a list of events, each sealed and held against the
contract. Stock and sessions are folded from the events alone, so a draft whose `deltas` lie is found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from agent.ledger.places import Fold
from agent.operations import documents, folding, scans, sessions
from agent.operations.books import Folded, MemoryBooks
from agent.operations.rules import DEFAULTS, Rules
from agent.operations.values import (
    BadScan,
    Clerk,
    Context,
    Decision,
    Draft,
    Outcome,
    Product,
    Scan,
    Session,
    Station,
    TagPlace,
)
from contract.chain import GENESIS, Place, Sealer
from contract.documents import ExpectedDocument, parse_document
from contract.events import EVENT
from contract.ids import uuid7
from contract.stock import StockKey, StockRow, event_deltas, line_deltas
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


def station(
    name: str = "dock", mode: Any = "receive", zone: str = "backroom", language: Any = "ko", rules: Rules = DEFAULTS
) -> Station:
    return Station(name, mode, zone, language, ZONES, rules)


class Memory:
    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.first = 1
        self.now_us = START_US
        self._sealer = Sealer("S1", "L1")
        self._prev = GENESIS
        self._stock: dict[StockKey, int] = {}
        self.sessions: dict[str, Session] = {}
        self._stamper = Stamper(ZoneInfo("Asia/Seoul"))
        self._reads = 0
        self.books = MemoryBooks()
        self.places = Fold()
        self.expected: dict[str, ExpectedDocument] = {}
        self.people: dict[str, Clerk] = {}
        self.clock: Any = "synced"

    # -- State ------------------------------------------------------------------------------------------------------

    @property
    def next_seq(self) -> int:
        return len(self.events) + 1

    def stock(self, key: StockKey) -> int:
        return self._stock.get(key, 0)

    def on_hand(self, sku: str) -> int:
        return sum(quantity for key, quantity in self._stock.items() if key.sku == sku)

    def stock_rows(self, *, sku: str | None = None, zone: str | None = None) -> list[StockRow]:
        held = sorted((key, units) for key, units in self._stock.items() if units)
        return [StockRow(*key, units) for key, units in held if sku in {None, key.sku} and zone in {None, key.zone}]

    def documents(self) -> list[ExpectedDocument]:
        return [one for name, one in sorted(self.expected.items()) if not documents.is_closed(self.books, name)]

    def document(self, name: str) -> ExpectedDocument | None:
        return None if documents.is_closed(self.books, name) else self.expected.get(name)

    def progress(self, document: str) -> Mapping[str, int]:
        return {sku: units for (name, sku), units in self.places.progress.items() if name == document}

    def tag(self, epc: str) -> TagPlace | None:
        return self.places.tags.get(epc)

    def untagged(self, sku: str, zone: str) -> int:
        held = sum(row.quantity for row in self.stock_rows(sku=sku, zone=zone) if row.disposition == "sellable")
        return held - sum(one.units for one in self.places.tags.values() if (one.sku, one.place) == (sku, zone))

    def counted(self, session: str, zone: str) -> frozenset[str]:
        return frozenset()

    def session(self, station: str) -> Session | None:
        return self.sessions.get(station)

    def event(self, seq: int) -> Mapping[str, Any] | None:
        return self.events[seq - 1] if self.first <= seq <= len(self.events) else None

    def recent(self, device: str, limit: int) -> list[Mapping[str, Any]]:
        return [one for one in reversed(self.events[-limit:]) if one["source"].get("device") == device]

    # -- the world --------------------------------------------------------------------------------------------------

    def take(self, decision: Decision) -> Decision:
        """What the ledger does with a decision, and what the contract says of each of its events."""
        self.write(decision.drafts)
        return decision

    def do(self, operation: Callable[[Any, Context], Outcome]) -> Outcome:
        """What the office does: nothing is written of what is refused."""
        outcome = operation(self, self.context())
        self.write(outcome.drafts if outcome.refused is None else ())
        return outcome

    def write(self, drafts: Iterable[Draft]) -> None:
        for draft in drafts:
            if draft.type == "movement":
                assert list(draft.deltas) == [delta for line in draft.data["lines"] for delta in line_deltas(line)]
            else:
                assert not draft.deltas
            seq = self.next_seq
            stamp = self._stamper.text(draft.occurred_us)
            identity = uuid7(draft.occurred_us // 1000, seq.to_bytes(10, "big"))
            place = Place(seq, self._prev, identity, stamp, stamp, draft.clock)
            sealed = self._sealer.seal(draft.type, draft.data, draft.source, place)
            event = orjson.loads(sealed.body)
            EVENT.validate_python(event)
            self._prev = sealed.hash
            self.events.append(event)
            for key, delta in event_deltas(event):
                self._stock[key] = self.stock(key) + delta
            sessions.fold(self.sessions, event["type"], event["seq"], event["source"], event["data"])
            self.places.take(event)
            folded = Folded(event["type"], event["seq"], draft.occurred_us, event["source"], event["data"], draft.clock)
            folding.fold(self.books, folded)

    def expect(self, name: str, kind: str, source: str, target: str, *lines: dict[str, Any], **more: Any) -> None:
        """Lines without numbers."""
        numbered = [{"line": number, **line} for number, line in enumerate(lines, start=1)]
        body = {"document": name, "kind": kind, "revision": 1, "from": source, "to": target, "lines": numbered, **more}
        self.expected[name] = parse_document(body)

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
        epc: str | None = None,
    ) -> Decision:
        at = at or station()
        self._reads += 1
        read = BarcodeRead(device or f"{at.name}-scanner", self._reads, data, None, Arrival(self.now_us, 0), resent)
        product = product or (PRODUCTS.get(found.gtin) if found.gtin else None)
        order = found.control
        clerk = self.people.get(order.argument or "") if order is not None and order.verb == "LOGIN" else None
        return self.take(scans.decide(self, Scan(at, read, found, product, self.context(), clerk=clerk, epc=epc)))

    def order(self, verb: str, argument: str | None = None, at: Station | None = None) -> Decision:
        return self.scan(encode(verb, argument), at)

    def bad(self, raw: bytes, fault: Fault, at: Station | None) -> Decision:
        self._reads += 1
        read = BadRead("lost-scanner", self._reads, raw, fault, "detail", Arrival(self.now_us, 0))
        return self.take(scans.decide(self, BadScan(at, read, self.context())))

    def context(self) -> Context:
        return Context(self.now_us, self.clock, f"session-{self._reads}")

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
