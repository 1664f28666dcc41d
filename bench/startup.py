"""Start-up to the first scan answered, with a short ledger and one of 1,000,000 events; resident memory when idle.

Memory is measured with a catalogue of 200,000 SKUs (400,000 GTINs) and the screens switched on, before and after scans.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from zoneinfo import ZoneInfo

from agent.clock import SystemClock
from agent.ledger import files
from agent.ledger.transaction import Transaction
from agent.operations.values import Draft
from bench.figures import verdict
from bench.processes import Agent
from contract.stock import line_deltas
from contract.times import Stamper
from identity.check import gs1_digit

EVENTS = 1_000_000
SKUS = 200_000
STARTS = 5


def long_ledger(folder: Path, events: int) -> None:
    """Through the real transaction, without a sync for each group."""
    connection, clock, stamper = files.open_writer(folder), SystemClock(), Stamper(ZoneInfo("Asia/Seoul"))
    connection.execute("PRAGMA synchronous = OFF")
    log = files.begin(connection, folder, store="S001", clock=clock, stamper=stamper)
    transaction = Transaction(connection, clock, stamper, log)
    while transaction.head < events:
        transaction.begin()
        transaction.append([draft(transaction.head + number) for number in range(2000)])
        transaction.flush()
        print(f"\r  {transaction.head:,} of {events:,} events", end="", file=sys.stderr)
    print(file=sys.stderr)
    connection.close()


def draft(number: int) -> Draft:
    line = {"sku": f"SKU{number % 20_000:06d}", "quantity": 1, "from": "supplier", "to": "backroom"}
    line["disposition"] = "sellable"
    data = {"kind": "received", "lines": [line]}
    return Draft("movement", data, {"device": "dock-line"}, 1_757_217_000_000_000, "synced", line_deltas(line))


def big_catalogue(path: Path, skus: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("sku,name_ko,name_en,base_unit,gtin,units,level\n")
        for number in range(skus):
            each, case = f"880{number:09d}", f"1880{number:09d}"
            name = f"SKU{number:06d},상품 {number},Item {number},each"
            file.write(f"{name},{each}{gs1_digit(each)},1,each\n{name},{case}{gs1_digit(case)},12,case\n")


def starts(agent: Agent) -> list[float]:
    found = []
    agent.scanner.plug()
    for _ in range(STARTS):
        begin = time.perf_counter()
        agent.start()
        agent.first_answer_s()
        found.append(time.perf_counter() - begin)
        agent.stop()
    agent.scanner.unplug()
    return found


def memory(folder: Path) -> None:
    agent, source = Agent(folder), folder / "catalogue.csv"
    big_catalogue(source, SKUS)
    program = Path(sys.executable).parent / "jaego"
    subprocess.run([str(program), "catalogue", "import", str(source), "-c", str(agent.config)], check=True)
    agent.scanner.plug()
    agent.start()
    agent.first_answer_s()
    agent.stop()  # the first start makes the files, and keeps what makes them (sqlite-utils, which takes numpy with it)
    agent.start()
    agent.first_answer_s()
    time.sleep(3)
    idle = agent.resident_mib()
    for number in range(300):
        code = f"880{number * 600:09d}"
        agent.scanner.scan(f"{code}{gs1_digit(code)}".encode())
    time.sleep(3)
    print(f"resident memory: idle {idle:.1f} MiB, after 300 scans {agent.resident_mib():.1f} MiB")
    verdict("resident memory idle with 200,000 SKUs, MB", idle * 1.048576, 70, at_least=False)
    agent.stop()
    agent.scanner.unplug()


def main() -> None:
    with tempfile.TemporaryDirectory() as top:
        short, long = Agent(Path(top) / "short"), Agent(Path(top) / "long")
        long_ledger(Path(top) / "long" / "store", EVENTS)
        long_ledger(Path(top) / "short" / "store", 1000)
        figures = {"1,000": starts(short), f"{EVENTS:,}": starts(long)}
        for name, values in figures.items():
            shown = ", ".join(f"{value:.2f}" for value in values)
            print(f"{name} events: first scan answered after {statistics.median(values):.2f} s (median of {shown})")
        verdict("start-up with 1,000,000 events, s", statistics.median(figures[f"{EVENTS:,}"]), 2.0, at_least=False)
        shutil.rmtree(long.folder)
        memory(Path(top) / "memory")


if __name__ == "__main__":
    main()
