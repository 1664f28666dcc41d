"""What head office takes care of: alerts and their rules, data checks, requests to stores."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from headoffice.alerts import listing
from headoffice.alerts.rules import RULES, SEVERITIES
from headoffice.commands import SHAPES
from headoffice.view import orders, summary
from headoffice.web.pages import CursorQuery, Live, NameQuery, csv_of, render
from headoffice.web.room import Now, Reading

router = APIRouter(include_in_schema=False)

PAGE_ROWS = 50
RULES_ROWS = 200
ANSWER_S = 3  # how often a page looks for answers of its own accord
STATUSES = ("waiting", "sent", "done", "refused", "expired", "unanswered")
STANDINGS = ("not_opened", "opened", "closed", "closed_short", "withdrawn")


@router.get("/alerts")
def alert_list(
    request: Request,
    database: Reading,
    store: NameQuery = "",
    rule: NameQuery = "",
    severity: Literal["", "info", "warning", "critical"] = "",
    state: Literal["", "open", "acknowledged", "closed", "all"] = "",
    cursor: CursorQuery = None,
) -> HTMLResponse:
    asked = {"store": store, "rule": rule, "severity": severity, "state": state}
    content = {
        "asked": asked,
        "kinds": {kind.rule: kind for kind in listing.kinds()},
        "severities": SEVERITIES,
        "stores": summary.store_names(database),
        "counts": listing.open_by_severity(database),
        "page": listing.alerts(
            database,
            cursor=cursor,
            limit=PAGE_ROWS,
            store=store or None,
            rule=rule or None,
            severity=severity or None,
            state=state or None,
        ),
        "csv": csv_of("/api/v1/alerts", **asked),
    }
    return render(request, "alerts.html", content, live=Live("alert", store or None))


@router.get("/alerts/rules")
def rule_list(request: Request, database: Reading, cursor: CursorQuery = None) -> HTMLResponse:
    content = {
        "kinds": listing.kinds(),
        "names": {kind.rule: kind for kind in listing.kinds()},
        "severities": SEVERITIES,
        "scopes": {name: kind.scope for name, kind in RULES.items()},
        "stores": summary.store_names(database),
        "categories": summary.categories(database),
        "page": listing.rules(database, cursor=cursor, limit=RULES_ROWS),
        "csv": csv_of("/api/v1/rules"),
    }
    return render(request, "rules.html", content)


@router.get("/commands")
def command_list(
    request: Request,
    database: Reading,
    store: NameQuery = "",
    verb: NameQuery = "",
    status: Literal["", "waiting", "sent", "done", "refused", "expired", "unanswered"] = "",
    cursor: CursorQuery = None,
) -> HTMLResponse:
    asked = {"store": store, "verb": verb, "status": status}
    content = {
        "asked": asked,
        "verbs": tuple(SHAPES),
        "statuses": STATUSES,
        "stores": summary.store_names(database),
        "page": orders.commands(
            database, cursor=cursor, limit=PAGE_ROWS, store=store or None, verb=verb or None, status=status or None
        ),
        "csv": csv_of("/api/v1/commands", **asked),
    }
    return render(request, "commands.html", content, live=Live("store", every_s=ANSWER_S))


@router.get("/commands/expected")
def expected_list(
    request: Request,
    database: Reading,
    view: Now,
    store: NameQuery = "",
    standing: Literal["", "not_opened", "opened", "closed", "closed_short", "withdrawn"] = "",
    cursor: CursorQuery = None,
) -> HTMLResponse:
    asked = {"store": store, "standing": standing}
    content = {
        "asked": asked,
        "standings": STANDINGS,
        "stores": summary.store_names(database),
        "page": orders.expected(
            database, view.now_us, cursor=cursor, limit=PAGE_ROWS, store=store or None, standing=standing or None
        ),
        "csv": csv_of("/api/v1/expected", **asked),
    }
    return render(request, "expected.html", content, live=Live("document count", store or None))
