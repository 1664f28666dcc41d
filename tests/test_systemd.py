"""The units agree with the code: notification, exit codes, folders, options; and how much they leave open is known."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

import headoffice.cli
import headoffice.options_cli
from agent.cli import DEFAULT
from agent.errors import EXIT_CONFIG, EXIT_DAMAGED
from agent.sections import StoreSection

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "systemd"
UNIT = FOLDER / "jaego-agent.service"
HEAD_OFFICE = [FOLDER / f"jaego-{name}.service" for name in ("hq", "hq-desk", "hq-backup")]
RENEW = FOLDER / "jaego-renew.service"
UNITS = [UNIT, RENEW, *HEAD_OFFICE]
EXPOSURE_MAX = 2.0

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


def settings(unit: Path = UNIT) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for line in unit.read_text("utf-8").splitlines():
        name, sign, value = line.partition("=")
        if sign and not line.startswith(("#", ";")):
            found[name].append(value)
    return found


def test_what_a_person_must_mend_is_not_tried_again() -> None:
    assert settings()["RestartPreventExitStatus"] == [f"{EXIT_DAMAGED} {EXIT_CONFIG}"]
    assert settings()["Restart"] == ["always"]
    assert "ExecStartPre" not in settings(), "its exit code would not prevent a restart"


def test_the_agent_says_when_it_is_ready_and_alive() -> None:
    assert settings()["Type"] == ["notify"]
    assert int(settings()["WatchdogSec"][0]) > 30, "a disk may take its time for one sync"


def test_folders_are_those_of_the_code() -> None:
    assert StoreSection.model_fields["state_dir"].default == Path("/var/lib", settings()["StateDirectory"][0])
    assert settings()["ExecStart"] == [f"/opt/jaego/bin/jaego run {DEFAULT}"]
    for unit in UNITS:
        assert "ConfigurationDirectory" not in settings(unit), "systemd would open /etc/jaego for writing"


def test_the_certificate_is_looked_at_every_day_as_the_agents_user_in_its_folders() -> None:
    found, agent = settings(RENEW), settings()
    assert found["ExecStart"] == [f"/opt/jaego/bin/jaego renew --config {DEFAULT}"]
    for name in ("User", "Group", "StateDirectory", "ConditionPathExists", "UMask"):
        assert found[name] == agent[name], name
    timer = settings(RENEW.with_suffix(".timer"))
    assert (timer["OnCalendar"], timer["Persistent"]) == (["*-*-* 10:00"], ["yes"])
    assert timer["RandomizedDelaySec"] == ["6h"], "five thousand stores in six hours are one in four seconds"


def test_the_clock_may_be_asked_and_scanners_opened() -> None:
    assert "adjtimex clock_adjtime" in settings()["SystemCallFilter"], "else every time is suspect (agent/clock.py)"
    assert "ProtectClock" not in settings(), "it refuses to ask, too"
    majors = {value.split()[0] for value in settings()["DeviceAllow"]}
    assert majors == {"char-4", "char-13", "char-136", "char-166", "char-188"}
    users = (FOLDER / "jaego.sysusers").read_text("utf-8")
    assert all(f"m jaego {group}\n" in users for group in settings()["SupplementaryGroups"][0].split())


def test_an_agent_that_is_not_configured_has_not_failed() -> None:
    assert settings()["ConditionPathExists"] == [str(DEFAULT)]


def options(unit: Path) -> list[str]:
    """The command line with what the unit says where /etc/jaego/hq.env says nothing."""
    found = settings(unit)
    defaults = dict(one.split("=", 1) for line in found["Environment"] for one in line.split())
    (command,) = found["ExecStart"]
    program, *words = re.sub(r"\$\{?(\w+)\}?", lambda one: defaults[one[1]], command).split()
    assert program == "/opt/jaego/bin/jaego-hq"
    return words


@pytest.mark.parametrize("unit", HEAD_OFFICE, ids=lambda unit: unit.stem)
def test_head_offices_commands_know_their_options(unit: Path) -> None:
    command, *words = options(unit)
    program = [sys.executable, "-c", "from headoffice.cli import main; main()", command, "--help"]
    told = subprocess.run(program, capture_output=True, text=True, timeout=60, check=True, env={"COLUMNS": "200"})
    known = set(re.findall(r"--[a-z-]+", told.stdout))
    assert {word for word in words if word.startswith("--")} <= known
    assert words[words.index("--db") + 1] == "/var/lib/jaego-hq/headoffice.db"
    assert settings(unit)["StateDirectory"] == ["jaego-hq"]


def test_what_head_offices_units_read_is_explained() -> None:
    told = set(re.findall(r"^#(JAEGO_HQ_\w+)=", (FOLDER / "hq.env").read_text("utf-8"), re.MULTILINE))
    assert told == {one for unit in HEAD_OFFICE for one in re.findall(r"\$\{?(\w+)", settings(unit)["ExecStart"][0])}


def test_a_wrong_option_of_head_office_is_not_tried_again() -> None:
    for unit in HEAD_OFFICE[:2]:
        assert settings(unit)["RestartPreventExitStatus"] == [str(headoffice.options_cli.EXIT_CONFIG)]
        assert settings(unit)["Restart"] == ["always"]


def test_users_and_folders_are_made() -> None:
    users = (FOLDER / "jaego.sysusers").read_text("utf-8")
    folders = (FOLDER / "jaego.tmpfiles").read_text("utf-8")
    for unit in UNITS:
        (user,), (state,) = settings(unit)["User"], settings(unit)["StateDirectory"]
        assert f"\nu {user} - " in users
        assert f"\nd /var/lib/{state} 0750 {user} {user} -\n" in folders


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_understands_it(unit: Path, tmp_path: Path) -> None:
    """With programs that are there: a missing one is a complaint about this machine."""
    program = shutil.which("true") or "/bin/true"
    for one in UNITS:
        text = re.sub(r"/opt/jaego/bin/[\w-]+", program, one.read_text("utf-8"))
        (tmp_path / one.name).write_text(re.sub(r"(User|Group)=jaego.*", r"\1=root", text), "utf-8")
    timer = unit.with_suffix(".timer")
    if timer.exists():
        shutil.copy(timer, tmp_path)
    names = [unit.name, *([timer.name] if timer.exists() else [])]
    command = ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in names)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def audit(unit: Path) -> tuple[float, set[str]]:
    """The exposure, and the names of the points that are left open."""
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager"]
    told, rows = (
        subprocess.run([*command, *more, str(unit)], capture_output=True, text=True, timeout=60, check=False).stdout
        for more in ((), ("--json=short",))
    )
    overall = re.search(r"exposure level for \S+: ([\d.]+)", told)
    assert overall is not None
    return float(overall[1]), {row["name"] for row in json.loads(rows) if row["set"] is False and row["exposure"]}


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_little_is_left_open_and_each_point_is_explained(unit: Path) -> None:
    exposure, left = audit(unit)
    assert exposure <= EXPOSURE_MAX
    page = (ROOT / "docs" / "install.md").read_text("utf-8").replace("\\|", "|")
    explained = {name for row in page.splitlines() if row.startswith("| `") for name in re.findall(r"`([^`]+)`", row)}
    assert left <= explained
