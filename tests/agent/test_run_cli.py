"""What `jaego run` loads stays for as long as the store's PC runs: nothing that this store does not need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
[store]
id = "S001"
state_dir = "{folder}"
zones = ["backroom"]
[[station]]
name = "dock"
zone = "backroom"
[[device]]
name = "dock-line"
station = "dock"
[device.settings]
kind = "serial_line"
path = "dev/dock-line"
"""
# Everything is built as by `run`; instead of running, it says what was loaded.
LOOK = """
import sys
from agent import compose
compose.Agent.run = lambda self: print(*(one for one in sys.modules if one.startswith(("typer", "drivers.")))) or 0
from agent.run_cli import main
main()
"""


def loaded(config: Path) -> set[str]:
    ran = subprocess.run(
        [sys.executable, "-c", LOOK, "run", str(config)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(ran.stdout.split())


def test_a_store_loads_the_codecs_of_its_own_devices_and_no_command_line(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(CONFIG.format(folder=tmp_path))
    found = loaded(config)
    assert "drivers.serial_scanner.driver" in found
    assert found.isdisjoint({"typer", "drivers.llrp.driver", "drivers.r200.driver", "drivers.hid.driver"})


@pytest.mark.parametrize("words", [["run"], ["run", "{file}"]])
def test_a_file_that_cannot_be_read_is_said_with_a_hint(words: list[str], tmp_path: Path) -> None:
    file = tmp_path / "none.toml"
    ran = subprocess.run(
        [sys.executable, "-c", "from agent.run_cli import main; main()", *(one.format(file=file) for one in words)],
        cwd=ROOT,
        env={"JAEGO_CONFIG": str(file)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (78, "")
    assert str(file) in ran.stderr
    assert "hint: " in ran.stderr


def test_everything_else_is_for_the_tools() -> None:
    code = "from agent.run_cli import main; main()"
    command = [sys.executable, "-c", code, "run", "--help"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Run the agent until SIGTERM" in ran.stdout
