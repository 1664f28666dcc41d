"""Which zones are to be counted: what head office asks for, and a cycle that comes round to every zone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from agent.operations.books import Shelf
from agent.operations.counts_values import APPROVED, open_count
from agent.operations.rules import Rules
from contract.documents import ExpectedDocument

DAY_US = 86_400_000_000


class Planned(Protocol):
    @property
    def books(self) -> Shelf: ...

    def documents(self) -> Sequence[ExpectedDocument]: ...


@dataclass(frozen=True, slots=True)
class Task:
    """A zone that a count request of head office names; `count` is the open count of that zone, if there is one."""

    document: str
    zone: str
    due_at: str | None
    blind: bool
    count: str | None


class Proposal(NamedTuple):
    """`approved_us` is when the zone was counted last, None for never."""

    zone: str
    approved_us: int | None


def tasks(state: Planned) -> Iterator[Task]:
    """What head office still waits for, in the order of documents and zones."""
    for document, zone in _asked(state):
        held = open_count(state.books, zone)
        yield Task(document.document, zone, document.due_at, document.blind, held[0] if held is not None else None)


def request_for(state: Planned, zone: str) -> ExpectedDocument | None:
    """The first request that a count of this zone answers."""
    return next((document for document, asked in _asked(state) if asked == zone), None)


def _asked(state: Planned) -> Iterator[tuple[ExpectedDocument, str]]:
    for document in state.documents():
        for zone in document.zones if document.kind == "count_request" else ():
            if document.document not in (state.books.get(APPROVED, zone) or {}).get("requests", ()):
                yield document, zone


def proposals(books: Shelf, zones: Iterable[str], now_us: int, rules: Rules) -> list[Proposal]:
    """The day's zones: those that were not counted for so many days, the longest first, never counted ones before all;
    at most as many as the rules say. A zone that is being counted is none."""
    due: list[Proposal] = []
    for zone in zones:
        approved = books.get(APPROVED, zone)
        approved_us: int | None = approved["at_us"] if approved is not None else None
        old = approved_us is None or now_us - approved_us >= rules.count_every_days * DAY_US
        if old and open_count(books, zone) is None:
            due.append(Proposal(zone, approved_us))
    return sorted(due, key=lambda one: (one.approved_us or 0, one.zone))[: rules.count_zones_a_day]
