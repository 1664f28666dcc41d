"""Is head office's stock the store's? Against a store that answers from a dict, and against exports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from contract.messages import DigestResult
from contract.stock import StockRow, event_deltas, opening_rows, stock_digest, wire_row
from headoffice.errors import Damaged, NotComparable
from headoffice.ingest import Ingest
from headoffice.storages import open_storage
from headoffice.storing import Batch, Storage
from headoffice.verify import DIFFERENCES_MAX, ROWS_LISTED, Difference, Moved, compare_export, compare_live
from tests.headoffice.logs import Log, parsed

Rows = dict[tuple[str, str, str, str], int]


class FakeStore:
    """Answers digests as a store does, from rows that a test may change."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.head, self.hash = log.head, log.hash
        self.rows: Rows = stock_of(log)
        self.asked: list[tuple[str | None, str | None, int]] = []

    def ask(self, sku_from: str | None, sku_to: str | None, rows_max: int) -> DigestResult:
        self.asked.append((sku_from, sku_to, rows_max))
        rows = sorted(
            StockRow(*key, quantity)
            for key, quantity in self.rows.items()
            if quantity and (sku_from is None or key[0] >= sku_from) and (sku_to is None or key[0] <= sku_to)
        )
        listed = {"list": [wire_row(row) for row in rows]} if len(rows) <= rows_max else {}
        found: dict[str, Any] = {"log": self.log.name, "as_of": self.head, "head_hash": self.hash, **listed}
        return DigestResult.model_validate({**found, **stock_digest(rows)})


def stock_of(log: Log, end: int | None = None) -> Rows:
    found: Rows = {}
    for event in parsed(log.events[:end]):
        if event["data"].get("part") == 1:
            found.clear()
        for row in opening_rows(event) or ():
            found[row[:4]] = row.quantity
        for key, delta in event_deltas(event):
            found[tuple(key)] = found.get(tuple(key), 0) + delta
    return found


def big(count: int = 700) -> Log:
    log = Log().open([[f"SKU-{n:04}", "backroom", None, "sellable", n + 1] for n in range(count)])
    return log.receive_many(5)


@pytest.fixture
def office(target: str) -> Iterator[Storage]:
    store = open_storage(target)
    yield store
    store.close()


def take_in(office: Storage, log: Log) -> FakeStore:
    engine, batch = Ingest(log.store), Batch(log.store)
    for kind, payload in log.batches(size=20):
        batch.add(engine.receive(payload, kind), engine.position, engine.key)
    office.save([batch], 0)
    return FakeStore(log)


# -- with the running store -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 700])
def test_equal_stock_is_equal_by_one_question(office: Storage, count: int) -> None:
    log = big(count)
    store = take_in(office, log)
    verdict = compare_live(office, "S1", store.ask)
    assert (verdict.equal, verdict.reason, verdict.differences) == (True, None, [])
    assert (verdict.log, verdict.as_of) == ("L1", log.head)
    assert verdict.quantity == sum(store.rows.values())
    assert store.asked == [(None, None, 0)]


def test_a_store_that_goes_on_is_compared_again(office: Storage) -> None:
    log = big(5)
    store = take_in(office, log)
    log.receive()
    with pytest.raises(Moved):
        compare_live(office, "S1", FakeStore(log).ask)
    with pytest.raises(Moved):
        compare_live(office, "S2", store.ask)
    store.rows["NEW", "floor", "", "sellable"] = 1
    asked = 0

    def moving(*question: Any) -> DigestResult:
        nonlocal asked
        asked += 1
        store.head += asked > 1
        return store.ask(*question)

    with pytest.raises(Moved):
        compare_live(office, "S1", moving)


def test_another_event_at_the_same_place_is_told(office: Storage) -> None:
    store = take_in(office, big(5))
    store.hash = "f" * 64
    verdict = compare_live(office, "S1", store.ask)
    assert not verdict.equal
    assert "another hash" in str(verdict.reason)


@pytest.mark.parametrize("sku", ["SKU-0000", "SKU-0349", "SKU-0350", "SKU-0699"])
@pytest.mark.parametrize("how", ["changed", "only here", "only there"])
def test_one_row_among_many_is_found(office: Storage, sku: str, how: str) -> None:
    store = take_in(office, big())
    key = (sku, "backroom", "", "sellable")
    held = store.rows[key]
    if how == "only there":
        key = (sku + "-X", "floor", "A1", "damaged")
    store.rows[key] = {"changed": held + 1, "only here": 0, "only there": 3}[how]
    verdict = compare_live(office, "S1", store.ask)
    assert (verdict.equal, verdict.reason) == (False, "stock differs")
    ours = 0 if how == "only there" else held
    assert verdict.differences == [Difference(key[0], key[1], key[2] or None, key[3], store.rows[key], ours)]
    assert len(store.asked) < 12


