"""`jaego-hq check`: have the desk compare stores now, and wait. `jaego-hq report`: the week's data quality."""

from __future__ import annotations

import json
import sys
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from headoffice.alerts_cli import opened
from headoffice.options_cli import DEFAULT, EXIT_DIFFERENT, EXIT_NOT_COMPARED, Database, Json, said

if TYPE_CHECKING:
    from headoffice.checks.report import StoreReport, Week
    from headoffice.checks.results import CheckTold
    from headoffice.checks.texts import Language
    from headoffice.database import Database as Opened

POLL_S = 0.5
StoreName = Annotated[str | None, typer.Option(help="One store only.")]


def check(
    db: Database = DEFAULT,
    store: StoreName = None,
    deep: Annotated[bool, typer.Option("--deep", help="Every stored event too; tables are made again.")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Until all are checked.")] = True,
    timeout: Annotated[float, typer.Option(min=1, max=86_400, help="Seconds to wait at most.")] = 600.0,
    as_json: Json = False,
) -> None:
    """Compare with the stores, and mend by replay: exit 0 equal or repaired, 1 different, 2 not compared."""
    with said(EXIT_NOT_COMPARED), opened(db) as database:
        from headoffice.checks import results
        from headoffice.clock import SystemClock
        from headoffice.errors import ConfigError

        clock = SystemClock()
        known = [row[0] for row in database.rows("SELECT store FROM position ORDER BY store")]
        if store is not None and store not in known:
            raise ConfigError(f"head office knows no store {store}", hint=f"it knows {', '.join(known) or 'none yet'}")
        stores = [store] if store else known
        newest = int(database.rows("SELECT COALESCE(MAX(id), 0) FROM data_check")[0][0])
        results.want(database, stores, clock.wall_us(), deep=deep)
        verdicts = _waited(database, stores, newest, timeout, as_json=as_json) if wait else ["equal"]
    worst = EXIT_DIFFERENT if "different" in verdicts else EXIT_NOT_COMPARED if "not_compared" in verdicts else 0
    raise typer.Exit(worst)


def _waited(database: Opened, stores: list[str], newest: int, timeout_s: float, *, as_json: bool) -> list[str]:
    """Verdicts, each shown as it comes. Raises `NotComparable` when some have not come in time."""
    from headoffice.checks import results
    from headoffice.clock import SystemClock
    from headoffice.errors import NotComparable

    clock, left, verdicts = SystemClock(), set(stores), list[str]()
    end_s = clock.now_s() + timeout_s
    while left:
        rows = database.rows("SELECT id, store FROM data_check WHERE id > ? ORDER BY id", (newest,))
        for check_id, name in rows:
            newest = check_id
            found = results.one_check(database, check_id)
            if name in left and found is not None:
                left.discard(name)
                verdicts.append(found.verdict)
                _show(found, f"{len(stores) - len(left)} of {len(stores)}", as_json=as_json)
        if left and clock.now_s() > end_s:
            raise NotComparable(
                f"{len(left)} of {len(stores)} stores were not checked within {timeout_s:.0f} s: {min(left)} …",
                hint="is jaego-hq desk running on this database? what was asked for is checked once it does",
            )
        threading.Event().wait(POLL_S if left else 0)
    return verdicts


def _show(found: CheckTold, progress: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found.model_dump(), ensure_ascii=False))
        return
    line = (
        f"{found.store}: {found.verdict} at event {found.as_of}: {found.rows_total} rows, {found.levels} levels heard"
    )
    print(f"{line} ({progress})")
    if found.reason:
        print(f"  {found.reason}")
    for text in (*found.done, *(f"{name} was not as the events say" for name in found.tables)):
        print(f"  {text}")
    for one in found.differences:
        place = f"{one.sku} {one.zone} {one.lot or '-'} {one.disposition}"
        print(f"  {place}: {one.store} in the store, {one.head_office} here")


def weekly(
    db: Database = DEFAULT,
    week: Annotated[str | None, typer.Option(help="As 2026-W47; otherwise the last that is over.")] = None,
    store: StoreName = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="A row for each store.")] = False,
    korean: Annotated[bool, typer.Option("--ko", help="In Korean.")] = False,
) -> None:
    """The weekly data quality report, of all stores together and each."""
    with said(), opened(db, read_only=True) as database:
        from headoffice.checks import report
        from headoffice.checks.report import StoreReport
        from headoffice.clock import SystemClock
        from headoffice.errors import ConfigError
        from headoffice.web.lists import table

        try:
            found = report.week_of(week) if week else report.last_week(SystemClock().wall_us())
        except report.NoWeek as error:
            raise ConfigError(str(error), hint="weeks are those of ISO 8601, from Monday on") from error
        rows, cursor = list[StoreReport](), None
        while True:
            page = report.stores(database, found, cursor=cursor, limit=200, store=store)
            rows, cursor = rows + page.rows, page.more
            if cursor is None:
                break
        if as_csv:
            sys.stdout.buffer.write(b"".join(table(StoreReport, rows)))
        elif as_json:
            told = report.report(database, found).model_dump()
            print(json.dumps({**told, "rows": [row.model_dump() for row in rows]}, ensure_ascii=False))
        else:
            _print(database, found, rows, "ko" if korean else "en")


def _print(database: Opened, week: Week, rows: list[StoreReport], language: Language) -> None:
    from headoffice.checks import report
    from headoffice.checks.texts import word

    found = report.report(database, week)
    print(f"{word('title', language)} {found.week} ({found.first_day} – {found.last_day})")
    print(f"{word('overall', language)}: {found.stores} {word('stores', language)}")
    for name, value in found.overall.model_dump().items():
        print(f"  {word(name, language)}: {'-' if value is None else f'{value:,}'}")
    print(word("top", language))
    for one in found.top:
        units = f"{one.units:+,}" + (" g" if one.base_unit == "gram" else "")
        print(f"  {one.store} {one.sku}: {units} ({word(one.found_by, language)})")
    for row in rows:
        told = (
            f"{word(name, language)} {value:,}" for name, value in row.model_dump().items() if isinstance(value, int)
        )
        print(f"{row.store}: {', '.join(told)}")


def register(app: typer.Typer) -> None:
    app.command()(check)
    app.command("report")(weekly)
