"""Presses of screens: a button, or a scan typed into the page. Each has an id of its own, and happens once.

A browser that saw no answer sends the press again, and gets the first answer. After a restart of the agent nothing is
remembered here; what became an event is known by the press in its source (agent/operations/presses.py).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from agent.capture.stations import Entry

PRESSES_KEPT = 200  # of each station
ANSWER_S_MAX = 10.0
NOT_WRITTEN = "not_written"

Hear = Callable[[Entry], None]


class Presses:
    """The newest presses of each station and what they were answered, or will be."""

    def __init__(self) -> None:
        self._held: dict[str, OrderedDict[str, asyncio.Future[Entry]]] = {}

    async def once(self, station: str, press: str, begin: Callable[[Hear], None]) -> Entry:
        """`begin` runs for the first of equal presses. What could not be recorded may be pressed again.

        Raises TimeoutError when there is no answer in `ANSWER_S_MAX`; the same press asked again goes on waiting.
        """
        held = self._held.setdefault(station, OrderedDict())
        coming = held.get(press)
        if coming is None:
            held[press] = coming = asyncio.get_running_loop().create_future()
            while len(held) > PRESSES_KEPT:
                held.popitem(last=False)

            def hear(entry: Entry) -> None:
                if entry.said == NOT_WRITTEN:
                    held.pop(press, None)
                coming.set_result(entry)

            begin(hear)
        async with asyncio.timeout(ANSWER_S_MAX):
            return await asyncio.shield(coming)  # whoever hangs up does not take the answer from the next one who asks
