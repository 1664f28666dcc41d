"""One suite for every RFID reader with its simulator: what the Driver protocol promises, for tags.

A case is a function of a folder that makes a `Reader`: the simulated device and the settings that reach it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from pydantic import TypeAdapter

from drivers.driver import Direction, Driver
from drivers.errors import DeviceRefused, DeviceUnavailable
from drivers.operations import Bank, Outcome, ReadMemory, WriteMemory
from drivers.r200.frames import Framing
from drivers.reads import Answer, Arrival, BadRead, Read, TagRead
from drivers.registry import AnySettings, factory
from simulators.clock import monotonic_us, wall_us
from simulators.module import HandSource, Machine, ModuleDevice, ModuleFault, World
from simulators.module_r200 import R200Module
from simulators.module_thingmagic import ThingmagicModule
from simulators.reader_core import Frame, Setup
from simulators.reader_json import Dialect, HttpSink, JsonReader, MqttSink
from simulators.reader_llrp import LlrpReader
from simulators.reader_server import ReaderServer
from simulators.tags import Sighting, Tag, listed
from tests.brokers import Mosquitto
from tests.drivers.device_tools import LIMIT_S, clock, run, until
from tests.drivers.test_contract import READERS

ROUND_US = 20_000  # an inventory round
EPCS = [bytes.fromhex(f"3034257bf7194e4000000{number:03x}") for number in range(1, 11)]


class Device(Protocol):
    """The other end. `on` and `off` are power or cable; `show` lets the reader see each tag once."""

    def on(self) -> None: ...

    def off(self) -> None: ...

    def show(self, tags: list[Tag]) -> None: ...

    def garble(self) -> None:
        """Bytes on the wire that are no frame, or a damaged one."""
        ...


@dataclass(frozen=True)
class Reader:
    """`operates`: it has operations on tags."""

    device: Device
    settings: dict[str, Any]
    operates: bool

    def driver(self) -> Driver:
        settings: AnySettings = TypeAdapter(AnySettings).validate_python(self.settings)
        return factory("gate", settings, clock)()


class JsonOverBroker:
    """A Zebra reader; off is the broker's machine going down."""

    def __init__(self, folder: Path) -> None:
        self.broker = Mosquitto(folder)

    def on(self) -> None:
        self.broker.start()

    def off(self) -> None:
        self.broker.kill()

    def show(self, tags: list[Tag]) -> None:
        sink = MqttSink("127.0.0.1", self.broker.port, "gate/tags")
        reader = JsonReader(Dialect.ZEBRA, sink)
        for tag in tags:
            reader.see(Sighting(tag.epc, 1, -6000, 0, tag))
        sink.settle()
        sink.close()

    def garble(self) -> None:
        sink = MqttSink("127.0.0.1", self.broker.port, "gate/tags")
        JsonReader(Dialect.ZEBRA, sink).garbage()
        sink.settle()
        sink.close()


class JsonStream:
    """An Impinj reader with its HTTP stream."""

    def __init__(self) -> None:
        self.sink = HttpSink()
        self.port = self.sink.port

    def on(self) -> None:
        if self.sink.closed:
            self.sink = HttpSink(self.port)

    def off(self) -> None:
        if not self.sink.closed:
            self.sink.close()

    def show(self, tags: list[Tag]) -> None:
        for tag in tags:
            JsonReader(Dialect.IMPINJ, self.sink).see(Sighting(tag.epc, 1, -6000, 0, tag))

    def garble(self) -> None:
        JsonReader(Dialect.IMPINJ, self.sink).garbage()


class SerialModule:
    """A module on a pty, with a supply of its own: off is its cable. `line`: it gives bytes singly, or many at once."""

    def __init__(self, path: Path, make: Callable[[World], Machine], line: ModuleFault | None) -> None:
        self.hand = HandSource()
        self.tags: list[Tag] = []
        self.device = ModuleDevice(path, make(World(self.hand, self.tags)))
        if line is not None:
            self.device.fault(line)

    def on(self) -> None:
        self.device.plug()

    def off(self) -> None:
        self.device.unplug()

    def show(self, tags: list[Tag]) -> None:
        self.tags.extend(tags)
        self.hand.show(tags)

    def garble(self) -> None:
        self.device.fault(ModuleFault.GARBAGE)


