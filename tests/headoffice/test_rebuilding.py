"""Projections made again are the ones that were written live, row by row; on both databases the same."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from headoffice import own, projecting
from headoffice.database import Row
from headoffice.folding import DAY_US, VERSION
from headoffice.rebuilding import FOLD_EVENTS, rebuild, stale
from headoffice.storages import open_storage
from headoffice.storing import Storage
from tests.headoffice.every_kind import Writer
from tests.headoffice.logs import Log
from tests.headoffice.taking import batch, different, projections

AT_US = 1_788_753_036_000_000
STORES = ("S1", "S2", "S3")


def logs(seed: int) -> list[list[Log]]:
    """Of each store, one after the other."""
    found: list[list[Log]] = []
    for number, store in enumerate(STORES):
        writer, chain = Writer(seed * 10 + number, store), list[Log]()
        for _ in range(3):
            writer.write(200)
            writer.state()
            writer.write(50)
            chain.append(writer.begin_anew())
        writer.write(FOLD_EVENTS if number == 0 else 100)
        found.append([*chain, writer.log])
    return found


def live(storage: Storage, seed: int) -> dict[str, list[Row]]:
    """Taken in as it comes: rounds of any size, of several stores, over days."""
    draw, now_us, waiting = Random(seed), AT_US, {store[0].store: store for store in logs(seed)}
    while waiting:
        chosen = [store for store in waiting if draw.random() < 0.7]
        batches = []
        for store in chosen:
            log = waiting[store][0]
            held = storage.position(store)
            first = held[0].seq + 1 if held and held[0].log == log.name else 1
            last = min(log.head, first + draw.choice((0, 2, 30, 400)))
            batches.append(batch(storage, log, first, last))
            if last == log.head and not (waiting[store].pop(0) and waiting[store]):
                del waiting[store]
        now_us += draw.randrange(DAY_US // 4)
        storage.save(batches, now_us)
    return projections(storage)


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_made_again_is_what_was_written_live(target: str, tmp_path: Path, seed: int) -> None:
    storage = open_storage(target)
    written = live(storage, seed)
    assert all(written.values()), "every projection has rows"
    for store in STORES:
        own.check(storage, store, deep=True)
    for name in projecting.PROJECTED:
        storage.database.write(f"UPDATE {name} SET store = 'gone' WHERE store = 'S2'")
    said = list[str]()
    events = rebuild(storage, STORES, said.append)
    assert events == sum(log.head for chain in logs(seed) for log in chain)
    assert said[-1] == f"projections made again from the events: 3 of 3 stores, {events} events"
    projecting.clear(storage.database, "gone")
    assert different(projections(storage), written) == {}
    other = open_storage(str(tmp_path / "other.db"))
    assert different(live(other, seed), written) == {}, "SQLite and what this test is about"
    other.close()
    storage.close()


def test_projections_of_another_release_are_made_again_when_a_database_is_opened(target: str) -> None:
    storage, log = open_storage(target), Log().open().receive_many(5)
    other = Log(store="S2").open().receive_many(1)
    storage.save([batch(storage, log), batch(storage, other)], AT_US)
    written = projections(storage)
    assert stale(storage) == []
    storage.database.write("UPDATE projection SET version = ? WHERE store = 'S1'", (VERSION + 1,))
    storage.database.write("UPDATE stock SET quantity = 77")
    spoilt = projections(storage)["stock"]
    storage.close()
    reader = open_storage(target, read_only=True)
    assert stale(reader) == ["S1"]
    assert projections(reader)["stock"] == spoilt
    reader.close()
    storage = open_storage(target)
    assert stale(storage) == []
    found = projections(storage)["stock"]
    assert [row for row in found if row[0] == "S1"] == [row for row in written["stock"] if row[0] == "S1"]
    assert {row[-1] for row in found if row[0] == "S2"} == {77}, "what is of this release is left alone"
    storage.close()


def test_a_rebuild_that_breaks_off_leaves_what_was(target: str) -> None:
    storage, log = open_storage(target), Log().open().receive_many(5)
    storage.save([batch(storage, log)], AT_US)
    written = projections(storage)
    storage.database.write("UPDATE projection SET version = 0")

    def refuse(line: str) -> None:
        raise KeyboardInterrupt(line)

    with pytest.raises(KeyboardInterrupt, match="1 of 2"):
        rebuild(storage, ["S1", "none"], refuse)
    assert (projections(storage), stale(storage)) == (written, [])
    storage.close()
