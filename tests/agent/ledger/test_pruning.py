"""Pruning: when an opening is due, up to where a log may go, and that what is left is a log that verifies, rebuilds and
takes events, wherever it was interrupted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import LedgerCorrupt, LedgerUnusable
from agent.ledger import files, pruning, rebuild
from agent.ledger.checking import check_whole
from agent.ledger.checkpoints import Rule
from agent.ledger.log import Ledger
from agent.ledger.openings import prepare
from agent.ledger.proofs import proof
from agent.ledger.pruning import Opening, Plan, Pruner, Retention, is_due, openings_in, plan, shut, sweep
from agent.ledger.reader import Reader, verify, walk
from agent.ledger.snapshots import take
from contract.chain import ChainError
from tests.agent.clocks import FakeClock
from tests.agent.ledger.stated import same_again
from tests.agent.ledger.test_ledger import SEOUL, append, movement, open_ledger

DAY_S = 86_400
DAY_US = DAY_S * 1_000_000
RULE = Retention(7 * DAY_S, 90 * DAY_S, 5_000, ("headoffice",))


class Store:
    """A signed ledger under a clock that the test drives, and its pruner. `count` is the stock that there must be."""

    def __init__(self, folder: Path, rule: Retention = RULE) -> None:
        self.folder, self.rule, self.clock = folder, rule, FakeClock()
        self.said: list[tuple[str, str, int]] = []
        self.pruned: list[int] = []
        self.count = 0
        self.open()

    def open(self) -> None:
        self.ledger = Ledger(self.folder, store="S1", clock=self.clock, stamper=SEOUL, rule=Rule(events=50))
        self.ledger.start()
        self.pruner = Pruner(
            self.folder, self.ledger, self.rule, clock=self.clock, say=self.say, on_pruned=self.pruned.append
        )

    def say(self, subject: str, text: str, *, hint: str = "", level: int = 5) -> None:
        assert hint or level > 4
        self.said.append((subject, text, level))

    def work(self, events: int) -> None:
        append(self.ledger, *[movement()] * events)
        self.count += events

    def acknowledge(self, seq: int, name: str = "headoffice") -> None:
        statement = "INSERT INTO position VALUES (?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq"
        self.ledger.call(lambda tx: tx.execute(statement, (name, seq)))

    def days(self, days: float) -> None:
        self.clock.advance(days * DAY_S)

    def look(self, times: int = 2) -> None:
        """Twice: the first look sees that nothing happens."""
        for _ in range(times):
            self.pruner.look()

    def opened(self) -> int:
        """An opening in mid-log: its first event."""
        return int(self.ledger.call(self.ledger.opening()))

    def shut(self, below: int) -> None:
        self.ledger.call(lambda tx: shut(tx, below, (), forced=False))

    def check(self) -> Reader:
        """Every promise about what is there; the reader is the caller's."""
        check_whole(self.folder)
        reader = Reader(self.folder)
        assert verify(reader)["head"] == self.ledger.head
        assert same_again(reader)["stock"] == ([("COLA", "backroom", "", "sellable", self.count)] if self.count else [])
        return reader

    def span(self) -> tuple[int, int]:
        with closing(self.check()) as reader:
            return reader.first(), reader.head()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    yield made
    made.ledger.close()


# -- when, and up to where ---------------------------------------------------------------------------------------------


def test_an_opening_waits_for_a_quiet_moment_but_not_for_ever() -> None:
    newest = Opening(10, 12, 0)

    def due(days: float, head: int = 20, *, quiet: bool = True) -> bool:
        return is_due(RULE, newest, head, int(days * DAY_US), quiet=quiet)

    assert [due(6.9), due(7), due(13.9, quiet=False), due(14, quiet=False)] == [False, True, False, True]
    assert not due(30, head=12), "nothing has come since"
    assert not is_due(RULE, newest, 20, None, quiet=True), "nobody knows what day it is"
    assert not is_due(RULE, Opening(10, 12, None), 20, 30 * DAY_US, quiet=True)


