"""Listeners of the live stream, and what is told to them. On the event loop; `tell` may be called from any thread."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import NamedTuple

LISTENERS_MAX = 200
WAITING_MAX = 1_000  # messages of one listener; then it is told to draw anew

RESYNC = b"event: resync\ndata: {}\n\n"


class Change(NamedTuple):
    """`body` is ready to be sent. An empty `store` and no SKUs: about none in particular."""

    name: str
    store: str
    skus: frozenset[str]
    body: bytes


class Wanted(NamedTuple):
    """None: all."""

    names: frozenset[str] | None = None
    store: str | None = None
    sku: str | None = None

    def has(self, change: Change) -> bool:
        if change.name == "resync":
            return self.store is None or change.store in {"", self.store}
        return (
            (self.names is None or change.name in self.names)
            and (self.store is None or change.store == self.store)
            and (self.sku is None or not change.skus or self.sku in change.skus)
        )


class Listener:
    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._waiting: deque[bytes] = deque([RESYNC])
        self.news = asyncio.Event()
        self.news.set()

    def put(self, changes: Iterable[Change]) -> None:
        self._waiting.extend(change.body for change in changes if self._wanted.has(change))
        if len(self._waiting) > WAITING_MAX:
            self._waiting = deque([RESYNC])
        if self._waiting:
            self.news.set()

    def take(self) -> bytes:
        self.news.clear()
        found = b"".join(self._waiting)
        self._waiting.clear()
        return found


class Hub:
    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.closed = False

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    @contextmanager
    def listening(self, wanted: Wanted) -> Generator[Listener]:
        """Raises OverflowError when too many listen. The first thing that is heard is `resync`."""
        if len(self._listeners) >= LISTENERS_MAX:
            raise OverflowError
        self._loop = asyncio.get_running_loop()
        listener = Listener(wanted)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def tell(self, changes: list[Change]) -> None:
        if changes and self._loop is not None and not self.closed:
            self._loop.call_soon_threadsafe(self._put, changes)

    def _put(self, changes: list[Change]) -> None:
        for listener in self._listeners:
            listener.put(changes)

    def close(self) -> None:
        """Streams end. On the event loop."""
        self.closed = True
        for listener in self._listeners:
            listener.news.set()
