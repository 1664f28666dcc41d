"""The unit agrees with the code: notification, exit codes, folders."""

from __future__ import annotations

import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from agent.cli import DEFAULT
from agent.errors import EXIT_CONFIG
from agent.sections import StoreSection

FOLDER = Path(__file__).parent.parent / "systemd"
UNIT = FOLDER / "jaego-agent.service"


def settings() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for line in UNIT.read_text("utf-8").splitlines():
        name, sign, value = line.partition("=")
        if sign and not line.startswith(("#", ";")):
            found[name].append(value)
    return found


def test_a_wrong_configuration_is_not_tried_again() -> None:
    assert settings()["RestartPreventExitStatus"] == [str(EXIT_CONFIG)]
    assert settings()["Restart"] == ["always"]
    assert "ExecStartPre" not in settings(), "its exit code would not prevent a restart"


def test_the_agent_says_when_it_is_ready_and_alive() -> None:
    assert settings()["Type"] == ["notify"]
    assert int(settings()["WatchdogSec"][0]) > 30, "a disk may take its time for one sync"


def test_folders_are_those_of_the_code() -> None:
    assert StoreSection.model_fields["state_dir"].default == Path("/var/lib", settings()["StateDirectory"][0])
    assert settings()["ExecStart"] == [f"/opt/jaego/bin/jaego run {DEFAULT}"]
    assert DEFAULT.parent == Path("/etc", settings()["ConfigurationDirectory"][0])


def test_the_clock_may_be_asked_and_scanners_opened() -> None:
    assert "adjtimex clock_adjtime" in settings()["SystemCallFilter"], "else every time is suspect (agent/clock.py)"
    assert "ProtectClock" not in settings(), "it refuses to ask, too"
    majors = {value.split()[0] for value in settings()["DeviceAllow"]}
    assert majors == {"char-4", "char-13", "char-136", "char-166", "char-188"}
    users = (FOLDER / "jaego.sysusers").read_text("utf-8")
    assert all(f"m jaego {group}\n" in users for group in settings()["SupplementaryGroups"][0].split())


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_understands_it(tmp_path: Path) -> None:
    """With a program that is there: a missing one is a complaint about this machine."""
    unit = tmp_path / UNIT.name
    text = UNIT.read_text("utf-8").replace("/opt/jaego/bin/jaego", shutil.which("true") or "/bin/true")
    unit.write_text(text.replace("User=jaego", "User=root").replace("Group=jaego", "Group=root"), "utf-8")
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
