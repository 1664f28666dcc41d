"""One thread per device that does nothing else: it drains, stamps and hands on.

The kernel keeps 64 input events, so nothing that may pause shares this thread. It waits in `poll`, reads until there
is nothing left, and puts each piece with its time of arrival into an `Inbox` of fixed size. What does not fit is
dropped, counted, and leaves a `Lost` mark in its place. Asked by `ask`, it looks at the device once more and answers
with `Quiet`: up to that time there was nothing.
"""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from drivers.driver import Clock
from drivers.errors import DeviceError
from drivers.reads import Arrival

BACKLOG_BYTES_MAX = 1_048_576  # three minutes of a keyboard at 60 characters/s, 90 s of a line at 115,200 baud
BACKLOG_ITEMS_MAX = 8_192
PIECE_BYTES_MAX = 262_144  # of one read of a source
GATHER_MS = 5  # from one look at a source that waits to the next
ROOM_S_MAX = 0.5  # between two looks at whether to stop, while there is no room
READS_MAX = 64  # before looking at the bell again


class Source(Protocol):
    """An opened device. The descriptor is non-blocking."""

    def fileno(self) -> int: ...

    def read(self) -> bytes:
        """What is there. Raises BlockingIOError if nothing is, OSError if the device is gone; b"" says the same."""
        ...

    def write(self, data: bytes) -> int:
        """Take what fits, or raise OSError."""
        ...

    @property
    def waits(self) -> bool:
        """Its other end keeps what is not read: nothing is lost when nobody reads for a while."""
        ...

    def close(self) -> None: ...

    def gone(self, error: OSError | None) -> DeviceError:
        """The loss in words, with a hint."""
        ...


@dataclass(frozen=True, slots=True)
class Chunk:
    data: bytes
    arrived: Arrival


@dataclass(frozen=True, slots=True)
class Lost:
    arrived: Arrival


@dataclass(frozen=True, slots=True)
class Quiet:
    arrived: Arrival


@dataclass(frozen=True, slots=True)
class Gone:
    """The last item: lost with an error, or let go without."""

    error: Exception | None
    arrived: Arrival


Item = Chunk | Lost | Quiet | Gone


class Inbox:
    """Between a drain thread and the event loop. `wake` is called when the first item of a batch lies in it."""

    def __init__(self, wake: Callable[[], None], bytes_max: int = BACKLOG_BYTES_MAX) -> None:
        self.overflows = 0
        self._wake = wake
        self._bytes_max = bytes_max
        self._bytes = 0
        self._items: deque[Item] = deque()
        self._lost: Arrival | None = None
        self._lock = threading.Lock()
        self._room = threading.Event()

    def await_room(self, timeout_s: float) -> bool:
        """True when a piece fits: at most 262,144 bytes, or any when nothing waits."""
        with self._lock:
            if self._fits(PIECE_BYTES_MAX) or not self._items:
                return True
            self._room.clear()
        return self._room.wait(timeout_s)

    def _fits(self, size: int) -> bool:
        return self._bytes + size <= self._bytes_max and len(self._items) < BACKLOG_ITEMS_MAX

    def put(self, item: Item) -> None:
        with self._lock:
            if isinstance(item, Chunk):
                if not self._fits(len(item.data)):
                    self.overflows += 1
                    self._lost = item.arrived
                    return
                self._bytes += len(item.data)
            self._mark_loss()
            self._items.append(item)
            first = len(self._items) == 1
        if first:
            self._wake()

    def take(self) -> list[Item]:
        with self._lock:
            self._mark_loss()
            items = list(self._items)
            self._items.clear()
            self._bytes = 0
        self._room.set()
        return items

    def _mark_loss(self) -> None:
        if self._lost is not None:
            self._items.append(Lost(self._lost))
            self._lost = None


class Drain:
    """The thread of one opened device. `close` returns at once; whoever opened the source closes it after `join`."""

    def __init__(self, name: str, source: Source, inbox: Inbox, clock: Clock) -> None:
        self._source = source
        self._inbox = inbox
        self._clock = clock
        self._stopping = False
        self._alarm, self._bell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"drain {name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ask(self) -> None:
        with self._lock:
            if self._bell >= 0:
                self._ring()

    def close(self) -> None:
        self._stopping = True
        self.ask()

    def join(self, timeout_s: float) -> bool:
        """True if the thread has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _ring(self) -> None:
        try:
            os.write(self._bell, b"!")
        except BlockingIOError:
            return  # the pipe is full of bells: it rings already

    def _run(self) -> None:
        error: Exception | None = None
        try:
            error = self._drain()
        except Exception as bug:  # noqa: BLE001 - a bug ends this driver: iteration raises it at the supervisor
            error = bug
        finally:
            with self._lock:
                os.close(self._alarm)
                os.close(self._bell)
                self._bell = -1
            self._inbox.put(Gone(error, self._clock()))

    def _drain(self) -> DeviceError | None:
        poll, pause = select.poll(), select.poll()
        device, waits = self._source.fileno(), self._source.waits
        poll.register(device, select.POLLIN)
        poll.register(self._alarm, select.POLLIN)
        pause.register(self._alarm, select.POLLIN)
        while True:
            ready = dict(poll.poll())
            if device in ready:
                error = self._empty()
                if error is not None:
                    return error
                if waits:
                    ready |= dict(pause.poll(GATHER_MS))
            if self._alarm in ready:
                os.read(self._alarm, 4096)
                if self._stopping:
                    return None
                asked = self._clock()  # before looking, so that nothing can slip in between
                if device not in dict(poll.poll(0)):
                    self._inbox.put(Quiet(asked))
                else:
                    self.ask()

    def _empty(self) -> DeviceError | None:
        for _ in range(READS_MAX):
            if self._source.waits and not self._has_room():
                return None
            try:
                data = self._source.read()
            except BlockingIOError:
                return None
            except OSError as error:  # ENODEV, EIO: leave at once, or the loop spins (python-evdev#64)
                return self._source.gone(error)
            if not data:
                return self._source.gone(None)
            self._inbox.put(Chunk(data, self._clock()))
        return None

    def _has_room(self) -> bool:
        """Waits for it, unless the driver is let go: what was not read then was not promised to anybody."""
        while not self._stopping:
            if self._inbox.await_room(ROOM_S_MAX):
                return True
        return False
