"""What operations take and give: commands, the state they look at, drafts of events, the answer to the clerk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from agent.operations.books import Shelf
from agent.operations.rules import DEFAULTS, Rules
from contract.documents import ExpectedDocument
from contract.stock import NO_LOT, StockKey, StockRow
from drivers.reads import Answer, BadRead, BarcodeRead
from identity import Identity

Mode = Literal["receive", "move", "ship", "return", "adjust", "count", "lookup"]
Role = Literal["clerk", "supervisor", "admin"]
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
    rules: Rules = DEFAULTS


class Session(NamedTuple):
    """What a station is doing. `top` is the newest event that undo would reverse.

    `multiplier`, `damaged` and `pending` are of the next scan only: whatever it becomes takes them away.
    """

    station: str
    session: str
    mode: Mode
    zone: str | None
    zone_to: str | None
    language: Language
    top: int | None = None
    clerk: str | None = None
    document: str | None = None
    counting: str | None = None
    reason: str | None = None
    multiplier: int | None = None
    multiplier_until: str | None = None
    damaged: bool | None = None
    pending: str | None = None
    locked: bool | None = None


@dataclass(frozen=True, slots=True)
class Clerk:
    """Somebody who works in the store. `clerk` is the opaque id; the name stays outside ledger and topics."""

    clerk: str
    role: Role
    name: str = ""


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
    tracking: Literal["quantity", "lot", "serial"] = "quantity"


@dataclass(frozen=True, slots=True)
class Context:
    """Time and chance of one command. `session_id` is used if the command opens a session."""

    occurred_us: int
    clock: ClockState
    session_id: str


@dataclass(frozen=True, slots=True)
class Scan:
    """`trouble` says why the catalogue could not be asked; the scan is kept all the same. `clerk` is whose badge a
    LOGIN code carries; `epc` is the identity of a code with GTIN and serial number, hexadecimal in upper case.
    `press` names the press at a screen: each happens once, however often it is sent."""

    station: Station
    read: BarcodeRead
    identity: Identity
    product: Product | None
    context: Context
    trouble: str | None = None
    clerk: Clerk | None = None
    epc: str | None = None
    press: str | None = None


@dataclass(frozen=True, slots=True)
class BadScan:
    """A read that is none. `station` is None for a device without one."""

    station: Station | None
    read: BadRead
    context: Context


class TagPlace(NamedTuple):
    """What the log says of a tag: its item, where it is, in which state, and how many base units it stands for."""

    sku: str
    place: str
    lot: str = NO_LOT
    disposition: str = "sellable"
    units: int = 1


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


class Outcome(NamedTuple):
    """What a command from no scanner wants written, and what it answers. `refused` is a word for machines (a line of
    `agent.texts` of that name says it to people); then nothing is written."""

    drafts: tuple[Draft, ...] = ()
    result: Any = None
    refused: str | None = None
    detail: str = ""


class State(Protocol):
    """The store as the operation may see it, all of it within the transaction that will hold the operation's events."""

    @property
    def next_seq(self) -> int: ...

    def stock(self, key: StockKey) -> int: ...

    def on_hand(self, sku: str) -> int: ...

    def stock_rows(self, *, sku: str | None = None, zone: str | None = None) -> list[StockRow]:
        """What is not zero of an item, of a zone, or of both; in key order."""
        ...

    @property
    def books(self) -> Shelf: ...

    def documents(self) -> Sequence[ExpectedDocument]:
        """What is expected and not closed, in the order of their names."""
        ...

    def document(self, name: str) -> ExpectedDocument | None:
        """One of them."""
        ...

    def progress(self, document: str) -> Mapping[str, int]:
        """Base units that moved for a document, by SKU."""
        ...

    def tag(self, epc: str) -> TagPlace | None: ...

    def counted(self, session: str, zone: str) -> AbstractSet[str]:
        """EPCs that a count has seen, hexadecimal in upper case."""
        ...

    def session(self, station: str) -> Session | None: ...

    def event(self, seq: int) -> Mapping[str, Any] | None: ...

    def recent(self, device: str, limit: int) -> list[Mapping[str, Any]]:
        """The newest events of a device among the log's last `limit`, newest first."""
        ...
