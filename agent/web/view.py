"""What the screens may look at. `compose.py` fills it; everything here is cheap or runs in a thread of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, Literal, Protocol

from agent.capture.feed import Feed
from agent.capture.stations import Entry
from agent.capture.supervisor import DeviceStatus
from agent.capture.tags import CountShown, Found
from agent.operations.values import Session, Station
from agent.training.desk import Practices
from agent.web.access import Access
from agent.web.back import Back
from contract.catalog import Item
from contract.stock import StockRow

SCANNERS = frozenset({"hid", "serial_line", "ssi"})  # kinds of devices that read codes; the others read tags


@dataclass(frozen=True, slots=True)
class Sync:
    """How far head office is: numbers, no judgement. `oldest_s` is the age of the oldest event not acknowledged;
    `halted`: head office has events that this ledger lost, and nothing is sent (docs/restore.md)."""

    connected: bool
    head: int
    waiting: int
    oldest_s: int
    clock: Literal["synced", "suspect"]
    halted: bool = False


class Scan(Protocol):
    """`Desk.scan` for a code from a screen. Raises KeyError for an unknown station."""

    def __call__(
        self, station: str, code: bytes, hear: Callable[[Entry], None], /, *, resent: bool, press: str
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class View:
    store: str
    language: Literal["ko", "en"]
    version: str
    stations: tuple[Station, ...]
    feed: Feed
    devices: Callable[[], list[DeviceStatus]]
    sync: Callable[[], Sync]
    stock: Callable[[str | None, str | None], list[StockRow]]  # by SKU, by zone; blocks, so call it in a thread
    exceptions: Callable[[int], list[dict[str, Any]]]  # the newest events of type exception, oldest first; blocks
    item: Callable[[str], Item | None]  # blocks
    expected: Callable[[str], int]  # tags that stock says are in a zone; blocks
    count: Callable[[str], CountShown | None]  # of a station, by RFID; on the event loop
    find: Callable[[str], list[Found]]  # tags of an SKU or with an EPC, the nearest first; on the event loop
    health: Callable[[], dict[str, Any]]
    metrics: Callable[[], Awaitable[str]]  # as Prometheus reads them
    scan: Scan
    sessions: Callable[[], Mapping[str, Session]]  # open ones by station; blocks
    back: Back
    practices: Practices
    access: Access
    readers: Mapping[str, str] = field(default_factory=dict[str, str])  # devices that read tags: their station, or ""
    time_zone: tzinfo | None = None  # the store's; None: the machine's
