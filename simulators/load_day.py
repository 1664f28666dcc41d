"""What happens in a simulated store for head office to hear of: drafts of events, in the mix of a busy day. Pure.

Four stations (dock, stockroom, floor, till) each keep to one activity for a while, and their scans interleave, so runs
of one type are short, as in life: about three events, which is what a message can carry. The mix `movements` has one
type only: what a store sends after a day without a connection if nobody counts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from simulators.clock import Chance

SCANS_A_DOCUMENT = (20, 60)
SCANS_A_COUNT = (10, 40)
JOURNAL_SHARE = 0.25
EXCEPTION_SHARE = 0.008
TAGGED_SHARE = 0.05  # of the items carry an EPC on each piece
TAGS_KEPT = 200


class Mix(StrEnum):
    DAY = "day"
    MOVEMENTS = "movements"


class Draft(NamedTuple):
    type: str
    data: dict[str, Any]
    source: dict[str, Any]


class Item(NamedTuple):
    sku: str
    gtin: str
    tagged: bool


def items(count: int) -> list[Item]:
    """The chain's item master: the same in all stores."""
    tagged_every = round(1 / TAGGED_SHARE)
    return [Item(f"SKU{number:06d}", _gtin(f"0880{number:09d}"), number % tagged_every == 7) for number in range(count)]


def _gtin(body: str) -> str:
    """With the check digit (GS1 General Specifications, 7.9)."""
    total = sum(int(digit) * (3 if at % 2 == 0 else 1) for at, digit in enumerate(body))
    return f"{body}{-total % 10}"


