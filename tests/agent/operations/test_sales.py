"""Sales and returns of the point of sale over a real ledger: each transaction once, nothing refused that is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.operations import departures, passages, rings
from agent.operations.books import MemoryBooks
from agent.operations.passages import Passed, PassedTag
from agent.operations.sales import Tills
from agent.operations.transactions import Taken, Transaction, read
from agent.operations.values import Context
from tests.agent.operations.shop import NOON, NOON_US, NOW, Shop

SOLD = ("salesfloor", "", "sellable")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    opened = Shop(tmp_path)
    yield opened
    opened.close()


def test_a_sale_takes_from_the_zone_of_its_till(shop: Shop) -> None:
    shop.gets("MILK", 30)
    assert shop.sells("T1", {"code": "8801", "quantity": 2, "price_minor": 2980}, {"code": "CASE"}).status == "taken"
    [event] = shop.events("movement", "sold")
    assert event["source"] == {"device": "till-1"}
    assert event["data"]["transaction"] == "T1"
    assert [(line["from"], line["to"], line["quantity"]) for line in event["data"]["lines"]] == [
        ("salesfloor", "customer", 2),
        ("salesfloor", "customer", 12),
    ]
    assert event["data"]["lines"][0]["code"] == {
        "text": "8801",
        "gtin": "00000000008801",
        "units": 1,
        "revision": 3,
        "price_minor": 2980,
    }
    assert shop.stock("MILK") == {SOLD: 16}


def test_the_same_transaction_is_taken_once_also_over_a_restart(shop: Shop) -> None:
    shop.gets("MILK", 10)
    line = {"sku": "MILK", "quantity": 3}
    assert shop.sells("T1", line) == Taken("T1", "taken")
    assert shop.sells("T1", line) == Taken("T1", "known")
    shop.close()
    shop.open()
    assert shop.sells("T1", line).status == "known"
    assert shop.stock("MILK") == {SOLD: 7}


def test_the_same_id_with_other_content_is_refused_and_the_rest_goes_on(shop: Shop) -> None:
    shop.gets("MILK", 10)
    shop.sells("T1", {"sku": "MILK"})
    other = shop.sells("T1", {"sku": "MILK", "quantity": 2})
    assert (other.status, other.reason) == ("conflict", "other_content")
    assert other.hint
    assert shop.sells("T2", {"sku": "MILK"}).status == "taken"
    assert shop.stock("MILK") == {SOLD: 8}


def test_what_nobody_knows_waits_in_the_tray_and_the_rest_is_booked(shop: Shop) -> None:
    shop.gets("MILK", 10)
    assert shop.sells("T1", {"code": "??", "quantity": 3, "price_minor": 700}, {"sku": "MILK"}) == Taken(
        "T1", "taken", tray=1
    )
    [event] = shop.events("exception", "unknown_sale")
    data = event["data"]
    assert (data["reason"], data["zone"], data["quantity"], data["transaction"]) == (
        "unknown_item",
        "salesfloor",
        3,
        "T1",
    )
    assert data["code"] == {"text": "??", "price_minor": 700}
    assert shop.stock("MILK") == {SOLD: 9}
    assert shop.tray() == [event["seq"]]


def test_a_transaction_of_unknown_items_alone_is_taken_once_too(shop: Shop) -> None:
    assert shop.sells("T1", {"code": "??"}).tray == 1
    assert shop.sells("T1", {"code": "??"}).status == "known"
    assert len(shop.events("exception")) == 1


def test_what_is_not_there_is_sold_below_zero_and_reported(shop: Shop) -> None:
    shop.gets("MILK", 1)
    shop.sells("T1", {"sku": "MILK"}, {"sku": "MILK", "return": True}, {"sku": "MILK", "quantity": 2})
    [low] = shop.events("exception", "negative_stock")
    sold = shop.events("movement", "sold")[0]
    assert (low["data"]["quantity"], low["data"]["concerns"]) == (-2, {"seq": sold["seq"]})
    assert shop.stock("MILK") == {SOLD: -1}


def test_a_return_comes_back_as_its_reason_says(shop: Shop) -> None:
    shop.sells("T1", {"sku": "MILK", "return": True, "reason": "DAMAGED"}, {"sku": "MILK", "return": True, "lot": "L1"})
    assert shop.stock("MILK") == {("salesfloor", "", "damaged"): 1, ("salesfloor", "L1", "sellable"): 1}
    kinds = [(one["data"]["kind"], one["data"].get("reason")) for one in shop.events("movement")]
    assert kinds == [("returned", "DAMAGED"), ("returned", None)]


def test_the_lot_that_expires_first_goes_first(shop: Shop) -> None:
    shop.gets("MILK", 2, lot="A", expiry="2027-03-01")
    shop.gets("MILK", 2, lot="B", expiry="2026-12-01")
    shop.gets("MILK", 1, lot="C")
    shop.sells("T1", {"sku": "MILK", "quantity": 3}, {"sku": "MILK", "quantity": 1}, {"sku": "MILK", "quantity": 2})
    lines = shop.events("movement", "sold")[0]["data"]["lines"]
    taken = [(line.get("lot"), line["quantity"]) for line in lines]
    assert taken == [("B", 2), ("A", 1), ("A", 1), ("C", 1), (None, 1)]


def test_a_lot_that_is_said_is_taken(shop: Shop) -> None:
    shop.gets("MILK", 2, lot="A")
    shop.sells("T1", {"sku": "MILK", "lot": "B"})
    assert shop.stock("MILK") == {("salesfloor", "A", "sellable"): 2, ("salesfloor", "B", "sellable"): -1}


def test_times_that_cannot_be_are_refused_and_write_nothing(shop: Shop) -> None:
    shop.gets("MILK", 5)
    old, coming = "2026-08-01T12:00:00+09:00", "2026-11-28T12:00:00+09:00"
    assert shop.sells("T1", {"sku": "MILK"}, at=old).reason == "too_old"
    assert shop.sells("T1", {"sku": "MILK"}, at=coming).reason == "in_future"
    assert shop.sells("T1", {"sku": "MILK"}, till="till-9").reason == "unknown_till"
    assert shop.stock("MILK") == {SOLD: 5}
    shop.now = Context(NOON_US, "suspect", "session")
    assert shop.sells("T1", {"sku": "MILK"}, at=coming).status == "taken"
    assert shop.events("movement", "sold")[0]["clock"] == "suspect"


def test_a_late_sale_stands_at_its_own_time(shop: Shop) -> None:
    shop.gets("MILK", 5)
    shop.sells("T1", {"sku": "MILK"}, at="2026-11-26T09:30:00+09:00")
    assert shop.events("movement", "sold")[0]["occurred_at"] == "2026-11-26T09:30:00.000+09:00"


def test_a_till_that_is_not_named_sells_from_the_zone_for_all(shop: Shop) -> None:
    shop.tills = Tills({"till-1": "salesfloor"}, "kiosk")
    shop.sells("T1", {"sku": "MILK"}, till="till-9")
    assert shop.stock("MILK") == {("kiosk", "", "sellable"): -1}


# -- identities --------------------------------------------------------------------------------------------------------


def epc(number: int) -> str:
    return f"{number:024X}"


def leaves(shop: Shop, *numbers: int, sku: str = "SHIRT", context: Context = NOW) -> None:
    tags = tuple(PassedTag(epc(one), "08801234567893", str(one), sku, 7) for one in numbers)
    passed = Passed("exit", "gate", "salesfloor", "customer", "alarm", tags, context)
    shop.ledger.call(lambda tx: shop.append(tx, passages.decide(tx, passed)))


def test_an_identity_is_sold_from_where_it_is_and_only_once(shop: Shop) -> None:
    shop.gets("SHIRT", 2, zone="backroom", epcs=[epc(1), epc(2)])
    line = {"sku": "SHIRT", "epc": epc(1)}
    assert shop.sells("T1", line, line).tray == 1
    assert shop.sells("T2", line).tray == 1
    assert [one["data"]["reason"] for one in shop.events("exception")] == ["already_sold", "already_sold"]
    assert shop.stock("SHIRT") == {("backroom", "", "sellable"): 1}
    assert shop.sells("T3", {**line, "return": True}).tray == 0
    assert shop.sells("T4", {**line, "return": True}).tray == 1
    assert shop.stock("SHIRT") == {("backroom", "", "sellable"): 1, SOLD: 1}


def test_a_sale_by_barcode_lets_a_tag_leave_without_alarm_and_one_only(shop: Shop) -> None:
    shop.gets("SHIRT", 3, epcs=[epc(one) for one in (1, 2, 3)])
    shop.sells("T1", {"sku": "SHIRT"})
    leaves(shop, 1, 2)
    [alarm] = shop.events("exception", "unexpected_exit")
    assert alarm["data"]["epcs"] == [epc(2)]
    assert shop.stock("SHIRT") == {SOLD: 2}
    assert shop.ledger.call(lambda tx: tx.tag(epc(1))).place == "customer"
    leaves(shop, 1)
    assert len(shop.events("exception", "unexpected_exit")) == 1


def test_a_tag_that_nobody_knew_leaves_after_its_sale_too(shop: Shop) -> None:
    shop.gets("SHIRT", 1)
    shop.sells("T1", {"sku": "SHIRT"})
    leaves(shop, 5)
    assert shop.events("exception") == []
    leaves(shop, 6)
    assert [one["data"]["kind"] for one in shop.events("exception")] == ["unexpected_tag"]


def test_who_was_sold_to_leaves_within_hours(shop: Shop) -> None:
    shop.gets("SHIRT", 2, epcs=[epc(1), epc(2)])
    shop.sells("T1", {"sku": "SHIRT", "quantity": 2})
    late = Context(NOON_US + departures.LAPSE_US + 1_000, "suspect", "session")
    leaves(shop, 1, context=late)
    assert shop.events("exception", "unexpected_exit") == []
    leaves(shop, 2, context=Context(late.occurred_us, "synced", "session"))
    assert len(shop.events("exception", "unexpected_exit")) == 1


def test_goods_without_serial_numbers_and_sales_by_tag_leave_nothing_pending(shop: Shop) -> None:
    shop.gets("SHIRT", 2, epcs=[epc(1), epc(2)])
    shop.sells("T1", {"sku": "SHIRT", "epc": epc(1)}, {"sku": "MILK"})
    assert shop.reader.book(departures.BOOK) == []
    shop.sells("T2", {"sku": "SHIRT"})
    assert [key for key, _ in shop.reader.book(departures.BOOK)] == ["SHIRT"]


# -- what bounds it ----------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 20), max_size=60), st.integers(1, 8))
def test_a_ring_remembers_the_newest_so_many(keys: list[int], limit: int) -> None:
    books, newest = MemoryBooks(), list[str]()
    for key in map(str, keys):
        if books.get("book", key) is None:
            rings.remember(books, "book", key, {"n": 1}, limit)
            newest = [*newest, key][-limit:]
        assert sorted(newest) == [one for one, _ in books.under("book")]
    assert sum(1 for _ in books.under("book_order")) <= limit + 1


def test_sales_of_one_item_that_wait_for_their_tags_are_bounded(shop: Shop) -> None:
    for number in range(departures.WAITING_MAX + 5):
        shop.sells(f"T{number}", {"sku": "SHIRT"})
    [(_, record)] = shop.reader.book(departures.BOOK)
    assert len(record["waiting"]) == departures.WAITING_MAX


@given(
    st.dictionaries(st.text(max_size=12), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.none()))
)
def test_what_is_no_transaction_is_refused_with_a_reason(raw: dict[str, Any]) -> None:
    found = read(raw)
    assert isinstance(found, Taken)
    assert (found.status, found.reason) == ("refused", "malformed")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ({}, "one of code, gtin, sku"),
        ({"sku": "MILK", "code": "1"}, "one of code, gtin, sku"),
        ({"sku": "MILK", "quantity": 0}, "lines.0.quantity"),
        ({"sku": "MILK", "epc": "00", "quantity": 2}, "one package"),
        ({"sku": "MILK", "reason": "FAULTY"}, "came back"),
        ({"sku": "MILK", "discount": 1}, "lines.0.discount"),
    ],
)
def test_a_line_that_cannot_be_is_named(line: dict[str, Any], why: str) -> None:
    raw = {"transaction": "T1", "till": "till-1", "occurred_at": NOON, "lines": [line]}
    found = read(raw)
    assert isinstance(found, Taken)
    assert found.transaction == "T1"
    assert found.hint is not None
    assert why in found.hint


def test_content_is_what_is_said_and_not_how(shop: Shop) -> None:
    raw = {"transaction": "T1", "till": "till-1", "occurred_at": NOON, "lines": [{"sku": "MILK"}]}
    spoken = {**raw, "lines": [{"quantity": 1, "sku": "MILK", "return": False, "lot": None}]}
    one, other = read(raw), read(spoken)
    assert isinstance(one, Transaction)
    assert isinstance(other, Transaction)
    assert one.content() == other.content()
