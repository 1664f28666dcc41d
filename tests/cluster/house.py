"""A cluster as processes that a test may kill and freeze: brokers bridged, workers, PostgreSQL.

    regions' brokers, with the stores -- bridge --> core -- workers w1, w2, w3 -- PostgreSQL

or one broker, one worker and a file. The brokers run with `config/mosquitto-*.conf`; ports and folders are other ones.
"""

from __future__ import annotations

import getpass
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

from tests.brokers import MOSQUITTO, free_port

BIN = Path(sys.executable).parent
CONFIG = Path(__file__).parents[2] / "config"
RESTART_S = 1.0
SIGNALS = {"kill": signal.SIGKILL, "freeze": signal.SIGSTOP, "thaw": signal.SIGCONT, "stop": signal.SIGTERM}


def broker_settings(name: str, port: int, folder: Path, core: int) -> str:
    """The file that is delivered, with a port of its own and without what a test machine lacks."""
    file = "mosquitto-core.conf" if name == "core" else "mosquitto-bridge-edge.conf"
    text = (CONFIG / file).read_text()
    for pattern, words in (
        (r"^listener \d+$", f"listener {port} 127.0.0.1"),
        (r"^allow_anonymous false$", "allow_anonymous true"),
        (r"^password_file .*$", f"user {getpass.getuser()}"),
        (r"^persistence_location .*$", f"persistence_location {folder}/"),
        (r"^address .*$", f"address 127.0.0.1:{core}"),
        (r"^remote_clientid .*$", f"remote_clientid {name}"),
    ):
        text, found = re.subn(pattern, words, text, flags=re.MULTILINE)
        assert found or name == "core", pattern
    return text


class Member:
    """One process; `start` it again after it was killed. `wanted` says that it should run."""

    def __init__(self, name: str, command: list[str], log: Path) -> None:
        self.name = name
        self.command = command
        self.log = log
        self.wanted = False
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(self.command, stdout=output, stderr=output)
        self.wanted = True

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def signal(self, word: str) -> None:
        assert self._process is not None
        self.wanted = self.wanted and word not in {"kill", "stop"}
        self._process.send_signal(SIGNALS[word])
        if word in {"kill", "stop"}:
            self._process.wait(20)

    def end(self) -> None:
        self.wanted = False
        if self.running:
            self.signal("thaw")
            self.signal("kill")

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""


class House:
    """`target` is the database's address or file. Who ends by itself is started again, as systemd does."""

    def __init__(self, folder: Path, target: str, *, edges: int, workers: int) -> None:
        assert MOSQUITTO is not None
        self.folder = folder
        self.target = target
        self.ports = {name: free_port() for name in ["core", *(f"edge-{one}" for one in range(1, edges + 1))]}
        self.members: dict[str, Member] = {}
        self._closing = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper")
        for name, port in self.ports.items():
            place = folder / name
            place.mkdir()
            settings = folder / f"{name}.conf"
            settings.write_text(broker_settings(name, port, place, self.ports["core"]))
            self.members[name] = Member(name, [MOSQUITTO, "-c", str(settings)], folder / f"{name}.log")
        several = target.startswith("postgres")
        for name in [f"w{one}" for one in range(1, workers + 1)]:
            command = [str(BIN / "jaego-hq"), "run", "--broker", f"127.0.0.1:{self.ports['core']}", "--db", target]
            self.members[name] = Member(name, command + ["--worker", name] * several, folder / f"{name}.log")

    @property
    def edges(self) -> list[str]:
        return [name for name in self.ports if name != "core"] or ["core"]

    @property
    def workers(self) -> list[str]:
        return [name for name in self.members if name not in self.ports]

    def __enter__(self) -> Self:
        for member in self.members.values():
            member.start()
        self._keeper.start()
        return self

    def _keep(self) -> None:
        while not self._closing.wait(RESTART_S):
            for member in self.members.values():
                if member.wanted and not member.running:
                    member.start()

    def __exit__(self, *_rest: object) -> None:
        self._closing.set()
        self._keeper.join()
        for member in self.members.values():
            member.end()

    def run(self, *command: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(BIN / command[0]), *command[1:]], capture_output=True, text=True, timeout=timeout_s, check=False,
            env={**os.environ, "COLUMNS": "160"},
        )  # fmt: skip

    def said(self) -> str:
        return "".join(f"== {name}\n{member.said()}\n" for name, member in self.members.items())

    def wait_for(self, name: str, text: str, timeout_s: float = 20) -> None:
        end_s = time.monotonic() + timeout_s
        while text not in self.members[name].said():
            assert time.monotonic() < end_s, self.said()
            time.sleep(0.05)
