"""What a document tells, whatever its dialect. A document may tell several facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Tag(NamedTuple):
    """A tag was seen. `time_us` is the reader's clock, `event_number` counts the reader's tag events."""

    epc: bytes
    antenna: int = 0
    rssi_cdbm: int | None = None
    time_us: int | None = None
    seen_count: int = 1
    pc: int | None = None
    phase_mrad: int | None = None
    frequency_khz: int | None = None
    event_number: int | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """An input went high or low."""

    port: int
    level: bool


@dataclass(frozen=True, slots=True)
class Inventory:
    """Why the reader reads nothing, as a Notice's code with its words; None: it reads."""

    code: str | None
    message: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Antennas:
    """Which antennas are connected. `complete` when it tells of every antenna."""

    states: tuple[tuple[int, bool], ...]
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Trouble:
    """The reader reports an error or a warning in its own words."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Overflow:
    """The reader threw events away; `total` counts them since its start, where it says how many."""

    total: int | None


@dataclass(frozen=True, slots=True)
class Strange:
    """A document that cannot be used. `once`: told once a connection, as it would come with every read."""

    detail: str
    once: bool = False


@dataclass(frozen=True, slots=True)
class Other:
    """Well-formed and not for us: counted by its name."""

    name: str


Fact = Tag | Level | Inventory | Antennas | Trouble | Overflow | Strange | Other

READS = Inventory(None)
STOPPED = Inventory(
    "rospec_not_started", "the reader's inventory is stopped", "start it in the reader, and let it start by itself"
)
WAITS_FOR_INPUT = Inventory(
    "gpi_not_asserted", "the reader waits for its start trigger", "check the photo-eye, its cable, and the preset"
)
