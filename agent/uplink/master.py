"""The item master as head office sends it: the retained catalogue topic, and pages that are asked for.

Not every broker hands retained messages to a wildcard, so a store asks for what changed since the revision up to which
it has everything, page by page (contract.md).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from agent.catalogue.errors import CatalogueError
from agent.clock import Clock
from agent.uplink.link import Inbound
from agent.uplink.pages import Pages
from agent.uplink.plane import StatePlane
from contract.catalog import Item, ItemRefused, parse_item
from contract.ids import uuid7
from contract.messages import AskResolve
from contract.topics import Topics

ITEMS_A_WRITE = 500
RESOLVING_MAX = 100  # questions about codes that are not answered yet; an older one's answer is left alone


class Items(Protocol):
    """Where items from head office go. `synced` is the revision up to which every item is here."""

    def upsert_many(self, items: Iterable[Item], /) -> Any: ...

    def synced(self) -> int: ...

    def set_synced(self, revision: int, /) -> None: ...


@dataclass(slots=True)
class Counts:
    """What came in and went out, counted in health since start."""

    events_sent: int = 0  # also again
    messages_refused: int = 0
    acks_refused: int = 0
    requests: int = 0
    requests_refused: int = 0
    inbound_ignored: int = 0
    items_refused: int = 0
    documents_refused: int = 0


class ItemMaster:
    """In the link's thread only."""

    def __init__(
        self,
        items: Items,
        topics: Topics,
        plane: StatePlane,
        *,
        clock: Clock,
        say: Callable[[str, str], None],
        counts: Counts,
    ) -> None:
        self._items = items
        self._say = say
        self._counts = counts
        self._taken: list[Item] = []
        self._topics = topics
        self._plane = plane
        self._clock = clock
        self._pages = Pages("catalog", topics, plane, clock)
        self._resolving: deque[str] = deque(maxlen=RESOLVING_MAX)

    def ask(self) -> None:
        """Ask for everything since the revision that is complete here."""
        try:
            self._pages.begin(self._items.synced())
        except CatalogueError as error:
            self._unusable(error)

    def ask_about(self, code: Mapping[str, Any], sku: str) -> None:
        """Tell head office what a code was taken for; the items that it answers are the catalogue's."""
        now_us = self._clock.now().wall_us
        ask_id = uuid7(now_us // 1000, self._clock.entropy(10))
        ask = AskResolve(id=ask_id, text=code.get("text"), gtin=code.get("gtin"), sku=sku)
        if self._plane.say(self._topics.ask("resolve"), ask.model_dump_json(exclude_none=True).encode()):
            self._resolving.append(ask_id)

    def take(self, one: Inbound) -> None:
        """An item from the catalogue topic; `save` writes what was taken."""
        if not one.payload:
            return
        try:
            self._taken.append(parse_item(orjson.loads(one.payload), unknown="ignore"))
        except (orjson.JSONDecodeError, ItemRefused) as error:
            self._refused(one.topic, error)

    def save(self) -> bool:
        taken, self._taken = self._taken, []
        try:
            for at in range(0, len(taken), ITEMS_A_WRITE):
                self._items.upsert_many(taken[at : at + ITEMS_A_WRITE])
        except CatalogueError as error:  # they are asked for again at the next connect: `synced` has not moved
            self._unusable(error)
            return False
        return True

    def answered(self, ask_id: str, one: Inbound) -> None:
        """A page of items: `{"items": [...], "page": n, "more": bool, "revision": n, "since": n}`."""
        if ask_id in self._resolving:
            self._resolving.remove(ask_id)
            self._resolved(one)
            return
        if not self._pages.is_mine(ask_id):
            return
        try:
            items, more, revision = self._parsed(one)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            self._counts.inbound_ignored += 1
            self._say("catalogue", f"head office's answer to ask/catalog is no page of items: {error}")
            return
        if not self._saved(one.topic, items):
            return
        if more:
            self._pages.next()
        else:
            self._complete(revision)

    def _resolved(self, one: Inbound) -> None:
        try:
            items = list(orjson.loads(one.payload)["items"])[:ITEMS_A_WRITE]
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            self._counts.inbound_ignored += 1
            self._say("catalogue", f"head office's answer to ask/resolve is none: {error}")
            return
        self._saved(one.topic, items)

    def _saved(self, topic: str, raws: Iterable[Any]) -> bool:
        """Items of an answer; one that is refused keeps no other back."""
        for raw in raws:
            try:
                self._taken.append(parse_item(raw, unknown="ignore"))
            except ItemRefused as error:
                self._refused(topic, error)
        return self.save()

    def _parsed(self, one: Inbound) -> tuple[list[Any], bool, int]:
        answer, more, revision = self._pages.parsed(one)
        items = answer["items"]
        if not isinstance(items, list):
            raise TypeError("items is a list")
        return items, more, revision  # pyright: ignore[reportUnknownVariableType]

    def _complete(self, revision: int) -> None:
        try:
            self._items.set_synced(revision)
        except CatalogueError as error:
            self._unusable(error)

    def _refused(self, topic: str, error: ValueError) -> None:
        self._counts.items_refused += 1
        self._say("catalogue", f"{topic}: {error}")

    def _unusable(self, error: CatalogueError) -> None:
        self._say("catalogue", f"items from head office cannot be written: {error} ({error.hint})")
