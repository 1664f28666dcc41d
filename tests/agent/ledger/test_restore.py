"""A damaged ledger is whole again: from a snapshot and what can be read, or nothing is changed and a person decides."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from agent.errors import LedgerCorrupt, LedgerUnusable
from agent.ledger import files, lineage, marks, rebuild, snapshots
from agent.ledger.checking import check_whole
from agent.ledger.reader import Reader, verify
from agent.ledger.restore import Place, finish, restore
from contract.stock import StockRow
from tests.agent.clocks import FakeClock
from tests.agent.ledger.test_ledger import SEOUL, append, movement, open_ledger
from tests.agent.ledger.test_snapshots import spoil

STAMP = "20260907T123000"
PAGE_BYTES = 4096
POSITION = "INSERT OR REPLACE INTO position VALUES ('headoffice', ?)"


def page_of(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as raw:
        return int(raw.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0])


class Store:
    """300 events, a snapshot at event 100, the newest position at 290."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.into = folder / "state", folder / "snapshots"
        self.folder.mkdir()
        with closing(open_ledger(self.folder)) as ledger:
            append(ledger, *(movement() for _ in range(99)))
            ledger.call(lambda tx: tx.execute(POSITION, (50,)))
            snapshots.take(self.folder, self.into, keep=3)
            append(ledger, *(movement() for _ in range(200)))
            ledger.call(lambda tx: tx.execute(POSITION, (290,)))
        self.bodies = self.events()
        self.path = self.folder / files.DATABASE

    def events(self) -> list[bytes]:
        with closing(Reader(self.folder)) as reader:
            return [body for _seq, _type, body in reader.all_events()]

    def log(self) -> str:
        with closing(Reader(self.folder)) as reader:
            return reader.log

    def stock(self) -> list[StockRow]:
        with closing(Reader(self.folder)) as reader:
            return reader.stock()

    def position(self) -> int:
        with closing(Reader(self.folder)) as reader:
            return reader.positions()["headoffice"]

    def names(self) -> set[str]:
        return {one.name for one in self.folder.iterdir()} - {f"{files.DATABASE}-wal", f"{files.DATABASE}-shm"}

    def place(self, store: str = "S1", into: Path | None = None, say: Callable[[str], None] = print) -> Place:
        """The clock's chance names the new log."""
        return Place(self.folder, into or self.into, store, STAMP, FakeClock(seed=9), SEOUL, say)

    def spoil_page(self, number: int) -> None:
        with self.path.open("r+b") as file:
            file.seek((number - 1) * PAGE_BYTES)
            file.write(b"\xff" * PAGE_BYTES)


def stock_at(store: Store, seq: int) -> list[StockRow]:
    return [StockRow(*row) for row in rebuild.fold(store.bodies[:seq])["stock"]]


def verified(store: Store) -> int:
    with closing(Reader(store.folder)) as reader:
        return int(verify(reader)["head"])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_damage_beside_the_log_loses_nothing(store: Store) -> None:
    store.spoil_page(page_of(store.path, "stock"))
    with pytest.raises(LedgerCorrupt):
        check_whole(store.folder)
    marks.put(store.folder, marks.BEHIND, {"what": "head office has more", "log": store.log(), "seq": 400})
    found = restore(store.place())
    assert marks.told(store.folder, marks.BEHIND), "what is missing here is missing still"
    assert (found.saved, found.head, found.log) == (200, 300, None)
    assert found.snapshot == snapshots.snapshots(store.into)[0]
    assert store.events() == store.bodies
    assert store.position() == 290
    check_whole(store.folder)
    assert found.aside == store.folder / f"damaged-{STAMP}"
    assert (found.aside / files.DATABASE).exists()
    with closing(open_ledger(store.folder)) as ledger:
        append(ledger, movement())
        assert ledger.head == 301


def test_a_log_that_is_whole_needs_no_snapshot(store: Store) -> None:
    shutil.rmtree(store.into)
    store.spoil_page(page_of(store.path, "stock"))
    found = restore(store.place())
    assert (found.snapshot, found.saved, found.log) == (None, 300, None)
    assert store.events() == store.bodies
    check_whole(store.folder)


