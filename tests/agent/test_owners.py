"""Files in the state folder that are not the agent's, as root's tools leave them: each is named, with what to do."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agent.cli import app
from agent.errors import EXIT_LEDGER
from agent.ledger import files, keys
from tests.agent.doctor.shop import Shop
from tests.agent.ledger.test_checkpoints import open_ledger
from tests.agent.ledger.test_ledger import append, movement

NOBODY = 65_534
COMMANDS = [("run",), ("key", "show"), ("key", "rotate"), ("key", "lost")]


@pytest.fixture(scope="module", autouse=True)
def loaded(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nobody may perhaps not read our modules: what the commands import late is imported now."""
    shop = Shop(tmp_path_factory.mktemp("loaded"))
    with closing(open_ledger(shop.state)) as ledger:
        for words in COMMANDS:  # refused, but for `show`: the folder is in use
            assert command(shop, *words)().exit_code in {0, EXIT_LEDGER}
        assert ledger.unsigned is None


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A store whose agent was killed, so that the write-ahead log is there; in a folder that others may look into."""
    with tempfile.TemporaryDirectory() as held:
        made = Shop(Path(held))
        ledger = open_ledger(made.state)
        append(ledger, movement())
        for name in (files.DATABASE, f"{files.DATABASE}-wal", files.KEY, files.LOCK):
            shutil.copy(made.state / name, Path(held) / name)
        ledger.close()
        for name in (files.DATABASE, f"{files.DATABASE}-wal", files.KEY, files.LOCK):
            shutil.copy(Path(held) / name, made.state / name)
        Path(held).chmod(0o755)
        yield made
        made.state.chmod(0o700)


def of_another(shop: Shop, name: str, mode: int = 0o600) -> None:
    """The folder is the agent's, and this file in it is not. Who is not root takes the right from himself."""
    if os.geteuid():
        (shop.state / name).chmod(mode & 0o044)
        return
    for path in (shop.folder, shop.state, *shop.state.iterdir()):
        os.chown(path, NOBODY, NOBODY)
    os.chown(shop.state / name, 0, 0)
    (shop.state / name).chmod(mode)


def as_the_agent(shop: Shop, act: Callable[[], Result]) -> tuple[int, str]:
    """Exit code and standard error of a command as the agent's user runs it."""
    if os.geteuid():
        done = act()
        return done.exit_code, done.stderr
    told = shop.folder / "told"
    child = os.fork()
    if child == 0:
        code = 255
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            done = act()
            told.write_text(done.stderr if done.exception is None or done.exit_code != 1 else repr(done.exception))
            code = done.exit_code
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), told.read_text()


def command(shop: Shop, *words: str) -> Callable[[], Result]:
    options = [str(shop.config)] if words[0] == "run" else ["--config", str(shop.config)]
    return lambda: CliRunner().invoke(app, [*words, *options])


@pytest.mark.parametrize("mode", [0o600, 0o644])
@pytest.mark.parametrize("name", [files.DATABASE, f"{files.DATABASE}-wal", files.LOCK])
def test_a_file_of_the_ledger_that_is_anothers_is_named(shop: Shop, name: str, mode: int) -> None:
    of_another(shop, name, mode)
    before = {path.name: path.stat().st_size for path in shop.state.iterdir()}
    code, told = as_the_agent(shop, command(shop, "run"))
    assert code == EXIT_LEDGER, told
    assert "Permission denied" in told
    assert name in told or name == files.LOCK
    assert "must belong to the agent's user: chown -R" in told
    assert "Traceback" not in told
    after = {path.name: path.stat().st_size for path in shop.state.iterdir()}
    assert before.items() <= after.items(), "nothing was changed"


@pytest.mark.parametrize("words", COMMANDS[1:])
def test_a_key_that_is_anothers_is_named_and_never_taken_for_lost(shop: Shop, words: tuple[str, ...]) -> None:
    of_another(shop, files.KEY)
    key = (shop.state / files.KEY).stat().st_ino
    code, told = as_the_agent(shop, command(shop, *words))
    assert (code, "store.key: Permission denied" in told) == (EXIT_LEDGER, True), told
    assert "chown" in told or "root" in told
    assert (shop.state / files.KEY).stat().st_ino == key
    assert not list(shop.state.glob(f"{keys.OTHER}*"))


def test_what_root_writes_is_the_agents(shop: Shop) -> None:
    if os.geteuid():
        pytest.skip("only root may give files away")
    of_another(shop, files.KEY)
    with closing(open_ledger(shop.state)) as ledger:
        ledger.call(ledger.rotation())
    keys.back_up(shop.state, shop.state / "copy")
    for name in (files.KEY, keys.SAVED, "copy"):
        assert (shop.state / name).stat().st_uid == NOBODY, name
