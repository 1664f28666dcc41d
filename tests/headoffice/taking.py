"""What a log brings, ready to be stored; and the tables as they are."""

from __future__ import annotations

from headoffice.database import Row
from headoffice.ingest import Ingest, Refusal
from headoffice.projecting import PROJECTED
from headoffice.storing import Batch, Storage
from tests.headoffice.logs import Log


def batch(storage: Storage, log: Log, first: int = 1, last: int | None = None, oldest: int = 1) -> Batch:
    """`oldest` is the first event that the store says it has."""
    held = storage.position(log.store)
    position, key = held or (None, None)
    engine = Ingest(
        log.store, position=position, key=key, hash_at=storage.hash_at(log.store), knows=storage.knows(log.store),
        oldest=(log.name, oldest),
    )  # fmt: skip
    found = Batch(log.store, position)
    for at in range(first, (last or log.head) + 1, 50):
        outcome = engine.receive(log.message(at, min(at + 49, last or log.head)))
        found.add(outcome, engine.position, engine.key)
    return found


def refused(name: str, first: int, count: int, code: str = "shape") -> Batch:
    found = Batch(name)
    found.refusals = [Refusal(code, "x", None, None, b"%d" % number) for number in range(first, first + count)]
    return found


def stock(storage: Storage, name: str = "S1") -> dict[tuple[str, str, str, str], int]:
    return {(one.sku, one.zone, one.lot, one.disposition): one.quantity for one in storage.stock(name)}


def table(storage: Storage, name: str, columns: str = "*") -> list[Row]:
    return sorted(storage.database.rows(f"SELECT {columns} FROM {name}"), key=repr)


def projections(storage: Storage) -> dict[str, list[Row]]:
    return {name: table(storage, name) for name in PROJECTED}


def different(one: dict[str, list[Row]], other: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Rows that only one of the two has: a few of each table."""
    found = {name: sorted({*rows} ^ {*other[name]}, key=repr)[:4] for name, rows in one.items()}
    return {name: rows for name, rows in found.items() if rows}
