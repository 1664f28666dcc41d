"""What scans do, one decision at a time, over a store in memory. Every event is held against the contract there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent.operations.values import Product
from agent.texts import TEXTS
from contract.stock import QUANTITY_MAX
from drivers.reads import Answer, Fault
from identity import Identity, Kind
from identity.control import PLAIN, encode
from tests.agent.operations.memory import BEER, CASE, COLA, HAM, UNDO, Memory, control, movements, station

LOT = "01088012345678931" + "0LOT-7"


@pytest.fixture
def store() -> Memory:
    return Memory()


# -- receive, move, look up --------------------------------------------------------------------------------------------


def test_a_scan_receives_into_the_stations_zone_and_says_what_it_meant(store: Memory) -> None:
    decision = store.scan(COLA)
    assert (decision.answer, decision.text) == (Answer.GOOD, "received")
    assert (decision.facts["quantity"], decision.facts["zone"], decision.facts["zone_quantity"]) == (1, "backroom", 1)
    assert store.kinds() == ["session_opened", "received"]
    line = store.events[1]["data"]["lines"][0]
    assert (line["from"], line["to"], line["disposition"]) == ("supplier", "backroom", "sellable")
    assert line["code"] == {"text": COLA, "gtin": COLA, "units": 1, "revision": 7, "price_minor": 150_000}
    assert store.events[1]["source"] == {"device": "dock-scanner", "station": "dock", "session": "session-1"}


def test_a_case_counts_its_units(store: Memory) -> None:
    store.scan(CASE)
    assert store.held() == {("COLA", "backroom"): 24}


def test_a_label_with_a_count_counts_so_many_packages(store: Memory) -> None:
    store.scan(f"01{BEER}3012")
    assert store.held() == {("BEER", "backroom"): 72}


def test_weighed_goods_count_grams_and_a_label_without_weight_is_an_exception(store: Memory) -> None:
    store.scan(f"01{HAM}3103001250")
    assert store.held() == {("HAM", "backroom"): 1250}
    decision = store.scan(HAM)
    assert (decision.answer, decision.text) == (Answer.STOP, "no_weight")
    assert store.events[-1]["data"]["kind"] == "not_done"
    assert store.held() == {("HAM", "backroom"): 1250}


def test_lots_are_kept_apart(store: Memory) -> None:
    store.scan(LOT)
    store.scan(COLA)
    assert {key.lot: quantity for key, quantity in store._stock.items()} == {"LOT-7": 1, "": 1}


@pytest.mark.parametrize("quantity", [0, QUANTITY_MAX + 1])
def test_a_quantity_that_cannot_be_stock_is_an_exception_and_not_lost(store: Memory, quantity: int) -> None:
    found = Identity("x", Kind.TRADE_ITEM, gtin=COLA, quantity=quantity)
    decision = store.give(found)
    assert (decision.answer, decision.text) == (Answer.STOP, "bad_quantity")
    assert store.events[-1]["data"]["reason"] == "bad_quantity"
    assert not store.held()


def test_moving_needs_two_zones_then_moves(store: Memory) -> None:
    back = station("back", "move")
    assert store.scan(COLA, back).text == "no_zone"
    assert store.order("ZONE", "BACKROOM", back).text == "move_from"
    assert store.scan(COLA, back).text == "no_zone"
    assert store.order("ZONE", "salesfloor", back).text == "move_to"
    store.scan(COLA)
    store.scan(COLA)
    decision = store.scan(COLA, back)
    assert (decision.answer, decision.text) == (Answer.GOOD, "moved")
    assert store.held() == {("COLA", "backroom"): 1, ("COLA", "salesfloor"): 1}


def test_a_new_target_zone_leaves_the_origin_and_the_origin_is_no_target(store: Memory) -> None:
    back = station("back", "move")
    store.order("ZONE", "BACKROOM", back)
    assert store.order("ZONE", "BACKROOM", back).text == "same_zone"
    store.order("ZONE", "SALESFLOOR", back)
    store.order("ZONE", "FREEZER", back)
    session = store.sessions["back"]
    assert (session.zone, session.zone_to) == ("backroom", "Freezer")


def test_looking_up_moves_nothing_and_is_in_the_journal(store: Memory) -> None:
    counter = station("counter", "lookup")
    store.scan(CASE)
    decision = store.scan(COLA, counter)
    assert (decision.text, decision.facts["on_hand"]) == ("looked_up", 24)
    assert store.events[-1]["data"]["kind"] == "looked_up"
    assert store.held() == {("COLA", "backroom"): 24}


def test_stock_below_zero_is_said_once_at_the_moment_it_falls(store: Memory) -> None:
    back = station("back", "move")
    store.order("ZONE", "BACKROOM", back)
    store.order("ZONE", "SALESFLOOR", back)
    decision = store.scan(COLA, back)
    assert (decision.answer, decision.text) == (Answer.LOOK, "negative_stock")
    marks = [one for one in store.events if one["data"]["kind"] == "negative_stock"]
    assert len(marks) == 1
    assert marks[0]["data"] | {"reason": ""} == {
        "kind": "negative_stock",
        "reason": "",
        "sku": "COLA",
        "zone": "backroom",
        "quantity": -1,
        "concerns": {"seq": movements(store.events)[-1]["seq"]},
    }
    assert store.scan(COLA, back).answer is Answer.GOOD
    assert sum(kind == "negative_stock" for kind in store.kinds()) == 1
    store.scan(CASE)
    for _ in range(22):
        assert store.scan(COLA, back).answer is Answer.GOOD
    assert store.scan(COLA, back).answer is Answer.LOOK  # above zero in between: it fell a second time


# -- codes that are none -----------------------------------------------------------------------------------------------

REFUSED = Identity("x", Kind.REFUSED, reason="check_digit", hint="read or typed wrongly")
SUSPECT = Identity("x", Kind.SUSPECT, reason="lost_separator")
AMBIGUOUS = Identity("x", Kind.AMBIGUOUS, candidates=(COLA, CASE))


@pytest.mark.parametrize(
    ("found", "text", "reason"),
    [
        (REFUSED, "refused_code", "check_digit"),
        (SUSPECT, "refused_code", "lost_separator"),
        (AMBIGUOUS, "refused_code", "ambiguous"),
        (Identity("x", Kind.RAW, reason="plain_text"), "unknown_code", "plain_text"),
        (Identity("x", Kind.TRADE_ITEM, gtin="09501101530003"), "unknown_code", "unknown_trade_item"),
        (Identity("x", Kind.LOGISTIC_UNIT, sscc="106141412345678908"), "unknown_code", "unknown_logistic_unit"),
    ],
)
@pytest.mark.parametrize("mode", ["receive", "move", "lookup"])
def test_what_is_not_known_goes_to_the_tray_with_its_code_in_every_mode(
    store: Memory, mode: str, found: Identity, text: str, reason: str
) -> None:
    decision = store.give(found, station(mode=mode), data=b"what was scanned")
    assert (decision.answer, decision.text) == (Answer.STOP, text)
    event = store.events[-1]
    assert (event["type"], event["data"]["kind"], event["data"]["reason"]) == ("exception", text, reason)
    assert event["data"]["code"]["text"] == "what was scanned"
    assert not store.held()


def test_a_suspect_code_of_a_known_product_is_not_counted(store: Memory) -> None:
    store.give(replace(SUSPECT, gtin=COLA))
    assert store.events[-1]["data"]["sku"] == "COLA"
    assert not movements(store.events)


def test_bytes_that_are_no_text_are_kept_in_hexadecimal(store: Memory) -> None:
    store.scan(b"\xff\x00\xfe")
    assert store.events[-1]["data"]["code"] == {"raw_hex": "ff00fe"}


@pytest.mark.parametrize("data", [b"x" * 4096, b"x" * 8192, b"\xff" * 4096, b"\xff" * 65_536])
def test_a_code_of_any_length_is_within_the_contract(store: Memory, data: bytes) -> None:
    assert store.scan(data).answer is Answer.STOP
    assert store.events[-1]["data"]["kind"] in {"refused_code", "unknown_code"}


@pytest.mark.parametrize("at", [station(), None])
def test_a_bad_read_is_kept_raw_with_and_without_a_station(store: Memory, at: Any) -> None:
    decision = store.bad(b"\x00\xff" * 256, Fault.CHECKSUM, at)
    assert (decision.answer, decision.text) == (Answer.STOP, "bad_read")
    event = store.events[-1]
    assert event["data"]["code"]["raw_hex"] == "00ff" * 256
    assert event["source"] == {"device": "lost-scanner", **({"station": "dock"} if at else {})}
    assert store.sessions == {}  # no clerk did anything


# -- control codes -----------------------------------------------------------------------------------------------------


def test_modes_change_by_control_code_only_and_forget_zones_of_the_mode_before(store: Memory) -> None:
    assert store.order("MODE-MOVE").text == "move_mode"
    store.order("ZONE", "SALESFLOOR")
    assert store.order("MODE-RECEIVE").text == "receive_mode"
    assert store.sessions["dock"][2:5] == ("receive", "backroom", None)
    assert store.order("MODE-LOOKUP").text == "lookup_mode"
    assert store.sessions["dock"][2:5] == ("lookup", None, None)
    store.order("MODE-MOVE")
    assert store.sessions["dock"][2:5] == ("move", None, None)


@pytest.mark.parametrize("name", ["FREEZER", "freezer", "Freezer"])
def test_zones_are_matched_whatever_their_case(store: Memory, name: str) -> None:
    store.scan(encode("ZONE", name).lower())
    store.scan(COLA)
    assert store.held() == {("COLA", "Freezer"): 1}


def test_a_zone_that_is_none_stops_and_changes_nothing(store: Memory) -> None:
    store.scan(COLA)
    before = store.sessions["dock"]
    decision = store.order("ZONE", "MOON")
    assert (decision.answer, decision.text) == (Answer.STOP, "unknown_zone")
    assert store.sessions["dock"] == before


def test_the_language_is_the_sessions(store: Memory) -> None:
    assert store.order("LANG-EN").text == "language"
    assert store.sessions["dock"].language == "en"
    store.order("LANG-KO")
    assert store.sessions["dock"].language == "ko"


@pytest.mark.parametrize("verb", ["CLOSE-SHORT", "RECOUNT"])
def test_codes_that_mean_nothing_in_this_mode_stop_and_are_kept(store: Memory, verb: str) -> None:
    decision = store.order(verb)
    assert (decision.answer, decision.text) == (Answer.STOP, "not_in_this_mode")
    assert store.events[-1]["data"]["code"]["text"] == encode(verb)


def test_a_control_code_with_a_wrong_check_character_orders_nothing(store: Memory) -> None:
    store.scan(COLA)
    decision = store.scan("STK-UNDO-4")
    assert (decision.text, store.events[-1]["data"]["reason"]) == ("refused_code", "control_check")
    assert store.held() == {("COLA", "backroom"): 1}


# -- sessions ----------------------------------------------------------------------------------------------------------


def test_a_session_opens_once_and_closes_by_logout(store: Memory) -> None:
    store.scan(COLA)
    store.scan(COLA)
    assert store.kinds().count("session_opened") == 1
    assert store.order("LOGOUT").text == "session_closed"
    assert "dock" not in store.sessions
    store.scan(COLA)
    assert store.kinds().count("session_opened") == 2
    assert store.sessions["dock"].session != store.events[0]["source"]["session"]


def test_a_new_session_is_as_the_station_is_configured(store: Memory) -> None:
    store.order("MODE-LOOKUP")
    store.order("LANG-EN")
    store.order("LOGOUT")
    store.scan(COLA)
    assert store.sessions["dock"][2:6] == ("receive", "backroom", None, "ko")


def test_close_ends_a_session_too(store: Memory) -> None:
    store.scan(COLA)
    assert store.order("CLOSE").text == "session_closed"
    assert store.sessions == {}


# -- undo --------------------------------------------------------------------------------------------------------------


def test_undo_goes_back_scan_by_scan_down_to_nothing(store: Memory) -> None:
    for code in (COLA, CASE, COLA):
        store.scan(code)
    taken = [store.scan(UNDO).facts["quantity"] for _ in range(3)]
    assert taken == [1, 24, 1]
    decision = store.scan(UNDO)
    assert (decision.answer, decision.text, decision.drafts) == (Answer.LOOK, "nothing_to_undo", ())
    assert store.held() == {}
    reversed_seqs = [one["data"]["reverses"]["seq"] for one in store.events if one["data"]["kind"] == "reversed"]
    assert reversed_seqs == [4, 3, 2]
    ids = {one["seq"]: one["id"] for one in store.events}
    assert all(
        ids[one["data"]["reverses"]["seq"]] == one["data"]["reverses"]["id"]
        for one in store.events
        if one["data"]["kind"] == "reversed"
    )


def test_undo_between_scans_takes_back_each_scan_once(store: Memory) -> None:
    for text in (COLA, UNDO, CASE, f"01{BEER}3002", UNDO, COLA, UNDO, UNDO):
        store.scan(text)
    assert store.held() == {}
    reversed_seqs = [one["data"]["reverses"]["seq"] for one in store.events if one["data"]["kind"] == "reversed"]
    assert len(reversed_seqs) == len(set(reversed_seqs)) == 4


def test_undo_of_a_move_brings_it_back_with_its_lot(store: Memory) -> None:
    store.scan(LOT)
    store.order("MODE-MOVE")
    store.order("ZONE", "BACKROOM")
    store.order("ZONE", "SALESFLOOR")
    store.scan(LOT)
    assert store.held() == {("COLA", "salesfloor"): 1}
    store.scan(UNDO)
    assert store.held() == {("COLA", "backroom"): 1}
    assert {key.lot for key, quantity in store._stock.items() if quantity} == {"LOT-7"}


def test_undo_works_over_mode_changes_and_exceptions(store: Memory) -> None:
    store.scan(COLA)
    store.order("MODE-LOOKUP")
    store.scan(CASE)
    store.scan("rubbish")
    assert store.scan(UNDO).text == "reversed"
    assert store.held() == {}
    assert store.sessions["dock"].mode == "lookup"


def test_what_was_pruned_is_too_old_to_be_taken_back(store: Memory) -> None:
    store.scan(COLA)
    store.first = len(store.events) + 1
    for code in (UNDO, encode("SET", "5")):
        decision = store.scan(code)
        assert (decision.answer, decision.text, decision.drafts) == (Answer.LOOK, "too_old", ())
    assert store.held() == {("COLA", "backroom"): 1}
    store.scan(COLA)
    assert store.scan(UNDO).text == "reversed"


def test_undo_is_the_stations_own(store: Memory) -> None:
    store.scan(COLA)
    other = station("other")
    assert store.scan(UNDO, other).text == "nothing_to_undo"
    store.scan(CASE, other)
    store.scan(COLA)
    store.scan(UNDO, other)
    assert store.scan(UNDO, other).text == "nothing_to_undo"
    assert store.held() == {("COLA", "backroom"): 2}


def test_undo_never_reaches_behind_its_session(store: Memory) -> None:
    store.scan(COLA)
    store.order("LOGOUT")
    assert store.scan(UNDO).text == "nothing_to_undo"
    assert store.held() == {("COLA", "backroom"): 1}


def test_undo_below_zero_is_allowed_and_marked(store: Memory) -> None:
    store.scan(COLA)
    back = station("back", "move")
    store.order("ZONE", "BACKROOM", back)
    store.order("ZONE", "SALESFLOOR", back)
    store.scan(COLA, back)
    decision = store.scan(UNDO)
    assert (decision.answer, decision.text) == (Answer.LOOK, "negative_stock")
    assert store.held() == {("COLA", "backroom"): -1, ("COLA", "salesfloor"): 1}


# -- packets that come again after a restart ---------------------------------------------------------------------------


def test_a_resent_packet_that_may_be_written_already_is_asked_about(store: Memory) -> None:
    store.scan(COLA)
    decision = store.scan(COLA, resent=True)
    assert (decision.answer, decision.text) == (Answer.LOOK, "possible_duplicate")
    assert store.events[-1]["data"]["concerns"] == {"seq": 2}
    assert store.held() == {("COLA", "backroom"): 1}


def test_a_resent_scan_that_took_stock_below_zero_is_a_duplicate_too(store: Memory) -> None:
    back = station("back", "move")
    for zone in ("BACKROOM", "SALESFLOOR"):
        store.order("ZONE", zone, back)
    assert store.scan(COLA, back).text == "negative_stock"
    assert store.scan(COLA, back, resent=True).text == "possible_duplicate"
    assert store.held() == {("COLA", "backroom"): -1, ("COLA", "salesfloor"): 1}


def test_a_resent_exception_is_a_duplicate_too(store: Memory) -> None:
    store.scan("rubbish")
    assert store.scan("rubbish", resent=True).text == "possible_duplicate"
    store.scan(b"\xff")
    assert store.scan(b"\xff", resent=True).text == "possible_duplicate"


def test_a_resent_packet_that_is_new_counts(store: Memory) -> None:
    assert store.scan(COLA, resent=True).text == "received"
    assert store.scan(CASE, resent=True).text == "received"
    assert store.scan(CASE, station("other"), resent=True).text == "received"
    store.now_us += 61_000_000
    assert store.scan(CASE, station("other"), resent=True).text == "received"


def test_a_scan_that_was_taken_back_is_not_the_one_that_is_resent(store: Memory) -> None:
    store.scan(COLA)
    store.scan(UNDO)
    assert store.scan(COLA, resent=True).text == "received"


def test_a_resent_undo_is_not_undone_twice(store: Memory) -> None:
    store.scan(COLA)
    store.scan(COLA)
    store.scan(UNDO)
    decision = store.scan(UNDO, resent=True)
    assert (decision.answer, decision.text) == (Answer.LOOK, "possible_duplicate")
    assert store.held() == {("COLA", "backroom"): 1}
    store.scan(COLA)
    assert store.scan(UNDO, resent=True).text == "reversed"  # the newest event is the scan: this undo was not written


# -- what is said ------------------------------------------------------------------------------------------------------


def test_every_decision_names_a_text(store: Memory) -> None:
    orders = [encode(verb) for verb in sorted(PLAIN)] + [encode("ZONE", "SALESFLOOR"), encode("X", 3)]
    for text in (COLA, HAM, "rubbish", b"\xff", *orders, COLA, *orders, COLA):
        assert store.scan(text).text in TEXTS
    assert store.give(Identity("x", Kind.CONTROL, control=control("SET", "9"))).text in TEXTS
    assert store.give(Identity("x", Kind.CONTROL)).text in TEXTS  # a control code that says nothing


def test_facts_of_a_movement_name_product_and_zone(store: Memory) -> None:
    facts = store.scan(CASE).facts
    assert isinstance(facts["product"], Product)
    assert (facts["zone"], facts["zone_quantity"]) == ("backroom", 24)
