"""The keyboard driver on a FIFO, and on a kernel device where there is one."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from drivers.driver import Driver
from drivers.errors import DeviceRefused, DeviceUnavailable
from drivers.hid.driver import build
from drivers.hid.settings import HidSettings
from drivers.reads import Arrival, BarcodeRead, Fault
from drivers.shell import DeviceDriver
from simulators.hid import FifoSink, HidScanner, HidSetup, UinputSink
from simulators.scanner import Trouble
from tests.drivers.device_tools import clock, next_reads, run, told, until

GTINS = [b"0108801234567893\x1d21S%04d" % number for number in range(100)]


def scanner(folder: Path, setup: HidSetup | None = None) -> HidScanner:
    simulated = HidScanner(FifoSink(folder / "keys"), setup or HidSetup(chars_per_s=0))
    simulated.plug()
    return simulated


def driver(folder: Path, **settings: object) -> DeviceDriver:
    plain = {"transport": "pipe", "path": str(folder / "keys"), "settle_ms": 0, **settings}
    return build("dock", HidSettings.model_validate(plain), clock)


def test_ten_scans_in_a_row_are_ten_reads(tmp_path: Path) -> None:
    simulated = scanner(tmp_path)

    async def work() -> None:
        async with driver(tmp_path) as opened:
            for code in GTINS[:10]:
                simulated.scan(code)
            assert told(await next_reads(opened, 10)) == GTINS[:10]

    run(work())
    simulated.unplug()


@pytest.mark.parametrize(("chars_per_s", "count"), [(60.0, 4), (0.0, 60)])
def test_no_key_is_lost_while_the_loop_is_blocked_for_200_ms(tmp_path: Path, chars_per_s: float, count: int) -> None:
    simulated = scanner(tmp_path, HidSetup(chars_per_s=chars_per_s))

    def type_all() -> None:
        for code in GTINS[:count]:
            assert simulated.scan(code).acknowledged is None

    async def work() -> None:
        async with driver(tmp_path) as opened:
            typing = asyncio.create_task(asyncio.to_thread(type_all))
            while not typing.done():
                await asyncio.sleep(0.01)
                time.sleep(0.2)  # noqa: ASYNC251 - the stall itself
            assert told(await next_reads(opened, count)) == GTINS[:count]
            assert opened.counters.overflows == 0

    run(work())
    simulated.unplug()


def test_a_stalled_loop_neither_joins_nor_cuts_codes_that_end_by_a_pause(tmp_path: Path) -> None:
    simulated = scanner(tmp_path, HidSetup(end=None, chars_per_s=0))

    async def work() -> None:
        async with driver(tmp_path, ends=[], idle_end_ms=100) as opened:
            simulated.scan(b"one")
            time.sleep(0.2)  # noqa: ASYNC251 - the stall itself
            simulated.scan(b"two")
            assert told(await next_reads(opened, 2)) == [b"one", b"two"]

    run(work())
    simulated.unplug()


def test_a_loop_stalled_longer_than_its_inbox_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.transports.drain.BACKLOG_ITEMS_MAX", 3)
    simulated = scanner(tmp_path, HidSetup(chars_per_s=2000))

    async def work() -> None:
        async with driver(tmp_path) as opened:
            await asyncio.sleep(0)
            simulated.scan(b"0123456789")  # blocks the loop, on purpose
            (bad,) = told(await next_reads(opened, 1))
            assert bad is Fault.DROPPED
            assert opened.counters.overflows > 0
            again = HidScanner(simulated._sink, HidSetup(chars_per_s=0))
            again.scan(b"perhaps the rest")
            again.scan(b"good")
            assert told(await next_reads(opened, 2)) == [Fault.INCOMPLETE, b"good"]

    run(work())
    simulated.unplug()


def test_every_trouble_leaves_the_next_good_scan_working(tmp_path: Path) -> None:
    simulated = scanner(tmp_path)

    async def work() -> None:
        async with driver(tmp_path) as opened:
            for trouble, fault in (
                (Trouble.GARBAGE, Fault.UNDECODABLE),
                (Trouble.OVER_LONG, Fault.TOO_LONG),
                (Trouble.DROPPED, Fault.DROPPED),
            ):
                typing = asyncio.create_task(asyncio.to_thread(simulated.scan, b"bad", trouble))
                assert told(await next_reads(opened, 1)) == [fault]
                await typing
                simulated.scan(b"good")
                assert told(await next_reads(opened, 1)) == [b"good"]

    run(work())
    simulated.unplug()


def test_unplugged_in_the_middle(tmp_path: Path) -> None:
    simulated = scanner(tmp_path)

    async def work() -> None:
        async with driver(tmp_path) as opened:
            simulated.scan(b"12345678", Trouble.UNPLUG)
            assert told(await next_reads(opened, 1)) == [Fault.INCOMPLETE]
            with pytest.raises(DeviceUnavailable, match="is gone"):
                await next_reads(opened, 1)
        async with driver(tmp_path) as again:
            simulated.scan(b"good")
            assert told(await next_reads(again, 1)) == [b"good"]

    run(work())
    simulated.unplug()


def test_keys_typed_while_nobody_read_are_gone_as_on_a_keyboard(tmp_path: Path) -> None:
    simulated = scanner(tmp_path)
    simulated.scan(b"before")

    async def work() -> None:
        async with driver(tmp_path) as opened:
            simulated.scan(b"after")
            assert told(await next_reads(opened, 1)) == [b"after"]

    run(work())
    simulated.unplug()


def test_an_absent_fifo_and_a_path_that_is_none(tmp_path: Path) -> None:
    async def work() -> None:
        with pytest.raises(DeviceUnavailable):
            await driver(tmp_path).__aenter__()
        (tmp_path / "keys").write_text("")
        with pytest.raises(DeviceRefused, match="is no FIFO"):
            await driver(tmp_path).__aenter__()

    run(work())


def test_the_time_of_arrival_is_recorded(tmp_path: Path) -> None:
    simulated = scanner(tmp_path)

    async def work() -> tuple[Arrival, Arrival, Arrival]:
        async with driver(tmp_path) as opened:
            before = clock()
            simulated.scan(b"88")
            (read,) = await next_reads(opened, 1)
            assert isinstance(read, BarcodeRead)
            return before, read.arrived, clock()

    before, arrived, after = run(work())
    assert before.monotonic_ns <= arrived.monotonic_ns <= after.monotonic_ns
    assert before.wall_us <= arrived.wall_us <= after.wall_us
    simulated.unplug()


@pytest.mark.skipif(not os.access("/dev/uinput", os.W_OK), reason="this machine lacks a writable /dev/uinput")
def test_a_kernel_keyboard_grabbed_held_and_unplugged() -> None:
    simulated = HidScanner(UinputSink("Jaego test scanner"), HidSetup(chars_per_s=60))
    simulated.plug()
    settings = HidSettings(usb_name="Jaego test scanner", settle_ms=0)

    async def work() -> None:
        opened: Driver = build("dock", settings, clock)
        async with opened:
            with pytest.raises(DeviceRefused, match="another program holds"):
                await build("other", settings, clock).__aenter__()
            await asyncio.to_thread(simulated.scan, b"88012")
            assert told(await next_reads(opened, 1)) == [b"88012"]
            simulated.unplug()
            with pytest.raises(DeviceUnavailable, match="was unplugged"):
                await next_reads(opened, 1)

    run(work())


def test_two_keyboards_at_the_same_time_never_mix(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    left = scanner(tmp_path / "a", HidSetup(chars_per_s=500))
    right = scanner(tmp_path / "b", HidSetup(chars_per_s=500))

    async def work() -> None:
        async with driver(tmp_path / "a") as one, driver(tmp_path / "b") as two:
            typing = [asyncio.to_thread(left.scan, b"LEFT" * 5), asyncio.to_thread(right.scan, b"right" * 5)]
            await asyncio.gather(*typing)
            assert told(await next_reads(one, 1)) == [b"LEFT" * 5]
            assert told(await next_reads(two, 1)) == [b"right" * 5]
            await until(lambda: one.counters.reads == two.counters.reads == 1)

    run(work())
    left.unplug()
    right.unplug()
