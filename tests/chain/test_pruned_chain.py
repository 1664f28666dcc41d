"""A log that is pruned, through real processes: agent, mosquitto, head office. What head office missed is noted there,
and what it has in the end is what the store has."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.chain.test_orders_chain import until
from tests.chain.test_restore_chain import House

MOMENT_DAYS = 0.00002  # not quite two seconds
RETENTION = "[ledger]\nopening_days = {opening}\nkeep_days = {keep}\nevents_max = 10000\n"


class Pruned(House):
    def keep(self, days: float, opening_days: float = MOMENT_DAYS) -> None:
        """With the next start."""
        text = (self.folder / "agent.toml").read_text("utf-8").split("[ledger]")[0]
        (self.folder / "agent.toml").write_text(text + RETENTION.format(opening=opening_days, keep=days))

    def again(self) -> None:
        """The agent looks at its log soon after a start."""
        self.kill("agent")
        self.start_agent()

    def first(self) -> int:
        return int(self.ask("SELECT MIN(seq) FROM event")[0])

    def openings(self) -> list[int]:
        return self.ask("SELECT seq FROM opening ORDER BY seq")

    def hq_rows(self, statement: str) -> list[Any]:
        if not (self.folder / "hq.db").exists():
            return []
        with closing(sqlite3.connect(f"file:{self.folder}/hq.db?mode=ro", uri=True)) as database:
            return database.execute(statement).fetchall()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Pruned]:
    opened = Pruned(tmp_path)
    yield opened
    opened.close()


def prune(house: Pruned) -> int:
    """What is before the newest opening goes: the first event then."""
    before = house.openings()
    house.again()
    until(lambda: house.openings() > before, "no opening was written")
    house.level()
    below = house.openings()[-1]
    house.keep(MOMENT_DAYS, opening_days=1)
    house.work(3)
    house.level()
    house.again()
    until(lambda: house.first() == below, f"it was not pruned below {below}")
    house.level()
    return below


def test_a_log_is_pruned_and_head_office_goes_on(house: Pruned) -> None:
    house.work(30)
    house.level()
    house.stop("hq")
    shutil.copyfile(house.folder / "hq.db", house.folder / "old.db")
    house.start_hq()
    house.keep(1)
    house.work(10)
    first = prune(house)
    assert first > 32
    assert house.jaego("log", "verify").returncode == 0
    done = house.jaego("log", "prove", "5")
    assert (done.returncode, f"event 5 was pruned: the log begins with event {first}" in done.stderr) == (74, True)
    house.stop("agent")
    assert house.jaego("log", "rebuild").returncode == 0
    house.start_agent()
    house.work(2)
    house.level()

    house.stop("hq")  # head office comes back with a backup of before the opening
    shutil.copyfile(house.folder / "old.db", house.folder / "hq.db")
    house.start_hq()
    house.level()
    assert house.hq_rows("SELECT seq_from, seq_to FROM skipped") == [(33, first - 1)]
    house.stop("hq")  # and with none at all
    (house.folder / "hq.db").unlink()
    house.start_hq()
    until(lambda: bool(house.hq_rows("SELECT 1 FROM sqlite_schema WHERE name = 'skipped'")), "no database is made")
    house.work(4)
    house.level()
    assert house.milk() == 49


def test_too_many_events_go_although_head_office_was_not_there(house: Pruned) -> None:
    house.keep(30, opening_days=30)
    house.work(5)
    house.level()
    known = house.taken()[1]
    house.kill("hq")
    house.broker.kill()  # whose queue would keep a hundred messages for head office
    house.work(10_050)
    house.again()
    until(lambda: house.first() > 10_000, "it was not pruned")
    house.said(f"DROPPED: headoffice had acknowledged event {known}")
    house.work(2)
    house.broker.start()
    house.start_hq()
    house.level()
    assert house.milk() == 10_057
    assert house.hq_rows("SELECT seq_from, seq_to FROM skipped") == [(known + 1, house.first() - 1)]
