"""What is no event of the thirty stores: what they say of themselves, their devices, requests to them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import orjson

from contract.documents import parse_document
from headoffice import documents
from headoffice.alerts.part import AlertsPart
from headoffice.checks import results
from headoffice.checks.engine import Verdict
from headoffice.clock import SystemClock
from headoffice.commands import Order, enter
from headoffice.database import Database
from headoffice.verify import Difference

Place = tuple[str, str, int]  # store, log, head
SECOND_US = 1_000_000
# By their place among the stores: silent for so long (seconds), and what they said last.
GONE = {3: (3 * 3600, "offline"), 17: (26 * 60, "offline"), 26: (2 * 86_400, "stopped"), 28: (9 * 60, "online")}
TROUBLE = {
    5: ("rfid-door", "down", "no answer from 10.2.0.31:5084", "is it switched on, and its cable in place?"),
    11: ("scanner-2", "refused", "it is in keyboard mode", "scan the code for serial mode in its manual"),
}
RULES = (
    ("low_stock", "", "의류", "", 5, "info"),
    ("buffer", "", "유제품", "", 2, "info"),
    ("stockout_risk", "jeju-01", "", "", 5, "critical"),
    ("count_variance", "", "", "", 930, "warning"),
)
TICKS = 80  # of the alerts' part, a tenth of a second each at most
DEVICES = (("scanner-1", "hid"), ("scanner-2", "serial_line"), ("rfid-door", "llrp"))


def fill(database: Database, places: list[Place], now: datetime) -> None:
    now_us = int(now.timestamp()) * SECOND_US
    with database.transaction():
        for number, (store, log, head) in enumerate(places):
            silent_s, state = GONE.get(number, (8, "online"))
            _state(database, (store, log, head), number, now_us - silent_s * SECOND_US, state, now)
            for device, kind in DEVICES:
                _device(database, store, number, (device, kind), now, now_us - silent_s * SECOND_US)
            if number in GONE:
                database.write("UPDATE position SET at_us = ? WHERE store = ?", (now_us - silent_s * SECOND_US, store))
        for rule in RULES:
            database.write(
                "INSERT INTO rule (rule, store, category, sku, value, severity, enabled, at_us) "
                "VALUES (?, ?, ?, ?, ?, ?, 1, ?)",
                (*rule, now_us),
            )
    _ask(database, [store for store, _, _ in places], now)
    _check(database, places, now_us)
    alerts = AlertsPart(database, SystemClock(), prefix="stock/v1", say=lambda _line: None)
    for _ in range(TICKS):
        alerts.tick()


def _check(database: Database, places: list[Place], now_us: int) -> None:
    """Last night's and the night's before; one store differed and was mended, one was away."""
    for back in (1, 0):
        for number, (store, log, head) in enumerate(places):
            found = Verdict(store, "equal", log=log, as_of=head, rows=700 + number, levels=300, events=head)
            if number == 6 and not back:
                found.verdict, found.done, found.tables = "repaired", ["tables_made_again"], ["stock", "sku_changed"]
                found.differences = [
                    Difference("BEV-0001", "salesfloor", None, "sellable", 31, 29),
                    Difference("BEV-0002", "backroom", None, "sellable", 12, 24),
                ]
            if number in GONE:
                found = Verdict(store, "not_compared", "the store does not answer")
            at_us = now_us - (back * 86_400 + 8 * 3600 + 20 * number) * SECOND_US
            results.put(database, found, at_us, deep=number % 7 == 0)


def _ask(database: Database, stores: list[str], now: datetime) -> None:
    """Requests to stores and what they answered, documents that they are to expect."""
    clock = SystemClock()
    answers: list[tuple[str, dict[str, Any], str, dict[str, Any] | None]] = [
        ("ping", {}, "done", {"status": "done"}),
        ("reserve", {"reservation": "WEB-1041", "sku": "BEV-0002", "quantity": 4, "order": "O-1041"}, "done",
         {"status": "done", "result": {"available": 31}}),
        ("reserve", {"reservation": "WEB-1042", "sku": "BEV-0003", "quantity": 900}, "refused",
         {"status": "refused", "reason": "not_available", "hint": "12 are available"}),
        ("restart-device", {"device": "rfid-door"}, "sent", None),
        ("release", {"reservation": "WEB-1007"}, "unanswered", None),
    ]  # fmt: skip
    for number, (verb, members, status, response) in enumerate(answers):
        command = enter(database, clock, Order(stores[number], verb, members, 3600, "kim"))
        told = None if response is None else orjson.dumps({"id": command, **response}).decode()
        database.write("UPDATE command SET status = ?, response = ? WHERE id = ?", (status, told, command))
    due = (now + timedelta(days=1)).isoformat(timespec="seconds")
    for number, store in enumerate(stores[:6]):
        lines = [{"line": 1, "sku": "BEV-0001", "quantity": 48}, {"line": 2, "sku": "BEV-0004", "quantity": 24}]
        paper = {"document": f"PO-{number:04d}", "kind": "receipt", "revision": 1, "from": "supplier",
                 "to": "backroom", "lines": lines, "due_at": due}  # fmt: skip
        count = {"document": f"CR-{number:04d}", "kind": "count_request", "revision": 1, "zones": ["salesfloor"]}
        with database.transaction():
            documents.renew(database, store, [parse_document(paper), parse_document(count)])


def _state(database: Database, place: Place, number: int, heard_us: int, state: str, now: datetime) -> None:
    store, log, head = place
    behind = 340 if number == 9 else 0
    health: dict[str, Any] = {
        "at": now.isoformat(timespec="seconds"),
        "uptime_s": 86_400 * (1 + number % 9),
        "head": head + behind,
        "outbox_depth": behind,
        "outbox_age_s": 95 if behind else 0,
        "disk_free_bytes": 41_000_000_000 - number * 700_000_000,
        "ledger_size_bytes": 61_000_000 + head * 900,
        "clock": "suspect" if number == 14 else "synced",
        "devices": {name: TROUBLE.get(number, ("", ""))[1] or "up" for name, _ in DEVICES},
        "consumers": {"headoffice": {"delivered": head, "behind": behind, "stalled": False}},
        "counters": {"reads": 12_000 + 37 * number, "bad_reads": number},
        "last_backup": (now - timedelta(hours=7)).isoformat(timespec="seconds"),
    }
    database.write(
        "INSERT INTO store_state (store, state, boot, log, head, version, state_us, heard_us, health, health_us) "
        "VALUES (?, ?, 'b1', ?, ?, '0.1.0', ?, ?, ?, ?)",
        (store, state, log, head + behind, heard_us, heard_us, orjson.dumps(health).decode(), heard_us),
    )


def _device(database: Database, store: str, number: int, named: tuple[str, str], now: datetime, heard_us: int) -> None:
    device, kind = named
    bad, state, error, hint = TROUBLE.get(number, ("", "up", "", ""))
    since = (now - timedelta(hours=5)).isoformat(timespec="seconds")
    told: dict[str, Any] = {
        "device": device, "kind": kind, "state": "up", "since": since,
        "reads": 900 + 31 * number, "bad_reads": number % 4, "notices": [], "facts": {"model": f"{kind} 3000"},
    }  # fmt: skip
    if bad == device:
        told |= {"state": state, "error": error, "hint": hint}
    database.write(
        "INSERT INTO device (store, device, kind, state, since_at, body, at_us) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (store, device, kind, told["state"], told["since"], orjson.dumps(told).decode(), heard_us),
    )
