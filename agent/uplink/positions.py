"""Delivered positions on their way to the ledger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent.errors import LedgerBusy
from agent.ledger.transaction import Transaction

_PUT = "INSERT INTO position (consumer, seq) VALUES (?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq"
Submit = Callable[[Callable[[Transaction], Any], Callable[[Any, Exception | None], None]], None]


class Positions:
    """In the link's thread. They are written one at a time and the newest only: they may be late, never wrong."""

    def __init__(self, submit: Submit, post: Callable[[Callable[[], None]], None]) -> None:
        self._submit, self._post = submit, post
        self._saving: dict[str, int] = {}

    def save(self, consumer: str, seq: int) -> None:
        idle = consumer not in self._saving
        self._saving[consumer] = seq
        if idle:
            self._write(consumer, seq)

    def _write(self, consumer: str, seq: int) -> None:
        def written() -> None:
            newest = self._saving.pop(consumer)
            if newest != seq:
                self.save(consumer, newest)

        try:
            self._submit(lambda tx: tx.execute(_PUT, (consumer, seq)), lambda _result, _error: self._post(written))
        except LedgerBusy:
            del self._saving[consumer]  # the next acknowledgement is written instead
