"""Writes a ledger and head office's database with the code of whatever release it is run in; see `make.py`.

    PYTHONPATH=TREE python tests/kept/write.py FOLDER

Only what is common to all releases is imported at the top: what a later one brought is looked for.
"""

from __future__ import annotations

import json
import random
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from agent.ledger.log import Ledger
from agent.operations import scans
from agent.operations.values import Context, Scan
from contract.chain import Sealed
from contract.times import Stamper
from drivers.reads import BarcodeRead
from identity import identify
from identity.control import encode
from tests.agent.clocks import FakeClock
from tests.agent.operations.memory import BEER, CASE, COLA, HAM, PRODUCTS, UNDO, station

STAMPER = Stamper(ZoneInfo("Asia/Seoul"))
STATIONS = [station("dock"), station("back", "move", "salesfloor"), station("desk", "lookup", "Freezer")]
CODES = [
    *(COLA, COLA, CASE, BEER, f"01{HAM}3103000500", UNDO, encode("MODE-MOVE"), encode("LOGOUT"), "rubbish"),
    *(encode("ZONE", name) for name in ("backroom", "salesfloor")),
]
SCANS = 60


def write_ledger(folder: Path) -> None:
    folder.mkdir(parents=True)
    clock, chance = FakeClock(), random.Random(1)
    signed = (
        {"rule": import_module("agent.ledger.checkpoints").Rule(20, 3600)} if has("agent.ledger.checkpoints") else {}
    )
    ledger = Ledger(folder, store="S1", clock=clock, stamper=STAMPER, **signed)
    ledger.start()
    for number in range(SCANS):
        at, code = chance.choice(STATIONS), chance.choice(CODES)
        clock.advance(30)
        ledger.call(scanned(at, code, number, clock))
    for module, more in (("agent.operations.tags", tags), ("agent.operations.passages", passages)):
        if has(module):
            more(ledger, import_module(module), clock)
    ledger.call(lambda tx: tx.execute("INSERT INTO position VALUES ('headoffice', 20)"))
    ledger.call(lambda tx: tx.execute("INSERT INTO response VALUES ('request-1', x'7b7d')"))
    ledger.close()
    if has("tests.agent.operations.shop"):
        sales(folder)


def has(module: str) -> bool:
    """In the tree that this runs in. Packages of tests have no `__init__`: another tree on the path is in them too."""
    return Path(f"{module.replace(chr(46), chr(47))}.py").exists()


def scanned(at: Any, code: str, number: int, clock: FakeClock) -> Callable[[Any], None]:
    read = BarcodeRead(f"{at.name}-scanner", number, code.encode(), None, clock.now())
    product = PRODUCTS.get(identify(code).gtin or "")
    command = Scan(at, read, identify(code), product, Context(clock.wall_us, "synced", f"session-{number}"))
    return lambda tx: tx.append(scans.decide(tx, command).drafts)


def tags(ledger: Ledger, module: Any, clock: FakeClock) -> None:
    """A count that tags are seen in and that stays open, and numbers that are given out."""
    at, context = STATIONS[0], Context(clock.wall_us, "synced", "session-count")
    for number, code in enumerate((encode("MODE-COUNT"), encode("ZONE", "backroom"), COLA), start=SCANS):
        ledger.call(scanned(at, code, number, clock))
    known: list[Any] = [{}] if "items" in module.SeenTags.__slots__ else []
    seen = module.SeenTags(at, "gate", [epc(number) for number in range(12)], context, *known)
    ledger.call(lambda tx: tx.append(module.seen(tx, seen)[0]))
    order = module.Encode(COLA.zfill(14), None, 1000, 2000, "printer", context)

    def give(tx: Any) -> None:
        serial = module.next_serial(tx, order)
        tx.append([module.encoding(order, serial, epc(serial), epc(1), None)])

    for _ in range(3):
        ledger.call(give)


def passages(ledger: Ledger, module: Any, clock: FakeClock) -> None:
    """Tags that come, one that goes on, one in doubt, and a document that is half received."""
    lines = [{"line": 1, "sku": "COLA", "quantity": 9}]
    document = {"document": "ASN-1", "kind": "receipt", "revision": 1, "from": "supplier", "to": "backroom"}
    expected = import_module("contract.documents").parse_document({**document, "lines": lines})
    body = expected.model_dump_json(by_alias=True).encode()
    ledger.call(lambda tx: tx.places.expect(expected, body))
    context = Context(clock.wall_us, "synced", "session-gate")
    for way, numbers in ((("supplier", "backroom"), range(5)), (("backroom", "salesfloor"), range(2))):
        found = tuple(module.PassedTag(epc(one), COLA, str(one), "COLA", 7) for one in numbers)
        passed = module.Passed("dock", "gate", *way, "record", found, context)
        ledger.call(lambda tx, passed=passed: tx.append(module.decide(tx, passed)))
    doubt = module.Doubt("dock", "gate", "one_side_only", (epc(3),), context)
    ledger.call(lambda tx: tx.append(module.doubts(doubt)))


def sales(folder: Path) -> None:
    shop = import_module("tests.agent.operations.shop").Shop(folder)
    shop.gets("MILK", 30)
    shop.sells("T-1", {"code": "8801", "quantity": 2})
    shop.reserves("R-1", "MILK", 3)
    shop.reader.close()
    shop.ledger.close()


def epc(number: int) -> str:
    return f"{number:024X}"


def write_headoffice(folder: Path, ledger: Path) -> None:
    """Takes in the first two thirds of the ledger, so that there is more to come."""
    desk = import_module("tests.headoffice.test_service").Desk(folder)
    log = import_module("tests.headoffice.logs").Log()
    with closing(sqlite3.connect(ledger / "ledger.db")) as connection:
        for seq, kind, body in connection.execute("SELECT seq, type, body FROM event ORDER BY seq"):
            event = json.loads(body)
            log.name = event["log"]
            log.events.append(Sealed(seq, kind, body, event["hash"]))
    desk.events(log, 1, log.head * 2 // 3)
    assert desk.position() == (log.name, log.head * 2 // 3)
    desk.store.close()


def tell(folder: Path) -> None:
    """What the release itself found in the ledger."""
    with closing(sqlite3.connect(folder / "ledger" / "ledger.db")) as connection:
        [(schema,)] = connection.execute("PRAGMA user_version")
        [(head,)] = connection.execute("SELECT MAX(seq) FROM event")
        stock = connection.execute("SELECT * FROM stock ORDER BY 1, 2, 3, 4").fetchall()
    (folder / "told.json").write_text(json.dumps({"schema": schema, "head": head, "stock": stock}), "utf-8")


def main() -> None:
    folder = Path(sys.argv[1])
    write_ledger(folder / "ledger")
    tell(folder)
    if len(sys.argv) > 2:
        write_headoffice(folder, folder / "ledger")


if __name__ == "__main__":
    main()
