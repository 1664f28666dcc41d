"""Alerts over restarts of the desk, over the years, and when there are too many."""

from __future__ import annotations

from datetime import UTC

from contract.times import Stamper
from headoffice.alerts.listing import act
from headoffice.alerts.records import CLOSED_DAYS, DAY_US
from tests.headoffice.alerts.world import World
from tests.headoffice.logs import Log


def low(world: World, count: int = 1, store: str = "S1") -> Log:
    world.rule("low_stock", 10)
    log = Log(store=store).open([[f"SKU-{n}", "shelf", None, "sellable", 5] for n in range(count)])
    world.take(log)
    return log


def test_another_desk_goes_on_where_the_last_one_was(world: World) -> None:
    log = low(world)
    world.start()
    world.run(1)
    act(world.database, world.clock, Stamper(UTC), 1, "acknowledge", "kim", "ordered")
    world.start()
    world.run(5)
    found = world.one("low_stock")
    assert (found.state, found.acknowledged_by, found.times) == ("acknowledged", "kim", 1)
    log.receive("SKU-0", 50, to="shelf")  # while no desk runs
    world.take(log, 2)
    world.start()
    world.run(5)
    assert world.one("low_stock").better_us is not None
    world.start()  # the hold time goes on over restarts
    world.run(60)
    assert world.one("low_stock").state == "closed"


def test_stock_that_was_low_comes_again_as_the_same_alert(world: World) -> None:
    log = low(world)
    world.start()
    world.run(1)
    log.receive("SKU-0", 50, to="shelf")
    world.take(log, 2)
    world.run(70)
    log.receive("SKU-0", 50, **{"from": "shelf", "to": "customer"})
    world.take(log, 3)
    world.run(2)
    found = world.one("low_stock")
    assert (found.id, found.state, found.times, found.closed_us) == (1, "open", 2, None)
    assert [one["change"] for one in world.told()] == ["raised", "closed", "raised"]


def test_what_was_closed_long_ago_is_forgotten(world: World) -> None:
    low(world, 3)
    world.start()
    world.run(1)
    old_us = world.clock.wall_us() - (CLOSED_DAYS + 1) * DAY_US
    world.database.write("UPDATE alert SET state = 'closed', closed_us = last_us, last_us = ? WHERE id < 3", (old_us,))
    world.database.write("UPDATE alert SET last_us = ? WHERE id = 3", (old_us,))
    world.database.write("DELETE FROM stock")
    world.run(61)
    assert [one.id for one in world.alerts()] == [3]  # open ones are kept


def test_without_room_it_is_said_and_nothing_else_stops(world: World) -> None:
    low(world, 5)
    world.start()
    world.part._records.room = 2
    world.run(1)
    assert len(world.alerts()) == 2
    assert any("3 alerts found no room" in line for line in world.said)
    world.part._records.room = 10
    world.rule("low_stock", 11)  # looked at again
    world.run(2)
    assert len(world.alerts()) == 5


def test_a_clock_that_is_set_back_hides_no_change(world: World) -> None:
    log = low(world)
    world.start()
    world.run(1)
    world.clock.offset_us = -3_600_000_000
    log.receive("SKU-1", 1, to="shelf")
    world.take(log, 2)
    world.run(10)
    assert {one.subject for one in world.alerts()} == {"SKU-0", "SKU-1"}
