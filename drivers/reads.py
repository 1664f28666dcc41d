"""What drivers deliver: frozen values, stamped with the host's time of arrival.

`wall_us` is microseconds since the Unix epoch by the host's clock, `monotonic_ns` the host's monotonic clock.
Device time, where a device has one, stands beside them and is never trusted blindly (readers report the year 2000).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


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


class TagRead(NamedTuple):
    """One observation of an RFID tag; a tuple, because a reader makes a thousand a second.

    `epc` is the memory's content without the PC word, in whole bytes. `antenna` counts from 1; 0 when the reader does
    not say. `seen_us` is when the tag was seen last in this observation, `first_us` when first: microseconds since
    1970 by the *host's* clock, mapped from the reader's clock where it has one, else the time of arrival; a report that
    the reader held during an outage keeps its real time. `device_time_us` is what the reader's own clock said.
    """

    device: str
    epc: bytes
    antenna: int
    rssi_cdbm: int | None
    arrived: Arrival
    seen_us: int
    first_us: int
    device_time_us: int | None = None
    seen_count: int = 1
    pc: int | None = None
    phase_mrad: int | None = None
    frequency_khz: int | None = None
    doppler_chz: int | None = None


@dataclass(frozen=True, slots=True)
class SensorRead:
    """A level change of an input: a photo-eye, a door contact."""

    device: str
    port: int
    level: bool
    arrived: Arrival


@dataclass(frozen=True, slots=True)
class SensorWindow:
    """The time that a photo-eye's beam was broken and its reader was reading, settled and closed.

    `tag_reads` 0 is a passage that nobody read. `cut` when it reached its maximum time and was closed by that.
    """

    device: str
    port: int
    opened_us: int
    closed_us: int
    tag_reads: int
    cut: bool
    arrived: Arrival


@dataclass(frozen=True, slots=True)
class Notice:
    """A condition of a device that works, begun or ended: an antenna came off, tags are out of reach, it runs hot.

    `code` is a word for machines; `subject` tells several of one code apart (an antenna's number). A device that
    is opened anew has no conditions until it tells them.
    """

    device: str
    code: str
    active: bool
    message: str
    hint: str
    arrived: Arrival
    subject: str = ""


@dataclass(frozen=True, slots=True)
class BadRead:
    """Bytes that are no read, kept for the exceptions tray and never guessed at. `raw` is cut at 512 bytes."""

    device: str
    id: int
    raw: bytes
    fault: Fault
    detail: str
    arrived: Arrival


Read = BarcodeRead | TagRead | SensorRead | SensorWindow | Notice | BadRead
