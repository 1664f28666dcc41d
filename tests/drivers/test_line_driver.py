"""The serial driver on a pty: what only a real descriptor shows."""

from __future__ import annotations

import asyncio
import os
import pty
from contextlib import suppress
from pathlib import Path

import pytest

from drivers.errors import DeviceRefused, DeviceUnavailable
from drivers.reads import Answer, BadRead, BarcodeRead, Fault
from drivers.serial_scanner.driver import build
from drivers.serial_scanner.session import HONEYWELL
from drivers.serial_scanner.settings import SerialLineSettings
from drivers.shell import OUTPUT_BYTES_MAX, DeviceDriver
from simulators.scanner import Trouble
from simulators.scanner_line import LineScanner, LineSetup
from tests.drivers.device_tools import clock, next_reads, run, told, until


def scanner(folder: Path, setup: LineSetup | None = None) -> LineScanner:
    simulated = LineScanner(folder / "scanner", setup)
    simulated.plug()
    return simulated


def driver(simulated: LineScanner, **settings: object) -> DeviceDriver:
    plain = {"path": str(simulated.port.path), "settle_ms": 0, **settings}
    return build("dock", SerialLineSettings.model_validate(plain), clock)


def test_ten_scans_in_a_row_are_ten_reads(tmp_path: Path) -> None:
    simulated = scanner(tmp_path)

    async def work() -> None:
        async with driver(simulated) as opened:
            for number in range(10):
                simulated.scan(b"880%d\x1d" % number)
            reads = await next_reads(opened, 10)
            assert told(reads) == [b"880%d\x1d" % number for number in range(10)]
            assert opened.counters.reads == 10

    run(work())
    simulated.unplug()


def test_a_held_port_is_refused_with_a_hint(tmp_path: Path) -> None:
    simulated = scanner(tmp_path)

    async def work() -> None:
        async with driver(simulated):
            with pytest.raises(DeviceRefused, match="another program holds") as caught:
                await driver(simulated).__aenter__()
            assert "fuser" in caught.value.hint

    run(work())
    simulated.unplug()


def test_an_absent_port_and_a_path_that_is_no_port(tmp_path: Path) -> None:
    async def work() -> None:
        with pytest.raises(DeviceUnavailable, match="is not there"):
            await driver(LineScanner(tmp_path / "nothing")).__aenter__()
        (tmp_path / "file").write_text("")
        with pytest.raises(DeviceRefused):
            await driver(LineScanner(tmp_path / "file")).__aenter__()

    run(work())


def test_unplugged_in_the_middle_the_half_is_reported_and_the_loss_named(tmp_path: Path) -> None:
    simulated = scanner(tmp_path)

    async def work() -> None:
        opened = driver(simulated)
        async with opened:
            simulated.port.write(b"88012")
            await until(lambda: opened._inbox is not None and opened._inbox._bytes == 5)
            simulated.unplug()
            (bad,) = await next_reads(opened, 1)
            assert isinstance(bad, BadRead)
            assert (bad.fault, bad.raw) == (Fault.INCOMPLETE, b"88012")
            with pytest.raises(DeviceUnavailable, match="is gone") as caught:
                await next_reads(opened, 1)
            assert "plug" in caught.value.hint
            opened.answer(1, Answer.GOOD)
        simulated.plug()
        async with driver(simulated) as again:
            simulated.scan(b"whole")
            assert told(await next_reads(again, 1)) == [b"whole"]

    run(work())
    simulated.unplug()


def test_a_partial_line_is_reported_without_any_further_byte(tmp_path: Path) -> None:
    simulated = scanner(tmp_path)

    async def work() -> None:
        async with driver(simulated, partial_timeout_ms=50) as opened:
            simulated.port.write(b"880")
            assert told(await next_reads(opened, 1)) == [Fault.INCOMPLETE]

    run(work())
    simulated.unplug()


def test_close_delivers_what_was_sent_and_ends(tmp_path: Path) -> None:
    simulated = scanner(tmp_path)

    async def work() -> list[object]:
        async with driver(simulated) as opened:
            simulated.scan(b"last")
            opened.close()
            return told([read async for read in opened])

    assert run(work()) == [b"last"]
    simulated.unplug()


def test_honeywell_answer_reaches_the_scanner(tmp_path: Path) -> None:
    simulated = scanner(tmp_path, LineSetup(host_ack=True, host_ack_timeout_s=5))

    async def work() -> None:
        async with driver(simulated, host_ack="honeywell") as opened:
            for answer in Answer:
                scan = asyncio.create_task(asyncio.to_thread(simulated.scan, b"8801"))
                (read,) = await next_reads(opened, 1)
                assert isinstance(read, BarcodeRead)
                assert not scan.done()
                opened.answer(read.id, answer)
                result = await scan
                assert (result.acknowledged, result.answer) == (True, answer.value)

    run(work())
    simulated.unplug()


def test_a_line_that_takes_nothing_never_blocks_an_answer(tmp_path: Path) -> None:
    simulated = scanner(tmp_path)

    async def work() -> None:
        async with driver(simulated, host_ack="honeywell") as opened:
            assert opened._source is not None
            with suppress(BlockingIOError):
                while opened._source.write(b"x" * 512):
                    pass
            for _ in range(2 * OUTPUT_BYTES_MAX // len(HONEYWELL[Answer.STOP])):
                simulated.port.write(b"1\r")
                (read,) = await next_reads(opened, 1)
                assert isinstance(read, BarcodeRead)
                opened.answer(read.id, Answer.STOP)
            assert opened.counters.overflows > 0
            assert len(opened._output) <= OUTPUT_BYTES_MAX
            await until(lambda: b"8," in simulated.port.read(0))  # what was kept goes out when there is room again

    run(work())
    simulated.unplug()


def test_two_scanners_at_the_same_time_never_mix(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    left, right = scanner(tmp_path / "a"), scanner(tmp_path / "b")

    async def work() -> None:
        async with driver(left) as one, driver(right) as two:
            for byte in b"LLLL\r":
                left.port.write(bytes([byte]))
                right.port.write(bytes([byte if byte == 13 else byte + 6]))
            assert told(await next_reads(one, 1)) == [b"LLLL"]
            assert told(await next_reads(two, 1)) == [b"RRRR"]

    run(work())
    left.unplug()
    right.unplug()


def test_every_trouble_leaves_the_next_good_scan_working(tmp_path: Path) -> None:
    simulated = scanner(tmp_path)

    async def work() -> None:
        async with driver(simulated, end="cr") as opened:
            simulated.scan(b"split", Trouble.SPLIT)
            assert told(await next_reads(opened, 1)) == [b"split"]
            simulated.scan(b"1", Trouble.GARBAGE)
            assert told(await next_reads(opened, 2)) == [b"\xff\x00\xfe#\x81", b"1"]
            writing = asyncio.create_task(asyncio.to_thread(simulated.scan, b"2", Trouble.OVER_LONG))
            assert told(await next_reads(opened, 2)) == [Fault.TOO_LONG, b"2"]
            await writing

    run(work())
    simulated.unplug()


def test_a_pty_pair_made_by_hand_works_as_well(tmp_path: Path) -> None:
    device, host = pty.openpty()

    async def work() -> None:
        settings = SerialLineSettings(path=os.ttyname(host), settle_ms=0, rtscts=False, baud=115200, parity="even")
        async with build("dock", settings, clock) as opened:
            os.write(device, b"8801\r\n")
            assert told(await next_reads(opened, 1)) == [b"8801"]

    run(work())
    os.close(device)
    os.close(host)
