"""SQLite: the file and what can be wrong with it, a full disk, one at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlite_utils
from sqlite_utils.migrations import Migrations

from headoffice.errors import DatabaseFull, DatabaseUnusable
from headoffice.storages import open_storage
from headoffice.store import STEPS, Store, _step
from tests.headoffice.logs import Log, parsed
from tests.headoffice.taking import batch, projections, stock


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "hq.db")
    yield store
    store.close()


@pytest.mark.parametrize("read_only", [True, False])
def test_a_database_of_a_newer_release_is_refused(tmp_path: Path, *, read_only: bool) -> None:
    path = tmp_path / "hq.db"
    Store(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    db.close()
    with pytest.raises(DatabaseUnusable, match=f"schema {len(STEPS) + 1}") as caught:
        Store(path, read_only=read_only)
    assert "release" in caught.value.hint


def test_reading_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match="no database"):
        Store(tmp_path / "none.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_reading_cannot_write(store: Store, tmp_path: Path) -> None:
    reader = Store(tmp_path / "hq.db", read_only=True)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.save([batch(store, Log().open())], 0)


@pytest.mark.parametrize("read_only", [True, False])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, *, read_only: bool) -> None:
    path = tmp_path / "hq.db"
    path.write_text("sku,name\n" * 1000)
    with pytest.raises(DatabaseUnusable):
        Store(path, read_only=read_only)
    assert path.read_text() == "sku,name\n" * 1000


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match="unable to open"):
        Store(tmp_path / "none" / "hq.db")


def test_a_file_of_the_release_before_is_brought_up_to_date(tmp_path: Path) -> None:
    """It had events and stock, and no word of what else pages show."""
    log, path, new = Log().open().receive_many(5), tmp_path / "old.db", Store(tmp_path / "new.db")
    log.look()
    new.save([batch(new, log)], 0)
    with sqlite3.connect(path) as db:
        steps = Migrations("headoffice")
        for number, name in enumerate(STEPS[:2], start=1):
            steps(name=name)(_step(number, name))
        steps.apply(sqlite_utils.Database(db))
        db.executemany(
            "INSERT INTO event VALUES ('S1', 'L1', ?, ?, ?, ?)",
            [(one.seq, one.type, one.hash, one.body) for one in log.events],
        )
        position = new.database.rows("SELECT store, log, seq, hash, part, parts, key FROM position")
        db.executemany("INSERT INTO position VALUES (?, ?, ?, ?, ?, ?, ?)", position)
    db.close()
    with pytest.raises(DatabaseUnusable, match="not as this release wants it") as caught:
        open_storage(str(path), read_only=True)
    assert "jaego-hq run" in caught.value.hint
    old = open_storage(str(path))
    assert projections(old) == projections(new)
    log.receive()
    for one in (old, new):
        one.save([batch(one, log, log.head)], 9)
    assert projections(old) == projections(new)
    assert old.position("S1") == new.position("S1")
    for one in (old, new):
        one.close()


@pytest.mark.parametrize("name", ["a b#c?mode=ro.db", "재고%20.db"])
def test_any_file_name_is_that_file(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path / name)
    store.save([batch(store, Log().open())], 0)
    assert (tmp_path / name).exists()
    assert Store(tmp_path / name, read_only=True).stores() == ["S1"]


def test_a_full_disk_stores_nothing_of_the_round_and_goes_on_when_there_is_room(store: Store) -> None:
    log = Log().open().receive_many(400)
    store.save([batch(store, log, 1, 50)], 0)
    pages = int(store.database.rows("PRAGMA page_count")[0][0])
    store.database.rows(f"PRAGMA max_page_count = {pages + 2}")
    rest = batch(store, log, 51)
    with pytest.raises(DatabaseFull) as caught:
        store.save([rest], 0)
    assert "space" in caught.value.hint
    held = store.position("S1")
    assert held is not None
    assert held[0].seq == 50
    store.database.rows("PRAGMA max_page_count = 1073741823")
    store.save([rest], 0)
    assert len(store.newest("S1", 1000)) == log.head
    assert sum(stock(store).values()) == sum(one["data"]["lines"][0]["quantity"] for one in parsed(log.events[1:]))
