"""One scan at a station with all that decides what it does. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.operations import codes, movements, sessions
from agent.operations.counts_settle import booked
from agent.operations.rules import Rules
from agent.operations.values import Context, Decision, Draft, Product, Scan, Session, State
from contract.documents import INWARD, ExpectedDocument
from contract.stock import NO_LOT, QUANTITY_MAX
from contract.times import parse_us
from drivers.reads import Answer

BY_DOCUMENT = frozenset({"receive", "ship"})


@dataclass(frozen=True, slots=True)
class Goods:
    """What a scan says of goods. `quantity` is in base units; `lot` is empty where the code names none."""

    product: Product
    quantity: int
    lot: str = NO_LOT
    expiry: str | None = None
    epc: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """`ahead` drafts of the same command come before what is decided here."""

    state: State
    scan: Scan
    session: Session
    source: Mapping[str, Any]
    ahead: int = 0

    @property
    def rules(self) -> Rules:
        return self.scan.station.rules

    @property
    def context(self) -> Context:
        return self.scan.context

    @property
    def seq(self) -> int:
        """Of the next event that this scan writes."""
        return self.state.next_seq + self.ahead

    @property
    def zone(self) -> str:
        return self.session.zone or self.scan.station.zone

    @property
    def document(self) -> ExpectedDocument | None:
        """What is worked on: in the modes that have documents, while head office expects it."""
        name = self.session.document
        return self.state.document(name) if name and self.session.mode in BY_DOCUMENT else None

    def stop(self, reason: str, detail: str | None = None) -> Decision:
        return codes.exception(self.scan, self.source, "not_done", reason, detail=detail)

    def exception(self, kind: str, reason: str, **more: Any) -> Decision:
        return codes.exception(self.scan, self.source, kind, reason, **more)

    def changed(self, session: Session) -> Draft:
        return sessions.draft("session_changed", session, self.source, self.context)

    def journal(self, data: Mapping[str, Any]) -> Draft:
        return Draft("journal", data, self.source, self.context.occurred_us, self.context.clock)

    def movement(self, kind: str, lines: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        """A movement's data, in the session's chain of what can be undone."""
        data: dict[str, Any] = {"kind": kind, "lines": lines, **{name: one for name, one in more.items() if one}}
        return data if self.session.top is None else data | {"follows": self.session.top}

    def line(
        self, goods: Goods, origin: str, target: str, disposition: str = "sellable", **more: Any
    ) -> dict[str, Any]:
        line: dict[str, Any] = {"sku": goods.product.sku, "quantity": goods.quantity, "from": origin, "to": target}
        line |= {"disposition": disposition, "code": codes.code_of(self.scan)}
        said = {"lot": goods.lot, "expiry": goods.expiry, "epcs": [goods.epc] if goods.epc else None, **more}
        return line | {name: one for name, one in said.items() if one}

    def moved(self, text: str, data: Mapping[str, Any], facts: Mapping[str, Any], look: str | None = None) -> Decision:
        """The movement, an exception for each stock that it takes below zero, and what balances it where a count has
        seen its effect already. `look` is the text for what is recorded and needs a look."""
        draft = movements.movement(data, self.source, self.context)
        held: dict[str, Any] = dict(facts)
        drafts = booked(self.state, draft, self.seq)
        for key, delta in movements.summed([delta for one in drafts for delta in one.deltas]).items():
            held["zone"], held["zone_quantity"] = key.zone, self.state.stock(key) + delta
        low = [one.data for one in drafts if one.data["kind"] == "negative_stock"]
        if low:
            held["zone"], held["zone_quantity"], look = low[-1]["zone"], low[-1]["quantity"], "negative_stock"
        return Decision(Answer.LOOK if look else Answer.GOOD, look or text, drafts, held)


def goods_of(turn: Turn) -> Goods | Decision:
    """The goods of a scan whose product is known, or the exception that says why they cannot be told."""
    scan, product = turn.scan, turn.scan.product
    assert product is not None
    one = _quantity(scan, product)
    if one is None:
        return turn.stop("no_weight")
    times = multiplier(turn)
    if times > 1 and scan.epc is not None:
        return turn.stop("one_identity")
    if not 1 <= one * times <= QUANTITY_MAX:
        return turn.stop("bad_quantity", f"the label means {one * times} base units")
    identity = scan.identity
    return Goods(product, one * times, identity.lot or NO_LOT, identity.expiry or identity.best_before, scan.epc)


def multiplier(turn: Turn) -> int:
    """1 once it has lapsed."""
    session = turn.session
    return 1 if session.multiplier is None or lapsed(turn) else session.multiplier


def lapsed(turn: Turn) -> bool:
    until = turn.session.multiplier_until
    return turn.session.multiplier is not None and until is not None and parse_us(until) < turn.context.occurred_us


def _quantity(scan: Scan, product: Product) -> int | None:
    """Base units: of the package as the catalogue says; grams from the label, or from its price."""
    identity = scan.identity
    if product.base_unit == "gram":
        return identity.weight_g or _grams_of_price(product, identity.price)
    return product.units * (1 if identity.quantity is None else identity.quantity)


def _grams_of_price(product: Product, price: str | None) -> int | None:
    """A price label names what the goods cost; divided by the unit price, to the nearest gram."""
    if not price or not product.price_minor:
        return None
    minor = int(price.replace(".", ""))
    return (minor * product.price_per * 2 + product.price_minor) // (product.price_minor * 2) or None


def source_of(scan: Scan, session: Session) -> dict[str, Any]:
    """A locked station has nobody at it."""
    source: dict[str, Any] = {"device": scan.read.device, "station": session.station, "session": session.session}
    if session.clerk is not None and not session.locked:
        source["clerk"] = session.clerk
    if session.document is not None and session.mode in BY_DOCUMENT:
        source["document"] = session.document
    if scan.press is not None:
        source["press"] = scan.press
    return source


def inward(document: ExpectedDocument) -> bool:
    return document.kind in INWARD
