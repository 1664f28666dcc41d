"""The engine: every event once and in order, whatever comes; what is refused, and that nothing raises."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.chain import GENESIS, seal
from contract.messages import MESSAGE_SIZE_BYTES_MAX
from contract.opening import read_opening
from headoffice import ahead, beginnings
from headoffice.ahead import EVENTS_MAX
from headoffice.ingest import Accepted, Gap, Ingest, Outcome, Position
from tests.headoffice.logs import OTHER_KEY, Log, line


class HeadOffice:
    """An engine, and a memory of what it accepted; `stored` is what a database would have."""

    def __init__(self, store: str = "S1") -> None:
        self.taken: list[Accepted] = []
        self.stored: dict[tuple[str, int], str] = {}
        self.engine = Ingest(store, hash_at=self.hash_at, knows=self.knows)

    def hash_at(self, log: str, seq: int) -> str | None:
        return self.stored.get((log, seq))

    def knows(self, log: str) -> bool:
        return any(name == log for name, _ in self.stored)

    def receive(self, message: bytes, kind: str | None = None, *, save: bool = True) -> Outcome:
        outcome = self.engine.receive(message, kind)
        self.taken += outcome.accepted
        if save:
            self.save()
        return outcome

    def save(self) -> None:
        self.stored = {(one.log, one.seq): one.hash for one in self.taken}

    def restart(self) -> None:
        """From what is stored; everything that only the engine knew is gone."""
        self.taken = [one for one in self.taken if (one.log, one.seq) in self.stored]
        self.engine = Ingest(
            self.engine.store,
            position=self.engine.position,
            key=self.engine.key,
            hash_at=self.hash_at,
            knows=self.knows,
        )

    def seqs(self, log: str = "L1") -> list[int]:
        return [one.seq for one in self.taken if one.log == log]

    def follow(self, log: Log) -> HeadOffice:
        for kind, payload in log.batches():
            assert not self.receive(payload, kind).refusals
        return self


def stock(taken: list[Accepted]) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}
    for one in taken:
        for key, delta in one.deltas:
            found[key] = found.get(key, 0) + delta
    return found


def codes(outcome: Outcome) -> list[str]:
    return [one.code for one in outcome.refusals]


# -- order, duplicates, loss ------------------------------------------------------------------------------------------


def test_events_that_come_in_order_are_accepted_once() -> None:
    log = Log().open().receive_many(5)
    office = HeadOffice().follow(log)
    assert office.seqs() == [1, 2, 3, 4, 5, 6]
    assert office.engine.position == Position("L1", 6, log.hash, 1, 1)
    again = office.receive(log.message(1, 6))
    assert (again.accepted, again.refusals, again.duplicates, again.gap) == ([], [], 6, None)
    assert [one.body for one in office.taken] == [one.body for one in log.events]


def test_a_gap_is_named_and_what_waits_is_accepted_when_it_closes() -> None:
    log = Log().open().receive_many(9)
    office = HeadOffice()
    office.receive(log.message(1, 3))
    assert office.receive(log.message(6, 8)).gap == Gap("L1", 4)
    assert office.receive(log.message(6, 8)).duplicates == 3
    assert office.receive(log.message(10)).gap == Gap("L1", 4)
    assert [one.seq for one in office.receive(log.message(4, 5)).accepted] == [4, 5, 6, 7, 8]
    assert office.engine.gap() == Gap("L1", 9)
    assert office.receive(log.message(9)).gap is None
    assert office.seqs() == list(range(1, 11))


def test_the_opening_that_is_missing_is_asked_for() -> None:
    log = Log().open().receive_many(3)
    office = HeadOffice()
    assert office.receive(log.message(3, 4)).gap == Gap("L1", 1)
    assert office.receive(log.message(1, 2)).gap is None
    assert office.seqs() == [1, 2, 3, 4]


def test_a_new_head_office_asks_an_old_store_for_everything() -> None:
    """Its first message is far ahead of what is held."""
    office = HeadOffice()
    place = {"store": "S1", "log": "L1", "seq": 50_000, "id": "x", "occurred_at": "x", "recorded_at": "x"}
    late = seal("movement", {"kind": "received", "lines": [line()]}, {**place, "clock": "synced", "source": {}, "prev": GENESIS})  # fmt: skip  # noqa: E501
    outcome = office.receive(b'{"store":"S1","log":"L1","events":[%b]}' % late.body)
    assert (outcome.dropped, outcome.gap) == (1, Gap("L1", 1))


def messages_of(log: Log) -> st.SearchStrategy[list[tuple[int, int]]]:
    cuts = st.integers(1, log.head).flatmap(
        lambda first: st.tuples(st.just(first), st.integers(first, min(log.head, first + 9)))
    )
    return st.lists(cuts, max_size=30)


LOG = Log().open([["COLA", "backroom", None, "sellable", 5]]).receive_many(30)
LOG.look()
LOG.receive_many(8)


@settings(max_examples=60)
@given(messages_of(LOG), st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_any_order_any_loss_any_restart_and_then_a_replay_is_exactly_once(
    cuts: list[tuple[int, int]], unsaved: set[int], restarts: set[int]
) -> None:
    office = HeadOffice()
    for number, (first, last) in enumerate(cuts):
        outcome = office.receive(LOG.message(first, last), save=number not in unsaved)
        assert not outcome.refusals
        if number in restarts:
            office.save()
            office.restart()
        assert office.seqs() == list(range(1, len(office.taken) + 1))
    asked = 0
    while (gap := office.engine.heard("L1", LOG.head)) is not None:
        asked += 1
        assert asked < 50, "asks for ever"
        office.receive(LOG.message(gap.seq, min(LOG.head, gap.seq + 4)))
    assert office.seqs() == list(range(1, LOG.head + 1))
    assert [one.body for one in office.taken] == [one.body for one in LOG.events]
    assert stock(office.taken) == stock(HeadOffice().follow(LOG).taken)


PARENT = Log("L1").open().receive_many(6)
CHILD = Log("L2").open([["COLA", "backroom", None, "sellable", 3]] * 300, PARENT.end()).receive_many(5)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.booleans(), messages_of(CHILD)), max_size=8), st.booleans())
def test_two_logs_in_any_order_are_followed_one_after_the_other(
    rounds: list[tuple[bool, list[tuple[int, int]]]], save: bool
) -> None:
    office = HeadOffice()
    for child, cuts in rounds:
        for first, last in cuts:
            log = CHILD if child else PARENT
            outcome = office.receive(log.message(min(first, log.head), min(last, log.head)), save=save)
            assert not [one for one in outcome.refusals if one.code != "fork"]
    # The parent ends by itself; then the store only knows the child, and sends what head office asks of either.
    for _ in range(40):
        gap = office.engine.heard("L2", CHILD.head)
        if gap is None:
            break
        log = CHILD if gap.log == "L2" else PARENT
        office.receive(log.message(gap.seq, min(log.head, gap.seq + 4)))
    begun = [one.log for one in office.taken if one.seq == 1]
    assert office.seqs("L2") == list(range(1, CHILD.head + 1))
    assert begun in (["L1", "L2"], ["L2"])
    if begun == ["L1", "L2"]:
        assert office.seqs("L1") == list(range(1, PARENT.head + 1))


# -- limits -----------------------------------------------------------------------------------------------------------


def test_only_so_many_events_are_held() -> None:
    log = Log().open().receive_many(EVENTS_MAX + 50)
    office = HeadOffice()
    office.receive(log.message(1))
    outcomes = [office.receive(log.message(seq, seq + 49)) for seq in range(3, log.head - 47, 50)]
    assert sum(one.held for one in outcomes) == EVENTS_MAX - 1  # up to seq 1 + 1,000, without 2
    assert sum(one.dropped for one in outcomes) > 0
    assert outcomes[-1].gap == Gap("L1", 2)
    office.receive(log.message(2))
    assert office.engine.position is not None
    assert office.engine.position.seq == EVENTS_MAX + 1
    assert office.engine.gap() == Gap("L1", EVENTS_MAX + 2)
    assert not office.engine._ahead
    assert office.engine._ahead.size_bytes == 0


def test_only_so_many_bytes_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "SIZE_BYTES_MAX", 2000)
    log = Log().open().receive_many(20)
    office = HeadOffice()
    office.receive(log.message(1))
    outcome = office.receive(log.message(3, 20))
    assert outcome.held + outcome.dropped == 18
    assert 0 < outcome.held < 10
    assert office.engine._ahead.size_bytes <= 2000
    office.receive(log.message(2))
    assert office.receive(log.message(2, 21)).gap is None


def test_a_message_has_a_size_and_a_count() -> None:
    log = Log().open().receive_many(100)
    office = HeadOffice()
    assert codes(office.receive(log.message(1, 101))) == ["shape"]
    assert not office.receive(log.message(1, 100)).refusals
    assert codes(office.receive(log.message(101) + b" " * MESSAGE_SIZE_BYTES_MAX)) == ["size"]


# -- what the store says of itself ------------------------------------------------------------------------------------


def test_a_head_that_is_further_is_a_gap_until_the_store_denies_it() -> None:
    log = Log().open().receive_many(2)
    office = HeadOffice().follow(log)
    assert office.engine.heard("L1", 3) is None
    assert office.engine.heard("L1", 2) is None
    assert office.engine.heard("L1", 9) == Gap("L1", 4)
    office.engine.nothing_there("L1")
    assert office.engine.gap() is None


def test_a_store_never_heard_of_is_asked_for_its_beginning() -> None:
    engine = Ingest("S1")
    assert engine.heard("L1", 0) is None
    assert engine.heard("L1", 7) == Gap("L1", 1)
    engine.nothing_there("L1")
    assert engine.gap() is None


@pytest.mark.parametrize("log", ["", "a/b", "\x1b[2J", "재고", "x" * 65, "+"])
def test_a_log_name_that_cannot_be_is_not_asked_for(log: str) -> None:
    assert Ingest("S1").heard(log, 5) is None


def test_the_state_of_an_old_log_asks_for_nothing() -> None:
    office = HeadOffice().follow(PARENT).follow(CHILD)
    assert office.engine.heard("L1", 99) is None
    assert office.engine.heard("L3", 5) == Gap("L3", 1)


# -- forks, keys, new logs --------------------------------------------------------------------------------------------


def test_one_place_with_two_contents_is_a_fork() -> None:
    log = Log().open().receive_many(5)
    twin = log.fork(3)
    twin.receive("BEER", 9)
    office = HeadOffice().follow(log)
    outcome = office.receive(twin.message(2, 4))
    assert codes(outcome) == ["fork"]
    assert outcome.refusals[0].alarm
    assert outcome.refusals[0].seq == 4
    assert office.receive(log.message(2, 5)).refusals == []


def test_a_twin_that_is_ahead_is_refused_and_the_right_event_heals_it() -> None:
    log = Log().open().receive_many(3)
    twin = log.fork(3)
    twin.receive("BEER", 9)
    twin.receive("BEER", 9)
    office = HeadOffice().follow(log)
    outcome = office.receive(twin.message(5))
    assert (codes(outcome), outcome.gap) == (["prev"], Gap("L1", 5))
    log.receive()
    assert [one.seq for one in office.receive(log.message(5)).accepted] == [5]


def test_a_wrong_event_that_waited_is_refused_when_its_turn_comes() -> None:
    log = Log().open().receive_many(3)
    twin = log.fork(2)
    twin.receive("BEER", 9)
    twin.receive("BEER", 9)
    office = HeadOffice()
    office.receive(log.message(1, 2))
    assert office.receive(twin.message(4)).held == 1
    outcome = office.receive(log.message(3))
    assert (codes(outcome), outcome.gap) == (["prev"], Gap("L1", 4))
    assert office.receive(log.message(4)).gap is None


def test_a_second_key_is_an_alarm() -> None:
    office = HeadOffice().follow(PARENT)
    outcome = office.receive(Log("L2", key=OTHER_KEY).open((), PARENT.end()).message(1))
    assert codes(outcome) == ["key"]
    assert office.engine.position == Position("L1", PARENT.head, PARENT.hash, 1, 1)


def test_an_opening_with_a_wrong_signature_is_refused() -> None:
    log = Log().open()
    data = orjson.loads(log.events[0].body)["data"]
    bad = Log()
    bad.write("journal", {**data, "signature": "00" * 64})
    moved = Log("L9")
    moved.write("journal", data)
    for one in (bad, moved):
        assert codes(HeadOffice().receive(one.message(1))) == ["signature"]


def test_a_new_log_goes_on_where_its_parent_ended() -> None:
    office = HeadOffice().follow(PARENT)
    outcome = office.receive(CHILD.message(1))
    assert outcome.new_log == "L2"
    assert office.engine.position == Position("L2", 1, CHILD.events[0].hash, 1, 2)
    office.follow(CHILD)
    assert office.engine.position == Position("L2", CHILD.head, CHILD.hash, 2, 2)


def test_a_new_log_that_waits_is_checked_when_it_comes_and_when_its_turn_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    parent = Log("L1").open().receive_many(50)
    child = Log("L2").open((), parent.end())
    checked: list[str] = []

    def counted(event: dict[str, Any], key: str | None = None) -> Any:
        checked.extend([event["log"]] if event["data"].get("kind") == "opening" else [])
        return read_opening(event, key)

    monkeypatch.setattr(beginnings, "read_opening", counted)
    office = HeadOffice()
    office.receive(parent.message(1))
    office.receive(child.message(1))
    for seq in range(2, parent.head):
        office.receive(parent.message(seq))
    assert checked.count("L2") == 1
    office.receive(parent.message(parent.head))
    assert checked.count("L2") == 2  # may it begin: when it came, and when its turn came
    assert office.engine.position == Position("L2", 1, child.hash, 1, 1)


def test_a_new_log_waits_for_the_end_of_its_parent() -> None:
    office = HeadOffice()
    office.receive(PARENT.message(1, 4))
    assert office.receive(CHILD.message(1, 3)).gap == Gap("L1", 5)
    outcome = office.receive(PARENT.message(5, PARENT.head))
    assert outcome.new_log == "L2"
    assert [(one.log, one.seq) for one in outcome.accepted][-3:] == [("L2", 1), ("L2", 2), ("L2", 3)]


@pytest.mark.parametrize(
    ("parent", "code"),
    [
        ({"log": "L1", "seq": 3, "hash": PARENT.events[2].hash}, "parent"),
        ({"log": "L1", "seq": PARENT.head, "hash": "f" * 64}, "parent"),
        ({"log": "L0", "seq": 1, "hash": "f" * 64}, "fork"),
        (None, "fork"),
    ],
)
def test_a_new_log_from_elsewhere_is_an_alarm(parent: dict[str, Any] | None, code: str) -> None:
    office = HeadOffice().follow(PARENT)
    outcome = office.receive(Log("L2").open((), parent).message(1))
    assert codes(outcome) == [code]
    assert outcome.refusals[0].alarm
    assert outcome.gap is None


@pytest.mark.parametrize("save", [True, False])
def test_an_old_log_that_comes_back_is_a_fork(save: bool) -> None:
    old = Log("L1").open().receive_many(6)
    office = HeadOffice()
    for log in (old, CHILD):
        for kind, payload in log.batches():
            office.receive(payload, kind, save=save)
    assert office.receive(old.message(2, 6), save=save).duplicates == 5
    old.receive()
    outcome = office.receive(old.message(old.head), save=save)
    assert (codes(outcome), outcome.gap) == (["fork"], None)


def test_two_children_of_one_parent_are_a_fork() -> None:
    office = HeadOffice().follow(PARENT).follow(CHILD)
    assert codes(office.receive(Log("L3").open((), PARENT.end()).message(1))) == ["fork"]


def test_an_opening_later_in_a_log_must_come_whole() -> None:
    log = Log().open().receive_many(2)
    log.open([["COLA", "backroom", None, "sellable", n + 1] for n in range(251)])
    office = HeadOffice().follow(log)
    assert office.engine.position == Position("L1", 5, log.hash, 2, 2)
    broken = log.fork(4)
    broken.receive()
    office = HeadOffice()
    office.receive(broken.message(1, 4))
    assert codes(office.receive(broken.message(5))) == ["opening"]


@pytest.mark.parametrize(
    "changes",
    [
        {"part": 2, "parts": 2},
        {"part": 2, "parts": 1},
        {"part": "1"},
        {"part": True},
        {"state": {"stock": [["COLA", "backroom", None, "sellable", "5"]], "sessions": []}},
        {"state": {"stock": [["COLA", "backroom"]], "sessions": []}},
        {"state": {}},
    ],
)
def test_an_opening_out_of_shape_begins_nothing(changes: dict[str, Any]) -> None:
    office = HeadOffice()
    assert codes(office.receive(Log().open(changes=changes).message(1))) == ["opening"]
    assert office.engine.position is None


def test_a_log_begins_with_an_opening() -> None:
    log = Log().receive_many(2)
    office = HeadOffice()
    outcome = office.receive(log.message(1, 2))
    assert codes(outcome) == ["opening"]
    office.engine.nothing_there("L1")
    assert not office.engine._ahead


# -- what is refused --------------------------------------------------------------------------------------------------


def body(**changes: Any) -> dict[str, Any]:
    return {**orjson.loads(Log().open().events[0].body), **changes}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"", "shape"),
        (b"\xff\xfe", "shape"),
        (b"[]", "shape"),
        (b"{}", "store"),
        (b'{"store":"S2","log":"L1","events":[]}', "store"),
        (b'{"store":"S1","log":"L1","events":[]}', "shape"),
        (b'{"store":"S1","log":5,"events":[{}]}', "shape"),
        (b'{"store":"S1","log":"L1","events":{"a":1}}', "shape"),
        (b'{"store":"S1","log":"L1","events":[1]}', "shape"),
        (b'{"store":"S1","log":"L1","events":[{"seq":18446744073709551615}]}', "shape"),
        (b'{"store":"S1","log":"L1","events":[{"seq":1e400}]}', "shape"),
        (b'{"store":"S1","log":"\\ud800","events":[1]}', "shape"),
        (b'{"store":"S1","log":"L1","events":[' + b"[" * 300 + b"]" * 300 + b"]}", "shape"),
        (b"[" * 5000, "shape"),
    ],
)
def test_messages_out_of_shape_are_refused(message: bytes, code: str) -> None:
    office = HeadOffice()
    assert codes(office.receive(message)) == [code]
    assert not office.taken


@pytest.mark.parametrize(
    "changes",
    [{"store": "S2"}, {"log": "L2"}, {"data": {}}, {"seq": 2}, {"hash": "0" * 64}, {"hash": None}, {"type": "sale"}],
)
def test_a_changed_event_is_refused(changes: dict[str, Any]) -> None:
    message = orjson.dumps({"store": "S1", "log": "L1", "events": [body(**changes)]})
    office = HeadOffice()
    assert office.receive(message).refusals
    assert office.engine.position is None


def test_a_damaged_known_event_is_told_as_damage_and_no_fork() -> None:
    log = Log().open().receive_many(2)
    office = HeadOffice().follow(log)
    damaged = log.message(3).replace(log.hash.encode(), b"0" * 64)
    assert codes(office.receive(damaged)) == ["hash"]
    assert codes(office.receive(b'{"store":"S1","log":"L1","events":[{"seq":2}]}')) == ["shape"]


def test_an_event_on_the_topic_of_another_type_is_refused_and_asked_for() -> None:
    log = Log().open().receive_many(1)
    office = HeadOffice()
    office.receive(log.message(1), "journal")
    outcome = office.receive(log.message(2), "count")
    assert (codes(outcome), outcome.gap) == (["shape"], Gap("L1", 2))


@pytest.mark.parametrize(
    "lines", [None, [], [5], [line(quantity=0)], [line(quantity="1")], [line(), {**line(), "to": None}], {"a": 1}]
)
def test_a_movement_that_says_nothing_definite_moves_nothing_and_is_an_alarm(lines: Any) -> None:
    """The log goes on: nobody can change what a store wrote, and refusing it would stop that store for ever."""
    log = Log().open()
    log.write("movement", {"kind": "received", "lines": lines})
    log.receive()
    office = HeadOffice()
    outcome = office.receive(log.message(1, 3))
    assert office.seqs() == [1, 2, 3]
    assert outcome.accepted[1].deltas == ()
    if lines != []:
        assert [(one.code, one.seq, one.alarm) for one in outcome.refusals] == [("stock", 2, True)]


def test_a_reason_is_one_short_printable_line() -> None:
    office = HeadOffice()
    event = body(**{"\x1b[2J" + "x" * 1000: 1.5})
    outcome = office.receive(orjson.dumps({"store": "S1", "log": "\x1b\n" * 40, "events": [event, {"seq": 2**63}]}))
    assert len(outcome.refusals) == 2
    for one in outcome.refusals:
        assert one.reason.isprintable()
        assert len(one.reason) < 1300
        assert one.log is None
    assert outcome.refusals[1].seq is None


def test_what_is_nested_too_deeply_to_be_written_down_is_still_told() -> None:
    deep = b'{"store":"S1","log":"L1","events":[{"seq":1,"a":' + b"[" * 500 + b"]" * 500 + b"}]}"
    refusal = HeadOffice().receive(deep).refusals[0]
    assert (refusal.code, refusal.body) == ("shape", b"")


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64) + 1, 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
members = st.dictionaries(st.sampled_from([*body(), "kind"]), values, max_size=4)


def spoil(event: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {**event, **changes}


@settings(max_examples=150)
@given(st.lists(st.one_of(st.binary(max_size=60), values, st.lists(st.tuples(st.integers(0, 9), members))), max_size=6))
def test_hostile_messages_never_raise_and_never_get_in(found: list[Any]) -> None:
    log = Log().open().receive_many(9)
    good = [orjson.loads(one.body) for one in log.events]
    office = HeadOffice()
    office.receive(log.message(1, 5))
    for one in found:
        if isinstance(one, bytes):
            message = one
        elif isinstance(one, list) and all(isinstance(pair, tuple) for pair in one):
            events = [spoil(good[index], changes) for index, changes in one]
            message = _dumped({"store": "S1", "log": "L1", "events": events})
        else:
            message = _dumped({"store": "S1", "log": "L1", "events": one})
        outcome = office.receive(message)
        assert all(accepted.body == log.events[accepted.seq - 1].body for accepted in outcome.accepted)
    office.receive(log.message(1, 10))
    office.receive(log.message(1, 10))
    assert office.seqs() == list(range(1, 11))


def _dumped(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except (orjson.JSONEncodeError, TypeError):
        return b"{"


@settings(max_examples=150)
@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=3), st.sampled_from([bytes.__add__, None]))
def test_a_message_with_wrong_bytes_in_it_takes_nothing_wrong_in(
    place: int, junk: bytes, how: Callable[..., bytes] | None
) -> None:
    log = Log().open().receive_many(3)
    message = log.message(1, 4)
    place %= len(message)
    rest = message[place:] if how else message[place + len(junk) :]
    office = HeadOffice()
    outcome = office.receive(message[:place] + junk + rest)
    assert [one.body for one in outcome.accepted] == [one.body for one in log.events[: len(outcome.accepted)]]


class StepByStep(Ingest):
    """An engine that takes nothing in at a stretch."""

    def _straight(self, *_: object) -> int:
        return 0


DAMAGES: list[Callable[[dict[str, Any]], object]] = [
    lambda event: event["data"].update(quantity=1.5),
    lambda event: event.update(seq=event["seq"] + 1),
    lambda event: event.update(prev=GENESIS),
    lambda event: event.update(log="L2"),
    lambda event: event.update(store="S2"),
    lambda event: event.update(type="journal"),
    lambda event: event.pop("id"),
    lambda event: event.update(hash=5),
]


@given(st.data())
def test_taking_in_at_a_stretch_and_one_by_one_come_to_the_same(data: st.DataObject) -> None:
    log = Log().open()
    for number in range(data.draw(st.integers(1, 12))):
        kind = data.draw(st.sampled_from(["movement", "bad", "opening", "journal"]))
        if kind == "opening":
            log.open()
        elif kind == "journal":
            log.write("journal", {"kind": "looked_up", "sku": "COLA", "on_hand": number})
        else:
            log.receive("COLA", 0 if kind == "bad" else 1 + number)
    quick, slow = HeadOffice(), HeadOffice()
    slow.engine = StepByStep("S1", hash_at=slow.hash_at, knows=slow.knows)
    for _ in range(data.draw(st.integers(1, 6))):
        first = data.draw(st.integers(1, log.head))
        message = orjson.loads(log.message(first, data.draw(st.integers(first, log.head))))
        if data.draw(st.integers(0, 3)) == 0:
            event = data.draw(st.sampled_from(message["events"]))
            data.draw(st.sampled_from(DAMAGES))(event)
            if data.draw(st.booleans()):  # by somebody who knows how
                bare = {key: value for key, value in event.items() if key != "hash"}
                event["hash"] = sha256(orjson.dumps(bare, option=orjson.OPT_SORT_KEYS)).hexdigest()
        kind = data.draw(st.sampled_from([None, None, "movement"]))
        payload = orjson.dumps(message)
        assert quick.receive(payload, kind) == slow.receive(payload, kind)
        assert (quick.engine.position, quick.stored) == (slow.engine.position, slow.stored)
