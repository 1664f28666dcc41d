"""A ledger of an older release is put aside before it is brought forward, and the older release can have it back."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.announce import Announcer
from agent.cli import app
from agent.clock import SystemClock
from agent.config import load
from agent.errors import LedgerUnusable
from agent.keeping import open_whole
from agent.ledger import before, files, schema
from agent.ledger.before import keep_before
from agent.ledger.log import Ledger
from agent.ledger.reader import Reader, verify
from tests.agent.doctor.shop import Shop
from tests.agent.ledger.test_ledger import SEOUL, append, movement, open_ledger
from tests.kept.test_kept import Kept

OLDER = 4


def older(folder: Path) -> int:
    """The ledger that a release with schema `OLDER` wrote, put into `folder`: its head."""
    kept = Kept(f"ledger-{OLDER}", folder / "made")
    for path in kept.folder.iterdir():
        shutil.copy(path, folder)
    return len(kept.bodies())


def told(path: Path) -> tuple[int, list[bytes]]:
    with closing(sqlite3.connect(path)) as held:
        bodies = [row[0] for row in held.execute("SELECT body FROM event ORDER BY seq")]
        return schema.version(held), bodies


def test_it_is_the_ledger_of_before_and_one_file(tmp_path: Path) -> None:
    older(tmp_path)
    was = told(tmp_path / files.DATABASE)
    kept = keep_before(tmp_path)
    assert kept is not None
    assert kept.name == f"before-schema-{schema.VERSION}.db"
    assert told(kept) == was
    assert was[0] == OLDER
    assert told(tmp_path / files.DATABASE) == was
    assert not [one.name for one in tmp_path.iterdir() if one.name.startswith((before.PART, f"{kept.name}-"))]


def test_what_a_killed_agent_left_in_the_write_ahead_log_is_in_it(tmp_path: Path) -> None:
    head = older(tmp_path)
    with closing(sqlite3.connect(tmp_path / files.DATABASE, isolation_level=None)) as killed:
        killed.execute("PRAGMA wal_autocheckpoint = 0")
        killed.execute("INSERT INTO event VALUES (?, 'journal', x'7b7d')", (head + 1,))
        left = {name: (tmp_path / name).read_bytes() for name in (files.DATABASE, f"{files.DATABASE}-wal")}
    (tmp_path / "other").mkdir()
    for name, content in left.items():
        (tmp_path / "other" / name).write_bytes(content)
    kept = keep_before(tmp_path / "other")
    assert kept is not None
    assert told(kept)[1][-1] == b"{}"


def test_there_is_none_where_nothing_changes(tmp_path: Path) -> None:
    assert keep_before(tmp_path) is None
    open_ledger(tmp_path).close()
    assert keep_before(tmp_path) is None
    assert not list(tmp_path.glob("before*"))


def test_one_is_kept(tmp_path: Path) -> None:
    older(tmp_path)
    (tmp_path / "before-schema-2.db").touch()
    (tmp_path / "before.part-journal").touch()
    kept = keep_before(tmp_path)
    assert [one for one in tmp_path.iterdir() if one.name.startswith("before")] == [kept]


def test_without_room_nothing_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older(tmp_path)
    monkeypatch.setattr(before, "ROOM_BYTES_MIN", 1 << 60)
    with pytest.raises(LedgerUnusable, match="free room"):
        keep_before(tmp_path)
    assert not list(tmp_path.glob("before*"))


# -- with the agent ----------------------------------------------------------------------------------------------------


def opened(shop: Shop, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The head after the agent has opened its ledger, and what it said."""
    clock, config = SystemClock(), load(shop.config)

    def build() -> Ledger:
        return Ledger(shop.state, store=config.store.id, clock=clock, stamper=SEOUL)

    with closing(open_whole(config, clock, Announcer(clock, SEOUL).say, build)) as ledger:
        return ledger.head, capsys.readouterr().err


def test_the_agent_puts_it_aside_and_opens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = Shop(tmp_path)
    head = older(shop.state)
    found, said = opened(shop, capsys)
    assert found == head
    assert f"before-schema-{schema.VERSION}.db" in said
    assert opened(shop, capsys) == (head, "")


def test_the_agent_opens_without_room_for_it_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path)
    head = older(shop.state)
    monkeypatch.setattr(before, "ROOM_BYTES_MIN", 1 << 60)
    found, said = opened(shop, capsys)
    assert found == head
    assert "no copy of the ledger" in said


def test_the_older_release_goes_on_with_the_copy_and_everything_since(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """This release is the older one here: the newer one has a step more. Nothing is lost, the log is the same."""
    shop = Shop(tmp_path)
    with closing(open_ledger(shop.state)) as ledger:
        append(ledger, movement(5), movement(7))
        log = ledger.log
    with monkeypatch.context() as newer:
        newer.setattr(before, "VERSION", schema.VERSION + 1)
        kept = keep_before(shop.state)
        assert kept is not None
    with closing(open_ledger(shop.state)) as ledger:
        append(ledger, movement(30), movement(1, source="backroom", target="floor"))
    with closing(sqlite3.connect(shop.state / files.DATABASE)) as migrated:
        migrated.execute("CREATE TABLE newer (id INTEGER PRIMARY KEY)")
        migrated.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    with pytest.raises(LedgerUnusable, match="this release knows"):
        opened(shop, capsys)
    done = CliRunner().invoke(app, ["restore", "-c", str(shop.config), "--snapshot", str(kept)])
    assert done.exit_code == 0, done.output
    assert "nothing is lost" in done.output
    assert opened(shop, capsys)[0] == 5
    with closing(Reader(shop.state)) as reader:
        assert verify(reader)["log"] == log
        assert sum(row.quantity for row in reader.stock()) == 42
