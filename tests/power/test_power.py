"""The power is cut: nothing acknowledged is lost, nothing unwritten is found; and a ledger that lies is caught."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from agent.ledger import files, keys, schema
from agent.ledger.checkpoints import Rule
from agent.ledger.log import Ledger
from tests.agent.clocks import FakeClock
from tests.power.cuts import ORDERED
from tests.power.disk import SECTORS_BYTES, Disk, Rename, Sync, SyncFolder, Write
from tests.power.lives import KEY, STAMPER, STORE, Broken, Past, check, old_ledger, put, received
from tests.power.recorder import Connection, RecordingVFS, recorded

ROOT = Path(__file__).parents[2]
CUTS = 40
SECTOR = 512


def cuts(*options: str) -> tuple[int, dict[str, int], str]:
    """Exit code, totals and output of a run of its own, in which a seed is the same scenario every time."""
    command = [sys.executable, "-m", "tests.power.cuts", *options]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | ORDERED, text=True, capture_output=True, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout.splitlines()[-1]), done.stdout


def test_no_cut_takes_what_was_acknowledged_or_leaves_what_was_not_written() -> None:
    code, totals, said = cuts("--cuts", str(CUTS))
    assert code == 0, said
    assert totals["cuts"] >= CUTS
    # The run has been everywhere: a scenario without one of these would prove less than it says.
    steps = ("append", "checkpoint", "look", "prune", "rebuild", "restart", "rotate", "snapshot")
    for name in (*steps, "migrations", "kills", "events kept beyond"):
        assert totals.get(name, 0) > 0, name


def test_control_a_ledger_that_syncs_less_loses_acknowledged_events() -> None:
    code, totals, said = cuts("--cuts", str(2 * CUTS), "--synchronous", "NORMAL")
    assert code == 1
    assert totals["broken: lost"] >= totals["cuts"] / 40
    seed = said.split(":", 1)[0].removeprefix("seed ")
    again = cuts("--seed", seed, "--synchronous", "NORMAL")[2]
    assert again.splitlines()[:2] == said.splitlines()[:2]


def test_control_a_ledger_that_never_syncs_is_damaged() -> None:
    code, totals, _said = cuts("--cuts", str(CUTS), "--synchronous", "OFF")
    assert code == 1
    assert sum(totals.get(f"broken: {kind}", 0) for kind in ("unreadable", "damaged", "projection")) > 0


# -- an agent that was killed ---------------------------------------------------------------------------------------


def over(disk: Disk, folder: Path, vfs: RecordingVFS | None = None) -> Ledger:
    """The agent's ledger over a disk, as it is there now."""
    put(folder, disk.running())
    recorder = vfs or RecordingVFS(disk)
    parts: Any = {"store": STORE, "clock": FakeClock(), "stamper": STAMPER, "rule": Rule()}
    ledger = Ledger(folder, connect=lambda path: Connection(path, recorder), **parts)
    ledger.start()
    return ledger


def killed(folder: Path) -> Disk:
    """The disk of an agent that was killed when its second event was written and not yet synced."""
    disk = Disk({})
    with closing(over(disk, folder)) as ledger:
        ledger.call(lambda tx: tx.append([received(["COLA"])]))
        committed = max(number for number, step in enumerate(disk.steps) if isinstance(step, Sync))
    return disk.at(committed)


def test_what_a_killed_agent_left_unsynced_is_safe_before_anybody_reads_it(tmp_path: Path) -> None:
    disk = killed(tmp_path / "killed")
    with closing(over(disk, tmp_path / "next")) as ledger:
        seen, told = ledger.head, len(disk.steps)
    assert seen == 2
    left = disk.at(told).cut("dropped", random.Random(1), SECTOR)
    parts: Any = {"store": STORE, "clock": FakeClock(), "stamper": STAMPER}
    with closing(Ledger(put(tmp_path / "after", left), **parts)) as after:
        assert after.head == seen


class FullDisk(RecordingVFS):
    """Takes no byte that makes the database longer."""

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802  SQLite's name
        opened = super().xOpen(name, flags)
        if flags[0] & apsw.SQLITE_OPEN_MAIN_DB:
            write = opened.xWrite

            def refuse(data: bytes, offset: int) -> None:
                if offset + len(data) > opened.xFileSize():
                    raise apsw.FullError
                write(data, offset)

            opened.xWrite = refuse
        return opened


def test_a_killed_agent_starts_again_on_a_full_disk(tmp_path: Path) -> None:
    disk = killed(tmp_path / "killed")
    begun = len(disk.steps)
    with closing(over(disk, tmp_path / "next", FullDisk(disk))) as ledger:
        assert ledger.head == 2
        assert any(isinstance(step, Sync) for step in disk.steps[begun:])


# -- the disk and the checks, each by itself ------------------------------------------------------------------------


def test_only_what_was_synced_is_sure() -> None:
    disk = Disk({"a": b"old" + bytes(SECTOR)})
    file = disk.open("a")
    disk.write(file, 0, b"new")
    assert disk.running()["a"][:3] == b"new"
    assert disk.cut("dropped", random.Random(1), SECTOR)["a"][:3] == b"old"
    disk.sync(file)
    for seed in range(20):
        assert disk.cut("mixed", random.Random(seed), SECTOR)["a"] == b"new" + bytes(SECTOR)


