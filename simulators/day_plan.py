"""A store's day from one seed: what physically happens, and what people scan and say of it, act by act.

An act changes the premises before it is given out: whoever plays it tells the store's software what has just happened.
Nobody here knows how that software counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal, NamedTuple

from identity.check import gs1_digit
from simulators.clock import Chance, chance
from simulators.day import AWAY, Premises, Thing

BACK, FLOOR, PICKUP = "backroom", "salesfloor", "pickup"
ORDERED = 2
LINES = 40
CASE = 6
TOLERANCE_PERCENT = 10
Who = Literal["dock", "floor", "office"]  # the station that somebody works at


class Item(NamedTuple):
    sku: str
    ko: str
    en: str
    gtin: str
    case: str


class Scan(NamedTuple):
    """`answer` is what the clerk must hear; None where either of good and look will do."""

    who: Who
    code: str
    answer: Literal["good", "look", "stop"] | None = "good"


class Order(NamedTuple):
    """A control code."""

    who: Who
    verb: str
    argument: str | None = None


class Approve(NamedTuple):
    """A supervisor approves what this station was just refused."""

    who: Who


class Resolve(NamedTuple):
    """A code that nobody knew turns out to be this item."""

    code: str
    sku: str
    pieces: int


class Sale(NamedTuple):
    """`late`: the till is cut off, and its transactions come in a file when the day's count is long approved."""

    sku: str
    pieces: int
    late: bool = False


class Recount(NamedTuple):
    """Another clerk counts again whatever the review asks for."""

    who: Who


class Reserve(NamedTuple):
    name: str
    sku: str
    pieces: int


class Handover(NamedTuple):
    """A customer fetches an online order."""

    name: str
    sku: str
    pieces: int


class LateFile(NamedTuple):
    """The cut-off till's transactions come."""


class Announce(NamedTuple):
    """Head office expects a document."""

    document: dict[str, object]


class Came(NamedTuple):
    """Of one line of a delivery, in pieces."""

    expected: int
    came: int
    damaged: int


Act = Scan | Order | Approve | Resolve | Sale | Recount | LateFile | Reserve | Handover | Announce


