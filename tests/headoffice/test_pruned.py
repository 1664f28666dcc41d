"""The engine where a store no longer has everything: pruned logs, logs that grew from others, keys that were exchanged.

What is gone is skipped and told, and only that; nothing that the store still has is ever passed over.
"""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract import opening
from contract.chain import GENESIS
from contract.stock import StockKey
from headoffice import own
from headoffice.ingest import REFUSALS_MIN, Accepted, Gap, Ingest, Outcome, Position
from headoffice.restating import Standing
from headoffice.taken import Note, Opened, Rekeyed, Skipped
from tests.headoffice.logs import KEY, OTHER_KEY, Log

PUBLIC, OTHER = (key.public_key().public_bytes_raw().hex() for key in (KEY, OTHER_KEY))
STOCK = [["COLA", "backroom", None, "sellable", 40]]


def codes(outcome: Outcome) -> list[str]:
    return [one.code for one in outcome.refusals]


def pruned() -> tuple[Log, int]:
    """A log with an opening in its middle, and where that is."""
    log = Log().open().receive_many(9)
    log.open(STOCK)
    return log.receive_many(5), 11


def upto(log: Log, last: int) -> Ingest:
    engine = Ingest(log.store)
    if last:
        assert not engine.receive(log.message(1, last)).refusals
    return engine


# -- a pruned start ---------------------------------------------------------------------------------------------------


def test_what_is_gone_is_skipped_and_told() -> None:
    log, first = pruned()
    engine = upto(log, 4)
    assert engine.heard("L1", log.head, first) == Gap("L1", first)
    outcome = engine.receive(log.message(first, log.head))
    assert outcome.notes == [Skipped("L1", 5, 10), Opened("L1", 11, 1)]
    assert [one.seq for one in outcome.accepted] == list(range(11, 17))
    assert (outcome.gap, outcome.refusals) == (None, [])
    assert engine.position == Position("L1", log.head, log.hash, 1, 1)


def test_an_opening_further_on_hides_nothing_that_the_store_still_has() -> None:
    log, first = pruned()
    engine = upto(log, 4)
    outcome = engine.receive(log.message(first, log.head))
    assert (outcome.accepted, outcome.gap) == ([], Gap("L1", 5))
    assert engine.heard("L1", log.head, 3) == Gap("L1", 5)
    assert [one.seq for one in engine.receive(log.message(5, 10)).accepted] == list(range(5, 17))


@pytest.mark.parametrize("first", [3, 5, 12, 10])
def test_only_the_oldest_event_and_only_an_opening_is_gone_on_with(first: int) -> None:
    """5 is the next one: no jump. 12 and 10 are none of the openings that the log has."""
    log, _ = pruned()
    engine = upto(log, 4)
    engine.heard("L1", log.head, first)
    outcome = engine.receive(log.message(max(first, 6), log.head))
    assert not [one for one in outcome.notes if isinstance(one, Skipped)]
    assert outcome.accepted == []
    assert codes(outcome) == (["opening"] if first > 5 else [])


def test_what_was_held_before_the_store_said_so_comes_again_and_leaves_nothing_behind() -> None:
    log, first = pruned()
    engine = upto(log, 4)
    engine.receive(log.message(7, log.head))
    assert engine.heard("L1", log.head, first) == Gap("L1", first)
    outcome = engine.receive(log.message(first, first + 1))
    assert [one.seq for one in outcome.accepted] == list(range(11, 17))
    assert len(engine._ahead) == engine._ahead.size_bytes == 0


def test_a_head_office_that_knows_nothing_begins_with_what_is_left() -> None:
    log, first = pruned()
    engine = Ingest("S1")
    assert engine.receive(log.message(14, 16)).gap == Gap("L1", 1)
    assert engine.heard("L1", log.head, first) == Gap("L1", first)
    outcome = engine.receive(log.message(first, log.head))
    assert (outcome.new_log, outcome.notes) == ("L1", [Skipped("L1", 1, 10), Opened("L1", 11, 1)])
    assert engine.position is not None
    assert engine.position.seq == log.head


