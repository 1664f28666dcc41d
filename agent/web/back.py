"""What screens and API ask of ledger and catalogue beyond what a screen shows live, and the way they write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from agent.capture.office import Done, Operation
from agent.catalogue.store import Hit
from agent.ledger.moment import Page
from agent.operations.reservations import Orders
from agent.operations.rules import Rules
from agent.operations.transactions import Taken
from agent.operations.values import State
from contract.catalog import Item
from contract.topics import EventType

T = TypeVar("T")


class Look(Protocol):
    """What a pure function says of the store at one moment; blocks."""

    def __call__(self, function: Callable[[State], T], /) -> T: ...


class Pages(Protocol):
    """A page of the log from a sequence number on; blocks. `agent.ledger.moment` says what needles are."""

    def __call__(self, seq: int, kind: EventType | None, needles: Sequence[Sequence[str]], limit: int, /) -> Page: ...


@dataclass(frozen=True, slots=True)
class Back:
    look: Look
    do: Callable[[Operation], Awaitable[Done]]  # durable when it returns; raises LedgerError
    after: Pages
    before: Pages  # from the head back if the number is beyond it
    sell: Callable[[Sequence[Any]], Awaitable[list[Taken]]]  # durable when it returns; raises LedgerError
    now_us: Callable[[], int]
    by_code: Callable[[str], Hit | None]  # by a GTIN of 14 digits; blocks
    search: Callable[[str, int], list[Item]]  # blocks
    settings: Mapping[str, Any]  # the configuration as it is; secrets are taken out before it is shown
    rules: Rules
    orders: Orders
    ask_about: Callable[[Mapping[str, Any], str], None] = lambda _code, _sku: None  # head office, of a code and its SKU
