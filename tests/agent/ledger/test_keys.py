"""The store's key: exchanged while the log goes on, whatever interrupts it; backed up, and brought back."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from agent.errors import LedgerFull, LedgerUnusable
from agent.ledger import files, keys, rebuild
from agent.ledger.checking import check_whole
from agent.ledger.log import Limits
from agent.ledger.reader import Reader, projected, verify
from contract.chain import ChainError
from contract.events import EVENT
from tests.agent.ledger.test_checkpoints import open_ledger, signed
from tests.agent.ledger.test_ledger import append, movement

KINDS = {"key_rotated", "checkpoint", "opening"}


def public(folder: Path) -> str:
    return files.read_key(folder)[1]


def whole(folder: Path) -> dict[str, Any]:
    """The log as everybody who checks it finds it."""
    check_whole(folder)
    with closing(Reader(folder)) as reader:
        return verify(reader, known=keys.known(folder))


def test_the_log_goes_on_with_the_next_key(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    old = public(tmp_path)
    append(ledger, movement())
    new = ledger.call(ledger.rotation())
    assert (new, keys.known(tmp_path)) == (public(tmp_path), {new})
    assert new != old
    append(ledger, *[movement() for _ in range(12)])
    ledger.close()
    assert signed(tmp_path) == [16]
    assert whole(tmp_path)["signed"] == 16
    with closing(Reader(tmp_path)) as reader:
        told = keys.history(reader)
        events = {event["seq"]: event for event in reader.newest(99)}
    assert (told["key"], [one["seq"] for one in told["rotations"]]) == (new, [3])
    assert (events[3]["data"]["key"], events[3]["data"]["next"], events[16]["data"]["key"]) == (old, new, new)
    EVENT.validate_python(events[3])
    with closing(sqlite3.connect(tmp_path / files.DATABASE, isolation_level=None)) as connection:
        assert projected(connection) == rebuild.rebuild(connection)


def test_twice_in_one_group_with_a_checkpoint_behind(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, events=3)
    answers: list[Any] = []

    def done(result: Any, error: Exception | None) -> None:
        answers.append(error or result)

    ledger.submit_all([(ledger.rotation(), done), (ledger.rotation(), done)])
    append(ledger, movement(), movement())
    ledger.close()
    assert len(set(answers)) == 2
    assert public(tmp_path) == answers[1]
    assert whole(tmp_path)["signed"] == ledger.head


def test_a_rotation_that_a_full_disk_takes_back_leaves_the_key(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    old = public(tmp_path)

    def fill(tx: Any) -> None:
        (pages,) = tx.execute("PRAGMA page_count").fetchone()
        tx.execute(f"PRAGMA max_page_count = {pages}")

    ledger.call(fill)
    answers: SimpleQueue[Any] = SimpleQueue()

    def big(tx: Any) -> None:
        tx.append([movement() for _ in range(500)])

    ledger.submit_all([(job, lambda _result, error: answers.put(error)) for job in (ledger.rotation(), big)])
    assert [type(answers.get(timeout=30)) for _ in range(2)] == [LedgerFull, LedgerFull]
    ledger.call(lambda tx: tx.execute("PRAGMA max_page_count = 1000000").fetchall())
    assert public(tmp_path) == old
    append(ledger, *[movement() for _ in range(12)])
    ledger.close()
    assert whole(tmp_path)["signed"] == ledger.head
    open_ledger(tmp_path).close()
    assert public(tmp_path) == old
    assert keys.known(tmp_path) == {old}, "what was prepared is gone"


def test_where_no_key_can_be_written_this_job_alone_is_refused(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    (tmp_path / f"{keys.NEXT}.new").mkdir()
    with pytest.raises(LedgerUnusable, match=r"store\.key\.next"):
        ledger.call(ledger.rotation())
    append(ledger, movement())
    ledger.close()
    assert whole(tmp_path)["signed"] == ledger.head


def rotated(folder: Path) -> tuple[Path, bytes, bytes]:
    """A store behind an exchange, and both keys."""
    ledger = open_ledger(folder, limits=Limits(group_max=1))
    append(ledger, movement())
    old = (folder / files.KEY).read_bytes()
    ledger.call(ledger.rotation())
    ledger.close()
    return folder, old, (folder / files.KEY).read_bytes()


def test_an_exchange_that_was_interrupted_behind_its_commit_is_ended(tmp_path: Path) -> None:
    folder, old, new = rotated(tmp_path)
    (folder / files.KEY).write_bytes(old)
    (folder / keys.NEXT).write_bytes(new)
    assert keys.find(folder, keys.log_key(folder)) == keys.NEXT
    assert whole(folder)["signed"] == 4, "who checks the log before it is opened knows both"
    ledger = open_ledger(folder)
    append(ledger, movement())
    ledger.close()
    assert (ledger.unsigned, (folder / files.KEY).read_bytes()) == (None, new)
    assert not (folder / keys.NEXT).exists()
    assert whole(folder)["signed"] == ledger.head == 6


def test_one_that_was_interrupted_before_it_is_forgotten(tmp_path: Path) -> None:
    folder, _old, new = rotated(tmp_path)
    files.make_key(folder, keys.NEXT)
    open_ledger(folder).close()
    assert (folder / files.KEY).read_bytes() == new
    assert not (folder / keys.NEXT).exists()


def test_the_key_before_is_not_the_logs(tmp_path: Path) -> None:
    folder, old, _new = rotated(tmp_path)
    (folder / files.KEY).write_bytes(old)
    ledger = open_ledger(folder)
    append(ledger, *[movement() for _ in range(20)])
    ledger.close()
    assert ledger.unsigned is not None
    assert "is not the key of this log" in str(ledger.unsigned)
    with pytest.raises(LedgerUnusable):
        ledger.rotation()
    with closing(Reader(folder)) as reader, pytest.raises(ChainError) as caught:
        verify(reader, known=keys.known(folder))
    assert caught.value.code == "key"


def test_a_key_that_comes_back_after_long_signs_all_of_it(tmp_path: Path) -> None:
    folder, old, new = rotated(tmp_path)
    (folder / files.KEY).write_bytes(old)
    ledger = open_ledger(folder)
    append(ledger, *[movement() for _ in range(50)])
    ledger.close()
    (folder / files.KEY).write_bytes(new)
    ledger = open_ledger(folder)
    append(ledger, movement())
    ledger.close()
    assert whole(folder)["signed"] == ledger.head


# -- copies ----------------------------------------------------------------------------------------------------------


def test_a_backup_is_for_one_reader_and_is_known(tmp_path: Path) -> None:
    folder, stick = tmp_path / "store", tmp_path / "stick" / "key"
    folder.mkdir()
    stick.parent.mkdir()
    ledger = open_ledger(folder)
    assert not keys.is_saved(folder)
    for _ in range(2):  # the same again is no mistake
        assert keys.back_up(folder, stick) == public(folder)
    assert stick.stat().st_mode & 0o7777 == 0o600
    assert stick.read_bytes() == (folder / files.KEY).read_bytes()
    assert keys.is_saved(folder)
    ledger.call(ledger.rotation())
    assert not keys.is_saved(folder), "the copy is of the key before"
    with pytest.raises(LedgerUnusable, match="holds something else"):
        keys.back_up(folder, stick)
    ledger.close()
    (folder / files.KEY).write_bytes(bytes(32))
    with pytest.raises(LedgerUnusable, match="not the key of this log"):
        keys.back_up(folder, stick)


def test_only_the_logs_own_key_comes_back(tmp_path: Path) -> None:
    folder, old, new = rotated(tmp_path)
    stick = tmp_path / "stick"
    (folder / files.KEY).unlink()
    for content, why in ((old, "not the key of this log"), (bytes(31), "is no key"), (None, "No such file")):
        stick.unlink(missing_ok=True)
        if content is not None:
            stick.write_bytes(content)
        with pytest.raises(LedgerUnusable, match=why):
            keys.put_back(folder, stick)
        assert not (folder / files.KEY).exists()
    stick.write_bytes(new)
    assert keys.put_back(folder, stick) == public(folder)
    assert (folder / files.KEY).stat().st_mode & 0o7777 == 0o600
    assert keys.is_saved(folder)
    (folder / files.KEY).write_bytes(old)
    keys.put_back(folder, stick)
    assert (folder / f"{keys.OTHER}-1").read_bytes() == old, "nothing is deleted"
    ledger = open_ledger(folder)
    with pytest.raises(LedgerUnusable, match="in use"):
        keys.put_back(folder, stick)
    ledger.close()
    assert ledger.unsigned is None


def test_before_there_is_a_log_a_copy_becomes_its_key(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    open_ledger(tmp_path / "old").close()
    stick = tmp_path / "stick"
    shutil.copyfile(tmp_path / "old" / files.KEY, stick)
    (tmp_path / "new").mkdir()
    keys.put_back(tmp_path / "new", stick)
    open_ledger(tmp_path / "new").close()
    assert public(tmp_path / "new") == public(tmp_path / "old")
    (tmp_path / "new" / files.DATABASE).unlink()
    stick.write_bytes(bytes(32))
    with pytest.raises(LedgerUnusable, match="is another key"):
        keys.put_back(tmp_path / "new", stick)
