"""A real PostgreSQL for tests: its own server in a temporary folder on a free loopback port, a database for each test.

The server starts once and lasts as long as the test session; tests that kill it start one of their own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.brokers import free_port

START_S_MAX = 60.0
MISSING = "needs PostgreSQL (scripts/postgres) and psycopg (pip install 'jaego[postgres]')"


@cache
def binaries() -> Path | None:
    """The newest of Debian's, or the one in the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda one: int(one.parts[-3]))
    anywhere = shutil.which("postgres")
    return found[-1].parent if found else Path(anywhere).parent if anywhere else None


class Postgres:
    """`settings` are lines of postgresql.conf. The server runs as the user `postgres` where the test runs as root."""

    def __init__(self, *settings: str) -> None:
        folder = binaries()
        if folder is None:
            pytest.skip(MISSING)
        pytest.importorskip("psycopg", reason=MISSING)
        self.port = free_port()
        self._binaries = folder
        self._user = "postgres" if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="jaego-postgres-"))
        if self._user is not None:
            shutil.chown(self._folder, self._user, self._user)
        self._data = self._folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        command = ["initdb", "--pgdata", str(self._data), "--username", "jaego", "--auth", "trust", "--encoding=UTF8"]
        self._run([*command, "--locale=C.UTF-8", "--no-sync"])
        lines = ["listen_addresses = '127.0.0.1'", f"port = {self.port}", f"unix_socket_directories = '{self._folder}'"]
        with (self._data / "postgresql.auto.conf").open("a") as file:
            file.write("\n".join([*lines, *settings]) + "\n")

    def start(self) -> Self:
        """Returns once it takes connections."""
        log = self._folder / "postgres.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(self._binaries / "postgres"), "-D", str(self._data)],
                stdout=output, stderr=output, cwd=self._folder, start_new_session=True,
                user=self._user, group=self._user, extra_groups=[] if self._user else None,
            )  # fmt: skip
        end_s = time.monotonic() + START_S_MAX
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end_s:
                pytest.fail(f"PostgreSQL does not start: {log.read_text()}")
            threading.Event().wait(0.05)
        return self

    def stop(self) -> None:
        """What runs is broken off, what is committed is written."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """All its processes at once, as a power cut would."""
        self._end(signal.SIGKILL)

    def remove(self) -> None:
        if self._process is not None:
            self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def address(self, database: str = "postgres", user: str = "jaego") -> str:
        """`jaego` may do everything, `office` what the owner of a database may."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def database(self, options: str = "") -> str:
        """The address of a new and empty database, for a user who is nobody elsewhere."""
        import psycopg  # noqa: PLC0415  an extra

        self._databases += 1
        name = f"test_{self._databases}"
        with psycopg.connect(self.address(), autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'office'").fetchone() is None:
                connection.execute("CREATE ROLE office LOGIN")
            connection.execute(f"CREATE DATABASE {name} OWNER office {options}".encode())
        return self.address(name, "office")

    def drop(self, address: str) -> None:
        """With whoever is still connected."""
        import psycopg  # noqa: PLC0415  an extra

        name = address.rpartition("/")[2]
        with psycopg.connect(self.address(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def _answers(self) -> bool:
        import psycopg  # noqa: PLC0415  an extra

        try:
            psycopg.connect(self.address(), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _end(self, number: signal.Signals) -> None:
        assert self._process is not None
        send = os.killpg if number == signal.SIGKILL else os.kill
        send(self._process.pid, number)
        self._process.wait(START_S_MAX)
        self._process = None

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(
            [str(self._binaries / command[0]), *command[1:]],
            capture_output=True, text=True, check=False, cwd=self._folder,
            user=self._user, group=self._user, extra_groups=[] if self._user else None,
        )  # fmt: skip
        if done.returncode != 0:
            pytest.fail(f"{command[0]} failed: {done.stderr}")
