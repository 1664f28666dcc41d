"""How many tags stock says are in a zone, for counts: asked seldom, and nobody who shows scans waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agent.web.lane import Busy, Lane

FRESH_S = 10.0
WAIT_S_MAX = 1.0


class Expected:
    """`ask` blocks and runs in the lane; the zones are those of counts, so they are few. On the event loop only."""

    def __init__(self, lane: Lane, ask: Callable[[str], int], on_failure: Callable[[], None]) -> None:
        self._lane = lane
        self._ask = ask
        self._on_failure = on_failure
        self._known: dict[str, int] = {}
        self._asked_s: dict[str, float] = {}
        self._tasks: dict[str, asyncio.Task[int]] = {}

    def held(self, zone: str) -> int | None:
        """As last known, None if never. Has it asked again when that is older than `FRESH_S`."""
        self._refresh(zone)
        return self._known.get(zone)

    async def fresh(self, zone: str) -> int | None:
        """Not older than `FRESH_S`, or as last known when asking fails or takes longer than `WAIT_S_MAX`."""
        task = self._refresh(zone)
        if task is not None:
            await asyncio.wait({task}, timeout=WAIT_S_MAX)
        return self._known.get(zone)

    def _refresh(self, zone: str) -> asyncio.Task[int] | None:
        """The asking that is under way, if any."""
        now_s = asyncio.get_running_loop().time()
        asked_s = self._asked_s.get(zone)
        if zone not in self._tasks and (asked_s is None or now_s - asked_s >= FRESH_S):
            self._asked_s[zone] = now_s
            self._tasks[zone] = task = asyncio.create_task(self._lane.call(self._ask, zone))
            task.add_done_callback(lambda done: self._done(zone, done))
        return self._tasks.get(zone)

    def _done(self, zone: str, task: asyncio.Task[int]) -> None:
        del self._tasks[zone]
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            self._known[zone] = task.result()
        elif not isinstance(error, Busy):
            self._on_failure()

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
