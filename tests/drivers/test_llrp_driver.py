"""The LLRP driver over sockets: TLS, faults of the network, reconnecting without a loss, refused operations."""

from __future__ import annotations

import asyncio
import io
import select
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drivers.driver import Driver
from drivers.errors import DeviceError, DeviceRefused, DeviceUnavailable
from drivers.llrp.driver import build
from drivers.operations import Bank, ReadMemory
from drivers.reads import BadRead, Read, SensorWindow, TagRead
from drivers.transports.tcp import Tls, open_tcp
from simulators.clock import monotonic_us, wall_us
from simulators.reader_core import Setup
from simulators.reader_faults import Fault, happenings, parse
from simulators.reader_llrp import LlrpReader
from simulators.reader_profiles import R420
from simulators.reader_server import ReaderServer
from simulators.tags import RateSource, sgtin_tags
from tests.agent.uplink.test_link_brokers import Authority
from tests.drivers.device_tools import LIMIT_S, clock, run, until
from tests.drivers.llrp_tools import GREETING, settings

TAGS = 20


@asynccontextmanager
async def serving(*faults: str, rate: float = 500, **how: Any) -> AsyncIterator[ReaderServer]:
    reader = LlrpReader(RateSource(sgtin_tags(TAGS), rate), Setup(), now_us=monotonic_us(), wall_us=wall_us())
    async with ReaderServer(reader, script=happenings(parse(list(faults))), **how) as server:
        yield server


def driver(server: ReaderServer, **given: object) -> Driver:
    return build("gate", settings(host="127.0.0.1", port=server.port, **given), clock)


async def read_until(one: Driver, enough: Callable[[list[Read]], bool], reads: list[Read]) -> None:
    async for read in one:
        reads.append(read)
        if enough(reads):
            return


def tags(reads: list[Read]) -> list[TagRead]:
    return [one for one in reads if isinstance(one, TagRead)]


@pytest.mark.parametrize("fault", ["split@0:seconds=60", "merge@0:seconds=60", "slow@0:seconds=60,bytes_per_s=30000"])
def test_a_slow_network_and_any_pieces_are_the_same_reads(fault: str) -> None:
    async def work() -> None:
        async with serving(fault, rate=100) as server, driver(server) as one:
            reads: list[Read] = []
            await read_until(one, lambda found: len(tags(found)) >= TAGS, reads)
            assert not [read for read in reads if isinstance(read, BadRead)]
            assert all(read.seen_us <= read.arrived.wall_us for read in tags(reads))
            assert one.facts["model"] == "Impinj 2001002"

    run(work())


def test_tls_with_the_readers_own_certificate(tmp_path: Path) -> None:
    async def work() -> None:
        ours = Authority(tmp_path, "ours")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*ours.issue("reader"))
        async with serving(tls=context) as server:
            async with driver(server, tls=True, tls_ca_file=ours.file) as one:
                await read_until(one, lambda found: len(tags(found)) >= TAGS, [])
            await until(lambda: not server.reader.connected)
            async with driver(server, tls=True, tls_check=False) as one:
                await read_until(one, lambda found: len(tags(found)) >= TAGS, [])
            await until(lambda: not server.reader.connected)
            with pytest.raises(DeviceRefused, match="not trusted") as caught:
                await driver(server, tls=True).__aenter__()
            assert "tls_ca_file" in caught.value.hint

    run(work())


def test_what_comes_with_the_end_of_the_handshake_is_read(tmp_path: Path) -> None:
    """TLS 1.2 lets the server speak in the flight of its Finished, and readers greet first."""
    ours = Authority(tmp_path, "ours")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(*ours.issue("reader"))
    listener = socket.create_server(("127.0.0.1", 0))

    def greet() -> socket.socket:
        connection, _ = listener.accept()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                connection.sendall(outgoing.read())
                incoming.write(connection.recv(65_536))
                continue
            tls.write(GREETING)
            connection.sendall(outgoing.read())
            return connection

    with listener, ThreadPoolExecutor(1) as pool:
        greeting = pool.submit(greet)
        trust = Tls(ca_file=ours.file)
        source = open_tcp("127.0.0.1", listener.getsockname()[1], timeout_s=LIMIT_S, tls=trust)
        with greeting.result(LIMIT_S):
            assert select.select([source.fileno()], [], [], LIMIT_S)[0]
            assert source.read() == GREETING
            source.close()


