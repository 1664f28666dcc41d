"""Counts against the goods themselves: units that lie in zones, go, come, vanish and are sold, while two clerks count.

The truth is a set of units for each zone and item; nothing of it comes from the code under test. Clerks scan each unit
once, in parts, and the goods move meanwhile. After a line was approved, and everything late has been told, stock of it
is what lies there.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.ledger.log import Ledger
from agent.ledger.reader import Reader
from agent.operations import counts_office, counts_settle
from agent.operations.counts_values import open_count
from agent.operations.movements import movement
from agent.operations.rules import Rules
from agent.operations.values import Context, Draft, State
from contract.stock import StockKey
from contract.times import Stamper
from tests.agent.clocks import FakeClock
from tests.agent.ledger.gone import prune_all
from tests.agent.ledger.stated import same_again
from tests.agent.operations.counting import ZONES, Floor, Job, Store

Spot = tuple[str, str]  # zone, SKU
SKUS = ("COLA", "BEER")
SPOTS = [(zone, sku) for zone in sorted(ZONES) for sku in SKUS]
STRICT = Rules(count_tolerance_percent=10)
TRUSTING = Rules(recount_by_another=False)  # what is beyond tolerance is not recounted: no mistake of ours is hidden
CLERKS = ("ann", "bob")


@dataclass
class Line:
    """What clerks have seen of a spot in the count of its zone."""

    scanned: set[int] = field(default_factory=set[int])
    first_us: int = 0
    last_us: int = 0
    whole: bool = True  # at the last scan, nothing was left to scan


class World:
    """`log` keeps the events; `there` is the truth. A spot is `right` from its approval on, until something happens to
    the goods that nobody writes down."""

    def __init__(self, log: Any, seed: int) -> None:
        self.chance = random.Random(seed)
        self.log = log
        self.rules = STRICT if self.chance.random() < 0.2 else TRUSTING
        self.floor = Floor(log.run, self.rules)
        self.units = 0
        self.there: dict[Spot, set[int]] = {spot: set() for spot in SPOTS}
        self.lines: dict[Spot, Line] = {}
        self.late: list[tuple[int, Spot, int, str]] = []
        self.mistakes: list[tuple[Spot, dict[str, Any], str]] = []
        self.right: set[Spot] = set()
        self.approved = 0
        for zone, sku in SPOTS:
            self.arrives((zone, sku), self.chance.randint(0, 4))
            self.told(
                "received", sku, self.chance.randint(1, 4), "supplier", zone
            )  # what is written is not what is there
        for name in CLERKS:
            self.floor.sits(name, name, "salesfloor")

    # -- goods ------------------------------------------------------------------------------------------------------

    def arrives(self, spot: Spot, count: int) -> None:
        for _ in range(count):
            self.units += 1
            self.there[spot].add(self.units)

    def goes(self, spot: Spot) -> int | None:
        held = sorted(self.there[spot])
        if not held:
            return None
        unit = self.chance.choice(held)
        self.there[spot].remove(unit)
        return unit

    def told(self, kind: str, sku: str, quantity: int, origin: str, target: str, **more: Any) -> None:
        self._write(kind, sku, quantity, origin, target, self.floor.context(), **more)

    def _write(
        self, kind: str, sku: str, quantity: int, origin: str, target: str, context: Context, **more: Any
    ) -> None:
        line = {"sku": sku, "quantity": quantity, "from": origin, "to": target, "disposition": "sellable"}
        draft = movement({"kind": kind, "lines": [line], **more}, {"device": "till"}, context)

        def job(state: State) -> list[Draft]:
            return [draft, *counts_settle.balance(state, draft, state.next_seq)]

        self.log.run(job)

    # -- what happens -----------------------------------------------------------------------------------------------

    def sale(self, spot: Spot) -> None:
        if self.goes(spot) is not None:
            self.told("sold", spot[1], 1, spot[0], "customer")

    def sale_told_late(self, spot: Spot) -> None:
        unit = self.goes(spot)
        if unit is not None:
            self.late.append((self.floor.context().occurred_us, spot, unit, "synced"))

    def tells(self, _spot: Spot) -> None:
        if self.late:
            occurred_us, (zone, sku), _, _ = self.late.pop(0)
            self._write("sold", sku, 1, zone, "customer", Context(occurred_us, "synced", "s"))

    def move(self, spot: Spot) -> None:
        unit = self.goes(spot)
        if unit is not None:
            other = next(zone for zone in sorted(ZONES) if zone != spot[0])
            self.there[other, spot[1]].add(unit)
            self.told("moved", spot[1], 1, spot[0], other)

    def delivery(self, spot: Spot) -> None:
        self.arrives(spot, 2)
        self.told("received", spot[1], 2, "supplier", spot[0])

    def theft(self, spot: Spot) -> None:
        """It is found by the next look at what is left: a line that is begun must be begun again."""
        if spot not in self.lines and self.goes(spot) is not None:
            self.right.discard(spot)

    def mistake(self, spot: Spot) -> None:
        """Somebody scans a delivery that there is none of, and takes it back later."""
        self.told("received", spot[1], 3, "supplier", spot[0])
        event = self.log.newest()
        self.mistakes.append((spot, {"seq": event["seq"], "id": event["id"]}, event["id"]))

    def takes_back(self, _spot: Spot) -> None:
        if self.mistakes:
            (zone, sku), reverses, _ = self.mistakes.pop(0)
            self.told("reversed", sku, 3, zone, "supplier", reverses=reverses)

    # -- counting ---------------------------------------------------------------------------------------------------

    def part(self, spot: Spot) -> None:
        """Some of the units that were not scanned yet."""
        left = sorted(self.there[spot] - self._line(spot).scanned)
        self._see(spot, left[: self.chance.randint(1, 2)])

    def rest(self, spot: Spot) -> None:
        self._see(spot, sorted(self.there[spot] - self._line(spot).scanned))

    def slip(self, spot: Spot) -> None:
        """A scan too many, taken back at once: somebody has looked at the line all the same."""
        name = self._clerk(spot)
        if self.floor.scan(name, spot[1], 5).text == "counted":
            self._line(spot).last_us = self.floor.now_us
            assert self.floor.undo(name).text == "reversed"

    def _line(self, spot: Spot) -> Line:
        return self.lines.get(spot) or Line()

    def _clerk(self, spot: Spot) -> str:
        name = self.chance.choice(CLERKS)
        self.floor.order(name, "ZONE", spot[0].upper())
        return name

    def _see(self, spot: Spot, units: list[int], name: str | None = None) -> None:
        if not units:
            return
        decision = self.floor.scan(name or self._clerk(spot), spot[1], len(units))
        assert decision.text == "counted"
        line = self.lines.setdefault(spot, Line(first_us=self.floor.now_us))
        line.scanned.update(units)
        line.last_us = self.floor.now_us
        line.whole = line.scanned >= self.there[spot]

    def approve(self, spot: Spot) -> None:
        """The zone is finished: what was begun is counted to its end, then recounted by another where it must be."""
        zone = spot[0]
        count = self._finish(zone)
        done = self.floor.approve(count)
        if done.refused == "recount_first":
            self._recount(zone, count, done.result["skus"])
            done = self.floor.approve(count)
        assert done.refused is None
        self.approved += 1
        self._settle(zone)

    def _finish(self, zone: str) -> str:
        for sku in SKUS:
            if self.lines.get((zone, sku)) or self.chance.random() < 0.5:
                self.rest((zone, sku))
        self.floor.order("ann", "ZONE", zone.upper())
        count = self.log.count_of(zone)
        empty = [sku for sku in SKUS if (zone, sku) not in self.lines and not self.there[zone, sku]]
        gone = self.floor.office(
            lambda state, context: counts_office.confirm_zero(state, count, empty, context, clerk="ann")
        )
        if gone.refused is None:
            found = {line["sku"] for line in self.log.newest()["data"]["lines"]}
            self.lines |= {(zone, sku): Line(first_us=self.floor.now_us, last_us=self.floor.now_us) for sku in found}
        self.floor.office(lambda state, context: counts_office.submit(state, count, context, clerk="ann"))
        return count

    def _recount(self, zone: str, count: str, skus: list[str]) -> None:
        """By a third clerk, who sees everything at one look."""
        self.floor.sits("cas", "cas", zone)
        self.floor.office(
            lambda state, context: counts_office.recount(state, count, skus, context, rules=self.rules, clerk="boss")
        )
        for sku in skus:
            self.lines.pop((zone, sku), None)
            self._see((zone, sku), sorted(self.there[zone, sku]), "cas")
        empty = [sku for sku in skus if not self.there[zone, sku]]
        self.floor.office(lambda state, context: counts_office.confirm_zero(state, count, empty, context, clerk="cas"))
        self.lines |= {(zone, sku): Line(first_us=self.floor.now_us, last_us=self.floor.now_us) for sku in empty}
        self.floor.office(lambda state, context: counts_office.submit(state, count, context, clerk="cas"))

    def _settle(self, zone: str) -> None:
        for spot in [spot for spot in self.lines if spot[0] == zone]:
            line = self.lines.pop(spot)
            # Sold between two scans, and still not told: which units were counted, nobody can say any more.
            between = any(where == spot and line.first_us < at < line.last_us for at, where, _, _ in self.late)
            self.right.discard(spot)
            if line.whole and not between:
                self.right.add(spot)

    # -- the end ----------------------------------------------------------------------------------------------------

    def end(self) -> None:
        while self.late:
            self.tells(SPOTS[0])
        while self.mistakes:
            self.takes_back(SPOTS[0])
        for zone, sku in self.right:
            assert self.log.stock(StockKey(sku, zone, "", "sellable")) == len(self.there[zone, sku]), (zone, sku)


STEPS = (
    World.part,
    World.part,
    World.rest,
    World.rest,
    World.slip,
    World.sale,
    World.sale_told_late,
    World.sale_told_late,
    World.tells,
    World.move,
    World.delivery,
    World.theft,
    World.mistake,
    World.takes_back,
    World.approve,
    World.approve,
)
days = st.lists(st.tuples(st.integers(0, len(STEPS) - 1), st.integers(0, len(SPOTS) - 1)), min_size=20, max_size=60)


class InMemory(Store):
    def newest(self) -> dict[str, Any]:
        return self.events[-1]

    def count_of(self, zone: str) -> str:
        held = open_count(self.books, zone)
        assert held is not None
        return held[0]


class InLedger:
    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger(folder, store="S1", clock=FakeClock(), stamper=Stamper(ZoneInfo("Asia/Seoul")))
        self.ledger.start()
        self.reader = Reader(folder)

    def run(self, job: Job) -> None:
        def write(tx: Any) -> None:
            drafts = tuple(job(tx))
            if drafts:
                tx.append(drafts)

        self.ledger.call(write)

    def newest(self) -> dict[str, Any]:
        return self.reader.newest(1)[0]

    def count_of(self, zone: str) -> str:
        return str(dict(self.reader.book("count_zone"))[zone]["count"])

    def stock(self, key: StockKey) -> int:
        return sum(row.quantity for row in self.reader.stock(key.sku, key.zone))

    def close(self) -> None:
        self.reader.close()
        self.ledger.close()


def random_day(chance: random.Random, steps: int) -> list[tuple[int, int]]:
    """Most of what happens happens where something has just happened."""
    spot, day = 0, list[tuple[int, int]]()
    for _ in range(steps):
        spot = spot if chance.random() < 0.8 else chance.randrange(len(SPOTS))
        day.append((chance.randrange(len(STEPS)), spot))
    return day


def live(world: World, day: list[tuple[int, int]], between: Callable[[], object] = lambda: None) -> None:
    for step, spot in day:
        STEPS[step](world, SPOTS[spot])
        between()
    world.end()


@given(days, st.integers(0, 2**32))
@settings(max_examples=300)
def test_what_was_approved_is_what_lies_there(day: list[tuple[int, int]], seed: int) -> None:
    live(World(InMemory(), seed), day)


def test_days_that_dwell_on_one_shelf_and_say_something() -> None:
    """The property would be empty if days had no approved lines."""
    chance, right, approved = random.Random(7), 0, 0
    for seed in range(200):
        world = World(InMemory(), seed)
        live(world, random_day(chance, 40))
        right, approved = right + len(world.right), approved + world.approved
    assert approved > 600
    assert right > 400


@pytest.mark.parametrize("pruned", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_the_ledger_agrees_and_a_rebuild_gives_the_same(tmp_path: Path, seed: int, pruned: bool) -> None:
    """Also where nothing is left of the past but what an opening states."""
    chance = random.Random(seed)
    log = InLedger(tmp_path)
    between = (lambda: prune_all(log.ledger, tmp_path)) if pruned else (lambda: 0)
    live(World(log, seed), random_day(chance, 60), between)
    rebuilt = same_again(log.reader)
    assert any(row[0] == "count_settled" for row in rebuilt["book"])
    assert (log.reader.first() > 100) == pruned
    log.close()
