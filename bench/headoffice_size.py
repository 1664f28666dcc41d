"""How much room head office's database needs: bytes for each event and for each row of the view's tables, and how much
PostgreSQL writes ahead for an event. Taken in without a broker, in rounds as the worker's.

    python -m bench.headoffice_size [STORES] [EVENTS A STORE] [SKUS]
"""

from __future__ import annotations

import sys
import tempfile
import time
from itertools import zip_longest
from pathlib import Path

from headoffice.database import Database
from headoffice.ingest import Ingest
from headoffice.storages import open_storage
from headoffice.storing import Batch, Storage
from simulators.load_log import Log, Plan, prepare
from tests.postgres import Postgres

ROUND_MESSAGES = 1000
TABLES = (
    "event",
    "stock",
    "sku_changed",
    "sale_day",
    "daily",
    "document",
    "counted",
    "exception",
    "tag",
    "reservation",
)


def take_in(storage: Storage, logs: list[Log]) -> int:
    engines = {log.store: Ingest(log.store) for log in logs}
    messages = [
        (log.store, log.payload(batch))
        for batches in zip_longest(*(log.batches for log in logs))
        for log, batch in zip(logs, batches, strict=True)
        if batch is not None
    ]
    for at in range(0, len(messages), ROUND_MESSAGES):
        round_: dict[str, Batch] = {}
        for store, payload in messages[at : at + ROUND_MESSAGES]:
            engine = engines[store]
            batch = round_.setdefault(store, Batch(store, engine.position))
            batch.add(engine.receive(payload), engine.position, engine.key)
        storage.save(round_.values(), time.time_ns() // 1000)
    return sum(log.head for log in logs)


def relations(database: Database) -> dict[str, tuple[int, int]]:
    """Rows and bytes of each table with its indexes; of the events all partitions together."""
    found: dict[str, tuple[int, int]] = {}
    for table in TABLES:
        rows: int = database.rows(f"SELECT COUNT(*) FROM {table}")[0][0]
        size: int = (
            database.rows(
                "SELECT CAST(SUM(pg_total_relation_size(relid)) AS INTEGER) FROM pg_partition_tree(?::regclass)",
                (table,),
            )[0][0]
            or database.rows("SELECT pg_total_relation_size(?::regclass)", (table,))[0][0]
        )
        found[table] = (rows, size)
    return found


def postgres(logs: list[Log]) -> None:
    with Postgres("max_wal_size = 8GB", "checkpoint_timeout = 30min") as server:
        storage = open_storage(server.database())
        database = storage.database
        begin = database.rows("SELECT pg_current_wal_lsn()::text")[0][0]
        events = take_in(storage, logs)
        written: int = database.rows(
            "SELECT CAST(pg_wal_lsn_diff(pg_current_wal_lsn(), ?::pg_lsn) AS INTEGER)", (begin,)
        )[0][0]
        print(f"PostgreSQL, {events} events: {written / events:,.0f} bytes of write-ahead log an event")
        for table, (rows, size) in relations(database).items():
            if rows:
                print(f"  {table:12} {rows:9} rows, {size / rows:7,.0f} bytes each with indexes")
        storage.close()


def sqlite(logs: list[Log]) -> None:
    with tempfile.TemporaryDirectory() as top:
        path = Path(top) / "hq.db"
        storage = open_storage(str(path))
        events = take_in(storage, logs)
        storage.close()
        print(f"SQLite, {events} events: {path.stat().st_size / events:,.0f} bytes an event, everything in it")


def main() -> None:
    stores, events, skus = (int(one) for one in (sys.argv[1:4] + ["50", "3000", "2000"][len(sys.argv) - 1 :])[:3])
    with tempfile.TemporaryDirectory() as top:
        prepare(Path(top), Plan(stores, skus), events, time.time_ns() // 1000, 8 * 3_600_000_000)
        logs = [Log(path.read_bytes(), 100) for path in sorted(Path(top).glob("*.jsonl"))]
        size = sum(path.stat().st_size for path in Path(top).glob("*.jsonl"))
        print(
            f"{stores} stores, {skus} SKUs each, {sum(log.head for log in logs)} events, {size / 2**20:.0f} MiB of logs"
        )
    postgres(logs)
    sqlite(logs)


if __name__ == "__main__":
    main()