OPENINGS = [Opening(1, 1, 0), Opening(100, 101, 0), Opening(200, 201, 10 * DAY_US), Opening(300, 301, 20 * DAY_US)]


@pytest.mark.parametrize(
    ("days", "delivered", "head", "expected"),
    [
        (89, 400, 400, Plan()),
        (90, 400, 400, Plan(100)),
        (101, 400, 400, Plan(200)),
        (101, 199, 400, Plan(200)),
        (101, 198, 400, Plan(100)),
        (500, 98, 400, Plan()),
        (500, 400, 400, Plan(300)),
        (None, 400, 400, Plan()),
        (0, 400, 5_001, Plan()),
        (0, 400, 5_002, Plan(100)),
        (0, 50, 5_002, Plan(100, forced=True)),
        (None, 50, 5_102, Plan(200, forced=True)),
        (101, 199, 5_102, Plan(200)),
        (500, 400, 5_002, Plan(300)),
        (0, 400, 5_302, Plan(full=True)),
        (101, 199, 5_302, Plan(200, full=True)),
    ],
)
def test_up_to_where_a_log_may_go(days: int | None, delivered: int, head: int, expected: Plan) -> None:
    now_us = None if days is None else days * DAY_US
    assert plan(RULE, OPENINGS, head, {"headoffice": delivered, "once": 0}, now_us) == expected


def test_without_consumers_age_alone_decides() -> None:
    assert plan(RULE._replace(consumers=()), OPENINGS, 400, {}, 101 * DAY_US) == Plan(200)


def test_an_opening_at_a_time_that_nobody_trusts_is_none_to_prune_at() -> None:
    openings = [OPENINGS[0], Opening(100, 101, None), OPENINGS[2]]
    assert plan(RULE, openings, 400, {"headoffice": 400}, 99 * DAY_US) == Plan()
    assert plan(RULE, openings, 5_002, {"headoffice": 400}, 99 * DAY_US) == Plan(100), "too many are too many"


# -- a store over months -----------------------------------------------------------------------------------------------


def test_a_store_over_half_a_year(store: Store) -> None:
    for week in range(30):
        store.work(20)
        store.acknowledge(store.ledger.head)
        store.look()
        first, head = store.span()
        assert head - first < 14 * 30, "what is kept stays bounded"
        assert first == 1 or week > 13
        store.days(7)
    assert store.pruned == sorted(set(store.pruned))
    assert len(store.pruned) == 16
    with closing(store.check()) as reader:
        assert reader.openings() == [one.first for one in openings_in(reader)]
        assert reader.events(1, 1)[0][0] == store.pruned[-1] == store.pruner.first
        verify(reader, None, {store.ledger._signed()._signer[1]})
    raw = sqlite3.connect(store.folder / files.DATABASE)
    assert raw.execute("SELECT MIN(seq) FROM event").fetchone()[0] == store.pruned[-1]
    raw.close()


def test_what_somebody_has_not_acknowledged_stays(store: Store) -> None:
    store.work(20)
    store.acknowledge(10)
    store.days(8)
    store.look()
    store.work(5)
    store.days(200)
    store.look()
    assert store.pruned == []
    with closing(Reader(store.folder)) as reader:
        first = reader.openings()[0]
    store.acknowledge(first - 2)
    store.look()
    assert store.pruned == []
    store.acknowledge(first - 1)
    store.look()
    assert store.pruned == [first]
    assert store.pruner.told() == {"first": first}
    store.ledger.close()
    store.open()
    assert store.pruner.told() == {"first": first}
    store.work(3)
    assert store.span()[0] == first


def test_too_many_events_go_whoever_has_them(store: Store) -> None:
    store.rule = RULE._replace(events_max=100)
    store.ledger.close()
    store.open()
    store.work(60)
    store.acknowledge(30)
    store.look()
    assert store.pruned == []
    store.work(60)
    store.look()
    [first] = store.pruned
    assert first > 100
    assert store.pruner.told() == {"first": first, "dropped": {"headoffice": first}}
    told = f"DROPPED: headoffice had acknowledged event 30, and {first - 31} behind it are pruned"
    assert ("retention headoffice", told, 2) in store.said
    with closing(store.check()) as reader:
        assert reader.positions() == {"headoffice": first - 1}
    store.look(5)
    assert store.pruned == [first], "an opening of its own is no reason for the next one"


