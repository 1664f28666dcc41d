"""Clerks who sit at stations of a store and count."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agent.operations import counts, counts_office, sessions
from agent.operations.movements import movement
from agent.operations.rules import Rules
from agent.operations.values import Context, Decision, Draft, Outcome, Product, Scan, Session, State, Station
from contract.ids import uuid7
from drivers.reads import Arrival, BarcodeRead
from identity import Control, Identity, Kind
from tests.agent.operations.memory import START_US, Memory

SECOND_US = 1_000_000
ZONES = frozenset({"backroom", "salesfloor"})
PRODUCTS = {name: Product(name, 1, 1, "each", name, name) for name in ("COLA", "BEER", "SHIRT")}
Job = Callable[[State], Sequence[Draft]]


class Store(Memory):
    def run(self, job: Job) -> None:
        self.write(job(self))

    def counted(self, session: str, zone: str) -> frozenset[str]:
        seen = [one["data"] for one in self.events if one["data"]["kind"] == "tags_seen"]
        return frozenset(epc for one in seen if (one["session"], one["zone"]) == (session, zone) for epc in one["epcs"])

    def serial(self, gtin: str) -> int | None:
        del gtin
        return None


class Floor:
    """Clerks at stations. `run` gives a job to whatever keeps the log; time passes with each scan."""

    def __init__(self, run: Callable[[Job], None], rules: Rules, zone: str = "salesfloor") -> None:
        self.run = run
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
        self.run(lambda _state: [sessions.draft("session_opened", session, source_of(session), context)])

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

        self.run(job)
        return found[0]

    def office(self, operation: Callable[[State, Context], Outcome]) -> Outcome:
        context, found = self.context(), list[Outcome]()

        def job(state: State) -> Sequence[Draft]:
            found.append(operation(state, context))
            return found[0].drafts

        self.run(job)
        return found[0]

    def approve(self, count: str, clerk: str | None = "boss") -> Outcome:
        return self.office(
            lambda state, context: counts_office.approve(state, count, context, rules=self.rules, clerk=clerk)
        )

    def moves(self, kind: str, sku: str, quantity: int, origin: str, target: str, **line: Any) -> None:
        held = {"sku": sku, "quantity": quantity, "from": origin, "to": target, "disposition": "sellable", **line}
        context = self.context()
        self.run(lambda _state: [movement({"kind": kind, "lines": [held]}, {"device": "hand"}, context)])

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

        self.run(job)
        return found[0]


def source_of(session: Session) -> dict[str, Any]:
    clerk = {"clerk": session.clerk} if session.clerk is not None else {}
    return {"device": f"{session.station}-scanner", "station": session.station, "session": session.session, **clerk}
