"""A round is stored while the next one is taken in: nothing is acknowledged before it is stored, and a round that could
not be stored takes with it what was taken in behind it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headoffice.behind import Behind
from headoffice.errors import DatabaseFull
from headoffice.part import Message
from headoffice.service import ACK_S
from tests.headoffice.logs import PREFIX, Log
from tests.headoffice.test_service import Desk, acks


class Gate:
    """Before every commit: waits while it is shut, raises what it is told."""

    def __init__(self, desk: Desk) -> None:
        self.open = threading.Event()
        self.reached = threading.Event()
        self.error: Exception | None = None
        self._save = desk.store.save
        desk.store.save = self._guarded  # type: ignore[method-assign]

    def _guarded(self, *arguments: Any) -> None:
        self.reached.set()
        assert self.open.wait(20)
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        self._save(*arguments)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.service.close()
    desk.store.close()


def messages(log: Log, first: int, last: int) -> list[Message]:
    some = Log(log.name, store=log.store)
    some.events = log.events[:last]
    return [Message(f"{PREFIX}/{log.store}/{kind}", payload) for kind, payload in some.batches(first)]


def test_the_next_round_is_taken_in_meanwhile_and_answers_follow_the_commits(desk: Desk) -> None:
    log = Log().open().receive_many(6)
    desk.service.receive(messages(log, 1, 1))
    gate = Gate(desk)
    desk.clock.s += ACK_S
    assert desk.service.receive(messages(log, 2, 3), more=True) == []
    assert gate.reached.wait(20)
    assert desk.service.events == 1
    desk.clock.s += ACK_S
    found: list[Any] = []
    second = threading.Thread(target=lambda: found.extend(desk.service.receive(messages(log, 4, 5), more=True)))
    second.start()
    assert desk.position() == (log.name, 1)
    gate.open.set()
    second.join(20)
    assert acks(found) == [(log.name, 3)]
    assert acks(desk.service.settle()) == [(log.name, 5)]
    assert acks(desk.service.receive(messages(log, 6, 7))) == [(log.name, 7)]
    assert (desk.service.events, desk.position()) == (7, (log.name, 7))


def test_a_round_that_is_not_stored_takes_the_next_one_with_it(desk: Desk) -> None:
    log = Log().open().receive_many(6)
    desk.service.receive(messages(log, 1, 1))
    gate = Gate(desk)
    gate.open.set()
    gate.error = DatabaseFull("full", hint="free some")
    assert desk.service.receive(messages(log, 2, 3), more=True) == []
    with pytest.raises(DatabaseFull):
        desk.service.receive(messages(log, 4, 5), more=True)
    assert desk.service.settle() == []
    assert (desk.service.events, desk.position()) == (1, (log.name, 1))
    assert acks(desk.service.receive(messages(log, 2, 7))) == [(log.name, 7)]


def test_what_is_stored_is_looked_up_after_the_commit(desk: Desk) -> None:
    log = Log().open().receive_many(4)
    desk.service.receive(messages(log, 1, 1))
    gate = Gate(desk)
    desk.service.receive(messages(log, 2, 5), more=True)
    fork = log.fork(4)
    fork.receive("COLA", 9)
    threading.Timer(0.05, gate.open.set).start()
    found = desk.service.receive(messages(fork, 5, 5))  # known by number, not by hash: only the table can tell
    assert acks(found) == [(log.name, 5)]
    assert [one.code for one in desk.store.quarantined("S1")] == ["fork"]


def test_while_more_waits_a_store_is_answered_at_intervals_and_at_last(desk: Desk) -> None:
    log = Log().open().receive_many(6)
    desk.service.receive(messages(log, 1, 1))
    desk.clock.s += ACK_S
    found = [desk.service.receive(messages(log, seq, seq), more=True) for seq in (2, 3, 4)]
    assert [acks(one) for one in (*found, desk.service.settle())] == [[], [(log.name, 2)], [], []]
    assert acks(desk.service.tick()) == []
    desk.clock.s += ACK_S
    assert acks(desk.service.tick()) == [(log.name, 4)]
    assert acks(desk.service.tick()) == []
    assert acks(desk.service.receive(messages(log, 5, 7))) == [(log.name, 7)]


def test_a_failure_is_raised_once() -> None:
    def fail() -> None:
        raise ValueError("once")

    behind = Behind()
    behind.start(fail)
    behind.wait()
    with pytest.raises(ValueError, match="once"):
        behind.finish()
    behind.finish()
    behind.close()
