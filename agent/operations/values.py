"""What operations take and give: commands, the state they look at, drafts of events, the answer to the clerk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from contract.stock import StockKey
from drivers.reads import Answer, BadRead, BarcodeRead
from identity import Identity

Mode = Literal["receive", "move", "lookup", "count"]
Language = Literal["ko", "en"]
ClockState = Literal["synced", "suspect"]
EMPTY: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Station:
    """A place where people scan, from the configuration."""

    name: str
    mode: Mode
    zone: str
    language: Language
    zones: frozenset[str]


class Session(NamedTuple):
    """What a station is doing. `top` is the newest event that undo would reverse."""

    station: str
    session: str
    mode: Mode
    zone: str | None
    zone_to: str | None
    language: Language
    top: int | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """What the catalogue says of a scanned code at this moment. Prices are in minor units of the currency
    for `price_per` base units."""

    sku: str
    units: int
    revision: int
    base_unit: Literal["each", "gram"]
    name_ko: str
    name_en: str
    price_minor: int | None = None
    price_per: int = 1


@dataclass(frozen=True, slots=True)
class Context:
    """Time and chance of one command. `session_id` is used if the command opens a session."""

    occurred_us: int
    clock: ClockState
    session_id: str


@dataclass(frozen=True, slots=True)
class Scan:
    """`trouble` says why the catalogue could not be asked; the scan is kept all the same."""

    station: Station
    read: BarcodeRead
    identity: Identity
    product: Product | None
    context: Context
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class BadScan:
    """A read that is none. `station` is None for a device without one."""

    station: Station | None
    read: BadRead
    context: Context


class Draft(NamedTuple):
    """An event before it has a place in the log. `deltas` is what a movement's lines do to stock."""

    type: Literal["movement", "count", "document", "exception", "journal"]
    data: Mapping[str, Any]
    source: Mapping[str, Any]
    occurred_us: int
    clock: ClockState
    deltas: Sequence[tuple[StockKey, int]] = ()


class Decision(NamedTuple):
    """What an operation wants written, and what the clerk is told once it is: `text` names a line of `agent.texts`."""

    answer: Answer
    text: str
    drafts: tuple[Draft, ...] = ()
    facts: Mapping[str, Any] = EMPTY


class State(Protocol):
    """The store as the operation may see it, all of it within the transaction that will hold the operation's events."""

    @property
    def next_seq(self) -> int: ...

    def stock(self, key: StockKey) -> int: ...

    def on_hand(self, sku: str) -> int: ...

    def session(self, station: str) -> Session | None: ...

    def event(self, seq: int) -> Mapping[str, Any] | None: ...

    def recent(self, device: str, limit: int) -> list[Mapping[str, Any]]:
        """The newest events of a device among the log's last `limit`, newest first."""
        ...
