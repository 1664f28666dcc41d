"""The contract of every driver: `async with driver: async for read in driver`.

A driver's shell joins a transport (threads, descriptors) with a session (bytes in, reads and answer bytes out).
Entering opens the device or raises a `DeviceError`. Iteration ends with a `DeviceError` when the device is lost and
with `StopAsyncIteration` after `close`. What the device must be told about a read (found, not found, beep, LED, and
the protocol's own acknowledgement) is sent by `answer`, which the caller gives only once the read is durable.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

from drivers.operations import TagOperation, TagResult
from drivers.reads import Answer, Arrival, Read

Clock = Callable[[], Arrival]


class Direction(StrEnum):
    IN = "in"  # from the device
    OUT = "out"


Tap = Callable[[Direction, bytes, Arrival], None]


@dataclass(slots=True)
class Counters:
    """What a device did since it was opened; published in `device/{device}`."""

    reads: int = 0
    bad_reads: int = 0
    resent: int = 0
    bytes_in: int = 0
    overflows: int = 0


class Driver(Protocol):
    name: str
    counters: Counters

    @property
    def facts(self) -> Mapping[str, str]:
        """What the opened device says of itself: model, firmware, region … A few short texts, in English."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def __aiter__(self) -> AsyncIterator[Read]: ...

    def close(self) -> None:
        """Let go of the device. Never blocks. What it has sent is still delivered, then iteration ends."""
        ...

    def answer(self, read_id: int, answer: Answer) -> None:
        """Tell the device what became of its read. Never blocks, never raises: a lost device is found by iteration."""
        ...

    async def operate(self, operation: TagOperation) -> list[TagResult]:
        """Run an operation on tags; one result a tag that answered. Reading may pause meanwhile.

        Raises DeviceRefused if this device has none, or one is under way; DeviceUnavailable if it is lost meanwhile.
        """
        ...

    def listen(self, tap: Tap | None) -> None:
        """Show `tap` every piece of raw bytes in and out, as it passes; None ends it. It may not block or raise."""
        ...
