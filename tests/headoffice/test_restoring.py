"""A store fetches its events back: from its own alone, page by page, byte for byte what it wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from contract.answers import RestorePage
from contract.messages import MESSAGE_SIZE_BYTES_MAX, AskRestore
from contract.topics import PREFIX
from headoffice.catalogue import Items
from headoffice.documents import Pages
from headoffice.restoring import Restores
from headoffice.storages import open_storage
from headoffice.storing import Storage
from headoffice.worker_asks import ASKS_BURST, ASKS_S, Asks
from tests.headoffice.logs import KEY, OTHER_KEY, Log
from tests.headoffice.taking import batch
from tests.headoffice.test_gone import take

PUBLIC, OTHER = (key.public_key().public_bytes_raw().hex() for key in (KEY, OTHER_KEY))
STOCK = [["COLA", "backroom", None, "sellable", 4]]


class Asker:
    def __init__(self, target: str) -> None:
        self.storage: Storage = open_storage(target)
        self.now_s = 5.0
        items, documents = Items(self.storage.database), Pages(self.storage)
        self.asks = Asks(items, documents, Restores(self.storage), PREFIX, print, lambda: self.now_s)

    def raw(self, store: str = "S1", **members: Any) -> bytes:
        """The answer; empty where there is none."""
        ask = AskRestore(id="a", **members).model_dump_json(exclude_none=True).encode()
        found = self.asks.answer(store, "restore", ask)
        return found[0].payload if found else b""

    def page(self, store: str = "S1", **members: Any) -> RestorePage:
        text = self.raw(store, **members)
        assert len(text) <= MESSAGE_SIZE_BYTES_MAX
        return RestorePage.model_validate_json(text)

    def all(self, seq: int, log: str | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while (page := self.page(seq=seq, log=log)).events:
            found += page.events
            seq = page.events[-1]["seq"] + 1
        return found


@pytest.fixture
def asker(target: str) -> Iterator[Asker]:
    found = Asker(target)
    yield found
    found.storage.close()


def test_all_of_a_log_comes_back_as_it_was_written(asker: Asker) -> None:
    log = Log().open().receive_many(230)
    take(asker.storage, log)
    assert [orjson.loads(one.body) for one in log.events] == asker.all(1)
    first = asker.page()
    assert (first.log, first.head, first.hash, first.key, first.followed) == ("L1", 231, log.hash, PUBLIC, "L1")
    assert [one["seq"] for one in first.events] == list(range(1, 101))
    assert log.events[99].body in asker.raw()
    assert asker.page(seq=232).events == []
    assert asker.page(seq=2**53 - 1).head == 231


def test_the_newest_opening_that_is_whole_is_where_it_begins(asker: Asker) -> None:
    log = Log().open().receive_many(3).open(STOCK).receive_many(2)
    log.open([[f"SKU-{n}", "floor", None, "sellable", 1] for n in range(300)])
    take(asker.storage, log, 1, log.head - 1)
    assert asker.page().events[0]["seq"] == 5
    take(asker.storage, log, log.head)
    assert asker.page().events[0]["seq"] == log.head - 1


def test_large_events_make_short_pages(asker: Asker) -> None:
    log = Log().open()
    for number in range(12):
        log.write("journal", {"kind": "looked_up", "sku": "x" * 20_000, "on_hand": number})
    for seq in range(1, log.head + 1):
        take(asker.storage, log, seq, seq)
    assert len(asker.page(seq=2).events) == 3
    assert [one["seq"] for one in asker.all(1)] == list(range(1, 14))


def test_a_page_ends_where_events_are_gone(asker: Asker) -> None:
    log = Log().open().receive_many(9).open(STOCK).receive_many(5)
    take(asker.storage, log, 1, 4)
    take(asker.storage, log, 11, oldest=11)
    assert [one["seq"] for one in asker.page(seq=1).events] == [1, 2, 3, 4]
    assert asker.page(seq=5).events[0]["seq"] == 11


def test_a_log_that_was_left_is_there_too(asker: Asker) -> None:
    old = Log().open().receive_many(3)
    old.rotate()
    new = Log("L2", key=OTHER_KEY).open(STOCK, old.end())
    new.rotate(KEY)
    plain = Log(store="S2").open().receive_many(2)
    take(asker.storage, old)
    take(asker.storage, new)
    asker.storage.save([batch(asker.storage, plain)], 7)
    left, followed = asker.page(log="L1"), asker.page()
    assert (left.log, left.head, left.key, left.followed) == ("L1", 5, OTHER, "L2")
    assert (followed.log, followed.head, followed.key) == ("L2", 2, PUBLIC)
    assert asker.page("S2", log="L1").hash == plain.hash


def told(page: bytes) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(page)
    RestorePage.model_validate_json(page)
    return found


def test_of_what_is_not_there_nothing_comes(asker: Asker) -> None:
    assert told(asker.raw()) == {"id": "a", "head": 0, "events": []}
    assert told(asker.raw(log="L1")) == {"id": "a", "log": "L1", "head": 0, "events": []}
    take(asker.storage, Log().open())
    assert told(asker.raw(log="L9")) == {"id": "a", "log": "L9", "head": 0, "followed": "L1", "events": []}
    assert told(asker.raw("S2")) == {"id": "a", "head": 0, "events": []}


def test_a_store_that_asks_without_end_is_slowed_down_alone(asker: Asker) -> None:
    take(asker.storage, Log().open())
    assert sum(asker.raw() != b"" for _ in range(ASKS_BURST + 50)) == ASKS_BURST
    assert asker.raw("S2")
    asker.now_s += 10.5 / ASKS_S
    assert sum(asker.raw() != b"" for _ in range(50)) == 10
