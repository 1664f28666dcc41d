"""`jaego-hq alerts`, `rules` and `pos`: what needs a person, from which threshold on, and what the tills sold."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from headoffice.options_cli import DEFAULT, Database, Json, said

if TYPE_CHECKING:
    from headoffice.database import Database as Opened

alerts_app = typer.Typer(no_args_is_help=True, help="What a person should look at.")
rules_app = typer.Typer(no_args_is_help=True, help="Thresholds of alerts, by store, category and SKU.")
pos_app = typer.Typer(no_args_is_help=True, help="What the tills say they sold.")
AlertId = Annotated[int, typer.Argument(help="Its number, as in the list.")]
NoteText = Annotated[str | None, typer.Option(help="For whoever looks next.")]
Who = Annotated[str | None, typer.Option("--by", help="Who you are; otherwise your login.")]
RuleName = Annotated[str | None, typer.Option("--rule", help="One rule only.")]
FileName = Annotated[Path, typer.Argument(help="CSV in UTF-8; - is standard input or output.")]


@contextmanager
def opened(db: str, *, read_only: bool = False) -> Generator[Opened]:
    """A database for as long as a command takes, however it ends."""
    from headoffice.database import open_database

    database = open_database(db, read_only=read_only)
    try:
        yield database
    finally:
        database.close()


@alerts_app.command("list")
def alerts_list(
    db: Database = DEFAULT,
    store: Annotated[str | None, typer.Option(help="One store only.")] = None,
    rule: RuleName = None,
    state: Annotated[
        Literal["open", "acknowledged", "closed", "all"] | None, typer.Option(help="Unless given: not closed ones.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 100,
    as_json: Json = False,
    korean: Annotated[bool, typer.Option("--ko", help="In Korean.")] = False,
) -> None:
    """Alerts, what was found anew last first."""
    with said(), opened(db, read_only=True) as database:
        from contract.times import Stamper
        from headoffice.alerts import listing

        stamper, cursor, left = Stamper(UTC), None, limit
        while left > 0:
            page = listing.alerts(database, cursor=cursor, limit=min(500, left), store=store, rule=rule, state=state)
            for one in page.rows:
                text = one.text_ko if korean else one.text_en
                last = stamper.text(one.last_us)[:16]
                line = f"{one.id:>7} {last} {one.severity:8} {one.state:12} {one.store or '-':12} {one.rule:18} {text}"
                print(listing.dumped(one) if as_json else line)
            left, cursor = left - len(page.rows), page.more
            if cursor is None:
                break


def _act(db: str, alert: int, what: Literal["acknowledge", "close"], by: str | None, note: str | None) -> None:
    from contract.times import Stamper
    from headoffice.alerts import listing
    from headoffice.clock import SystemClock
    from headoffice.errors import ConfigError

    with opened(db) as database:
        found = listing.act(database, SystemClock(), Stamper(UTC), alert, what, by or getpass.getuser(), note)
    if found is None:
        raise ConfigError(f"alert {alert} is not there, or is closed", hint="jaego-hq alerts list shows what is open")
    print(f"{alert}: {found.state}")


@alerts_app.command("ack")
def alerts_ack(alert: AlertId, db: Database = DEFAULT, by: Who = None, note: NoteText = None) -> None:
    """Take an alert in hand."""
    with said():
        _act(db, alert, "acknowledge", by, note)


@alerts_app.command("close")
def alerts_close(alert: AlertId, db: Database = DEFAULT, by: Who = None, note: NoteText = None) -> None:
    """Close an alert; with the same numbers it does not come again."""
    with said():
        _act(db, alert, "close", by, note)


@rules_app.command("show")
def rules_show(db: Database = DEFAULT, rule: RuleName = None, as_json: Json = False) -> None:
    """Every rule with its default, and what was set."""
    with said(), opened(db, read_only=True) as database:
        from headoffice.alerts import listing, records

        for kind in listing.kinds():
            if rule not in {None, kind.rule}:
                continue
            value = "the item's" if kind.value is None else f"{kind.value:,} {kind.unit}"
            line = f"{kind.rule:18} {value:16} {kind.severity:8} {'on' if kind.enabled else 'off':3} {kind.watches_en}"
            print(listing.dumped(kind) if as_json else line)
            for row in records.read_rows(database, kind.rule):
                place = " ".join(
                    f"{name} {text}" for name, text in zip(("store", "category", "SKU"), row[1:4], strict=True) if text
                )
                shown = "default" if row.value is None else f"{row.value:,}"
                line = f"  {place or 'everywhere':30} {shown:>12} {row.severity:8} {'on' if row.enabled else 'off'}"
                print(json.dumps(row._asdict(), ensure_ascii=False) if as_json else line)


@rules_app.command("import")
def rules_import(file: FileName, db: Database = DEFAULT) -> None:
    """Set thresholds from CSV: rule, store, category, sku, value, severity, enabled. All of it, or nothing."""
    with said():
        from headoffice.alerts import records
        from headoffice.alerts.csv_rows import read_rules
        from headoffice.alerts.rules import RuleRefused
        from headoffice.clock import SystemClock
        from headoffice.errors import ConfigError

        rows = read_rules(_bytes(file))
        try:
            with opened(db) as database:
                print(f"{records.put_rules(database, rows, SystemClock().wall_us())} rules set")
        except RuleRefused as error:
            raise ConfigError(str(error), hint="jaego-hq rules show") from error


@rules_app.command("export")
def rules_export(file: FileName, db: Database = DEFAULT) -> None:
    """Write what was set as CSV, as `import` reads it."""
    with said():
        from headoffice.alerts.listing import RuleRow
        from headoffice.alerts.records import read_rows
        from headoffice.errors import ConfigError
        from headoffice.web.lists import table

        with opened(db, read_only=True) as database:
            data = b"".join(table(RuleRow, [RuleRow(**row._asdict()) for row in read_rows(database)]))
        if str(file) == "-":
            sys.stdout.buffer.write(data)
            return
        try:
            file.write_bytes(data)
        except OSError as error:
            raise ConfigError(f"{file}: {error.strerror}", hint="a file that can be written") from error


@pos_app.command("import")
def pos_import(file: FileName, db: Database = DEFAULT) -> None:
    """Take in what the tills sold from CSV: day, store, sku, sold, returned. All of it, or nothing."""
    with said():
        from headoffice.alerts import listing
        from headoffice.alerts.csv_rows import read_pos
        from headoffice.clock import SystemClock

        rows = read_pos(_bytes(file))
        with opened(db) as database:
            print(f"{listing.put_pos(database, rows, SystemClock().wall_us())} rows taken in")


def _bytes(file: Path) -> bytes:
    from headoffice.errors import ConfigError

    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}", hint="a file that can be read") from error


def register(app: typer.Typer) -> None:
    app.add_typer(alerts_app, name="alerts")
    app.add_typer(rules_app, name="rules")
    app.add_typer(pos_app, name="pos")
