"""Our driver and our simulated reader, over a real socket: no tag lost, none doubled, held reports with their time.

The simulator writes what it told into a truth file; each read must be in it, with the reader's own time, and each line
must have been read.
"""

from __future__ import annotations

import asyncio
import io
import os
import time
from collections import Counter

import pytest

from drivers.errors import DeviceUnavailable
from drivers.llrp.driver import build
from drivers.llrp.settings import LlrpSettings
from drivers.reads import BadRead, Read, TagRead
from simulators.clock import monotonic_us, wall_us
from simulators.reader_faults import Script, happenings, parse
from simulators.reader_llrp import LlrpReader, Setup
from simulators.reader_server import ReaderServer
from simulators.tags import RateSource, sgtin_tags
from tests.drivers.device_tools import clock, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
SECONDS = float(os.environ.get("JAEGO_PEERS_S", "4"))
RATE = 500


class Store:
    """Opens the driver again whenever its reader is gone, as the supervisor does, and keeps every read."""

    def __init__(self, port: int) -> None:
        self.settings = LlrpSettings(host="127.0.0.1", port=port, keepalive_s=0.5)
        self.reads: Counter[tuple[str, int]] = Counter()
        self.late: list[TagRead] = []
        self.bad: list[BadRead] = []
        self.opened = 0

    async def run(self) -> None:
        while True:
            driver = build("gate", self.settings, clock)
            try:
                async with driver:
                    self.opened += 1
                    async for read in driver:
                        self._keep(read)
            except DeviceUnavailable:
                await asyncio.sleep(0.01)

    def _keep(self, read: Read) -> None:
        if isinstance(read, TagRead):
            assert read.device_time_us is not None
            self.reads[read.epc.hex(), read.device_time_us] += read.seen_count
            if read.arrived.wall_us - read.seen_us > 30_000:
                self.late.append(read)
        elif isinstance(read, BadRead):
            self.bad.append(read)


def truth_of(text: str) -> Counter[tuple[str, int]]:
    found: Counter[tuple[str, int]] = Counter()
    for line in text.splitlines():
        epc, _antenna, count, seen_us = line.split()
        found[epc, int(seen_us)] += int(count)
    return found


async def meet(
    script: Script, seconds: float, rate: float = RATE, *, connections: int = 1
) -> tuple[Store, ReaderServer, str]:
    """So long, and until so many connections began; then no tags are left, and all that was told is waited for."""
    truth = io.StringIO()
    source = RateSource(sgtin_tags(60), rate, antennas=(1, 2, 3, 4))
    reader = LlrpReader(source, Setup(), now_us=monotonic_us(), wall_us=wall_us())
    async with ReaderServer(reader, script=happenings(script), truth=truth) as server:
        store = Store(server.port)
        running = asyncio.create_task(store.run())
        await asyncio.sleep(seconds)
        await asyncio.wait_for(until(lambda: server.connections >= connections), 200)
        source.tags = []
        await asyncio.wait_for(until(lambda: reader.held_sightings == 0 and reader.connected), 10)
        await asyncio.wait_for(until(lambda: store.reads.total() >= server.told_sightings), 10)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return store, server, truth.getvalue()


def test_nothing_is_lost_at_500_reads_a_second() -> None:
    store, server, truth = asyncio.run(meet(Script(), SECONDS))
    assert not store.bad
    assert store.opened == 1
    assert server.told_sightings > 0.8 * RATE * (SECONDS - 1)
    assert store.reads == truth_of(truth)


@pytest.mark.parametrize("fault", ["reset", "cut"])
def test_nothing_is_lost_over_50_forced_disconnects(fault: str) -> None:
    """Held reports keep their real time: each read has the reader's own, and its host time follows it."""
    store, server, truth = asyncio.run(meet(parse([f"{fault}@1:every_s=0.2,times=50"]), 12, connections=51))
    assert server.connections == 51
    assert not store.bad
    assert server.reader.lost_sightings == 0
    assert store.reads == truth_of(truth)
    assert store.reads.total() > 10 * RATE


def test_a_reader_that_is_gone_is_back_and_what_it_held_has_its_time() -> None:
    """A frozen reader is given up after two silent intervals; what it saw meanwhile comes late, with its time."""
    began = time.time_ns() // 1000
    store, _server, truth = asyncio.run(meet(parse(["freeze@1:seconds=2"]), 5))
    assert store.opened >= 2
    assert store.reads == truth_of(truth)
    assert store.late
    spread_us = max(read.seen_us for read in store.late) - min(read.seen_us for read in store.late)
    assert spread_us > 1_000_000
    assert all(began <= read.seen_us <= read.arrived.wall_us for read in store.late)


def test_all_that_was_held_comes_after_an_outage() -> None:
    """30,000 entries, some 3 MB at once, as after a minute's outage of a reader at 500 reads a second."""

    async def run() -> None:
        truth = io.StringIO()
        source = RateSource(sgtin_tags(60), 30_000)
        reader = LlrpReader(source, Setup(each=True), now_us=monotonic_us(), wall_us=wall_us())
        async with ReaderServer(reader, truth=truth) as server:
            store = Store(server.port)
            first = asyncio.create_task(store.run())
            await until(lambda: store.reads.total() > 100)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            await until(lambda: reader.held_sightings > 30_000)
            source.tags = []
            before, missed = store.reads.total(), server.told_sightings - store.reads.total()
            again = asyncio.create_task(store.run())
            await until(lambda: reader.connected and reader.held_sightings == 0)
            await asyncio.sleep(1)
            again.cancel()
            await asyncio.gather(again, return_exceptions=True)
            assert store.opened == 2
            assert store.reads.total() - before == server.told_sightings - before - missed > 30_000

    asyncio.run(asyncio.wait_for(run(), 20))
