"""Damage at head office is found and mended by replay; what cannot be compared or mended is said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from headoffice import own, projecting
from headoffice.checks import results
from headoffice.checks.part import Times
from headoffice.database import Database
from headoffice.part import Message
from tests.headoffice.checks.conftest import plain
from tests.headoffice.checks.world import PREFIX, Shop, World
from tests.headoffice.every_kind import Writer
from tests.headoffice.logs import OTHER_KEY, Log

Made = Callable[..., World]


def rich() -> Log:
    writer = Writer(3, "S1")
    writer.write(300)
    writer.state()
    writer.write(100)
    return writer.log


def harm(database: Database, statement: str, values: tuple[Any, ...] = ()) -> None:
    """Behind the back of what guards the table of events."""
    if database.dialect == "postgres":
        with database.transaction():
            database.write("ALTER TABLE event DISABLE TRIGGER USER")
            assert database.write(statement, values)
            database.write("ALTER TABLE event ENABLE TRIGGER USER")
        return
    triggers = database.rows("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'event'")
    with database.transaction():
        for name, _ in triggers:
            database.write(f"DROP TRIGGER {name}")
        assert database.write(statement, values)
        for _, text in triggers:
            database.write(text)


def same(world: World, shop: Shop) -> None:
    """What head office has is what the store wrote, byte by byte, and adds up."""
    storage, log = world.storage, shop.log
    held = storage.position(log.store)
    assert held is not None
    assert (held[0].log, held[0].seq, held[0].hash) == (log.name, log.head, log.hash)
    assert [one.body for one in storage.written(log.store, log.name)] == [one.body for one in log.events]
    own.check(storage, log.store, deep=True)


def test_a_store_that_is_as_head_office_says(make: Made) -> None:
    world = make()
    found = world.check()
    assert (found.verdict, found.reason, found.rows_off, found.as_of) == ("equal", None, 0, 61)
    assert (found.rows_total, found.events, found.done) == (8, 61, [])
    log = world.shops["S1"].log
    log.receive_many(5)
    world.deliver("S1", 62)
    assert world.check().events == 5  # only what came since


def test_retained_levels_are_compared(make: Made) -> None:
    world = make()
    shop = world.shops["S1"]
    world.levels["S1"] = shop.levels()
    found = world.check()
    assert (found.verdict, found.levels, found.levels_off, found.available_off) == ("equal", 8, 0, 0)
    world.levels["S1"][0] = world.levels["S1"][0].model_copy(update={"available": 7})  # it keeps a buffer
    found = world.check()
    assert (found.verdict, found.available_off) == ("equal", 1)
    shop.log.receive("COLA", 5)  # an old level of what moved since says nothing
    world.deliver("S1", shop.log.head)
    assert world.check().verdict == "equal"
    world.levels["S1"] = [one.model_copy(update={"reserved": 2}) for one in shop.levels()]
    found = world.check()
    assert (found.verdict, found.levels_off) == ("different", 8)
    assert found.levels_differ[0].store_reserved == 2
    assert "the store's own tables" in str(found.reason)


@pytest.mark.parametrize("table", projecting.PROJECTED)
def test_a_damaged_table_is_found_and_made_again(make: Made, table: str) -> None:
    world = make(rich())
    assert world.check(deep=True).verdict == "equal"
    before = sorted(map(repr, world.database.rows(f"SELECT * FROM {table}")))
    world.database.write(f"DELETE FROM {table} WHERE store = 'S1'")
    found = world.check(deep=True)
    assert (found.verdict, found.tables, found.done) == ("repaired", [table], ["tables_made_again"])
    assert sorted(map(repr, world.database.rows(f"SELECT * FROM {table}"))) == before
    assert world.check(deep=True).verdict == "equal"


@pytest.mark.parametrize("change", ["quantity = quantity + 1", "zone = 'nowhere'", "lot = 'B2'"])
def test_stock_that_was_changed_is_found_every_night(make: Made, change: str) -> None:
    world = make()
    world.database.write(f"UPDATE stock SET {change} WHERE sku = 'COLA'")
    found = world.check()
    assert (found.verdict, found.tables) == ("repaired", ["stock"])
    assert [one.sku for one in found.differences][:1] == ["COLA"]
    assert found.rows_off in {1, 2}
    same(world, world.shops["S1"])


def test_a_reservation_that_was_lost_shows_in_the_levels(make: Made) -> None:
    log = plain()
    log.write("journal", {"kind": "reservation_made", "reservation": "R1", "sku": "COLA", "quantity": 4})
    world = make(log)
    levels = {one.sku: one for one in world.shops["S1"].levels()}
    world.levels["S1"] = [levels["COLA"].model_copy(update={"reserved": 4})]
    assert world.check().verdict == "equal"
    world.database.write("DELETE FROM reservation")
    found = world.check()
    assert (found.verdict, found.tables, found.levels_off) == ("repaired", ["reservation"], 1)


@pytest.mark.parametrize(
    ("statement", "first"),
    [
        ("DELETE FROM event WHERE seq = 30", 30),
        ("DELETE FROM event WHERE seq BETWEEN 30 AND 40", 30),
        ("UPDATE event SET hash = 'x' WHERE seq = 30", 30),
        ("UPDATE event SET type = 'count' WHERE seq = 30", 30),
        ("UPDATE event SET seq = 1000 WHERE seq = 61", 61),
    ],
)
def test_damaged_events_come_again_from_the_store(make: Made, statement: str, first: int) -> None:
    world = make()
    harm(world.database, statement)
    found = world.check(deep=True)
    assert (found.verdict, found.damaged) == ("repaired", first), found
    assert found.done == ["events_taken_in_again"]
    same(world, world.shops["S1"])
    assert not world.database.rows("SELECT 1 FROM mending")
    assert any(f"mended from event {first} on" in line for line in world.said)


def test_bytes_that_were_changed_are_kept_aside(make: Made) -> None:
    world = make()
    [body] = [one.body for one in world.storage.written("S1", "L1", 30, 30)]
    damaged = body.replace(b'"quantity":', b'"quantitY":')
    harm(world.database, "UPDATE event SET body = ? WHERE seq = 30", (damaged,))
    found = world.check(deep=True)
    assert (found.verdict, found.damaged) == ("repaired", 30)
    assert world.database.rows("SELECT seq, body FROM event_aside") == [(30, damaged)]
    same(world, world.shops["S1"])
    with pytest.raises(Exception, match="never"):  # the door is shut again
        world.database.write("DELETE FROM event WHERE seq = 31")


def test_bytes_that_are_no_json_do_not_stop_anything(make: Made) -> None:
    world = make()
    harm(world.database, "UPDATE event SET body = ? WHERE seq = 50", (b"\xff",))
    assert world.check().verdict == "repaired"
    same(world, world.shops["S1"])


def test_an_event_that_the_store_no_longer_has_stays_damaged(make: Made) -> None:
    world = make()
    world.shops["S1"].first = 40
    harm(world.database, "UPDATE event SET type = 'count' WHERE seq = 30")
    found = world.check()
    assert (found.verdict, found.damaged, found.done) == ("different", 30, [])
    assert "no longer has it" in str(found.reason)
    assert world.storage.position("S1")[0].seq == 61  # type: ignore[index]


def test_the_first_event_cannot_be_taken_in_again(make: Made) -> None:
    world = make()
    harm(world.database, "UPDATE event SET type = 'count' WHERE seq = 1")
    found = world.check()
    assert (found.verdict, found.damaged) == ("different", 1)
    assert "nothing to go on from" in str(found.reason)


def test_what_cannot_be_mended_is_left_as_it_was(make: Made) -> None:
    world = make()
    harm(world.database, "UPDATE event SET log = 'L9' WHERE seq = 60")  # rows of a log without a beginning
    before = world.database.rows("SELECT * FROM stock ORDER BY 1, 2, 3")
    found = world.check()
    assert (found.verdict, found.damaged, "cannot be folded" in str(found.reason)) == ("different", 60, True)
    assert world.database.rows("SELECT * FROM stock ORDER BY 1, 2, 3") == before
    assert world.storage.position("S1")[0].seq == 61  # type: ignore[index]
    assert not world.database.rows("SELECT 1 FROM event_aside")


def test_damage_in_a_log_that_was_left_is_said(make: Made) -> None:
    old = plain()
    new = Log("L2").open([["COLA", "shelf", None, "sellable", 9]], old.end()).receive_many(3)
    world = make(old)
    world.shops["S1"].log = new
    world.deliver("S1")
    assert world.check(deep=True).verdict == "equal"
    harm(world.database, "UPDATE event SET type = 'count' WHERE seq = 5 AND log = 'L1'")
    assert world.check().verdict == "equal"
    found = world.check(deep=True)
    assert (found.verdict, "event 5 of log L1" in str(found.reason)) == ("not_compared", True)


def test_a_store_that_lies_is_not_believed(make: Made) -> None:
    world = make()
    shop = world.shops["S1"]
    shop.lie = {("COLA", "shelf", "", "sellable"): 3, ("SKU-1", "attic", "", "sellable"): 1}
    found = world.check()
    assert (found.verdict, found.rows_off, found.units_off) == ("different", 2, 4)
    assert found.tables == []
    assert [(one.sku, one.store, one.head_office) for one in found.differences] == [("COLA", 23, 20), ("SKU-1", 1, 0)]
    same(world, shop)


def test_many_differences_are_narrowed_down(make: Made) -> None:
    log = Log().open([[f"SKU-{n:04}", "shelf", None, "sellable", n + 1] for n in range(900)])
    world = make(log)
    shop = world.shops["S1"]
    shop.lie = {("SKU-0000", "shelf", "", "sellable"): 1, ("SKU-0899", "shelf", "", "sellable"): -1}
    found = world.check()
    assert [one.sku for one in found.differences] == ["SKU-0000", "SKU-0899"]
    assert len(shop.asked) < 60


def test_a_fork_is_no_damage(make: Made) -> None:
    world = make()
    shop = world.shops["S1"]
    other = shop.log.fork(50)
    other.receive_many(11)
    other.receive("OTHER", 1)
    shop.log = other.fork(61)
    found = world.check()
    assert (found.verdict, found.done) == ("different", [])
    assert "fork" in str(found.reason)


def test_a_store_that_lost_events_is_different(make: Made) -> None:
    world = make()
    shop = world.shops["S1"]
    shop.log = shop.log.fork(40)
    found = world.check()
    assert (found.verdict, found.as_of, found.done) == ("different", 40, [])
    assert "the store lost events" in str(found.reason)


def test_a_store_that_goes_on_all_the_time_is_compared(make: Made) -> None:
    world = make()
    shop = world.shops["S1"]
    shop.busy = True
    world.database.write("UPDATE stock SET quantity = quantity + 1 WHERE sku = 'COLA'")
    found = world.check()
    assert found.verdict == "repaired"
    assert found.as_of is not None
    assert found.as_of > 61


def test_a_store_that_is_silent_is_asked_again_later(make: Made) -> None:
    world = make()
    world.shops["S1"].deaf = True
    found = world.check()
    assert (found.verdict, found.reason) == ("not_compared", "the store does not answer")
    world.shops["S1"].deaf = False
    world.run(1800)
    assert world.newest().id == found.id
    world.run(2400)
    assert world.newest().verdict == "equal"


def test_without_a_worker_nothing_is_mended_and_it_is_said(make: Made) -> None:
    world = make()
    world.working = False
    world.database.write("UPDATE stock SET quantity = quantity + 1 WHERE sku = 'COLA'")
    found = world.check(seconds=700)
    assert found.verdict == "different"
    assert "jaego-hq run" in str(found.reason)
    assert not world.database.rows("SELECT 1 FROM mending")


def test_a_desk_that_is_killed_while_it_mends_comes_to_the_end(make: Made) -> None:
    world = make()
    harm(world.database, "UPDATE event SET type = 'count' WHERE seq = 30")
    world.working = False
    results.want(world.database, ["S1"], world.clock.wall_us(), deep=False)
    world.run(10)
    assert world.database.rows("SELECT seq, done_us FROM mending") == [(30, None)]
    world.start()
    world.working = True
    world.run(60)
    assert world.newest().verdict in {"equal", "repaired"}
    same(world, world.shops["S1"])


def test_another_log_is_not_compared(make: Made) -> None:
    world = make()
    world.shops["S1"].log = Log("L7", key=OTHER_KEY).open().receive_many(3)
    found = world.check()
    assert found.verdict == "not_compared"


def test_every_store_has_its_hour_and_a_few_are_checked_at_once(make: Made) -> None:
    world = make(*(plain(f"S{number}", 3) for number in range(7)))
    world.run(1)
    assert len([shop for shop in world.shops.values() if shop.asked]) == 4
    world.run(60)  # never checked: at once
    assert {row.store for row in results.checks(world.database).rows} == world.shops.keys()
    world.run(3600)
    assert len(results.checks(world.database).rows) == 7
    world.clock.s += 86_400
    world.run(120)
    assert len(results.checks(world.database).rows) == 14
    assert len(results.checks(world.database, newest=True).rows) == 7


def test_hours_are_spread_and_lie_in_the_window() -> None:
    now_us = 1_795_700_000_000_000
    slots = {Times(2 * 3600, 3600, UTC).slot_us(f"S{number}", now_us) for number in range(300)}
    moments = [datetime.fromtimestamp(slot / 1e6, UTC) for slot in slots]
    assert len(slots) > 250
    assert {one.hour for one in moments} == {2}
    assert all(0 <= now_us - slot < 86_400_000_000 for slot in slots)


def test_a_new_desk_does_not_check_every_store_at_once(make: Made) -> None:
    world = make(*(plain(f"S{number}") for number in range(12)))
    world.start(first_s=3600)
    checked: list[int] = []
    for _ in range(12):
        world.run(300)
        checked.append(len(results.last_each(world.database)))
    assert checked[0] < 6
    assert checked == sorted(checked)
    assert checked[-1] == 12


STATED = [["COLA", "shelf", None, "sellable", 20]]


def says(world: World, **members: Any) -> None:
    """The store of `world` tells of itself."""
    log = world.shops["S1"].log
    said = {"state": "online", "boot": "b", "log": log.name, "head": log.head, "version": "1", **members}
    world._heard(world.service.receive([Message(f"{PREFIX}/S1/state", orjson.dumps(said))]))


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("taken", [0, 30])
def test_a_store_that_has_pruned_is_equal_and_its_log_whole(make: Made, deep: bool, taken: int) -> None:
    log = plain()
    stated = [[*key[:2], None, key[3], quantity] for key, quantity in Shop(log).stock().items()]
    first = log.head + 1
    log.open(stated).receive_many(20)
    shop = Shop(log)
    shop.first = first
    world = make(log.fork(taken))
    world.shops["S1"] = shop
    says(world, first=first)
    world.deliver("S1", first)
    found = world.check(deep=deep)
    assert (found.verdict, found.reason, found.as_of) == ("equal", None, log.head)
    assert found.events == (log.head - first + 1 + taken) * (1 + deep)  # a deep one looks again once tables are made
    asked = [one["seq_from"] for one in shop.asked if one["of"] == "events"]
    assert asked
    assert min(asked) >= first
    harm(world.database, "UPDATE event SET body = ? WHERE seq = ?", (b"{}", first + 2))
    assert world.check(deep=True).verdict == "repaired"
    own.check(world.storage, "S1", deep=True)


def test_what_an_exchanged_key_has_signed_is_whole(make: Made) -> None:
    log = Log().open(STATED).receive_many(3)
    log.checkpoint()
    log.rotate()
    log.receive_many(3).open(STATED).checkpoint()
    world = make(log)
    found = world.check(deep=True)
    assert (found.verdict, found.reason, found.done) == ("equal", None, ["tables_made_again"])


def test_a_store_that_does_not_say_what_a_damaged_event_was_is_looked_at(make: Made) -> None:
    """The event is pruned there: the answer tells of fewer events, or is refused."""
    world = make()
    shop = world.shops["S1"]
    shop.mute = True
    harm(world.database, "UPDATE event SET body = ? WHERE seq = 20", (b"{}",))
    found = world.check(deep=True)
    assert (found.verdict, found.damaged) == ("different", 20)
    assert "no longer has it" in str(found.reason)
