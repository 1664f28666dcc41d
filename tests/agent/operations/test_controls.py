"""Control codes of a session: multipliers, another quantity, clerks, locks."""

from __future__ import annotations

import pytest

from agent.operations import sessions
from agent.operations.rules import Rules
from agent.operations.values import Clerk
from contract.documents import parse_document
from contract.events import EVENT
from drivers.reads import Answer
from identity.control import encode
from tests.agent.operations.memory import BEER, CASE, COLA, UNDO, Memory, movements, station
from tests.agent.operations.test_receiving import code

KIM, LEE = Clerk("c-1", "clerk", "Kim"), Clerk("c-2", "clerk")


@pytest.fixture
def store() -> Memory:
    held = Memory()
    held.people = {"B1": KIM, "B2": LEE}
    return held


# -- the next scan -----------------------------------------------------------------------------------------------------


def test_a_multiplier_is_of_the_next_scan_only(store: Memory) -> None:
    assert store.order("X", "12").text == "multiplied"
    store.now_us += 10_000_000
    assert store.scan(CASE).facts["quantity"] == 288
    assert store.scan(CASE).facts["quantity"] == 24


def test_a_multiplier_lapses_and_says_so(store: Memory) -> None:
    store.order("X", "12")
    store.now_us += 10_001_000
    decision = store.scan(COLA)
    assert (decision.answer, decision.text) == (Answer.LOOK, "multiplier_lapsed")
    assert store.held() == {("COLA", "backroom"): 1}


def test_a_scan_that_fails_uses_the_multiplier_up(store: Memory) -> None:
    store.order("X", "12")
    store.scan("rubbish")
    assert store.scan(COLA).facts["quantity"] == 1


def test_cancel_takes_back_what_was_said_of_the_next_scan(store: Memory) -> None:
    store.order("X", "12")
    store.order("DAMAGED")
    assert store.order("CANCEL").text == "cancelled"
    store.scan(COLA)
    assert [(row.disposition, row.quantity) for row in store.stock_rows()] == [("sellable", 1)]
    assert (store.order("CANCEL").answer, store.order("CANCEL").text) == (Answer.LOOK, "nothing_to_cancel")


# -- the last scan -----------------------------------------------------------------------------------------------------


def test_another_quantity_is_a_reversal_and_a_movement_and_can_be_undone(store: Memory) -> None:
    store.scan(COLA)
    store.scan(CASE)
    decision = store.order("SET", "30")
    assert (decision.text, decision.facts["quantity"], decision.facts["zone_quantity"]) == ("set_to", 30, 31)
    assert store.kinds()[-2:] == ["reversed", "received"]
    assert store.held() == {("COLA", "backroom"): 31}
    store.order("SET", "5")
    assert store.held() == {("COLA", "backroom"): 6}
    store.scan(UNDO)
    assert store.held() == {("COLA", "backroom"): 1}
    assert store.order("SET", "0").text == "reversed"
    assert store.held() == {}
    assert store.order("SET", "4").text == "nothing_to_undo"


def test_another_quantity_of_a_document_keeps_to_its_tolerance(store: Memory) -> None:
    store.expect("ASN-1", "receipt", "supplier", "backroom", {"sku": "COLA", "quantity": 10})
    store.order("DOC", "ASN-1")
    store.scan(COLA)
    assert store.order("SET", "10").facts["done"] == 10
    decision = store.order("SET", "12")
    assert (decision.answer, decision.text) == (Answer.STOP, "over_delivery")
    assert store.events[-1]["data"]["held"]["lines"][0]["quantity"] == 2
    assert store.held() == {("COLA", "backroom"): 10}


def test_another_quantity_over_several_lots_fills_the_first_ones_first(store: Memory) -> None:
    for text in (code("L1", "270101", BEER), code("L2", "270201", BEER)):
        store.scan(text)
    mover = station("mover", "move")
    for zone in ("BACKROOM", "SALESFLOOR"):
        store.order("ZONE", zone, mover)
    store.order("X", "2", mover)
    store.scan(BEER, mover)
    store.order("SET", "7", mover)
    assert {row.lot: row.quantity for row in store.stock_rows(zone="salesfloor")} == {"L1": 6, "L2": 1}


