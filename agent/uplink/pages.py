"""What is asked of head office page by page: `ask/{verb}`, and the answer to the page that was asked for last."""

from __future__ import annotations

from typing import Any

import orjson

from agent.clock import Clock
from agent.uplink.link import Inbound
from agent.uplink.plane import StatePlane
from contract.catalog import NUMBER_MAX
from contract.ids import uuid7
from contract.messages import Ask
from contract.topics import Topics

PAGES_MAX = 100_000


class Pages:
    """Everything since a revision; one page is under way at a time. In the link's thread only."""

    def __init__(self, verb: str, topics: Topics, plane: StatePlane, clock: Clock) -> None:
        self._verb = verb
        self._topics = topics
        self._plane = plane
        self._clock = clock
        self._asked: str | None = None
        self._since = 0
        self._page = 0

    def begin(self, since: int) -> None:
        self._since, self._page = since, 0
        self._ask()

    def next(self) -> None:
        if self._page < PAGES_MAX:
            self._page += 1
            self._ask()

    def is_mine(self, ask_id: str) -> bool:
        """An answer is taken once: what comes again is of no page that is asked for."""
        if ask_id != self._asked:
            return False
        self._asked = None
        return True

    def parsed(self, one: Inbound) -> tuple[dict[str, Any], bool, int]:
        """The answer, whether more pages follow, and the revision. Raises ValueError, KeyError, TypeError."""
        answer: dict[str, Any] = orjson.loads(one.payload)
        more, revision, page, since = answer["more"], answer["revision"], answer["page"], answer["since"]
        if not isinstance(more, bool):
            raise TypeError("more is true or false")
        if type(revision) is not int or not 0 <= revision <= NUMBER_MAX:
            raise ValueError("revision is a whole number")
        if (page, since) != (self._page, self._since):
            raise ValueError(f"it is page {page} since {since}, asked was page {self._page} since {self._since}")
        return answer, more, revision

    def _ask(self) -> None:
        now_us = self._clock.now().wall_us
        self._asked = uuid7(now_us // 1000, self._clock.entropy(10))
        ask = Ask(id=self._asked, since=self._since, page=self._page)
        self._plane.say(self._topics.ask(self._verb), ask.model_dump_json().encode())
