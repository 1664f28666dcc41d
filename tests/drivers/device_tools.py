"""What the drivers' tests share: arrivals, a clock, and reading with a limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from drivers.driver import Driver
from drivers.reads import Arrival, BadRead, BarcodeRead, Read

T = TypeVar("T")
LIMIT_S = 20.0


def at(ms: float) -> Arrival:
    """An arrival so many milliseconds after a session's beginning."""
    return Arrival(1_700_000_000_000_000 + int(ms * 1000), int(ms * 1_000_000))


def clock() -> Arrival:
    return Arrival(time.time_ns() // 1000, time.monotonic_ns())


def run(work: Coroutine[Any, Any, T]) -> T:
    async def limited() -> T:
        async with asyncio.timeout(LIMIT_S):
            return await work

    return asyncio.run(limited())


async def next_reads(driver: Driver, count: int) -> list[Read]:
    iterator = aiter(driver)
    return [await anext(iterator) for _ in range(count)]


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - what is waited for happens in a thread or in the kernel
        await asyncio.sleep(0.005)


def told(reads: list[Read]) -> list[object]:
    """Reads in short: the data of a good one, the fault of a bad one."""
    return [read.data if isinstance(read, BarcodeRead) else read.fault for read in reads if not_other(read)]


def not_other(read: Read) -> bool:
    return isinstance(read, BarcodeRead | BadRead)
