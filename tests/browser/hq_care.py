"""What is no event of the thirty stores: what they say of themselves, their devices, requests to them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import orjson

from headoffice.alerts.part import AlertsPart
from headoffice.clock import SystemClock
from headoffice.database import Database

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
    alerts = AlertsPart(database, SystemClock(), prefix="stock/v1", say=lambda _line: None)
    for _ in range(TICKS):
        alerts.tick()


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
