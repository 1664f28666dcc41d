"""The contract of a scanner's session: bytes in, reads and answer bytes out, no I/O and no clock.

The shell calls `open` once, then `receive`, `lost` and `tick` in the order of their times, and `close` last. It sends
what `take_output` gives after each call. `tick` says that nothing had arrived up to `now`, which the shell has
looked up in the device itself: a stalled process never takes waiting bytes for silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from drivers.operations import TagOperation, TagResult
from drivers.reads import Answer, Arrival, BadRead, Fault, Read

RAW_BYTES_MAX = 512  # of a bad read, for the exceptions tray
NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
NS_PER_US = 1000


class Session(Protocol):
    """Any call may raise a `DeviceError`: the device refuses or breaks its protocol, and iteration ends with it."""

    @property
    def ready(self) -> bool:
        """The device is set up and reads; a driver is entered when it is."""
        ...

    @property
    def facts(self) -> Mapping[str, str]:
        """What the device said of itself while it was set up: `model`, `firmware`, `region` …"""
        ...

    def open(self, now: Arrival) -> None: ...

    def receive(self, data: bytes, now: Arrival) -> list[Read]: ...

    def lost(self, now: Arrival) -> list[Read]:
        """Input was thrown away between the last call and the next: what is in progress is damaged."""
        ...

    def tick(self, now: Arrival) -> list[Read]: ...

    def next_deadline(self) -> int | None:
        """When `tick` has something to do, in monotonic nanoseconds."""
        ...

    def answer(self, read_id: int, answer: Answer, now: Arrival) -> None: ...

    def take_output(self) -> bytes: ...

    def farewell(self, now: Arrival) -> bytes:
        """What to tell a device that is let go while it is there."""
        ...

    def close(self, now: Arrival) -> list[Read]:
        """The device is gone or let go: what is left over is reported."""
        ...


@runtime_checkable
class TagSession(Session, Protocol):
    """A session that can operate on single tags, one operation at a time."""

    def begin(self, operation: TagOperation, now: Arrival) -> None:
        """Raises DeviceRefused if it cannot be done now."""
        ...

    def take_results(self) -> list[TagResult] | None:
        """The results of the operation that has ended since the last call; None: none has.

        Raises DeviceRefused if the device refused it.
        """
        ...


class Scanner:
    """What a session of a plain scanner has: nothing to set up before it reads, and no farewell."""

    @property
    def ready(self) -> bool:
        return True

    @property
    def facts(self) -> Mapping[str, str]:
        return {}

    def farewell(self, now: Arrival) -> bytes:  # noqa: ARG002 - a scanner is simply let go
        return b""


class Numbering:
    """Names the reads of one opened device."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.last = 0

    def next(self) -> int:
        self.last += 1
        return self.last

    def bad(self, raw: bytes, fault: Fault, detail: str, now: Arrival) -> BadRead:
        return BadRead(self.device, self.next(), raw[:RAW_BYTES_MAX], fault, detail, now)
