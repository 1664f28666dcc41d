"""`jaego key`, beside a running agent and without one; and an outsider who follows the exchanges of a key."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agent.cli import app
from agent.errors import EXIT_CONFIG, EXIT_LEDGER
from agent.ledger import files, keys
from agent.ledger.checking import check_whole
from agent.ledger.proofs import proof
from agent.ledger.reader import Reader, verify
from tests.agent.doctor.shop import Shop, level
from tests.agent.ledger.test_checkpoints import PAGE

READABLE_BY_OWNER = 0o600


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    made.begin()
    return made


def run(shop: Shop, *command: str) -> Result:
    result = CliRunner().invoke(app, ["key", *command, "--config", str(shop.config)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def key(shop: Shop) -> str:
    return run(shop, "show").stdout.strip()


def verified(shop: Shop) -> int:
    check_whole(shop.state)
    with closing(Reader(shop.state)) as reader:
        return int(verify(reader, known=keys.known(shop.state))["signed"])


def test_a_key_is_exchanged_beside_a_running_agent_and_without_one(shop: Shop) -> None:
    held = [key(shop)]
    with shop.agent():
        held.append(run(shop, "rotate").stdout.strip())
        assert key(shop) == held[-1]
        held.append(run(shop, "rotate").stdout.strip())
    done = run(shop, "rotate")
    held.append(done.stdout.strip())
    assert (done.exit_code, "jaego key backup" in done.stderr) == (0, True)
    assert len(set(held)) == 4
    assert held[-1] == key(shop) == files.read_key(shop.state)[1]
    told = json.loads(run(shop, "history").stdout)
    assert [told["key"], *(one["data"]["key"] for one in told["rotations"])] == [held[-1], *held[:-1]]
    with closing(Reader(shop.state)) as reader:
        assert verified(shop) == reader.head()


def test_the_doctor_asks_for_a_copy_of_the_key_until_there_is_one(shop: Shop) -> None:
    assert level(shop.doctor()[0], "key_unsaved") == "warning"
    stick = shop.folder / "stick"
    assert run(shop, "backup", str(stick)).exit_code == 0
    assert stick.stat().st_mode & 0o7777 == READABLE_BY_OWNER
    assert "key_unsaved" not in shop.doctor()[0]
    run(shop, "rotate")
    assert level(shop.doctor()[0], "key_unsaved") == "warning"


def test_a_lost_key_comes_back_from_its_copy(shop: Shop) -> None:
    stick = shop.folder / "stick"
    run(shop, "backup", str(stick))
    (shop.state / files.KEY).unlink()
    for command in ("show", "rotate"):
        lost = run(shop, command)
        assert (lost.exit_code, "jaego key restore" in lost.stderr) == (EXIT_LEDGER, True)
    with shop.agent():
        refused = run(shop, "rotate")
        assert (refused.exit_code, "jaego key restore" in refused.stderr) == (1, True)
        running = run(shop, "restore", str(stick))
        assert (running.exit_code, "in use" in running.stderr) == (EXIT_LEDGER, True)
    assert run(shop, "restore", str(stick)).exit_code == 0
    assert run(shop, "rotate").exit_code == 0
    assert verified(shop) > 1


@pytest.mark.parametrize("command", ["show", "history", "rotate", "backup"])
def test_where_there_is_no_log_nothing_is_made(tmp_path: Path, command: str) -> None:
    shop = Shop(tmp_path)
    file = [str(tmp_path / "stick")] if command == "backup" else []
    done = run(shop, command, *file)
    assert (done.exit_code, "there is no ledger" in done.stderr) == (EXIT_LEDGER, True)
    assert not list(shop.state.iterdir())


def test_a_wrong_configuration_is_said(shop: Shop) -> None:
    shop.config.write_text("[backup]\nkeep = 0\n")
    assert run(shop, "rotate").exit_code == EXIT_CONFIG


# -- an outsider -----------------------------------------------------------------------------------------------------


def follow(folder: Path, history: object, known: str) -> subprocess.CompletedProcess[str]:
    """The second procedure of docs/proof.md, as it stands there."""
    script = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[1]
    (folder / "follow.py").write_text(script, "utf-8")
    (folder / "history.json").write_text(json.dumps(history), "utf-8")
    command = [sys.executable, "-I", str(folder / "follow.py"), str(folder / "history.json"), known]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_outsider_follows_the_keys_back_to_the_one_that_signed_a_proof(shop: Shop, tmp_path: Path) -> None:
    first = key(shop)
    for _ in range(3):
        run(shop, "rotate")  # each time, the agent's clean stop signs
    with closing(Reader(shop.state)) as reader:
        early = proof(reader, 2)
        middle = early["key"]
    told = json.loads(run(shop, "history").stdout)
    done = follow(tmp_path, told, key(shop))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [key(shop), *(one["data"]["key"] for one in told["rotations"][::-1])]
    assert lines[-1] == f"{first} signs from the log's beginning"
    assert f"{middle} signs from event 3 on" in lines
    for spoil in range(4):
        copy = json.loads(json.dumps(told))
        rotation = copy["rotations"][1]
        if spoil == 0:
            del copy["rotations"][1]
        elif spoil == 1:
            rotation["seq"] += 1
        elif spoil == 2:
            rotation["data"]["key"] = first
        else:
            rotation["data"]["signature"] = rotation["data"]["next_signature"]
        assert follow(tmp_path, copy, key(shop)).returncode != 0, spoil
    assert follow(tmp_path, told, first).returncode != 0
