"""Events per second from the stores' logs into head office's database, each verified and acknowledged after its commit.

In turn, the same events of the same stores, from the same broker:

    sqlite     the worker (`jaego-hq run`) to SQLite
    postgres   the worker to PostgreSQL
    plain      the reference: one process that receives, parses, hashes and copies the events into PostgreSQL; it keeps
               no order, knows no gap and makes no stock
    tuned      the same with the worker's connection and interpreter settings
    copy       plain COPY of the same rows from memory, in rounds of the same size

The stores are known already (their openings are taken in before the clock starts). `movements` come in full messages
of 64 KiB; `day` is what four busy stations make, 2.4 events a message, because a message holds one type; `single` is
movements with one event a message.

    python -m bench.headoffice_ingest [STORES] [EVENTS A STORE] [ROUNDS] [MIX …]
"""

from __future__ import annotations

import itertools
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psycopg

from bench.figures import in_turn, ratio, verdict
from bench.headoffice_ground import Ground, ground
from bench.headoffice_reference import Row, copy, rows_of
from headoffice.postgres import PostgresStore
from simulators.load_log import Log

OPENING = 1  # the event of an opening of 250 rows or fewer
SKUS = 100
ROUND_EVENTS = 5_000


class Bench:
    def __init__(self, where: Ground, logs: Path, batch: int) -> None:
        self.where = where
        self.logs = logs
        self.batch = batch
        self.cpu: dict[str, list[dict[str, float]]] = {}

    def worker(self, kind: str) -> float:
        target = self.where.target(kind)
        self.where.again()
        rate = self._measured(kind, self.where.worker(target))
        if not self.cpu[kind][1:]:
            _check(target, self.logs)
        return rate

    def reference(self, kind: str) -> float:
        target = self.where.target("postgres")
        self.where.again()
        port = self.where.mosquitto.port
        return self._measured(kind, [sys.executable, "-m", "bench.headoffice_reference", kind, port, target])

    def _measured(self, name: str, command: list[object]) -> float:
        where = self.where
        with where.running(*command) as process:
            before_events = where.play(self.logs, "--until", OPENING, "--batch", self.batch).events
            before = where.cpu_s(process)
            played = where.play(self.logs, "--batch", self.batch)
            after = where.cpu_s(process)
        events = played.events - before_events
        used = {part: (after[part] - before[part]) / events * 1e6 for part in before}
        self.cpu.setdefault(name, []).append(used)
        return events / played.seconds

    def copy(self) -> float:
        """Rows in the order of their arrival, made before the clock starts."""
        target = self.where.target("postgres")
        PostgresStore(target).close()
        now_us = time.time_ns() // 1000
        rows: list[Row] = []
        for path in sorted(self.logs.glob("*.jsonl")):
            log = Log(path.read_bytes(), 100)
            for batch in log.batches:
                rows += rows_of(log.payload(batch), now_us)
        with psycopg.connect(target, autocommit=True) as connection:
            connection.execute("SET synchronous_commit = on")
            begin = time.perf_counter()
            for at in range(0, len(rows), ROUND_EVENTS):
                copy(connection, rows[at : at + ROUND_EVENTS])
            return len(rows) / (time.perf_counter() - begin)


def _check(target: str, logs: Path) -> None:
    """Every store's stock and chain, against the logs that were played."""
    command = [sys.executable, "-m", "bench.headoffice_equal", target, str(logs)]
    subprocess.run(command, check=True, stdout=sys.stderr)


def main() -> None:
    stores, events, rounds = (int(one) for one in (sys.argv[1:4] + ["1000", "200", "3"][len(sys.argv) - 1 :])[:3])
    mixes = sys.argv[4:] or ["movements", "day", "single"]
    with ground() as where:
        for mix in mixes:
            logs = where.prepare(
                mix, stores=stores, events=events, skus=SKUS, mix="day" if mix == "day" else "movements"
            )
            bench = Bench(where, logs, 1 if mix == "single" else 100)
            found = in_turn(
                rounds,
                sqlite=lambda bench=bench: bench.worker("sqlite"),
                postgres=lambda bench=bench: bench.worker("postgres"),
                plain=lambda bench=bench: bench.reference("plain"),
                tuned=lambda bench=bench: bench.reference("tuned"),
                copy=bench.copy,
            )
            print(f"{mix}: {stores} stores, {events} events each")
            for name, figures in found.items():
                used = bench.cpu.get(name)
                parts = used[0] if used else {}
                spent = ", ".join(
                    f"{part} {statistics.median(one[part] for one in used or ()):.0f} us" for part in parts
                )
                print(f"  {name:10} {statistics.median(figures):9,.0f} events/s   CPU an event: {spent or '-'}")
            for kind, reference in itertools.product(("sqlite", "postgres"), ("plain", "tuned")):
                says = f"{mix} to {kind} against the {reference} reference"
                verdict(says, ratio(found[kind], found[reference]), 0.5, at_least=True)


if __name__ == "__main__":
    main()
