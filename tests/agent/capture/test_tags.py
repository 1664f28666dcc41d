"""Tags at a desk with a real ledger: the union of a count, its rate, nearness, and windows without tags."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.capture.tags import FADE_S, TAGS_HELD_MAX, TagDesk
from agent.catalogue.errors import CatalogueError
from agent.errors import LedgerBusy
from contract.catalog import parse_item
from drivers.reads import Arrival, SensorWindow, TagRead
from identity.control import encode as order
from identity.epc import encode
from tests.agent.ledger.stated import same_again
from tests.agent.test_stations import COLA, Shop

COUNT = order("MODE-COUNT")


def epc(serial: int, gtin: str = "08801234567893") -> bytes:
    return encode("sgtin-96", {"01": gtin, "21": str(serial)}, company_prefix_digits=7, filter_value=1)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    opened = Shop(tmp_path)
    yield opened
    opened.close()


def see(shop: Shop, code: bytes, *, rssi_cdbm: int | None = -5000, device: str = "dock-scanner") -> None:
    now = shop.clock.now()
    shop.handle(TagRead(device, code, 2, rssi_cdbm, now, now.wall_us, now.wall_us))


def settle(shop: Shop) -> None:
    """What the event loop does when the group's time is over, and what the writer answers."""
    timers, shop.timers[:] = list(shop.timers), []
    for call in timers:
        call()
    if timers:
        shop.turn()


def seen(shop: Shop) -> list[list[str]]:
    return [one["data"]["epcs"] for one in shop.reader.newest(100) if one["data"]["kind"] == "tags_seen"]


def test_a_count_is_the_union_of_distinct_epcs_each_journaled_once(shop: Shop) -> None:
    shop.scan(COUNT)
    for _ in range(50):
        for serial in (1, 2, 3):
            see(shop, epc(serial))
    settle(shop)
    see(shop, epc(3))
    see(shop, epc(4))
    settle(shop)
    codes = [epc(serial).hex().upper() for serial in (1, 2, 3, 4)]
    assert seen(shop) == [codes[:3], codes[3:]]
    event = shop.reader.newest(1)[0]
    session = shop.reader.sessions()["dock"]
    assert event["source"] == {"device": "dock-scanner", "session": session.session, "station": "dock"}
    assert (event["data"]["session"], event["data"]["zone"]) == (session.session, "backroom")
    shown = shop.tags.shown("dock")
    assert shown is not None
    assert (shown.read, shown.waiting, shown.zone) == (4, 0, "backroom")


def test_shown_is_what_is_durable(shop: Shop) -> None:
    shop.scan(COUNT)
    see(shop, epc(1))
    before = shop.tags.shown("dock")
    assert before is not None
    assert (before.read, before.waiting) == (0, 1)
    settle(shop)
    after = shop.tags.shown("dock")
    assert after is not None
    assert (after.read, after.waiting) == (1, 0)


def test_tags_that_are_no_items_are_told_apart_and_not_journaled(shop: Shop) -> None:
    shop.scan(COUNT)
    for code in (bytes(12), bytes.fromhex("e2806894000040017790e471"), bytes.fromhex("e280689400004001")):
        see(shop, code)
    settle(shop)
    assert seen(shop) == []
    shown = shop.tags.shown("dock")
    assert shown is not None
    assert (shown.read, shown.foreign) == (0, 3)


def test_outside_a_count_nothing_is_written(shop: Shop) -> None:
    head = shop.reader.head()
    see(shop, epc(1))
    settle(shop)
    assert shop.reader.head() == head
    assert shop.tags.shown("dock") is None
    shop.scan(COUNT)
    see(shop, epc(1), device="shop-scanner")
    settle(shop)
    assert seen(shop) == []


def test_tags_that_come_after_the_mode_has_changed_are_refused(shop: Shop) -> None:
    shop.scan(COUNT)
    see(shop, epc(1))
    shop.handle(shop.read(order("MODE-RECEIVE")))
    shop.turn()  # the answer to the scan hands over what was pending
    shop.turn()
    assert seen(shop) == []
    assert shop.tags.shown("dock") is None


def test_a_restarted_agent_goes_on_with_the_union(shop: Shop) -> None:
    shop.scan(COUNT)
    see(shop, epc(1))
    settle(shop)
    again = TagDesk(
        stations=shop.desk.stations,
        device_stations={"dock-scanner": "dock"},
        items=shop.catalogue,
        log=shop.ledger,
        clock=shop.clock,
        post=shop.loop.put,
        after=lambda _seconds, call: shop.timers.append(call),
        counted=shop.reader.counted,
    )
    for station, session in shop.reader.sessions().items():
        again.session(station, session)
    now = shop.clock.now()
    for serial in (1, 2):
        again.handle(TagRead("dock-scanner", epc(serial), 1, None, now, now.wall_us, now.wall_us))
    settle(shop)
    assert seen(shop) == [[epc(1).hex().upper()], [epc(2).hex().upper()]]
    shown = again.shown("dock")
    assert shown is not None
    assert shown.read == 2


