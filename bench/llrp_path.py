"""LLRP, the full path: simulated reader in its own process, socket, drain thread, session, `async for`, a queue.

    python -m bench.llrp_path [SECONDS]     10 s a figure unless told; 600 shows whether memory stays flat

The first figure is how many reads a second one driver takes without losing one, from a reader faster than any (20 tags
a report, real set-up, times of now): its pace is raised until the driver's inbox overflows or it falls behind. A sender
that was held up does not catch up, for a burst above the inbox's size is lost at any pace. The second is the CPU share
and the memory of a process with 8 drivers whose readers make 1,000 reads a second each, with one tag a report (the
default, the dearest) and with 20.
"""

from __future__ import annotations

import asyncio
import platform
import select
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from bench.figures import verdict
from drivers.errors import DeviceError
from drivers.llrp.driver import build
from drivers.llrp.settings import LlrpSettings
from drivers.reads import Arrival, TagRead
from drivers.shell import DeviceDriver
from simulators.clock import monotonic_us, wall_us
from simulators.reader_core import Frame
from simulators.reader_llrp import LlrpReader
from simulators.reader_server import ReaderServer
from simulators.tags import RateSource, sgtin_tags

READERS, READS_PER_S, TAGS_A_REPORT = 8, 1000, 20
BATCH = 25  # reports of one write
QUEUE_MAX = 10_000
PACES = (60_000, 80_000, 100_000, 115_000, 130_000, 150_000, 175_000, 200_000, 250_000)
FULL_PATH_MIN, CPU_SHARE_MAX, GROWTH_MIB_MAX = 100_000, 0.40, 8.0