# -- clerks ------------------------------------------------------------------------------------------------------------


def test_a_login_names_the_clerk_in_every_event_and_no_badge_is_in_the_log(store: Memory) -> None:
    decision = store.order("LOGIN", "B1")
    assert (decision.text, decision.facts["clerk_name"]) == ("logged_in", "Kim")
    store.scan(COLA)
    assert store.events[-1]["source"]["clerk"] == "c-1"
    assert store.order("LOGIN", "NOBODY").text == "unknown_badge"
    assert "NOBODY" not in str(store.events)
    assert "B1" not in str(store.events)
    assert "Kim" not in str(store.events)


def test_the_next_clerk_takes_nothing_of_the_first_back(store: Memory) -> None:
    store.order("LOGIN", "B1")
    store.order("MODE-MOVE")
    store.order("MODE-RECEIVE")
    store.scan(COLA)
    store.order("LOGIN", "B2")
    assert store.kinds()[-4:] == ["clerk_logged_out", "session_closed", "session_opened", "clerk_logged_in"]
    assert (store.sessions["dock"].clerk, store.sessions["dock"].mode) == ("c-2", "receive")
    assert store.scan(UNDO).text == "nothing_to_undo"
    store.scan(COLA)
    assert store.events[-1]["source"]["clerk"] == "c-2"


def test_logging_out_ends_the_session_and_says_who(store: Memory) -> None:
    store.order("LOGIN", "B1")
    store.order("LOGOUT")
    assert store.kinds()[-2:] == ["clerk_logged_out", "session_closed"]
    store.scan(COLA)
    assert "clerk" not in store.events[-1]["source"]


def test_a_locked_station_keeps_what_is_scanned_and_goes_on_for_the_same_clerk(store: Memory) -> None:
    store.order("LOGIN", "B1")
    store.scan(COLA)
    store.write(sessions.locking(store.sessions["dock"], {}, store.context()))
    assert sessions.locking(store.sessions["dock"], {}, store.context()) == ()
    for text in (COLA, UNDO, encode("CLOSE"), encode("MODE-MOVE")):
        decision = store.scan(text)
        assert (decision.answer, decision.text) == (Answer.STOP, "locked")
        assert store.events[-1]["data"]["code"]["text"] == text
        assert "clerk" not in store.events[-1]["source"]
    assert store.held() == {("COLA", "backroom"): 1}
    assert store.order("LANG-EN").text == "language"
    store.order("LOGIN", "B1")
    assert store.scan(UNDO).text == "reversed"


def test_another_clerk_opens_a_locked_station_for_themselves(store: Memory) -> None:
    store.order("LOGIN", "B1")
    store.scan(COLA)
    store.write(sessions.locking(store.sessions["dock"], {}, store.context()))
    store.order("LOGIN", "B2")
    assert store.scan(UNDO).text == "nothing_to_undo"
    assert [one["data"]["by"] for one in store.events if one["data"]["kind"] == "clerk_logged_out"] == ["idle"]


def test_a_station_that_needs_clerks_keeps_what_nobody_scanned(store: Memory) -> None:
    dock = station(rules=Rules(clerks_required=True))
    decision = store.scan(COLA, dock)
    assert (decision.answer, decision.text) == (Answer.STOP, "no_clerk")
    assert not movements(store.events)
    store.order("LOGIN", "B1", dock)
    assert store.scan(COLA, dock).answer is Answer.GOOD
    for event in store.events:
        EVENT.validate_python(event)


def test_a_count_request_begins_a_count_in_its_first_zone(store: Memory) -> None:
    body = {"document": "CNT-1", "kind": "count_request", "revision": 1, "zones": ["salesfloor", "backroom"]}
    store.expected["CNT-1"] = parse_document(body)
    assert store.order("DOC", "CNT-1").text == "count_request_opened"
    session = store.sessions["dock"]
    assert (session.mode, session.zone, session.document) == ("count", "salesfloor", "CNT-1")
    assert store.scan(COLA).text == "counted"
