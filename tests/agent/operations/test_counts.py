"""Counts, one step at a time: what clerks hear, what a review shows, what approval posts."""

from __future__ import annotations

from typing import Any

import pytest

from agent.operations import counts_office, counts_plan, sessions, tags
from agent.operations.counts_settle import balance
from agent.operations.counts_tags import TagItem
from agent.operations.counts_values import COUNTS, EPCS, LINES, SETTLED, Review, open_count
from agent.operations.movements import movement
from agent.operations.rules import Rules
from agent.operations.values import Context, Draft, Outcome, State
from contract.documents import parse_document
from contract.stock import StockKey
from drivers.reads import Answer
from tests.agent.operations.counting import SECOND_US, Floor, Store
from tests.agent.operations.memory import CASE, COLA, Memory, station

RULES = Rules(recount_by_another=False, approve_by_another=False)
STRICT = Rules(count_tolerance_units=1)
SHELF = "salesfloor"
EPC = ["3034257BF400B7800004CB2F", "3034257BF400B7800004CB30", "3034257BF400B7800004CB31"]


class Shop(Floor):
    """Ann and Bob count the shelf."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.store = Store()
        super().__init__(self.store.run, rules, SHELF)
        self.sits("ann", "ann", SHELF)
        self.sits("bob", "bob", SHELF)

    @property
    def count(self) -> str:
        held = open_count(self.store.books, SHELF)
        assert held is not None
        return held[0]

    def key(self, sku: str, disposition: str = "sellable") -> StockKey:
        return StockKey(sku, SHELF, "", disposition)

    def stock(self, sku: str, disposition: str = "sellable") -> int:
        return self.store.stock(self.key(sku, disposition))

    def gets(self, sku: str, quantity: int, zone: str = SHELF, **line: Any) -> None:
        self.moves("received", sku, quantity, "supplier", zone, **line)

    def sells(self, sku: str) -> None:
        self.moves("sold", sku, 1, SHELF, "customer")

    def sees(self, name: str, *epcs: str, items: dict[str, TagItem] | None = None) -> None:
        known = {epc: TagItem("SHIRT", 1) for epc in epcs} if items is None else items
        command = tags.SeenTags(self.station(name), f"{name}-reader", epcs, self.context(), known)
        self.run(lambda _state: tags.seen(self.store, command)[0])

    def review(self) -> Review:
        found = counts_office.review(self.store, self.count, self.rules)
        assert found is not None
        return found

    def status(self) -> dict[str, str]:
        return {line.key.sku: line.status for line in self.review().lines}

    def submits(self) -> Outcome:
        count = self.count
        return self.office(lambda state, context: counts_office.submit(state, count, context, clerk="ann"))

    def recounts(self, *skus: str) -> Outcome:
        count = self.count
        return self.office(
            lambda state, context: counts_office.recount(state, count, skus, context, rules=self.rules, clerk="boss")
        )

    def zeroes(self, *skus: str) -> Outcome:
        count = self.count
        return self.office(lambda state, context: counts_office.confirm_zero(state, count, skus, context, clerk="ann"))

    def approves(self, clerk: str | None = "boss") -> Outcome:
        return self.approve(self.count, clerk)

    def status_of_stock(self) -> dict[str, int]:
        return {row.sku: row.quantity for row in self.store.stock_rows(zone=SHELF)}

    def last(self, kind: str) -> dict[str, Any]:
        return next(one["data"] for one in reversed(self.store.events) if one["data"]["kind"] == kind)


@pytest.fixture
def shop() -> Shop:
    return Shop()


# -- scanning ----------------------------------------------------------------------------------------------------------


def test_scans_of_several_clerks_add_up_in_one_count_and_move_nothing(shop: Shop) -> None:
    shop.gets("COLA", 9)
    assert shop.scan("ann", "COLA", 2).facts["done"] == 2
    assert shop.scan("bob", "COLA", 3).facts["done"] == 5
    assert shop.stock("COLA") == 9
    assert shop.store.kinds().count("count_opened") == 1
    assert shop.store.books.get(COUNTS, shop.count) == {
        "zone": SHELF,
        "blind": True,
        "state": "open",
        "opened": 4,
        "clerks": ["ann", "bob"],
    }
    event = shop.last("counted")
    assert (event["count"], event["quantity"], event["stock"]) == (shop.count, 3, 9)


@pytest.mark.parametrize("blind", [True, False])
def test_blind_clerks_never_hear_what_is_expected(blind: bool) -> None:
    shop = Shop(Rules(count_blind=blind))
    shop.gets("COLA", 9)
    facts = shop.scan("ann", "COLA").facts
    assert facts.get("expected") == (None if blind else 9)
    assert 9 not in [value for name, value in facts.items() if name != "expected"]


def test_an_identity_counts_once_whoever_scans_it(shop: Shop) -> None:
    assert shop.scan("ann", "SHIRT", epc=EPC[0]).text == "counted"
    again = shop.scan("bob", "SHIRT", epc=EPC[0])
    assert (again.answer, again.text, again.drafts) == (Answer.LOOK, "already_counted", ())
    assert shop.review().lines[0].counted == 1
    shop.undo("ann")
    assert shop.scan("bob", "SHIRT", epc=EPC[0]).text == "counted"


def test_undo_goes_back_scan_by_scan_and_a_line_without_scans_was_not_counted(shop: Shop) -> None:
    shop.gets("COLA", 3)
    shop.scan("ann", "COLA", 2)
    shop.scan("bob", "COLA", 1)
    shop.scan("ann", "COLA", 4)
    assert shop.undo("ann").text == "reversed"
    assert shop.review().lines[0].counted == 3
    assert shop.undo("ann").text == "reversed"
    assert shop.review().lines[0].counted == 1
    shop.undo("bob")
    assert shop.status() == {"COLA": "missing"}


def test_damaged_goods_are_counted_where_stock_has_them(shop: Shop) -> None:
    shop.gets("COLA", 3, disposition="quarantine")
    session = shop.store.session("ann")
    assert session is not None
    damaged = session._replace(damaged=True)
    source = {"device": "ann-scanner", "station": "ann", "session": session.session}
    shop.run(lambda _state: [sessions.draft("session_changed", damaged, source, shop.context())])
    shop.scan("ann", "COLA")
    assert shop.last("counted")["disposition"] == "quarantine"
    shop.scan("ann", "COLA")  # the word was of one scan
    assert shop.last("counted")["disposition"] == "sellable"


# -- tags --------------------------------------------------------------------------------------------------------------


def test_tags_of_two_readers_are_a_union_and_no_sum_with_barcodes(shop: Shop) -> None:
    shop.gets("SHIRT", 3)
    shop.sees("ann", EPC[0], EPC[1])
    shop.sees("bob", EPC[1], EPC[2])
    assert shop.last("tags_seen")["epcs"] == [EPC[1], EPC[2]]
    assert shop.last("tags_seen")["items"] == [
        {"sku": "SHIRT", "quantity": 1, "disposition": "sellable", "stock": 3, "epcs": [EPC[2]]}
    ]
    assert shop.review().lines[0].counted == 3
    shop.scan("ann", "SHIRT", 2)
    assert shop.review().lines[0].counted == 3  # two of the three that the readers saw
    shop.scan("ann", "SHIRT", 2)
    assert shop.review().lines[0].counted == 4  # one of them has no tag, or its tag is dead
    assert shop.scan("ann", "SHIRT", epc=EPC[0]).text == "already_counted"


def test_tags_of_no_item_are_told_and_listed(shop: Shop) -> None:
    shop.sees("ann", EPC[0], items={})
    told = shop.last("unknown_tag")
    assert (told["zone"], told["epcs"]) == (SHELF, [EPC[0]])
    assert shop.review().unknown == (shop.store.next_seq - 1,)
    assert not shop.review().lines


def test_tags_that_come_while_the_count_is_in_review_wait(shop: Shop) -> None:
    shop.scan("ann", "COLA")
    shop.submits()
    head = shop.store.next_seq
    shop.sees("ann", EPC[0])
    assert shop.store.next_seq == head
    shop.scan("bob", "COLA")  # who finds more, opens it again
    shop.sees("ann", EPC[0])
    assert shop.store.next_seq == head + 2


def test_approval_places_tags_that_nobody_knew_here(shop: Shop) -> None:
    shop.gets("SHIRT", 2, "backroom", epcs=EPC[:2])
    shop.sees("ann", EPC[0], EPC[2])
    assert shop.status() == {"SHIRT": "wrong_zone"}
    shop.submits()
    shop.approves()
    lines = shop.last("adjusted")["lines"]
    assert [(line["quantity"], line["from"], line["to"], line["epcs"]) for line in lines] == [
        (2, "unknown", SHELF, [EPC[0], EPC[2]])
    ]
    place = shop.store.tag(EPC[0])
    assert place is not None
    assert place.place == SHELF


# -- settlement --------------------------------------------------------------------------------------------------------


def test_the_difference_is_to_stock_as_of_the_last_scan(shop: Shop) -> None:
    shop.gets("COLA", 10)
    shop.scan("ann", "COLA", 4)
    shop.scan("ann", "COLA", 4)
    shop.sells("COLA")
    shop.submits()
    assert shop.approves().result["accuracy_permille"] == 0
    assert shop.stock("COLA") == 7
    line = shop.last("approved")["lines"][0]
    assert (line["expected"], line["counted"], line["delta"]) == (10, 8, -2)


def test_what_moves_between_two_scans_is_recounted_first(shop: Shop) -> None:
    shop.gets("COLA", 10)
    shop.scan("ann", "COLA", 4)
    shop.sells("COLA")
    shop.scan("bob", "COLA", 5)
    line = shop.review().lines[0]
    assert (line.status, line.expected, line.again) == ("moved", 9, True)
    shop.submits()
    refused = shop.approves()
    assert (refused.refused, refused.result) == ("recount_first", {"skus": ["COLA"]})
    shop.recounts("COLA")
    assert shop.status() == {"COLA": "recount"}
    assert shop.approves().refused == "count_not_submitted"
    shop.submits()
    assert shop.approves().refused == "recount_first"  # nobody has counted it again
    shop.scan("ann", "COLA", 9)
    shop.submits()
    assert shop.approves().refused is None
    assert shop.last("approved")["lines"][0]["recounted"] is True


def late(shop: Shop, occurred_us: int, clock: Any = "synced") -> None:
    """A sale that is told now, through the balance of counts."""
    line = {"sku": "COLA", "quantity": 1, "from": SHELF, "to": "customer", "disposition": "sellable"}
    draft = movement({"kind": "sold", "lines": [line]}, {"device": "till"}, Context(occurred_us, clock, "s"))

    def job(state: State) -> list[Draft]:
        return [draft, *balance(state, draft, state.next_seq)]

    shop.run(job)


def test_a_late_sale_corrects_what_is_expected_before_approval(shop: Shop) -> None:
    shop.gets("COLA", 10)
    sold_us = shop.now_us + 1
    shop.scan("ann", "COLA", 9)
    late(shop, sold_us)
    assert shop.status() == {"COLA": "right"}
    shop.submits()
    shop.approves()
    assert shop.stock("COLA") == 9
    assert "adjusted" not in shop.store.kinds()


def test_a_late_sale_is_balanced_after_approval_by_an_event_that_names_both(shop: Shop) -> None:
    shop.gets("COLA", 10)
    sold_us = shop.now_us + 1
    shop.scan("ann", "COLA", 9)
    shop.submits()
    shop.approves()
    approved = next(one["seq"] for one in shop.store.events if one["data"]["kind"] == "approved")
    late(shop, sold_us)
    assert shop.stock("COLA") == 9
    sale = shop.store.next_seq - 2
    balanced = shop.last("adjusted")
    assert balanced["balances"] == [{"seq": approved}, {"seq": sale}]
    assert shop.store.events[-1]["occurred_at"] == shop.store.events[-2]["occurred_at"]
    late(shop, shop.now_us)  # and this one happened afterwards
    assert shop.stock("COLA") == 8


def test_a_late_sale_from_between_two_scans_marks_the_line(shop: Shop) -> None:
    shop.gets("COLA", 10)
    shop.scan("ann", "COLA", 4)
    sold_us = shop.now_us + 1000
    shop.scan("ann", "COLA", 6)
    late(shop, sold_us)
    line = shop.review().lines[0]
    assert (line.status, line.expected, line.again) == ("moved", 9, True)


def test_a_sale_from_before_an_approved_count_changes_nothing_in_the_next(shop: Shop) -> None:
    shop.gets("COLA", 10)
    sold_us = shop.now_us + 1
    shop.scan("ann", "COLA", 9)
    shop.submits()
    shop.approves()
    shop.scan("ann", "COLA", 9)
    late(shop, sold_us)
    assert shop.status() == {"COLA": "right"}
    shop.scan("ann", "COLA")
    assert shop.status() == {"COLA": "over"}  # and nothing has moved in between


@pytest.mark.parametrize("approved", [False, True])
def test_a_suspect_clock_makes_nothing_late(shop: Shop, *, approved: bool) -> None:
    shop.gets("COLA", 10)
    sold_us = shop.now_us + 1
    shop.scan("ann", "COLA", 9)
    if approved:
        shop.submits()
        shop.approves()
        late(shop, sold_us, "suspect")
        assert shop.stock("COLA") == 8
    else:
        late(shop, sold_us, "suspect")
        assert shop.review().lines[0].expected == 10


def test_what_was_not_scanned_becomes_zero_only_when_somebody_says_so(shop: Shop) -> None:
    shop.gets("COLA", 2)
    shop.gets("BEER", 3)
    shop.scan("ann", "COLA", 2)
    assert shop.status() == {"COLA": "right", "BEER": "missing"}
    assert (shop.review().done, shop.review().lines_total) == (1, 2)
    shop.submits()
    shop.approves()
    assert (shop.stock("BEER"), shop.last("approved")["lines_total"]) == (3, 1)
    shop.scan("ann", "COLA", 2)
    assert shop.zeroes("BEER", "SHIRT").result["lines"] == 1
    assert shop.zeroes("COLA").refused == "nothing_missing"
    shop.submits()
    shop.approves()
    assert shop.stock("BEER") == 0
    assert shop.last("approved")["accuracy_permille"] == 500


def test_a_plus_never_evens_out_a_minus(shop: Shop) -> None:
    shop.gets("COLA", 5)
    shop.gets("BEER", 5)
    shop.gets("SHIRT", 5)
    for sku, units in (("COLA", 10), ("BEER", 4), ("SHIRT", 1)):
        shop.scan("ann", sku, units)
    shop.submits()
    shop.rules = Rules(count_tolerance_units=1, recount_by_another=False, approve_by_another=False)
    shop.approves()
    data = shop.last("approved")
    assert sum(line["delta"] for line in data["lines"]) == 0
    assert (data["accuracy_permille"], data["exact_permille"]) == (333, 0)
    assert [line["within"] for line in data["lines"]] == [True, False, False]
    assert shop.status_of_stock() == {"COLA": 10, "BEER": 4, "SHIRT": 1}


# -- who ---------------------------------------------------------------------------------------------------------------


def test_beyond_tolerance_another_clerk_recounts_and_another_approves() -> None:
    shop = Shop(STRICT)
    shop.gets("COLA", 9)
    shop.gets("BEER", 1)
    shop.scan("ann", "COLA", 5)
    shop.scan("ann", "BEER", 1)
    shop.submits()
    assert shop.approves("ann").refused == "another_approves"
    assert shop.approves(None).refused == "another_approves"
    assert shop.approves().result == {"skus": ["COLA"]}
    found = shop.order("bob", "RECOUNT")
    assert found is not None
    assert (found.text, found.facts["skus"]) == ("recount", "COLA")
    assert (shop.scan("ann", "COLA").text, shop.last("not_done")["reason"]) == ("other_clerk", "other_clerk")
    assert shop.scan("bob", "BEER").text == "not_recounted"
    assert shop.scan("bob", "COLA", 6).facts["done"] == 6
    shop.submits()
    assert shop.approves().refused is None
    assert shop.last("approved")["counted_by"] == ["ann", "bob"]
    assert shop.stock("COLA") == 6


def test_a_recount_is_a_session_of_its_own_and_tags_are_new_again(shop: Shop) -> None:
    shop.gets("SHIRT", 3)
    shop.sees("ann", EPC[0])
    shop.scan("ann", "SHIRT", 1)
    before = shop.store.session("ann")
    shop.recounts("SHIRT")
    assert shop.undo("ann").text == "nothing_to_undo"
    shop.order("ann", "RECOUNT")
    session = shop.store.session("ann")
    assert before is not None
    assert session is not None
    assert session == before._replace(session=session.session, top=None)
    assert session.session != before.session
    shop.sees("ann", EPC[0], EPC[1])
    assert shop.review().lines[0].counted == 2


# -- control codes and the office --------------------------------------------------------------------------------------


def test_close_asks_once_when_something_is_missing(shop: Shop) -> None:
    shop.gets("COLA", 1)
    shop.gets("BEER", 1)
    assert shop.order("ann", "CLOSE") is None  # no count here: the station closes its session
    shop.scan("ann", "COLA")
    asked = shop.order("ann", "CLOSE")
    assert asked is not None
    assert (asked.answer, asked.text, asked.facts["missing"]) == (Answer.LOOK, "count_missing", 1)
    assert shop.store.books.get(COUNTS, shop.count)["state"] == "open"  # type: ignore[index]
    shop.order("ann", "CANCEL")
    assert shop.order("ann", "CLOSE").text == "count_missing"  # type: ignore[union-attr]
    assert shop.order("ann", "OK").text == "count_submitted"  # type: ignore[union-attr]
    assert shop.order("bob", "CLOSE").text == "count_in_review"  # type: ignore[union-attr]


def test_a_zones_code_opens_its_count_and_joins_it(shop: Shop) -> None:
    assert shop.order("ann", "ZONE", "MOON") is None
    assert shop.order("ann", "ZONE", "BACKROOM").text == "count_mode"  # type: ignore[union-attr]
    assert shop.order("bob", "ZONE", "BACKROOM").text == "count_joined"  # type: ignore[union-attr]
    held = open_count(shop.store.books, "backroom")
    assert held is not None
    assert {shop.store.sessions[name].counting for name in ("ann", "bob")} == {held[0]}
    assert shop.order("ann", "RECOUNT").text == "nothing_to_recount"  # type: ignore[union-attr]


def test_a_cancelled_count_leaves_nothing_behind(shop: Shop) -> None:
    shop.scan("ann", "COLA")
    count = shop.count
    shop.office(lambda state, context: counts_office.cancel(state, count, context, clerk="boss"))
    assert open_count(shop.store.books, SHELF) is None
    assert not list(shop.store.books.under(LINES))
    assert shop.approve(count).refused == "count_is_closed"
    assert shop.approve("none").refused == "unknown_count"
    assert shop.undo("ann").text == "nothing_to_undo"


def test_books_of_counts_do_not_grow_for_ever(shop: Shop) -> None:
    for _ in range(12):
        shop.scan("ann", "SHIRT", epc=EPC[0])
        shop.submits()
        shop.approves()
        shop.now_us += 40 * 86_400 * SECOND_US
    assert len(list(shop.store.books.under(COUNTS))) == 5
    assert not list(shop.store.books.under(LINES))
    assert not list(shop.store.books.under(EPCS))
    shop.scan("ann", "COLA")
    shop.submits()
    shop.now_us += 120 * 86_400 * SECOND_US
    shop.approves()
    assert [key for key, _ in shop.store.books.under(SETTLED)] == []


def test_large_counts_are_approved_in_parts(shop: Shop) -> None:
    lots = [f"{number:064}" for number in range(801)]  # as long as lots come: each event has its size
    for lot in lots:
        shop.scan("ann", "COLA", lot=lot)
    shop.submits()
    shop.approves()
    parts = [one["data"] for one in shop.store.events if one["data"]["kind"] == "approved"]
    assert [(one["part"], one["parts"]) for one in parts] == [
        (number, len(parts)) for number in range(1, len(parts) + 1)
    ]
    assert sum(len(one["lines"]) for one in parts) == parts[0]["lines_total"] == 801
    first = next(one["seq"] for one in shop.store.events if one["data"]["kind"] == "approved")
    posted = [one["data"] for one in shop.store.events if one["data"]["kind"] == "adjusted"]
    assert {one["count"]["seq"] for one in posted} == {first}
    assert shop.store.on_hand("COLA") == 801


def test_stock_below_zero_that_a_count_explains_leaves_the_tray(shop: Shop) -> None:
    def low(_state: State) -> list[Draft]:
        data = {"kind": "negative_stock", "reason": "below_zero", "sku": "COLA", "zone": SHELF, "quantity": -1}
        return [Draft("exception", data, {}, shop.now_us, "synced")]

    shop.sells("COLA")
    shop.run(low)
    seq = shop.store.next_seq - 1
    shop.scan("ann", "COLA", 2)
    shop.submits()
    shop.approves()
    assert shop.stock("COLA") == 2
    assert shop.last("exception_resolved") == {
        "kind": "exception_resolved",
        "concerns": {"seq": seq},
        "resolution": "counted",
    }


# -- what is to be counted ---------------------------------------------------------------------------------------------


def test_head_offices_request_is_a_task_until_its_zones_are_approved(shop: Shop) -> None:
    body = {"document": "CR-1", "kind": "count_request", "revision": 1, "zones": [SHELF, "backroom"], "blind": False}
    shop.store.expected["CR-1"] = parse_document(body)
    assert [(one.zone, one.count) for one in counts_plan.tasks(shop.store)] == [(SHELF, None), ("backroom", None)]
    assert shop.scan("ann", "COLA").facts["expected"] == 0  # guided, as head office asks
    assert next(counts_plan.tasks(shop.store)).count == shop.count
    shop.submits()
    shop.approves()
    assert shop.last("approved")["request"] == "CR-1"
    assert [one.zone for one in counts_plan.tasks(shop.store)] == ["backroom"]
    shop.scan("ann", "COLA")
    assert "request" not in shop.last("count_opened")


def test_the_cycle_proposes_what_was_not_counted_for_longest(shop: Shop) -> None:
    rules = Rules(count_every_days=30, count_zones_a_day=3)

    def proposed(after_days: int, *zones: str) -> list[str]:
        now_us = shop.now_us + after_days * counts_plan.DAY_US
        return [one.zone for one in counts_plan.proposals(shop.store.books, zones, now_us, rules)]

    shop.scan("ann", "COLA")
    assert proposed(0, "d", "a", "b", SHELF, "c") == ["a", "b", "c"]
    assert proposed(0, SHELF) == []  # it is being counted
    shop.submits()
    shop.approves()
    assert proposed(29, SHELF, "a") == ["a"]
    assert proposed(31, SHELF, "a") == ["a", SHELF]


# -- at a station, code by code ----------------------------------------------------------------------------------------


def test_a_station_counts_by_codes_alone() -> None:
    store, at = Memory(), station("shelf", "count", SHELF, rules=RULES)
    store.scan(COLA, station("dock", zone=SHELF))
    store.order("X", "3", at)
    assert store.scan(COLA, at).facts["done"] == 3
    assert store.scan(CASE, at).facts["done"] == 27
    assert store.order("SET", "20", at).facts["done"] == 23
    store.order("UNDO", at=at)
    assert store.order("UNDO", at=at).facts["done"] == 0
    assert store.order("UNDO", at=at).text == "nothing_to_undo"
    assert store.order("CLOSE", at=at).text == "count_missing"
    store.scan(COLA, at)
    store.scan("rubbish", at)
    unknown = store.events[-1]
    assert (unknown["data"]["kind"], unknown["data"]["zone"]) == ("unknown_code", SHELF)
    assert store.order("CLOSE", at=at).text == "count_submitted"
    held = open_count(store.books, SHELF)
    assert held is not None
    assert held[1]["unknown"] == [unknown["seq"]]
    assert store.order("RECOUNT", at=at).text == "nothing_to_recount"
    store.now_us += SECOND_US
    done = store.do(lambda state, context: counts_office.approve(state, held[0], context, rules=RULES, clerk=None))
    assert (done.refused, done.result["accuracy_permille"]) == (None, 1000)
    assert store.held() == {("COLA", SHELF): 1}


def test_a_mistaken_delivery_that_is_taken_back_after_the_count_is_balanced() -> None:
    store, dock, at = Memory(), station("dock", zone=SHELF), station("shelf", "count", SHELF, rules=RULES)
    store.scan(COLA, dock)
    store.scan(CASE, dock)
    for _ in range(2):
        store.now_us += SECOND_US
        store.scan(COLA, at)
    store.order("CLOSE", at=at)
    store.now_us += SECOND_US
    held = open_count(store.books, SHELF)
    assert held is not None
    store.do(lambda state, context: counts_office.approve(state, held[0], context, rules=RULES, clerk=None))
    assert store.held() == {("COLA", SHELF): 2}
    store.now_us += SECOND_US
    store.order("UNDO", at=dock)  # the case was never there, and the count knew
    assert store.held() == {("COLA", SHELF): 2}
    assert store.kinds()[-2:] == ["reversed", "adjusted"]  # and nothing was ever below zero
