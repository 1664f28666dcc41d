"""Reservations over a real ledger: what is available, what a pick does, when it lapses, who hears of a rejection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.operations import reservations
from agent.operations.reservations import Orders
from agent.operations.values import Context, Outcome
from contract.times import Stamper
from tests.agent.operations.shop import HOUR_US, NOON_US, SEOUL, Shop

CLERK = {"clerk": "c1"}
UNTIL = "2026-11-26T18:00:00+09:00"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    opened = Shop(tmp_path)
    yield opened
    opened.close()


def picks(shop: Shop, name: str, quantity: int = 1, zone: str = "salesfloor") -> Outcome:
    return shop.do(lambda state, context: reservations.pick(state, name, quantity, zone, shop.orders, CLERK, context))


def rejects(shop: Shop, name: str, quantity: int | None = None) -> Outcome:
    return shop.do(lambda state, context: reservations.reject(state, name, "not_in_stock", quantity, CLERK, context))


def releases(shop: Shop, name: str) -> Outcome:
    return shop.do(lambda state, context: reservations.release(state, name, shop.orders, context))


def expires(shop: Shop, hours: float, clock: str = "synced") -> int:
    context = Context(NOON_US + int(hours * HOUR_US), clock, "session")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return len(shop.do(reservations.expire, context).drafts)


def test_what_is_reserved_is_not_available(shop: Shop) -> None:
    shop.gets("MILK", 10)
    shop.gets("MILK", 5, disposition="damaged")
    assert shop.reserves("R1", "MILK", 4, order="O1").result == {"available": 6}
    assert shop.reserves("R2", "MILK", 7) == Outcome(refused="not_available", detail="6 of MILK are available")
    assert shop.reserves("R2", "MILK", 6).result == {"available": 0}
    assert shop.available("MILK") == 0


def test_the_safety_buffer_is_for_nobody(shop: Shop) -> None:
    shop.orders = Orders(safety_buffer=2)
    shop.gets("MILK", 5)
    assert shop.reserves("R1", "MILK", 4).refused == "not_available"
    assert shop.reserves("R1", "MILK", 3).refused is None


def test_the_same_reservation_again_has_no_second_effect(shop: Shop) -> None:
    shop.gets("MILK", 10)
    shop.reserves("R1", "MILK", 4)
    assert shop.reserves("R1", "MILK", 4).result == {"available": 6}
    assert shop.reserves("R1", "MILK", 5).refused == "reservation_exists"
    assert len(shop.events("journal", "reservation_made")) == 1


def test_a_time_that_has_passed_reserves_nothing(shop: Shop) -> None:
    shop.gets("MILK", 10)
    assert shop.reserves("R1", "MILK", 1, until="2026-11-26T11:00:00+09:00").refused == "bad_time"
    assert shop.reserves("R1", "MILK", 1, until="tomorrow").refused == "bad_time"
    assert shop.available("MILK") == 10


def test_a_reservation_lapses_by_itself_and_never_by_a_suspect_clock(shop: Shop) -> None:
    shop.gets("MILK", 10)
    shop.reserves("R1", "MILK", 4, until=UNTIL)
    shop.reserves("R2", "MILK", 1)
    assert expires(shop, 5.9) == 0
    assert expires(shop, 7, "suspect") == 0
    assert expires(shop, 6) == 1
    assert expires(shop, 7) == 0
    [event] = shop.events("journal", "reservation_expired")
    assert (event["data"]["reservation"], event["data"]["quantity"]) == ("R1", 4)
    assert shop.available("MILK") == 9


def test_a_release_frees_what_is_left(shop: Shop) -> None:
    shop.gets("MILK", 10)
    shop.reserves("R1", "MILK", 4)
    shop.sells("T1", {"sku": "MILK", "quantity": 3, "reservation": "R1"})
    assert shop.available("MILK") == 6
    assert releases(shop, "R1").result == {"available": 7}
    assert releases(shop, "R1").refused == "unknown_reservation"
    assert shop.events("journal", "reservation_released")[0]["data"]["quantity"] == 1


def test_a_sale_for_a_reservation_uses_it_up(shop: Shop) -> None:
    shop.gets("MILK", 10)
    shop.reserves("R1", "MILK", 4)
    shop.sells("T1", {"sku": "MILK", "quantity": 4, "reservation": "R1"}, {"sku": "MILK"})
    assert shop.available("MILK") == 5
    assert shop.reader.book(reservations.BOOK) == []
    assert [one["data"].get("reservation") for one in shop.events("movement", "sold")] == ["R1", None]


def test_a_pick_goes_to_the_pickup_zone_and_is_sold_from_there(shop: Shop) -> None:
    shop.orders = Orders(pickup_zone="pickup")
    shop.gets("MILK", 10)
    shop.reserves("R1", "MILK", 4, order="O1")
    assert picks(shop, "R1", 4).refused is None
    assert shop.stock("MILK") == {("pickup", "", "sellable"): 4, ("salesfloor", "", "sellable"): 6}
    assert shop.available("MILK") == 6
    shop.sells("T1", {"sku": "MILK", "quantity": 4, "reservation": "R1"})
    assert shop.stock("MILK") == {("salesfloor", "", "sellable"): 6}
    assert shop.available("MILK") == 6
    [event] = shop.events("journal", "reservation_picked")
    assert (event["data"]["zone"], event["source"]) == ("pickup", CLERK)


def test_without_a_pickup_zone_a_pick_moves_nothing(shop: Shop) -> None:
    shop.gets("MILK", 10)
    shop.reserves("R1", "MILK", 4)
    picks(shop, "R1", 3)
    assert shop.stock("MILK") == {("salesfloor", "", "sellable"): 10}
    assert picks(shop, "R1", 2).refused == "more_than_reserved"
    assert picks(shop, "R1", 1).refused is None
    assert picks(shop, "R9").refused == "unknown_reservation"


def test_a_rejection_is_told_and_frees_what_was_not_found(shop: Shop) -> None:
    shop.gets("MILK", 10)
    shop.reserves("R1", "MILK", 4, order="O1")
    picks(shop, "R1", 1)
    assert rejects(shop, "R1", 4).refused == "more_than_reserved"
    assert rejects(shop, "R1").refused is None
    [event] = shop.events("journal", "pick_rejected")
    data = event["data"]
    assert (data["reason"], data["quantity"], data["order"]) == ("not_in_stock", 3, "O1")
    assert shop.available("MILK") == 9
    assert rejects(shop, "R1").refused == "more_than_reserved"


def test_open_reservations_are_bounded(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reservations, "RESERVATIONS_MAX", 3)
    shop.gets("MILK", 10)
    for number in range(3):
        assert shop.reserves(f"R{number}", "MILK", 1).refused is None
    assert shop.reserves("R9", "MILK", 1).refused == "too_many"


def test_a_reservation_touches_the_level(shop: Shop) -> None:
    shop.gets("MILK", 10)
    shop.reserves("R1", "MILK", 1)
    releases(shop, "R1")
    assert shop.touched == [{"MILK"}, {"MILK"}, {"MILK"}]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "sell", "sell for", "pick", "reject", "release", "expire"]),
        st.sampled_from(["R1", "R2", "R3"]),
        st.integers(1, 6),
    ),
    max_size=25,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_what_is_reserved_is_the_sum_of_what_is_open(
    steps: list[tuple[str, str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    shop = Shop(tmp_path_factory.mktemp("shop"))
    stamp = Stamper(SEOUL)
    try:
        shop.gets("MILK", 20)
        for at, (step, name, quantity) in enumerate(steps):
            match step:
                case "reserve":
                    shop.reserves(name, "MILK", quantity, until=stamp.text(NOON_US + quantity * HOUR_US))
                case "sell":
                    shop.sells(f"T{at}", {"sku": "MILK", "quantity": quantity})
                case "sell for":
                    shop.sells(f"T{at}", {"sku": "MILK", "quantity": quantity, "reservation": name})
                case "pick":
                    picks(shop, name, quantity)
                case "reject":
                    rejects(shop, name, quantity)
                case "release":
                    releases(shop, name)
                case _:
                    expires(shop, quantity)
            held = dict(shop.reader.book(reservations.BOOK))
            total = dict(shop.reader.book(reservations.RESERVED)).get("MILK", {"quantity": 0})["quantity"]
            assert total == sum(one["quantity"] for one in held.values())
            assert all(0 <= one["picked"] <= one["quantity"] and one["quantity"] >= 1 for one in held.values())
    finally:
        shop.close()