def test_the_answer_to_a_request_may_say_it_too() -> None:
    """Not every broker hands a retained state to who comes later."""
    log, first = pruned()
    engine = Ingest("S1")
    engine.receive(log.message(first, log.head))
    engine.begins("L1", first)
    assert engine.gap() == Gap("L1", first)
    assert engine.receive(log.message(first, log.head)).new_log == "L1"


def test_an_opening_of_which_a_part_is_gone_is_replaced_by_the_next() -> None:
    log = Log().open().receive_many(2)
    log.open([["COLA", "backroom", None, "sellable", n + 1] for n in range(251)])  # 4 and 5
    log.receive_many(3).open(STOCK).receive_many(2)
    engine = upto(log, 4)
    assert engine.heard("L1", log.head, 9) == Gap("L1", 9)
    outcome = engine.receive(log.message(9, log.head))
    assert outcome.notes[0] == Skipped("L1", 5, 8)
    assert engine.position == Position("L1", log.head, log.hash, 1, 1)


@pytest.mark.parametrize(("enrolled", "code"), [(None, "key"), (OTHER, None)])
def test_a_key_that_was_exchanged_in_what_is_gone_must_be_enrolled(enrolled: str | None, code: str | None) -> None:
    log = Log().open().receive_many(3)
    log.rotate()
    log.open(STOCK).receive_many(2)
    engine = Ingest("S1", enrolled=lambda: enrolled)
    engine.key, engine.position = PUBLIC, Position("L1", 2, log.events[1].hash, 1, 1)
    engine.heard("L1", log.head, 6)
    outcome = engine.receive(log.message(6, log.head))
    assert codes(outcome) == [code] * (code is not None)
    if code is None:
        assert Rekeyed("L1", 6, PUBLIC, OTHER) in outcome.notes
    assert engine.key == (OTHER if code is None else PUBLIC)


# -- logs that grew from others ---------------------------------------------------------------------------------------

PARENT = Log("L1").open().receive_many(9)
CHILD = Log("L2").open(STOCK, PARENT.end()).receive_many(4)


def refuse(engine: Ingest, times: int, child: Log = CHILD) -> None:
    for _ in range(times):
        assert engine.gap() == Gap("L1", 5)
        engine.nothing_there("L1")


def test_the_end_of_a_log_that_its_store_has_left_is_skipped_once_the_store_refuses_it() -> None:
    engine = upto(PARENT, 4)
    engine.heard("L2", CHILD.head)
    assert engine.receive(CHILD.message(1, CHILD.head)).gap == Gap("L1", 5)
    refuse(engine, REFUSALS_MIN)
    assert engine.gap() == Gap("L2", 1)
    outcome = engine.receive(CHILD.message(1, CHILD.head))
    assert outcome.notes == [Skipped("L1", 5, PARENT.head), Opened("L2", 1, 1)]
    assert (outcome.new_log, outcome.refusals) == ("L2", [])
    assert codes(engine.receive(PARENT.message(5))) == ["fork"]


def test_refusals_before_something_came_say_nothing() -> None:
    engine = upto(PARENT, 4)
    engine.heard("L2", CHILD.head)
    engine.receive(CHILD.message(1, CHILD.head))
    refuse(engine, REFUSALS_MIN - 1)
    engine.receive(PARENT.message(5, 6))
    engine.nothing_there("L1")
    assert engine.receive(CHILD.message(1)).accepted == []
    outcome = engine.receive(PARENT.message(7, PARENT.head))
    assert outcome.new_log == "L2"
    assert not [one for one in outcome.notes if isinstance(one, Skipped)]


def test_a_store_that_does_not_say_that_it_is_on_the_new_log_cannot_refuse_the_old_one() -> None:
    engine = upto(PARENT, 4)
    engine.receive(CHILD.message(1, CHILD.head))
    for _ in range(3 * REFUSALS_MIN):
        engine.nothing_there("L1")
        assert engine.receive(CHILD.message(1, CHILD.head)).accepted == []
    assert engine.position is not None
    assert engine.position.log == "L1"


