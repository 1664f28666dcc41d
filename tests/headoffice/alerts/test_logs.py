"""What is said of stores' logs: events that are gone, openings that say otherwise, keys, damage, a disk that fills."""

from __future__ import annotations

import orjson
import pytest

from tests.headoffice.alerts.world import World
from tests.headoffice.logs import OTHER_KEY, Log

STOCK = [["COLA", "backroom", None, "sellable", 4]]


def health(world: World, **members: object) -> None:
    world.heard("S1")
    world.database.write("UPDATE store_state SET health = ? WHERE store = 'S1'", (orjson.dumps(members).decode(),))


def test_events_that_are_gone(world: World) -> None:
    log = Log().open().receive_many(9).open(STOCK).receive_many(3)
    world.start()
    world.take(log.fork(4))
    world.take(log, 11, oldest=11)
    world.run()
    found = world.one("events_skipped")
    assert (found.subject, found.facts["events"], found.facts["seq_from"], found.severity) == ("L1", 6, 5, "critical")
    assert "6 events of log L1 are gone (last 5 to 10)" in world.told()[0]["text"]["en"]
    world.run(60)
    assert world.one("events_skipped").times == 1


@pytest.mark.parametrize("known", [False, True])
def test_what_was_before_head_office_is_missed_only_where_it_had_something(world: World, known: bool) -> None:
    old = Log("L0").open()
    parent = old.end() if known else None
    log = Log().open(STOCK, parent).receive_many(4).open(STOCK, parent)
    world.start()
    if known:
        world.take(old)
    world.take(log, 6, oldest=6)
    world.run()
    assert [one.facts["events"] for one in world.alerts("events_skipped")] == [4] * known


def test_an_opening_that_says_otherwise(world: World) -> None:
    log = Log().open()
    log.receive("COLA", 5)
    world.start()
    world.take(log.open(STOCK))
    world.run()
    found = world.one("opening_differs")
    assert (found.facts["sku"], found.facts["stated"], found.facts["counted"]) == ("COLA", 4, 5)


def test_a_key_that_was_exchanged(world: World) -> None:
    log = Log().open()
    log.rotate(OTHER_KEY)
    world.start()
    world.take(log)
    world.run()
    found = world.one("key_changed")
    assert (found.severity, found.facts["seq"], len(str(found.facts["next"]))) == ("info", 2, 12)


def test_a_damaged_ledger_until_the_store_says_so_no_more(world: World) -> None:
    world.start()
    health(world, ledger_damage="event 7 was changed")
    world.run()
    assert world.one("ledger_damaged").facts["damage"] == "event 7 was changed"
    assert "jaego restore" in world.told()[0]["text"]["ko"]
    health(world)
    world.run()
    assert world.one("ledger_damaged").state == "closed"


def test_an_event_that_the_broker_does_not_take(world: World) -> None:
    world.start()
    health(world, stuck_event=7)
    world.run()
    assert world.one("event_stuck").facts["seq"] == 7
    assert "1 MB" in world.told()[0]["text"]["ko"]
    health(world)
    world.run()
    assert world.one("event_stuck").state == "closed"


def test_a_disk_that_fills(world: World) -> None:
    world.start()
    health(world, disk_free_bytes=900 * 2**20)
    world.run()
    assert world.one("disk_low").facts["free_mib"] == 900
    health(world, disk_free_bytes=5000 * 2**20)
    world.run(400)
    assert world.one("disk_low").state == "closed"


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"ledger_damage": 5, "disk_free_bytes": "x", "head": []}'])
def test_a_health_of_another_shape_says_nothing(world: World, text: str) -> None:
    world.start()
    world.heard("S1")
    world.database.write("UPDATE store_state SET health = ?", (text,))
    world.run()
    assert not world.alerts()
