"""Head office and checkpoints: a log that was written anew is refused where it no longer fits, and said to be."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.chain import Sealed
from contract.stock import event_deltas
from headoffice import own
from headoffice.alerts.judging import TAMPERED
from headoffice.errors import Damaged
from headoffice.ingest import Accepted, Gap, Ingest, Outcome, Position
from headoffice.storages import open_storage
from headoffice.storing import Batch
from tests.contract.tampering import HOW, How, tampered
from tests.headoffice.logs import KEY, OTHER_KEY, Log

PLACES = (12, 23, 34)
PUBLIC = KEY.public_key().public_bytes_raw().hex()


def signed_log() -> Log:
    log = Log().open()
    for place in PLACES:
        log.receive_many(place - 1 - log.head).checkpoint()
    return log.receive_many(3)


LOG = signed_log()


def rewritten(how: How, at: int, *, bent: bool) -> Log:
    log = Log()
    log.events = tampered([one.body for one in LOG.events], how, at, anew=True, bent=bent)
    return log


def follow(engine: Ingest, log: Log, first: int = 1) -> Outcome:
    """All of it, in messages of seven; what came of the last that was no plain success."""
    told = Outcome()
    for at in range(first, log.head + 1, 7):
        outcome = engine.receive(log.message(at, min(at + 6, log.head)))
        if outcome.refusals and not told.refusals:
            told = outcome
    return told


def failing(log: Log, how: How, at: int) -> int:
    """The first checkpoint that is signed for another chain; a change of its own envelope only the next one sees."""
    own_change = how == "change" and at in PLACES
    return next(one.seq for one in log.events if b'"kind":"checkpoint"' in one.body and one.seq >= at + own_change)


def test_a_signed_log_is_taken_in_whole() -> None:
    engine = Ingest("S1")
    assert not follow(engine, LOG).refusals
    assert engine.position is not None
    assert (engine.position.seq, engine.position.hash) == (LOG.head, LOG.hash)


@given(st.sampled_from(HOW), st.integers(2, 33), st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_was_written_anew_before_it_came_is_refused_at_the_checkpoint(how: How, at: int, bent: bool) -> None:
    log, engine = rewritten(how, at, bent=bent), Ingest("S1")
    [refusal, *_more] = follow(engine, log).refusals
    assert (refusal.code, refusal.seq, refusal.alarm) == ("signature", failing(log, how, at), True)
    assert engine.position is not None
    assert engine.position.seq == refusal.seq - 1, "nothing behind it is taken in"
    assert engine.gap() == Gap("L1", refusal.seq)


@given(st.sampled_from(HOW), st.integers(2, 33), st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_what_was_written_anew_after_it_came_does_not_follow(how: How, at: int, more: int) -> None:
    log, engine, known = rewritten(how, at, bent=True), Ingest("S1"), min(at + more, 34)
    follow(engine, LOG.fork(known))
    [refusal, *_more] = follow(engine, log, known + 1).refusals
    assert (refusal.code, refusal.seq) == ("prev", known + 1)
    assert {"prev", "signature", "key"} <= TAMPERED


def test_a_checkpoint_of_another_key_is_refused() -> None:
    log = Log().open().receive_many(3)
    log.checkpoint(OTHER_KEY)
    [refusal] = follow(Ingest("S1"), log).refusals
    assert (refusal.code, refusal.seq, refusal.alarm) == ("key", 5, True)


@pytest.mark.parametrize("change", [{"upto": 3}, {"hash": "0" * 64}, {"at": "later"}, {"signature": "0" * 128}])
def test_a_member_that_is_not_what_was_signed_is_refused(change: dict[str, Any]) -> None:
    log = Log().open().receive_many(3)
    data = orjson.loads(log.fork(4).checkpoint().body)["data"]
    log.write("journal", {**data, **change})
    [refusal] = follow(Ingest("S1"), log).refusals
    assert (refusal.code, refusal.seq) == ("signature", 5)


@pytest.mark.parametrize("data", [{"kind": "checkpoint"}, {"kind": "checkpoint", "upto": "4", "key": PUBLIC}])
def test_what_is_no_checkpoint_is_refused(data: dict[str, Any]) -> None:
    log = Log().open().receive_many(3)
    log.write("journal", data)
    [refusal] = follow(Ingest("S1"), log).refusals
    assert (refusal.code, refusal.seq) == ("checkpoint", 5)


def test_a_kind_that_is_no_word_stops_nothing() -> None:
    log = Log().open().receive_many(3)
    log.write("journal", {"kind": ["checkpoint"]})
    log.write("journal", {"kind": {"opening": 1}})
    assert not follow(Ingest("S1"), log).refusals


@pytest.mark.parametrize(("how", "at"), [("change", 15), ("drop", 12), ("swap", 24)])
def test_deep_verification_finds_what_was_written_anew_in_the_database(target: str, how: How, at: int) -> None:
    log, store = rewritten(how, at, bent=False), open_storage(target)
    batch = Batch("S1")
    batch.accepted = [_accepted(one) for one in log.events]
    batch.position, batch.key = Position("L1", log.head, log.hash, 1, 1), PUBLIC
    store.save([batch], 0)
    own.check(store, "S1")
    with pytest.raises(Damaged) as caught:
        own.check(store, "S1", deep=True)
    store.close()
    named = [int(number) for number in re.findall(r"event (\d+)", str(caught.value))]
    assert named[0] == failing(log, how, at)
    assert named[-1] < at


def _accepted(one: Sealed) -> Accepted:
    event = orjson.loads(one.body)
    return Accepted("L1", one.seq, one.type, one.hash, one.body, event, tuple(event_deltas(event)))
