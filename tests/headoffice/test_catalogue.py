"""The item master in both databases: what changed, pages of one moment, what is announced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from contract.catalog import NUMBER_MAX, Item, parse_item
from headoffice.announcing import A_ROUND, CLAIM_US, Announcer, again
from headoffice.catalogue import Changes, Items, take
from headoffice.clock import SystemClock
from headoffice.database import Database, open_database
from headoffice.errors import ConfigError
from headoffice.storages import open_storage
from headoffice.storing import Storage

GTIN, CASE, OTHER = "08801234567893", "18801234567890", "08801234567909"


@pytest.fixture(params=["sqlite", "postgres"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return request.getfixturevalue("postgres") if request.param == "postgres" else str(tmp_path / "hq.db")


@pytest.fixture
def storage(target: str) -> Iterator[Storage]:
    held = open_storage(target)
    yield held
    held.close()


@pytest.fixture
def database(storage: Storage) -> Database:
    return storage.database


def item(sku: str, **changes: Any) -> Item:
    return parse_item({"sku": sku, "name": {"en": sku.title(), "ko": "물건"}, **changes})


def stored(database: Database) -> dict[str, tuple[int, int]]:
    return {row[0]: (row[1], row[2]) for row in database.rows("SELECT sku, revision, deleted FROM item")}


def test_only_what_changed_gets_a_revision(database: Database) -> None:
    milk = {"gtins": [{"gtin": GTIN}, {"gtin": CASE, "units": 12, "level": "case"}], "thresholds": {"min": 3, "max": 9}}
    assert take(database, [item("MILK", **milk), item("TEA")]) == Changes(["MILK", "TEA"], [], [], 0, 2)
    assert take(database, [item("MILK", **milk), item("TEA")]) == Changes([], [], [], 2, 2)
    again_ = [item("TEA", category="drinks"), item("MILK", **milk), item("EGGS")]
    assert take(database, again_) == Changes(["EGGS"], ["TEA"], [], 1, 4)
    assert stored(database) == {"MILK": (1, 0), "TEA": (3, 0), "EGGS": (4, 0)}
    columns = "name_ko, name_en, category, base_unit, stock_min, stock_max, body"
    [(*said, body)] = database.rows(f"SELECT {columns} FROM item WHERE sku = 'MILK'")
    assert said == ["물건", "Milk", None, "each", 3, 9]
    assert parse_item(orjson.loads(bytes(body))) == item("MILK", revision=1, **milk)
    assert database.rows("SELECT gtin FROM item_gtin ORDER BY gtin") == [(GTIN,), (CASE,)]


def test_ours_are_above_the_numbers_that_stores_have_seen(database: Database) -> None:
    assert take(database, [item("MILK", revision=700)]).revision == 701
    assert take(database, [item("MILK", revision=900)]).revision == 701, "the number alone is no change"
    with pytest.raises(ConfigError, match="no room"):
        take(database, [item("TEA", revision=NUMBER_MAX)])
    assert stored(database) == {"MILK": (701, 0)}


def test_what_is_deleted_frees_its_codes(database: Database) -> None:
    take(database, [item("MILK", gtins=[{"gtin": GTIN}]), item("TEA")])
    assert Items(database).having(GTIN)[0]["sku"] == "MILK"
    gone = item("MILK", deleted=True)
    assert take(database, [gone, item("MILK-2", gtins=[{"gtin": GTIN}])]) == Changes(["MILK-2"], [], ["MILK"], 0, 4)
    assert [one["sku"] for one in Items(database).having(GTIN)] == ["MILK-2"]
    assert Items(database).having(None) == []


def test_a_complete_file_deletes_what_is_not_in_it(database: Database) -> None:
    take(database, [item("MILK", gtins=[{"gtin": GTIN}]), item("TEA"), item("EGGS", deleted=True)])
    checked = take(database, [item("TEA")], complete=True, check=True)
    assert checked == Changes([], [], ["MILK"], 1, 4)
    assert stored(database)["MILK"] == (1, 0), "only checked"
    assert take(database, [item("TEA")], complete=True) == checked
    assert stored(database) == {"MILK": (4, 1), "TEA": (2, 0), "EGGS": (3, 1)}
    assert take(database, [item("TEA")], complete=True) == Changes([], [], [], 1, 4)


def test_a_gtin_is_of_one_item(database: Database) -> None:
    take(database, [item("MILK", gtins=[{"gtin": GTIN}])])
    for wrong in ([item("TEA", gtins=[{"gtin": GTIN}])], [item(sku, gtins=[{"gtin": OTHER}]) for sku in "AB"]):
        with pytest.raises(ConfigError, match=r"1 GTINs are of more than one item: (088\d+: MILK, TEA|088\d+: A, B)"):
            take(database, wrong)
    assert set(stored(database)) == {"MILK"}
    moved = [item("MILK"), item("TEA", gtins=[{"gtin": GTIN}])]
    assert take(database, moved).changed == ["MILK"], "from one to the other in one file"


def pages(items: Items, since: int) -> Iterator[dict[str, Any]]:
    number, more = 0, True
    while more:
        found = items.page("S1", since, number)
        yield found
        number, more = number + 1, found["more"]


def test_a_store_that_asks_while_items_change_misses_none(database: Database) -> None:
    take(database, [item(f"SKU-{n:03}") for n in range(250)])
    items, seen, revision = Items(database), list[str](), 0
    for number, page in enumerate(pages(items, 0)):
        seen += [one["sku"] for one in page["items"]]
        revision = page["revision"]
        if number == 0:
            take(database, [item(f"SKU-{n:03}", category="new") for n in (5, 150)])
            items.page("S2", 0, 0)  # another store's question cuts its own pages
    assert (len(seen), revision) == (249, 250)
    later = [one for page in pages(items, revision) for one in page["items"]]
    assert [(one["sku"], one["category"]) for one in later] == [("SKU-005", "new"), ("SKU-150", "new")]
    assert len({*seen, *(one["sku"] for one in later)}) == 250


def test_pages_that_another_worker_has_cut_promise_nothing(database: Database) -> None:
    take(database, [item(f"SKU-{n:03}") for n in range(250)])
    assert Items(database).page("S1", 0, 1) == {"items": [], "page": 1, "more": False, "since": 0, "revision": 0}


class Clock(SystemClock):
    """Stands still until it is set."""

    us = 1_790_000_000_000_000

    def wall_us(self) -> int:
        return self.us


def test_one_of_several_workers_announces(database: Database, target: str) -> None:
    take(database, [item(f"SKU-{n:03}") for n in range(A_ROUND + 10)])
    other, clock = open_database(target), Clock()
    workers = [Announcer(database, clock, "stock/v1"), Announcer(other, clock, "stock/v1")]
    said = [one.topic for _ in range(3) for worker in workers for one in worker.due()]
    assert said == [f"stock/v1/catalog/SKU-{n:03}" for n in range(A_ROUND + 10)]
    take(database, [item("SKU-001", category="new")])
    [one] = workers[1].due()
    assert orjson.loads(one.payload)["category"] == "new"
    other.close()


def test_what_a_killed_worker_may_not_have_said_is_said_again(database: Database) -> None:
    take(database, [item("MILK"), item("TEA")])
    clock = Clock()
    said = Announcer(database, clock, "stock/v1").due()
    assert len(said) == 2
    second = Announcer(database, clock, "stock/v1")
    assert second.due() == [], "the first may be at it"
    clock.us += CLAIM_US + 1
    assert second.due() == said
    assert second.due() == []
    clock.us += CLAIM_US + 1
    assert Announcer(database, clock, "stock/v1").due() == [], "they are said"


def test_a_claim_of_tomorrow_is_none(database: Database) -> None:
    """The clock went back since: nobody waits until it is where it was."""
    take(database, [item("MILK")])
    clock = Clock()
    said = Announcer(database, clock, "stock/v1").due()
    clock.us -= 7200 * 1_000_000
    assert Announcer(database, clock, "stock/v1").due() == said


def test_documents_are_announced_and_withdrawn(storage: Storage, database: Database) -> None:
    announcer = Announcer(database, Clock(), "stock/v1")
    storage.expect("S1", {"ASN-1": b"{}", "ASN-2": b"{}"})
    assert [one.topic for one in announcer.due()] == ["stock/v1/S1/expected/ASN-1", "stock/v1/S1/expected/ASN-2"]
    storage.expect("S1", {"ASN-1": None})
    assert announcer.due() == [("stock/v1/S1/expected/ASN-1", b"", True)]
    again(database)
    assert len(announcer.due()) == 2
    again(database)
    assert len(announcer.due()) == 2, "what was published before counts no more"
