"""What leaves, comes back, is moved and is corrected: documents, lots, identities, reasons, picks."""

from __future__ import annotations

from typing import Any

import pytest

from agent.operations import documents, reservations
from agent.operations.reservations import Orders, Wanted
from agent.operations.rules import Rules
from drivers.reads import Answer
from identity import Identity, Kind
from tests.agent.operations.memory import BEER, CASE, COLA, UNDO, Memory, movements, station
from tests.agent.operations.test_receiving import EPCS, SHIRT, SHIRT_GTIN, code

SHOP = station("shop", "ship", "backroom")
BACK = station("back", "return", "salesfloor")
DESK = station("desk", "adjust", "backroom")
MOVER = station("mover", "move")


@pytest.fixture
def store() -> Memory:
    held = Memory()
    held.scan(CASE)
    for text in (code("L2", "270201", BEER), code("L1", "270101", BEER)):
        held.scan(text)
    return held


def shirt(store: Memory, epc: str, at: Any = None) -> Any:
    found = Identity("x", Kind.TRADE_ITEM, gtin=SHIRT_GTIN, serial=str(EPCS.index(epc) + 1))
    return store.give(found, at, product=SHIRT, epc=epc, data=epc.encode())


def lots(store: Memory, zone: str) -> dict[str, int]:
    return {row.lot: row.quantity for row in store.stock_rows(zone=zone)}


# -- shipping ----------------------------------------------------------------------------------------------------------


def test_a_transfer_goes_out_by_its_document(store: Memory) -> None:
    store.expect("TRF-9", "transfer_out", "backroom", "transit:S2", {"sku": "COLA", "quantity": 2})
    assert store.order("DOC", "TRF-9", SHOP).text == "document_opened"
    decision = store.scan(COLA, SHOP)
    assert (decision.text, decision.facts["done"], decision.facts["expected"]) == ("shipped_of", 1, 2)
    data = movements(store.events)[-1]["data"]
    assert (data["kind"], data["lines"][0]["from"], data["lines"][0]["to"]) == ("transferred", "backroom", "transit:S2")
    store.scan(COLA, SHOP)
    assert store.scan(COLA, SHOP).text == "over_delivery"
    assert store.scan(BEER, SHOP).text == "unexpected_item"
    assert store.held()["COLA", "backroom"] == 22
    store.order("CLOSE", None, SHOP)
    assert store.order("CLOSE", None, SHOP).facts["short"] == 0
    assert store.sessions["shop"].mode == "ship"


def test_shipping_without_a_document_is_for_vendors_and_needs_a_reason(store: Memory) -> None:
    assert store.scan(COLA, SHOP).text == "no_document"
    store.order("REASON", "LOST", SHOP)
    assert store.scan(COLA, SHOP).text == "no_document"
    store.order("REASON", "FAULTY", SHOP)
    assert store.scan(COLA, SHOP).text == "shipped"
    data = movements(store.events)[-1]["data"]
    assert (data["kind"], data["reason"], data["lines"][0]["to"]) == ("returned", "FAULTY", "supplier")


def test_an_identity_leaves_once_and_from_where_it_is(store: Memory) -> None:
    shirt(store, EPCS[0])
    store.order("REASON", "FAULTY", SHOP)
    store.order("ZONE", "SALESFLOOR", SHOP)
    assert shirt(store, EPCS[0], SHOP).text == "shipped"
    assert movements(store.events)[-1]["data"]["lines"][0]["from"] == "backroom"
    assert shirt(store, EPCS[0], SHOP).text == "already_gone"
    store.scan(UNDO, SHOP)
    assert store.places.tags[EPCS[0]].place == "backroom"


def reserve(store: Memory, name: str, sku: str, quantity: int) -> None:
    wanted = Wanted(name, sku, quantity)
    store.do(lambda state, context: reservations.reserve(state, wanted, Orders(), context))


