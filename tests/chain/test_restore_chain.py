"""Ledgers that are lost, torn, old or doubled, through real processes: agent, mosquitto, head office. What head office
has in the end is what the store has, and what nobody may mix up is not mixed up."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.agent.ledger.test_snapshots import spoil
from tests.chain.test_orders_chain import BIN, Chain, until


class House(Chain):
    """One store and its head office; `drop` files of sales are the work that is done there."""

    def __init__(self, folder: Path) -> None:
        self._files = 0
        super().__init__(folder)

    @property
    def state(self) -> Path:
        return self.folder / "store"

    def work(self, lines: int) -> None:
        """So many movements, written."""
        self._files += 1
        name, now = f"{self._files:03}.csv", time.strftime("%Y-%m-%d %H:%M:%S")
        self.drop(name, *(f"F{self._files}-{line},till-1,{now},MILK,1,y" for line in range(lines)))
        until((self.folder / "drop" / "done" / name).exists, "the file was not taken")

    def stop(self, name: str) -> None:
        process = self._running[name]
        process.terminate()
        assert process.wait(30) == 0

    def kill(self, name: str) -> None:
        self._running[name].kill()
        self._running[name].wait()

    def ended(self) -> int:
        """How an agent ends by itself."""
        return self._running["agent"].wait(30)

    def start_hq(self) -> None:
        self._running["hq"] = self._start("jaego-hq", "run", "--broker", self.address, "--db", "hq.db")

    def jaego(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(BIN / "jaego"), *command, "-c", "agent.toml"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=self.folder,
        )

    def head(self) -> tuple[str, int]:
        """Log and newest event of the store."""
        return self.ask("SELECT log FROM identity")[0], self.ask("SELECT MAX(seq) FROM event")[0]

    def taken(self) -> tuple[str, int]:
        """Log and newest event that head office follows."""
        with closing(sqlite3.connect(f"file:{self.folder}/hq.db?mode=ro", uri=True)) as database:
            row = database.execute("SELECT log, seq FROM position").fetchone()
            return row or ("", 0)

    def milk(self) -> int:
        """As head office has it."""
        with closing(sqlite3.connect(f"file:{self.folder}/hq.db?mode=ro", uri=True)) as database:
            return int(
                database.execute("SELECT COALESCE(SUM(quantity), 0) FROM stock WHERE sku = 'MILK'").fetchone()[0]
            )

    def level(self) -> None:
        """Until head office has everything; then both say the same, and its own events are in order."""
        until(lambda: self.taken() == self.head(), f"head office does not come to {self.head()}: {self.taken()}")
        until(lambda: self.milk() == self.stored(), f"{self.milk()} at head office, {self.stored()} here")
        done = subprocess.run(
            [str(BIN / "jaego-hq"), "verify", "--db", "hq.db", "--broker", self.address, "--deep"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.folder,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def key(self, key: str) -> None:
        """Head office is told of the store's next key."""
        command = [str(BIN / "jaego-hq"), "key", "enrol", "S001", key, "--db", "hq.db"]
        subprocess.run(command, check=True, capture_output=True, timeout=60, cwd=self.folder)

    def said(self, words: str, name: str = "jaego") -> None:
        log = self.folder / f"{name}.log"
        until(lambda: words in log.read_text("utf-8"), f"{words!r} was not said")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = House(tmp_path)
    yield opened
    opened.close()


def test_a_log_whose_end_is_lost_is_followed_by_another_one(house: House) -> None:
    """The end is rotten, and what is before it was not all sent."""
    house.work(30)
    house.level()
    first_log, known = house.head()
    house.kill("hq")
    house.broker.kill()
    house.work(20)
    house.kill("agent")
    newest = house.head()[1]
    spoil(house.state / "ledger.db", f"UPDATE event SET body = x'7b7d' WHERE seq = {newest}")
    house.start_agent()
    assert house.ended() == 65
    house.said("--from-hq")
    done = house.jaego("restore", "--accept-loss")
    assert done.returncode == 0, done.stderr
    assert house.head()[0] != first_log
    assert house.ask("SELECT MIN(seq) FROM event") == [newest]
    house.start_agent()
    house.work(5)
    house.kill("agent")
    house.start_agent()
    house.broker.start()
    house.start_hq()
    house.level()
    assert house.taken()[1] > newest > known
    assert house.stored() == 55
    until((house.state / f"former-{first_log}.db").exists, "the parent was not put away")
    house.kill("agent")
    house.start_agent()
    house.work(3)
    house.level()


