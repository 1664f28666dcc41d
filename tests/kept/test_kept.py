"""Databases as old releases left them: today's code opens each, loses nothing, and goes on.

They were written by the code of their time (`make.py`), not made to look like it.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agent.cli import app
from agent.errors import EXIT_LEDGER, LedgerUnusable
from agent.ledger import files, keys, rebuild, schema
from agent.ledger.checking import check_whole
from agent.ledger.checkpoints import Rule
from agent.ledger.log import Ledger
from agent.ledger.reader import Reader, projected, verify
from contract.chain import Sealed
from headoffice.cli import app as office
from headoffice.errors import DatabaseUnusable
from headoffice.store import STEPS, Store
from tests.agent.clocks import FakeClock
from tests.agent.doctor.shop import Shop, level
from tests.agent.ledger.test_ledger import SEOUL, append, movement
from tests.agent.operations.memory import COLA, UNDO
from tests.headoffice.logs import Log
from tests.headoffice.test_service import Desk
from tests.kept.make import COMMITS, KEPT
from tests.kept.write import CODES, STATIONS, scanned

LEDGERS = range(1, schema.VERSION)
OFFICES = [number for number in range(1, len(STEPS)) if number != 3]  # 3 and 4 came together


class Kept:
    """One kept file, unpacked. `told` is what the release that wrote it found in its ledger."""

    def __init__(self, name: str, folder: Path) -> None:
        with tarfile.open(KEPT / f"{name}.tar.gz") as tar:
            for member in tar:
                content, path = tar.extractfile(member), folder / member.name
                assert content is not None
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.read())
        self.folder = folder / "ledger"
        self.office = folder / "hq.db"
        self.told: dict[str, Any] = json.loads((folder / "told.json").read_text("utf-8"))

    def bodies(self) -> list[Sealed]:
        with closing(sqlite3.connect(self.folder / files.DATABASE)) as connection:
            rows = connection.execute("SELECT seq, type, body FROM event ORDER BY seq").fetchall()
        return [Sealed(seq, kind, body, json.loads(body)["hash"]) for seq, kind, body in rows]


@pytest.fixture(params=LEDGERS)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    return Kept(f"ledger-{request.param}", tmp_path)


def opened(folder: Path) -> Ledger:
    clock = FakeClock()
    clock.advance(86_400)
    ledger = Ledger(folder, store="S1", clock=clock, stamper=SEOUL, rule=Rule(20, 3_600))
    ledger.start()
    return ledger


def rows(folder: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(folder / files.DATABASE)) as connection:
        return connection.execute(statement).fetchall()


def stock(folder: Path) -> list[list[Any]]:
    return [list(row) for row in rows(folder, "SELECT * FROM stock ORDER BY 1, 2, 3, 4")]


def test_every_schema_that_was_released_is_kept() -> None:
    expected = {f"ledger-{number}" for number in LEDGERS} | {f"headoffice-{number}" for number in OFFICES}
    assert {path.name.removesuffix(".tar.gz") for path in KEPT.glob("*.tar.gz")} == expected == set(COMMITS)


def test_an_old_ledger_opens_with_all_that_it_held_and_goes_on(kept: Kept) -> None:
    before = kept.bodies()
    assert rows(kept.folder, "PRAGMA user_version") == [(kept.told["schema"],)]
    ledger = opened(kept.folder)
    assert ledger.head == kept.told["head"] == len(before)
    assert ledger.unsigned is None
    assert rows(kept.folder, "PRAGMA user_version") == [(schema.VERSION,)]
    assert kept.bodies() == before
    assert stock(kept.folder) == kept.told["stock"]
    check_whole(kept.folder)
    assert rows(kept.folder, "SELECT * FROM position") == [("headoffice", 20)]
    assert rows(kept.folder, "SELECT * FROM response") == [("request-1", b"{}")]
    append(ledger, *(movement(number + 1) for number in range(30)))
    ledger.close()
    assert kept.bodies()[: len(before)] == before
    with closing(Reader(kept.folder)) as reader:
        assert verify(reader, known=keys.known(kept.folder))["signed"] == reader.head() > len(before)
    with closing(sqlite3.connect(kept.folder / files.DATABASE, isolation_level=None)) as connection:
        held = projected(connection)
        assert rebuild.rebuild(connection) == held


def test_clerks_go_on_where_an_old_release_left_them(kept: Kept) -> None:
    """Open sessions, a count, undo of what was scanned before: events lack what later releases write."""
    ledger, clock = opened(kept.folder), FakeClock()
    for number, (code, at) in enumerate((code, at) for at in STATIONS for code in (UNDO, *CODES, UNDO, COLA, UNDO)):
        clock.advance(90_000 + number)
        ledger.call(scanned(at, code, number, clock))
    ledger.close()
    check_whole(kept.folder)


def test_the_agent_starts_with_an_old_ledger_and_finds_it_whole(kept: Kept, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    shop = Shop(tmp_path / "shop")
    for path in kept.folder.iterdir():
        shutil.copy(path, shop.state / path.name)
    with shop.agent() as process:
        assert process.stderr is not None
        while "the ledger is whole up to event" not in (line := process.stderr.readline()):
            assert line, "the agent has ended"
        found, _code = shop.doctor()
    assert level(found, "ledger_good") == "ok"
    assert "ledger_rotten" not in found
    assert stock(shop.state) == kept.told["stock"]
    check_whole(shop.state)


class Watched(sqlite3.Connection):
    """Copies the files aside before each statement: what a kill there leaves."""

    into: Path
    count = 0

    def execute(self, *given: Any) -> sqlite3.Cursor:
        self._copy()
        return super().execute(*given)

    def executemany(self, *given: Any) -> sqlite3.Cursor:
        self._copy()
        return super().executemany(*given)

    def _copy(self) -> None:
        target = self.into / f"{self.count:04d}"
        target.mkdir()
        self.count += 1
        for path in self.into.parent.joinpath("ledger").iterdir():
            if not path.name.endswith("-shm"):
                shutil.copy(path, target / path.name)


def test_a_migration_that_is_killed_at_any_statement_ends_well_at_the_next_start(kept: Kept, tmp_path: Path) -> None:
    into = tmp_path / "killed"
    into.mkdir()

    def connect(path: Path) -> sqlite3.Connection:
        made = sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Watched)
        assert isinstance(made, Watched)
        made.into = into
        return made

    files.open_writer(kept.folder, connect).close()
    ends = sorted(into.iterdir())
    versions = {rows(end, "PRAGMA user_version")[0][0] for end in ends}
    assert versions == set(range(kept.told["schema"], schema.VERSION + 1)), "it was killed between all steps"
    bodies = kept.bodies()
    for end in ends:
        files.open_writer(end).close()
        check_whole(end)
        assert stock(end) == kept.told["stock"], end
        assert [(body,) for *_place, body, _hash in bodies] == rows(end, "SELECT body FROM event ORDER BY seq")


def test_a_ledger_of_a_newer_release_is_refused_and_not_touched(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.begin()
    path = shop.state / files.DATABASE
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    before = {one.name: one.read_bytes() for one in shop.state.iterdir()}
    with pytest.raises(LedgerUnusable, match=f"schema {schema.VERSION + 1}, this release knows {schema.VERSION}"):
        opened(shop.state)
    done = CliRunner().invoke(app, ["run", str(shop.config)])
    assert (done.exit_code, "hint: install the release that wrote it" in done.stderr) == (EXIT_LEDGER, True)
    assert {name: (shop.state / name).read_bytes() for name in before} == before


# -- head office -----------------------------------------------------------------------------------------------------


@pytest.fixture(params=OFFICES)
def held(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    return Kept(f"headoffice-{request.param}", tmp_path)


def whole(path: Path) -> None:
    done = CliRunner().invoke(office, ["verify", "--deep", "--db", str(path)])
    assert (done.exit_code, done.output) == (0, "1 stores: what is stored is whole\n")


def test_head_office_opens_an_old_database_and_takes_in_the_rest(held: Kept) -> None:
    log = Log()
    log.events = held.bodies()
    log.name = json.loads(log.events[0].body)["log"]
    desk = Desk(held.office.parent)
    taken = log.head * 2 // 3
    assert desk.position() == (log.name, taken)
    whole(held.office)
    desk.events(log, taken + 1)
    assert desk.position() == (log.name, log.head)
    assert [list(row) for row in desk.store.stock("S1")] == held.told["stock"]
    desk.store.close()
    whole(held.office)


def test_a_database_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    Store(tmp_path / "hq.db").close()
    with closing(sqlite3.connect(tmp_path / "hq.db")) as connection:
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    before = (tmp_path / "hq.db").read_bytes()
    with pytest.raises(DatabaseUnusable, match="this release knows"):
        Store(tmp_path / "hq.db")
    assert (tmp_path / "hq.db").read_bytes() == before
