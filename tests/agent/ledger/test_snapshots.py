"""Snapshots: whole, of one moment, beside a writer that does not wait; the last good one is never given away."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from agent.errors import LedgerCorrupt, LedgerUnusable
from agent.ledger import checking, files, snapshots
from agent.ledger.reader import Reader, verify
from tests.agent.ledger.test_ledger import append, movement, open_ledger


def spoil(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("DROP TRIGGER IF EXISTS event_is_never_changed")
        raw.execute(statement)


BEER = "UPDATE event SET body = CAST(replace(CAST(body AS TEXT), 'COLA', 'BEER') AS BLOB) WHERE seq = 2"


def test_a_snapshot_is_the_ledger_of_one_moment(tmp_path: Path) -> None:
    into = tmp_path / "snapshots"
    with closing(open_ledger(tmp_path)) as ledger:
        append(ledger, movement(5))
        found = snapshots.take(tmp_path, into, keep=7)
        append(ledger, movement(2))
    assert (found.store, found.log, found.seq) == ("S1", ledger.log, 2)
    [path] = snapshots.snapshots(into)
    assert path.name == f"ledger-{ledger.log}-000000000002.db"
    assert [one.name for one in into.iterdir()] == [path.name]
    with closing(Reader(into, path.name)) as reader:
        assert verify(reader)["hash"] == found.hash
        assert reader.stock()[0].quantity == 5
    assert path.stat().st_mode == (tmp_path / files.DATABASE).stat().st_mode


def test_the_writer_goes_on_while_a_snapshot_is_taken(tmp_path: Path) -> None:
    """Events are acknowledged between the copy's first and last step; the snapshot holds none of them."""
    with closing(open_ledger(tmp_path)) as ledger:
        append(ledger, *(movement() for _ in range(1000)))
        begun, go_on = threading.Event(), threading.Event()

        def pause() -> None:
            begun.set()
            assert go_on.wait(30)

        held: list[checking.Checked] = []
        taking = threading.Thread(
            target=lambda: held.append(snapshots.take(tmp_path, tmp_path / "s", keep=1, pause=pause))
        )
        taking.start()
        assert begun.wait(30)
        append(ledger, movement())
        go_on.set()
        taking.join(30)
        assert (held[0].seq, ledger.head) == (1001, 1002)


def test_so_many_are_kept_and_an_old_log_goes_first(tmp_path: Path) -> None:
    into = tmp_path / "s"
    with closing(open_ledger(tmp_path)) as ledger:
        for _ in range(4):
            append(ledger, movement())
            snapshots.take(tmp_path, into, keep=2)
        snapshots.take(tmp_path, into, keep=2)  # nothing happened since: the same name
    assert [one.stem[-2:] for one in snapshots.snapshots(into)] == ["05", "04"]


def test_the_newest_stays_whatever_its_name(tmp_path: Path) -> None:
    into = tmp_path / "s"
    into.mkdir()
    (into / "ledger-ffffffff-0000-7000-8000-000000000000-000000000009.db").write_bytes(b"of a clock that went back")
    with closing(open_ledger(tmp_path)) as ledger:
        snapshots.take(tmp_path, into, keep=1)
        assert [one.name[7:43] for one in snapshots.snapshots(into)] == [ledger.log]


def test_damage_makes_no_snapshot_and_takes_none_away(tmp_path: Path) -> None:
    into = tmp_path / "s"
    with closing(open_ledger(tmp_path)) as ledger:
        append(ledger, movement())
        snapshots.take(tmp_path, into, keep=1)
    before = snapshots.snapshots(into)
    spoil(tmp_path / files.DATABASE, BEER)
    with pytest.raises(LedgerCorrupt, match="event 2"):
        snapshots.take(tmp_path, into, keep=1)
    assert list(into.iterdir()) == before
    checking.check_whole(into, name=before[0].name)


def test_what_an_interrupted_one_left_is_forgotten(tmp_path: Path) -> None:
    into = tmp_path / "s"
    into.mkdir()
    for name in (snapshots.PART, snapshots.PART + "-journal"):
        (into / name).write_bytes(b"half")
    open_ledger(tmp_path).close()
    snapshots.take(tmp_path, into, keep=1)
    assert len(list(into.iterdir())) == 1


def test_a_snapshot_never_takes_the_room_that_scans_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_ledger(tmp_path).close()
    monkeypatch.setattr(snapshots, "ROOM_BYTES_MIN", 1 << 60)
    with pytest.raises(LedgerUnusable, match="free room") as caught:
        snapshots.take(tmp_path, tmp_path / "s", keep=1)
    assert "backup.folder" in caught.value.hint
    assert list((tmp_path / "s").iterdir()) == []


def test_a_file_in_the_way_and_no_folder_are_said_with_a_hint(tmp_path: Path) -> None:
    open_ledger(tmp_path).close()
    (tmp_path / "file").write_bytes(b"")
    for into in (tmp_path / "file", tmp_path / "gone" / "s"):
        with pytest.raises(LedgerUnusable, match="no snapshot") as caught:
            snapshots.take(tmp_path, into, keep=1)
        assert caught.value.hint
