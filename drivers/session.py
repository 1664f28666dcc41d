"""The contract of a scanner's session: bytes in, reads and answer bytes out, no I/O and no clock.

The shell calls `open` once, then `receive`, `lost` and `tick` in the order of their times, and `close` last. It sends
what `take_output` gives after each call. `tick` says that nothing had arrived up to `now`, which the shell has
looked up in the device itself: a stalled process never takes waiting bytes for silence.
"""

from __future__ import annotations

from typing import Protocol

from drivers.reads import Answer, Arrival, BadRead, Fault, Read

RAW_BYTES_MAX = 512  # of a bad read, for the exceptions tray
NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


class Session(Protocol):
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

    def close(self, now: Arrival) -> list[Read]:
        """The device is gone or let go: what is left over is reported."""
        ...


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
