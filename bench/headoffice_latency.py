"""From a scan to head office: 50 single events a second over 1,000 stores; and 100,000 events of 50 stores at once.

`stored` is from the moment that an event exists in its store until head office begins the commit that has it (`at_us`
of its row), `acknowledged` until the store has heard of the commit; both clocks are this machine's.

    python -m bench.headoffice_latency [SECONDS]
"""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from pathlib import Path

from bench.figures import percentile, verdict
from bench.headoffice_ground import Ground, ground
from headoffice.database import open_database

RATE = 50
STORES = 1000
BACKLOG_STORES = 50
BACKLOG_EVENTS = 2000
OPENING = 1  # the event of an opening of 250 rows or fewer


def latency(where: Ground, kind: str, logs: Path, seconds: int) -> None:
    target, times = where.target(kind), where.folder / "times.csv"
    where.again()
    with where.running(*where.worker(target)):
        where.play(logs, "--until", OPENING)
        where.play(logs, "--rate", RATE, "--batch", 1, "--seconds", seconds, "--times", times)
    database = open_database(target, read_only=True)
    stored = {(row[0], row[1]): row[2] for row in database.rows("SELECT store, seq, at_us FROM event")}
    database.close()
    waits: list[tuple[float, float]] = []
    with times.open(newline="") as file:
        for store, seq, existed, acknowledged in csv.reader(file):
            waits.append(((stored[store, int(seq)] - int(existed)) / 1000, (int(acknowledged) - int(existed)) / 1000))
    for name, values in (("stored", [one[0] for one in waits]), ("acknowledged", [one[1] for one in waits])):
        p50, p99 = percentile(values, 0.5), percentile(values, 0.99)
        print(f"  {kind:9} {name:13} p50 {p50:6.1f} ms   p99 {p99:6.1f} ms   of {len(values)} events")
    verdict(f"{kind}: acknowledged, p99 (ms)", percentile([one[1] for one in waits], 0.99), 1000, at_least=False)


def backlog(where: Ground, kind: str, logs: Path) -> None:
    target = where.target(kind)
    where.again()
    with where.running(*where.worker(target)):
        where.play(logs, "--until", OPENING)
        begin = time.perf_counter()
        played = where.play(logs)
        elapsed = time.perf_counter() - begin
    equal = [sys.executable, "-m", "bench.headoffice_equal", target, str(logs)]
    said = subprocess.run(equal, capture_output=True, text=True, check=False)
    print(
        f"  {kind:9} {played.events} events in {played.seconds:.1f} s ({elapsed:.1f} s with connecting): "
        f"{played.events / played.seconds:,.0f} events/s, {played.resends} resends; {said.stdout.strip()}"
    )


def main() -> None:
    seconds = int(sys.argv[1]) if sys.argv[1:] else 30
    with ground() as where:
        logs = where.prepare("live", stores=STORES, events=seconds * RATE * 2 // STORES + 10, skus=100, mix="day")
        print(f"{RATE} events a second over {STORES} stores, one event a message, {seconds} s")
        for kind in ("sqlite", "postgres"):
            latency(where, kind, logs, seconds)
        logs = where.prepare("backlog", stores=BACKLOG_STORES, events=BACKLOG_EVENTS, skus=100, mix="day")
        print(f"{BACKLOG_STORES} stores with {BACKLOG_EVENTS} events each, at once, as a day makes them")
        for kind in ("sqlite", "postgres"):
            backlog(where, kind, logs)


if __name__ == "__main__":
    main()