class LlrpField(HandSource):
    """Tags stay in the field: while an AccessSpec waits for them, they are seen again and again."""

    def __init__(self) -> None:
        super().__init__()
        self.present: list[Tag] = []
        self.reader: LlrpReader | None = None
        self._last_us = 0

    def show(self, tags: list[Tag]) -> None:
        self.present.extend(tags)
        super().show(tags)

    def due(self, now_us: int) -> list[Sighting]:
        if self.reader is not None and self.reader.access_specs and now_us - self._last_us >= ROUND_US:
            self._last_us = now_us
            super().show(self.present)
        return super().due(now_us)

    def next_us(self) -> int | None:
        waiting = self.reader is not None and self.reader.access_specs
        return self._last_us + ROUND_US if waiting else super().next_us()


class LlrpDevice:
    """A reader in a thread; off is its power."""

    def __init__(self) -> None:
        self.field = LlrpField()
        self.port = 0
        self._server: ReaderServer | None = None
        self._thread: threading.Thread | None = None
        self._loop = asyncio.new_event_loop()
        self._off = asyncio.Event()

    def on(self) -> None:
        if self._thread is None:
            started = threading.Event()
            self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), name="reader")
            self._thread.start()
            started.wait(LIMIT_S)

    def off(self) -> None:
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._off.set)
            self._thread.join(LIMIT_S)
            self._thread = None

    def show(self, tags: list[Tag]) -> None:
        self.field.show(tags)
        assert self._server is not None
        self._loop.call_soon_threadsafe(self._server.wake)

    def garble(self) -> None:
        """A report whose one parameter is no parameter. Bytes that are no message end a connection of LLRP."""
        frame = Frame(bytes.fromhex("043d00000010000000630bad0bad0bad"))
        server = self._server
        assert server is not None
        client = server.reader._client
        assert client is not None
        self._loop.call_soon_threadsafe(client.out.append, frame)
        self._loop.call_soon_threadsafe(server.wake)

    async def _serve(self, started: threading.Event) -> None:
        self._loop.close()
        self._loop, self._off = asyncio.get_running_loop(), asyncio.Event()
        reader = LlrpReader(self.field, Setup(version_max=2, each=True), now_us=monotonic_us(), wall_us=wall_us())
        self.field.reader = reader
        async with ReaderServer(reader, port=self.port) as server:
            self._server, self.port = server, server.port
            started.set()
            await self._off.wait()


def llrp(_folder: Path, **given: object) -> Reader:
    device = LlrpDevice()
    device.on()  # to have a port
    return Reader(device, {"kind": "llrp", "host": "127.0.0.1", "port": device.port, **given}, operates=True)


def thingmagic(folder: Path, line: ModuleFault | None = None) -> Reader:
    device = SerialModule(folder / "module", ThingmagicModule, line)
    settings = {"kind": "thingmagic", "path": str(folder / "module"), "region": "kr"}
    return Reader(device, settings, operates=True)


def r200(folder: Path, line: ModuleFault | None = None, framing: Framing = Framing.AA_DD) -> Reader:
    device = SerialModule(folder / "module", lambda world: R200Module(world, framing), line)
    settings = {"kind": "r200", "path": str(folder / "module"), "region": "kr", "framing": framing}
    return Reader(device, settings, operates=True)


def json_over_broker(folder: Path) -> Reader:
    device = JsonOverBroker(folder)
    settings = {"kind": "reader_json", "dialect": "zebra", "host": "127.0.0.1", "topics": ["gate/tags"]}
    return Reader(device, {**settings, "port": device.broker.port}, operates=False)


