"""A small store over a real ledger, for tests of operations: events are read by the contract, tables are rebuilt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from agent.ledger.log import Ledger
from agent.ledger.reader import Reader
from agent.operations import reservations, resolving, sales
from agent.operations.movements import movement
from agent.operations.reservations import Orders, Wanted
from agent.operations.sales import Tills
from agent.operations.transactions import Meant, Sale, Taken, Transaction
from agent.operations.values import Context, Draft, Outcome, Product, State
from contract.events import EVENT
from contract.times import Stamper, parse_us
from tests.agent.clocks import FakeClock
from tests.agent.ledger.stated import same_again

SEOUL = ZoneInfo("Asia/Seoul")
NOON = "2026-11-26T12:00:00+09:00"
NOON_US = parse_us(NOON)
NOW = Context(NOON_US, "synced", "session")
HOUR_US = 3_600_000_000

Operation = Callable[[State, Context], Outcome]


def product(sku: str, units: int = 1, tracking: Any = "quantity") -> Product:
    return Product(sku, units, 3, "each", sku, sku, 1000, 1, tracking)


CATALOGUE = {
    "MILK": Meant(product("MILK")),
    "8801": Meant(product("MILK"), gtin="00000000008801"),
    "CASE": Meant(product("MILK", 12), units=12),
    "SHIRT": Meant(product("SHIRT", tracking="serial")),
}


class Shop:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tills = Tills({"till-1": "salesfloor"}, None, frozenset({"DAMAGED"}))
        self.orders = Orders(None, 0)
        self.now = NOW
        self.open()

    def open(self) -> None:
        self.touched: list[set[str]] = []
        self.ledger = Ledger(
            self.folder,
            store="S1",
            clock=FakeClock(),
            stamper=Stamper(SEOUL),
            on_commit=lambda _head, skus: self.touched.append(skus),
        )
        self.ledger.start()
        self.reader = Reader(self.folder)

    def close(self) -> None:
        """Everything that was folded while writing is folded again, to the same bytes."""
        try:
            same_again(self.reader)
        finally:
            self.reader.close()
            self.ledger.close()

    def do(self, operation: Operation, context: Context | None = None) -> Outcome:
        def job(tx: Any) -> Outcome:
            outcome = operation(tx, context or self.now)
            if outcome.refused is None:
                self.append(tx, outcome.drafts)
            return outcome

        done: Outcome = self.ledger.call(job)
        return done

    @staticmethod
    def append(tx: Any, drafts: tuple[Draft, ...]) -> None:
        if drafts:
            for one in tx.append(drafts):
                EVENT.validate_json(one.body, strict=True)

    def write(self, *drafts: Draft) -> None:
        self.ledger.call(lambda tx: self.append(tx, drafts))

    def gets(self, sku: str, quantity: int, zone: str = "salesfloor", **line: Any) -> None:
        held = {"sku": sku, "quantity": quantity, "from": "supplier", "to": zone, "disposition": "sellable", **line}
        self.write(movement({"kind": "received", "lines": [held]}, {"device": "hand"}, self.now))

    def sells(self, name: str, *lines: dict[str, Any], at: str = NOON, till: str = "till-1") -> Taken:
        one = Transaction.model_validate({"transaction": name, "till": till, "occurred_at": at, "lines": list(lines)})
        meant = tuple(CATALOGUE.get(line.code or line.sku or "", Meant(None)) for line in one.lines)
        taken: Taken = self.do(lambda state, context: sales.book(state, Sale(one, meant), self.tills, context)).result
        return taken

    def reserves(
        self, name: str, sku: str, quantity: int, until: str | None = None, order: str | None = None
    ) -> Outcome:
        wanted = Wanted(name, sku, quantity, order, until)
        return self.do(lambda state, context: reservations.reserve(state, wanted, self.orders, context))

    def available(self, sku: str) -> int:
        """As the level says it."""
        held = dict(self.reader.book(reservations.RESERVED)).get(sku)
        return reservations.available(self.reader.stock(sku), held["quantity"] if held else 0, self.orders)

    def tray(self) -> list[int]:
        return [int(key) for key, _ in self.reader.book(resolving.BOOK)]

    def stock(self, sku: str) -> dict[tuple[str, str, str], int]:
        return {(row.zone, row.lot, row.disposition): row.quantity for row in self.reader.stock(sku)}

    def events(self, kind: str, of: str | None = None) -> list[dict[str, Any]]:
        found = [one for one in self.reader.newest(1000) if one["type"] == kind]
        return [one for one in found if of is None or one["data"]["kind"] == of]
