"""A simulated LLRP reader in the network: sockets, TLS, time, and the faults of a script.

What it writes to the kernel is told in the truth file, one line a sighting entry: a message that could not be written
whole goes back to the reader, which holds it for the next connection. A fault between two messages loses none.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import socket
import ssl
import struct
import termios
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self, TextIO

from simulators.clock import chance, monotonic_us
from simulators.reader_core import Frame
from simulators.reader_faults import Fault, Happening, Input
from simulators.reader_llrp import LlrpReader

READ_BYTES = 65_536
MERGE_S = 0.2
QUIET_POLL_S, QUIET_S_MAX = 0.002, 1.0
GOODBYE_S = 1.0
GRACE_S = 0.05  # a client of before a freeze is dealt with first
IDLE_S = 1.0
_NO_LINGER = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Troubles:
    """Until when each lasting fault lasts, on the simulation's clock."""

    split_us: int = 0
    merge_us: int = 0
    slow_us: int = 0
    bytes_per_s: int = 1
    freeze_us: int = 0
    keepalives_us: int = 0


class ReaderServer:
    """One port. `truth` gets `EPC antenna count seen_us` lines, where `seen_us` is what the report said."""

    def __init__(
        self,
        reader: LlrpReader,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        tls: ssl.SSLContext | None = None,
        script: Iterator[Happening] | Iterable[Happening] = (),
        truth: TextIO | None = None,
        seed: int = 1,
    ) -> None:
        self.reader = reader
        self.host, self.port = host, port
        self.told_sightings = 0
        self.connections = 0
        self._tls, self._script, self._truth = tls, iter(script), truth
        self._chance = chance(f"reader-{seed}")
        self._start_us = monotonic_us()
        self._troubles = Troubles()
        self._writer: asyncio.StreamWriter | None = None
        self._garbage = False
        self._cut: Fault | None = None
        self._wake = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._listen()
        for work in (self._pump(), self._play()):
            task = asyncio.create_task(work)
            self._tasks.add(task)
        return self

    async def __aexit__(self, *_error: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            self._server.close()
        self._hang_up(reset=False)
        if self._serving:  # they see the end of their connections
            await asyncio.wait(self._serving, timeout=GOODBYE_S)

    async def watch(self) -> None:
        """Until cancelled; raises what a task of the server's raised."""
        done, _pending = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    def wake(self) -> None:
        """Something was done to `reader` from outside."""
        self._wake.set()

    @property
    def now_us(self) -> int:
        return monotonic_us()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, self.host, self.port, ssl=self._tls, limit=READ_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, incoming: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        await self._thawed(2 * GRACE_S)
        if incoming.at_eof():  # it did not wait
            writer.close()
            return
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            self.connections += 1
            refusal = self.reader.connect(self.now_us)
            self._wake.set()
            if refusal is not None:
                writer.write(refusal)
                await writer.drain()
                await incoming.read()  # it hangs up when it has read that
                writer.close()
                return
            sock: socket.socket = writer.get_extra_info("socket")
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # With a limit of 0 the ssl module of Python 3.11 pauses the writer again at each look, empty or not.
            writer.transport.set_write_buffer_limits(high=0 if self._tls is None else 1, low=0)
            self._writer = writer
            await self._read(incoming, writer)
        if self._writer is writer:
            self._lose()
        writer.close()

    async def _read(self, incoming: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while self._writer is writer:
            data = await incoming.read(READ_BYTES)
            await self._thawed(0)
            if not data or self._writer is not writer:
                return
            self.reader.receive(data, self.now_us)
            self._wake.set()

    async def _thawed(self, grace_s: float = GRACE_S) -> None:
        """When nothing is frozen any more. What a client did meanwhile is seen before anybody is written to."""
        frozen = False
        while (left_us := self._troubles.freeze_us - self.now_us) > 0:
            frozen = True
            await asyncio.sleep(left_us / 1e6)
        if frozen:
            await asyncio.sleep(grace_s)

    async def _pump(self) -> None:
        """Lets time pass for the reader, and writes what it says."""
        while True:
            await self._thawed()
            self._wake.clear()
            now_us = self.now_us
            self.reader.keepalives = now_us >= self._troubles.keepalives_us
            self.reader.advance(now_us)
            frames = self.reader.take()
            if frames:
                await self._write(frames)
            if self._cut is not None:
                await self._break(self._cut)
            elif frames:
                continue
            if self.reader.closing:
                self._lose(close=True)
            due_us = self.reader.next_us()
            wait_s = IDLE_S if due_us is None else max(0.0, min(IDLE_S, (due_us - self.now_us) / 1e6))
            with contextlib.suppress(TimeoutError):  # wait_for may swallow a cancellation
                async with asyncio.timeout(max(0.001, wait_s)):
                    await self._wake.wait()

    async def _write(self, frames: list[Frame]) -> None:
        """Whole messages; the truth is told when the kernel has them."""
        if self.now_us < self._troubles.merge_us:
            await asyncio.sleep(MERGE_S)
            self.reader.advance(self.now_us)
            frames = [*frames, *self.reader.take()]
        writer = self._writer
        if writer is None:
            return
        data = b"".join(frame.data for frame in frames)
        if self._garbage:
            self._garbage = False
            data += bytes((0xFF, *self._chance.randbytes(40)))
        try:
            for piece, pause_s in self._pieces(data):
                writer.write(piece)
                await writer.drain()
                if pause_s:
                    await asyncio.sleep(pause_s)
        except (ConnectionError, ssl.SSLError):
            self._lose(tuple(frames))
            return
        self._tell(frames)

    def _pieces(self, data: bytes) -> Iterator[tuple[bytes, float]]:
        at = 0
        while at < len(data):
            if self.now_us < self._troubles.slow_us:
                size = max(1, self._troubles.bytes_per_s // 20)
                yield data[at : at + size], size / self._troubles.bytes_per_s
            elif self.now_us < self._troubles.split_us:
                size = self._chance.randrange(1, 14)
                yield data[at : at + size], 0.001 if not self._chance.randrange(8) else 0.0
            else:
                size = len(data)
                yield data[at:], 0.0
            at += size

    def _tell(self, frames: list[Frame]) -> None:
        for frame in frames:
            for entry in frame.entries:
                self.told_sightings += entry.count
                if self._truth is not None:
                    seen_us = self.reader.clock_us(entry.last_us)
                    epc = entry.sighting.epc.hex()
                    self._truth.write(f"{epc} {entry.sighting.antenna} {entry.count} {seen_us}\n")
        if self._truth is not None:
            self._truth.flush()

    def _lose(self, unsent: tuple[Frame, ...] = (), *, close: bool = False) -> None:
        writer, self._writer = self._writer, None
        self.reader.lost(self.now_us, unsent)
        if close and writer is not None:
            writer.close()

    async def _play(self) -> None:
        for at_s, what in self._script:
            left_s = at_s - (self.now_us - self._start_us) / 1e6
            await asyncio.sleep(max(0.0, left_s))
            if isinstance(what, Input):
                self.reader.input(what.port, what.level == "high", self.now_us)
            else:
                while what.kind in {"cut", "reset"} and (self._writer is None or self._cut is not None):  # noqa: ASYNC110  of two tasks
                    await asyncio.sleep(QUIET_POLL_S)  # each ends a connection, on a slow machine too
                self._begin(what)
            self._wake.set()
        await asyncio.Event().wait()

    def _begin(self, fault: Fault) -> None:
        until_us = self.now_us + int(fault.seconds * 1e6)
        match fault.kind:
            case "split" | "merge" | "freeze":
                setattr(self._troubles, f"{fault.kind}_us", until_us)
            case "slow":
                self._troubles.slow_us, self._troubles.bytes_per_s = until_us, fault.bytes_per_s
            case "keepalives_off":
                self._troubles.keepalives_us = until_us if fault.seconds else 1 << 62
            case "garbage":
                self._garbage = True
            case "year2000" | "uptime":
                self.reader.set_clock(fault.kind)
            case "antenna_off" | "antenna_on":
                self.reader.cable(fault.antenna, fault.kind == "antenna_on", self.now_us)
            case "cut" | "reset" | "reboot":
                self._cut = fault

    async def _break(self, fault: Fault) -> None:
        """Between two messages, but for a reboot, which cuts one. The next fault waits until this one is done."""
        if fault.kind == "reboot":
            await self._reboot(fault.seconds)
        else:
            if fault.kind == "reset":
                await self._delivered()
            self._hang_up(reset=fault.kind == "reset")
            self._lose()
        self._cut = None

    async def _reboot(self, seconds: float) -> None:
        half = self.reader.take() or [Frame(bytes.fromhex("043d0000006400000001"))]
        if self._writer is not None:
            with contextlib.suppress(ConnectionError):
                self._writer.write(half[0].data[: max(1, len(half[0].data) // 2)])
                await self._writer.drain()
        self._hang_up(reset=True)
        self._writer = None
        if self._server is not None:
            self._server.close()
        self.reader.reboot(self.now_us)
        await asyncio.sleep(seconds)
        await self._listen()

    async def _delivered(self) -> None:
        """Until the peer's kernel has acknowledged everything, or for a second."""
        if self._writer is None:
            return
        sock: socket.socket = self._writer.get_extra_info("socket")
        waited_s, left = 0.0, array.array("i", [1])
        while left[0] and waited_s < QUIET_S_MAX:
            fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, left)
            await asyncio.sleep(QUIET_POLL_S)
            waited_s += QUIET_POLL_S

    def _hang_up(self, *, reset: bool) -> None:
        writer = self._writer
        if writer is None:
            return
        if reset:
            sock: socket.socket = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            writer.transport.abort()
        else:
            writer.close()
