"""Alerts, rules and what is still to be told, in their tables. Whoever writes is in a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from contract.ids import is_name, uuid7
from contract.messages import Alert as Wire
from contract.times import Stamper
from headoffice.alerts import texts
from headoffice.alerts.engine import Alert, Change, Found, Step, step
from headoffice.alerts.rules import RULES_MAX, Row, RuleRefused, Rules, checked, row_of
from headoffice.clock import Clock
from headoffice.database import Database

COLUMNS = (
    "id, rule, store, subject, severity, state, facts, first_us, last_us, times, "
    "acknowledged_by, acknowledged_us, note, better_us, closed_us"
)
ALERTS_MAX = 200_000
CLOSED_DAYS = 90
FOUND_MAX = 500
DAY_US = 86_400_000_000


def alert_of(row: Sequence[Any]) -> Alert:
    alert_id, rule, store, subject, severity, state, facts, *rest = row
    return Alert(alert_id, rule, store, subject, severity, state, orjson.loads(facts), *rest)


def known(
    database: Database, places: Sequence[tuple[str, str]], *, lock: bool = False
) -> dict[tuple[str, str, str], Alert]:
    """Alerts about these stores and subjects, at most 500, by rule, store and subject."""
    pairs, names = ", ".join(["(?, ?)"] * len(places)), ", ".join(f"alert.{name}" for name in COLUMNS.split(", "))
    # In this order: SQLite would look at every alert otherwise.
    sql = f"WITH wanted (store, subject) AS (VALUES {pairs}) SELECT {names} FROM wanted CROSS JOIN alert "
    sql += "WHERE alert.store = wanted.store AND alert.subject = wanted.subject"
    sql += f"{_lock(database)} OF alert" if lock and _lock(database) else ""
    found = [alert_of(row) for row in database.rows(sql, [text for place in places for text in place])]
    return {(one.rule, one.store, one.subject): one for one in found}


def unclosed(database: Database, rule: str, limit: int = ALERTS_MAX, after: int = 0) -> list[Alert]:
    sql = f"SELECT {COLUMNS} FROM alert WHERE rule = ? AND state IN ('open', 'acknowledged') AND id > ? "
    return [alert_of(row) for row in database.rows(sql + "ORDER BY id LIMIT ?", (rule, after, limit))]


def by_id(database: Database, alert_id: int, *, lock: bool = False) -> Alert | None:
    locked = _lock(database) if lock else ""
    rows = database.rows(f"SELECT {COLUMNS} FROM alert WHERE id = ?{locked}", (alert_id,))
    return alert_of(rows[0]) if rows else None


def _lock(database: Database) -> str:
    """SQLite has one writer anyhow."""
    return " FOR UPDATE" if database.dialect == "postgres" else ""


class Records:
    """Writes what the engine says. `room` is how many alerts may still be added."""

    def __init__(self, database: Database, clock: Clock, stamper: Stamper) -> None:
        self._database = database
        self._clock = clock
        self._stamper = stamper
        self.room = ALERTS_MAX - int(database.rows("SELECT COUNT(*) FROM alert")[0][0])
        self.crowded = 0

    def take(self, found: Sequence[Found]) -> int:
        """Write what is news; one commit for 500 findings, none where nothing is news. How many were written."""
        written = 0
        found = list({(one.rule, one.store, one.subject): one for one in found}.values())
        for first in range(0, len(found), FOUND_MAX):
            part = found[first : first + FOUND_MAX]
            if self._steps(part, lock=False):
                with self._database.transaction():  # looked at again: meanwhile somebody may have acknowledged
                    steps = self._steps(part, lock=True)
                    for one in steps:
                        self.write(one)
                    written += len(steps)
        return written

    def _steps(self, found: Sequence[Found], *, lock: bool) -> list[Step]:
        places = sorted({(one.store, one.subject) for one in found})
        held, now_us = known(self._database, places, lock=lock), self._clock.wall_us()
        steps = (step(held.get((one.rule, one.store, one.subject)), one, now_us) for one in found)
        return [one for one in steps if one is not None]

    def write(self, one: Step) -> Alert | None:
        """The alert with its id; None if there is no room for it."""
        alert = one.alert
        values = (
            alert.severity, alert.state, orjson.dumps(alert.facts).decode(), alert.first_us, alert.last_us, alert.times,
            alert.acknowledged_by, alert.acknowledged_us, alert.note, alert.better_us, alert.closed_us,
        )  # fmt: skip
        if alert.id:
            self._database.write(
                "UPDATE alert SET severity = ?, state = ?, facts = ?, first_us = ?, last_us = ?, times = ?, "
                "acknowledged_by = ?, acknowledged_us = ?, note = ?, better_us = ?, closed_us = ? WHERE id = ?",
                (*values, alert.id),
            )
        else:
            if self.room <= 0:
                self.crowded += 1
                return None
            rows = self._database.rows(
                "INSERT INTO alert (rule, store, subject, severity, state, facts, first_us, last_us, times, "
                "acknowledged_by, acknowledged_us, note, better_us, closed_us) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                (alert.rule, alert.store, alert.subject, *values),
            )
            alert, self.room = alert._replace(id=int(rows[0][0])), self.room - 1
        if one.told is not None:
            tell(self._database, self._clock, self._stamper, alert, one.told)
        return alert

    def forget(self) -> int:
        """Closed alerts of long ago, a thousand at a time; how many went."""
        before_us = self._clock.wall_us() - CLOSED_DAYS * DAY_US
        gone = self._database.write(
            "DELETE FROM alert WHERE id IN (SELECT id FROM alert WHERE state = 'closed' AND last_us < ? LIMIT 1000)",
            (before_us,),
        )
        if self.room < FOUND_MAX:  # what is closed for longest makes room
            gone += self._database.write(
                "DELETE FROM alert WHERE id IN "
                "(SELECT id FROM alert WHERE state = 'closed' ORDER BY last_us LIMIT 1000)"
            )
        self.room += gone
        return gone


def tell(database: Database, clock: Clock, stamper: Stamper, alert: Alert, change: Change) -> None:
    """Keep a message for all who are told; the desk sends it."""
    now_us = clock.wall_us()
    body = message(alert, change, uuid7(now_us // 1000, clock.entropy(10)), stamper).model_dump_json(exclude_none=True)
    database.write(
        "INSERT INTO alert_notice (alert, target, body, tries, at_us, next_us) VALUES (?, '', ?, 0, ?, ?)",
        (alert.id, body, now_us, now_us),
    )


def message(alert: Alert, change: Change, notice: str, stamper: Stamper) -> Wire:
    return Wire(
        notice=notice,
        id=alert.id,
        change=change,
        rule=alert.rule,
        store=alert.store if is_name(alert.store) else None,
        subject=alert.subject,
        severity=alert.severity,
        state=alert.state,
        times=alert.times,
        first_at=stamper.text(alert.first_us),
        last_at=stamper.text(alert.last_us),
        acknowledged_by=alert.acknowledged_by,
        note=alert.note,
        facts=alert.facts,
        text=texts.both(alert.rule, alert.facts),
    )


# -- rules ------------------------------------------------------------------------------------------------------------


def rules_mark(database: Database) -> tuple[int, int]:
    """Another one than before means that rules have changed."""
    rows = database.rows("SELECT COUNT(*), CAST(COALESCE(MAX(at_us), 0) AS INTEGER) FROM rule")
    return int(rows[0][0]), int(rows[0][1])


def read_rows(database: Database, rule: str | None = None) -> list[Row]:
    where, values = (" WHERE rule = ?", (rule,)) if rule else ("", ())
    rows = database.rows(
        f"SELECT rule, store, category, sku, value, severity, enabled FROM rule{where} "
        f"ORDER BY rule, store, category, sku LIMIT {RULES_MAX}",
        values,
    )
    return [row_of(row) for row in rows]


def read_rules(database: Database) -> Rules:
    return Rules(read_rows(database))


def put_rules(database: Database, rows: Iterable[Row], now_us: int) -> int:
    """Write the rows, each in place of the one about the same; all or none. Raises `RuleRefused`."""
    listed = [checked(row) for row in rows]
    with database.transaction():
        database.write_many(
            "INSERT INTO rule (rule, store, category, sku, value, severity, enabled, at_us) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (rule, store, category, sku) DO UPDATE SET "
            "value = excluded.value, severity = excluded.severity, enabled = excluded.enabled, at_us = excluded.at_us",
            [(*row[:6], int(row.enabled), now_us) for row in listed],
        )
        if int(database.rows("SELECT COUNT(*) FROM rule")[0][0]) > RULES_MAX:
            raise RuleRefused("rule", f"more than {RULES_MAX:,} rows: use categories")
    return len(listed)


def drop_rule(database: Database, rule: str, store: str, category: str, sku: str) -> bool:
    return bool(
        database.write(
            "DELETE FROM rule WHERE rule = ? AND store = ? AND category = ? AND sku = ?", (rule, store, category, sku)
        )
    )