def test_a_store_that_is_back_on_the_old_log_has_refused_nothing() -> None:
    engine = upto(PARENT, 4)
    engine.heard("L2", CHILD.head)
    engine.receive(CHILD.message(1, CHILD.head))
    refuse(engine, REFUSALS_MIN)
    engine.heard("L1", PARENT.head)
    assert engine.receive(CHILD.message(1, CHILD.head)).accepted == []
    assert engine.gap() == Gap("L1", 5)


def test_what_was_held_of_a_log_that_is_left_is_let_go() -> None:
    engine = upto(PARENT, 4)
    engine.heard("L2", CHILD.head)
    engine.receive(CHILD.message(1, CHILD.head))
    for _ in range(REFUSALS_MIN):
        engine.nothing_there("L1")
    assert engine.receive(PARENT.message(7, 8)).held == 2
    assert engine.receive(CHILD.message(1)).new_log is None, "somebody has events of the old log"
    for _ in range(REFUSALS_MIN):
        engine.nothing_there("L1")
    assert len(engine._ahead) == 2
    assert engine.receive(CHILD.message(1, CHILD.head)).new_log == "L2"
    assert len(engine._ahead) == engine._ahead.size_bytes == 0


@pytest.mark.parametrize(
    ("child", "code"),
    [
        (Log("L2", key=OTHER_KEY).open(STOCK, PARENT.end()), "key"),
        (Log("L2").open(STOCK, {"log": "L0", "seq": 9, "hash": "a" * 64}), "fork"),
        (Log("L2").open(STOCK), "fork"),
        (Log("L2").open(STOCK, {"log": "L1", "seq": 3, "hash": PARENT.events[2].hash}), "parent"),
    ],
)
def test_refusals_open_no_door_for_a_fork(child: Log, code: str) -> None:
    engine = upto(PARENT, 4)
    engine.heard("L2", child.head)
    for _ in range(2 * REFUSALS_MIN):
        outcome = engine.receive(child.message(1))
        assert (codes(outcome), outcome.accepted) == ([code], [])
        assert code != "parent" or "jaego restore --from-hq" in outcome.refusals[0].reason
        engine.nothing_there("L1")


def test_a_new_log_may_be_pruned_too() -> None:
    child = Log("L2").open(STOCK, PARENT.end()).receive_many(4)
    child.open(STOCK, PARENT.end()).receive_many(2)
    engine = upto(PARENT, PARENT.head)
    assert engine.heard("L2", child.head, 6) == Gap("L2", 6)
    outcome = engine.receive(child.message(6, child.head))
    assert outcome.notes == [Skipped("L2", 1, 5), Opened("L2", 6, 1)]
    assert engine.position is not None
    assert engine.position.seq == child.head


# -- keys -------------------------------------------------------------------------------------------------------------


def test_the_next_key_signs_from_where_it_was_given_out() -> None:
    log = Log().open().receive_many(2)
    log.checkpoint()
    log.rotate()
    log.receive()
    log.checkpoint()
    engine = Ingest("S1")
    outcome = engine.receive(log.message(1, log.head))
    assert (codes(outcome), engine.key) == ([], OTHER)
    assert outcome.notes == [Opened("L1", 1, 1), Rekeyed("L1", 5, PUBLIC, OTHER)]
    log.checkpoint(KEY)
    assert codes(engine.receive(log.message(log.head))) == ["key"]


def test_a_key_is_given_out_by_the_one_before_alone() -> None:
    log = Log().open().receive_many(2)
    log.rotate(by=OTHER_KEY)
    engine = Ingest("S1")
    outcome = engine.receive(log.message(1, log.head))
    assert (codes(outcome), engine.key) == (["key"], PUBLIC)
    assert outcome.refusals[0].alarm
    assert outcome.gap == Gap("L1", 4)


@pytest.mark.parametrize("member", ["signature", "next_signature", "next"])
def test_a_rotation_that_not_both_have_signed_is_refused(member: str) -> None:
    log = Log().open()
    data = log.fork(1)
    sealed = orjson.loads(data.rotate().body)["data"]
    log.write("journal", {**sealed, member: ("00" * 64 if "signature" in member else PUBLIC)})
    engine = Ingest("S1")
    assert codes(engine.receive(log.message(1, 2))) == ["signature"]
    assert engine.key == PUBLIC