@pytest.mark.parametrize("letter", ["-", ".", "0", "Z", "a", "~"])
def test_rows_that_only_the_store_has_lie_between_no_two_questions(office: Storage, letter: str) -> None:
    """Every SKU that head office has gets a neighbour that it has not."""
    store = take_in(office, big())
    mine = [key[0] for key in list(store.rows)][::9]
    for sku in mine:
        store.rows[sku + letter, "floor", "", "sellable"] = 1
    verdict = compare_live(office, "S1", store.ask)
    assert [one.sku for one in verdict.differences] == sorted(sku + letter for sku in mine)
    assert {(one.store, one.head_office) for one in verdict.differences} == {(1, 0)}


def test_rows_below_the_first_and_above_the_last_are_found(office: Storage) -> None:
    store = take_in(office, big())
    for sku in ("A", "ZZZ", "z"):
        store.rows[sku, "floor", "", "sellable"] = 1
    assert [one.sku for one in compare_live(office, "S1", store.ask).differences] == ["A", "ZZZ", "z"]


def test_a_store_of_which_head_office_has_nothing_is_told_in_one_line(office: Storage) -> None:
    store = take_in(office, big(0))
    for number in range(ROWS_LISTED + 1):
        store.rows[f"NEW-{number}", "floor", "", "sellable"] = 1
    verdict = compare_live(office, "S1", store.ask)
    assert verdict.reason == f"stock differs: the store has {ROWS_LISTED + 2} rows where head office has 1"
    assert not verdict.equal


def test_only_so_many_differences_are_listed(office: Storage) -> None:
    store = take_in(office, big())
    for key in store.rows:
        store.rows[key] += 1
    verdict = compare_live(office, "S1", store.ask)
    assert len(verdict.differences) == DIFFERENCES_MAX


# -- with an export ---------------------------------------------------------------------------------------------------


def export(log: Log, first: int = 1) -> list[bytes]:
    return [one.body + b"\n" for one in log.events[first - 1 :]]


def test_an_export_of_the_same_log_is_equal(office: Storage) -> None:
    log = big()
    take_in(office, log)
    verdict = compare_export(office, "S1", export(log))
    assert (verdict.equal, verdict.reason, verdict.as_of) == (True, None, log.head)
    assert verdict.rows == len(office.stock("S1"))
    assert compare_export(office, None, export(log)).equal


def test_a_movement_without_meaning_counts_on_neither_side(office: Storage) -> None:
    log = Log().open()
    log.write("movement", {"kind": "received", "lines": [{"sku": "COLA"}]})
    engine, batch = Ingest("S1"), Batch("S1")
    batch.add(engine.receive(log.message(1, 2)), engine.position, engine.key)
    office.save([batch], 0)
    assert compare_export(office, "S1", export(log)).equal


def test_an_export_of_a_later_log_counts_from_its_own_opening(office: Storage) -> None:
    parent = big(3)
    child = Log("L2").open([["A", "backroom", "B7", "damaged", 4]], parent.end()).receive_many(3)
    take_in(office, child)
    assert compare_export(office, "S1", export(child)).equal


def test_an_export_with_a_second_opening_counts_from_there(office: Storage) -> None:
    log = big(3).open([[f"NEW-{n}", "floor", None, "sellable", 1] for n in range(260)]).receive_many(2)
    take_in(office, log)
    verdict = compare_export(office, "S1", export(log))
    assert verdict.equal
    assert verdict.rows == 262


@pytest.mark.parametrize("change", ["changed", "missing", "swapped", "cut", "blank", "text", "unsigned"])
def test_a_damaged_export_is_not_compared(office: Storage, change: str) -> None:
    log = big(5)
    take_in(office, log)
    lines = export(log)
    match change:
        case "changed":
            lines[2] = lines[2].replace(b"SKU-0", b"SKU-9", 1).replace(b"SKU-1", b"SKU-9", 1)
        case "missing":
            del lines[2]
        case "swapped":
            lines[2], lines[3] = lines[3], lines[2]
        case "cut":
            lines[-1] = lines[-1][:100]
        case "blank":
            lines.insert(2, b"\n")
        case "text":
            lines.insert(0, "﻿재고\n".encode())
        case _:
            bad = Log()
            bad.write("journal", {**parsed(log.events[:1])[0]["data"], "signature": "00" * 64})
            lines = export(bad)
    with pytest.raises(NotComparable, match="damaged") as caught:
        compare_export(office, "S1", lines)
    assert "export" in caught.value.hint


