"""Reservations lapse by themselves, with or without head office."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agent.capture.office import Office
from agent.errors import LedgerError
from agent.operations import reservations

TURN_S = 15.0


async def lapse(office: Office, say: Callable[[str, str], None], turn_s: float = TURN_S) -> None:
    """Until it is cancelled. What cannot be written now is written at the next turn; the ledger says why it waits."""
    while True:
        try:
            done = await office.do(reservations.expire)
        except LedgerError:
            done = None
        if done is not None and done.seqs:
            say("orders", f"{len(done.seqs)} reservations have lapsed")
        await asyncio.sleep(turn_s)
