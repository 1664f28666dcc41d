"""The database: exactly once, a round whole or not at all, stock as the events say, limits."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from headoffice.errors import DatabaseFull, DatabaseUnusable, LeaseLost
from headoffice.event_store import BODY_BYTES_KEPT, QUARANTINE_ROWS_MAX, QUARANTINE_STORE_ROWS_MAX
from headoffice.ingest import Ingest, Position, Refusal
from headoffice.store import STEPS, Store
from headoffice.storing import Batch
from tests.headoffice.logs import Log, parsed


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "hq.db")
    yield store
    store.close()


def batch(store: Store, log: Log, first: int = 1, last: int | None = None) -> Batch:
    held = store.position(log.store)
    engine = Ingest(
        log.store, position=held[0] if held else None, key=held[1] if held else None, hash_at=store.hash_at(log.store)
    )
    found = Batch(log.store)
    for at in range(first, (last or log.head) + 1, 100):
        outcome = engine.receive(log.message(at, min(at + 99, last or log.head)))
        found.accepted += outcome.accepted
        found.refusals += outcome.refusals
    found.position, found.key = engine.position, engine.key
    return found


def rows(store: Store, name: str = "S1") -> dict[tuple[str, str, str, str], int]:
    return {(one.sku, one.zone, one.lot, one.disposition): one.quantity for one in store.stock(name)}


def quarantined(path: Path) -> list[tuple[str, int]]:
    with sqlite3.connect(path) as db:
        found = db.execute("SELECT code, LENGTH(body) FROM quarantine ORDER BY id").fetchall()
    db.close()
    return found


def test_a_round_is_there_after_a_restart(store: Store, tmp_path: Path) -> None:
    log = Log().open().receive_many(5)
    store.save([batch(store, log)], 7)
    store.close()
    again = Store(tmp_path / "hq.db")
    assert again.stores() == ["S1"]
    assert again.position("S1") == (Position("L1", 6, log.hash, 1, 1), log.key.public_key().public_bytes_raw().hex())
    assert again.newest("S1", 3) == parsed(log.events[3:])
    assert again.newest("S1", 100) == parsed(log.events)
    assert again.hash_at("S1")("L1", 2) == log.events[1].hash
    assert again.hash_at("S1")("L1", 7) is None
    assert again.hash_at("S2")("L1", 2) is None
    assert list(again.counts()) == [("S1", 6, 0)]
    again.close()


def test_an_event_is_stored_once_and_never_changed(store: Store, tmp_path: Path) -> None:
    first = batch(store, Log().open().receive_many(2))
    store.save([first], 0)
    before = rows(store)
    with pytest.raises(LeaseLost):
        store.save([first], 0)
    assert rows(store) == before
    with sqlite3.connect(tmp_path / "hq.db") as db, pytest.raises(sqlite3.IntegrityError, match="never changed"):
        db.execute("UPDATE event SET hash = 'x'")
    db.close()
    with sqlite3.connect(tmp_path / "hq.db") as db, pytest.raises(sqlite3.IntegrityError, match="never deleted"):
        db.execute("DELETE FROM event WHERE seq = 1")
    db.close()


def test_a_round_is_stored_whole_or_not_at_all(store: Store, tmp_path: Path) -> None:
    known = Log(store="S2").open().receive_many(1)
    store.save([batch(store, known)], 0)
    fresh = batch(store, Log(store="S1").open().receive_many(3))
    fresh.refusals.append(Refusal("hash", "x", None, None, b"x"))
    again = batch(Store(tmp_path / "empty.db"), known)
    with pytest.raises(LeaseLost):
        store.save([fresh, again], 0)
    assert store.stores() == ["S2"]
    assert rows(store, "S1") == {}
    assert quarantined(tmp_path / "hq.db") == []
    store.save([fresh], 0)
    assert store.stores() == ["S1", "S2"]


def test_whatever_breaks_a_round_the_next_one_is_whole(store: Store) -> None:
    """Also what SQLite does not raise: half a round must not be committed with the next one."""
    bad = batch(store, Log().open().receive_many(1))
    bad.refusals.append(Refusal("shape", "x", None, 2**63, b""))
    with pytest.raises(OverflowError):
        store.save([bad], 0)
    assert store.stores() == []
    bad.refusals.clear()
    store.save([bad], 0)
    assert store.stores() == ["S1"]


def test_stock_is_the_sum_of_movements(store: Store) -> None:
    log = Log().open()
    log.receive("COLA", 10)
    log.receive("COLA", 4, lot="A1", disposition="damaged")
    log.write("movement", {"kind": "moved", "lines": [
        {"sku": "COLA", "quantity": 3, "from": "backroom", "to": "floor", "disposition": "sellable"},
        {"sku": "COLA", "quantity": 4, "from": "backroom", "to": "scrap", "lot": "A1", "disposition": "damaged"},
    ]})  # fmt: skip
    log.look()
    store.save([batch(store, log, 1, 2)], 0)
    assert rows(store) == {("COLA", "backroom", "", "sellable"): 10}
    store.save([batch(store, log, 3)], 0)
    assert rows(store) == {("COLA", "backroom", "", "sellable"): 7, ("COLA", "floor", "", "sellable"): 3}
    assert rows(store, "S2") == {}


def test_sold_below_zero_stays_below_zero(store: Store) -> None:
    log = Log().open()
    log.write("movement", {"kind": "sold", "lines": [
        {"sku": "COLA", "quantity": 2, "from": "floor", "to": "customer", "disposition": "sellable"}
    ]})  # fmt: skip
    store.save([batch(store, log)], 0)
    assert rows(store) == {("COLA", "floor", "", "sellable"): -2}


@pytest.mark.parametrize("size", [1, 2, 100])
def test_an_opening_states_everything_and_replaces_what_was(store: Store, size: int) -> None:
    old = Log("L1").open([["GONE", "backroom", None, "sellable", 5]]).receive_many(10)
    other = Log("L7", store="S2").open([["GONE", "backroom", None, "sellable", 1]])
    store.save([batch(store, old), batch(store, other)], 0)
    stated = [[f"SKU-{n:03}", "backroom", "A" if n % 2 else None, "sellable", n + 1] for n in range(300)]
    child = Log("L2").open(stated, old.end())
    child.receive("SKU-000", 9)
    child.receive("NEW", 1)
    for first in range(1, child.head + 1, size):
        store.save([batch(store, child, first, min(child.head, first + size - 1))], 0)
    found = rows(store)
    assert len(found) == 301
    assert found["SKU-000", "backroom", "", "sellable"] == 10
    assert found["SKU-001", "backroom", "A", "sellable"] == 2
    assert found["NEW", "backroom", "", "sellable"] == 1
    assert rows(store, "S2") == {("GONE", "backroom", "", "sellable"): 1}
    assert store.newest("S1", 1) == parsed(child.events[-1:])


def test_rows_of_a_range_and_of_one_moment(store: Store) -> None:
    log = Log().open([[sku, "backroom", None, "sellable", 1] for sku in ("A", "B", "C")])
    store.save([batch(store, log)], 0)
    assert [one.sku for one in store.stock("S1", "B")] == ["B", "C"]
    assert [one.sku for one in store.stock("S1", None, "B")] == ["A", "B"]
    assert [one.sku for one in store.stock("S1", "B", "B")] == ["B"]
    position, found = store.snapshot("S1", "C", None)
    assert (position, [one.sku for one in found]) == (Position("L1", 1, log.hash, 1, 1), ["C"])
    assert store.snapshot("S9", None, None) == (None, [])


def refused(name: str, first: int, count: int, code: str = "shape") -> Batch:
    found = Batch(name)
    found.refusals = [Refusal(code, "x", None, None, b"%d" % number) for number in range(first, first + count)]
    return found


def test_quarantine_is_bounded(store: Store, tmp_path: Path) -> None:
    stores = QUARANTINE_ROWS_MAX // QUARANTINE_STORE_ROWS_MAX
    store.save([refused(f"S{number}", 0, QUARANTINE_STORE_ROWS_MAX) for number in range(stores)], 0)
    last = Batch("S99")
    last.refusals = [Refusal("hash", "x", "L1", 5, b"x" * (BODY_BYTES_KEPT + 1))]
    store.save([last], 1)
    found = quarantined(tmp_path / "hq.db")
    assert len(found) == QUARANTINE_ROWS_MAX
    assert found[-1] == ("hash", BODY_BYTES_KEPT)
    assert store.stores() == []


def test_what_comes_again_is_counted(store: Store) -> None:
    for now_us in (10, 20, 30):
        store.save([refused("S1", 0, 2), refused("S1", 0, 1, "hash"), refused("S2", 0, 1)], now_us)
    found = list(store.quarantined("S1"))
    assert [(one.code, one.body, one.times, one.at_us, one.last_at_us) for one in found] == [
        ("shape", b"0", 3, 10, 30), ("shape", b"1", 3, 10, 30), ("hash", b"0", 3, 10, 30)
    ]  # fmt: skip
    assert len(list(store.quarantined())) == 4


def test_a_store_that_is_refused_without_end_takes_no_room_from_others(store: Store) -> None:
    store.save([refused("S2", 0, 5)], 0)
    for number in range(5):
        store.save([refused("S1", number * QUARANTINE_STORE_ROWS_MAX, QUARANTINE_STORE_ROWS_MAX)], number)
    store.save([refused("S1", 4 * QUARANTINE_STORE_ROWS_MAX, 1)], 9)  # known: it stays longest
    held = list(store.quarantined("S1"))
    assert len(held) == QUARANTINE_STORE_ROWS_MAX
    assert {one.at_us for one in held} == {4}
    assert (held[-1].body, held[-1].times) == (b"%d" % (4 * QUARANTINE_STORE_ROWS_MAX), 2)
    assert len(list(store.quarantined("S2"))) == 5


# -- opening the file -------------------------------------------------------------------------------------------------


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
    assert sum(rows(store).values()) == sum(one["data"]["lines"][0]["quantity"] for one in parsed(log.events[1:]))