def test_an_export_that_does_not_begin_at_the_beginning_is_not_compared(office: Storage) -> None:
    log = big(5)
    take_in(office, log)
    with pytest.raises(NotComparable, match="begins with event 2"):
        compare_export(office, "S1", export(log, 2))
    with pytest.raises(NotComparable, match="empty"):
        compare_export(office, "S1", [])


def test_an_export_of_another_store_is_not_compared(office: Storage) -> None:
    take_in(office, big(5))
    with pytest.raises(NotComparable, match="store S2, not S1"):
        compare_export(office, "S1", export(Log(store="S2").open()))
    with pytest.raises(NotComparable, match="without an event of this store"):
        compare_export(office, None, export(Log(store="S2").open()))


def test_an_export_that_goes_further_is_not_compared_and_says_what_to_do(office: Storage) -> None:
    log = big(5)
    take_in(office, log)
    log.receive("NEW", 2)
    with pytest.raises(NotComparable, match="at event 6 of log L1, the export ends at event 7") as caught:
        compare_export(office, "S1", export(log))
    assert "jaego-hq run" in caught.value.hint
    child = Log("L2").open((), log.end())
    with pytest.raises(NotComparable, match="the export ends at event 1 of log L2"):
        compare_export(office, "S1", export(child))


@pytest.mark.parametrize("end", [1, 3, 4, 7])
def test_an_export_of_before_is_compared_as_of_its_end(office: Storage, end: int) -> None:
    """Also where an opening in mid-log replaces all that the export knows."""
    log = big(3)
    log.open([["OTHER", "floor", None, "sellable", 8]]).receive_many(3)
    take_in(office, log)
    lines = export(log)
    verdict = compare_export(office, "S1", lines[:end])
    assert (verdict.equal, verdict.reason, verdict.as_of, verdict.differences) == (True, None, end, [])
    assert verdict.rows == sum(1 for quantity in stock_of(log, end).values() if quantity)


def test_an_export_of_a_log_that_was_left_is_compared_too(office: Storage) -> None:
    parent = big(3)
    engine = Ingest("S1")
    child = Log("L2").open([["A", "backroom", "B7", "damaged", 4]], parent.end()).receive_many(3)
    for log in (parent, child):
        batch = Batch("S1", engine.position)
        for kind, payload in log.batches():
            batch.add(engine.receive(payload, kind), engine.position, engine.key)
        office.save([batch], 0)
    assert compare_export(office, "S1", export(parent)).equal
    assert compare_export(office, "S1", export(parent)[:2]).equal
    assert compare_export(office, "S1", export(child)).equal


@pytest.mark.parametrize("end", [5, 8, 12])
def test_an_export_of_a_fork_is_different_wherever_it_ends(office: Storage, end: int) -> None:
    log = big(5)
    fork = log.fork(4)
    log.receive_many(2)
    take_in(office, log)  # 8 events
    for number in range(8):
        fork.receive("FORK", number + 1)
    verdict = compare_export(office, "S1", export(fork)[:end])
    assert not verdict.equal
    assert verdict.reason == "the export and head office are not of one log from event 5 on"
    assert bool(verdict.differences) == (end <= 8)


def test_stock_that_is_not_what_the_own_events_say_is_damage(office: Storage) -> None:
    log = big(5)
    take_in(office, log)
    office.database.write("UPDATE stock SET quantity = quantity + 1 WHERE sku = 'SKU-0003'")
    with pytest.raises(Damaged, match="stock of SKU-0003 backroom - sellable is 5, but the events say 4"):
        compare_export(office, "S1", export(log)[:-1])


def test_stock_that_is_not_the_exports_is_listed(office: Storage) -> None:
    log = big(5)
    take_in(office, log)
    office.database.write("UPDATE stock SET quantity = quantity + 1 WHERE sku = 'SKU-0003'")
    verdict = compare_export(office, "S1", export(log))
    assert (verdict.equal, verdict.reason) == (False, "stock differs")
    assert [one.sku for one in verdict.differences] == ["SKU-0003"]