def test_a_pick_is_for_its_reservation_and_what_is_not_found_is_free_at_once(store: Memory) -> None:
    for name, sku in (("R1", "COLA"), ("R2", "BEER"), ("R3", "COLA")):
        reserve(store, name, sku, 2 if sku == "COLA" else 6)
    lines = [
        {"sku": "COLA", "quantity": 2, "reservation": "R1"},
        {"sku": "BEER", "quantity": 6, "reservation": "R2"},
        {"sku": "COLA", "quantity": 2, "reservation": "R3"},
    ]
    store.expect("PICK-1", "pick", "backroom", "customer", *lines)
    picker = station("shop", "ship", "backroom", rules=Rules(pickup_zone="Freezer"))
    store.order("DOC", "PICK-1", picker)
    assert [store.scan(COLA, picker).text for _ in range(3)] == ["picked"] * 3
    assert store.held()["COLA", "Freezer"] == 3
    assert documents.item(store, store.expected["PICK-1"], "COLA").done == 3
    store.order("DAMAGED", None, picker)
    decision = store.scan(BEER, picker)
    assert (decision.answer, decision.text) == (Answer.LOOK, "pick_rejected")
    assert store.order("CLOSE", None, picker).facts["short"] == 7
    store.order("OK", None, picker)
    rejected = [one["data"] for one in store.events if one["data"]["kind"] == "pick_rejected"]
    assert [(one["reservation"], one["reason"], one["quantity"]) for one in rejected] == [
        ("R2", "damaged", 6),
        ("R3", "not_in_stock", 1),
    ]
    assert reservations.reserved(store.books, "BEER") == 0


@pytest.mark.parametrize("pickup", ["Freezer", None])
def test_a_pick_is_taken_back_with_its_movement_and_never_what_was_done_before_it(
    store: Memory, pickup: str | None
) -> None:
    reserve(store, "R1", "COLA", 2)
    store.expect("PICK-1", "pick", "backroom", "customer", {"sku": "COLA", "quantity": 2, "reservation": "R1"})
    picker = station("shop", "ship", "backroom", rules=Rules(pickup_zone=pickup))
    store.order("REASON", "FAULTY", picker)
    store.scan(COLA, picker)
    store.order("DOC", "PICK-1", picker)
    store.scan(COLA, picker)
    assert store.scan(COLA, picker, resent=True).text == "possible_duplicate"
    before = store.held()
    assert store.scan(UNDO, picker).text == ("nothing_to_undo" if pickup is None else "reversed")
    held = store.books.get(reservations.BOOK, "R1")
    assert held is not None
    assert held["picked"] == (1 if pickup is None else 0)
    assert documents.item(store, store.expected["PICK-1"], "COLA").done == held["picked"]
    assert store.held()["COLA", "backroom"] == before["COLA", "backroom"] + (pickup is not None)
    assert store.order("SET", "1", picker).text == ("nothing_to_undo" if pickup is None else "set_to")


# -- moving and lots ---------------------------------------------------------------------------------------------------


def moving(store: Memory) -> None:
    store.order("ZONE", "BACKROOM", MOVER)
    store.order("ZONE", "SALESFLOOR", MOVER)


def test_where_no_lot_is_said_the_one_that_expires_first_moves(store: Memory) -> None:
    moving(store)
    decision = store.scan(BEER, MOVER)
    assert (decision.text, decision.facts["lot"]) == ("moved_lot", "L1")
    assert lots(store, "salesfloor") == {"L1": 6}
    store.order("X", "2", MOVER)
    assert store.scan(BEER, MOVER).answer is Answer.LOOK  # six of them nobody knows of
    assert lots(store, "salesfloor") == {"L1": 6, "L2": 6, "": 6}
    store.scan(UNDO, MOVER)
    assert lots(store, "salesfloor") == {"L1": 6}


