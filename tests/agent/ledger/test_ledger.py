"""The log: order, chain, refusal of change, group commit, faults of the disk, rebuild to the same bytes."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import LedgerBusy, LedgerCorrupt, LedgerFull, LedgerUnusable
from agent.ledger import files, rebuild
from agent.ledger.log import Ledger, Limits
from agent.ledger.reader import Reader, verify
from agent.operations.values import Draft
from contract.canonical import CanonicalError
from contract.chain import ChainError
from contract.events import EVENT
from contract.opening import check_opening
from contract.stock import StockRow, line_deltas
from contract.times import Stamper
from tests.agent.clocks import FakeClock
from tests.agent.ledger.stated import same_again

SEOUL = Stamper(ZoneInfo("Asia/Seoul"))


def open_ledger(folder: Path, **parts: Any) -> Ledger:
    ledger = Ledger(folder, store="S1", clock=FakeClock(), stamper=SEOUL, **parts)
    ledger.start()
    return ledger


def movement(quantity: Any = 1, sku: str = "COLA", source: str = "supplier", target: str = "backroom") -> Draft:
    line = {"sku": sku, "quantity": quantity, "from": source, "to": target, "disposition": "sellable"}
    deltas = line_deltas(line) if type(quantity) is int else []
    return Draft(
        "movement", {"kind": "received", "lines": [line]}, {"device": "d"}, 1_757_217_000_000_000, "synced", deltas
    )


def append(ledger: Ledger, *drafts: Draft) -> Any:
    return ledger.call(lambda tx: tx.append(drafts))


def test_a_young_log_begins_with_a_signed_opening(tmp_path: Path) -> None:
    open_ledger(tmp_path).close()
    event = Reader(tmp_path).newest(1)[0]
    assert (event["seq"], event["type"], event["data"]["kind"], event["data"]["parent"]) == (
        1,
        "journal",
        "opening",
        None,
    )
    check_opening(event)
    EVENT.validate_python(event)
    assert (tmp_path / "store.key").stat().st_mode & 0o077 == 0


def test_events_follow_each_other_over_restarts_and_stock_is_their_sum(tmp_path: Path) -> None:
    first = open_ledger(tmp_path)
    append(first, movement(5), movement(2, source="backroom", target="floor"))
    first.close()
    second = open_ledger(tmp_path)
    append(second, movement(3, source="backroom", target="customer"))
    second.close()
    reader = Reader(tmp_path)
    assert verify(reader)["head"] == reader.head() == 4
    assert reader.stock() == [
        StockRow("COLA", "floor", "", "sellable", 2),
    ]
    assert second.log == first.log


def test_the_log_refuses_change_deletion_and_gaps(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    append(ledger, movement())
    ledger.close()
    raw = sqlite3.connect(tmp_path / "ledger.db")
    for statement in (
        "UPDATE event SET body = x'00' WHERE seq = 2",
        "DELETE FROM event WHERE seq = 1",
        "INSERT INTO event VALUES (9, 'movement', x'00')",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            raw.execute(statement)
    raw.execute("INSERT INTO prune_door VALUES (2)")
    raw.execute("DELETE FROM event WHERE seq = 1")
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute("DELETE FROM event WHERE seq = 2")
    raw.close()


def test_what_waits_is_committed_together(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    entered, go, settled = threading.Event(), threading.Event(), []

    def slow(_tx: Any) -> None:
        entered.set()
        go.wait(10)

    ledger.submit(slow, lambda *_: None)
    entered.wait(10)
    for _number in range(100):
        ledger.submit(lambda tx: tx.append([movement()]), lambda result, error: settled.append((result, error)))
    before = ledger.commits
    go.set()
    ledger.call(lambda _tx: None)
    assert ledger.commits - before <= 3
    assert [error for _result, error in settled] == [None] * 100
    ledger.close()


def test_a_refused_job_leaves_its_neighbours_alone(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    append(ledger, movement())
    long = movement()
    long = long._replace(data={**long.data, "document": "x" * 60_000})
    for bad in (movement(1.5), long, movement(sku="\ud800")):
        with pytest.raises(CanonicalError):
            append(ledger, movement(), bad)
    append(ledger, movement())
    ledger.close()
    reader = Reader(tmp_path)
    assert verify(reader)["events"] == 3
    assert reader.stock()[0].quantity == 2


def test_a_full_disk_fails_the_group_and_the_next_one_works(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    append(ledger, movement())
    pages = ledger.call(lambda tx: tx.execute("PRAGMA page_count").fetchone()[0])
    ledger.call(lambda tx: tx.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    with pytest.raises(LedgerFull):
        append(ledger, *(movement() for _ in range(200)))
    ledger.call(lambda tx: tx.execute("PRAGMA max_page_count = 100000").fetchone())
    assert [one.seq for one in append(ledger, movement())] == [3]
    ledger.close()
    assert verify(Reader(tmp_path))["head"] == 3
    assert Reader(tmp_path).stock()[0].quantity == 2


def test_the_queue_has_a_limit(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, limits=Limits(queue_max=2))
    entered, go = threading.Event(), threading.Event()
    ledger.submit(lambda _tx: (entered.set(), go.wait(10)), lambda *_: None)
    entered.wait(10)
    ledger.submit(lambda _tx: None, lambda *_: None)
    ledger.submit(lambda _tx: None, lambda *_: None)
    with pytest.raises(LedgerBusy):
        ledger.submit(lambda _tx: None, lambda *_: None)
    go.set()
    ledger.close()
    with pytest.raises(LedgerCorrupt, match="stopped"):
        ledger.submit(lambda _tx: None, lambda *_: None)


def test_a_bug_in_a_job_ends_the_writer_and_says_so(tmp_path: Path) -> None:
    failed = threading.Event()
    ledger = open_ledger(tmp_path, on_failure=lambda _error: failed.set())
    ledger.submit(lambda _tx: 1 // 0, lambda *_: None)
    assert failed.wait(10)
    with pytest.raises(LedgerCorrupt):
        append(ledger, movement())
    ledger.close()


def test_one_folder_has_one_agent_and_one_store(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    with pytest.raises(LedgerUnusable, match="another agent"):
        open_ledger(tmp_path)
    ledger.close()
    with pytest.raises(LedgerUnusable, match="belongs to store S1"):
        Ledger(tmp_path, store="S2", clock=FakeClock(), stamper=SEOUL)


def test_folders_and_files_that_are_no_ledger_are_named_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnusable) as caught:
        open_ledger(tmp_path / "missing")
    assert caught.value.hint
    with pytest.raises(LedgerUnusable):
        Reader(tmp_path)
    (tmp_path / "ledger.db").write_bytes(b"this is not a database, it only looks busy" * 100)
    with pytest.raises(LedgerCorrupt):
        open_ledger(tmp_path)
    newer = tmp_path / "newer"
    newer.mkdir()
    open_ledger(newer).close()
    raw = sqlite3.connect(newer / "ledger.db")
    raw.execute("PRAGMA user_version = 99")
    raw.close()
    with pytest.raises(LedgerUnusable, match="schema 99"):
        open_ledger(newer)


def test_a_damaged_end_is_noticed_at_start_and_damage_anywhere_by_verify(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    append(ledger, *(movement() for _ in range(200)))
    ledger.close()
    raw = sqlite3.connect(tmp_path / "ledger.db")
    raw.execute("DROP TRIGGER event_is_never_changed")
    raw.execute("UPDATE event SET body = CAST(replace(CAST(body AS TEXT), 'COLA', 'BEER') AS BLOB) WHERE seq = 5")
    raw.commit()
    open_ledger(tmp_path).close()
    with pytest.raises(ChainError, match="event 5"):
        verify(Reader(tmp_path))
    raw.execute("UPDATE event SET body = CAST(replace(CAST(body AS TEXT), 'COLA', 'BEER') AS BLOB) WHERE seq = 199")
    raw.commit()
    raw.close()
    with pytest.raises(LedgerCorrupt, match="event 199"):
        open_ledger(tmp_path)


lines = st.tuples(
    st.sampled_from(["A", "B"]),
    st.integers(1, 5),
    st.sampled_from(["supplier", "backroom", "floor"]),
    st.sampled_from(["backroom", "floor", "customer"]),
)


@given(st.lists(st.lists(lines, min_size=1, max_size=5), max_size=8))
def test_a_rebuild_gives_the_same_bytes(tmp_path_factory: pytest.TempPathFactory, groups: list[list[Any]]) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    ledger = open_ledger(folder)
    for group in groups:
        append(ledger, *(movement(quantity, sku, source, target) for sku, quantity, source, target in group))
    ledger.close()
    reader = Reader(folder)
    before = reader.projections()
    connection = files.open_writer(folder)
    connection.execute("DELETE FROM stock")
    rebuilt = rebuild.rebuild(connection)
    assert rebuilt == before == same_again(reader)
    connection.close()
    reader.close()


def test_a_key_that_was_half_written_at_a_power_cut_is_made_whole(tmp_path: Path) -> None:
    (tmp_path / "store.key.new").write_bytes(b"half")
    sign, public = files.store_key(tmp_path)
    assert files.store_key(tmp_path)[1] == public
    assert len(sign(b"x")) == 64
    assert [path.name for path in tmp_path.iterdir()] == ["store.key"]
    assert (tmp_path / "store.key").stat().st_mode & 0o077 == 0
