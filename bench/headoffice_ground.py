"""What head office's benchmarks stand on: a broker, a PostgreSQL, a worker and the load program as processes, each with
the CPU time that it used."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.brokers import Mosquitto
from tests.postgres import Postgres

BIN = Path(sys.executable).parent
# A broker for head office: its queue holds what a round of a thousand stores brings, and is flushed in parts.
MOSQUITTO = ("set_tcp_nodelay true", "max_queued_messages 1000000", "max_inflight_messages 200", "persistence false")
POSTGRES = ("shared_buffers = 512MB", "max_wal_size = 4GB", "checkpoint_timeout = 30min", "max_connections = 50")
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
SAID = re.compile(r"(\d+) stores, (\d+) events, (\d+) acknowledged in ([\d.]+) s.*?(\d+) resends, (\d+) replays")
WAITED = re.compile(r"after ([\d.]+) ms \(p50\), ([\d.]+) ms \(p99\)")


class Played(NamedTuple):
    """What the load program said: events acknowledged, seconds, and how long a message waited (ms)."""

    events: int
    seconds: float
    resends: int
    p50_ms: float
    p99_ms: float


class Ground:
    """A folder, a broker, a PostgreSQL."""

    def __init__(self, folder: Path, *, postgres: bool = True) -> None:
        self.folder = folder
        self.mosquitto = Mosquitto(folder, *MOSQUITTO)
        self.postgres = Postgres(*POSTGRES).start() if postgres else None
        self.mosquitto.start()

    def close(self) -> None:
        self.mosquitto.kill()
        if self.postgres is not None:
            self.postgres.remove()

    def again(self) -> None:
        """The broker forgets everything: sessions, positions, what is queued."""
        self.mosquitto.kill()
        self.mosquitto.start()

    def target(self, kind: str) -> str:
        """A new database."""
        if kind == "sqlite":
            with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".db", delete=False) as file:
                pass
            Path(file.name).unlink()
            return file.name
        assert self.postgres is not None
        return self.postgres.database()

    def prepare(self, name: str, *, stores: int, events: int, skus: int, mix: str) -> Path:
        folder = self.folder / name
        command = ["load", "prepare", folder, "--stores", stores, "--events", events, "--skus", skus, "--mix", mix]
        subprocess.run([str(BIN / "jaego-sim"), *map(str, command)], check=True, stdout=sys.stderr)
        return folder

    def play(self, folder: Path, *more: object) -> Played:
        command = ["load", "play", folder, "--broker", f"127.0.0.1:{self.mosquitto.port}", *more]
        found = subprocess.run(
            [str(BIN / "jaego-sim"), *map(str, command)], capture_output=True, text=True, check=False
        )
        said, waited = SAID.search(found.stdout), WAITED.search(found.stdout)
        if found.returncode or said is None:
            raise RuntimeError(f"the load program failed: {found.stdout}{found.stderr}")
        p50_ms, p99_ms = map(float, waited.groups()) if waited else (0.0, 0.0)
        return Played(int(said[3]), float(said[4]), int(said[5]), p50_ms, p99_ms)

    @contextmanager
    def running(self, *command: object) -> Generator[subprocess.Popen[bytes]]:
        """A process that has subscribed at the broker; ended afterwards."""
        log = self.folder / "process.log"
        with log.open("wb") as output:
            process = subprocess.Popen([*map(str, command)], stdout=output, stderr=output)
            try:
                time.sleep(1.5)
                if process.poll() is not None:
                    raise RuntimeError(log.read_text())
                yield process
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(30)

    def worker(self, target: str) -> list[object]:
        return [BIN / "jaego-hq", "run", "--db", target, "--broker", f"127.0.0.1:{self.mosquitto.port}"]

    def cpu_s(self, process: subprocess.Popen[bytes]) -> dict[str, float]:
        """CPU seconds since their start: of the process, the broker, and PostgreSQL with all its processes."""
        found = {"worker": _cpu_s(process.pid), "broker": _cpu_s(pid_of(self.mosquitto))}
        if self.postgres is not None:
            found["database"] = _family_cpu_s(pid_of(self.postgres))
        return found


def pid_of(server: Mosquitto | Postgres) -> int:
    assert server._process is not None  # noqa: SLF001  tests never need it
    return server._process.pid  # noqa: SLF001


@contextmanager
def ground(*, postgres: bool = True) -> Generator[Ground]:
    with tempfile.TemporaryDirectory() as top:
        made = Ground(Path(top), postgres=postgres)
        try:
            yield made
        finally:
            made.close()


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()


def _cpu_s(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) * TICK_S


def _family_cpu_s(pid: int) -> float:
    """With children that live and children that have ended."""
    fields = _stat(pid)
    total = sum(int(one) for one in fields[11:15]) * TICK_S
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if int(_stat(int(entry.name))[1]) == pid:
                    total += _cpu_s(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return total


def resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))
