"""In both databases: events that are gone, openings in the middle of a log, keys that were exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from headoffice import keeping, keys, mending, own
from headoffice.errors import Damaged, LeaseLost
from headoffice.ingest import REFUSALS_MIN, Ingest
from headoffice.rebuilding import rebuild
from headoffice.storages import open_storage
from headoffice.storing import Batch, Storage
from headoffice.taken import Skipped
from headoffice.verify import compare_export
from tests.headoffice.logs import KEY, OTHER_KEY, Log
from tests.headoffice.taking import batch, different, projections, stock, table

PUBLIC, OTHER = (key.public_key().public_bytes_raw().hex() for key in (KEY, OTHER_KEY))
BEGIN = [["COLA", "backroom", None, "sellable", 40], ["RICE", "floor", "A1", "sellable", 2]]
MANY = [[f"SKU-{n}", "floor", None, "sellable", 1] for n in range(299)]
COLA, RICE = ("COLA", "backroom", "", "sellable"), ("RICE", "floor", "A1", "sellable")


@pytest.fixture
def storage(target: str) -> Iterator[Storage]:
    found = open_storage(target)
    yield found
    found.close()


def pruned() -> Log:
    """Event 11 is an opening."""
    return Log().open().receive_many(9).open(BEGIN).receive_many(5)


def take(storage: Storage, log: Log, first: int = 1, last: int | None = None, oldest: int = 1, at_us: int = 7) -> None:
    found = batch(storage, log, first, last, oldest)
    assert not found.refusals, found.refusals[0].reason
    storage.save([found], at_us)


def made_again(storage: Storage) -> None:
    """Everything is as the events say, and is the same when it is made of them again."""
    own.check(storage, "S1", deep=True)
    before = projections(storage)
    rebuild(storage, ["S1"], lambda _: None)
    assert different(projections(storage), before) == {}


@pytest.mark.parametrize("begun", [0, 4])
def test_what_is_gone_is_no_damage(storage: Storage, begun: int) -> None:
    log = pruned()
    if begun:
        take(storage, log, 1, begun)
    take(storage, log, 11, oldest=11)
    assert storage.skipped("S1", "L1") == [Skipped("L1", begun + 1, 10)]
    assert storage.first_missing("S1", "L1") == log.head + 1
    assert stock(storage)[COLA] == 40
    assert not table(storage, "opening_off")
    made_again(storage)
    export = [one.body + b"\n" for one in log.events[10:]]
    assert compare_export(storage, "S1", export).equal
    assert compare_export(storage, "S1", [one.body + b"\n" for one in log.events]).equal


def test_an_event_that_is_missing_beside_what_is_gone_is_damage(storage: Storage) -> None:
    log = pruned()
    take(storage, log, 1, 4)
    take(storage, log, 11, oldest=11)
    storage.database.write("UPDATE skipped SET seq_from = 6")
    assert storage.first_missing("S1", "L1") == 5
    with pytest.raises(Damaged, match="event 5: is missing; 10 of 11 events are there"):
        own.check(storage, "S1")
    storage.database.write("UPDATE skipped SET (seq_from, seq_to) = (5, 11)")
    with pytest.raises(Damaged):
        own.check(storage, "S1")


def test_another_worker_that_has_gone_on_keeps_its_word(storage: Storage) -> None:
    log = pruned()
    take(storage, log, 1, 4)
    late = batch(storage, log, 11, oldest=11)
    take(storage, log, 5, 6)
    with pytest.raises(LeaseLost):
        storage.save([late], 8)
    assert storage.skipped("S1", "L1") == []
    assert len(table(storage, "event", "seq")) == 6


def test_the_end_of_a_log_that_was_left_may_be_gone(storage: Storage) -> None:
    old = Log().open().receive_many(9)
    new = Log("L2").open(BEGIN, old.end()).receive_many(3)
    take(storage, old, 1, 4)
    held = storage.position("S1")
    assert held is not None
    engine = Ingest("S1", position=held[0], key=held[1], hash_at=storage.hash_at("S1"), knows=storage.knows("S1"))
    engine.heard("L2", new.head)
    engine.receive(new.message(1))
    for _ in range(REFUSALS_MIN):
        engine.nothing_there("L1")
    found = Batch("S1", held[0])
    found.add(engine.receive(new.message(1, new.head)), engine.position, engine.key)
    storage.save([found], 9)
    assert storage.skipped("S1", "L1") == [Skipped("L1", 5, 10)]
    assert table(storage, "skipped", "store, log, seq_from, seq_to, at_us") == [("S1", "L1", 5, 10, 9)]
    made_again(storage)
    assert [one.code for one in batch(storage, old, 5).refusals] == ["fork"] * 6


# -- openings in the middle of a log ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 50])
def test_an_opening_that_says_the_same_changes_nothing(storage: Storage, size: int) -> None:
    rows = [
        ["COLA", "backroom", None, "sellable", 300],
        *MANY,
    ]
    log = Log().open(rows)
    log.receive("COLA", 5)
    log.receive("COLA", 5, to="customer", **{"from": "backroom"})
    log.write("journal", {"kind": "reservation_made", "reservation": "R1", "sku": "COLA", "quantity": 2})
    before = log.head
    record = {"sku": "COLA", "quantity": 2, "made": 2, "picked": 0, "seq": before}
    log.open(rows, more={"books": [["reservation", "R1", record]]}).receive_many(2)
    take(storage, log, 1, before)
    unmoved = {name: table(storage, name) for name in ("stock", "sku_changed", "reservation", "tag")}
    for at in range(before + 1, log.head - 1, size):
        take(storage, log, at, min(log.head - 2, at + size - 1))
    assert {name: table(storage, name) for name in unmoved} == unmoved
    assert not table(storage, "opening_off")
    assert table(storage, "opening", "seq, parts") == [(1, 2), (before + 1, 2)]
    take(storage, log, log.head - 1)
    made_again(storage)


@pytest.mark.parametrize("size", [1, 2, 50])
def test_an_opening_that_says_otherwise_counts_and_is_told(storage: Storage, size: int) -> None:
    log = Log().open(BEGIN)
    log.receive("COLA", 5)
    log.write("journal", {"kind": "reservation_made", "reservation": "R1", "sku": "RICE", "quantity": 2})
    log.open(
        [
            ["COLA", "backroom", None, "sellable", 44],
            *MANY,
        ]
    )
    log.receive("COLA", 1)
    for at in range(1, log.head + 1, size):
        take(storage, log, at, min(log.head, at + size - 1))
    held = stock(storage)
    assert (held[COLA], held.get(RICE), len(held)) == (45, None, 300)
    assert not table(storage, "reservation")
    [(name, seq, skus, told)] = table(storage, "opening_off", "log, seq, skus, body")
    assert (name, seq, skus) == ("L1", 5, 301)
    assert orjson.loads(told)[:3] == [["COLA", "stock", 44, 45], ["RICE", "stock", 0, 2], ["SKU-0", "stock", 1, 0]]
    assert len(orjson.loads(told)) == 20
    made_again(storage)


def test_half_an_opening_is_not_counted_yet(storage: Storage) -> None:
    log = Log().open(BEGIN)
    log.open([[f"SKU-{n}", "floor", None, "sellable", 1] for n in range(300)])
    take(storage, log, 1, 2)
    assert stock(storage) == {COLA: 40, RICE: 2}
    made_again(storage)


def test_half_an_opening_behind_what_is_gone_is_all_that_is_known(storage: Storage) -> None:
    log = Log().open(BEGIN).receive_many(5)
    log.open([["COLA", "backroom", None, "sellable", 44], *MANY]).receive_many(2)
    take(storage, log, 1, 3)
    take(storage, log, 7, 7, oldest=7)
    held = stock(storage)
    assert len(held) == 250
    assert RICE not in held
    made_again(storage)
    take(storage, log, 8, oldest=7)
    assert stock(storage)[COLA] == 44
    made_again(storage)


# -- keys -------------------------------------------------------------------------------------------------------------


def rotated() -> Log:
    """The key is given out at event 5 and at event 9."""
    log = Log().open().receive_many(2)
    log.checkpoint()
    log.rotate()
    log.receive_many(2).checkpoint()
    log.rotate(KEY)
    log.receive_many(2).checkpoint()
    return log


def test_each_key_holds_where_it_signs(storage: Storage) -> None:
    log = rotated()
    for first in range(1, log.head + 1, 3):
        take(storage, log, first, min(log.head, first + 2))
    assert table(storage, "key_change", "seq, key, next") == [(5, PUBLIC, OTHER), (9, OTHER, PUBLIC)]
    assert [keeping.key_at(storage.database, "S1", "L1", seq, PUBLIC) for seq in (4, 5, 8, 9)] == [
        PUBLIC, OTHER, OTHER, PUBLIC,
    ]  # fmt: skip
    own.check(storage, "S1", deep=True)
    assert keys.of_logs(storage.database, "S1", PUBLIC) == {PUBLIC, OTHER}
    assert {(one.key, one.followed, one.next) for one in keys.known(storage.database)} == {
        (PUBLIC, True, True), (OTHER, False, False),
    }  # fmt: skip
    for end in (3, 7, log.head - 1):
        assert compare_export(storage, "S1", [one.body + b"\n" for one in log.events[:end]]).equal


def test_a_key_that_was_enrolled_and_given_out_signs_no_further_log(storage: Storage) -> None:
    keys.enrol(storage.database, "S1", PUBLIC, 5)
    log = Log().open()
    take(storage, log)
    assert keys.newest(storage.database, "S1") == PUBLIC
    log.rotate()
    take(storage, log, 2)
    assert keys.newest(storage.database, "S1") is None
    take(storage, Log("L2", key=OTHER_KEY).open(BEGIN, log.end()))


def test_mending_goes_back_to_the_key_of_its_place(storage: Storage, tmp_path: Path) -> None:
    log = rotated()
    log.open(BEGIN).receive_many(3)
    take(storage, log)
    whole = projections(storage)
    notes = {name: table(storage, name) for name in ("opening", "key_change")}
    mending.want(storage.database, "S1", "L1", 6, 1)
    assert mending.mend(storage, mending.waiting(storage.database)[0], lambda: 8).error is None
    held = storage.position("S1")
    assert held is not None
    assert (held[0].seq, held[1]) == (5, OTHER)
    assert table(storage, "key_change", "seq") == [(5,)]
    take(storage, log, 6)
    assert {name: table(storage, name) for name in notes} == notes
    assert different(projections(storage), whole) == {}
    mending.tidy(storage.database, "S1")
    mending.want(storage.database, "S1", "L1", 4, 9)
    mending.mend(storage, mending.waiting(storage.database)[0], lambda: 8)
    held = storage.position("S1")
    assert held is not None
    assert held[1] == PUBLIC


def test_mending_before_what_is_gone_asks_for_it_again(storage: Storage) -> None:
    log = pruned()
    take(storage, log, 1, 4)
    take(storage, log, 11, oldest=11)
    mending.want(storage.database, "S1", "L1", 3, 1)
    assert mending.mend(storage, mending.waiting(storage.database)[0], lambda: 8).error is None
    assert storage.skipped("S1", "L1") == []
    take(storage, log, 11, oldest=11)
    assert storage.skipped("S1", "L1") == [Skipped("L1", 3, 10)]
    made_again(storage)
