"""A store that is forgotten: the state that operations see, folded from their drafts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent.ledger.places import Fold
from agent.operations import documents, folding, sessions
from agent.operations.books import Folded, MemoryBooks
from agent.operations.values import Draft, Session, TagPlace
from contract.documents import ExpectedDocument
from contract.ids import uuid7
from contract.stock import StockKey, StockRow
from contract.times import Stamper


class Memory:
    """`agent.operations.values.State`."""

    def __init__(self, expected: Iterable[ExpectedDocument], stamper: Stamper) -> None:
        self.books = MemoryBooks()
        self._places = Fold()
        self._events: list[dict[str, Any]] = []
        self._stock: dict[StockKey, int] = {}
        self._sessions: dict[str, Session] = {}
        self._expected = {one.document: one for one in expected}
        self._stamper = stamper

    @property
    def next_seq(self) -> int:
        return len(self._events) + 1

    def stock(self, key: StockKey) -> int:
        return self._stock.get(key, 0)

    def on_hand(self, sku: str) -> int:
        return sum(row.quantity for row in self.stock_rows(sku=sku))

    def stock_rows(self, *, sku: str | None = None, zone: str | None = None) -> list[StockRow]:
        held = sorted((key, units) for key, units in self._stock.items() if units)
        return [StockRow(*key, units) for key, units in held if sku in {None, key.sku} and zone in {None, key.zone}]

    def documents(self) -> list[ExpectedDocument]:
        return [one for name, one in sorted(self._expected.items()) if not documents.is_closed(self.books, name)]

    def document(self, name: str) -> ExpectedDocument | None:
        return None if documents.is_closed(self.books, name) else self._expected.get(name)

    def progress(self, document: str) -> Mapping[str, int]:
        return {sku: units for (name, sku), units in self._places.progress.items() if name == document}

    def tag(self, epc: str) -> TagPlace | None:
        return self._places.tags.get(epc)

    def counted(self, session: str, zone: str) -> frozenset[str]:
        """There are no tags here."""
        del session, zone
        return frozenset()

    def session(self, station: str) -> Session | None:
        return self._sessions.get(station)

    def event(self, seq: int) -> Mapping[str, Any] | None:
        return self._events[seq - 1] if 1 <= seq <= len(self._events) else None

    def recent(self, device: str, limit: int) -> list[Mapping[str, Any]]:
        return [one for one in reversed(self._events[-limit:]) if one["source"].get("device") == device]

    def take(self, drafts: Iterable[Draft]) -> None:
        """What the ledger does with an operation's drafts, without the ledger."""
        for draft in drafts:
            seq, stamp = self.next_seq, self._stamper.text(draft.occurred_us)
            named = {"seq": seq, "id": uuid7(seq, seq.to_bytes(10, "big")), "type": draft.type}
            event = {**named, "recorded_at": stamp, "source": dict(draft.source), "data": dict(draft.data)}
            self._events.append(event)
            for key, delta in draft.deltas:
                self._stock[key] = self.stock(key) + delta
            sessions.fold(self._sessions, draft.type, seq, draft.source, draft.data)
            self._places.take(event)
            folding.fold(self.books, Folded(draft.type, seq, draft.occurred_us, draft.source, draft.data, draft.clock))