def test_zones_of_one_session_are_counted_apart_and_closing_forgets(shop: Shop) -> None:
    shop.scan(COUNT)
    see(shop, epc(1))
    settle(shop)
    shop.scan(order("ZONE", "salesfloor"))
    see(shop, epc(1))
    settle(shop)
    assert [one["data"]["zone"] for one in shop.reader.newest(9) if one["data"]["kind"] == "tags_seen"] == [
        "backroom",
        "salesfloor",
    ]
    assert len(shop.reader.projections()["counted"]) == 2
    shop.scan(order("LOGOUT"))
    assert shop.reader.projections()["counted"] == []
    same_again(shop.reader)


def test_a_barcode_in_a_count_is_journaled_and_moves_nothing(shop: Shop) -> None:
    entry = shop.scan(COUNT) and shop.scan(COLA)
    assert "콜라" in entry.text
    data = shop.reader.newest(1)[0]["data"]
    assert (data["kind"], data["sku"], data["quantity"], data["zone"]) == ("counted", "COLA", 1, "backroom")
    assert shop.reader.stock() == []


def test_the_rate_falls_and_stopping_is_suggested_only_when_tags_are_still_read(shop: Shop) -> None:
    shop.scan(COUNT)
    for serial in range(30):
        see(shop, epc(serial))
    settle(shop)
    first = shop.tags.shown("dock")
    assert first is not None
    assert (first.new_per_s, first.flat) == (3.0, False)
    shop.clock.advance(11)
    idle = shop.tags.shown("dock")
    assert idle is not None
    assert (idle.new_per_s, idle.flat) == (0.0, False), "nothing is read: the reader is away, not the count done"
    see(shop, epc(1))
    done = shop.tags.shown("dock")
    assert done is not None
    assert done.flat


def test_what_could_not_be_written_is_new_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.scan(COUNT)
    see(shop, epc(1))

    def full(*_: object) -> None:
        raise LedgerBusy("full", hint="wait")

    with monkeypatch.context() as patch:
        patch.setattr(shop.tags, "_log", type("Full", (), {"submit": staticmethod(full)})())
        for call in shop.timers:
            call()
        shop.timers.clear()
    assert shop.tags.not_written == 1
    see(shop, epc(1))
    settle(shop)
    assert seen(shop) == [[epc(1).hex().upper()]]


@pytest.mark.parametrize(("rssi_cdbm", "nearness"), [(-8000, 0), (-7500, 0), (-5250, 50), (-3000, 100), (-1000, 100)])
def test_nearness_of_a_tag_that_is_looked_for(shop: Shop, rssi_cdbm: int, nearness: int) -> None:
    see(shop, epc(7), rssi_cdbm=rssi_cdbm)
    [found] = shop.tags.find("COLA")
    assert (found.nearness, found.epc, found.antenna) == (nearness, epc(7).hex().upper(), 2)
    assert shop.tags.find(epc(7).hex()) == [found]
    assert shop.tags.find("TEA") == []


def test_a_tag_that_is_not_read_any_more_fades_and_the_nearest_comes_first(shop: Shop) -> None:
    see(shop, epc(1), rssi_cdbm=-6000)
    see(shop, epc(2), rssi_cdbm=-4000)
    assert [one.epc for one in shop.tags.find("COLA")] == [epc(2).hex().upper(), epc(1).hex().upper()]
    shop.clock.advance(FADE_S)
    near = shop.tags.find("COLA")[0].nearness
    shop.clock.advance(FADE_S)
    assert 0 < shop.tags.find("COLA")[0].nearness < near
    shop.clock.advance(2 * FADE_S)
    assert shop.tags.find("COLA")[0].nearness == 0


def test_a_package_level_of_the_item_is_found_too(shop: Shop) -> None:
    case = epc(5, "18801234567890")
    see(shop, case)
    assert [one.epc for one in shop.tags.find("COLA")] == [case.hex().upper()]
    shop.catalogue.upsert_many([parse_item({"sku": "TEA", "revision": 9, "name": {"en": "Tea"}})])
    assert shop.tags.find("TEA") == []


def test_tags_in_memory_are_limited_the_oldest_go(shop: Shop) -> None:
    for number in range(TAGS_HELD_MAX + 5):
        see(shop, number.to_bytes(12, "big"))
    assert len(shop.tags._held) == TAGS_HELD_MAX
    assert shop.tags.find((0).to_bytes(12, "big").hex()) == []