@pytest.mark.parametrize("sector", SECTORS_BYTES)
def test_each_unsynced_sector_is_old_new_or_torn_for_itself(sector: int) -> None:
    disk = Disk({"a": b"o" * 2 * sector})
    disk.write(disk.open("a"), 0, b"n" * 2 * sector)
    found = {disk.cut("mixed", random.Random(seed), sector)["a"] for seed in range(200)}
    old, new = b"o" * sector, b"n" * sector
    assert {old + old, old + new, new + old, new + new} < found
    assert any(len(set(one[:sector])) == 2 for one in found)


def test_lengths_and_names_are_unsure_too() -> None:
    disk = Disk({"a": b"1234"})
    file = disk.open("a")
    disk.truncate(file, 1)
    disk.write(disk.open("b"), 0, b"b")
    disk.remove("a")
    found = [disk.cut("mixed", random.Random(seed), SECTOR) for seed in range(200)]
    assert {one.get("a") for one in found} >= {None, b"1234", b"1"}
    assert {one.get("b") for one in found} == {None, b"", b"\0", b"b"}
    disk.sync_folder()
    assert all("a" not in disk.cut("mixed", random.Random(seed), SECTOR) for seed in range(20))


def test_what_is_written_down_is_what_is_in_the_folder(tmp_path: Path) -> None:
    disk = Disk({})
    with closing(over(disk, tmp_path / "life")) as ledger:
        for _ in range(20):
            ledger.call(lambda tx: tx.append([received([f"SKU-{number}" for number in range(40)])]))
    assert disk.running()[files.DATABASE] == (tmp_path / "life" / files.DATABASE).read_bytes()
    assert sum(isinstance(step, Write) for step in disk.steps) > 100


@pytest.mark.parametrize("version", range(1, schema.VERSION))
def test_the_checks_pass_what_is_whole_and_see_each_damage(tmp_path: Path, version: int) -> None:
    contents, past = old_ledger(tmp_path / "old", version)
    folder = tmp_path / "check"
    assert check(put(folder, contents), past, 1) == len(past.bodies)
    for kind, other in (
        ("lost", Past(past.bodies, past.groups, past.told + 1)),
        ("foreign", Past(past.bodies[:-1], past.groups, 0)),
        ("halved", Past(past.bodies, {0, 2}, 0)),
        ("snapshot", Past(past.bodies, past.groups, 0, 1)),
    ):
        with pytest.raises(Broken) as broken:
            check(put(folder, contents), other, 1)
        assert broken.value.kind == kind
    for kind, statement in (
        ("projection", "UPDATE stock SET quantity = 9 WHERE sku = 'COLA'"),
        ("unreadable", f"INSERT INTO event VALUES ({len(past.bodies) + 1}, 'movement', x'7b7d')"),
        ("halved", "INSERT INTO position VALUES ('power', 99)"),
    ):
        files.open_writer(put(folder, contents)).close()  # a migration would mend the first
        with closing(sqlite3.connect(folder / files.DATABASE)) as connection, connection:
            connection.execute(statement)
        with pytest.raises(Broken) as broken:
            check(folder, past, 1)
        assert broken.value.kind == kind
    for kind, name, data in (("key", files.KEY, bytes(32)), ("snapshot", "ledger-log-1.db", b"half of a page")):
        with pytest.raises(Broken) as broken:
            check(put(folder, {**contents, name: data}), past, 1)
        assert broken.value.kind == kind


def test_a_name_goes_over_to_another_file_in_one_step() -> None:
    disk = Disk({"a": b"old", "b": b"new"})
    disk.rename("b", "a")
    found = [disk.cut("mixed", random.Random(seed), SECTOR) for seed in range(50)]
    assert {tuple(sorted(one.items())) for one in found} == {(("a", b"new"),), (("a", b"old"), ("b", b"new"))}
    disk.sync_folder()
    assert disk.cut("dropped", random.Random(1), SECTOR) == {"a": b"new"}


def test_what_the_ledger_does_beside_sqlite_is_written_down(tmp_path: Path) -> None:
    """A key that is exchanged: its content and name are safe when the event that names it is committed."""
    disk = Disk({files.KEY: KEY})
    vfs = RecordingVFS(disk)
    with closing(over(disk, tmp_path / "life", vfs)) as ledger, recorded(tmp_path / "life", vfs):
        old = len(disk.steps)
        ledger.call(ledger.rotation())
    held = disk.running()
    assert held[files.KEY] == (tmp_path / "life" / files.KEY).read_bytes() != KEY
    assert {name for name in held if name.startswith(files.KEY)} == {files.KEY}
    names = [step for step in disk.steps[old:] if isinstance(step, Rename)]
    assert names == [Rename(f"{keys.NEXT}.new", keys.NEXT), Rename(keys.NEXT, files.KEY)]
    between = disk.steps[disk.steps.index(names[0]) : disk.steps.index(names[1])]
    assert isinstance(between[1], SyncFolder)
    assert any(isinstance(step, Sync) for step in between[2:])
