"""What ingest says of a store's events. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from contract.stock import StockKey
from headoffice.refusals import Refusal


class Position(NamedTuple):
    """The last event taken in. `part` of `parts` is how much of an opening has come; equal when it is complete."""

    log: str
    seq: int
    hash: str
    part: int = 0
    parts: int = 0


class Accepted(NamedTuple):
    """An event to be stored; `body` is its canonical JSON, `deltas` what it does to stock (an opening: nothing)."""

    log: str
    seq: int
    type: str
    hash: str
    body: bytes
    event: dict[str, Any]
    deltas: tuple[tuple[StockKey, int], ...]


class Gap(NamedTuple):
    """Events are missing: the store should send again from here."""

    log: str
    seq: int


class Skipped(NamedTuple):
    """Events that the store no longer has, and that head office never had: gone for ever."""

    log: str
    seq_from: int
    seq_to: int


class Opened(NamedTuple):
    """An opening of so many parts begins with event `seq`."""

    log: str
    seq: int
    parts: int


class Rekeyed(NamedTuple):
    """From event `seq` on the log is signed with `next`."""

    log: str
    seq: int
    key: str
    next: str


Note = Skipped | Opened | Rekeyed


@dataclass(slots=True)
class Outcome:
    """What one message brought. `notes` are about `accepted`, and stored with it."""

    accepted: list[Accepted] = field(default_factory=list[Accepted])
    refusals: list[Refusal] = field(default_factory=list[Refusal])
    notes: list[Note] = field(default_factory=list[Note])
    duplicates: int = 0
    held: int = 0
    dropped: int = 0
    gap: Gap | None = None
    new_log: str | None = None
