"""A store in memory for counts: the State protocol over sealed events, each held against the contract; and clerks who
sit at stations of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from agent.operations import counts, counts_office, folding, passages, sessions, tags
from agent.operations.books import Folded, MemoryBooks
from agent.operations.movements import movement
from agent.operations.rules import Rules
from agent.operations.values import Context, Decision, Draft, Outcome, Product, Scan, Session, State, Station, TagPlace
from contract.chain import GENESIS, Place, Sealer
from contract.documents import ExpectedDocument
from contract.events import EVENT
from contract.ids import uuid7
from contract.stock import StockKey, StockRow, event_deltas, line_deltas
from contract.times import Stamper, parse_us
from drivers.reads import Arrival, BarcodeRead
from identity import Control, Identity, Kind

START_US = 1_757_217_000_000_000
SECOND_US = 1_000_000
ZONES = frozenset({"backroom", "salesfloor"})
PRODUCTS = {name: Product(name, 1, 1, "each", name, name) for name in ("COLA", "BEER", "SHIRT")}
Job = Callable[[State], Sequence[Draft]]


class Store:
    """The state, folded from the events alone."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.books = MemoryBooks()
        self.expected: list[ExpectedDocument] = []
        self.held: dict[StockKey, int] = {}
        self.tags: dict[str, TagPlace] = {}
        self._sessions: dict[str, Session] = {}
        self._seen: dict[tuple[str, str], set[str]] = {}
        self._prev = GENESIS
        self._sealer = Sealer("S1", "L1")
        self._stamper = Stamper(ZoneInfo("Asia/Seoul"))

    @property
    def next_seq(self) -> int:
        return len(self.events) + 1

    def stock(self, key: StockKey) -> int:
        return self.held.get(key, 0)

    def on_hand(self, sku: str) -> int:
        return sum(row.quantity for row in self.stock_rows(sku=sku))

    def stock_rows(self, *, sku: str | None = None, zone: str | None = None) -> list[StockRow]:
        rows = [StockRow(*key, units) for key, units in sorted(self.held.items()) if units]
        return [row for row in rows if sku in {None, row.sku} and zone in {None, row.zone}]

    def documents(self) -> Sequence[ExpectedDocument]:
        return self.expected

    def document(self, name: str) -> ExpectedDocument | None:
        return next((one for one in self.expected if one.document == name), None)

    def progress(self, document: str) -> Mapping[str, int]:
        del document
        return {}

    def tag(self, epc: str) -> TagPlace | None:
        return self.tags.get(epc)

    def serial(self, gtin: str) -> int | None:
        del gtin
        return None

    def counted(self, session: str, zone: str) -> AbstractSet[str]:
        return self._seen.get((session, zone), set())

    def session(self, station: str) -> Session | None:
        return self._sessions.get(station)

    def event(self, seq: int) -> Mapping[str, Any] | None:
        return self.events[seq - 1] if 1 <= seq <= len(self.events) else None

    def recent(self, device: str, limit: int) -> list[Mapping[str, Any]]:
        return [one for one in reversed(self.events[-limit:]) if one["source"].get("device") == device]

    def do(self, job: Job) -> None:
        """What the ledger does with drafts."""
        for draft in job(self):
            if draft.type == "movement":
                assert list(draft.deltas) == [delta for line in draft.data["lines"] for delta in line_deltas(line)]
            stamp = self._stamper.text(draft.occurred_us)
            chance = self.next_seq.to_bytes(10, "big")
            place = Place(
                self.next_seq, self._prev, uuid7(draft.occurred_us // 1000, chance), stamp, stamp, draft.clock
            )
            sealed = self._sealer.seal(draft.type, draft.data, draft.source, place)
            self._prev = sealed.hash
            event = orjson.loads(sealed.body)
            EVENT.validate_python(event)
            self.events.append(event)
            self._fold(event)

    def _fold(self, event: dict[str, Any]) -> None:
        kind, source, data = event["type"], event["source"], event["data"]
        for key, delta in event_deltas(event):
            self.held[key] = self.stock(key) + delta
        sessions.fold(self._sessions, kind, event["seq"], source, data)
        self.tags.update(passages.tag_changes(kind, data))
        if kind == "journal" and (change := tags.counted_change(data)) is not None and change[1] is not None:
            self._seen.setdefault((change[0], change[1]), set()).update(change[2])
        folding.fold(
            self.books, Folded(kind, event["seq"], parse_us(event["occurred_at"]), source, data, event["clock"])
        )

    def kinds(self) -> list[str]:
        return [one["data"]["kind"] for one in self.events]


class Floor:
    """Clerks at stations. `do` gives a job to whatever keeps the log; time passes with each scan."""

    def __init__(self, do: Callable[[Job], None], rules: Rules, zone: str = "salesfloor") -> None:
        self.do = do
        self.rules = rules
        self.zone = zone
        self.now_us = START_US
        self._reads = 0

    def station(self, name: str) -> Station:
        return Station(name, "count", self.zone, "en", ZONES, self.rules)

    def context(self) -> Context:
        self.now_us += SECOND_US
        return Context(self.now_us, "synced", uuid7(self.now_us // 1000, bytes(10)))

    def sits(self, name: str, clerk: str | None, zone: str) -> None:
        """A clerk begins to count a zone."""
        context = self.context()
        session = Session(name, context.session_id, "count", zone, None, "en", clerk=clerk)
        self.do(lambda _state: [sessions.draft("session_opened", session, source_of(session), context)])

    def scan(self, name: str, sku: str, quantity: int = 1, **more: Any) -> Decision:
        scan = self._scan(name, sku, **more)
        return self._decide(name, lambda state, one, source: counts.scanned(state, scan, one, source, quantity))

    def undo(self, name: str) -> Decision:
        scan = self._scan(name, "COLA")

        def taken(state: State, session: Session, source: Mapping[str, Any]) -> Decision:
            event = state.event(session.top or 0)
            assert event is not None
            return counts.undone(state, scan, session, source, event)

        return self._decide(name, taken)

    def order(self, name: str, verb: str, argument: str | None = None) -> Decision | None:
        scan = self._scan(name, "COLA")
        order = Control(verb, argument)
        found: list[Decision | None] = []

        def job(state: State) -> Sequence[Draft]:
            session = state.session(name)
            assert session is not None
            decision = counts.control(state, scan, session, source_of(session), order)
            found.append(decision)
            return decision.drafts if decision is not None else ()

        self.do(job)
        return found[0]

    def office(self, operation: Callable[[State, Context], Outcome]) -> Outcome:
        context, found = self.context(), list[Outcome]()

        def job(state: State) -> Sequence[Draft]:
            found.append(operation(state, context))
            return found[0].drafts

        self.do(job)
        return found[0]

    def approve(self, count: str, clerk: str | None = "boss") -> Outcome:
        return self.office(
            lambda state, context: counts_office.approve(state, count, context, rules=self.rules, clerk=clerk)
        )

    def moves(self, kind: str, sku: str, quantity: int, origin: str, target: str, **line: Any) -> None:
        held = {"sku": sku, "quantity": quantity, "from": origin, "to": target, "disposition": "sellable", **line}
        context = self.context()
        self.do(lambda _state: [movement({"kind": kind, "lines": [held]}, {"device": "hand"}, context)])

    def _scan(self, name: str, sku: str, **more: Any) -> Scan:
        self._reads += 1
        read = BarcodeRead(f"{name}-scanner", self._reads, b"code", None, Arrival(self.now_us, 0))
        identity = Identity("code", Kind.TRADE_ITEM, lot=more.pop("lot", None))
        return Scan(self.station(name), read, identity, PRODUCTS[sku], self.context(), **more)

    def _decide(self, name: str, decide: Callable[[State, Session, Mapping[str, Any]], Decision]) -> Decision:
        found: list[Decision] = []

        def job(state: State) -> Sequence[Draft]:
            session = state.session(name)
            assert session is not None
            found.append(decide(state, session, source_of(session)))
            return found[0].drafts

        self.do(job)
        return found[0]


def source_of(session: Session) -> dict[str, Any]:
    clerk = {"clerk": session.clerk} if session.clerk is not None else {}
    return {"device": f"{session.station}-scanner", "station": session.station, "session": session.session, **clerk}
