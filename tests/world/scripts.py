"""What people do in a day: a delivery, shelves, customers, a count with a theft before it, a door with a reader."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from random import Random
from typing import Any, NamedTuple

from agent.operations import counts_office
from agent.operations.counts_values import COUNTS, is_open
from agent.operations.transactions import Taken, Transaction
from contract.catalog import Item, parse_item
from contract.times import Stamper
from identity.check import gs1_digit
from simulators.tags import Tag, sgtin_tags
from tests.world.devices import document
from tests.world.judge import NOTHING, Judge, counted, moved
from tests.world.people import GIVE_UP, Clerk, Do, Pause, Script, Step, Until
from tests.world.store import BACK, FLOOR, PICKUP, READER, RULES, SEOUL, Agent, StorePc

GOODS = 10
CASE = 6
TAGGED = "W-TAG"
EVENTS_MIN = 500


class Good(NamedTuple):
    sku: str
    gtin: str
    case: str


def _gtin(number: int, first: str = "0") -> str:
    body = f"{first}880{number:09}"
    return f"{body}{gs1_digit(body)}"


GOODS_LIST = [Good(f"W-{number:02}", _gtin(number), _gtin(number, "1")) for number in range(1, GOODS + 1)]
TAG_GOOD = Good(TAGGED, _gtin(77), _gtin(77, "1"))
STRANGER = _gtin(9999)


def items() -> list[Item]:
    return [parse_item(_item(one)) for one in [*GOODS_LIST, TAG_GOOD]]


def _item(one: Good) -> dict[str, Any]:
    codes = [{"gtin": one.gtin}, {"gtin": one.case, "units": CASE}]
    return {"sku": one.sku, "revision": 1, "name": {"ko": f"상품 {one.sku}", "en": one.sku}, "gtins": codes}


class Plan:
    """A day's size and luck, drawn once."""

    def __init__(self, chance: Random) -> None:
        self.delivery = {one.sku: chance.randint(7, 15) for one in GOODS_LIST}
        self.shelf = {one.sku: chance.randint(3, 6) for one in GOODS_LIST}
        self.short = chance.choice(GOODS_LIST).sku
        self.document = "ASN-1"