def test_a_key_that_was_given_out_signs_no_further_log() -> None:
    """Whoever enrolled it meant the log that it has signed."""
    log = Log().open().receive_many(2)
    log.rotate()
    child = Log("L2", key=OTHER_KEY).open(STOCK, log.end())
    engine = Ingest("S1", enrolled=lambda: PUBLIC)
    assert not engine.receive(log.message(1, log.head)).refusals
    assert not engine.receive(child.message(1)).refusals
    back = Log("L2").open(STOCK, log.end())
    engine = Ingest("S1", enrolled=lambda: PUBLIC)
    engine.receive(log.message(1, log.head))
    assert codes(engine.receive(back.message(1))) == ["key"]


def test_a_key_that_somebody_enrols_again_after_it_was_given_out_signs_the_next_log() -> None:
    log = Log().open()
    log.rotate()
    engine = Ingest("S1", enrolled=lambda: PUBLIC)
    engine.receive(log.message(1, log.head))
    engine.stored()
    assert not engine.receive(Log("L2").open(STOCK, log.end()).message(1)).refusals


# -- whatever order and loss ------------------------------------------------------------------------------------------


class Shop:
    """A store that writes, exchanges its key, prunes, and begins new logs; and answers head office as stores do."""

    def __init__(self) -> None:
        self.logs = [Log("L1").open()]
        self.first = 1
        self.stock: dict[StockKey, int] = {}

    @property
    def log(self) -> Log:
        return self.logs[-1]

    def opening(self) -> list[list[Any]]:
        return [[one.sku, one.zone, None, one.disposition, quantity] for one, quantity in self.stock.items()]

    def write(self, count: int) -> None:
        for number in range(count):
            sku = f"SKU-{number % 3}"
            self.log.receive(sku, 1 + number)
            key = StockKey(sku, "backroom", "", "sellable")
            self.stock[key] = self.stock.get(key, 0) + 1 + number

    def open(self, *, prune: bool) -> None:
        first, parent = self.log.head + 1, self.logs[-2].end() if len(self.logs) > 1 else None
        self.log.open(self.opening(), parent)
        self.first = first if prune else self.first

    def anew(self) -> None:
        old = self.log
        self.logs.append(Log(f"L{len(self.logs) + 1}", key=old.key).open(self.opening(), old.end()))
        self.first = 1

    def rotate(self) -> None:
        self.log.rotate(OTHER_KEY if self.log.key is KEY else KEY)

    def key(self) -> str:
        """A person has enrolled the key with which begins what the store still has."""
        found: str = orjson.loads(self.log.events[self.first - 1].body)["data"]["key"]
        return found


