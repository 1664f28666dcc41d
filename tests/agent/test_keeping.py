"""The agent and a damaged ledger: it opens with nothing lost, or changes nothing and says what to decide."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.announce import Announcer
from agent.cli import app
from agent.clock import SystemClock
from agent.config import load
from agent.errors import EXIT_CONFIG, EXIT_DAMAGED, EXIT_LEDGER, LedgerUnusable
from agent.keeping import open_whole
from agent.ledger import files, marks, snapshots
from agent.ledger.checking import check_whole
from agent.ledger.reader import Reader
from tests.agent.doctor.shop import Shop, level
from tests.agent.ledger.test_ledger import SEOUL, append, movement, open_ledger
from tests.agent.ledger.test_restore import PAGE_BYTES, POSITION, page_of
from tests.agent.ledger.test_snapshots import spoil

NOBODY = 65_534


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    with closing(open_ledger(made.state)) as ledger:
        append(ledger, *(movement() for _ in range(300)))
        snapshots.take(made.state, made.state / "snapshots", keep=3)
        append(ledger, movement())
        ledger.call(lambda tx: tx.execute(POSITION, (300,)))
    return made


def spoil_page(path: Path, number: int) -> None:
    with path.open("r+b") as file:
        file.seek((number - 1) * PAGE_BYTES)
        file.write(b"\xff" * PAGE_BYTES)


def start(shop: Shop, before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """A start that ends by itself."""
    command = [*before, sys.executable, "-c", "from agent.cli import main; main()", "run", str(shop.config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def head(shop: Shop) -> int:
    with closing(Reader(shop.state)) as reader:
        return reader.head()


def heard(process: subprocess.Popen[str], text: str) -> None:
    """Wait for a line of the agent."""
    assert process.stderr is not None
    while text not in (line := process.stderr.readline()):
        assert line, "the agent has ended"


def test_an_agent_mends_its_ledger_at_its_start_and_takes_a_snapshot(shop: Shop) -> None:
    log = shop.state / files.DATABASE
    spoil_page(log, page_of(log, "session"))
    shutil.rmtree(shop.state / "snapshots")
    with shop.agent() as process:
        heard(process, "the ledger is whole up to event 302")
        found, _code = shop.doctor()
    assert level(found, "snapshots_good") == "ok"
    assert "ledger_rotten" not in found
    assert head(shop) >= 302
    check_whole(shop.state)
    assert len(list(shop.state.glob("damaged-*/ledger.db"))) == 1


def test_damage_that_a_start_does_not_meet_is_found_while_it_runs(shop: Shop) -> None:
    log = shop.state / files.DATABASE
    spoil_page(log, page_of(log, "stock"))
    with shop.agent() as process:
        heard(process, "DAMAGED")
        found, _code = shop.doctor()
    assert level(found, "ledger_rotten") == "failure"
    assert marks.told(shop.state, marks.DAMAGED)
    with shop.agent() as process:
        assert any("nothing is lost" in line for line in shop.said)
        heard(process, "the ledger is whole")
    check_whole(shop.state)
    assert not marks.told(shop.state, marks.DAMAGED)


def test_what_cannot_be_mended_at_the_next_start_does_not_keep_the_store_closed(shop: Shop) -> None:
    """An event of the past is rotten, the end is good: the log goes on, and a person decides."""
    shutil.rmtree(shop.state / "snapshots")
    spoil(shop.state / files.DATABASE, "UPDATE event SET body = x'7b7d' WHERE seq = 100")
    with shop.agent() as process:
        heard(process, "DAMAGED")
    for _ in range(2):
        with shop.agent():
            assert any("it stays as it is: 99 events of the ledger can be saved" in line for line in shop.said)
    assert marks.told(shop.state, marks.DAMAGED)
    assert not list(shop.state.glob("damaged-*"))


def test_an_agent_that_cannot_know_changes_nothing_and_a_person_decides(shop: Shop) -> None:
    path = shop.state / files.DATABASE
    path.write_bytes(b"this is no database" * 1000)
    ended = start(shop)
    assert ended.returncode == EXIT_DAMAGED
    assert "DAMAGED" in ended.stderr
    assert "jaego restore --from-hq" in ended.stderr
    assert path.read_bytes() == b"this is no database" * 1000
    config = ["--config", str(shop.config)]
    refused = CliRunner().invoke(app, ["restore", *config])
    assert refused.exit_code == EXIT_DAMAGED
    done = CliRunner().invoke(app, ["restore", *config, "--accept-loss"])
    assert done.exit_code == 0, done.output
    assert "301 events, whatever was written behind them is LOST, and a new log" in done.output
    assert head(shop) == 302, "its opening goes on behind the parent"
    with shop.agent():
        pass


def test_a_restore_that_was_interrupted_is_ended_before_a_new_log_could_begin(shop: Shop) -> None:
    (shop.state / files.DATABASE).rename(shop.state / "restored-20260907T123000Z.db")
    with shop.agent():
        pass
    assert head(shop) >= 302


def test_a_folder_that_is_not_there_is_said_with_a_hint(shop: Shop) -> None:
    shop.config.write_text(shop.config.read_text().replace('state_dir = "state"', 'state_dir = "nowhere"'))
    ended = start(shop)
    assert ended.returncode == EXIT_LEDGER
    assert "nowhere: No such file or directory\nhint: create the state folder" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_a_folder_of_another_user_is_said_with_a_hint(mode: int) -> None:
    """Root may everything: there the folder is looked at as nobody, else it may not be written."""
    with tempfile.TemporaryDirectory() as held:
        shop = Shop(Path(held))
        Path(held).chmod(0o755)
        config, user, clock = load(shop.config), os.geteuid(), SystemClock()
        announcer = Announcer(clock, SEOUL)
        shop.state.chmod(mode if user == 0 else mode & 0o577)
        try:
            os.seteuid(NOBODY if user == 0 else user)
            with pytest.raises(LedgerUnusable, match="state: Permission denied") as caught:
                open_whole(config, clock, announcer.say, lambda: pytest.fail("it was opened"))
        finally:
            os.seteuid(user)
            shop.state.chmod(0o700)
    assert "belong to the agent's user" in caught.value.hint


def test_a_file_system_that_is_read_only_is_said_with_a_hint(shop: Shop) -> None:
    here = f"mount --bind {shop.state} {shop.state} && mount -o remount,ro,bind {shop.state}"
    if subprocess.run(["unshare", "-m", "sh", "-c", here], capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount")
    ended = start(shop, before=["unshare", "-m", "sh", "-c", f'{here} && exec "$@"', "sh"])
    assert ended.returncode == EXIT_LEDGER
    assert "state: Read-only file system\nhint: often the disk is failing" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_wrong_configuration_restores_nothing(shop: Shop) -> None:
    shop.config.write_text("[backup]\nkeep = 0\n")
    done = CliRunner().invoke(app, ["restore", "--config", str(shop.config)])
    assert done.exit_code == EXIT_CONFIG
