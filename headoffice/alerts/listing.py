"""Alerts and rules as the desk's pages, its API and the command line show them, and what people do with them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import orjson
from pydantic import Field

from contract.times import Stamper
from headoffice.alerts import records, texts
from headoffice.alerts.csv_rows import PosRow
from headoffice.alerts.engine import Alert, Facts, State, Step, acknowledged, closed
from headoffice.alerts.records import Records
from headoffice.alerts.rules import RULES, Row, Severity, row_of
from headoffice.clock import Clock
from headoffice.database import Database
from headoffice.database import Row as Found
from headoffice.view.paging import Page, Told, Where, cursor_of, listed, place_of

Shown = Literal["open", "acknowledged", "closed", "all"]


class AlertRow(Told):
    id: int
    rule: str
    store: str = Field(description="empty: it is about no one store")
    subject: str = Field(description="SKU, zone, device, EPC, log, document or day")
    severity: Severity
    state: State
    text_ko: str
    text_en: str
    facts: Facts = Field(description="the numbers of the text")
    first_us: int
    last_us: int = Field(description="when it was found anew last")
    times: int = Field(description="how often it was found anew")
    acknowledged_by: str | None = Field(description="who has it in hand, or closed it")
    acknowledged_us: int | None
    note: str | None
    closed_us: int | None


class RuleRow(Told):
    rule: str
    store: str = Field("", description="empty: all")
    category: str = Field("", description="empty: all; for the rule `exception`, the exception's kind")
    sku: str = Field("", description="empty: all")
    value: int | None = Field(None, description="in the rule's unit; absent: the rule's default, or the item's own")
    severity: Severity = "warning"
    enabled: bool = True


class RuleKind(Told):
    """A rule as it is without a row."""

    rule: str
    name_ko: str
    name_en: str
    watches_ko: str
    watches_en: str
    unit: str
    value: int | None = Field(description="null: the item's own threshold")
    severity: Severity
    enabled: bool
    hold_s: int = Field(description="seconds that it must be clearly better before an alert closes")
    scope: str = Field(description="the finest that a row may name: sku, kind (of exception), store, all")


def alert_row(alert: Alert) -> AlertRow:
    said = texts.both(alert.rule, alert.facts)
    return AlertRow(
        text_ko=said["ko"],
        text_en=said["en"],
        **{name: value for name, value in alert._asdict().items() if name != "better_us"},
    )


def alerts(
    database: Database,
    *,
    cursor: str | None = None,
    limit: int = 50,
    store: str | None = None,
    rule: str | None = None,
    severity: str | None = None,
    subject: str | None = None,
    state: Shown | None = None,
) -> Page[AlertRow]:
    """What was found anew last first. Without `state` those that are not closed."""
    where = Where()
    if cursor is not None:
        where.add("(last_us, id) < (?, ?)", *place_of(cursor, int, int))
    for name, value in (("store", store), ("rule", rule), ("severity", severity), ("subject", subject)):
        where.given(f"{name} = ?", value)
    if state is None:
        where.add("closed_us IS NULL")
    elif state != "all":
        where.add("state = ?", state)
    sql = f"SELECT {records.COLUMNS} FROM alert{where} ORDER BY last_us DESC, id DESC LIMIT ?"
    rows = [alert_row(records.alert_of(row)) for row in database.rows(sql, (*where.values, limit + 1))]
    return _page(rows, limit)


def _page(rows: list[AlertRow], limit: int) -> Page[AlertRow]:
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(rows=rows[:limit], more=cursor_of(last.last_us, last.id) if last else None)


def open_by_severity(database: Database) -> dict[str, int]:
    rows = database.rows("SELECT severity, COUNT(*) FROM alert WHERE closed_us IS NULL GROUP BY severity")
    return {severity: int(count) for severity, count in rows}


def act(
    database: Database, clock: Clock, stamper: Stamper, alert_id: int, what: Literal["acknowledge", "close", "note"],
    who: str, note: str | None,
) -> Alert | None:  # fmt: skip
    """What a person does. None: there is no such alert, or it is closed already (a note may still be left)."""
    now_us = clock.wall_us()
    with database.transaction():
        held = records.by_id(database, alert_id, lock=True)
        if held is None:
            return None
        if what == "note":
            step: Step | None = Step(held._replace(note=note), None)
        else:
            step = (acknowledged if what == "acknowledge" else closed)(held, who, note, now_us)
        if step is None:
            return None
        Records(database, clock, stamper).write(step)
    return step.alert


def rules(database: Database, *, cursor: str | None = None, limit: int = 50, rule: str | None = None) -> Page[RuleRow]:
    where = Where()
    where.given("rule = ?", rule)
    select = "SELECT rule, store, category, sku, value, severity, enabled FROM rule"
    key = {"rule": str, "store": str, "category": str, "sku": str}

    def read(rows: list[Found]) -> list[Found]:
        return [tuple(row_of(row)) for row in rows]

    return listed(database, RuleRow, select, where, key, cursor=cursor, limit=limit, read=read)


def kinds() -> list[RuleKind]:
    found: list[RuleKind] = []
    for rule, kind in RULES.items():
        (name_ko, name_en), (watches_ko, watches_en) = texts.NAMES[rule], texts.WATCHES[rule]
        words = {"name_ko": name_ko, "name_en": name_en, "watches_ko": watches_ko, "watches_en": watches_en}
        found.append(RuleKind(rule=rule, **words, **kind._asdict()))
    return found


def row_from(told: RuleRow) -> Row:
    return Row(**told.model_dump())


def put_pos(database: Database, rows: Iterable[PosRow], now_us: int) -> int:
    """What the tills say; a row takes the place of the one of its store, SKU and day. All or nothing."""
    listed = list(rows)
    with database.transaction():
        database.write_many(
            "INSERT INTO pos_total (store, sku, day, sold, returned) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (store, sku, day) DO UPDATE SET sold = excluded.sold, returned = excluded.returned",
            listed,
        )
        database.write_many(
            "INSERT INTO pos_day (store, day, at_us) VALUES (?, ?, ?) "
            "ON CONFLICT (store, day) DO UPDATE SET at_us = excluded.at_us",
            sorted({(row.store, row.day, now_us) for row in listed}),
        )
    return len(listed)


def dumped(told: Told) -> str:
    return orjson.dumps(told.model_dump()).decode()