class Day:
    """Drafts without end of one store; `chance` is its own."""

    def __init__(self, assortment: list[Item], chance: Chance, mix: Mix) -> None:
        self._items = assortment
        self._chance = chance
        self._document = self._count = 0
        self._tags: deque[tuple[Item, str]] = deque(maxlen=TAGS_KEPT)
        self._serial = chance.randrange(2**36)
        self._follows: dict[str, int] = {}
        self._session = {
            name: f"{name}-{chance.randrange(10**9):09d}" for name in ("dock", "stockroom", "floor", "till")
        }
        self._movements = [self._receiving(), self._moving(), self._selling()]
        self._journal = self._counting() if mix is Mix.DAY else None

    def next(self, seq: int) -> Draft:
        """The draft of event `seq`."""
        drawn = self._chance.random()
        if self._journal is not None and drawn < EXCEPTION_SHARE:
            draft = self._exception()
        elif self._journal is not None and drawn < EXCEPTION_SHARE + JOURNAL_SHARE:
            draft = next(self._journal)
        else:  # tills are busiest
            draft = next(self._movements[0 if drawn > 0.8 else 1 if drawn > 0.65 else 2])
            if draft.type == "movement" and "session" in draft.source:
                station = draft.source["station"]
                if station in self._follows:
                    draft.data["follows"] = self._follows[station]
                self._follows[station] = seq
        return draft

    # -- activities -------------------------------------------------------------------------------------------------

    def _receiving(self) -> Iterator[Draft]:
        """Deliveries: a document is opened, its goods are scanned, it is closed."""
        while True:
            self._document += 1
            name = f"ASN-{self._document:06d}"
            source = self._source("dock") | {"document": name}
            paper = {"document": name, "document_kind": "receipt", "revision": 1, "from": "supplier", "to": "stockroom"}
            if self._journal is not None:
                yield Draft("document", {"kind": "opened", **paper}, source)
            lines: list[dict[str, Any]] = []
            for _ in range(self._chance.randint(*SCANS_A_DOCUMENT)):
                item, units = self._item(), self._chance.choice((1, 1, 6, 12, 24))
                line = self._line(item, 1 if item.tagged else units, "supplier", "stockroom")
                if item.tagged:
                    line["epcs"] = [self._new_tag(item)]
                else:
                    line["code"]["units"] = units
                lines.append({"line": len(lines) + 1, "sku": item.sku, "done": line["quantity"]})
                yield Draft("movement", {"kind": "received", "lines": [line]}, source)
            if self._journal is not None:
                closed = [{**one, "expected": one["done"]} for one in lines]
                yield Draft("document", {"kind": "closed", **paper, "lines": closed}, source)

    def _moving(self) -> Iterator[Draft]:
        source = self._source("stockroom")
        while True:
            drawn = self._chance.random()
            if drawn < 0.9:
                line = self._line(self._item(), self._chance.randint(1, 6), "stockroom", "floor")
                yield Draft("movement", {"kind": "moved", "lines": [line]}, source)
            elif drawn < 0.95:
                line = self._line(self._item(), 1, "floor", "scrap") | {"from_disposition": "sellable"}
                yield Draft("movement", {"kind": "adjusted", "reason": "damaged", "lines": [line]}, source)
            else:
                line = self._line(self._item(), self._chance.randint(1, 4), "stockroom", "transit:S0000")
                yield Draft("movement", {"kind": "transferred", "lines": [line]}, source)

    def _selling(self) -> Iterator[Draft]:
        """Receipts of one to four lines; some goods come back."""
        source = {"device": "till-pos", "station": "till"}
        number = 0
        while True:
            number += 1
            if self._chance.random() < 0.03:
                line = self._line(self._item(), 1, "customer", "floor")
                data = {"kind": "returned", "reason": "unwanted", "lines": [line], "transaction": f"R-{number}"}
                yield Draft("movement", data, source)
                continue
            lines = [
                self._line(self._item(), self._chance.choice((1, 1, 1, 2)), "floor", "customer")
                for _ in range(self._chance.choice((1, 1, 2, 2, 3, 4)))
            ]
            if self._tags and self._chance.random() < 0.1:
                item, tag = self._tags.popleft()
                lines.append(self._line(item, 1, "floor", "customer") | {"epcs": [tag]})
            yield Draft("movement", {"kind": "sold", "lines": lines, "transaction": f"T-{number}"}, source)

    def _counting(self) -> Iterator[Draft]:
        """Counts of the floor, each approved at its end; look-ups, and reservations that are released."""
        source = self._source("floor")
        while True:
            self._count += 1
            name, counted = f"count-{self._count}", dict[str, int]()
            yield Draft("journal", {"kind": "count_opened", "count": name, "zone": "floor", "blind": True}, source)
            for _ in range(self._chance.randint(*SCANS_A_COUNT)):
                item = self._item()
                counted[item.sku] = counted.get(item.sku, 0) + 1
                yield Draft("journal", self._scan(item, name), source)
                if self._chance.random() < 0.1:
                    looked = self._item()
                    code = self._code(looked)
                    yield Draft(
                        "journal", {"kind": "looked_up", "sku": looked.sku, "code": code, "on_hand": 12}, source
                    )
            yield Draft("journal", {"kind": "count_submitted", "count": name}, source)
            yield Draft("count", _approved(name, counted), source)
            yield from self._reservation(source)

    def _reservation(self, source: dict[str, Any]) -> Iterator[Draft]:
        held = {"reservation": f"web-{self._count}", "sku": self._item().sku, "quantity": 1}
        yield Draft("journal", {"kind": "reservation_made", **held, "order": f"order-{self._count}"}, source)
        if self._chance.random() < 0.7:
            yield Draft("journal", {"kind": "reservation_released", **held}, source)

    def _exception(self) -> Draft:
        code = {"text": f"29{self._chance.randrange(10**11):011d}", "aim": "]E0"}
        return Draft(
            "exception", {"kind": "unknown_code", "reason": "unknown_trade_item", "code": code}, self._source("dock")
        )

    # -- parts --------------------------------------------------------------------------------------------------------

    def _source(self, station: str) -> dict[str, Any]:
        return {"device": f"{station}-scanner", "station": station, "session": self._session[station], "clerk": "c17"}

    def _item(self) -> Item:
        """A few items make most of the turnover."""
        return self._items[int(len(self._items) * self._chance.random() ** 2)]

    def _code(self, item: Item) -> dict[str, Any]:
        return {"text": item.gtin[1:], "aim": "]E0", "gtin": item.gtin, "units": 1, "revision": 3}

    def _line(self, item: Item, quantity: int, source: str, target: str) -> dict[str, Any]:
        return {
            "sku": item.sku, "quantity": quantity, "from": source, "to": target, "disposition": "sellable",
            "code": self._code(item),
        }  # fmt: skip

    def _scan(self, item: Item, count: str) -> dict[str, Any]:
        return {
            "kind": "counted", "session": self._session["floor"], "count": count, "zone": "floor", "sku": item.sku,
            "quantity": 1, "disposition": "sellable", "stock": 40, "code": self._code(item),
        }  # fmt: skip

    def _new_tag(self, item: Item) -> str:
        """SGTIN-96 as to its form: header 30, and a serial number that comes once."""
        self._serial += 1
        tag = f"3034{int(item.gtin) % 2**40:010X}{self._serial % 2**40:010X}"
        self._tags.append((item, tag))
        return tag


def _approved(name: str, counted: dict[str, int]) -> dict[str, Any]:
    lines = [
        {"sku": sku, "disposition": "sellable", "expected": found, "counted": found, "delta": 0, "within": True}
        for sku, found in counted.items()
    ]
    return {
        "kind": "approved", "count": name, "zone": "floor", "blind": True, "lines": lines, "lines_total": len(lines),
        "accuracy_permille": 1000, "exact_permille": 1000, "counted_by": ["c17"],
    }  # fmt: skip


def opening_stock(assortment: list[Item], chance: Callable[[int, int], int]) -> list[list[Any]]:
    """Rows of the opening: every item on the floor and in the stockroom."""
    return [
        [item.sku, zone, None, "sellable", chance(20, 200)] for item in assortment for zone in ("floor", "stockroom")
    ]