class Day:
    """`acts` must be played in order; then `premises` is how the evening finds the store."""

    def __init__(self, seed: int) -> None:
        self.chance: Chance = chance(f"day {seed}")
        self.premises = Premises()
        self.items = [_item(number) for number in range(1, LINES + 2)]
        self.delivery: dict[str, Came] = {}
        self.strangers: list[str] = []
        self.stolen: Counter[str] = Counter()
        self._by_sku = {one.sku: one for one in self.items}
        self._counted: set[Thing] = set()
        self._begun: set[str] = set()

    def acts(self) -> Iterator[Act]:
        yield from self._receive()
        yield from self._put_away()
        self._steal()
        yield from self._count()
        yield from self._transfer_out()
        yield from self._bring_back()
        yield from self._correct()
        yield from self._orders()

    # -- morning: a delivery -----------------------------------------------------------------------------------------

    def _receive(self) -> Iterator[Act]:
        chance = self.chance
        listed = self.items[:LINES]
        expected = {one.sku: CASE * chance.randint(2, 4) + chance.randint(0, 4) for one in listed}
        fates = ["short"] * 4 + ["within"] * 2 + ["beyond"] * 2 + ["damaged"] * 4
        fates += ["right"] * (LINES - len(fates))
        chance.shuffle(fates)
        lines = [{"line": at, "sku": sku, "quantity": pieces} for at, (sku, pieces) in enumerate(expected.items(), 1)]
        yield Announce(
            {
                "document": "ASN-1", "kind": "receipt", "revision": 1, "from": "supplier", "to": BACK,
                "tolerance_percent": TOLERANCE_PERCENT, "lines": lines,
            }
        )  # fmt: skip
        yield Order("dock", "DOC", "ASN-1")
        for (sku, pieces), fate in zip(expected.items(), fates, strict=True):
            yield from self._line(self._by_sku[sku], pieces, fate)
        yield from self._surprises()
        yield Order("dock", "CLOSE")
        yield Order("dock", "OK")
        for code in self.strangers:
            yield Resolve(code, self.items[0].sku, 1)

    def _line(self, item: Item, expected: int, fate: str) -> Iterator[Act]:
        short = self.chance.randint(1, 3) if fate == "short" else 0
        damaged = self.chance.randint(1, 2) if fate == "damaged" else 0
        within = expected * TOLERANCE_PERCENT // 100 if fate == "within" else 0
        beyond = expected * TOLERANCE_PERCENT // 100 + 1 if fate == "beyond" else 0
        whole = expected - short - damaged
        self.premises.bring(item.sku, whole + within + beyond, BACK)
        self.premises.bring(item.sku, damaged, BACK, "quarantine")
        self.delivery[item.sku] = Came(expected, whole + damaged + within + beyond, damaged)
        yield from self._say("dock", item, whole)
        for _ in range(damaged):
            yield Order("dock", "DAMAGED")
            yield Scan("dock", item.gtin)
        for _ in range(within):
            yield Scan("dock", item.gtin, "look")
        if beyond:
            yield Order("dock", "X", str(beyond))
            yield Scan("dock", item.gtin, "stop")
            yield Approve("dock")

    def _say(self, who: Who, item: Item, pieces: int) -> Iterator[Act]:
        """Cases one by one or multiplied, and what is left over singly, multiplied or set."""
        cases, singles = divmod(pieces, CASE)
        if cases > 1 and self.chance.random() < 0.5:
            yield Order(who, "X", str(cases))
            yield Scan(who, item.case)
        else:
            yield from (Scan(who, item.case) for _ in range(cases))
        way = self.chance.choice(("singly", "multiplied", "set"))
        if singles and way == "multiplied":
            yield Order(who, "X", str(singles))
        if singles and way == "set":
            yield Scan(who, item.gtin)
            yield Order(who, "SET", str(singles))
        elif singles:
            yield from (Scan(who, item.gtin) for _ in range(1 if way == "multiplied" else singles))
        if self.chance.random() < 0.1:  # a slip of the hand, taken back
            yield Scan(who, item.gtin, None)
            yield Order(who, "UNDO")

    def _surprises(self) -> Iterator[Act]:
        extra = self.items[LINES]
        self.premises.bring(extra.sku, 1, BACK)
        yield Scan("dock", extra.gtin, "stop")
        yield Approve("dock")
        for number in range(2):
            code = _gtin(9000 + number)
            self.strangers.append(code)
            self.premises.bring(self.items[0].sku, 1, BACK)
            yield Scan("dock", code, "stop")

    def _put_away(self) -> Iterator[Act]:
        yield Order("dock", "MODE-MOVE")
        yield Order("dock", "ZONE", BACK)
        yield Order("dock", "ZONE", FLOOR)
        for item in self.chance.sample(self.items[:LINES], 24):
            pieces = self.chance.randint(3, 8)
            self.premises.carry(self.premises.take(item.sku, pieces, BACK), FLOOR)
            yield from self._say("dock", item, pieces)

    def _steal(self) -> None:
        """Unseen: only the count can tell. One item is gone whole."""
        skus = sorted({one.sku for one in self.premises.pieces(FLOOR)})
        for place, sku in enumerate(self.chance.sample(skus, 5)):
            pieces = len(self.premises.pieces(FLOOR, sku)) if place == 0 else self.chance.randint(1, 2)
            self.premises.carry(self.premises.take(sku, pieces, FLOOR), AWAY)
            self.stolen[sku] = pieces

    # -- noon: two clerks count the salesfloor while customers buy ---------------------------------------------------

    def _count(self) -> Iterator[Act]:
        for who in ("dock", "floor"):
            yield Order(who, "MODE-COUNT")
            yield Order(who, "ZONE", FLOOR)
        yield from self._bought(late=True)
        walk = list(self.premises.everything(FLOOR, self.chance))
        missed = set(self.chance.sample(walk, 2))
        for at, thing in enumerate(walk):
            if thing.place == AWAY or thing in missed:
                continue
            self._begun.add(thing.sku)
            self._counted.add(thing)
            yield Scan("dock" if at % 2 else "floor", self._by_sku[thing.sku].gtin)
            if self.chance.random() < 0.15:
                yield from self._bought(late=self.chance.random() < 0.5)
        for _ in range(3):
            yield from self._bought(late=False)
        yield Order("floor", "CLOSE")
        yield Order("floor", "CLOSE")
        yield Recount("office")
        yield LateFile()
        for _ in range(4):
            yield from self._bought(late=False)

    def _bought(self, *, late: bool) -> Iterator[Act]:
        """A customer takes a piece. Nobody can tell whether a piece that a cut-off till sold in the middle of its
        line was counted before: such a sale is of a line that is not begun, or done."""
        shelf = self.premises.pieces(FLOOR)
        if late:
            undone = {one.sku for one in shelf if one not in self._counted}
            shelf = [one for one in shelf if one.sku not in self._begun or one.sku not in undone]
        if not shelf:
            return
        thing = self.chance.choice(shelf)
        thing.place = AWAY
        yield Sale(thing.sku, 1, late)

    # -- afternoon ---------------------------------------------------------------------------------------------------

    def _stocked(self, place: str, pieces: int, count: int) -> list[Item]:
        held = Counter(one.sku for one in self.premises.pieces(place))
        fitting = [one for one in self.items[:LINES] if held[one.sku] >= pieces]
        return self.chance.sample(fitting, count)

    def _transfer_out(self) -> Iterator[Act]:
        going = [(one, self.chance.randint(1, 4)) for one in self._stocked(BACK, 4, 5)]
        lines = [{"line": at, "sku": one.sku, "quantity": pieces} for at, (one, pieces) in enumerate(going, 1)]
        yield Announce(
            {
                "document": "TR-7", "kind": "transfer_out", "revision": 1, "from": BACK, "to": "transit:S002",
                "lines": lines,
            }
        )  # fmt: skip
        yield Order("dock", "DOC", "TR-7")
        for item, pieces in going:
            self.premises.carry(self.premises.take(item.sku, pieces, BACK), AWAY)
            yield from (Scan("dock", item.gtin) for _ in range(pieces))
        yield Order("dock", "CLOSE")
        yield Order("dock", "CLOSE")

    def _bring_back(self) -> Iterator[Act]:
        """A customer brings back one good and one broken piece; a vendor gets back another."""
        good, broken, vendors = self._stocked(BACK, 2, 3)
        yield Order("office", "MODE-RETURN")
        yield Order("office", "REASON", "UNWANTED")
        self.premises.bring(good.sku, 1, BACK)
        yield Scan("office", good.gtin)
        self.premises.bring(broken.sku, 1, BACK, "damaged")
        yield Order("office", "REASON", "FAULTY")
        yield Order("office", "DAMAGED")
        yield Scan("office", broken.gtin)
        yield Order("office", "MODE-SHIP")
        yield Order("office", "REASON", "FAULTY")
        self.premises.carry(self.premises.take(vendors.sku, 1, BACK), AWAY)
        yield Scan("office", vendors.gtin)

    def _correct(self) -> Iterator[Act]:
        found, scrapped, broken = self._stocked(BACK, 2, 3)
        yield Order("office", "MODE-ADJUST")
        yield Order("office", "REASON", "FOUND")
        self.premises.bring(found.sku, 1, BACK)
        yield Scan("office", found.gtin)
        yield Order("office", "REASON", "SCRAP")
        self.premises.carry(self.premises.take(scrapped.sku, 1, BACK), AWAY)
        yield Scan("office", scrapped.gtin)
        yield Order("office", "REASON", "DAMAGED")
        self.premises.take(broken.sku, 1, BACK)[0].state = "damaged"
        yield Scan("office", broken.gtin)
        yield Order("office", "CLOSE")

    def _orders(self) -> Iterator[Act]:
        """Two online orders: one is picked and fetched, of the other a piece cannot be found."""
        orders = [("web-1", 2), ("web-2", 1)]
        picked = list(zip(self._stocked(BACK, 3, 2), orders, strict=True))
        lines = [
            {"line": at, "sku": item.sku, "quantity": ORDERED, "reservation": name}
            for at, (item, (name, _)) in enumerate(picked, 1)
        ]
        for item, (name, _) in picked:
            yield Reserve(name, item.sku, ORDERED)
        yield Announce(
            {"document": "PICK-1", "kind": "pick", "revision": 1, "from": BACK, "to": "customer", "lines": lines}
        )
        yield Order("dock", "DOC", "PICK-1")
        for item, (_, found) in picked:
            self.premises.carry(self.premises.take(item.sku, found, BACK), PICKUP)
            yield from (Scan("dock", item.gtin) for _ in range(found))
        yield Order("dock", "CLOSE")
        yield Order("dock", "CLOSE")
        item, (name, _) = picked[0]
        self.premises.carry(self.premises.take(item.sku, ORDERED, PICKUP), AWAY)
        yield Handover(name, item.sku, ORDERED)


def _item(number: int) -> Item:
    single = _gtin(number)
    case = f"1{single[1:13]}"
    return Item(f"D-{number:03}", f"상품 {number}", f"Item {number}", single, f"{case}{gs1_digit(case)}")


def _gtin(number: int) -> str:
    """Of 14 digits, with a leading zero."""
    body = f"0880{number:09}"
    return f"{body}{gs1_digit(body)}"
