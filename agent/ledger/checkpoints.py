"""When the log so far is signed, and with what: `contract/checkpoint.py` says what a checkpoint is.

The writer puts one behind a group, in that group's transaction: after so many events, after so long when something has
come since, and at a clean stop. An opening is signed itself, so nothing before it waits for a checkpoint.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import NamedTuple

from agent.clock import ClockState
from agent.errors import LedgerUnusable
from agent.ledger import files
from agent.ledger.transaction import Transaction
from agent.operations.values import Draft
from contract import checkpoint
from contract.times import parse_us

_SIGNED = (b'"kind":"checkpoint"', b'"kind":"opening"')


class Rule(NamedTuple):
    """Both may be exceeded by what one group holds, or by the time to the writer's next turn."""

    events: int = 1_000
    seconds: int = 3_600


class Checkpoints:
    """The signature of one log. `signed` is the newest event that was signed or is a signature, `since_ns` when
    (monotonic; of the process's start until it has signed once)."""

    def __init__(self, connection: sqlite3.Connection, folder: Path, rule: Rule, since_ns: int) -> None:
        """Raises `LedgerUnusable` where `store.key` is not there or not the key that the log began with."""
        self._rule = rule
        self._sign, self._key = files.read_key(folder)
        row = connection.execute("SELECT body FROM event ORDER BY seq LIMIT 1").fetchone()
        if files.parse(row[0])["data"].get("key") != self._key:
            raise LedgerUnusable(
                f"{folder / files.KEY} is not the key that the log began with",
                hint="bring the key of this store back from its backup; until then nothing is signed",
            )
        self.signed = _last_signed(connection, rule.events)
        self.since_ns = since_ns

    def due(self, head: int, now_ns: int, *, ending: bool = False) -> bool:
        return due(self._rule, head - self.signed, now_ns - self.since_ns, ending=ending)

    def draft(self, tx: Transaction, clock: ClockState) -> Draft:
        """A checkpoint behind what the transaction holds."""
        data = checkpoint.sign(
            self._sign, self._key, store=tx.store, log=tx.log, upto=tx.head, name=tx.prev, at=tx.recorded
        )
        return Draft("journal", data, {}, parse_us(tx.recorded), clock)

    def written(self, seq: int, now_ns: int) -> None:
        """The checkpoint `seq` is durable."""
        self.signed, self.since_ns = seq, now_ns


def due(rule: Rule, unsigned: int, waited_ns: int, *, ending: bool = False) -> bool:
    """`unsigned` events have come since the last signature, which was `waited_ns` ago."""
    return unsigned > 0 and (ending or unsigned >= rule.events or waited_ns >= rule.seconds * 10**9)


def _last_signed(connection: sqlite3.Connection, events_max: int) -> int:
    """Looks back no further than a checkpoint is due anyway: constant time."""
    (head,) = connection.execute("SELECT COALESCE(MAX(seq), 0) FROM event").fetchone()
    row = connection.execute(
        "SELECT seq FROM event WHERE seq > ?1 AND type = 'journal' AND (instr(body, ?2) OR instr(body, ?3)) "
        "ORDER BY seq DESC LIMIT 1",
        (head - events_max, *_SIGNED),
    ).fetchone()
    return int(row[0]) if row else max(head - events_max, 0)
