"""Durable appends in groups of 100, against raw sqlite3 `executemany` of the same rows with the same syncs.

Ours is timed from the command's values to the resolved acknowledgement, through the writer thread, sealing, hashing and
the commit: once as plain appends (the values of a movement), once as scans (a read, its identity, its product), with
the operation that decides what the scan does. The reference writes the rows that ours produced, already encoded, one
transaction and one sync a group. Two references: event rows alone, and with the same stock rows.
"""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import threading
import time
from pathlib import Path
from zoneinfo import ZoneInfo

from agent.clock import SystemClock
from agent.ledger.files import open_writer
from agent.ledger.log import Ledger, Limits
from agent.operations import scans
from agent.operations.values import Context, Draft, Product, Scan, Station
from bench.figures import in_turn, ratio, verdict
from contract.stock import line_deltas
from contract.times import Stamper
from drivers.reads import Arrival, BarcodeRead
from identity import identify

EVENTS = 20_000
GROUP = 100
SKUS = 1_000
ROUNDS = 5


def commands() -> list[Scan]:
    station = Station("dock", "receive", "backroom", "ko", frozenset({"backroom", "floor"}))
    made: list[Scan] = []
    for number in range(EVENTS):
        code = b"4006381333931"
        read = BarcodeRead("dock-scanner", number, code, "]E0", Arrival(1_757_217_000_000_000 + number * 1000, number))
        product = Product(f"SKU{number % SKUS:05d}", 1, 1, "each", "콜라", "Cola", 1200)
        context = Context(read.arrived.wall_us, "synced", "01993a1e-0000-7000-8000-000000000000")
        made.append(Scan(station, read, identify(code, aim="]E0"), product, context))
    return made


def scan_job(scan: Scan):
    def job(tx):
        decision = scans.decide(tx, scan)
        tx.append(decision.drafts)
        return decision

    return job


def append_job(scan: Scan):
    def job(tx):
        read, product = scan.read, scan.product
        code = {"text": "4006381333931", "aim": read.aim, "gtin": scan.identity.gtin, "units": product.units}
        line = {"sku": product.sku, "quantity": product.units, "from": "supplier", "to": "backroom", "code": code}
        line["disposition"] = "sellable"
        source = {"device": read.device, "station": scan.station.name}
        deltas = line_deltas(line)
        data = {"kind": "received", "lines": [line], "follows": tx.head}
        return tx.append([Draft("movement", data, source, read.arrived.wall_us, "synced", deltas)])

    return job


def ours(folder: Path, scans_made: list[Scan], job_of=scan_job) -> float:
    clock = SystemClock(trust_unsynchronised=True)
    ledger = Ledger(
        folder, store="S1", clock=clock, stamper=Stamper(ZoneInfo("Asia/Seoul")), limits=Limits(group_max=GROUP)
    )
    ledger.start()
    acknowledged, settled = 0, threading.Event()

    def done(_result: object, error: Exception | None) -> None:
        nonlocal acknowledged
        assert error is None
        acknowledged += 1
        if acknowledged % GROUP == 0:
            settled.set()

    begin = time.perf_counter()
    for at in range(0, EVENTS, GROUP):
        settled.clear()
        ledger.submit_all([(job_of(scan), done) for scan in scans_made[at : at + GROUP]])
        settled.wait()
    elapsed = time.perf_counter() - begin
    ledger.close()
    return EVENTS / elapsed


def reference(folder: Path, rows: list[tuple[int, str, bytes]], *, stock: bool) -> float:
    connection = open_writer(folder)
    connection.execute("DROP TRIGGER event_follows_event")
    totals: dict[str, int] = {}
    groups = []
    for at in range(0, len(rows), GROUP):
        changed = {f"SKU{number % SKUS:05d}" for number in range(at, at + GROUP)}
        for sku in changed:
            totals[sku] = totals.get(sku, 0) + 1
        groups.append((rows[at : at + GROUP], [(sku, "backroom", "", "sellable", totals[sku]) for sku in changed]))
    begin = time.perf_counter()
    for events, stock_rows in groups:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO event (seq, type, body) VALUES (?, ?, ?)", events)
        if stock:
            connection.executemany(
                "INSERT INTO stock VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET quantity = excluded.quantity",
                stock_rows,
            )
        connection.execute("COMMIT")
    elapsed = time.perf_counter() - begin
    connection.close()
    return len(rows) / elapsed


def main() -> None:
    made = commands()
    with tempfile.TemporaryDirectory() as top:
        first = Path(top) / "rows"
        first.mkdir()
        ours(first, made)
        read = sqlite3.connect(first / "ledger.db")
        rows = read.execute("SELECT seq, type, body FROM event ORDER BY seq").fetchall()[-EVENTS:]
        read.close()
        number = 0

        def fresh() -> Path:
            nonlocal number
            number += 1
            folder = Path(top) / str(number)
            folder.mkdir()
            return folder

        found = in_turn(
            ROUNDS,
            appends=lambda: ours(fresh(), made, append_job),
            scans=lambda: ours(fresh(), made),
            events=lambda: reference(fresh(), rows, stock=False),
            stock=lambda: reference(fresh(), rows, stock=True),
        )
    for name, figures in found.items():
        print(f"{name:8} {statistics.median(figures):10,.0f} events/s (median of {ROUNDS})")
    print(f"event body {statistics.mean(len(row[2]) for row in rows):.0f} bytes")
    for name, rows_are in (("stock", "event and stock rows"), ("events", "event rows alone")):
        for subject in ("appends", "scans"):
            figure = ratio(found[subject], found[name])
            verdict(f"{subject} against executemany of the same {rows_are}", figure, 0.5, at_least=True)


if __name__ == "__main__":
    main()