def json_stream(folder: Path) -> Reader:
    device = JsonStream()
    secret = folder / "secret"
    secret.write_text("impinj")
    account = {"username": "root", "password_file": secret}
    settings = {"kind": "reader_json", "dialect": "impinj", "transport": "http", "host": "127.0.0.1", **account}
    return Reader(device, {**settings, "port": device.port}, operates=False)


CASES: dict[str, Callable[[Path], Reader]] = {
    "llrp": llrp,
    "reader_json/mqtt": json_over_broker,
    "reader_json/http": json_stream,
    "thingmagic": thingmagic,
    "thingmagic/split": lambda folder: thingmagic(folder, ModuleFault.SPLIT),
    "thingmagic/merged": lambda folder: thingmagic(folder, ModuleFault.MERGED),
    "r200": r200,
    "r200/split": lambda folder: r200(folder, ModuleFault.SPLIT),
    "r200/merged": lambda folder: r200(folder, ModuleFault.MERGED),
    "r200/m100": lambda folder: r200(folder, framing=Framing.BB_7E),
}


@pytest.fixture(params=list(CASES))
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Reader]:
    made = CASES[request.param](tmp_path)
    made.device.on()
    yield made
    made.device.off()


def test_every_reader_has_a_case() -> None:
    assert {name.partition("/")[0] for name in CASES} == READERS


async def seen(reader: Reader, driver: Driver, tags: list[Tag], *, garbled: bool = False) -> list[Read]:
    """Every read until the last of `tags` was read."""
    reads: list[Read] = []

    async def collect() -> None:
        async for read in driver:
            reads.append(read)
            if isinstance(read, TagRead) and read.epc == tags[-1].epc:
                return

    collecting = asyncio.create_task(collect())
    if garbled:
        await asyncio.to_thread(reader.device.garble)
    await asyncio.to_thread(reader.device.show, tags)
    await collecting
    return reads


async def collect(driver: Driver, found: list[Read]) -> None:
    async for read in driver:
        found.append(read)  # noqa: PERF401 - what came before the loss is kept


def test_ten_tags_are_ten_reads_with_rising_times(reader: Reader) -> None:
    async def work() -> None:
        before = clock()
        async with reader.driver() as driver:
            found = [read for read in await seen(reader, driver, listed(EPCS)) if isinstance(read, TagRead)]
            assert [read.epc for read in found] == EPCS
            assert {read.device for read in found} == {"gate"}
            times = [before, *(read.arrived for read in found), clock()]
            assert times == sorted(times, key=lambda arrived: arrived.monotonic_ns)
            assert all(read.first_us <= read.seen_us <= read.arrived.wall_us for read in found)
            assert driver.counters.reads == 10
            assert driver.counters.bytes_in > 0

    run(work())


def test_garbage_is_reported_and_the_next_tag_is_read(reader: Reader) -> None:
    async def work() -> None:
        async with reader.driver() as driver:
            reads = await seen(reader, driver, listed(EPCS[:1]), garbled=True)
            assert [type(read) for read in reads if isinstance(read, TagRead | BadRead)] == [BadRead, TagRead]
            assert driver.counters.bad_reads == 1

    run(work())


def test_a_tap_sees_the_bytes(reader: Reader) -> None:
    async def work() -> None:
        heard: list[bytes] = []

        def tap(direction: Direction, data: bytes, _arrived: Arrival) -> None:
            if direction is Direction.IN:
                heard.append(data)

        async with reader.driver() as driver:
            driver.listen(tap)
            await seen(reader, driver, listed(EPCS[:1]))
            driver.listen(None)
            assert sum(map(len, heard)) <= driver.counters.bytes_in
            assert heard

    run(work())


def test_gone_iteration_ends_with_unavailable_and_a_hint(reader: Reader) -> None:
    async def work() -> None:
        async with reader.driver() as driver:
            await asyncio.to_thread(reader.device.off)
            found: list[Read] = []
            for _ in range(2):
                with pytest.raises(DeviceUnavailable) as caught:
                    await collect(driver, found)
                assert caught.value.hint
        with pytest.raises(DeviceUnavailable):
            await reader.driver().__aenter__()

    run(work())


