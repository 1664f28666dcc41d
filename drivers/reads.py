"""What drivers deliver: frozen values, stamped with the host's time of arrival.

`wall_us` is microseconds since the Unix epoch by the host's clock, `monotonic_ns` the host's monotonic clock.
Device time, where a device has one, stands beside them and is never trusted blindly (readers report the year 2000).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """Why bytes from a device are no read."""

    UNDECODABLE = "undecodable"  # bytes or keys that stand for no character
    TOO_LONG = "too_long"
    INCOMPLETE = "incomplete"  # cut off by an unplug, a time-out or a new start
    CHECKSUM = "checksum"
    DROPPED = "dropped"  # the kernel or the device said that it lost input
    FRAMING = "framing"  # bytes outside any frame
    UNEXPECTED = "unexpected"  # a well-formed frame that does not belong here


class Answer(StrEnum):
    """What the clerk hears once the read is durable (operations.md)."""

    GOOD = "good"
    LOOK = "look"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Arrival:
    wall_us: int
    monotonic_ns: int


@dataclass(frozen=True, slots=True)
class BarcodeRead:
    """One decoded symbol. `data` is as the scanner sent it without prefix, suffix and AIM identifier; GS is 0x1D.

    `id` counts the reads of one opened device and names the read in `Driver.answer`. `resent` is true when the
    device said that it repeats a packet which it saw no answer to.
    """

    device: str
    id: int
    data: bytes
    aim: str | None
    arrived: Arrival
    resent: bool = False


@dataclass(frozen=True, slots=True)
class TagRead:
    """One observation of an RFID tag. `epc` is the memory's content without the PC word."""

    device: str
    epc: bytes
    antenna: int
    rssi_cdbm: int | None
    arrived: Arrival
    device_time_us: int | None = None
    pc: int | None = None
    seen_count: int = 1
    phase_mrad: int | None = None
    frequency_khz: int | None = None


@dataclass(frozen=True, slots=True)
class SensorRead:
    """A level change of an input: a photo-eye, a door contact."""

    device: str
    port: int
    level: bool
    arrived: Arrival


@dataclass(frozen=True, slots=True)
class BadRead:
    """Bytes that are no read, kept for the exceptions tray and never guessed at. `raw` is cut at 512 bytes."""

    device: str
    id: int
    raw: bytes
    fault: Fault
    detail: str
    arrived: Arrival


Read = BarcodeRead | TagRead | SensorRead | BadRead