class Day:
    """All scripts of one day share it. `busy` is who holds the floor: a sale and a count scan at one moment are two
    truths, and nobody could say which came first."""

    def __init__(
        self, judge: Judge, pc: StorePc, plan: Plan, chance: Random, troubles: float, enough: Callable[[], bool]
    ) -> None:
        self.judge, self.pc, self.plan, self.chance, self._enough = judge, pc, plan, chance, enough
        self.kim, self.lee, self.park = (
            Clerk(judge, pc, name, chance, troubles) for name in ("dock", "floor", "office")
        )
        self.busy = False
        self.received = self.moved = self.shelved = self.approved = False
        self.sales = self.recounts = self.counts = self.receipts = self.undos = 0
        self.tags: list[Tag] = sgtin_tags(4, self.chance.randrange(1 << 30), [TAG_GOOD.gtin])
        self.tags_at = {one.epc: BACK for one in self.tags}

    # -- the dock: Kim ----------------------------------------------------------------------------------------------

    def dock(self) -> Script:
        kim, plan = self.kim, self.plan
        yield Until(lambda: self._has_items() and self._expects(plan.document))
        yield from kim.order("LOGIN", "KIM")
        yield from kim.order("DOC", plan.document)
        for good in GOODS_LIST:
            pieces = plan.delivery[good.sku] - (2 if good.sku == plan.short else 0)
            yield from self._receive(good, pieces)
        yield from kim.scan(STRANGER, NOTHING)
        yield from kim.order("CLOSE")
        yield from kim.order("CLOSE", calm=True)
        self.received, self.receipts = True, self.receipts + 1
        yield from kim.order("MODE-MOVE")
        yield from kim.order("ZONE", BACK)
        yield from kim.order("ZONE", FLOOR)
        for good in GOODS_LIST:
            for _ in range(plan.delivery[good.sku] // 2):
                yield from self._bring(good, BACK, FLOOR)
        self.moved = True
        yield from kim.order("MODE-MOVE")
        yield from kim.order("ZONE", BACK)
        yield from kim.order("ZONE", PICKUP)
        yield from self._fill_up()

    def _receive(self, good: Good, pieces: int) -> Generator[Step, Any, None]:
        kim, chance = self.kim, self.chance
        if pieces > CASE and chance.random() < 0.3:
            yield from kim.scan(good.case, moved(good.sku, CASE, "supplier", BACK))
            pieces -= CASE
        if chance.random() < 0.2:
            yield from kim.order("DAMAGED")
            yield from kim.scan(good.gtin, moved(good.sku, 1, "supplier", BACK, "quarantine"), calm=True)
            pieces -= 1
        if pieces > 3 and chance.random() < 0.3:
            yield from kim.order("X", 3)
            three, one = (moved(good.sku, many, "supplier", BACK) for many in (3, 1))
            became = yield from kim.scan(good.gtin, three, one)  # one: the order was too old when the scan came
            pieces -= 3 if became == three else 1
        one = moved(good.sku, 1, "supplier", BACK)
        if chance.random() < 0.3:
            self.undos += 1
            yield from kim.slip(good.gtin, one)
        for _ in range(pieces):
            yield from kim.scan(good.gtin, one)

    def _bring(self, good: Good, source: str, target: str) -> Generator[Step, Any, None]:
        if self.judge.premises[good.sku, source, "sellable"] <= 0:
            return
        one = moved(good.sku, 1, source, target)
        if self.chance.random() < 0.1 and self.judge.premises[good.sku, source, "sellable"] > 1:
            self.undos += 1
            yield from self.kim.slip(good.gtin, one)
        yield from self.kim.scan(good.gtin, one)

    def _fill_up(self) -> Generator[Step, Any, None]:
        """Online orders are picked, until the day has its events and its faults, and the count is over."""
        while self.judge.head < EVENTS_MIN or not (self.approved and self._enough()):
            good = self.chance.choice(GOODS_LIST)
            if self.judge.premises[good.sku, BACK, "sellable"] > 0:
                yield from self._bring(good, BACK, PICKUP)
                continue
            yield from self.kim.order("MODE-RECEIVE")
            for one in GOODS_LIST:
                yield from self.kim.scan(one.case, moved(one.sku, CASE, "supplier", BACK))
            yield from self.kim.order("MODE-MOVE")
            yield from self.kim.order("ZONE", BACK)
            yield from self.kim.order("ZONE", PICKUP)

    # -- the office: Park, and the supervisor Choi ------------------------------------------------------------------

    def shelf(self) -> Script:
        """Before opening: what the shelves hold already, and goods with tags."""
        park = self.park
        yield Until(self._has_items)
        yield from park.order("LOGIN", "PARK")
        yield from park.order("MODE-RECEIVE")
        for _ in self.tags:
            yield from park.scan(TAG_GOOD.gtin, moved(TAGGED, 1, "supplier", BACK))
        yield from park.order("ZONE", FLOOR)
        for good in GOODS_LIST:
            for _ in range(self.plan.shelf[good.sku]):
                yield from park.scan(good.gtin, moved(good.sku, 1, "supplier", FLOOR))
        self.shelved = True
        yield Until(lambda: self.counts > 0)
        yield from self._recount()

    def _recount(self) -> Generator[Step, Any, None]:
        park = self.park
        yield from park.order("MODE-COUNT")
        yield from park.order("ZONE", FLOOR)
        for _ in range(GIVE_UP):
            count = yield from self._count()
            if count is None:  # approved, and the answer was lost
                break
            review = yield from self._review(count)
            gone = sorted({line.key.sku for line in review.lines if line.counted is None})
            if gone:
                yield from self._office(partial(counts_office.confirm_zero, count=count, skus=gone, clerk="c-choi"))
                continue
            again = sorted({line.key.sku for line in review.lines if line.again})
            if again:
                self.recounts += 1
                yield from park.order("RECOUNT")
                yield from self._count_all(park, again)
            elif review.record["state"] != "submitted":
                yield from self._office(partial(counts_office.submit, count=count, clerk="c-choi"))
            else:
                yield from self._office(partial(counts_office.approve, count=count, rules=RULES, clerk="c-choi"))
                continue
            yield from self._office(partial(counts_office.submit, count=count, clerk="c-choi"))
        self.approved = True

    def _office(self, operation: Callable[..., Any]) -> Generator[Step, Any, Any]:
        yield Until(lambda: self.pc.agent is not None)
        return (
            yield Do(lambda agent, done: agent.office.submit(lambda tx, context: operation(tx, context=context), done))
        )

    def _count(self) -> Generator[Step, Any, str | None]:
        """The open count's name."""
        yield Until(lambda: self.pc.agent is not None)
        agent = self._agent()
        return agent.moments.look(
            lambda state: next((name for name, record in state.books.under(COUNTS) if is_open(record)), None)
        )

    def _review(self, count: str) -> Generator[Step, Any, Any]:
        yield Until(lambda: self.pc.agent is not None)
        return self._agent().moments.look(partial(counts_office.review, count=count, rules=RULES))

    # -- the floor: Lee, customers, a thief -------------------------------------------------------------------------

    def floor(self) -> Script:
        lee, judge = self.lee, self.judge
        yield Until(self._has_items)
        yield from lee.order("LOGIN", "LEE")
        yield from lee.scan(GOODS_LIST[0].gtin, NOTHING)  # looked up
        yield Until(lambda: self.moved and self.shelved)
        for good in self.chance.sample(GOODS_LIST, 3):
            if judge.premises[good.sku, FLOOR, "sellable"] > 0:
                judge.premises[good.sku, FLOOR, "sellable"] -= 1  # stolen
        yield from lee.order("MODE-COUNT")
        yield from lee.order("ZONE", FLOOR)
        yield from self._count_all(lee, [one.sku for one in GOODS_LIST])
        yield from lee.order("CLOSE")
        yield from lee.order("CLOSE", calm=True)
        self.counts += 1

    def _count_all(self, clerk: Clerk, skus: list[str]) -> Generator[Step, Any, None]:
        """Every piece that lies there when its turn comes."""
        for good in GOODS_LIST:
            done = 0
            while good.sku in skus and done < self.judge.premises[good.sku, FLOOR, "sellable"]:
                yield Until(lambda: not self.busy)
                self.busy = True
                yield from clerk.scan(good.gtin, counted(good.sku, FLOOR))
                self.busy = False
                done += 1

    def till(self) -> Script:
        yield Until(lambda: self.shelved)
        while not self.approved:
            yield Pause(1 + 6 * self.chance.random())
            yield Until(lambda: not self.busy)
            there = [one for one in GOODS_LIST if self.judge.premises[one.sku, FLOOR, "sellable"] > 0]
            if there and not self.approved:
                self.busy = True
                yield from self._sell(self.chance.choice(there))
                self.busy = False

    def _sell(self, good: Good) -> Generator[Step, Any, None]:
        """The till sends it until it hears that it is taken."""
        self.sales += 1
        when = Stamper(SEOUL).text(self.pc.clock.true_us())
        line = {"gtin": good.gtin, "quantity": 1}
        sale = Transaction.model_validate(
            {"transaction": f"sale-{self.sales}", "till": "till-1", "occurred_at": when, "lines": [line]}
        )
        self.judge.premises[good.sku, FLOOR, "sellable"] -= 1
        for _ in range(GIVE_UP):
            found: Taken | None = yield Do(lambda agent, done: agent.tills.submit(sale, done))
            if found is not None and self.chance.random() > 0.2:  # else the answer did not reach the till
                assert found.status in {"taken", "known"}, found
                return
            yield Pause(0.5)
        raise AssertionError("a sale was never taken")

    # -- the door ---------------------------------------------------------------------------------------------------

    def door(self) -> Script:
        """Now and then a tagged piece goes through, at times two."""
        yield Until(lambda: self.shelved)
        while not self.approved:
            yield Pause(8 + 20 * self.chance.random())
            for tag in self.chance.sample(self.tags, self.chance.randint(1, 2)):
                source = self.tags_at[tag.epc]
                target = PICKUP if source == BACK else BACK
                self.tags_at[tag.epc] = target
                self.judge.walked[tag.epc.hex().upper(), target] += 1
                self._walk(tag, source)

    def _walk(self, tag: Tag, source: str) -> None:
        first, then = (1, 3) if source == BACK else (3, 1)
        for away_s, antenna in ((-2.4, first), (-1.4, first), (-0.5, first), (0.6, then), (1.5, then), (2.5, then)):
            rssi_cdbm = -6200 - int(200 * abs(away_s))
            self.pc.sim.at(2.5 + away_s, partial(self._seen, tag, antenna, rssi_cdbm))

    def _seen(self, tag: Tag, antenna: int, rssi_cdbm: int) -> None:
        agent = self.pc.agent
        if agent is not None:
            agent.ports[READER].receive(document(tag, antenna, rssi_cdbm, self.pc.clock.true_us()))

    # -- what they see ----------------------------------------------------------------------------------------------

    def _agent(self) -> Agent:
        assert self.pc.agent is not None
        return self.pc.agent

    def _has_items(self) -> bool:
        agent = self.pc.agent
        return agent is not None and all(agent.catalogue.item(one.sku) for one in [*GOODS_LIST, TAG_GOOD])

    def _expects(self, name: str) -> bool:
        agent = self.pc.agent
        return agent is not None and agent.moments.look(lambda state: state.document(name)) is not None
