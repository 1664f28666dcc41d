"""What every simulated scanner has in common: a trigger, and what came back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Trouble(StrEnum):
    """What may go wrong with one scan."""

    SPLIT = "split"  # byte by byte
    GARBAGE = "garbage"  # noise before the code
    OVER_LONG = "over_long"  # far too much before the code
    CHECKSUM = "checksum"  # SSI: a wrong checksum, then the repetition
    RETRANSMIT = "retransmit"  # SSI: the acknowledgement is not heard, the packet is sent again
    UNPLUG = "unplug"  # in the middle of the code, and plugged in again
    DROPPED = "dropped"  # HID: the kernel's SYN_DROPPED in the middle


@dataclass(frozen=True, slots=True)
class ScanResult:
    """`acknowledged` is None where the device has no answer, `answer` one of good, look, stop.

    `latency_us` is from the code's last byte to the acknowledgement.
    """

    acknowledged: bool | None
    answer: str | None
    attempts: int
    latency_us: int | None


Stopped = Callable[[], bool]
SLICE_S = 0.1  # a wait looks so often whether the run has ended


def never() -> bool:
    return False


class Scanner(Protocol):
    def scan(self, data: bytes, trouble: Trouble | None = None) -> ScanResult: ...

    def plug(self) -> None: ...

    def unplug(self) -> None: ...

    def serve(self, seconds: float) -> None:
        """Rest for so long, and obey the host meanwhile."""
        ...