def clock() -> Arrival:
    return Arrival(time.time_ns() // 1000, time.monotonic_ns())


def resident_mib() -> float:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


# The readers' process


def time_places(frame: Frame, reader: LlrpReader) -> list[int]:
    """Where the report has times: each is one of its entries'."""
    places = []
    for stamp in {reader.clock_us(one) for entry in frame.entries for one in (entry.first_us, entry.last_us)}:
        at = frame.data.find(struct.pack(">Q", stamp))
        while at >= 0:
            places.append(at)
            at = frame.data.find(struct.pack(">Q", stamp), at + 8)
    return places


def flood(server: socket.socket, reads_per_s: float) -> None:
    """A reader that is set up as any other and then sends one report at this pace, with the time of now."""
    source = RateSource(sgtin_tags(TAGS_A_REPORT), 1000, antennas=(1, 2, 3, 4))
    reader = LlrpReader(source, now_us=monotonic_us(), wall_us=wall_us())
    connection, _peer = server.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    reader.connect(monotonic_us())
    report: Frame | None = None
    connection.settimeout(0.02)
    while report is None:
        try:
            reader.receive(connection.recv(65_536), monotonic_us())
        except TimeoutError:
            reader.advance(monotonic_us())
        frames = reader.take()
        report = next((frame for frame in frames if len(frame.entries) == TAGS_A_REPORT), None)
        connection.sendall(b"".join(frame.data for frame in frames))
    connection.settimeout(None)
    size, data = len(report.data), bytearray(report.data * BATCH)
    places = [number * size + at for number in range(BATCH) for at in time_places(report, reader)]
    step_s, due = BATCH * TAGS_A_REPORT / reads_per_s, time.perf_counter()
    try:
        while True:
            due = max(due + step_s, time.perf_counter() - step_s)
            pause_s = max(0.0, due - time.perf_counter())
            if select.select([connection], [], [], pause_s)[0] and left(connection, reader):
                return
            now = struct.pack(">Q", wall_us())
            for at in places:
                data[at : at + 8] = now
            connection.sendall(data)
    except OSError:
        return


def left(connection: socket.socket, reader: LlrpReader) -> bool:
    """The client has something to say: is it the farewell?"""
    data = connection.recv(65_536)
    reader.receive(data, monotonic_us())
    connection.sendall(b"".join(frame.data for frame in reader.take()))
    return not data or reader.closing


async def serve() -> None:
    servers = []
    for number in range(READERS):
        source = RateSource(sgtin_tags(200, seed=number), READS_PER_S, antennas=(1, 2, 3, 4))
        servers.append(ReaderServer(LlrpReader(source, now_us=monotonic_us(), wall_us=wall_us())))
        await servers[-1].__aenter__()
    print(*(server.port for server in servers), flush=True)
    await asyncio.gather(*(server.watch() for server in servers))


def child(work: str, pace: str) -> None:
    if work == "serve":
        asyncio.run(serve())
        return
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        flood(server, float(pace))


def readers(work: str, pace: int) -> tuple[subprocess.Popen[str], list[int]]:
    command = [sys.executable, "-m", "bench.llrp_path", "--child", work, str(pace)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, [int(port) for port in process.stdout.readline().split()]


# The drivers' process


async def drive(driver: DeviceDriver, queue: asyncio.Queue[TagRead]) -> None:
    async with driver:
        async for read in driver:
            if isinstance(read, TagRead):
                await queue.put(read)


async def consume(queue: asyncio.Queue[TagRead], counts: list[int]) -> None:
    while True:
        await queue.get()
        counts[0] += 1
        while not queue.empty():
            queue.get_nowait()
            counts[0] += 1


async def run(ports: list[int], seconds: float, every: int) -> tuple[float, float, list[float]]:
    """Reads a second, CPU share of one core, and the process's memory, ten times on the way."""
    queue: asyncio.Queue[TagRead] = asyncio.Queue(QUEUE_MAX)
    counts = [0]
    settings = [LlrpSettings(host="127.0.0.1", port=port, report_every_tags=every) for port in ports]
    work = [drive(build(f"reader-{one.port}", one, clock), queue) for one in settings]
    tasks = [asyncio.create_task(one) for one in (*work, consume(queue, counts))]
    warm = asyncio.create_task(asyncio.sleep(1.5))
    await asyncio.wait({warm, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done():
            task.result()
    memory = []
    began, cpu, first = time.perf_counter(), time.process_time(), counts[0]
    for _ in range(10):
        await asyncio.sleep(seconds / 10)
        memory.append(resident_mib())
    took, used = time.perf_counter() - began, time.process_time() - cpu
    rate = (counts[0] - first) / took
    for task in tasks:
        if task.done():
            task.result()
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return rate, used / took, memory


def measure(work: str, seconds: float, every: int, pace: int = READS_PER_S) -> tuple[float, float, list[float]]:
    process, ports = readers(work, pace)
    try:
        return asyncio.run(run(ports, seconds, every))
    finally:
        process.terminate()
        process.wait(10)


def full_path(seconds: float) -> float:
    best = 0.0
    for pace in PACES:
        try:
            rate, share, _memory = measure("flood", seconds, TAGS_A_REPORT, pace)
        except DeviceError as error:
            print(f"one driver, {pace:,} reads/s sent: {error}")
            break
        print(f"one driver, {pace:,} reads/s sent: {rate:,.0f} taken, {share:.0%} of one core")
        best = max(best, rate)
        if rate < 0.95 * pace:
            break
    return best


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:4])
        return
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    print(f"Python {platform.python_version()}, {seconds:g} s a figure")
    verdict("reads to a queue of one process, 1/s", full_path(min(seconds, 30)), FULL_PATH_MIN, at_least=True)
    for every in (1, TAGS_A_REPORT):
        rate, share, memory = measure("serve", seconds, every)
        kept = ", ".join(f"{one:.1f}" for one in memory)
        print(f"{READERS} readers, {every} tag(s) a report: {rate:,.0f} reads/s; MiB on the way: {kept}")
        verdict(f"CPU of one core, {every} tag(s) a report", share, CPU_SHARE_MAX, at_least=False)
        verdict("memory grown since the first tenth, MiB", memory[-1] - memory[0], GROWTH_MIB_MAX, at_least=False)


if __name__ == "__main__":
    main()
