"""When the log so far is signed, and with what: `contract/checkpoint.py` says what a checkpoint is.

The writer puts one behind a group, in that group's transaction: after so many events, after so long when something has
come since, and at a clean stop. An opening is signed itself, so nothing before it waits for a checkpoint; so is the
event that hands the log on to another key.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

from agent.clock import ClockState
from agent.ledger import files, keys, openings
from agent.ledger.openings import Prepared
from agent.ledger.transaction import Transaction
from agent.operations.values import Draft
from contract import checkpoint, opening
from contract.times import parse_us


class Rule(NamedTuple):
    """Both may be exceeded by what one group holds, or by the time to the writer's next turn."""

    events: int = 1_000
    seconds: int = 3_600


class Checkpoints:
    """The signature of one log. `signed` is the newest event that was signed or is a signature, `since_ns` when
    (monotonic; of the process's start until it has signed once)."""

    def __init__(self, connection: sqlite3.Connection, folder: Path, rule: Rule, since_ns: int) -> None:
        """Raises `LedgerUnusable` where `store.key` is not there or not the key of this log."""
        self._rule, self._folder = rule, folder
        self.signed, key = keys.newest_signature(connection)
        keys.settle(folder, key)
        self._signer: files.Signer = files.read_key(folder)
        self._durable: files.Signer = self._signer
        self.since_ns = since_ns
        self._stated: int | None = None  # the end of an opening that the open transaction holds

    def due(self, head: int, now_ns: int, *, ending: bool = False) -> bool:
        return due(self._rule, head - max(self.signed, self._stated or 0), now_ns - self.since_ns, ending=ending)

    def draft(self, tx: Transaction, clock: ClockState) -> Draft:
        """A checkpoint behind what the transaction holds."""
        data = checkpoint.sign(*self._signer, store=tx.store, log=tx.log, upto=tx.head, name=tx.prev, at=tx.recorded)
        return Draft("journal", data, {}, parse_us(tx.recorded), clock)

    def rotate(self, tx: Transaction, clock: ClockState) -> str:
        """A new key, from the event on that this puts into the transaction: its public half.

        Raises `LedgerUnusable` where it cannot be written, and nothing is changed then.
        """
        made = files.make_key(self._folder, keys.NEXT)
        data = checkpoint.rotate(*self._signer, *made, store=tx.store, log=tx.log, seq=tx.next_seq, prev=tx.prev)
        tx.append([Draft("journal", data, {}, parse_us(tx.recorded), clock)])
        self._signer = made
        return made[1]

    def state(self, tx: Transaction, clock: ClockState, prepared: Prepared | None = None) -> int:
        """An opening behind what the transaction holds: the sequence of its first part.

        Parts that were prepared are taken if nothing has come since. Raises `CanonicalError` where the state has no
        room in an opening, and nothing is changed then.
        """
        first = tx.next_seq
        if prepared is None or prepared.head != tx.head:
            connection = tx.settle()
            prepared = Prepared(tx.head, openings.state_parts(connection, openings.parent_of(connection)))
        for part in prepared.parts:
            place: dict[str, Any] = {"store": tx.store, "log": tx.log, "seq": tx.next_seq, "prev": tx.prev}
            data = opening.sign(*self._signer, data=part, **place)
            tx.append([Draft("journal", data, {}, parse_us(tx.recorded), clock)])
        tx.execute("INSERT INTO opening VALUES (?)", (first,))
        self._stated = tx.head
        return first

    def written(self, signed: int | None, now_ns: int) -> None:
        """The group is durable; `signed` is its checkpoint, if it has one."""
        signed, self._stated = signed or self._stated, None
        if self._signer != self._durable:
            keys.settle(self._folder, self._signer[1])
            self._durable = self._signer
        if signed is not None:
            self.signed, self.since_ns = signed, now_ns

    def rollback(self) -> None:
        self._signer, self._stated = self._durable, None


def due(rule: Rule, unsigned: int, waited_ns: int, *, ending: bool = False) -> bool:
    """`unsigned` events have come since the last signature, which was `waited_ns` ago."""
    return unsigned > 0 and (ending or unsigned >= rule.events or waited_ns >= rule.seconds * 10**9)
