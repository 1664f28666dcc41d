"""Checks of head office against the stores, and the weekly report."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field

from headoffice.checks import report, results
from headoffice.checks.report import Report, StoreReport
from headoffice.checks.results import CheckRow, CheckTold
from headoffice.view.paging import Page, Told
from headoffice.web.lists import TABLE, Listing
from headoffice.web.room import NAME_PATTERN, Actor, Reading, Refused, StoreQuery, Time, Writing

router = APIRouter(prefix="/api/v1", tags=["checks"])

STORES_MAX = 10_000
CheckPath = Annotated[int, Path(ge=1, lt=2**63, description="id of the check")]
WeekQuery = Annotated[
    str | None, Query(pattern=r"^[0-9]{4}-W[0-9]{2}$", description="2026-W47; absent: the last that is over")
]
StoreName = Annotated[str, Field(pattern=NAME_PATTERN)]


class CheckWish(Told):
    stores: list[StoreName] | None = Field(None, max_length=STORES_MAX, description="absent: every store")
    deep: bool = Field(False, description="look at every stored event, and make the tables again")


class CheckWished(Told):
    stores: int = Field(description="that will be checked, a few at once")


@router.get("/checks", summary="Checks, the newest first", response_model=Page[CheckRow], responses=TABLE)
def checks(
    listing: Listing, store: StoreQuery = None,
    verdict: Annotated[
        Literal["equal", "repaired", "different", "not_compared"] | None, Query(description="only these")
    ] = None,
    newest: Annotated[bool, Query(description="one of each store")] = False,
) -> Any:  # fmt: skip
    return listing.answer(
        CheckRow,
        lambda database, cursor, limit: results.checks(
            database, cursor=cursor, limit=limit, store=store, verdict=verdict, newest=newest
        ),
    )


@router.get("/checks/{check}", summary="One check, with what differed and what was done")
def one_check(check: CheckPath, database: Reading) -> CheckTold:
    found = results.one_check(database, check)
    if found is None:
        raise Refused(404, "unknown_check", "there is no such check; the newest 400 of a store are kept", "check")
    return found


@router.post("/checks", summary="Have stores checked now", status_code=202)
def want_checks(wish: CheckWish, database: Writing, _actor: Actor, clock: Time) -> CheckWished:
    known = {row[0] for row in database.rows("SELECT store FROM position")}
    unknown = set(wish.stores or ()) - known
    if unknown:
        raise Refused(404, "unknown_store", f"head office knows no store {min(unknown)}", "stores")
    stores = sorted(known if wish.stores is None else set(wish.stores))
    results.want(database, stores, clock.wall_us(), deep=wish.deep)
    return CheckWished(stores=len(stores))


@router.get("/report", summary="The weekly quality report, all stores together")
def weekly(database: Reading, clock: Time, week: WeekQuery = None) -> Report:
    return report.report(database, _week(week, clock.wall_us()))


@router.get(
    "/report/stores", summary="The weekly quality report, store by store", response_model=Page[StoreReport],
    responses=TABLE,
)  # fmt: skip
def weekly_stores(listing: Listing, clock: Time, week: WeekQuery = None, store: StoreQuery = None) -> Any:
    found = _week(week, clock.wall_us())
    return listing.answer(
        StoreReport,
        lambda database, cursor, limit: report.stores(database, found, cursor=cursor, limit=limit, store=store),
    )


def _week(text: str | None, now_us: int) -> report.Week:
    try:
        return report.last_week(now_us) if text is None else report.week_of(text)
    except report.NoWeek as error:
        raise Refused(422, "no_week", str(error), "week") from error
