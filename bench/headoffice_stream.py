"""From a commit in one process to a listener of the desk's live stream in another: `python -m bench.headoffice_stream`.

200 stores on SQLite; each round 50 of them get one movement in one commit. Shown is the time from the end of the commit
until the listener has the stock of all 50.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from headoffice.clock import SystemClock
from headoffice.storages import open_storage
from tests.brokers import free_port
from tests.headoffice.logs import Log
from tests.headoffice.taking import batch

STORES = 200
TOGETHER = 50
ROUNDS = 60
START_S = 30.0


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        target, port, clock = str(Path(folder) / "hq.db"), free_port(), SystemClock()
        storage = open_storage(target)
        logs = [Log(f"L{number}", store=f"S{number:03}").open() for number in range(STORES)]
        storage.save([batch(storage, log) for log in logs], clock.wall_us())
        program = str(Path(sys.executable).parent / "jaego-hq")
        command = [program, "desk", "--db", target, "--http", f"127.0.0.1:{port}", "--open", "--no-parts"]
        desk = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert desk.stderr is not None
        assert "http" in desk.stderr.readline()
        took_ms = []
        with httpx.stream("GET", f"http://127.0.0.1:{port}/api/v1/live?events=stock", timeout=START_S) as stream:
            lines = stream.iter_lines()
            for number in range(ROUNDS):
                some = [logs[(number * 7 + each) % STORES] for each in range(TOGETHER)]
                for log in some:
                    log.receive("COLA", 1)
                batches = [batch(storage, log, log.head) for log in some]
                storage.save(batches, clock.wall_us())
                begun = time.perf_counter()
                heard = 0
                while heard < TOGETHER:
                    heard += next(lines) == "event: stock"
                took_ms.append((time.perf_counter() - begun) * 1000)
        desk.terminate()
        desk.wait()
        storage.close()
    print(f"{ROUNDS} commits: median {statistics.median(took_ms):.0f} ms, slowest {max(took_ms):.0f} ms")


if __name__ == "__main__":
    main()