def rotten_event(store: Store) -> None:
    spoil(
        store.path, "UPDATE event SET body = CAST(replace(CAST(body AS TEXT), 'COLA', 'BEER') AS BLOB) WHERE seq = 296"
    )


def rotten_page(store: Store) -> None:
    with closing(sqlite3.connect(store.path)) as raw:
        statement = "SELECT pageno FROM dbstat WHERE name = 'event' AND pagetype = 'leaf' ORDER BY path DESC LIMIT 1"
        try:
            number = int(raw.execute(statement).fetchone()[0])
        except sqlite3.OperationalError:
            pytest.skip("this SQLite has no dbstat")
    store.spoil_page(number)


@pytest.mark.parametrize("damage", [rotten_event, rotten_page])
def test_an_end_that_cannot_be_read_is_for_a_person_to_decide(store: Store, damage: Callable[[Store], None]) -> None:
    damage(store)
    before, names = store.path.read_bytes(), store.names()
    with pytest.raises(LedgerCorrupt, match="whether more were written is not known") as caught:
        restore(store.place())
    assert "--accept-loss" in caught.value.hint
    assert (store.path.read_bytes(), store.names()) == (before, names)
    old, stock = store.log(), store.stock()
    found = restore(store.place(), accept_loss=True)
    assert 290 <= found.head < 300
    assert found.log == store.log() != old
    check_whole(store.folder)
    assert stock_at(store, found.head) == store.stock() != stock
    parent = lineage.parent_of(store.folder, old)
    with closing(Reader(store.folder, parent.name)) as reader:
        assert [body for _seq, _type, body in reader.all_events()] == store.bodies[: found.head]
    with closing(Reader(store.folder)) as reader:
        assert reader.first() == found.head + 1
        opening = lineage.opening_of(reader)
        assert opening.parent is not None
        assert (opening.parent.log, opening.parent.seq) == (old, found.head)
        assert lineage.ancestors(store.folder, reader) == [(old, found.head, parent)]
        assert reader.positions() == {}
    with closing(open_ledger(store.folder)) as ledger:
        append(ledger, movement())
        assert ledger.head == found.head + 2
    assert verified(store) == found.head + 2


def test_nothing_goes_on_below_what_head_office_has(store: Store) -> None:
    spoil(store.path, "UPDATE event SET body = x'7b7d' WHERE seq = 280")
    names = store.names()
    with pytest.raises(LedgerCorrupt, match="headoffice has 290") as caught:
        restore(store.place(), accept_loss=True)
    assert caught.value.hint
    assert store.names() == names


def test_a_file_that_is_no_database_leaves_the_snapshot(store: Store) -> None:
    store.path.write_bytes(b"this is not a database" * 1000)
    with pytest.raises(LedgerCorrupt, match="100 events"):
        restore(store.place())
    found = restore(store.place(), accept_loss=True)
    assert (found.saved, found.head) == (0, 100)
    assert found.log == store.log()
    assert store.stock() == stock_at(store, 100)


def test_a_snapshot_that_rotted_is_passed_over(store: Store) -> None:
    newest = snapshots.snapshots(store.into)[0]
    older = newest.with_name(newest.name.replace("100.db", "090.db"))
    shutil.copy(newest, older)
    spoil(newest, "UPDATE event SET body = x'7b7d' WHERE seq = 7")
    store.spoil_page(page_of(store.path, "stock"))
    said: list[str] = []
    found = restore(store.place(say=said.append))
    assert found.snapshot == older
    assert newest.name in said[0]
    assert store.events() == store.bodies


def test_without_events_or_for_another_store_nothing_is_changed(store: Store) -> None:
    with pytest.raises(LedgerUnusable, match="store S1"):
        restore(store.place(store="S2"))
    store.path.write_bytes(b"no" * 9000)
    names = store.names()
    with pytest.raises(LedgerCorrupt, match="no event can be read"):
        restore(store.place(into=store.folder / "nothing"), accept_loss=True)
    assert store.names() == names


