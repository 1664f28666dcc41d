"""One suite for every driver with its simulator: what the Driver protocol promises."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from drivers.driver import Driver
from drivers.errors import DeviceUnavailable
from drivers.reads import Answer, BadRead, BarcodeRead, Read
from drivers.registry import KINDS, AnySettings, factory, watched
from simulators.hid import FifoSink, HidScanner, HidSetup
from simulators.scanner import Scanner, Trouble
from simulators.scanner_line import LineScanner, LineSetup
from simulators.scanner_ssi import SsiScanner, SsiSetup
from tests.drivers.device_tools import clock, run, told, until

LINE = {"kind": "serial_line", "settle_ms": 0, "end": "cr"}
SSI = {"kind": "ssi", "packeted": False, "scan_enable": False}
HID = {"kind": "hid", "transport": "pipe", "settle_ms": 0}


@dataclass(frozen=True)
class Case:
    """A device at `path`, its settings, and whether it hears answers."""

    simulated: Scanner
    settings: dict[str, object]
    path: Path
    hears: bool

    def driver(self) -> Driver:
        settings: AnySettings = TypeAdapter(AnySettings).validate_python({**self.settings, "path": str(self.path)})
        assert watched(settings) == str(self.path)
        return factory("dock", settings, clock)()


CASES: dict[str, Callable[[Path], Case]] = {
    "serial_line": lambda path: Case(LineScanner(path), LINE, path, False),
    "serial_line/honeywell": lambda path: Case(
        LineScanner(path, LineSetup(host_ack=True, host_ack_timeout_s=3)), {**LINE, "host_ack": "honeywell"}, path, True
    ),
    "ssi": lambda path: Case(SsiScanner(path, SsiSetup(ack_timeout_s=1)), SSI, path, True),
    "hid": lambda path: Case(HidScanner(FifoSink(path), HidSetup(chars_per_s=0)), HID, path, False),
}

READERS: set[str] = {"llrp", "r200", "reader_json", "thingmagic"}  # kinds whose suite is test_contract_readers.py


@pytest.fixture(params=list(CASES))
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    made = CASES[request.param](tmp_path / "device")
    made.simulated.plug()
    yield made
    made.simulated.unplug()


def test_every_kind_has_a_case() -> None:
    """Here, or in the suite of the RFID readers beside this one."""
    assert {name.partition("/")[0] for name in CASES} | READERS == set(KINDS)


def test_every_setting_is_described() -> None:
    for kind, model in KINDS.items():
        assert model.model_fields["kind"].default == kind
        for name, field in model.model_fields.items():
            assert field.description, f"{kind}.{name}"
            assert field.description.endswith((".", "driver."))
        assert model.model_config["frozen"]
        assert model.model_config["extra"] == "forbid"


async def collect(driver: Driver, found: list[Read]) -> None:
    async for read in driver:
        found.append(read)  # noqa: PERF401 - what came before the loss is kept


async def scans(case: Case, driver: Driver, codes: list[bytes], trouble: Trouble | None = None) -> list[Read]:
    """Every read while the codes are scanned, each answered with GOOD."""
    reads: list[Read] = []

    def scan_all() -> None:
        for code in codes:
            case.simulated.scan(code, trouble)

    async def collect() -> None:
        async for read in driver:
            reads.append(read)
            if isinstance(read, BarcodeRead | BadRead):
                driver.answer(read.id, Answer.GOOD)

    collecting = asyncio.create_task(collect())
    await asyncio.to_thread(scan_all)
    await until(lambda: len([read for read in reads if isinstance(read, BarcodeRead)]) >= len(codes))
    driver.close()
    await collecting
    return reads


def test_ten_scans_in_a_row_are_ten_reads_with_rising_ids_and_times(case: Case) -> None:
    codes = [b"0108801234567893\x1d21%03d" % number for number in range(10)]

    async def work() -> None:
        before = clock()
        async with case.driver() as driver:
            reads = await scans(case, driver, codes)
            assert told(reads) == codes
            found = [read for read in reads if isinstance(read, BarcodeRead)]
            assert [read.id for read in found] == list(range(1, 11))
            assert {read.device for read in found} == {"dock"}
            times = [before, *(read.arrived for read in found), clock()]
            assert times == sorted(times, key=lambda arrived: arrived.monotonic_ns)
            assert driver.counters.reads == 10
            assert driver.counters.bytes_in > 0

    run(work())


def test_split_writes_are_one_read(case: Case) -> None:
    async def work() -> None:
        async with case.driver() as driver:
            assert told(await scans(case, driver, [b"8801\x1d2"], Trouble.SPLIT)) == [b"8801\x1d2"]

    run(work())


def test_garbage_is_reported_and_the_next_good_scan_works(case: Case) -> None:
    async def work() -> None:
        async with case.driver() as driver:
            collected: list[Read] = []

            async def collect() -> None:
                async for read in driver:
                    collected.append(read)
                    if isinstance(read, BarcodeRead | BadRead):
                        driver.answer(read.id, Answer.GOOD)

            collecting = asyncio.create_task(collect())
            await asyncio.to_thread(case.simulated.scan, b"1", Trouble.GARBAGE)
            await asyncio.to_thread(case.simulated.scan, b"2")
            await until(lambda: bool(collected) and told(collected)[-1] == b"2")
            assert len(collected) >= 2
            driver.close()
            await collecting

    run(work())


def test_no_answer_leaves_before_answer_is_called(case: Case) -> None:
    if not case.hears:
        assert case.simulated.scan(b"1").acknowledged is None
        return

    async def work() -> None:
        async with case.driver() as driver:
            scan = asyncio.create_task(asyncio.to_thread(case.simulated.scan, b"1"))
            read = await anext(aiter(driver))
            assert isinstance(read, BarcodeRead)
            done, _ = await asyncio.wait({scan}, timeout=0.2)
            assert not done
            begun = time.monotonic()
            driver.answer(read.id, Answer.GOOD)
            assert time.monotonic() - begun < 0.05
            result = await scan
            assert (result.acknowledged, result.answer) == (True, "good")

    run(work())


def test_an_answer_to_nobody_and_after_the_end_does_nothing(case: Case) -> None:
    async def work() -> None:
        driver = case.driver()
        driver.answer(1, Answer.GOOD)
        async with driver:
            driver.answer(99, Answer.STOP)
        driver.answer(1, Answer.GOOD)

    run(work())


def test_unplugged_iteration_ends_with_unavailable_and_a_hint(case: Case) -> None:
    async def work() -> None:
        async with case.driver() as driver:
            case.simulated.unplug()
            with pytest.raises(DeviceUnavailable) as caught:
                await anext(aiter(driver))
            assert caught.value.hint
            with pytest.raises(DeviceUnavailable):
                await anext(aiter(driver))
        with pytest.raises(DeviceUnavailable):
            await case.driver().__aenter__()

    run(work())


def test_unplugged_in_the_middle_and_back(case: Case) -> None:
    async def work() -> None:
        async with case.driver() as driver:
            await asyncio.to_thread(case.simulated.scan, b"0123456789", Trouble.UNPLUG)
            found: list[Read] = []
            with pytest.raises(DeviceUnavailable):
                await collect(driver, found)
            assert all(isinstance(read, BadRead) for read in found)
        async with case.driver() as driver:
            assert told(await scans(case, driver, [b"whole"])) == [b"whole"]

    run(work())


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_close_ends_iteration_and_frees_thread_and_descriptors(case: Case) -> None:
    async def work() -> None:
        before = open_descriptors()
        for _ in range(3):
            async with case.driver() as driver:
                driver.close()
                assert [read async for read in driver] == []
        assert open_descriptors() == before
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("drain")]

    run(work())


def test_a_cancelled_wait_loses_nothing(case: Case) -> None:
    async def work() -> None:
        async with case.driver() as driver:
            scan = asyncio.create_task(asyncio.to_thread(case.simulated.scan, b"1"))
            found: list[Read] = []
            for _ in range(200):
                waiting = asyncio.ensure_future(anext(aiter(driver)))
                await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.wait({waiting})
                if not waiting.cancelled():
                    found.append(waiting.result())
                    break
            read = found[0] if found else await anext(aiter(driver))
            assert told([read]) == [b"1"]
            assert isinstance(read, BarcodeRead)
            driver.answer(read.id, Answer.GOOD)
            await scan

    run(work())
