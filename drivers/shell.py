"""The shell every device shares: it joins a source (a descriptor, drained by its thread) with a session.

The session runs on the event loop, on what the drain thread has stamped; so a stalled loop delays reads and never
damages them. Answers are written without waiting: what the device does not take at once is kept, up to a limit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import Self

from drivers.driver import Clock, Counters, Direction, Tap
from drivers.errors import DeviceError, DeviceMisbehaved, DeviceRefused, DeviceUnavailable
from drivers.operations import TagOperation, TagResult
from drivers.reads import Answer, BadRead, BarcodeRead, Notice, Read
from drivers.session import NS_PER_S, Session, TagSession
from drivers.transports.drain import Chunk, Drain, Gone, Inbox, Item, Lost, Source

OUTPUT_BYTES_MAX = 65_536  # answers are a few bytes, a reader's set-up some kilobytes; what takes none of it is stuck
JOIN_S = 2.0
_TICK_S_MIN = 0.001  # between two looks at a deadline


class DeviceDriver:
    """`opener` opens the device or raises a DeviceError; it may block and runs in a thread. One use per object."""

    def __init__(self, name: str, opener: Callable[[], Source], session: Session, clock: Clock) -> None:
        self.name = name
        self.counters = Counters()
        self._opener = opener
        self._session = session
        self._clock = clock
        self._source: Source | None = None
        self._drain: Drain | None = None
        self._inbox: Inbox | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = asyncio.Event()
        self._reads: deque[Read] = deque()
        self._output = bytearray()
        self._writing = False
        self._ended = False
        self._closing = False
        self._left = False
        self._error: Exception | None = None
        self._tap: Tap | None = None
        self._operation: asyncio.Future[list[TagResult]] | None = None

    @property
    def facts(self) -> Mapping[str, str]:
        return self._session.facts

    async def __aenter__(self) -> Self:
        assert self._source is None, "a driver is entered once"
        self._loop = asyncio.get_running_loop()
        self._source = await _open(self._opener)
        self._session.open(self._clock())
        self._inbox = Inbox(self._wake)
        self._drain = Drain(self.name, self._source, self._inbox, self._clock)
        self._drain.start()
        self._send()
        try:
            await self._set_up()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def _set_up(self) -> None:
        """Until the session reads. What it finds before that is kept for the iteration."""
        while not self._session.ready:
            if self._ended:
                raise self._error or DeviceUnavailable(f"{self.name} was let go", hint="open it again")
            await self._wait()
            self._work()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left = True
        self._forget_output()
        await asyncio.shield(asyncio.to_thread(self._let_go))

    def __aiter__(self) -> AsyncIterator[Read]:
        return self

    async def __anext__(self) -> Read:
        while True:
            if self._reads:
                return self._reads.popleft()
            if self._ended:
                raise StopAsyncIteration if self._error is None else self._error
            await self._wait()
            self._work()

    def close(self) -> None:
        if self._drain is not None:
            self._take_leave()
            self._closing = True
            self._drain.close()

    async def operate(self, operation: TagOperation) -> list[TagResult]:
        session = self._session
        if not isinstance(session, TagSession):
            raise DeviceRefused(f"{self.name} has no operations on tags", hint="choose an RFID reader that has them")
        if self._source is None or self._ended:
            raise DeviceUnavailable(f"{self.name} is not connected", hint="wait until it is, and try again")
        if self._operation is not None:
            raise DeviceRefused(f"{self.name} is at an operation already", hint="wait until it has ended")
        session.begin(operation, self._clock())
        self._operation = asyncio.get_running_loop().create_future()
        self._send()
        self._ready.set()  # the session has a deadline now
        try:
            return await self._operation
        finally:
            self._operation = None

    def listen(self, tap: Tap | None) -> None:
        self._tap = tap

    @property
    def _lost(self) -> bool:
        return self._left or (self._ended and not self._closing)

    def answer(self, read_id: int, answer: Answer) -> None:
        """Of a device that was let go too, until it is left: what it sent last was taken, and it waits to hear so."""
        if self._source is None or self._lost:
            return
        self._session.answer(read_id, answer, self._clock())
        self._send()
        self._ready.set()  # the session may have a nearer deadline now

    def _let_go(self) -> None:
        """In a thread, because closing a serial line may wait for its output."""
        assert self._drain is not None
        assert self._source is not None
        self._drain.close()
        if not self._drain.join(JOIN_S):
            raise DeviceMisbehaved(f"{self.name} does not let go", hint="unplug the device; restart the agent")
        self._source.close()

    def _wake(self) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(self._ready.set)
        except RuntimeError:
            return  # the loop has ended, and nobody is left to hear

    async def _wait(self) -> None:
        assert self._loop is not None
        assert self._drain is not None
        deadline = self._session.next_deadline()
        timer = None
        if deadline is not None:
            delay_s = max(_TICK_S_MIN, (deadline - self._clock().monotonic_ns) / NS_PER_S)
            timer = self._loop.call_later(delay_s, self._drain.ask)
        try:
            await self._ready.wait()
        finally:
            if timer is not None:
                timer.cancel()
        self._ready.clear()

    def _work(self) -> None:
        assert self._inbox is not None
        for item in self._inbox.take():
            try:
                reads = self._take(item)
            except DeviceError as error:
                reads = self._session.close(item.arrived)
                self._take_leave()
                self._end(error)
            self._count(reads)
            self._reads.extend(reads)
            if self._ended:
                break
        self.counters.overflows = self._inbox.overflows
        self._send()
        if self._operation is not None:
            self._tell_results(self._operation)

    def _take(self, item: Item) -> list[Read]:
        if isinstance(item, Chunk):
            self.counters.bytes_in += len(item.data)
            if self._tap is not None:
                self._tap(Direction.IN, item.data, item.arrived)
            return self._session.receive(item.data, item.arrived)
        if isinstance(item, Lost):
            return self._session.lost(item.arrived)
        if isinstance(item, Gone):
            self._end(item.error)
            return self._session.close(item.arrived)
        return self._session.tick(item.arrived)

    def _end(self, error: Exception | None) -> None:
        """A device that goes after its farewell is not lost."""
        expected = self._closing and isinstance(error, DeviceUnavailable)
        self._ended, self._error = True, None if expected else error
        self._forget_output()

    def _count(self, reads: list[Read]) -> None:
        counters = self.counters
        for read in reads:
            kind = type(read)
            if kind is BadRead:
                counters.bad_reads += 1
            elif kind is not Notice:
                counters.reads += 1
                if isinstance(read, BarcodeRead) and read.resent:
                    counters.resent += 1

    def _tell_results(self, operation: asyncio.Future[list[TagResult]]) -> None:
        if operation.done():
            return
        assert isinstance(self._session, TagSession)
        try:
            results = self._session.take_results()
        except DeviceError as refused:  # the operation, not the device: reading goes on
            operation.set_exception(refused)
            return
        if results is not None:
            operation.set_result(results)
        elif self._ended:
            operation.set_exception(
                DeviceUnavailable(f"{self.name} was lost meanwhile", hint="read the tag to see what became of it")
            )

    def _take_leave(self) -> None:
        """At best: a device that does not take it at once is left without."""
        if self._source is None or self._ended:
            return
        self._send()
        self._output += self._session.farewell(self._clock())
        if self._output and not self._writing:
            self._write()

    def _send(self) -> None:
        data = self._session.take_output()
        if self._lost or not data:
            return
        if len(self._output) + len(data) > OUTPUT_BYTES_MAX:
            self.counters.overflows += 1
            return
        if self._tap is not None:
            self._tap(Direction.OUT, data, self._clock())
        waiting = bool(self._output)
        self._output += data
        if not waiting:
            self._write()

    def _write(self) -> None:
        assert self._source is not None
        assert self._loop is not None
        try:
            written = self._source.write(bytes(self._output))
        except BlockingIOError:
            written = 0
        except OSError:
            self._forget_output()  # iteration finds the loss and names it
            return
        del self._output[:written]
        if self._output and not self._writing:
            self._loop.add_writer(self._source.fileno(), self._write)
            self._writing = True
        elif not self._output:
            self._forget_output()

    def _forget_output(self) -> None:
        self._output.clear()
        if self._writing:
            assert self._source is not None
            assert self._loop is not None
            self._loop.remove_writer(self._source.fileno())
            self._writing = False


async def _open(opener: Callable[[], Source]) -> Source:
    """Open in a thread. If the waiting task is cancelled meanwhile, what was opened is closed again."""
    opening = asyncio.ensure_future(asyncio.to_thread(opener))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_unwanted)
        raise


def _close_unwanted(opening: asyncio.Future[Source]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