def test_an_opening_that_is_there_keeps_more_than_a_new_one(store: Store) -> None:
    store.rule = RULE._replace(events_max=100)
    store.ledger.close()
    store.open()
    store.work(40)
    there = store.opened()
    store.work(70)
    store.look()
    assert store.pruned == [there]


def test_a_log_that_nobody_can_sign_is_not_pruned(tmp_path: Path) -> None:
    ledger, clock = open_ledger(tmp_path), FakeClock()
    said: list[tuple[str, str]] = []
    append(ledger, *[movement()] * 50)
    pruner = Pruner(
        tmp_path,
        ledger,
        RULE._replace(events_max=10),
        clock=clock,
        say=lambda subject, text, *, hint="", level=5: said.append((subject, text)),
    )
    clock.advance(200 * DAY_S)
    pruner.look()
    assert said[-1] == ("retention", "no opening, so nothing is pruned: this ledger is not signed")
    assert pruner.first == 1
    ledger.close()


def test_a_state_that_no_opening_holds_changes_nothing(store: Store) -> None:
    store.work(3)
    store.ledger.call(lambda tx: tx.execute("INSERT INTO stock VALUES ('A', 'z', '', 'sellable', ?)", (2**60,)))
    store.days(8)
    store.look()
    head = store.ledger.head
    assert "no opening, so nothing is pruned" in store.said[-1][1]
    store.ledger.call(lambda tx: tx.execute("DELETE FROM stock WHERE sku = 'A'"))
    with closing(store.check()) as reader:
        assert (reader.openings(), reader.newest(1)[0]["data"]["kind"]) == ([], "checkpoint")
    store.look()
    assert store.span() == (1, head + 1)


# -- the door is the truth ---------------------------------------------------------------------------------------------


def test_an_opening_states_what_its_own_group_did_before(store: Store) -> None:
    job = store.ledger.opening()

    def all_at_once(tx: Any) -> None:
        tx.append([movement(5)])
        job(tx)
        tx.append([movement(2)])

    store.ledger.call(all_at_once)
    store.count = 7
    store.shut(3)
    assert store.span() == (3, 4)
    store.ledger.close()
    with closing(Reader(store.folder)) as reader:
        assert rebuild.latest_opening(reader._connection) == 3
    store.open()


def test_what_was_prepared_is_only_taken_if_nothing_has_come(store: Store) -> None:
    store.work(3)
    prepared = prepare(store.folder)
    store.work(4)
    store.shut(store.ledger.call(store.ledger.opening(prepared)))
    assert store.span() == (9, 9)
    job = store.ledger.opening(prepare(store.folder)._replace(parts=[]))
    assert store.ledger.call(job) == 10
    assert store.ledger.head == 9, "what was prepared is what is written"


def test_an_opening_is_a_signature(store: Store) -> None:
    store.work(45)
    store.opened()
    store.work(45)
    with closing(store.check()) as reader:
        assert [one["data"]["kind"] for one in reader.newest(50, "journal")] == ["opening", "opening"]
    store.work(10)
    assert store.ledger.head == 103, "50 events behind the opening there is a checkpoint"


def test_rows_below_the_door_are_gone_for_everybody(store: Store) -> None:
    store.work(10)
    first = store.opened()
    store.work(3)
    store.shut(first)
    assert store.ledger.call(lambda tx: (tx.event(5), tx.event(first)["seq"], len(tx.recent("d", 100)))) == (
        None, first, 3,
    )  # fmt: skip
    with closing(store.check()) as reader:
        assert reader.hash_of(5) is None
        assert [row[0] for row in reader.events(1, 2)] == [first, first + 1]
        assert len(reader.newest(100)) == 4
        with pytest.raises(LedgerUnusable, match=f"event 5 was pruned: the log begins with event {first}"):
            proof(reader, 5)
    raw = sqlite3.connect(store.folder / files.DATABASE)
    assert raw.execute("SELECT COUNT(*) FROM event").fetchone()[0] == 15
    raw.close()


