"""Head office's database with logs of stores in it, and what a repository must have of them in the end."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import orjson

from contract.catalog import parse_item
from contract.chain import seal
from contract.epcis import EpcisNames, Item, Master, item_of, to_epcis
from headoffice.database import Database
from headoffice.storages import open_storage
from tests.contract import epcis_events as made

MASTER = """
base = "https://stock.example.com/hq"
company = "8801234000000"
back_zones = ["S1/backroom"]
[locations]
S1 = "8801234000109"
"S1/salesfloor" = "8801234000116"
[read_points]
"S1/dock-door" = "8801234000109/dock-door"
"""
ITEMS = [
    {"sku": "COLA", "name": {"en": "Cola"}, "gtins": [{"gtin": "08801234000017"}]},
    {"sku": "APPLE", "name": {"en": "Apple"}, "base_unit": "gram"},
    {"sku": "SHIRT", "name": {"en": "Shirt"}, "gtins": [{"gtin": "08801234000024"}]},
]
Key = tuple[str, bool]


def names() -> EpcisNames:
    return EpcisNames.model_validate(tomllib.loads(MASTER))


def item(sku: str) -> Item | None:
    return next((item_of(parse_item(one)) for one in ITEMS if one["sku"] == sku), None)


def events(store: str, log: str, count: int, chance: Random) -> Iterator[dict[str, Any]]:
    """A log: mostly movements, some taken back, and what EPCIS does not know between them."""
    generator, prev, held = made.about_goods(chance), "0" * 64, list[dict[str, Any]]()
    for seq in range(1, count + 1):
        kind, data = next(generator)
        if seq % 5 == 0:
            kind, data = "exception", {"kind": "bad_read", "reason": "x"}
        if seq % 11 == 0 and held:
            kind, data = "movement", made.reversal(held.pop())
        one = made.envelope(seq, kind, data, chance)
        one |= {
            "store": store,
            "log": log,
            "id": f"019a0000-0000-7000-8{chance.randrange(16**3):03x}-{chance.randrange(16**12):012x}",
        }
        rest = {name: value for name, value in one.items() if name not in {"type", "data", "hash"}} | {"prev": prev}
        sealed = seal(kind, data, rest)
        prev = sealed.hash
        found = orjson.loads(sealed.body)
        if kind == "movement" and data["kind"] != "reversed":
            held.append(found)
        yield found


def fill(target: str, logs: list[list[dict[str, Any]]]) -> None:
    with closing(open_storage(target)) as storage:
        database = storage.database
        with database.transaction():
            for at_us, log in enumerate(logs, start=1_700_000_000_000_000):
                add(database, log, at_us)
            database.write_many(
                "INSERT INTO item (sku, revision, base_unit, deleted, body) VALUES (?, ?, ?, 0, ?)",
                [
                    (one["sku"], at, one.get("base_unit", "each"), json.dumps(one).encode())
                    for at, one in enumerate(ITEMS)
                ],
            )


def add(database: Database, log: list[dict[str, Any]], at_us: int) -> None:
    database.write_many(
        "INSERT INTO event (store, log, seq, type, hash, body, at_us) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(one["store"], one["log"], one["seq"], one["type"], one["hash"], orjson.dumps(one), at_us) for one in log],
    )
    last = log[-1]
    database.write(
        "INSERT INTO position (store, log, seq, hash, part, parts, at_us) VALUES (?, ?, ?, ?, 1, 1, ?) "
        "ON CONFLICT (store) DO UPDATE SET log = excluded.log, seq = excluded.seq, hash = excluded.hash",
        (last["store"], last["log"], last["seq"], last["hash"], at_us),
    )


def wanted(log: list[dict[str, Any]], poison: int = 0) -> list[Key]:
    """(eventID, error declaration) in order; not of events that the peer refuses."""
    return [key_of(part) for parts in _told(log) for part in parts if not refused(parts, poison)]


def guilty(log: list[dict[str, Any]], poison: int) -> list[int]:
    """Numbers of the events that the peer refuses."""
    return [one["seq"] for one, parts in zip(log, _told(log), strict=True) if refused(parts, poison)]


def refused(parts: list[dict[str, Any]], poison: int) -> bool:
    """A correction brings what it takes back, and that may be poison too."""
    return poison > 0 and any(part["jaego:seq"] % poison == 0 for part in parts)


def _told(log: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    master, by_seq = Master(names(), item), {one["seq"]: one for one in log}
    return [to_epcis(one, master, by_seq.get) for one in log]


def key_of(event: dict[str, Any]) -> Key:
    return event["eventID"], "errorDeclaration" in event


def master_file(folder: Path) -> Path:
    path = folder / "epcis.toml"
    path.write_text(MASTER, "utf-8")
    return path
