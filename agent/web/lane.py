"""The way to everything that blocks: one thread for all screens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

CALL_S_MAX = 10.0
CALLS_WAITING_MAX = 32

P = ParamSpec("P")
T = TypeVar("T")


class Busy(Exception):
    """Too much is asked of the ledger at once: answered with 503."""


class Lane:
    """One thread for everything that blocks: the screens share one reading connection, and never hurry the writer."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, "screens")
        self._waiting = 0

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Raises `Busy` when too many wait, or after `CALL_S_MAX`."""
        if self._waiting >= CALLS_WAITING_MAX:
            raise Busy(f"{CALLS_WAITING_MAX} calls are waiting already")
        future = self._executor.submit(function, *args, **kwargs)
        self._waiting += 1
        future.add_done_callback(self._done)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), CALL_S_MAX)
        except TimeoutError as error:
            raise Busy(f"no answer in {CALL_S_MAX:.0f} s") from error

    def _done(self, _future: object) -> None:
        self._waiting -= 1

    async def close(self) -> None:
        """Returns once nothing of ours reads any more."""
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)