class Office:
    """Head office and its memory, which may be lost in part: `back` puts an old copy in its place."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.taken: list[Accepted] = []
        self.notes: list[Note] = []
        self.copy: tuple[list[Accepted], list[Note], Position | None, str | None] = ([], [], None, None)
        self.make(None, None)

    def make(self, position: Position | None, key: str | None) -> None:
        self.engine = Ingest(
            "S1", position=position, key=key, hash_at=self.hash_at, enrolled=self.shop.key,
            knows=lambda log: any(one.log == log for one in self.taken),
        )  # fmt: skip

    def hash_at(self, log: str, seq: int) -> str | None:
        return next((one.hash for one in self.taken if (one.log, one.seq) == (log, seq)), None)

    def backup(self) -> None:
        self.copy = (list(self.taken), list(self.notes), self.engine.position, self.engine.key)

    def back(self) -> None:
        taken, notes, position, key = self.copy
        self.taken, self.notes = list(taken), list(notes)
        self.make(position, key)

    def hear(self, log: Log, first: int, last: int) -> None:
        if first > log.head:
            return
        self.engine.stored()  # a round each
        outcome = self.engine.receive(log.message(first, min(last, log.head, first + 99)))
        assert not outcome.refusals, outcome.refusals[0].reason
        self.taken += outcome.accepted
        self.notes += outcome.notes

    def stock(self) -> dict[StockKey, int]:
        found = Standing()
        for one in self.taken:
            found.begun = found.begun and self.hash_at(one.log, one.seq - 1) is not None
            own.fold(found, one.event)
        return {key: quantity for key, quantity in found.stock.items() if quantity}

    def catch_up(self) -> None:
        """The store says where it is, and answers what it is asked, until nothing is missing."""
        for _ in range(60):
            gap = self.engine.heard(self.shop.log.name, self.shop.log.head, self.shop.first)
            if gap is None:
                return
            if gap.log != self.shop.log.name:
                self.engine.nothing_there(gap.log)
            else:
                self.hear(self.shop.log, max(gap.seq, self.shop.first), gap.seq + 98)
        raise AssertionError(f"asks for ever: {self.engine.gap()}")


ACTS = ("prune", "open", "rotate", "anew", "backup", "back", "restart", "state", "sync")
STEPS = st.one_of(
    st.tuples(st.just("write"), st.integers(1, 8)),
    st.tuples(st.just("send"), st.tuples(st.integers(0, 12), st.integers(0, 12))),
    st.tuples(st.sampled_from(ACTS), st.none()),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_whatever_is_lost_pruned_and_begun_anew_stock_is_right_and_what_is_gone_is_told(
    steps: list[tuple[str, Any]],
) -> None:
    shop = Shop()
    office = Office(shop)
    for step, how in steps:
        match step:
            case "write":
                shop.write(how)
            case "send":
                last = max(shop.first, shop.log.head - how[0])
                office.hear(shop.log, max(shop.first, last - how[1]), last)
            case "prune" | "open":
                shop.open(prune=step == "prune")
            case "anew":
                office.catch_up()  # a store that begins anew has sent the old log, or head office is set back later
                shop.anew()
            case "backup":
                office.backup()
            case "back":
                if office.copy[2] is None or office.copy[2].log in {shop.log.name, *(x.name for x in shop.logs[-2:-1])}:
                    office.back()
            case "restart":
                office.make(office.engine.position, office.engine.key)
            case "state":
                office.engine.heard(shop.log.name, shop.log.head, shop.first)
            case "rotate":
                shop.rotate()
            case _:
                office.catch_up()
    office.catch_up()
    assert office.engine.position is not None
    assert (office.engine.position.log, office.engine.position.seq) == (shop.log.name, shop.log.head)
    assert office.stock() == shop.stock
    check_told(office, shop)


def check_told(office: Office, shop: Shop) -> None:
    """Of every log that head office has, each event is there or skipped, once; and skipped ones are gone."""
    gone = {(one.log, seq) for one in office.notes if isinstance(one, Skipped) for seq in range(one.seq_from, one.seq_to + 1)}  # fmt: skip  # noqa: E501
    have = [(one.log, one.seq) for one in office.taken]
    assert len(have) == len(set(have))
    assert not gone & set(have)
    for log in shop.logs:
        if any(name == log.name for name, _ in have):
            assert {seq for name, seq in gone | set(have) if name == log.name} == set(range(1, log.head + 1))
    assert all(seq < shop.first for name, seq in gone if name == shop.log.name)


@pytest.mark.parametrize("gone", [0, 3])
def test_numbers_that_go_on_behind_the_parent_s_were_never_any(gone: int) -> None:
    """A store's new log begins behind the event that it grows from; what it has pruned since is another row."""
    seq = PARENT.head + 1 + gone
    place: dict[str, Any] = {"store": "S1", "log": "L2", "seq": seq, "prev": "a" * 64 if gone else GENESIS}
    [part] = opening.opening_parts(STOCK, [], PARENT.end())
    child = Log("L2")
    child.write("journal", opening.sign(KEY.sign, PUBLIC, data=part, **place), **place)
    engine = upto(PARENT, PARENT.head)
    assert engine.heard("L2", seq, seq) == Gap("L2", seq)
    outcome = engine.receive(child.message(1))
    assert outcome.refusals == []
    pruned = [Skipped("L2", PARENT.head + 1, seq - 1)] if gone else []
    assert outcome.notes == [Skipped("L2", 1, PARENT.head), *pruned, Opened("L2", seq, 1)]
