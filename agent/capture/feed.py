"""What screens see of the stations: the newest entries, and whoever listens. On the event loop only."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager

from agent.capture.stations import Entry

KEPT = 50
LISTENERS_MAX = 100
BEHIND_MAX = 200


class Feed:
    def __init__(self) -> None:
        self._recent: dict[str, deque[Entry]] = {}
        self._listeners: dict[asyncio.Queue[Entry], str | None] = {}
        self.total = 0

    def publish(self, entry: Entry) -> None:
        self.total += 1
        station = entry.station or ""
        self._recent.setdefault(station, deque(maxlen=KEPT)).append(entry)
        for queue, wanted in self._listeners.items():
            if wanted is not None and wanted != station:
                continue
            if queue.full():
                queue.get_nowait()  # a screen that is behind shows the newest, and reads the totals anew
            queue.put_nowait(entry)

    def recent(self, station: str) -> list[Entry]:
        """Oldest first."""
        return list(self._recent.get(station, ()))

    @contextmanager
    def listen(self, station: str | None = None) -> Generator[asyncio.Queue[Entry]]:
        """Entries of one station or of all. Raises `OverflowError` beyond the limit of listeners."""
        if len(self._listeners) >= LISTENERS_MAX:
            raise OverflowError(f"{LISTENERS_MAX} screens are listening already")
        queue: asyncio.Queue[Entry] = asyncio.Queue(BEHIND_MAX)
        self._listeners[queue] = station
        try:
            yield queue
        finally:
            del self._listeners[queue]
