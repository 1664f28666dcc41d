"""What head office takes care of: alerts and their rules, data checks, requests to stores."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse

from headoffice.alerts import listing
from headoffice.alerts.rules import RULES, SEVERITIES
from headoffice.checks import report, results
from headoffice.checks.report import StoreReport
from headoffice.commands import SHAPES
from headoffice.view import orders, summary
from headoffice.web.pages import CursorQuery, Live, NameQuery, csv_of, missing, render
from headoffice.web.room import Now, Reading, Refused

router = APIRouter(include_in_schema=False)

PAGE_ROWS = 50
RULES_ROWS = 200
ANSWER_S = 3  # how often a page looks for answers of its own accord
STATUSES = ("waiting", "sent", "done", "refused", "expired", "unanswered")
VERDICTS = ("equal", "repaired", "different", "not_compared")
CheckPath = Annotated[int, Path(ge=1, lt=2**63)]
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


@router.get("/checks")
def check_list(
    request: Request,
    database: Reading,
    store: NameQuery = "",
    verdict: Literal["", "equal", "repaired", "different", "not_compared"] = "",
    cursor: CursorQuery = None,
) -> HTMLResponse:
    asked = {"store": store, "verdict": verdict}
    content = {
        "asked": asked,
        "verdicts": VERDICTS,
        "stores": summary.store_names(database),
        "waiting": len(results.wanted(database, summary.CHOICES_MAX)),
        "page": results.checks(database, cursor=cursor, limit=PAGE_ROWS, store=store or None, verdict=verdict or None),
        "csv": csv_of("/api/v1/checks", **asked),
    }
    return render(request, "checks.html", content, live=Live("store", every_s=ANSWER_S))


@router.get("/checks/{check}")
def check_page(request: Request, check: CheckPath, database: Reading) -> HTMLResponse:
    one = results.one_check(database, check)
    if one is None:
        raise missing(str(check))
    skus = {line.sku for line in one.differences} | {line.sku for line in one.levels_differ}
    return render(request, "check.html", {"one": one, "names": summary.item_names(database, skus)})


@router.get("/report")
def weekly_report(
    request: Request,
    database: Reading,
    view: Now,
    week: Annotated[str, Query(pattern=r"^([0-9]{4}-W[0-9]{2})?$")] = "",
    cursor: CursorQuery = None,
) -> HTMLResponse:
    try:
        found = report.week_of(week) if week else report.last_week(view.now_us)
    except report.NoWeek as error:
        raise Refused(422, "no_week", str(error), "week") from error
    told = report.report(database, found)
    content = {
        "told": told,
        "names": summary.item_names(database, {one.sku for one in told.top}),
        "page": report.stores(database, found, cursor=cursor, limit=RULES_ROWS),
        "columns": [name for name in StoreReport.model_fields if name != "store"],
        "before": report.last_week(found.begin_us).name,
        "after": report.last_week(found.begin_us + 14 * report.DAY_US).name,
        "csv": csv_of("/api/v1/report/stores", week=found.name),
    }
    return render(request, "report.html", content)