def test_gone_and_back(reader: Reader) -> None:
    async def work() -> None:
        async with reader.driver() as driver:
            await asyncio.to_thread(reader.device.off)
            with pytest.raises(DeviceUnavailable):
                await collect(driver, [])
        await asyncio.to_thread(reader.device.on)
        async with reader.driver() as driver:
            assert [read.epc for read in await seen(reader, driver, listed(EPCS[:2])) if isinstance(read, TagRead)]

    run(work())


def test_an_answer_does_nothing_and_operations_are_refused_where_there_are_none(reader: Reader) -> None:
    async def work() -> None:
        driver = reader.driver()
        driver.answer(1, Answer.GOOD)
        async with driver:
            driver.answer(99, Answer.STOP)
            if not reader.operates:
                with pytest.raises(DeviceRefused) as caught:
                    await driver.operate(ReadMemory(Bank.TID, 0, 2))
                assert caught.value.hint

    run(work())


def test_operations_read_and_write_one_tag_and_reading_goes_on(reader: Reader) -> None:
    if not reader.operates:
        return

    async def work() -> None:
        [tag, other] = listed(EPCS[:2])
        async with reader.driver() as driver:
            reads: list[Read] = []
            collecting = asyncio.create_task(collect(driver, reads))
            reader.device.show([tag, other])
            await until(lambda: len(reads) >= 2)
            [result] = await driver.operate(ReadMemory(Bank.TID, 0, 6, match=tag.epc))
            assert (result.outcome, result.epc, result.data) == (Outcome.DONE, EPCS[0], tag.tid)
            [result] = await driver.operate(WriteMemory(Bank.EPC, 2, EPCS[9], match=EPCS[0]))
            assert result.outcome is Outcome.DONE
            assert (tag.epc, other.epc) == (EPCS[9], EPCS[1])
            [result] = await driver.operate(ReadMemory(Bank.EPC, 2, 6, match=EPCS[9]))
            assert result.data == EPCS[9]
            [result] = await driver.operate(ReadMemory(Bank.USER, 500, 1, match=EPCS[9]))
            assert result.outcome is Outcome.OVERRUN
            [result] = await driver.operate(ReadMemory(Bank.TID, 0, 1, match=EPCS[5], duration_ms=200))
            assert result.outcome is Outcome.NO_RESPONSE
            reader.device.show(listed(EPCS[2:3]))
            await until(lambda: any(isinstance(read, TagRead) and read.epc == EPCS[2] for read in reads))
            driver.close()
            await collecting
            assert not [read for read in reads if isinstance(read, BadRead)]

    run(work())


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_close_ends_iteration_and_frees_thread_and_descriptors(reader: Reader) -> None:
    async def work() -> None:
        async with reader.driver() as driver:  # what is made once stays: a thread of the pool
            driver.close()
        before = open_descriptors()
        for _ in range(3):
            async with reader.driver() as driver:
                driver.close()
                assert [read async for read in driver if not isinstance(read, TagRead)] == []
        await until(lambda: open_descriptors() <= before)  # the other end may close a moment later
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("drain")]

    run(work())


def test_a_cancelled_wait_loses_nothing(reader: Reader) -> None:
    async def work() -> None:
        async with reader.driver() as driver:
            showing = asyncio.create_task(asyncio.to_thread(reader.device.show, listed(EPCS[:1])))
            found: list[Read] = []
            for _ in range(200):
                waiting = asyncio.ensure_future(anext(aiter(driver)))
                await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.wait({waiting})
                if not waiting.cancelled():
                    found.append(waiting.result())
            while not any(isinstance(read, TagRead) for read in found):
                found.append(await anext(aiter(driver)))
            await showing

    run(work())
