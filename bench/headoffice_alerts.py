"""How fast alerts are looked for: the sweep over everything, SKUs that change, and the longest tick.

    python -m bench.headoffice_alerts [--stores 100] [--skus 20000] [--postgres postgresql://…]

The tables are filled directly; one SKU in a hundred is below its threshold. Changes are the rows of so many SKUs of
every store with a new event, as a round of a worker writes them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from headoffice.alerts.part import AlertsPart
from headoffice.clock import SystemClock
from headoffice.database import Database
from headoffice.storages import open_storage

CHANGED_EACH = 5


def fill(database: Database, stores: int, skus: int, now_us: int) -> None:
    names = [f"SKU-{number:06}" for number in range(skus)]
    with database.transaction():
        database.write_many(
            "INSERT INTO item (sku, revision, name_ko, name_en, category, base_unit, stock_min, deleted, body) "
            "VALUES (?, ?, ?, ?, ?, 'each', 10, 0, ?)",
            [(sku, number + 1, sku, sku, f"C{number % 50}", b"{}") for number, sku in enumerate(names)],
        )
    for store in range(stores):
        name = f"S{store:04}"
        with database.transaction():
            database.write_many(
                "INSERT INTO stock VALUES (?, ?, 'shelf', '', 'sellable', ?)",
                [(name, sku, 5 if number % 100 == 0 else 50) for number, sku in enumerate(names)],
            )
            database.write_many(
                "INSERT INTO sku_changed VALUES (?, ?, 'L1', 1, ?)", [(name, sku, now_us) for sku in names]
            )
            database.write(
                "INSERT INTO position (store, log, seq, hash, part, parts, at_us) VALUES (?, 'L1', 1, 'h', 1, 1, ?)",
                (name, now_us),
            )


def change(database: Database, stores: int, skus: int, seq: int, now_us: int) -> None:
    with database.transaction():
        for store in range(stores):
            name = f"S{store:04}"
            for number in range(CHANGED_EACH):
                sku = f"SKU-{(store * 7919 + seq * 104729 + number) % skus:06}"
                database.write("UPDATE stock SET quantity = 5 WHERE store = ? AND sku = ?", (name, sku))
                database.write(
                    "UPDATE sku_changed SET seq = ?, at_us = ? WHERE store = ? AND sku = ?", (seq, now_us, name, sku)
                )
            database.write("UPDATE position SET seq = ?, at_us = ? WHERE store = ?", (seq, now_us, name))


class Ticks:
    def __init__(self, part: AlertsPart) -> None:
        self._part = part
        self.taken_s: list[float] = []

    def told(self) -> str:
        taken, self.taken_s = sorted(self.taken_s), []
        return (
            f"ticks: p50 {taken[len(taken) // 2] * 1000:.0f} ms, p99 {taken[len(taken) * 99 // 100] * 1000:.0f} ms, "
            f"longest {taken[-1] * 1000:.0f} ms"
        )

    def until(self, done: object) -> float:
        """Seconds that ticks took, one after the other without a pause."""
        begun = time.perf_counter()
        while not done():  # type: ignore[operator]
            at = time.perf_counter()
            for one in self._part.tick():
                self._part._notices.heard(one.payload)  # noqa: SLF001  the broker hands it back
            self.taken_s.append(time.perf_counter() - at)
        return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stores", type=int, default=100)
    parser.add_argument("--skus", type=int, default=20_000)
    parser.add_argument("--postgres")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(given.postgres or str(Path(folder) / "hq.db"), given.stores, given.skus)


def measure(target: str, stores: int, skus: int) -> None:
    clock, storage, other = SystemClock(), open_storage(target), open_storage(target)
    database = storage.database
    fill(database, stores, skus, clock.wall_us())
    part = AlertsPart(other.database, clock, prefix="stock/v1", say=print)
    ticks = Ticks(part)
    took_s = ticks.until(lambda: part._sweep.due_s > 0 and part._sweep.running is None)  # noqa: SLF001
    alerts = database.rows("SELECT COUNT(*) FROM alert")[0][0]
    print(f"sweep, {stores} stores of {skus:,} SKUs: {stores * skus / took_s:,.0f} SKUs/s; {alerts:,} alerts raised")
    print(ticks.told())
    rounds, spent_s = 10, 0.0
    for seq in range(2, 2 + rounds):
        change(database, stores, skus, seq, clock.wall_us())
        spent_s += ticks.until(lambda seq=seq: all(one.seq == seq for one in part._jobs._seen.values()))  # noqa: SLF001
    changed = stores * CHANGED_EACH * rounds
    print(f"changed, {CHANGED_EACH} SKUs of every store at once: {changed / spent_s:,.0f} SKUs/s, "
          f"{stores * rounds / spent_s:,.0f} stores/s; {ticks.told()}")  # fmt: skip
    other.close()
    storage.close()


if __name__ == "__main__":
    main()
