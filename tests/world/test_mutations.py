"""Lies that the world must find out: each breaks one promise in the code under test, for the length of a few days."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable
from typing import Any

import pytest

from agent.errors import LedgerFull
from agent.ledger.books import LedgerBooks
from agent.ledger.log import Ledger
from agent.ledger.transaction import Transaction
from agent.operations import presses, sales, undoing
from agent.operations.turn import Turn
from agent.operations.values import Decision
from agent.uplink import requests
from agent.uplink.engine import Engine
from agent.uplink.traffic import StoreTraffic
from drivers.reads import Answer
from headoffice.ingest import Ingest, Outcome
from headoffice.service import Service
from tests.world.day import play
from tests.world.judge import Broken

DAYS = 12
Patch = Callable[[pytest.MonkeyPatch], None]


def told_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    """Every scan is confirmed while its commit is still to come."""
    commit = Ledger._commit

    def early(job: Any, done: Any) -> tuple[Any, Any]:
        def run(tx: Transaction) -> Any:
            result = job(tx)
            done(result, None)
            return result

        return run, lambda _result, _error: None

    patch.setattr(
        Ledger, "_commit", lambda self, group, *, ending: commit(self, [early(*one) for one in group], ending=ending)
    )


def a_full_disk_is_kept_quiet(patch: pytest.MonkeyPatch) -> None:
    """What found no room is answered as if it had."""
    commit = Ledger._commit

    def quiet(job: Any, done: Any) -> tuple[Any, Any]:
        held: list[Any] = []

        def run(tx: Transaction) -> Any:
            held[:] = [job(tx)]
            return held[0]

        return run, lambda result, error: done(held[0] if isinstance(error, LedgerFull) and held else result, None)

    patch.setattr(
        Ledger, "_commit", lambda self, group, *, ending: commit(self, [quiet(*one) for one in group], ending=ending)
    )


def a_rollback_forgets_nothing(patch: pytest.MonkeyPatch) -> None:
    """After a commit that found no room the writer goes on from what it had in memory."""
    rollback = Transaction.rollback

    def mutated(self: Transaction) -> None:
        stock = dict(self._stock)
        rollback(self)
        self._stock.update(stock)

    patch.setattr(Transaction, "rollback", mutated)


def delivered_at_puback(patch: pytest.MonkeyPatch) -> None:
    """What the broker took counts as delivered."""
    pubacks = Engine.pubacks

    def mutated(self: Engine, tokens: Any) -> None:
        pubacks(self, tokens)
        for one in self.consumers.values():
            one.delivered = max(one.delivered, self.taken)

    patch.setattr(Engine, "pubacks", mutated)


def undo_that_edits(patch: pytest.MonkeyPatch) -> None:
    """The newest event is rewritten to move nothing, and stock with it; no event says so."""

    def mutated(turn: Turn) -> Decision:
        tx, top = turn.state, turn.session.top
        assert isinstance(tx, Transaction)
        if top is None:
            return Decision(Answer.LOOK, "nothing_to_undo")
        event = dict(tx.event(top) or {})
        for line in event["data"].get("lines", ()):
            line["quantity"] = 0
        (name,) = tx.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%UPDATE ON event%'"
        ).fetchone()
        (trigger,) = tx.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()
        tx.execute(f"DROP TRIGGER {name}")
        tx.execute("UPDATE event SET body = ? WHERE seq = ?", (json.dumps(event).encode(), top))
        tx.execute(trigger)
        return Decision(Answer.GOOD, "reversed", facts={"sku": "", "quantity": 0, "seq": top})

    patch.setattr(undoing, "undo", mutated)


def acknowledged_before_it_is_stored(patch: pytest.MonkeyPatch) -> None:
    """Head office answers a round first, and stores it with the next."""
    receive = Service.receive
    held: dict[int, list[Any]] = {}

    def mutated(self: Service, messages: Any, *, more: bool = False) -> Any:
        before, held[id(self)] = held.get(id(self), []), list(messages)
        out = receive(self, before, more=more) if before else []
        for message in messages:
            if message.topic.rsplit("/", 1)[-1] in {"movement", "journal"}:
                newest = json.loads(message.payload)["events"][-1]
                out.append(self._ack(newest["store"], newest["log"], newest["seq"], newest["hash"]))
        return out

    patch.setattr(Service, "receive", mutated)


def no_memory_of_presses(patch: pytest.MonkeyPatch) -> None:
    _forget(patch, presses.BOOK)


def no_memory_of_sales(patch: pytest.MonkeyPatch) -> None:
    _forget(patch, sales.BOOK)


def _forget(patch: pytest.MonkeyPatch, book: str) -> None:
    get = LedgerBooks.get
    patch.setattr(LedgerBooks, "get", lambda self, name, key: None if name == book else get(self, name, key))


def no_memory_of_answers(patch: pytest.MonkeyPatch) -> None:
    """A request that comes again is carried out again."""
    answer = requests.answer

    class Forgetful:
        def __init__(self, reader: Any) -> None:
            self._reader = reader

        def __getattr__(self, name: str) -> Any:
            return getattr(self._reader, name)

        def response(self, _request_id: str) -> None:
            return None

    def execute(self: Transaction, statement: str, values: Any = ()) -> Any:
        if statement.startswith("SELECT body FROM response"):
            statement, values = "SELECT 1 WHERE 0", ()
        return self._connection.execute(statement.replace("INSERT INTO response", "REPLACE INTO response"), values)

    patch.setattr(
        requests, "answer", lambda verb, payload, reader, hands, _going: answer(verb, payload, Forgetful(reader), hands)
    )
    patch.setattr(Transaction, "execute", execute)


def no_dedupe_at_head_office(patch: pytest.MonkeyPatch) -> None:
    """An event that is there already is taken in once more."""
    one = Ingest._one

    def mutated(self: Ingest, log: str, found: object, kind: str | None, outcome: Outcome) -> bool:
        duplicates = outcome.duplicates
        moved = one(self, log, found, kind, outcome)
        if outcome.duplicates > duplicates and outcome.accepted:
            outcome.accepted.append(outcome.accepted[-1])
        return moved

    patch.setattr(Ingest, "_one", mutated)


def gaps_are_skipped(patch: pytest.MonkeyPatch) -> None:
    """Head office takes in what comes, though something before it is missing."""
    follow = Ingest._follow

    def mutated(self: Ingest, event: dict[str, Any], body: bytes, outcome: Outcome) -> None:
        position = self.position
        assert position is not None
        if event["seq"] == position.seq + 1:
            follow(self, event, body, outcome)
        else:
            self._move(event, body, (position.part, position.parts), outcome)

    patch.setattr(Ingest, "_follow", mutated)


def positions_from_anybody(patch: pytest.MonkeyPatch) -> None:
    """An acknowledgement above the head is believed."""

    def mutated(self: StoreTraffic, consumer: str, one: Any, now_s: float) -> None:
        seq = json.loads(one.payload)["seq"] + 1 if one.payload else 0
        self.engine.acknowledge(consumer, self.engine.log, seq, now_s, retained=one.retained)

    patch.setattr(StoreTraffic, "_ack", mutated)


MUTATIONS: tuple[Patch, ...] = (
    told_before_the_commit,
    a_full_disk_is_kept_quiet,
    a_rollback_forgets_nothing,
    delivered_at_puback,
    undo_that_edits,
    acknowledged_before_it_is_stored,
    no_memory_of_presses,
    no_memory_of_sales,
    no_memory_of_answers,
    no_dedupe_at_head_office,
    gaps_are_skipped,
    positions_from_anybody,
)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.__name__)
def test_the_lie_is_found_out(mutation: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    mutation(monkeypatch)
    for seed in range(1, DAYS + 1):
        try:
            play(seed)
        except (Broken, sqlite3.IntegrityError) as found:
            sys.stdout.write(f"seed {seed}: {type(found).__name__}: {str(found)[:300]}\n")
            return
    pytest.fail(f"{DAYS} days, and nobody noticed")