def test_a_second_client_is_refused_and_the_first_hears_of_it() -> None:
    async def work() -> None:
        async with serving() as server, driver(server) as first:
            with pytest.raises(DeviceRefused, match="another program holds the reader"):
                await driver(server).__aenter__()
            reads: list[Read] = []
            await read_until(first, lambda found: getattr(found[-1], "code", "") == "other_client", reads)

    run(work())


def test_a_frozen_reader_is_noticed_by_its_silence() -> None:
    async def work() -> None:
        async with serving("freeze@0.3:seconds=3") as server, driver(server, keepalive_s=0.5) as one:
            reads: list[Read] = []
            with pytest.raises(DeviceUnavailable, match="silent") as caught:
                await read_until(one, lambda _: False, reads)
            assert tags(reads)
            assert caught.value.hint

    run(work())


def test_a_window_that_is_open_when_the_reader_falls_silent_is_told() -> None:
    async def work() -> None:
        async with serving() as server, driver(server, keepalive_s=0.5, eye_port=1) as one:
            server.reader.input(1, True, server.now_us)
            server.wake()
            reads: list[Read] = []
            await read_until(one, lambda found: bool(tags(found)), reads)
            server._begin(Fault(kind="freeze", at_s=0, seconds=3))
            with pytest.raises(DeviceUnavailable, match="silent"):
                await read_until(one, lambda _: False, reads)
            assert isinstance(reads[-1], SensorWindow)
            assert reads[-1].cut
            assert reads[-1].tag_reads == len(tags(reads))

    run(work())


def counted(reads: list[Read]) -> int:
    return sum(read.seen_count for read in tags(reads))


def test_forced_disconnects_lose_nothing_and_double_nothing() -> None:
    """Ten resets under load, with reports held meanwhile; each tag is counted on both sides."""

    async def work() -> None:
        truth, reads = io.StringIO(), list[Read]()
        async with serving("reset@0.2:every_s=0.15,times=10", truth=truth) as server:

            def complete(found: list[Read]) -> bool:
                if server.connections < 11:
                    return False
                for rospec in server.reader.rospecs.values():
                    rospec.disable(monotonic_us())
                return counted(found) >= server.told_sightings

            while server.connections < 11 or not complete(reads):
                with suppress(DeviceError):
                    async with driver(server) as one:
                        await read_until(one, complete, reads)
        told: Counter[str] = Counter()
        for line in truth.getvalue().splitlines():
            epc, _antenna, count, _seen = line.split()
            told[epc] += int(count)
        got: Counter[str] = Counter()
        for read in tags(reads):
            got[read.epc.hex()] += read.seen_count
        assert got == told

    run(work())


def test_an_operation_that_the_reader_refuses_ends_alone() -> None:
    async def work() -> None:
        async with serving() as server, driver(server) as one:
            collecting = asyncio.create_task(read_until(one, lambda _: False, []))
            with pytest.raises(DeviceRefused, match="antenna"):
                await one.operate(ReadMemory(Bank.TID, 0, 2, antenna=99))
            results = await one.operate(ReadMemory(Bank.TID, 0, 2, duration_ms=200))
            assert len(results) == TAGS
            server.reader.setup = Setup(profile=replace(R420, access_specs_max=0))
            with pytest.raises(DeviceRefused, match="refuses ADD_ACCESSSPEC"):
                await one.operate(ReadMemory(Bank.TID, 0, 2))
            one.close()
            await collecting

    run(work())