def test_a_short_rest_is_enough_to_start_from(store: Store) -> None:
    store.work(100)
    store.shut(store.opened())
    store.ledger.call(sweep)
    store.ledger.close()
    store.open()
    store.work(1)
    store.span()


def test_deleting_is_done_in_steps_and_goes_on_after_a_crash(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "CHUNK_EVENTS", 7)
    store.work(40)
    first = store.opened()
    store.shut(first)
    deleted: list[int] = []
    while count := store.ledger.call(sweep):
        deleted.append(count)
        assert store.span()[0] == first
        store.ledger.close()
        store.open()
    assert deleted == [7] * 5 + [6]


def test_who_reads_while_it_is_pruned_is_told(store: Store) -> None:
    store.work(10)
    first = store.opened()
    with closing(Reader(store.folder)) as reader:
        rows = iter(reader.events(1, 5))
        read = walk(reader, (*[next(rows), next(rows)], *reader.events(first, 9)))
        assert next(read)["seq"] == 1
        store.shut(first)
        with pytest.raises(LedgerUnusable, match="was pruned while it was read"):
            list(read)


def test_snapshots_of_a_pruned_log_are_whole(store: Store, tmp_path_factory: pytest.TempPathFactory) -> None:
    store.work(10)
    store.shut(store.opened())
    into = tmp_path_factory.mktemp("snapshots")
    assert take(store.folder, into, keep=1).seq == store.ledger.head


@pytest.mark.parametrize("below", [3, 12])
def test_a_log_that_begins_with_no_opening_is_damaged(store: Store, below: int) -> None:
    store.work(10)
    store.opened()
    store.work(3)
    store.ledger.call(lambda tx: tx.execute("INSERT INTO prune_door VALUES (?)", (below,)))
    if below == 12:
        check_whole(store.folder)
        return
    with closing(Reader(store.folder)) as reader, pytest.raises(ChainError, match="3, which is no opening"):
        verify(reader)
    with pytest.raises(LedgerCorrupt, match="no opening"):
        check_whole(store.folder)


def test_a_beginning_that_is_missing_is_no_pruned_one(store: Store) -> None:
    store.work(10)
    first = store.opened()
    store.ledger.close()
    with closing(sqlite3.connect(store.folder / files.DATABASE, isolation_level=None)) as raw:
        raw.execute("DROP TRIGGER event_is_never_deleted")
        raw.execute("DELETE FROM event WHERE seq < ?", (first,))
    with closing(Reader(store.folder)) as reader, pytest.raises(ChainError, match="was pruned below 1"):
        verify(reader)


steps = st.one_of(
    st.tuples(st.just("work"), st.integers(1, 60)),
    st.tuples(st.just("days"), st.integers(1, 60)),
    st.tuples(st.just("acknowledge"), st.integers(0, 100)),
    st.tuples(st.just("look"), st.just(2)),
    st.tuples(st.just("restart"), st.just(0)),
    st.tuples(st.just("opened"), st.just(0)),
)


@given(st.lists(steps, min_size=10, max_size=40), st.integers(60, 300))
@settings(max_examples=25, deadline=None)
def test_any_history(tmp_path_factory: pytest.TempPathFactory, history: list[tuple[str, int]], events_max: int) -> None:
    store = Store(tmp_path_factory.mktemp("ledger"), RULE._replace(events_max=events_max))
    acknowledged = 0
    try:
        for step, number in history:
            if step == "restart":
                store.ledger.close()
                store.open()
            elif step == "opened":
                store.opened()
            elif step == "acknowledge":
                acknowledged = max(acknowledged, store.ledger.head * number // 100)
                store.acknowledge(acknowledged)
            else:
                getattr(store, step)(number)
            if step == "look":
                first, head = store.span()
                assert head - first <= events_max + 2
                dropped = any(text.startswith("DROPPED") for _, text, _ in store.said)
                assert acknowledged >= first - 1 or dropped
                acknowledged = max(acknowledged, first - 1)
        store.span()
    finally:
        store.ledger.close()
