"""Alerts, their rules, and what the tills say they sold."""

from __future__ import annotations

from datetime import UTC
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Query
from pydantic import Field

from contract.times import Stamper
from headoffice.alerts import listing, records
from headoffice.alerts.csv_rows import CATEGORY_CHARACTERS_MAX, check_row, read_pos, read_rules
from headoffice.alerts.engine import Alert
from headoffice.alerts.listing import AlertRow, RuleKind, RuleRow, Shown
from headoffice.alerts.rules import RULES, RuleRefused, Severity
from headoffice.clock import Clock
from headoffice.database import Database
from headoffice.errors import ConfigError
from headoffice.view.paging import Page, Told
from headoffice.web.lists import TABLE, Listing
from headoffice.web.room import Actor, Reading, Refused, StoreQuery, Time, Writing

router = APIRouter(prefix="/api/v1", tags=["alerts"])

NOTE_CHARACTERS_MAX = 500
Rule = Literal[tuple(RULES)]  # type: ignore[valid-type]
RuleQuery = Annotated[str | None, Query(pattern=r"^[a-z_]{1,64}$", description="of one rule only")]
AlertPath = Annotated[int, Path(ge=1, lt=2**63, description="id of the alert")]
Text = Annotated[str, Query(max_length=CATEGORY_CHARACTERS_MAX, description="as it was set; empty: all")]
Table = Annotated[bytes, Body(media_type="text/csv", description="CSV in UTF-8, with a header")]


class Note(Told):
    note: str | None = Field(None, max_length=NOTE_CHARACTERS_MAX, description="for whoever looks next")


class Taken(Told):
    rows: int = Field(description="how many were written")


@router.get("/alerts", summary="Alerts, what was found anew last first", response_model=Page[AlertRow], responses=TABLE)
def alerts(
    listing_: Listing, store: StoreQuery = None, rule: RuleQuery = None,
    severity: Annotated[Severity | None, Query(description="only these")] = None,
    subject: Annotated[str | None, Query(max_length=128, description="SKU, zone, device, EPC, log …")] = None,
    state: Annotated[Shown | None, Query(description="absent: open and acknowledged ones")] = None,
) -> Any:  # fmt: skip
    return listing_.answer(
        AlertRow,
        lambda database, cursor, limit: listing.alerts(
            database, cursor=cursor, limit=limit, store=store, rule=rule, severity=severity, subject=subject,
            state=state,
        ),
    )  # fmt: skip


@router.get("/alerts/{alert}", summary="One alert")
def one_alert(alert: AlertPath, database: Reading) -> AlertRow:
    return listing.alert_row(_there(records.by_id(database, alert)))


@router.post("/alerts/{alert}/acknowledge", summary="Take it in hand")
def acknowledge(alert: AlertPath, body: Note, database: Writing, actor: Actor, clock: Time) -> AlertRow:
    return _act(database, clock, alert, "acknowledge", actor, body)


@router.post("/alerts/{alert}/close", summary="Close it; with the same numbers it does not come again")
def close(alert: AlertPath, body: Note, database: Writing, actor: Actor, clock: Time) -> AlertRow:
    return _act(database, clock, alert, "close", actor, body)


@router.post("/alerts/{alert}/note", summary="Leave a note")
def note(alert: AlertPath, body: Note, database: Writing, actor: Actor, clock: Time) -> AlertRow:
    return _act(database, clock, alert, "note", actor, body)


def _act(
    database: Database, clock: Clock, alert: int, what: Literal["acknowledge", "close", "note"], who: str, body: Note
) -> AlertRow:
    found = listing.act(database, clock, Stamper(UTC), alert, what, who, body.note)
    if found is None:
        _there(records.by_id(database, alert))
        raise Refused(409, "closed", "this alert is closed", "alert")
    return listing.alert_row(found)


def _there(found: Alert | None) -> Alert:
    if found is None:
        raise Refused(404, "unknown_alert", "there is no such alert; closed ones are kept for 90 days", "alert")
    return found


@router.get("/rules", summary="Thresholds that were set", response_model=Page[RuleRow], responses=TABLE)
def rules(listing_: Listing, rule: RuleQuery = None) -> Any:
    return listing_.answer(
        RuleRow, lambda database, cursor, limit: listing.rules(database, cursor=cursor, limit=limit, rule=rule)
    )


@router.get("/rules/kinds", summary="All rules, and how they are where nothing was set")
def kinds() -> list[RuleKind]:
    return listing.kinds()


@router.put("/rules", summary="Set a threshold for all, a store, a category, an SKU")
def put_rule(row: RuleRow, database: Writing, _actor: Actor, clock: Time) -> RuleRow:
    try:
        records.put_rules(database, [check_row(listing.row_from(row))], clock.wall_us())
    except RuleRefused as error:
        raise Refused(422, "rule_refused", str(error), error.field) from error
    return row


@router.delete("/rules", summary="Take a threshold away: the next less specific one holds", status_code=204)
def drop_rule(
    rule: Text, database: Writing, _actor: Actor, store: Text = "", category: Text = "", sku: Text = ""
) -> None:
    if not records.drop_rule(database, rule, store, category, sku):
        raise Refused(404, "unknown_rule", "nothing was set for exactly this", "rule")


@router.post("/rules/import", summary="Set many thresholds: all of the file, or nothing")
def import_rules(body: Table, database: Writing, _actor: Actor, clock: Time) -> Taken:
    """Columns: rule, store, category, sku, value, severity, enabled; as `GET /api/v1/rules?format=csv` gives them."""
    try:
        return Taken(rows=records.put_rules(database, read_rules(body), clock.wall_us()))
    except ConfigError as error:
        raise Refused(422, "bad_table", f"{error}; {error.hint}", "body") from error
    except RuleRefused as error:
        raise Refused(422, "rule_refused", str(error), error.field) from error


@router.post("/pos", summary="Tell what the tills sold: all of the file, or nothing")
def import_pos(body: Table, database: Writing, _actor: Actor, clock: Time) -> Taken:
    """Columns: day, store, sku, sold, returned (may be absent); base units. Compared once the day is over."""
    try:
        return Taken(rows=listing.put_pos(database, read_pos(body), clock.wall_us()))
    except ConfigError as error:
        raise Refused(422, "bad_table", f"{error}; {error.hint}", "body") from error
