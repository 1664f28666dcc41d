"""The commands of docs/start.md, out of the page itself, in their order: a store that works at the end.

Folders and ports are the test's; what needs a package manager or systemd is done as they would do it.
"""

from __future__ import annotations

import getpass
import json
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.access.start_page import COMMANDS_MAX, DESK_READY, commands
from tests.brokers import MOSQUITTO, free_port
from tests.uplink_chaos.house import until

pytestmark = [pytest.mark.broker, pytest.mark.timeout(120)]
ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


class Machine:
    """What the commands see: `/` is a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.broker, self.desk, self.screens = free_port(), free_port(), free_port()
        for folder in ("etc/mosquitto/certs", "etc/jaego", "var/lib/jaego", "var/lib/mosquitto", "usr/share/jaego"):
            (root / folder).mkdir(parents=True)
        share = root / "usr/share/jaego"
        for path in [*(ROOT / "config").glob("mosquitto-store.*"), *(ROOT / "config" / "start").iterdir()]:
            where = share / "start" if path.parent.name == "start" else share
            where.mkdir(exist_ok=True)
            (where / path.name).write_text(self.here(path.read_text()))
        ours = f'[store]\nstate_dir = "{root}/var/lib/jaego"\n[web]\nport = {self.screens}\n'
        (root / "etc/jaego/agent.toml").write_text(ours)
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def here(self, text: str) -> str:
        for name in ("etc/mosquitto", "etc/jaego", "var/lib", "usr/share/jaego"):
            text = re.sub(rf"(?<![\w.])/{name}", str(self.root / name), text)
        for before, after in (("8883", self.broker), ("8480", self.desk)):
            text = re.sub(rf"\b{before}\b", str(after), text)
        return text

    def background(self, name: str, command: list[str]) -> None:
        with (self.root / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(command, cwd=self.root, stdout=log, stderr=log)

    def run(self, line: str) -> str:
        words = shlex.split(self.here(line.removesuffix("&").strip()))
        if words[:2] == ["runuser", "-u"]:
            words = words[4:]
        if words[:2] == ["jaego-hq", "desk"]:
            words += ["--http", f"127.0.0.1:{self.desk}"]
        if words[:2] == ["jaego", "setup"]:
            words += ["--config", str(self.root / "etc/jaego/agent.toml"), "--no-start"]
        if "--owner" in words:
            at = words.index("--owner")
            del words[at : at + 2]
        if words[0].startswith("jaego"):
            words[0] = str(BIN / words[0])
        if line.endswith("&"):
            self.background(line.split()[1 if "runuser" not in line else 4], words)
            return ""
        done = subprocess.run(words, cwd=self.root, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}\n{self.logs()}"
        return done.stdout

    def logs(self) -> str:
        return "\n".join(f"{path.name}: {path.read_text(errors='replace')[-1500:]}" for path in self.root.glob("*.log"))

    def end(self) -> None:
        for one in self.running.values():
            one.terminate()
        for one in self.running.values():
            try:
                one.wait(20)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait(10)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    if MOSQUITTO is None:
        pytest.skip("needs mosquitto (apt install mosquitto)")
    found = Machine(tmp_path)
    yield found
    found.end()


def test_a_newcomer_types_ten_commands_and_the_store_works(machine: Machine) -> None:
    begun_s = time.monotonic()
    typed = commands()
    assert len(typed) <= COMMANDS_MAX
    assert typed[0].startswith("apt-get install")
    told = ""
    for line in typed[1:-1]:
        if line == "systemctl restart mosquitto":
            assert MOSQUITTO is not None
            settings = machine.root / "etc/mosquitto/mosquitto.conf"
            with settings.open("a") as file:
                file.write(f"user {getpass.getuser()}\n")
            machine.background("mosquitto", [MOSQUITTO, "-c", str(settings)])
            continue
        told = machine.run(line)
        if " desk " in line:  # a person sees it
            until(lambda: DESK_READY in machine.logs(), machine.logs, 30.0)
    assert "Head office has issued the certificate" in told
    assert "hand-1" in told
    assert "suffix #" in told
    config = machine.root / "etc/jaego/agent.toml"
    machine.background("agent", [str(BIN / "jaego"), "run", str(config)])  # what systemd does
    seen = ""

    def at_head_office() -> bool:
        nonlocal seen
        seen = machine.run(f"{typed[-1]} --json")
        found = {row["sku"]: row["quantity"] for row in map(json.loads, seen.splitlines())}
        return all(found.get(sku, 0) >= 2 for sku in ("TEA", "RICE", "SOAP"))

    until(at_head_office, lambda: seen + machine.logs(), 60.0)
    sys.stdout.write(
        f"\n{len(typed)} commands, goods of both scanners at head office after {time.monotonic() - begun_s:.1f} s\n"
    )
