"""Commands that come from no scanner: screens, the local API, files, head office. Run in the ledger's writer, answered
once they are durable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from agent.clock import Clock
from agent.context import context_now
from agent.errors import LedgerError
from agent.ledger.transaction import Transaction
from agent.operations.values import Context, Outcome


class Done(NamedTuple):
    """An outcome that is durable; `seqs` are its events."""

    outcome: Outcome
    seqs: tuple[int, ...]


Operation = Callable[[Transaction, Context], Outcome]


class Log(Protocol):
    def submit(self, job: Callable[[Transaction], Any], done: Callable[[Any, Exception | None], None]) -> None: ...


class Office:
    """`do` on the event loop, `submit` from any thread."""

    def __init__(self, log: Log, clock: Clock) -> None:
        self._log = log
        self._clock = clock

    async def do(self, operation: Operation) -> Done:
        """Raises `LedgerError` when it could not be written: then nothing of it is true."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[Done] = loop.create_future()

        def settle(result: Done | None, error: Exception | None) -> None:
            if waiting.done():  # the request was cancelled
                return
            if result is None:
                waiting.set_exception(error or LedgerError("not recorded", hint="try again"))
            else:
                waiting.set_result(result)

        def done(result: Done | None, error: Exception | None) -> None:
            loop.call_soon_threadsafe(settle, result, error)

        self.submit(operation, done)
        return await waiting

    def submit(self, operation: Operation, done: Callable[[Done | None, Exception | None], None]) -> None:
        """`done` runs in the writer's thread. Raises `LedgerError` when nothing more is taken."""
        context = context_now(self._clock)

        def job(tx: Transaction) -> Done:
            outcome = operation(tx, context)
            written = tx.append(outcome.drafts) if outcome.drafts and outcome.refused is None else []
            return Done(outcome, tuple(one.seq for one in written))

        self._log.submit(job, done)
