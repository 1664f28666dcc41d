"""Receiving with documents: expected and done, over, short, damaged, lots, serial numbers, logistic units, approval."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent.operations import approving, documents, passages, resolving
from agent.operations.approving import Approve
from agent.operations.rules import Rules
from agent.operations.values import Clerk, Outcome, Product
from drivers.reads import Answer
from identity import Identity, Kind
from tests.agent.operations.memory import BEER, CASE, COLA, UNDO, Memory, movements, station

SHIRT = Product("SHIRT", 1, 1, "each", "셔츠", "Shirt", tracking="serial")
SHIRT_GTIN = "08801234500029"
EPCS = [f"30{number:022X}" for number in range(10)]
SSCC = "106141412345678908"
BOSS = Clerk("boss", "supervisor")


@pytest.fixture
def store() -> Memory:
    held = Memory()
    held.expect(
        "ASN-1",
        "receipt",
        "supplier",
        "backroom",
        {"sku": "COLA", "quantity": 48},
        {"sku": "BEER", "quantity": 12},
        tolerance_percent=25,
    )
    return held


def shirt(store: Memory, epc: str | None = None, at: Any = None) -> Any:
    serial = None if epc is None else str(EPCS.index(epc) + 1)
    found = Identity("x", Kind.TRADE_ITEM, gtin=SHIRT_GTIN, serial=serial)
    return store.give(found, at, product=SHIRT, epc=epc, data=f"{SHIRT_GTIN}/{serial}".encode())


def done(store: Memory, name: str = "ASN-1") -> dict[str, tuple[int, int, int]]:
    """By item: done, over, short."""
    return {one.sku: (one.done, one.over, one.short) for one in documents.standing(store, store.expected[name])}


def approve(store: Memory, seq: int, who: Clerk = BOSS, rules: Rules = Rules()) -> Outcome:  # noqa: B008  frozen
    return store.do(lambda state, context: approving.approve(state, Approve(seq, who, rules), context))


def passed(store: Memory, *epcs: str) -> None:
    tags = tuple(passages.PassedTag(epc, SHIRT_GTIN, "1", "SHIRT") for epc in epcs)
    group = passages.Passed("door", "portal-1", "supplier", "backroom", "record", tags, store.context())
    store.write(passages.decide(store, group))


# -- documents ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["asn-1", "ASN-1"])
def test_a_document_is_opened_once_and_sets_the_mode(store: Memory, name: str) -> None:
    dock = station(mode="lookup", zone="salesfloor")
    decision = store.order("DOC", name, dock)
    assert (decision.text, decision.facts["expected"], decision.facts["done"]) == ("document_opened", 60, 0)
    session = store.sessions["dock"]
    assert (session.mode, session.zone, session.document) == ("receive", "backroom", "ASN-1")
    store.order("DOC", name, station("other"))
    assert store.kinds().count("opened") == 1
    assert store.order("DOC", "ASN-9").text == "unknown_document"


def test_expected_and_received_are_separate_and_any_barcode_counts_on_its_line(store: Memory) -> None:
    store.order("DOC", "ASN-1")
    assert store.scan(CASE).facts["done"] == 24
    other = station("other")
    store.order("DOC", "ASN-1", other)
    decision = store.scan(COLA, other)
    assert (decision.text, decision.facts["done"], decision.facts["expected"]) == ("received_of", 25, 48)
    assert store.events[-1]["source"]["document"] == "ASN-1"
    assert done(store) == {"COLA": (25, 0, 23), "BEER": (0, 0, 12)}
    store.scan(UNDO, other)
    assert done(store)["COLA"] == (24, 0, 24)


def test_more_than_expected_is_a_look_within_the_tolerance_and_a_stop_beyond(store: Memory) -> None:
    store.order("DOC", "ASN-1")
    assert [store.scan(BEER).text for _ in range(3)] == ["received_of", "received_of", "over_delivery"]
    assert store.held() == {("BEER", "backroom"): 12}
    store.order("X", "60")
    decision = store.scan(COLA)
    assert (decision.answer, decision.text, decision.facts["done"]) == (Answer.LOOK, "over_within", 60)
    decision = store.scan(COLA)
    assert (decision.answer, decision.text) == (Answer.STOP, "over_delivery")
    assert store.events[-1]["data"]["held"]["lines"][0]["quantity"] == 1
    assert store.held() == {("BEER", "backroom"): 12, ("COLA", "backroom"): 60}


def test_a_supervisor_books_what_was_too_much_once(store: Memory) -> None:
    store.order("DOC", "ASN-1")
    store.order("X", "3")
    seq = store.scan(BEER).facts["seq"]
    assert store.events[seq - 1]["data"]["kind"] == "over_delivery"
    assert approve(store, seq, Clerk("kim", "clerk")).refused == "not_allowed"
    assert approve(store, seq).refused is None
    event = store.events[-1]
    assert (event["data"]["approved_by"], event["data"]["resolves"]["seq"]) == ("boss", seq)
    assert store.held() == {("BEER", "backroom"): 18}
    assert done(store)["BEER"] == (18, 6, 0)
    assert approve(store, seq).refused == "not_open"
    assert store.scan(UNDO).text == "nothing_to_undo"  # it is the supervisor's, not the session's


def test_nobody_approves_their_own_scan_where_another_must(store: Memory) -> None:
    store.people["B1"] = BOSS
    store.order("LOGIN", "B1")
    store.order("DOC", "ASN-1")
    store.order("X", "3")
    seq = store.scan(BEER).facts["seq"]
    assert approve(store, seq).refused == "needs_another"
    assert approve(store, seq, rules=Rules(approve_by_another=False)).refused is None


def test_an_item_that_is_not_on_the_document_stops_and_can_be_approved(store: Memory) -> None:
    store.order("DOC", "ASN-1")
    seq = shirt(store).facts["seq"]
    assert store.events[-1]["data"]["kind"] == "unexpected_item"
    assert not store.held()
    approve(store, seq)
    assert store.held() == {("SHIRT", "backroom"): 1}
    assert [one.line for one in documents.standing(store, store.expected["ASN-1"])] == [1, 2, None]


def test_damaged_goods_go_to_quarantine_with_a_reason_and_count_as_received(store: Memory) -> None:
    dock = station(rules=Rules(quarantine_zone="Freezer"))
    store.order("DOC", "ASN-1", dock)
    store.order("DAMAGED", None, dock)
    store.scan(BEER, dock)
    store.scan(BEER, dock)
    assert {key[1:]: units for key, units in store._stock.items()} == {
        ("Freezer", "", "quarantine"): 6,
        ("backroom", "", "sellable"): 6,
    }
    assert movements(store.events)[0]["data"]["reason"] == "DAMAGED"
    assert documents.item(store, store.expected["ASN-1"], "BEER")[1:3] == (12, 6)


def test_closing_asks_once_then_tells_every_line(store: Memory) -> None:
    store.order("DOC", "ASN-1")
    store.order("X", "50")
    store.scan(COLA)
    decision = store.order("CLOSE")
    assert (decision.answer, decision.text) == (Answer.LOOK, "close_document")
    assert [decision.facts[name] for name in ("over", "short", "damaged")] == [2, 12, 0]
    assert store.order("CLOSE").text == "document_closed"
    event = next(one for one in store.events if one["data"]["kind"] == "closed")
    assert event["data"]["lines"] == [
        {"line": 1, "sku": "COLA", "expected": 48, "done": 50, "over": 2},
        {"line": 2, "sku": "BEER", "expected": 12, "done": 0, "short": 12},
    ]
    session = store.sessions["dock"]
    assert (session.mode, session.document, session.pending) == ("receive", None, None)
    assert store.documents() == []
    assert [book for book, _, _ in store.books.rows() if book.startswith("document")] == [
        "document_closed",
        "document_closed_order",
        "document_closed_order",
    ]


def test_a_scan_or_cancel_takes_the_question_back_and_ok_confirms_it(store: Memory) -> None:
    store.order("DOC", "ASN-1")
    assert store.order("OK").text == "nothing_to_confirm"
    store.order("CLOSE")
    store.scan(COLA)
    assert store.order("CLOSE").text == "close_document"
    assert store.order("CANCEL").text == "cancelled"
    store.order("CLOSE")
    assert store.order("OK").text == "document_closed"


def test_a_resent_close_does_not_answer_its_own_question(store: Memory) -> None:
    store.order("DOC", "ASN-1")
    store.order("CLOSE")
    decision = store.scan("STK-CLOSE-U", resent=True)
    assert decision.text == "possible_duplicate"
    assert "closed" not in store.kinds()


def test_what_is_closed_short_stays_expected(store: Memory) -> None:
    store.order("DOC", "ASN-1")
    store.scan(BEER)
    assert store.order("CLOSE-SHORT").text == "document_closed_short"
    assert store.sessions["dock"].document is None
    store.order("DOC", "ASN-1")
    assert store.scan(BEER).facts["done"] == 12
    assert store.kinds().count("opened") == 1


def test_a_document_of_many_lines_is_closed_in_parts() -> None:
    store = Memory()
    lines = [{"sku": f"S{number}", "quantity": 1} for number in range(900)]
    store.expect("ASN-1", "receipt", "supplier", "backroom", *lines)
    store.order("DOC", "ASN-1")
    store.order("CLOSE")
    store.order("OK")
    parts = [one["data"] for one in store.events if one["data"]["kind"] == "closed"]
    assert [(one["part"], one["parts"], len(one["lines"])) for one in parts] == [(1, 3, 400), (2, 3, 400), (3, 3, 100)]


def test_nothing_of_a_closed_document_is_taken_back_or_added(store: Memory) -> None:
    other = station("other")
    store.order("DOC", "ASN-1", other)
    store.order("DOC", "ASN-1")
    store.scan(BEER)
    store.order("CLOSE", None, other)
    store.order("CLOSE", None, other)
    assert (store.scan(UNDO).answer, store.scan(UNDO).text) == (Answer.LOOK, "closed_already")
    assert store.scan(BEER).text == "document_closed_already"
    assert store.held() == {("BEER", "backroom"): 6}
    assert store.order("DOC", "ASN-1").text == "document_closed_already"
    store.order("MODE-RECEIVE")
    assert store.scan(BEER).text == "received"


def test_an_entry_that_is_settled_after_the_document_was_closed_leaves_it_closed(store: Memory) -> None:
    store.order("DOC", "ASN-1")
    store.scan("rubbish")
    seq = len(store.events)
    store.order("CLOSE")
    store.order("OK")
    late = resolving.Late(seq, "COLA", 1, way=resolving.Way("received", "supplier", "backroom", "ASN-1"))
    assert store.do(lambda state, context: resolving.book(state, late, {}, context)).refused is None
    assert store.held() == {("COLA", "backroom"): 1}
    assert not list(store.books.under(documents.LINES))


def test_what_head_office_takes_back_is_said_and_forgotten(store: Memory) -> None:
    store.order("DOC", "ASN-1")
    store.scan(BEER)
    document = store.expected.pop("ASN-1")
    store.write(documents.withdrawn(store, document, store.context()))
    assert store.events[-1]["data"]["kind"] == "withdrawn"
    assert not [book for book, _, _ in store.books.rows() if book.startswith("document")]
    assert store.scan(BEER).text == "unknown_document"
    assert documents.withdrawn(store, document, store.context()) == ()


def test_a_look_up_in_between_leaves_the_document(store: Memory) -> None:
    store.order("DOC", "ASN-1")
    store.order("MODE-LOOKUP")
    store.scan(COLA)
    assert "document" not in store.events[-1]["source"]
    store.order("MODE-RECEIVE")
    assert store.scan(COLA).text == "received_of"
    store.order("MODE-SHIP")
    assert store.sessions["dock"].document is None


# -- lots --------------------------------------------------------------------------------------------------------------


def code(lot: str, expiry: str, gtin: str = COLA) -> str:
    return f"01{gtin}17{expiry}10{lot}"


def test_an_expired_lot_stops_or_is_a_look_as_the_rules_say(store: Memory) -> None:  # today is 2025-09-07
    decision = store.scan(code("OLD", "250906"))
    assert (decision.answer, decision.text) == (Answer.STOP, "expired_lot")
    assert store.scan(code("NEW", "250907")).text == "received"
    lenient = station("lenient", rules=Rules(expired="look", short_dated_days=30))
    assert store.scan(code("OLD", "250906"), lenient).text == "expired"
    assert store.scan(code("SOON", "251006"), lenient).text == "short_dated"
    assert store.scan(code("LATE", "251008"), lenient).text == "received"
    assert {key.lot for key in store._stock} == {"NEW", "OLD", "SOON", "LATE"}
    assert store.books.get("lot", "COLA/SOON") == {"expiry": "2025-10-06"}
    assert store.scan(f"01{COLA}10OLD").text == "expired_lot"  # its last day is known by now


def test_a_clock_that_is_suspect_expires_nothing(store: Memory) -> None:
    store.clock = "suspect"
    assert store.scan(code("OLD", "250906")).text == "received"


def test_lot_and_last_day_of_the_notice_are_taken_where_the_code_has_none() -> None:
    store = Memory()
    lines = [{"sku": "COLA", "quantity": 2, "lot": lot, "expiry": "2027-01-01"} for lot in ("A", "B")]
    store.expect("ASN-1", "receipt", "supplier", "backroom", *lines)
    store.order("DOC", "ASN-1")
    for text in (COLA, COLA, f"01{COLA}10B", f"01{COLA}10B"):
        store.scan(text)
    assert {key.lot: units for key, units in store._stock.items()} == {"A": 2, "B": 2}
    assert done(store)["COLA"] == (2, 0, 0)


# -- serial numbers ----------------------------------------------------------------------------------------------------


@pytest.fixture
def shirts() -> Memory:
    store = Memory()
    store.expect("ASN-1", "receipt", "supplier", "backroom", {"sku": "SHIRT", "quantity": 4})
    store.order("DOC", "ASN-1")
    return store


def test_an_identity_counts_once(shirts: Memory) -> None:
    assert shirt(shirts, EPCS[0]).text == "received_of"
    decision = shirt(shirts, EPCS[0])
    assert (decision.answer, decision.text) == (Answer.LOOK, "already_here")
    assert shirts.held() == {("SHIRT", "backroom"): 1}
    shirts.order("X", "3")
    assert shirt(shirts, EPCS[1]).text == "one_identity"


def test_scanner_and_portal_tell_of_one_receipt(shirts: Memory) -> None:
    shirt(shirts, EPCS[0])
    passed(shirts, *EPCS[:3])
    assert shirts.held() == {("SHIRT", "backroom"): 3}
    assert shirt(shirts, EPCS[2]).text == "already_here"
    assert done(shirts)["SHIRT"] == (3, 0, 1)


def test_the_next_identity_fills_a_unit_that_was_scanned_without(shirts: Memory) -> None:
    shirt(shirts)
    shirt(shirts)
    passed(shirts, EPCS[0])
    assert shirt(shirts, EPCS[1]).text == "identified"
    assert shirts.held() == {("SHIRT", "backroom"): 2}
    assert shirts.untagged("SHIRT", "backroom") == 0
    passed(shirts, EPCS[2])
    assert shirts.held() == {("SHIRT", "backroom"): 3}


def test_a_barcode_of_what_the_portal_has_seen_is_no_further_unit(shirts: Memory) -> None:
    passed(shirts, *EPCS[:3])
    assert [shirt(shirts).text for _ in range(4)] == ["seen_by_portal"] * 3 + ["received_of"]
    assert shirts.held() == {("SHIRT", "backroom"): 4}
    assert shirt(shirts).text == "over_delivery"


def test_a_package_of_which_the_portal_saw_a_part_adds_the_rest(shirts: Memory) -> None:
    passed(shirts, *EPCS[:2])
    found = Identity("x", Kind.TRADE_ITEM, gtin=SHIRT_GTIN)
    decision = shirts.give(found, product=replace(SHIRT, units=4))
    assert (decision.answer, decision.facts["done"]) == (Answer.LOOK, 4)
    assert shirts.held() == {("SHIRT", "backroom"): 4}


# -- logistic units ----------------------------------------------------------------------------------------------------


def unit(store: Memory, at: Any = None) -> Any:
    return store.give(Identity("x", Kind.LOGISTIC_UNIT, sscc=SSCC), at, data=b"00" + SSCC.encode())


def test_a_logistic_unit_is_received_from_its_notice_once(store: Memory) -> None:
    lines = [
        {"sku": "COLA", "quantity": 24, "sscc": SSCC, "lot": "L1", "expiry": "2027-01-01"},
        {"sku": "SHIRT", "quantity": 2, "sscc": SSCC, "epcs": EPCS[:2]},
        {"sku": "COLA", "quantity": 24},
    ]
    store.expect("TRF-1", "transfer_in", "transit:S2", "backroom", *lines)
    decision = unit(store)
    assert (decision.text, decision.facts["quantity"]) == ("unit_received", 26)
    assert store.kinds() == ["session_opened", "opened", "transferred"]
    assert store.held() == {("COLA", "backroom"): 24, ("SHIRT", "backroom"): 2}
    assert shirt(store, EPCS[0]).text == "already_here"
    decision = unit(store)
    assert (decision.answer, decision.text) == (Answer.LOOK, "unit_already_here")
    store.scan(UNDO)
    assert store.held() == {}
    assert unit(store).text == "unit_received"


def test_of_a_unit_comes_what_is_not_here_yet(store: Memory) -> None:
    lines = [
        {"sku": "COLA", "quantity": 10, "sscc": SSCC},
        {"sku": "SHIRT", "quantity": 2, "sscc": SSCC, "epcs": EPCS[:2]},
    ]
    store.expect("ASN-2", "receipt", "supplier", "backroom", *lines)
    store.order("DOC", "ASN-2")
    store.scan(COLA)
    shirt(store, EPCS[0])
    unit(store)
    assert store.held() == {("COLA", "backroom"): 10, ("SHIRT", "backroom"): 2}


def test_a_unit_that_nobody_announced_goes_to_the_tray(store: Memory) -> None:
    decision = unit(store)
    assert (decision.answer, decision.text) == (Answer.STOP, "unknown_code")
    assert store.events[-1]["data"]["reason"] == "unknown_logistic_unit"
