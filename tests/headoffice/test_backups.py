"""Copies of head office's database: of one moment, verified, and kept only when whole."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from headoffice import backup_cli, backups, own
from headoffice.backups import back_up
from headoffice.errors import ConfigError, Damaged, DatabaseUnusable
from headoffice.ingest import Ingest
from headoffice.storages import locked, open_storage
from headoffice.storing import Batch
from tests.headoffice.logs import Log

DAY_US = 86_400_000_000


def take_in(path: Path, *logs: Log) -> None:
    with closing(open_storage(str(path))) as store:
        for log in logs:
            engine, batch = Ingest(log.store), Batch(log.store)
            for _kind, payload in log.batches():
                batch.accepted += engine.receive(payload).accepted
            batch.position, batch.key = engine.position, engine.key
            store.save([batch], 0)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    take_in(tmp_path / "hq.db", Log().open([["COLA", "floor", None, "sellable", 12]]).receive_many(40))
    return tmp_path / "hq.db"


def stock(path: Path) -> list[object]:
    with closing(open_storage(str(path), read_only=True)) as held:
        own.check(held, "S1", deep=True)
        return list(held.stock("S1"))


def test_a_copy_has_everything_and_can_be_worked_with(db: Path, tmp_path: Path) -> None:
    found = back_up(str(db), tmp_path / "copies", keep=3, wall_us=DAY_US)
    assert found.file.name == "headoffice-19700102T000000Z.db"
    assert found.stores == 1
    assert stock(found.file) == stock(db)
    take_in(found.file, Log(store="S2").open().receive_many(1))  # put back, it goes on
    assert [one.name for one in found.file.parent.iterdir()] == [found.file.name]


def test_the_worker_writes_on_while_it_is_copied(db: Path, tmp_path: Path) -> None:
    """It holds the file and a transaction that is not committed: what is in it is not in the copy."""
    with locked(str(db)), closing(sqlite3.connect(db, isolation_level=None)) as worker:
        worker.execute("BEGIN IMMEDIATE")
        worker.execute("DELETE FROM stock")
        found = back_up(str(db), tmp_path / "copies", keep=3, wall_us=DAY_US)
        worker.execute("ROLLBACK")
    assert stock(found.file) == stock(db)


def test_the_newest_stay(db: Path, tmp_path: Path) -> None:
    for day in (1, 2, 3, 4):
        back_up(str(db), tmp_path / "copies", keep=2, wall_us=day * DAY_US)
    assert [one.name[11:19] for one in backups.backups(tmp_path / "copies")] == ["19700105", "19700104"]


def test_a_clock_that_went_back_does_not_delete_the_copy_that_was_just_made(db: Path, tmp_path: Path) -> None:
    for day in (9, 8, 1):
        found = back_up(str(db), tmp_path / "copies", keep=2, wall_us=day * DAY_US)
    assert [one.name[11:19] for one in backups.backups(tmp_path / "copies")] == ["19700110", "19700102"]
    assert found.file.exists()


def test_an_event_that_is_missing_is_no_copy(db: Path, tmp_path: Path) -> None:
    before = back_up(str(db), tmp_path / "copies", keep=1, wall_us=DAY_US)
    with closing(sqlite3.connect(db)) as broken:
        for (trigger,) in broken.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            broken.execute(f"DROP TRIGGER {trigger}")
        broken.execute("DELETE FROM event WHERE seq = 7")
        broken.commit()
    with pytest.raises(Damaged, match="event 7"):
        back_up(str(db), tmp_path / "copies", keep=1, wall_us=2 * DAY_US)
    assert list((tmp_path / "copies").iterdir()) == [before.file]


def test_pages_that_are_spoiled_are_no_copy(db: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(db)) as whole:
        whole.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        whole.execute("VACUUM")
    size = db.stat().st_size
    with db.open("r+b") as file:
        for place in range(8192, size, 8192):
            file.seek(place)
            file.write(b"\xff" * 64)
    with pytest.raises((Damaged, DatabaseUnusable)):
        back_up(str(db), tmp_path / "copies", keep=3, wall_us=DAY_US)
    assert list((tmp_path / "copies").iterdir()) == []


def test_what_an_interrupted_copy_left_is_removed(db: Path, tmp_path: Path) -> None:
    (tmp_path / "copies").mkdir()
    for name in ("backup.part", "backup.part-journal"):
        (tmp_path / "copies" / name).write_bytes(b"half")
    found = back_up(str(db), tmp_path / "copies", keep=3, wall_us=DAY_US)
    assert list((tmp_path / "copies").iterdir()) == [found.file]


def test_a_copy_leaves_room_for_the_worker(db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backups, "ROOM_BYTES_MIN", 1 << 60)
    with pytest.raises(DatabaseUnusable, match="free room"):
        back_up(str(db), tmp_path / "copies", keep=3, wall_us=DAY_US)


def test_what_cannot_be_copied_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as postgres:
        back_up("postgresql://hq@db/hq", tmp_path, keep=3, wall_us=DAY_US)
    assert "pg_dump" in postgres.value.hint
    with pytest.raises(DatabaseUnusable, match="there is no database"):
        back_up(str(tmp_path / "none.db"), tmp_path, keep=3, wall_us=DAY_US)
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseUnusable, match="no copy in"):
        back_up(str(tmp_path / "none.db"), tmp_path / "file", keep=3, wall_us=DAY_US)


def test_the_command_names_the_copy(db: Path, tmp_path: Path) -> None:
    app = typer.Typer()
    backup_cli.register(app)
    done = CliRunner().invoke(app, [str(tmp_path / "copies"), "--db", str(db), "--json"])
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert told["stores"] == 1
    assert told["size_bytes"] == Path(told["file"]).stat().st_size
    assert CliRunner().invoke(app, [str(tmp_path), "--db", "postgresql://hq@db/hq"]).exit_code == 78
