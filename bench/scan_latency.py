"""One scan, from its bytes at the pty to the answer that follows its durable event, against a bare one-row commit.

The agent is a process of its own; the answer (Honeywell's `ESC 8,ESC 8,` or `ESC 7,`) is sent only after the commit, so
the figure holds the way back too. The reference commits one row of the same size, on the same disk, in turn with the
scans. A second run has a busy thread inside the agent.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from pathlib import Path

from agent.ledger.files import open_writer
from bench.figures import percentile, verdict
from bench.processes import Agent

SCANS = 400
PAUSE_S = 0.015
BODY = b"x" * 700


def bare_commit_us(connection: sqlite3.Connection, number: int) -> float:
    begin = time.perf_counter_ns()
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO event (seq, type, body) VALUES (?, 'journal', ?)", (number, BODY))
    connection.execute("COMMIT")
    return (time.perf_counter_ns() - begin) / 1000


def measure(folder: Path, *, busy: bool) -> None:
    bare_folder = folder / "bare"
    bare_folder.mkdir(parents=True)
    bare = open_writer(bare_folder)
    agent = Agent(folder)
    agent.scanner.plug()
    agent.start(busy=busy)
    agent.first_answer_s()
    scans, commits, silent = [], [], 0
    for number in range(1, SCANS + 1):
        time.sleep(PAUSE_S)
        commits.append(bare_commit_us(bare, number))
        time.sleep(PAUSE_S)
        result = agent.scanner.scan(f"88099990{number:05d}".encode())
        if result.latency_us is None:
            silent += 1
        else:
            scans.append(float(result.latency_us))
    agent.stop()
    agent.scanner.unplug()
    bare.close()
    says = "with a busy thread" if busy else "alone"
    for name, values in (("scan to answer", scans), ("bare commit", commits)):
        shares = ", ".join(f"p{share * 100:g} {percentile(values, share) / 1000:.2f} ms" for share in (0.5, 0.9, 0.99))
        print(f"{says}: {name}: {shares}")
    if silent:
        print(f"{says}: {silent} scans got no answer in time")
    for share, limit_ms in ((0.5, 1.0), (0.99, 5.0)):
        above_ms = (percentile(scans, share) - percentile(commits, share)) / 1000
        verdict(f"{says}: p{share * 100:g} above a bare commit, ms", above_ms, limit_ms, at_least=False)


def main() -> None:
    with tempfile.TemporaryDirectory() as top:
        measure(Path(top) / "alone", busy=False)
        measure(Path(top) / "busy", busy=True)


if __name__ == "__main__":
    main()
