"""What becomes of a pruned ledger when it is killed at any step, damaged, restored, left for another log, or its key is
exchanged."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from agent.ledger import files, keys, snapshots
from agent.ledger.checking import check_whole
from agent.ledger.reader import Reader, verify
from agent.ledger.restore import Place, begin_anew, restore
from tests.agent.clocks import FakeClock
from tests.agent.ledger.stated import same_again
from tests.agent.ledger.test_ledger import SEOUL, append, movement, open_ledger
from tests.agent.ledger.test_pruning import Store
from tests.agent.ledger.test_snapshots import spoil

LIFE = """
import sys
from pathlib import Path
from agent.ledger import pruning
from agent.ledger.pruning import shut, sweep
from tests.agent.ledger.test_ledger import append, movement
from tests.agent.ledger.test_pruning import Store
pruning.CHUNK_EVENTS = 3
store = Store(Path(sys.argv[1]))
while True:
    append(store.ledger, *[movement()] * 10)
    print(store.ledger.head, flush=True)
    below = store.opened()
    print(store.ledger.head, flush=True)
    store.shut(below)
    while store.ledger.call(sweep):
        append(store.ledger, movement())
        print(store.ledger.head, flush=True)
"""


@pytest.mark.parametrize("seed", range(5))
def test_a_kill_at_any_step(tmp_path: Path, seed: int) -> None:
    chance, told, first = random.Random(seed), 0, 1
    for _ in range(3):
        command = [sys.executable, "-c", LIFE, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(chance.randrange(1, 40)):
                told = int(process.stdout.readline())
            process.kill()
            rest = process.stdout.read().splitlines()
        told = int(rest[-1]) if rest else told
        check_whole(tmp_path)
        with closing(Reader(tmp_path)) as reader:
            assert reader.head() >= told, "what was told is there"
            assert reader.first() >= first
            first = reader.first()
            same_again(reader)


# -- restored ----------------------------------------------------------------------------------------------------------


class Pruned:
    """60 events, pruned below the opening at `first`; some rows of what was pruned are still there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.into = folder / "state", folder / "snapshots"
        self.folder.mkdir()
        self.store = Store(self.folder)
        self.store.work(19)
        self.old = snapshots.take(self.folder, self.into, keep=9).seq
        self.store.work(10)
        self.first = self.store.opened()
        self.store.work(20)
        self.store.shut(self.first)

    def close(self) -> list[bytes]:
        """Its events then."""
        self.store.ledger.close()
        with closing(Reader(self.folder)) as reader:
            return [row[2] for row in reader.all_events()]

    def restored(self, events: list[bytes]) -> None:
        """What the damaged file said of stock is made anew, and the events are the very same."""
        spoil(self.folder / files.DATABASE, "DELETE FROM stock")
        place = Place(self.folder, self.into, "S1", "20260907T123000", FakeClock(seed=9), SEOUL, print)
        assert restore(place).log is None
        with closing(Reader(self.folder)) as reader:
            assert [row[2] for row in reader.all_events()] == events
            same_again(reader)
        with closing(open_ledger(self.folder)) as ledger:
            append(ledger, movement())
        check_whole(self.folder)


@pytest.fixture
def pruned(tmp_path: Path) -> Pruned:
    return Pruned(tmp_path)


def test_from_its_own_events_alone(pruned: Pruned) -> None:
    events = pruned.close()
    shutil.rmtree(pruned.into)
    pruned.restored(events)


def test_a_snapshot_of_long_ago_is_no_help(pruned: Pruned) -> None:
    """It ends before the log begins."""
    assert pruned.old < pruned.first - 1
    pruned.restored(pruned.close())


def test_from_a_snapshot_of_the_pruned_log(pruned: Pruned) -> None:
    snapshots.take(pruned.folder, pruned.into, keep=9)
    pruned.store.work(5)
    pruned.restored(pruned.close())


def test_from_a_snapshot_of_before_it_was_pruned(tmp_path: Path) -> None:
    """Then the log begins where it began, and is pruned again when it is looked at."""
    pruned = Pruned(tmp_path)
    pruned.store.ledger.call(lambda tx: tx.execute("DELETE FROM prune_door"))
    snapshots.take(pruned.folder, pruned.into, keep=9)
    pruned.store.shut(pruned.first)
    pruned.store.work(5)
    pruned.store.ledger.close()
    spoil(pruned.folder / files.DATABASE, "DELETE FROM stock")
    restore(Place(pruned.folder, pruned.into, "S1", "20260907T123000", FakeClock(seed=9), SEOUL, print))
    check_whole(pruned.folder)
    with closing(Reader(pruned.folder)) as reader:
        assert (reader.first(), reader.openings()) == (1, [pruned.first])
        same_again(reader)


def test_another_log_grows_from_it_and_is_pruned_too(pruned: Pruned) -> None:
    pruned.close()
    head = pruned.store.ledger.head
    begin_anew(Place(pruned.folder, pruned.into, "S1", "20260907T123000", FakeClock(seed=9), SEOUL, print))
    store = Store(pruned.folder)
    append(store.ledger, *[movement()] * 9)
    with closing(Reader(pruned.folder)) as reader:
        parent = files.parse(reader.events(0, 1)[0][2])["data"]["parent"]
        assert parent["seq"] == head
        verify(reader)
    first = store.opened()
    store.shut(first)
    append(store.ledger, movement())
    with closing(Reader(pruned.folder)) as reader:
        assert files.parse(reader.events(0, 1)[0][2])["data"]["parent"] == parent
        same_again(reader)
    store.ledger.close()
    check_whole(pruned.folder)


def test_a_key_that_was_exchanged_in_what_is_gone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.work(5)
    store.ledger.call(store.ledger.rotation())
    store.work(5)
    store.shut(store.opened())
    store.ledger.call(store.ledger.rotation())
    store.work(60)
    store.ledger.close()
    store.open()
    store.work(60)
    with closing(store.check()) as reader:
        assert verify(reader, None, keys.known(tmp_path))["signed"] > 100
    store.ledger.close()


def test_a_door_that_was_set_by_hand_shows(pruned: Pruned) -> None:
    """Who owns the file can prune it, but not to anything else than an opening that the store has signed."""
    pruned.close()
    with closing(sqlite3.connect(pruned.folder / files.DATABASE, isolation_level=None)) as raw:
        raw.execute("UPDATE prune_door SET below = below + 1")
    with closing(Reader(pruned.folder)) as reader, pytest.raises(ValueError, match="which is no opening"):
        verify(reader)
