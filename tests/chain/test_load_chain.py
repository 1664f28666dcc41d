"""`jaego-sim load` against a real broker and a real head office: all stores arrive, over a broker that is killed."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headoffice.storages import open_storage
from headoffice.verify import compare_export
from tests.brokers import Mosquitto

pytestmark = pytest.mark.broker
BIN = Path(sys.executable).parent
LIMIT_S = 100


@contextmanager
def head_office(database: Path, port: int, log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(BIN / "jaego-hq"), "run", "--db", str(database), "--broker", f"127.0.0.1:{port}"], stderr=output
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


def sim(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "jaego-sim"), "load", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)


def equal(database: Path, folder: Path) -> list[bool]:
    held = open_storage(str(database), read_only=True)
    found: list[bool] = []
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("rb") as lines:
            found.append(compare_export(held, path.stem, lines).equal)
    held.close()
    return found


def test_all_stores_arrive_over_a_broker_that_is_killed(tmp_path: Path) -> None:
    logs, database, times = tmp_path / "logs", tmp_path / "hq.db", tmp_path / "times.csv"
    assert sim("prepare", logs, "--stores", 20, "--events", 200, "--skus", 20).returncode == 0
    with Mosquitto(tmp_path, "persistence false") as broker:
        with head_office(database, broker.port, tmp_path / "hq.log"):
            killer = threading.Timer(2.0, lambda: (broker.kill(), broker.start()))
            killer.start()
            address = f"127.0.0.1:{broker.port}"
            played = sim("play", logs, "--broker", address, "--rate", 1000, "--batch", 10, "--times", times)
            killer.join()
        assert played.returncode == 0, played.stdout + played.stderr
        assert equal(database, logs) == [True] * 20
    said = re.search(r"20 stores, (\d+) events, (\d+) acknowledged", played.stdout)
    assert said is not None
    assert said[1] == said[2] == str(20 * 201)
    rows = [line.split(",") for line in times.read_text().splitlines()]
    assert {row[0] for row in rows} == {f"S{number:05d}" for number in range(1, 21)}
    assert all(int(existed) <= int(acknowledged) for _store, _seq, existed, acknowledged in rows)


def test_without_a_head_office_the_run_ends_and_says_so(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    assert sim("prepare", logs, "--stores", 2, "--events", 5, "--skus", 5, "--mix", "movements").returncode == 0
    with Mosquitto(tmp_path) as broker:
        played = sim("play", logs, "--broker", f"127.0.0.1:{broker.port}", "--patience", 2)
    assert played.returncode == 1
    assert " 0 acknowledged" in played.stdout
    assert sim("play", tmp_path / "none").returncode == 1
    assert sim("play", logs, "--broker", "nowhere").returncode == 2