@pytest.mark.parametrize(("tag_reads", "written"), [(0, 1), (5, 0)])
def test_a_window_without_tags_is_something_for_a_person(shop: Shop, tag_reads: int, written: int) -> None:
    opened_us = shop.clock.wall_us - 3_000_000
    now: Arrival = shop.clock.now()
    shop.handle(SensorWindow("dock-scanner", 1, opened_us, opened_us + 2_500_000, tag_reads, False, now))
    shop.ledger.call(lambda _tx: None)
    found = shop.reader.newest(10, "exception")
    assert [one["data"]["kind"] for one in found] == ["unread_passage"] * written
    if found:
        assert found[0]["source"] == {"device": "dock-scanner", "station": "dock"}
        assert "2.5 s" in found[0]["data"]["detail"]


def overhead(shop: Shop) -> TagDesk:
    """A reader whose antenna 1 looks at the backroom and antenna 2 at the sales floor."""
    return TagDesk(
        stations=shop.desk.stations,
        device_stations={"overhead": "dock"},
        items=shop.catalogue,
        log=shop.ledger,
        clock=shop.clock,
        post=shop.loop.put,
        after=lambda _seconds, call: shop.timers.append(call),
        counted=shop.reader.counted,
        zones={("overhead", 1): "backroom", ("overhead", 2): "salesfloor"},
    )


def watch(shop: Shop, desk: TagDesk, code: bytes, strong: int, seconds: float) -> None:
    """Read by both antennas, by one of them 15 dB louder."""
    for _ in range(int(seconds * 4)):
        shop.clock.advance(0.25)
        now = shop.clock.now()
        for antenna in (1, 2):
            rssi_cdbm = -5000 if antenna == strong else -6500
            desk.handle(TagRead("overhead", code, antenna, rssi_cdbm, now, now.wall_us, now.wall_us))


def test_a_reader_without_a_door_tells_the_zone_that_a_tag_was_seen_in_last(shop: Shop) -> None:
    desk = overhead(shop)
    watch(shop, desk, epc(1), 1, 5)
    assert [one.zone for one in desk.find("COLA")] == ["backroom"]
    watch(shop, desk, epc(1), 2, 2)
    assert [one.zone for one in desk.find("COLA")] == ["backroom"], "not at once"
    watch(shop, desk, epc(1), 2, 30)
    assert [one.zone for one in desk.find("COLA")] == ["salesfloor"]
    shop.clock.advance(600)
    assert [one.zone for one in desk.find("COLA")] == [None]


def test_such_a_readers_tags_count_in_their_own_zone_only(shop: Shop) -> None:
    shop.scan(COUNT)
    desk = overhead(shop)
    for station, session in shop.reader.sessions().items():
        desk.session(station, session)
    watch(shop, desk, epc(1), 1, 5)
    watch(shop, desk, epc(2), 2, 5)
    settle(shop)
    assert seen(shop) == [[epc(1).hex().upper()]]


def counted(shop: Shop) -> int:
    """What the books of counts have of the item."""
    return sum(line.get("identified", 0) for _, line in shop.reader.book("count_line"))


def test_tags_count_for_their_items_and_go_on_after_a_review(shop: Shop) -> None:
    shop.scan(COUNT)
    see(shop, epc(1))
    see(shop, epc(2))
    settle(shop)
    event = shop.reader.newest(1)[0]["data"]
    assert [(one["sku"], one["quantity"], one["stock"]) for one in event["items"]] == [("COLA", 2, 0)]
    assert counted(shop) == 2
    assert shop.scan(order("CLOSE")).said == "count_submitted"
    see(shop, epc(3))
    settle(shop)
    assert counted(shop) == 2
    shop.scan(COLA)  # more was found: the count is open again, and so are tags that waited
    see(shop, epc(3))
    settle(shop)
    assert counted(shop) == 3


def test_a_recount_takes_tags_again_that_it_had_seen(shop: Shop) -> None:
    shop.scan(COLA)  # received: one is expected
    shop.scan(COUNT)
    see(shop, epc(1))
    see(shop, epc(2))
    settle(shop)
    assert counted(shop) == 2
    shop.scan(order("RECOUNT"))  # two are beyond tolerance
    assert counted(shop) == 0
    see(shop, epc(2))
    settle(shop)
    assert counted(shop) == 1
    shown = shop.tags.shown("dock")
    assert shown is not None
    assert shown.read == 1


class Damaged:
    """A catalogue that cannot be read."""

    def item(self, _sku: str) -> None:
        raise CatalogueError("damaged", hint="import it again")

    by_code = item


def test_tags_wait_for_a_catalogue_that_cannot_be_read(shop: Shop) -> None:
    shop.scan(COUNT)
    see(shop, epc(1))
    shop.tags._items = Damaged()
    shop.timers.pop()()
    assert seen(shop) == []
    shop.tags._items = shop.catalogue
    settle(shop)
    assert seen(shop) == [[epc(1).hex().upper()]]
    assert counted(shop) == 1
