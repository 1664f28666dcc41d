"""The SSI driver against a scanner that behaves like one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from drivers.errors import DeviceUnavailable
from drivers.reads import Answer, BarcodeRead, Fault
from drivers.shell import DeviceDriver
from drivers.ssi.driver import build
from drivers.ssi.frames import HOST, RETRANSMIT, Op, Packet, encode
from drivers.ssi.settings import SsiSettings
from simulators.scanner import ScanResult, Trouble
from simulators.scanner_ssi import SsiScanner, SsiSetup
from tests.drivers.device_tools import clock, next_reads, run, told, until


def scanner(folder: Path, setup: SsiSetup | None = None) -> SsiScanner:
    simulated = SsiScanner(folder / "scanner", setup)
    simulated.plug()
    return simulated


def driver(simulated: SsiScanner, **settings: object) -> DeviceDriver:
    plain = {"path": str(simulated.port.path), **settings}
    return build("dock", SsiSettings.model_validate(plain), clock)


async def scan_and_answer(
    simulated: SsiScanner, opened: DeviceDriver, data: bytes, answer: Answer, trouble: Trouble | None = None
) -> tuple[list[object], ScanResult]:
    """Every read until the scan is done, each answered."""
    scan = asyncio.create_task(asyncio.to_thread(simulated.scan, data, trouble))
    reads: list[object] = []
    iterator = aiter(opened)
    waiting = asyncio.ensure_future(anext(iterator))
    while not scan.done():
        await asyncio.wait({scan, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            read = waiting.result()
            reads += told([read])
            if isinstance(read, BarcodeRead):
                opened.answer(read.id, answer)
            waiting = asyncio.ensure_future(anext(iterator))
    waiting.cancel()
    return reads, await scan


@pytest.mark.parametrize("answer", list(Answer))
def test_scan_answer_beep(tmp_path: Path, answer: Answer) -> None:
    simulated = scanner(tmp_path)

    async def work() -> None:
        async with driver(simulated) as opened:
            await asyncio.to_thread(simulated.serve, 0.05)
            reads, result = await scan_and_answer(simulated, opened, b"8801234567893", answer)
            assert reads == [b"8801234567893"]
            assert (result.acknowledged, result.answer, result.attempts) == (True, answer.value, 1)
            assert [packet.opcode for packet in simulated.opened] == [0xC6, 0xE9]

    run(work())
    simulated.unplug()


@pytest.mark.parametrize(
    ("trouble", "expected", "attempts"),
    [
        (Trouble.SPLIT, [b"88"], 1),
        (Trouble.GARBAGE, [Fault.FRAMING, b"88"], 1),
        (Trouble.OVER_LONG, None, 1),
        (Trouble.CHECKSUM, [Fault.CHECKSUM, b"88"], 2),
        (Trouble.RETRANSMIT, [b"88"], 2),
    ],
)
def test_every_trouble_leaves_one_read(
    tmp_path: Path, trouble: Trouble, expected: list[object] | None, attempts: int
) -> None:
    simulated = scanner(tmp_path, SsiSetup(ack_timeout_s=1.0))

    async def work() -> None:
        async with driver(simulated, packeted=False, scan_enable=False) as opened:
            reads, result = await scan_and_answer(simulated, opened, b"88", Answer.GOOD, trouble)
            assert (result.acknowledged, result.attempts) == (True, attempts)
            if expected is None:
                assert reads.count(b"88") == 1
                assert Fault.FRAMING in reads
            else:
                assert reads == expected
            reads, result = await scan_and_answer(simulated, opened, b"99", Answer.GOOD)
            assert (reads, result.acknowledged) == ([b"99"], True)

    run(work())
    simulated.unplug()


def test_an_unanswered_packet_comes_again_and_is_one_read(tmp_path: Path) -> None:
    simulated = scanner(tmp_path, SsiSetup(ack_timeout_s=0.3))

    async def work() -> None:
        async with driver(simulated, packeted=False, scan_enable=False) as opened:
            scan = asyncio.create_task(asyncio.to_thread(simulated.scan, b"88"))
            (read,) = await next_reads(opened, 1)
            assert isinstance(read, BarcodeRead)
            # The repetition arrives while the loop waits here, and is no second read.
            repeated = asyncio.ensure_future(next_reads(opened, 1))
            await until(lambda: opened.counters.bytes_in >= 2 * 9)
            repeated.cancel()
            opened.answer(read.id, Answer.GOOD)
            result = await scan
            assert result.acknowledged
            assert opened.counters.reads == 1

    run(work())
    simulated.unplug()


def test_a_long_code_over_several_packets(tmp_path: Path) -> None:
    simulated = scanner(tmp_path)
    data = bytes(range(32, 127)) * 8

    async def work() -> None:
        async with driver(simulated, packeted=False, scan_enable=False) as opened:
            reads, result = await scan_and_answer(simulated, opened, data, Answer.GOOD)
            assert (reads, result.acknowledged) == ([data], True)

    run(work())
    simulated.unplug()


def test_killed_before_the_answer_the_code_comes_again_to_the_next_driver(tmp_path: Path) -> None:
    simulated = scanner(tmp_path, SsiSetup(ack_timeout_s=0.5, resends_max=4))

    async def work() -> None:
        async with driver(simulated, packeted=False, scan_enable=False) as first:
            scan = asyncio.create_task(asyncio.to_thread(simulated.scan, b"88"))
            assert told(await next_reads(first, 1)) == [b"88"]
        async with driver(simulated, packeted=False, scan_enable=False) as second:
            (read,) = await next_reads(second, 1)
            assert isinstance(read, BarcodeRead)
            assert (read.data, read.resent) == (b"88", True)
            assert second.counters.resent == 1
            second.answer(read.id, Answer.GOOD)
            assert (await scan).acknowledged

    run(work())
    simulated.unplug()


def test_unplugged_in_the_middle_of_a_packet(tmp_path: Path) -> None:
    simulated = scanner(tmp_path)

    async def work() -> None:
        opened = driver(simulated, packeted=False, scan_enable=False)
        async with opened:
            simulated.port.write(b"\x0a\xf3\x00\x00\x0b88")
            await until(lambda: opened._inbox is not None and opened._inbox._bytes == 7)
            simulated.unplug()
            assert told(await next_reads(opened, 1)) == [Fault.INCOMPLETE]
            with pytest.raises(DeviceUnavailable):
                await next_reads(opened, 1)

    run(work())


def test_an_answer_starts_the_clock_of_its_commands_even_if_the_scanner_is_silent(tmp_path: Path) -> None:
    simulated = scanner(tmp_path)
    beep = encode(Packet(Op.BEEP, HOST, RETRANSMIT, b"\x00"))

    async def work() -> None:
        async with driver(simulated, packeted=False, scan_enable=False, command_timeout_s=0.1) as opened:
            simulated.port.write(encode(Packet(Op.DECODE_DATA, 0, 0, b"\x0b88")))
            (read,) = await next_reads(opened, 1)
            waiting = asyncio.ensure_future(next_reads(opened, 1))
            await asyncio.sleep(0.01)
            assert isinstance(read, BarcodeRead)
            opened.answer(read.id, Answer.GOOD)
            heard = bytearray()

            def repeated() -> bool:
                heard.extend(simulated.port.read(0))
                return beep in heard

            await until(repeated)
            waiting.cancel()

    run(work())
    simulated.unplug()
