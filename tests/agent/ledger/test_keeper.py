"""The keeper: when a snapshot is due, what it says of damage, and of a folder that takes none."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.ledger import files, keeper
from agent.ledger.keeper import Keeper
from agent.ledger.log import Ledger
from agent.ledger.pruning import Pruner, Retention
from agent.ledger.reader import Reader
from agent.ledger.restore import Place, begin_anew
from agent.ledger.snapshots import snapshots
from tests.agent.clocks import FakeClock
from tests.agent.ledger.test_ledger import SEOUL, append, movement, open_ledger
from tests.agent.ledger.test_snapshots import BEER, spoil

DAY_S = 86_400.0


class Kept:
    def __init__(self, folder: Path) -> None:
        self.folder, self.into, self.clock = folder, folder / "snapshots", FakeClock()
        self.said: list[tuple[str, str, int]] = []
        self.ledger: Ledger = open_ledger(folder)
        append(self.ledger, movement())
        self.again()

    def again(self) -> None:
        """As after a restart of the agent."""
        self.keeper = Keeper(self.folder, self.into, every_s=DAY_S, keep=2, clock=self.clock, say=self.say)

    def say(self, subject: str, text: str, *, hint: str = "", level: int = 5) -> None:
        assert hint or level > 4
        self.said.append((subject, text, level))

    def look(self) -> list[str]:
        """The snapshots afterwards by their sequence; the newest gets the simulated time."""
        before = {one: one.stat().st_mtime_ns for one in snapshots(self.into)}
        self.keeper.look()
        for one in snapshots(self.into):
            if before.get(one) != one.stat().st_mtime_ns:
                os.utime(one, ns=(0, self.clock.wall_us * 1000))
        return [one.stem[-2:] for one in snapshots(self.into)]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path)
    yield made
    made.ledger.close()


def test_a_snapshot_is_taken_at_once_and_when_a_day_has_gone(kept: Kept) -> None:
    assert kept.keeper.told(SEOUL) == {}
    assert kept.look() == ["02"]
    assert kept.keeper.told(SEOUL) == {"last_backup": SEOUL.text(kept.clock.wall_us)}
    append(kept.ledger, movement())
    kept.clock.advance(DAY_S - 1)
    assert kept.look() == ["02"]
    kept.clock.advance(1)
    assert kept.look() == ["03", "02"]
    kept.clock.wall_us -= 10**12
    append(kept.ledger, movement())
    assert kept.look() == ["04", "03"]


def test_a_start_with_a_fresh_snapshot_checks_the_ledger_itself_once(kept: Kept) -> None:
    kept.look()
    spoil(kept.folder / files.DATABASE, "UPDATE stock SET quantity = 9")
    kept.look()
    assert kept.keeper.damage == ""
    kept.again()
    kept.look()
    assert "stock" in kept.keeper.damage
    assert kept.keeper.told(SEOUL)["ledger_damage"] == kept.keeper.damage
    assert kept.said[-1][0] == "ledger"


def test_damage_is_said_and_the_last_good_snapshot_stays(kept: Kept) -> None:
    kept.look()
    spoil(kept.folder / files.DATABASE, BEER)
    append(kept.ledger, movement())
    kept.clock.advance(DAY_S)
    assert kept.look() == ["02"]
    assert "event 2" in kept.keeper.damage
    assert [level for subject, _text, level in kept.said if subject == "ledger"] == [2]


def test_a_folder_that_takes_no_snapshot_is_tried_again_after_an_hour(kept: Kept) -> None:
    kept.into.write_bytes(b"no folder")
    kept.keeper.look()
    assert [(subject, level) for subject, _text, level in kept.said] == [("snapshot", 4)]
    kept.into.unlink()
    assert kept.look() == []
    assert kept.said[-1] == ("snapshot", "the ledger is whole up to event 2", 6)  # it was checked all the same
    kept.clock.advance(keeper.AGAIN_S)
    assert kept.look() == ["02"]
    assert kept.keeper.damage == ""


def test_its_thread_looks_by_itself_and_ends_within_a_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "PAUSE_S", 3600.0)
    made = Kept(tmp_path)
    with closing(made.ledger):
        made.keeper.start()
        made.keeper.stop()
        assert snapshots(made.into) == []


def test_what_is_damaged_or_was_not_checked_is_not_pruned(kept: Kept) -> None:
    looked: list[str] = []

    class Looking(Pruner):
        def look(self, pause: Callable[[], None] = lambda: None) -> None:
            looked.append("look")
            super().look(pause)

    rule = Retention(1.0, 1.0, 10_000, ())
    pruner = Looking(kept.folder, kept.ledger, rule, clock=kept.clock, say=kept.say)
    kept.keeper = Keeper(kept.folder, kept.into, every_s=DAY_S, keep=2, clock=kept.clock, say=kept.say, pruner=pruner)
    assert looked == []
    kept.look()
    assert looked == ["look"]
    assert kept.keeper.told(SEOUL)["first"] == 1
    spoil(kept.folder / files.DATABASE, BEER)
    kept.clock.advance(DAY_S)
    kept.look()
    kept.look()
    assert looked == ["look"]
    assert kept.keeper.damage


def test_what_pruning_cannot_do_is_said(kept: Kept) -> None:
    """The ledger has no key to sign with: the thread goes on."""
    append(kept.ledger, movement())
    pruner = Pruner(kept.folder, kept.ledger, Retention(1.0, 1.0, 10_000, ()), clock=kept.clock, say=kept.say)
    kept.keeper = Keeper(kept.folder, kept.into, every_s=DAY_S, keep=2, clock=kept.clock, say=kept.say, pruner=pruner)
    kept.clock.advance(100)
    kept.look()
    assert kept.said[-1] == ("retention", "no opening, so nothing is pruned: this ledger is not signed", 4)


def test_a_new_log_has_a_snapshot_of_its_own_at_once(kept: Kept) -> None:
    """What is kept of its parent is no way back for it."""
    assert kept.look() == ["02"]
    kept.ledger.close()
    begin_anew(Place(kept.folder, kept.into, "S1", "20260907T123000", FakeClock(seed=9), SEOUL, print))
    kept.again()
    assert kept.keeper.told(SEOUL) == {}
    assert sorted(kept.look()) == ["02", "03"]
    with closing(Reader(kept.folder)) as reader:
        assert (kept.into / f"ledger-{reader.log}-000000000003.db").exists()