def test_a_younger_lot_is_a_look_while_an_older_one_is_there(store: Memory) -> None:
    moving(store)
    decision = store.scan(code("L2", "270201", BEER), MOVER)
    assert (decision.answer, decision.text, decision.facts["lot"]) == (Answer.LOOK, "older_lot", "L1")
    assert lots(store, "salesfloor") == {"L2": 6}
    assert store.scan(code("L1", "270101", BEER), MOVER).text == "moved"


def test_an_identity_moves_once(store: Memory) -> None:
    shirt(store, EPCS[0])
    moving(store)
    assert shirt(store, EPCS[0], MOVER).text == "moved"
    assert shirt(store, EPCS[0], MOVER).text == "already_moved"
    assert store.held()["SHIRT", "salesfloor"] == 1


# -- returns -----------------------------------------------------------------------------------------------------------


def test_a_customers_return_needs_a_reason_and_damaged_goods_are_not_sellable(store: Memory) -> None:
    assert store.scan(COLA, BACK).text == "no_reason"
    assert store.order("REASON", "LOST", BACK).text == "wrong_reason"
    assert store.order("REASON", "UNWANTED", BACK).text == "reason_chosen"
    assert store.scan(COLA, BACK).text == "returned"
    store.order("DAMAGED", None, BACK)
    store.scan(COLA, BACK)
    store.scan(COLA, BACK)
    assert {row.disposition: row.quantity for row in store.stock_rows(zone="salesfloor")} == {
        "sellable": 2,
        "damaged": 1,
    }
    assert movements(store.events)[-1]["data"]["reason"] == "UNWANTED"


def test_what_is_in_the_store_cannot_come_back(store: Memory) -> None:
    shirt(store, EPCS[0])
    store.order("REASON", "UNWANTED", BACK)
    assert shirt(store, EPCS[0], BACK).text == "already_here"
    assert shirt(store, EPCS[1], BACK).text == "returned"


# -- adjusting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "origin", "target", "left"),
    [("FOUND", "unknown", "backroom", 25), ("LOST", "backroom", "unknown", 23), ("SCRAP", "backroom", "scrap", 23)],
)
def test_an_adjustment_goes_where_its_reason_says(
    store: Memory, reason: str, origin: str, target: str, left: int
) -> None:
    assert store.scan(COLA, DESK).text == "no_reason"
    store.order("REASON", reason, DESK)
    assert store.scan(COLA, DESK).text == "adjusted"
    data = movements(store.events)[-1]["data"]
    assert (data["kind"], data["reason"]) == ("adjusted", reason)
    assert (data["lines"][0]["from"], data["lines"][0]["to"]) == (origin, target)
    assert store.held()["COLA", "backroom"] == left


def test_damage_changes_the_disposition_and_damaged_goods_can_be_scrapped(store: Memory) -> None:
    store.order("REASON", "DAMAGED", DESK)
    store.scan(COLA, DESK)
    held = {row.disposition: row.quantity for row in store.stock_rows(sku="COLA")}
    assert held == {"sellable": 23, "damaged": 1}
    store.scan(UNDO, DESK)
    assert {row.disposition: row.quantity for row in store.stock_rows(sku="COLA")} == {"sellable": 24}
    store.scan(COLA, DESK)
    store.order("REASON", "SCRAP", DESK)
    store.order("DAMAGED", None, DESK)
    store.scan(COLA, DESK)
    assert {row.disposition: row.quantity for row in store.stock_rows(sku="COLA")} == {"sellable": 23}


def test_reasons_are_the_stores_own(store: Memory) -> None:
    assert store.order("REASON", "NOSUCH", DESK).text == "unknown_reason"
    assert store.order("REASON", "FAULTY", DESK).text == "wrong_reason"
    decision = store.order("REASON", "USED", DESK)
    assert decision.facts["reason"] == "매장 사용"
    assert store.order("MODE-ADJUST", None, DESK).text == "adjust_mode"
    assert store.scan(COLA, DESK).text == "no_reason"  # a mode begins without one