@pytest.mark.parametrize("moved", [(), ("-wal",), ("-wal", "-shm", "")])
def test_an_interrupted_restore_is_ended_by_the_next_start(store: Store, moved: tuple[str, ...]) -> None:
    whole = snapshots.snapshots(store.into)[0].read_bytes()
    (store.folder / f"restored-{STAMP}.db").write_bytes(whole)
    aside = store.folder / f"damaged-{STAMP}"
    for name in ("-wal", "-shm", ""):
        (store.folder / f"{files.DATABASE}{name}").write_bytes(f"old{name}".encode())
    for name in moved:
        aside.mkdir(exist_ok=True)
        (store.folder / f"{files.DATABASE}{name}").rename(aside / f"{files.DATABASE}{name}")
    assert finish(store.folder) == aside
    assert store.path.read_bytes() == whole
    assert sorted(one.read_bytes() for one in aside.iterdir()) == [b"old", b"old-shm", b"old-wal"]
    assert finish(store.folder) is None


def test_what_a_killed_restore_left_is_not_taken_for_the_ledger(store: Store) -> None:
    rotten_event(store)
    for name in ("restored.part", "restored.part-journal", "begun.part", "parent-L0.ready"):
        (store.folder / name).write_bytes(snapshots.snapshots(store.into)[0].read_bytes() if "L0" in name else b"half")
    found = restore(store.place(), accept_loss=True)
    assert found.log is not None
    assert verified(store) > found.head
    assert not [one for one in store.folder.iterdir() if one.suffix in {".part", ".ready"}]
    assert len(list(store.folder.glob("parent-*.db"))) == 1


def test_what_is_no_part_of_the_log_comes_along(store: Store) -> None:
    """Answers that were given, so that a request that comes again has no second effect; and what is expected."""
    rows = [("r1", b"{}"), ("r2", b"{}")]
    with closing(sqlite3.connect(store.path)) as raw, raw:
        raw.executemany("INSERT INTO response VALUES (?, ?)", rows)
        raw.execute("INSERT INTO expected VALUES ('ASN-1', 3, x'7b7d')")
    rotten_event(store)
    restore(store.place(), accept_loss=True)
    with closing(sqlite3.connect(store.path)) as raw:
        assert raw.execute("SELECT * FROM response ORDER BY id").fetchall() == rows
        assert raw.execute("SELECT document, revision FROM expected").fetchall() == [("ASN-1", 3)]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who may give files away")
def test_what_root_restores_is_the_agent_s(store: Store) -> None:
    for one in (store.folder, *store.folder.iterdir()):
        os.chown(one, 65_534, 65_534)
    (store.folder / files.LOCK).unlink()
    rotten_event(store)
    restore(store.place(), accept_loss=True)
    assert {one.stat().st_uid for one in store.folder.iterdir()} == {65_534}


class Cut(Exception):
    pass


@pytest.mark.parametrize("after", range(6))
def test_a_new_log_is_in_place_whole_or_not_at_all(store: Store, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """The renaming fails at every place, as if the power had gone there."""
    rotten_event(store)
    log, names, done = store.log(), store.names(), 0
    rename = Path.replace

    def renamed(path: Path, target: Path) -> Path:
        nonlocal done
        if done == after:
            raise Cut
        done += 1
        return rename(path, target)

    with monkeypatch.context() as cut:
        cut.setattr(Path, "replace", renamed)
        with pytest.raises(Cut):
            restore(store.place(), accept_loss=True)
    begun = finish(store.folder) is not None
    assert begun == (after > 2)
    assert (store.log() != log) == begun
    parent = lineage.parent_of(store.folder, log)
    assert parent.exists() == begun
    if begun:
        assert verified(store) > 290
        with closing(Reader(store.folder, parent.name)) as reader:
            assert verify(reader)["head"] == store_first(store) - 1
    else:
        assert store.names() - {"restored.part"} == names


def store_first(store: Store) -> int:
    with closing(Reader(store.folder)) as reader:
        return reader.first()
