"""A door with real engine, ledger and catalogue: goods that pass become movements, once, in order, whatever fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.capture.portals import TICK_S, WAITING_MAX, Portal, PortalDesk
from agent.catalogue.errors import CatalogueUnavailable
from agent.errors import LedgerBusy
from drivers.reads import TagRead
from identity.epc import encode
from tests.agent.test_stations import Shop

ZONE_OF = {1: "backroom", 2: "backroom", 3: "salesfloor", 4: "salesfloor"}
DOOR = Portal("door", "gate", ("backroom", "salesfloor"), ZONE_OF, "record", 10.0, 5.0)
YARD = Portal("yard", "yard-gate", ("supplier", "backroom"), {1: "supplier", 2: "backroom"}, "record", 10.0, 5.0)
COLA, CASE = "08801234567893", "18801234567890"


def epc(serial: int, gtin: str = COLA) -> bytes:
    return encode("sgtin-96", {"01": gtin, "21": str(serial)}, company_prefix_digits=7, filter_value=1)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    opened = Shop(tmp_path, portals=(DOOR, YARD))
    yield opened
    opened.close()


def walk(shop: Shop, codes: list[bytes], portal: Portal = DOOR, *, back: bool = False, jump_s: float = 0.0) -> None:
    """A cart at 1 m/s: read by its own side's antennas as it comes near, by the other's as it goes away.

    `jump_s`: the wall clock jumps in the middle.
    """
    sides = [[antenna for antenna, zone in portal.zone_of.items() if zone == side] for side in portal.zones]
    if back:
        sides.reverse()
    for step in range(-30, 31):
        shop.clock.advance(0.1)
        if step == 0:
            shop.clock.wall_us += int(jump_s * 1e6)
        near = abs(step) / 10
        for number, code in enumerate(codes):
            if (step + number) % 3 == 0:
                antennas = sides[step >= 0]
                now = shop.clock.now()
                rssi_cdbm = int(-4000 - 800 * near)
                read = TagRead(portal.device, code, antennas[number % len(antennas)], rssi_cdbm, now, now.wall_us, 0)
                shop.handle(read)
    settle(shop, 12.0)


def settle(shop: Shop, seconds: float) -> None:
    for _ in range(int(seconds / TICK_S)):
        shop.clock.advance(TICK_S)
        shop.portals.tick()
        drain(shop)


def drain(shop: Shop) -> None:
    """What the event loop would run now; a barrier through the writer makes it complete."""
    shop.ledger.call(lambda _tx: None)
    while not shop.loop.empty():
        shop.loop.get()()
        shop.ledger.call(lambda _tx: None)


def movements(shop: Shop) -> list[dict[str, Any]]:
    return [one["data"] for one in shop.reader.newest(500) if one["type"] == "movement"]


def stock(shop: Shop) -> dict[str, int]:
    return {row.zone: row.quantity for row in shop.reader.stock() if row.quantity}


def exceptions(shop: Shop) -> list[tuple[str, str]]:
    return [(one["data"]["kind"], one["data"]["reason"]) for one in shop.reader.newest(500, "exception")]


def test_a_cart_through_two_doors_is_two_movements(shop: Shop) -> None:
    codes = [epc(serial) for serial in range(1, 13)]
    walk(shop, codes, YARD)
    assert stock(shop) == {"backroom": 12}
    shop.clock.advance(60)
    walk(shop, codes)
    assert stock(shop) == {"salesfloor": 12}
    assert [(one["kind"], one["portal"], len(one["lines"][0]["epcs"])) for one in movements(shop)] == [
        ("received", "yard", 12),
        ("moved", "door", 12),
    ]
    assert shop.reader.projections()["doubt"] == [], "what was in doubt for a moment has moved since"
    assert {kind for kind, _ in exceptions(shop)} <= {"uncertain_passage"}


def test_out_and_back_is_two_movements(shop: Shop) -> None:
    codes = [epc(serial) for serial in range(1, 7)]
    walk(shop, codes, YARD)
    shop.clock.advance(60)
    walk(shop, codes)
    shop.clock.advance(60)
    walk(shop, codes, back=True)
    assert stock(shop) == {"backroom": 6}
    assert len(movements(shop)) == 3


def test_a_wall_clock_that_jumps_moves_nothing_else(shop: Shop) -> None:
    walk(shop, [epc(serial) for serial in range(1, 9)], YARD, jump_s=-31_536_000.0)
    assert stock(shop) == {"backroom": 8}


def test_a_case_counts_its_units(shop: Shop) -> None:
    walk(shop, [epc(serial, CASE) for serial in range(1, 6)], YARD)
    assert stock(shop) == {"backroom": 5 * 24}


def test_tags_of_no_item_and_items_nobody_knows(shop: Shop) -> None:
    strangers = [bytes.fromhex(f"e28068940000400177900{number:03x}") for number in range(4)]
    walk(shop, [*strangers, *(epc(serial, "04012345123456") for serial in range(4))], YARD)
    assert movements(shop) == []
    assert set(exceptions(shop)) == {("unknown_tag", "unknown_item")}
    assert shop.portals.counts.foreign_passages == 4


def test_one_tag_at_two_doors_at_once_is_told(shop: Shop) -> None:
    codes = [epc(serial) for serial in range(1, 7)]
    walk(shop, codes, YARD)
    shop.portals._lately = {code: (name, t_s + 15.0) for code, (name, t_s) in shop.portals._lately.items()}
    walk(shop, codes)
    assert ("duplicate_tag", "two_places_at_once") in exceptions(shop)


def refusing(shop: Shop, error: Exception) -> Callable[[], None]:
    """The ledger refuses until the call."""
    real = shop.portals._log

    class Full:
        def submit(self, *_: object) -> None:
            raise error

    shop.portals._log = Full()
    return lambda: setattr(shop.portals, "_log", real)


def test_what_the_ledger_cannot_take_waits_and_is_written_once_in_order(shop: Shop) -> None:
    codes = [epc(serial) for serial in range(1, 7)]
    mend = refusing(shop, LedgerBusy("full", hint="wait"))
    walk(shop, codes, YARD)
    shop.clock.advance(60)
    walk(shop, codes)
    assert movements(shop) == []
    assert shop.portals.counts.passages_waiting >= 2
    mend()
    settle(shop, 3.0)
    assert [one["kind"] for one in movements(shop)] == ["received", "moved"]
    assert shop.portals.counts.passages_waiting == 0


def test_a_catalogue_that_is_away_delays_and_loses_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_gtin: str) -> None:
        raise CatalogueUnavailable("away", hint="wait")

    with monkeypatch.context() as patch:
        patch.setattr(shop.catalogue, "by_code", away)
        walk(shop, [epc(serial) for serial in range(1, 7)], YARD)
        assert movements(shop) == []
    settle(shop, 2.0)
    assert stock(shop) == {"backroom": 6}


def test_what_waits_is_limited_and_what_is_lost_is_counted(shop: Shop) -> None:
    refusing(shop, LedgerBusy("full", hint="wait"))
    for _ in range(WAITING_MAX + 3):
        shop.portals._queue_drafts([])
    assert len(shop.portals._waiting) == WAITING_MAX
    assert shop.portals.counts.passages_lost == 3


def test_a_silent_antenna_is_a_condition_of_its_reader(shop: Shop) -> None:
    desk: PortalDesk = shop.portals
    desk._silent(DOOR, 3, silent=True)
    desk._silent(DOOR, 3, silent=False)
    assert [(one.device, one.code, one.subject, one.active) for one in shop.notices] == [
        ("gate", "antenna_silent", "3", True),
        ("gate", "antenna_silent", "3", False),
    ]


def test_reads_of_other_readers_are_left_alone(shop: Shop) -> None:
    now = shop.clock.now()
    shop.handle(TagRead("dock-scanner", epc(1), 1, -4000, now, now.wall_us, now.wall_us))
    assert shop.portals.counts.portal_reads == 0
