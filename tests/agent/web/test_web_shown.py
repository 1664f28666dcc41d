"""What screens make of values."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.capture.supervisor import DeviceStatus, State
from agent.web import shown
from agent.web.texts import TEXTS
from agent.web.view import Sync
from contract.stock import StockRow
from drivers.reads import Answer
from tests.agent.web.store import NOON_US, SEOUL, Store, entry, exception

DOCK = Store().stations[0]


def test_an_answers_first_word_is_not_shown_twice():
    told = shown.entry(entry(0, Answer.STOP, "멈춤: 등록되지 않은 코드 1"), DOCK, "ko", SEOUL)
    assert (told["word"], told["text"], told["time"]) == ("멈춤", "등록되지 않은 코드 1", "12:00:00")
    english = shown.entry(entry(0, Answer.LOOK, "Look: below zero", language="en"), DOCK, "en", SEOUL)
    assert (english["word"], english["text"]) == ("Look", "below zero")


@pytest.mark.parametrize(
    ("mode", "zone", "zone_to", "expected"),
    [
        ("receive", "dock", None, ("Receiving", "into dock")),
        ("move", None, None, ("Moving", "Scan a zone")),
        ("move", "dock", None, ("Moving", "dock → scan where it goes")),
        ("move", "dock", "salesfloor", ("Moving", "dock → salesfloor")),
        ("lookup", None, None, ("Looking up", "")),
        (None, None, None, ("Receiving", "into dock")),  # closed: what a new session begins with
    ],
)
def test_mode_and_zone_are_the_sessions(mode, zone, zone_to, expected):
    last = entry(0, Answer.GOOD, "x", mode=mode, zone=zone, zone_to=zone_to)
    told = shown.doing(shown.begun(last, DOCK), "en")
    assert (told["mode"], told["zone"]) == expected


def test_a_station_tells_what_it_is_at():
    session = shown.begun(None, DOCK)._replace(
        document="ASN-1001", multiplier=1200, damaged=True, pending="close", locked=True, reason="FAULTY"
    )
    told = shown.doing(session, "en", "Kim")
    assert {name: told[name] for name in ("document", "times", "damaged", "pending", "locked", "reason", "clerk")} == {
        "document": "ASN-1001",
        "times": "×1,200",
        "damaged": "Damaged goods",
        "pending": "To confirm",
        "locked": "Locked",
        "reason": "FAULTY",
        "clerk": "Kim",
    }
    counting = shown.begun(None, DOCK)._replace(mode="count", counting="01a215aa-ae96")
    assert shown.doing(counting, "en")["document"] == "Count under way"


@pytest.mark.parametrize(
    ("member", "advice"),
    [
        ({"locked": True, "pending": "close"}, "This station is locked."),
        ({"pending": "close"}, "Finish with OK"),
        ({"damaged": True}, "Scan the damaged item."),
        ({"multiplier": 3}, "it counts as many"),
        ({}, "pick the document first"),
        ({"document": "ASN-1"}, "then CLOSE"),
        ({"mode": "move", "zone": None}, "zone it comes from"),
        ({"mode": "move"}, "zone it goes to"),
        ({"mode": "move", "zone_to": "salesfloor"}, "Scan what moves."),
        ({"mode": "adjust"}, "Pick the reason first."),
        ({"mode": "adjust", "reason": "LOST"}, "Scan what is to be adjusted."),
    ],
)
def test_the_next_step_is_said(member, advice):
    assert advice in shown.doing(shown.begun(None, DOCK)._replace(**member), "en")["advice"]


@pytest.mark.parametrize(
    ("done", "expected", "running"), [(None, None, ""), (1204, None, "1,204"), (12, 40, "12 / 40"), (-1, 2, "−1 / 2")]
)
def test_what_has_come_stands_beside_what_is_expected(done, expected, running):
    one = entry(0, Answer.GOOD, "x", sku="MILK", name="Milk", quantity=1, done=done, expected=expected)
    assert shown.entry(one, DOCK, "en", SEOUL)["running"] == running


def test_only_what_the_paper_is_short_of_may_be_approved():
    for said, approvable in (("over_delivery", True), ("unexpected_item", True), ("unknown_code", False)):
        one = entry(0, Answer.STOP, "x", said=said)
        assert shown.entry(one, DOCK, "en", SEOUL)["approvable"] is approvable


def test_before_the_first_scan_a_station_waits():
    card = shown.station_card(shown.begun(None, DOCK), None, "ko", SEOUL)
    assert (card["state"], card["text"], card["mode"]) == ("ready", "스캔을 기다리고 있습니다", "입고")


def test_a_device_tells_what_to_do():
    status = DeviceStatus("s", State.DOWN, NOON_US, reads=1204, error="gone", hint="plug it in", traceback="secret")
    card = shown.device_card(status, "en", SEOUL)
    assert card["word"] == "Not connected"
    assert card["since"] == "since 09-07 12:00"
    assert card["reads"] == "1,204 reads, 0 bad"
    assert card["advice"].startswith("Check cable")
    assert card["hint"] == "gone · plug it in"
    assert "secret" not in str(card)
    assert len(shown.device_card(replace(status, hint="x" * 9999), "en", SEOUL)["hint"]) == shown.HINT_CHARACTERS_MAX


@pytest.mark.parametrize(
    ("sync", "state", "text"),
    [
        (Sync(True, 9, 0, 0, "synced"), "sent", "Everything is sent"),
        (Sync(True, 9, 112, 250, "synced"), "waiting", "112 to send, oldest 4 min"),
        (Sync(False, 9, 1200, 90_000, "suspect"), "offline", "1,200 to send, oldest 1 d"),
        (Sync(False, 9, 0, 0, "synced"), "offline", "Everything is sent"),
        (Sync(True, 9, 3, 60, "synced", halted=True), "waiting", TEXTS["halted"][1]),
    ],
)
def test_sync_is_a_fact(sync, state, text):
    card = shown.sync_card(sync, "en")
    assert (card["state"], card["text"]) == (state, text)
    assert bool(card["clock"]) == (sync.clock == "suspect")


def test_exceptions_are_counted_up_to_the_limit():
    events = [exception(number, "bad_read", "checksum", code={"raw_hex": "00"}) for number in range(3)]
    assert shown.exceptions_card([], 3, "en")["count"] == "0"
    assert shown.exceptions_card(events[:2], 3, "en")["count"] == "2"
    card = shown.exceptions_card(events, 3, "en")
    assert (card["count"], card["text"], card["time"]) == ("3 or more", "Bad read", "09-07 12:02:36")


def test_a_code_shows_what_cannot_be_seen():
    assert shown.code({"text": "01\x1d10\x7f\n"}) == "01<GS>10<DEL><LF>"
    assert shown.code({"raw_hex": "0aff00"}) == "0a ff 00"
    assert shown.code({}) == ""
    assert len(shown.code({"text": "9" * 5000})) == shown.CODE_CHARACTERS_MAX
    assert len(shown.code({"raw_hex": "00" * 5000})) == shown.CODE_CHARACTERS_MAX


@given(st.text(max_size=200))
def test_no_control_character_reaches_a_screen(scanned):
    assert not any(ord(one) < 32 or ord(one) == 127 for one in shown.code({"text": scanned}))


def test_reasons_without_a_text_are_shown_as_they_are():
    row = shown.exception(exception(1, "refused_code", "ai_too_many"), "ko")
    assert (row["kind"], row["reason"]) == ("잘못된 코드", "ai too many")
    below = exception(1, "negative_stock", "below_zero", sku="A", zone="dock", quantity=-3)
    assert shown.exception(below, "ko")["reason"] == "dock 재고 −3"
    halfway = exception(1, "negative_stock", "below_zero", sku="A")
    assert shown.exception(halfway, "ko")["reason"] == "below zero"
    late = exception(1, "bad_tag", "")
    assert shown.exception({**late, "clock": "suspect", "source": {}}, "en")["where"] == ""


def test_stock_in_its_unit():
    items = Store().items
    row = StockRow("BEEF", "salesfloor", "", "sellable", 12_450)
    assert shown.stock_row(row, items["BEEF"], "en")["quantity"] == "12,450 g"
    assert shown.stock_row(row, items["BEEF"], "en")["name"] == "한우 등심"  # the only name it has
    minus = shown.stock_row(StockRow("RICE", "dock", "L1", "sellable", -3), None, "ko")
    assert (minus["quantity"], minus["negative"], minus["name"]) == ("−3개", "yes", "카탈로그에 없음")
