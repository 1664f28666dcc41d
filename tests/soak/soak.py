"""Days of a busy store in minutes: `python -m tests.soak.soak --days 7 --seconds 1500 --into FOLDER`.

A reader over shelves of tags, four scanners that receive, the agent with its screens, mosquitto and head
office, each a process. Sampled each simulated hour; at the end head office must equal the store, what the scanners
were told must be there once, and nothing may have grown (`judge.py`).
"""

from __future__ import annotations

import argparse
import csv
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from tests.soak.judge import grown
from tests.soak.store import Sample, Store

DAY_S = 86_400
BEGIN_S = 6.0  # until everything is up
SETTLE_S = 120.0


class Found(NamedTuple):
    reads: int
    events: int
    acknowledged: int
    lost: int
    doubled: int
    wrong: list[str]
    samples: list[Sample]


def soak(folder: Path, *, days: float, seconds: float, scans_per_s: float, reads_per_s: float, strict: bool) -> Found:
    store = Store(folder, factor=days * DAY_S / seconds, scans_per_s=scans_per_s, reads_per_s=reads_per_s)
    samples: list[Sample] = []
    wrong: list[str] = []
    try:
        store.start()
        time.sleep(BEGIN_S)
        begin = time.monotonic()
        for hour in range(1, round(days * 24) + 1):
            time.sleep(max(0.0, begin + hour * seconds / (days * 24) - time.monotonic()))
            if ended := store.ended():
                return Found(0, 0, 0, 0, 0, [ended], samples)
            samples.append(store.sample(hour))
            say(_line(samples[-1]))
        store.stop("scanners")
        reads = store.reads()
        store.stop("reader")
        store.slow_down()
        wrong += _compared(store)
    finally:
        store.stop_all()
        _write(folder / "soak.csv", samples)
    wrong += grown(samples, strict=strict)
    return _judged(store, reads, wrong, samples)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _compared(store: Store) -> list[str]:
    address = f"127.0.0.1:{store.broker.port}"
    commands = [
        ("jaego-hq", "verify", "--db", "hq.db", "--broker", address, "--timeout", str(int(SETTLE_S))),
        ("jaego", "log", "verify", "-c", str(store.config)),
    ]
    done = [(command, store.run(*command)) for command in commands]
    return [f"{' '.join(one[:2])}: {ran.stdout}{ran.stderr}" for one, ran in done if ran.returncode]


def _judged(store: Store, reads: int, wrong: list[str], samples: list[Sample]) -> Found:
    """Head office has every event, also those that the store let go: what the scanners were told is looked for there.

    Each code was moved as often as it was acknowledged; a scan that nobody answered may be there or not.
    """
    moved: Counter[str] = Counter()
    events = 0
    with closing(sqlite3.connect(store.folder / "hq.db")) as connection:
        for (body,) in connection.execute("SELECT body FROM event"):
            event: dict[str, Any] = orjson.loads(body)
            events += 1
            moved.update(line["code"]["text"] for line in event["data"].get("lines", ()))
    seen = Counter(one["code"].removeprefix("]E0") for one in store.witnessed() if one["answer"] == "good")
    lost = sum(max(0, count - moved[code]) for code, count in seen.items())
    doubled = sum(max(0, count - seen[code]) for code, count in moved.items()) - store.unanswered()
    return Found(reads, events, seen.total(), lost, max(0, doubled), wrong, samples)


def _line(one: Sample) -> str:
    return (
        f"day {one.hour / 24:5.2f}  agent {one.agent_rss / 1e6:6.1f} MB {one.agent_files:3} files "
        f"{one.agent_threads:2} threads  head office {one.headoffice_rss / 1e6:6.1f} MB {one.headoffice_files:3} "
        f"{one.headoffice_threads:2}  ledger {one.ledger / 1e6:7.1f} MB  WAL {one.wal / 1e6:5.1f}  "
        f"snapshots {one.snapshots / 1e6:7.1f}  event {one.head:8,}  kept {one.kept:8,}  waiting {one.waiting:6,}"
    )


def _write(path: Path, samples: list[Sample]) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(Sample._fields)
        rows.writerows(samples)


def told(found: Found) -> str:
    counted = f"{found.reads:,} reads, {found.events:,} events, {found.acknowledged:,} scans acknowledged"
    return "\n".join([f"{counted}, lost {found.lost}, doubled {found.doubled}", *found.wrong])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=float, default=7)
    parser.add_argument("--seconds", type=float, default=1500)
    parser.add_argument("--scans", type=float, default=140, help="a second")
    parser.add_argument("--reads", type=float, default=700, help="a second")
    parser.add_argument("--into", type=Path, help="an empty folder; absent: one that is forgotten")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as forgotten:
        folder = given.into or Path(forgotten)
        folder.mkdir(exist_ok=True)
        found = soak(
            folder.absolute(), days=given.days, seconds=given.seconds, scans_per_s=given.scans,
            reads_per_s=given.reads, strict=True,
        )  # fmt: skip
    say(told(found))
    return 1 if found.wrong or found.lost or found.doubled else 0


if __name__ == "__main__":
    sys.exit(main())