def restored(house: House, *options: str) -> subprocess.CompletedProcess[str]:
    done = house.jaego("restore", "--from-hq", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_a_pc_that_is_replaced_goes_on_where_head_office_is(house: House) -> None:
    """Its key is gone too, so head office is told of the new one; the old PC is found out when it comes back."""
    house.work(120)
    house.level()
    log = house.head()[0]
    house.kill("agent")
    house.state.rename(house.folder / "old")
    house.state.mkdir()
    done = restored(house)
    key = next(line for line in done.stdout.splitlines() if "jaego-hq key enrol" in line).split()[-1]
    house.key(key)
    assert house.stored() == 120
    house.start_agent()
    house.work(10)
    house.level()
    new, head = house.head()
    assert new != log
    assert house.stored() == 130

    house.kill("agent")
    shutil.rmtree(house.state)
    (house.folder / "old").rename(house.state)
    house.start_agent()
    house.said(f"headoffice follows log {new} of this store, and this ledger writes {log}")
    house.work(3)
    house.said(f"log {log} was left, and comes back", "jaego-hq")
    assert house.taken() == (new, head)
    assert house.milk() == 130


def test_a_folder_that_is_an_old_copy_sends_nothing_until_it_is_restored(house: House) -> None:
    house.work(20)
    house.level()
    house.stop("agent")
    shutil.copytree(house.state, house.folder / "old")
    house.start_agent()
    house.work(30)
    house.level()
    known = house.taken()
    house.kill("agent")
    shutil.rmtree(house.state)
    (house.folder / "old").rename(house.state)
    house.start_agent()
    house.said("this ledger went back")
    house.work(40)  # as long again as what head office has, and more
    assert house.head()[1] > known[1]
    assert house.stored() == 60, "scanning goes on"
    house.kill("agent")
    house.start_agent()
    house.said("nothing is sent: run jaego restore --from-hq")
    assert house.taken() == known
    assert house.milk() == 50
    house.kill("agent")

    refused = house.jaego("restore", "--from-hq")
    assert refused.returncode == 65
    assert "41 events that only this ledger has" in refused.stderr, "the file's own among them"
    restored(house, "--accept-loss")
    assert house.stored() == 50
    house.start_agent()
    house.work(7)
    house.level()
    assert house.stored() == 57


def test_what_head_office_has_more_than_was_saved_comes_back(house: House) -> None:
    """Somebody accepts a loss that was none: the store works on and sends nothing, until it is restored."""
    house.work(20)
    house.level()
    house.kill("agent")
    log, newest = house.head()
    shutil.rmtree(house.state / "snapshots")
    spoil(house.state / "ledger.db", f"UPDATE event SET body = x'7b7d' WHERE seq = {newest - 4}")
    done = house.jaego("restore", "--accept-loss")
    assert done.returncode == 65, "the ledger itself knows that head office has more"
    spoil(house.state / "ledger.db", "DELETE FROM position")
    done = house.jaego("restore", "--accept-loss")
    assert done.returncode == 0, done.stderr
    house.start_agent()
    house.said(f"headoffice has event {newest} of log {log}, which ends here with {newest - 5}")
    house.kill("agent")
    restored(house)
    assert house.stored() == 20
    house.start_agent()
    house.work(3)
    house.level()
    assert house.stored() == 23


def test_an_old_copy_of_head_office_gets_the_log_that_was_left_too(house: House) -> None:
    house.work(20)
    house.level()
    house.stop("hq")
    shutil.copy(house.folder / "hq.db", house.folder / "older.db")
    house.start_hq()
    house.work(10)
    house.level()
    house.kill("agent")
    log, newest = house.head()
    spoil(house.state / "ledger.db", f"UPDATE event SET body = x'7b7d' WHERE seq = {newest}")
    restored(house)
    house.start_agent()
    house.work(5)
    house.level()
    house.stop("hq")
    for left in house.folder.glob("hq.db*"):
        left.unlink()
    (house.folder / "older.db").rename(house.folder / "hq.db")
    house.start_hq()
    house.work(2)
    house.level()
    house.said(f"went back to event 22 of log {log}")
    with closing(sqlite3.connect(house.folder / "hq.db")) as database:
        assert database.execute("SELECT log FROM skipped WHERE seq_from > 1").fetchall() == [], (
            "no event is passed over"
        )
        assert database.execute("SELECT COUNT(*) FROM event WHERE log = ?", (log,)).fetchone() == (newest,)
