"""What every database of head office does alike: exactly once, a round whole or not at all, limits."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from contract.stock import KEY_CHARACTERS_MAX
from headoffice import own
from headoffice.database import Database
from headoffice.errors import DatabaseLost, LeaseLost
from headoffice.event_store import BODY_BYTES_KEPT, PAGE_EVENTS, QUARANTINE_ROWS_MAX, QUARANTINE_STORE_ROWS_MAX
from headoffice.ingest import Position, Refusal
from headoffice.storages import open_storage
from headoffice.storing import Batch, Storage
from tests.headoffice.logs import Log, line, parsed
from tests.headoffice.taking import batch, projections, refused, stock, table


@pytest.fixture
def store(target: str) -> Iterator[Storage]:
    store = open_storage(target)
    yield store
    store.close()


def test_a_round_is_there_after_a_restart(store: Storage, target: str) -> None:
    log = Log().open().receive_many(5)
    store.save([batch(store, log)], 7)
    store.close()
    again = open_storage(target)
    assert again.stores() == ["S1"]
    assert again.position("S1") == (Position("L1", 6, log.hash, 1, 1), log.key.public_key().public_bytes_raw().hex())
    assert again.newest("S1", 3) == parsed(log.events[3:])
    assert again.newest("S1", 100) == parsed(log.events)
    assert again.hash_at("S1")("L1", 2) == log.events[1].hash
    assert again.hash_at("S1")("L1", 7) is None
    assert again.hash_at("S2")("L1", 2) is None
    assert list(again.counts()) == [("S1", 6, 0)]
    again.close()


def test_an_event_is_stored_once_and_never_changed(store: Storage) -> None:
    first = batch(store, Log().open().receive_many(2))
    store.save([first], 0)
    before = projections(store)
    with pytest.raises(LeaseLost):
        store.save([first], 0)
    assert projections(store) == before
    for statement in ("UPDATE event SET hash = 'x'", "DELETE FROM event WHERE seq = 1"):
        with pytest.raises((sqlite3.IntegrityError, psycopg.errors.RaiseException), match="never "):
            store.database.write(statement)


def test_a_round_is_stored_whole_or_not_at_all(store: Storage, tmp_path: Path) -> None:
    known = Log(store="S2").open().receive_many(1)
    store.save([batch(store, known)], 0)
    fresh = batch(store, Log(store="S1").open().receive_many(3))
    fresh.refusals.append(Refusal("hash", "x", None, None, b"x"))
    again = batch(open_storage(str(tmp_path / "empty.db")), known)
    before = projections(store)
    with pytest.raises(LeaseLost):
        store.save([fresh, again], 0)
    assert store.stores() == ["S2"]
    assert projections(store) == before
    assert list(store.quarantined()) == []
    store.save([fresh], 0)
    assert store.stores() == ["S1", "S2"]


def test_whatever_breaks_a_round_the_next_one_is_whole(store: Storage) -> None:
    """Also what the database never sees: half a round must not be committed with the next one."""
    bad = batch(store, Log().open().receive_many(1))
    bad.refusals.append(Refusal("shape", "x", None, 2**63, b""))
    with pytest.raises((OverflowError, psycopg.errors.NumericValueOutOfRange)):
        store.save([bad], 0)
    assert store.stores() == []
    bad.refusals.clear()
    store.save([bad], 0)
    assert store.stores() == ["S1"]


# -- who may write ----------------------------------------------------------------------------------------------------


def test_who_was_overtaken_stores_nothing(store: Storage, target: str) -> None:
    """Two workers on one store: the one whose position is not the stored one has lost it."""
    log, calm = Log().open().receive_many(9), Log(store="S2").open()
    store.save([batch(store, log, 1, 4), batch(store, calm)], 1)
    slow = batch(store, log, 5, 6)
    calm.receive()
    slow_too = batch(store, calm, 2)
    other = open_storage(target)
    other.save([batch(other, log, 5, 8)], 2)
    before = projections(store)
    with pytest.raises(LeaseLost, match="S1"):
        store.save([slow_too, slow], 3)
    assert projections(store) == before
    assert [one.last for one in (*store.extents("S1"), *store.extents("S2"))] == [8, 1]
    store.save([slow_too, batch(store, log, 9)], 4)
    assert [one.last for one in (*store.extents("S1"), *store.extents("S2"))] == [10, 2]
    other.close()


def test_a_log_that_grows_from_elsewhere_than_the_position_is_not_stored(store: Storage, target: str) -> None:
    log = Log().open().receive_many(5)
    store.save([batch(store, log, 1, 4)], 1)
    child = Log("L2").open(parent={"log": "L1", "seq": 4, "hash": log.events[3].hash})
    late = batch(store, child)
    other = open_storage(target)
    other.save([batch(other, log, 5)], 2)
    with pytest.raises(LeaseLost):
        store.save([late], 3)
    assert store.extents("S1") == [("L1", 6, 1, 6)]
    other.close()


def test_the_fence_stands_in_the_same_transaction(store: Storage) -> None:
    log, seen = Log().open().receive_many(3), list[Position | None]()

    def closed(database: Database) -> None:
        database.write("INSERT INTO expected (store, document, revision) VALUES ('S1', 'D1', 1)")
        raise LeaseLost("not mine", hint="")

    def open_(database: Database) -> None:
        database.write("INSERT INTO expected (store, document, revision) VALUES ('S1', 'D1', 1)")
        held = store.position("S1")
        seen.append(held[0] if held else None)

    with pytest.raises(LeaseLost, match="not mine"):
        store.save([batch(store, log)], 1, closed)
    assert (store.stores(), store.expected("S1", 0)) == ([], [])
    store.save([batch(store, log)], 1, open_)
    assert (seen, store.stores(), len(store.expected("S1", 0))) == ([None], ["S1"], 1)


# -- what is kept -----------------------------------------------------------------------------------------------------


def test_stock_is_the_sum_of_movements(store: Storage) -> None:
    log = Log().open()
    log.receive("COLA", 10)
    log.receive("COLA", 4, lot="A1", disposition="damaged")
    log.write("movement", {"kind": "moved", "lines": [
        {"sku": "COLA", "quantity": 3, "from": "backroom", "to": "floor", "disposition": "sellable"},
        {"sku": "COLA", "quantity": 4, "from": "backroom", "to": "scrap", "lot": "A1", "disposition": "damaged"},
    ]})  # fmt: skip
    log.look()
    store.save([batch(store, log, 1, 2)], 0)
    assert stock(store) == {("COLA", "backroom", "", "sellable"): 10}
    store.save([batch(store, log, 3)], 0)
    assert stock(store) == {("COLA", "backroom", "", "sellable"): 7, ("COLA", "floor", "", "sellable"): 3}
    assert stock(store, "S2") == {}


def test_sold_below_zero_stays_below_zero(store: Storage) -> None:
    log = Log().open()
    log.write("movement", {"kind": "sold", "lines": [
        {"sku": "COLA", "quantity": 2, "from": "floor", "to": "customer", "disposition": "sellable"}
    ]})  # fmt: skip
    store.save([batch(store, log)], 0)
    assert stock(store) == {("COLA", "floor", "", "sellable"): -2}


@pytest.mark.parametrize("size", [1, 2, 100])
def test_an_opening_states_everything_and_replaces_what_was(store: Storage, size: int) -> None:
    old = Log("L1").open([["GONE", "backroom", None, "sellable", 5]]).receive_many(10)
    other = Log("L7", store="S2").open([["GONE", "backroom", None, "sellable", 1]])
    store.save([batch(store, old), batch(store, other)], 0)
    stated = [[f"SKU-{n:03}", "backroom", "A" if n % 2 else None, "sellable", n + 1] for n in range(300)]
    child = Log("L2").open(stated, old.end())
    child.receive("SKU-000", 9)
    child.receive("NEW", 1)
    for first in range(1, child.head + 1, size):
        store.save([batch(store, child, first, min(child.head, first + size - 1))], 0)
    found = stock(store)
    assert len(found) == 301
    assert found["SKU-000", "backroom", "", "sellable"] == 10
    assert found["SKU-001", "backroom", "A", "sellable"] == 2
    assert found["NEW", "backroom", "", "sellable"] == 1
    assert stock(store, "S2") == {("GONE", "backroom", "", "sellable"): 1}
    assert store.newest("S1", 1) == parsed(child.events[-1:])


def test_rows_of_a_range_and_of_one_moment(store: Storage) -> None:
    log = Log().open([[sku, "backroom", None, "sellable", 1] for sku in ("A", "B", "C")])
    store.save([batch(store, log)], 0)
    assert [one.sku for one in store.stock("S1", "B")] == ["B", "C"]
    assert [one.sku for one in store.stock("S1", None, "B")] == ["A", "B"]
    assert [one.sku for one in store.stock("S1", "B", "B")] == ["B"]
    position, found = store.snapshot("S1", "C", None)
    assert (position, [one.sku for one in found]) == (Position("L1", 1, log.hash, 1, 1), ["C"])
    assert store.snapshot("S9", None, None) == (None, [])


def test_quarantine_is_bounded(store: Storage) -> None:
    stores = QUARANTINE_ROWS_MAX // QUARANTINE_STORE_ROWS_MAX
    store.save([refused(f"S{number}", 0, QUARANTINE_STORE_ROWS_MAX) for number in range(stores)], 0)
    last = Batch("S99")
    last.refusals = [Refusal("hash", "x", "L1", 5, b"x" * (BODY_BYTES_KEPT + 1))]
    store.save([last], 1)
    found = list(store.quarantined())
    assert len(found) == QUARANTINE_ROWS_MAX
    assert (found[-1].code, len(found[-1].body)) == ("hash", BODY_BYTES_KEPT)
    assert store.stores() == []


def test_what_comes_again_is_counted(store: Storage) -> None:
    for now_us in (10, 20, 30):
        store.save([refused("S1", 0, 2), refused("S1", 0, 1, "hash"), refused("S2", 0, 1)], now_us)
    found = list(store.quarantined("S1"))
    assert [(one.code, one.body, one.times, one.at_us, one.last_at_us) for one in found] == [
        ("shape", b"0", 3, 10, 30), ("shape", b"1", 3, 10, 30), ("hash", b"0", 3, 10, 30)
    ]  # fmt: skip
    assert len(list(store.quarantined())) == 4


def test_a_store_that_is_refused_without_end_takes_no_room_from_others(store: Storage) -> None:
    store.save([refused("S2", 0, 5)], 0)
    for number in range(5):
        store.save([refused("S1", number * QUARANTINE_STORE_ROWS_MAX, QUARANTINE_STORE_ROWS_MAX)], number)
    store.save([refused("S1", 4 * QUARANTINE_STORE_ROWS_MAX, 1)], 9)  # known: it stays longest
    held = list(store.quarantined("S1"))
    assert len(held) == QUARANTINE_STORE_ROWS_MAX
    assert {one.at_us for one in held} == {4}
    assert (held[-1].body, held[-1].times) == (b"%d" % (4 * QUARANTINE_STORE_ROWS_MAX), 2)
    assert len(list(store.quarantined("S2"))) == 5


def test_events_are_read_in_pages(store: Storage) -> None:
    log = Log().open().receive_many(2 * PAGE_EVENTS)
    store.save([batch(store, log)], 77)
    found = list(store.written("S1", "L1"))
    assert [(one.seq, one.type, one.hash, one.body) for one in found] == [
        (one.seq, one.type, one.hash, one.body) for one in log.events
    ]
    assert {one.at_us for one in found} == {77}
    assert [one.seq for one in store.written("S1", "L1", PAGE_EVENTS, 2 * PAGE_EVENTS)] == [
        *range(PAGE_EVENTS, 2 * PAGE_EVENTS + 1)
    ]
    assert list(store.written("S1", "L1", log.head + 1)) == []
    assert store.extents("S1") == [("L1", log.head, 1, log.head)]
    assert store.first_missing("S1", "L1") == log.head + 1


def test_a_moment_stands_still(store: Storage, target: str) -> None:
    log, other = Log().open().receive_many(10), open_storage(target)
    store.save([batch(store, log, 1, 5)], 0)
    reader = open_storage(target, read_only=True)
    with reader.moment():
        before = (reader.position("S1"), reader.stock("S1"), reader.extents("S1"))
        other.save([batch(other, log, 6)], 0)
        assert (reader.position("S1"), reader.stock("S1"), reader.extents("S1")) == before
    assert reader.position("S1") != before[0]
    for one in (reader, other):
        one.close()


def test_reading_cannot_write(store: Storage, target: str) -> None:
    new, reader = batch(store, Log().open()), open_storage(target, read_only=True)
    with pytest.raises((sqlite3.OperationalError, DatabaseLost), match="read"):
        reader.save([new], 0)
    reader.close()


def test_documents_are_kept_with_their_revision(store: Storage) -> None:
    store.expect("S1", {"D1": b"one", "D2": b"two"})
    store.expect("S2", {"D1": b"three"})
    store.expect("S1", {"D1": None})
    assert store.expected("S1", 0) == [("D2", 2, b"two"), ("D1", 4, None)]
    assert store.expected("S1", 2) == [("D1", 4, None)]
    assert store.expected("S2", 0) == [("D1", 3, b"three")]


ODD: list[tuple[str, dict[str, Any]]] = [
    ("movement", {"kind": "received", "lines": [line("A\0B")]}),
    ("movement", {"kind": "received", "lines": [line("A", lot="x" * KEY_CHARACTERS_MAX)]}),
    ("movement", {"kind": "received", "lines": [line("A", to="\0")]}),
    ("movement", {"kind": "received", "lines": "none"}),
    ("movement", {"kind": ["received"], "lines": [line("ODD", epcs=["\0", 7, "x" * 200, "ABC"], to="floor")]}),
    ("movement", {"kind": "a\0b", "lines": [line("ODD", epcs={"a": 1})]}),
    ("movement", {"kind": "sold", "lines": [line("ODD", **{"from": "floor", "to": "customer"})], "reservation": 7}),
    ("movement", {"kind": "received", "lines": [line("ODD")], "resolves": {"seq": "1"}, "reservation": "R\0"}),
    ("exception", {"kind": "\0", "reason": "\0", "sku": "\0", "zone": 7, "quantity": "x", "detail": "\0"}),
    ("exception", {}),
    ("document", {"kind": "opened", "document": "\0"}),
    ("document", {}),
    ("count", {"kind": "approved", "lines": [{}]}),
    ("count", {"kind": 7}),
    ("journal", {"kind": "reservation_made", "reservation": "R\0", "sku": "A", "quantity": 1}),
    ("journal", {"kind": "reservation_made", "reservation": "R1", "sku": "A", "quantity": 1, "expires_at": "\0"}),
    ("journal", {"kind": "reservation_released", "reservation": "R1", "sku": "A", "quantity": "1"}),
    ("journal", {"kind": "tags_identified", "epcs": ["\0"], "sku": "A", "place": "floor", "quantity": 1}),
    ("journal", {"kind": "tag_written", "replaces": 1}),
    ("journal", {"kind": "exception_resolved", "concerns": {"seq": 2**53 - 1}, "resolution": "x"}),
    ("journal", {"kind": {"a": 1}}),
    ("journal", {"kind": "of a later version"}),
]


def test_whatever_an_event_holds_it_is_stored(store: Storage) -> None:
    """A store that writes nonsense stops nobody: neither the databases that know no zero byte, nor those that do."""
    log = Log().open()
    for number, (kind, data) in enumerate(ODD):
        log.write(kind, data, occurred_at=["2026-09-07T12:50:36+09:00", "\0", "x" * 100, "0000-00-00"][number % 4])
    found = batch(store, log)
    assert [(one.code, one.seq) for one in found.refusals] == [("stock", 2), ("stock", 3), ("stock", 4), ("stock", 5)]
    store.save([found], 1)
    assert store.extents("S1") == [("L1", len(ODD) + 1, 1, len(ODD) + 1)]
    assert stock(store) == {("ODD", "backroom", "", "sellable"): 2}
    assert table(store, "reservation", "reservation, quantity, expires_at") == [("R1", 1, None)]
    assert table(store, "exception", "kind, reason, sku, zone, quantity") == [("unknown", "", None, None, None)] * 2
    assert table(store, "tag", "epc, zone") == [("ABC", "floor")]
    own.check(store, "S1", deep=True)


def test_an_opening_with_a_lot_that_no_database_takes_is_refused(store: Storage) -> None:
    for lot in ("a\0b", "x" * 129):
        found = batch(store, Log().open([["A", "backroom", lot, "sellable", 1]]))
        assert [one.code for one in found.refusals] == ["opening"]
        assert found.accepted == []
