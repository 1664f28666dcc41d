from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.headoffice.checks.world import Shop, World
from tests.headoffice.logs import Log


@pytest.fixture
def make(target: str) -> Iterator[Callable[..., World]]:
    """Stores with these logs, or one with a plain one."""
    worlds: list[World] = []

    def made(*logs: Log) -> World:
        found = World(target, *(Shop(log) for log in logs or (plain(),)))
        worlds.append(found)
        return found

    yield made
    for one in worlds:
        one.close()


def plain(store: str = "S1", events: int = 60) -> Log:
    return Log(store=store).open([["COLA", "shelf", None, "sellable", 20]]).receive_many(events)
