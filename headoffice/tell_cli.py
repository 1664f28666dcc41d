"""`jaego-hq catalog`, `asn`, `command`: what head office tells the stores, by way of its database."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from headoffice.options_cli import DEFAULT, Database, Json, said

if TYPE_CHECKING:
    from headoffice.asn.importing import Report
    from headoffice.clock import Clock
    from headoffice.database import Database as Rows
    from headoffice.view.orders import CommandRow

EXIT_REFUSED = 1
EXIT_UNANSWERED = 2
LOOK_S = 0.2

catalog_app = typer.Typer(no_args_is_help=True, help="The item master.")
asn_app = typer.Typer(no_args_is_help=True, help="Advance ship notices of suppliers.")
command_app = typer.Typer(no_args_is_help=True, help="Requests to stores; a running desk sends and follows them.")
Check = Annotated[bool, typer.Option("--check", help="Only say what would become of it.")]


@catalog_app.command("import")
def catalog_import(
    file: Annotated[Path, typer.Argument(help="Items: CSV or JSON Lines (docs/catalogue.md).")],
    db: Database = DEFAULT,
    complete: Annotated[bool, typer.Option("--complete", help="Items that are not in the file are deleted.")] = False,
    check: Check = False,
    as_json: Json = False,
) -> None:
    """Take in items: all of the file, or nothing. Only what changed gets a new revision; workers publish it."""
    with said():
        from headoffice import compose
        from headoffice.catalogue import skus

        changes = compose.import_items(db, file, complete=complete, check=check)
        if as_json:
            print(json.dumps(changes._asdict(), ensure_ascii=False))
            return
        for word in ("new", "changed", "deleted"):
            if found := getattr(changes, word):
                print(f"{word}: {skus(found)}")


@catalog_app.command("publish")
def catalog_publish(db: Database = DEFAULT) -> None:
    """Publish all items and expected documents again: the broker has lost what it retained."""
    with said():
        from headoffice import announcing
        from headoffice.database import open_database

        held = open_database(db)
        try:
            announcing.again(held)
        finally:
            held.close()


@asn_app.command("import")
def asn_import(
    file: Annotated[Path, typer.Argument(help="CSV with a row for each line (docs/asn.md).")],
    db: Database = DEFAULT,
    map_file: Annotated[Path | None, typer.Option("--map", help="TOML: what the partner's columns are.")] = None,
    check: Check = False,
    language: Annotated[Literal["ko", "en"], typer.Option(help="Language of the report.")] = "en",
    as_json: Json = False,
) -> None:
    """Tell stores what suppliers send. Each notice is taken whole or not at all: exit 1 when one is refused."""
    with said():
        from headoffice.asn.columns import Map, read_map
        from headoffice.asn.importing import import_notices
        from headoffice.errors import ConfigError
        from headoffice.storages import open_storage

        try:
            chosen = read_map(map_file.read_text("utf-8")) if map_file is not None else Map()
            data = file.read_bytes()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(str(error), hint="a file that can be read; the map in UTF-8") from error
        held = open_storage(db)
        try:
            report = import_notices(held.database, data, chosen, check=check)
        finally:
            held.close()
        _tell(report, language, as_json=as_json)
        raise typer.Exit(EXIT_REFUSED if report.faults else 0)


def _tell(report: Report, language: str, *, as_json: bool) -> None:
    for one in report.documents:
        told = f"{one.document} for {one.store}: {one.outcome}, revision {one.revision}"
        told = f"{told}, {one.lines} lines, {one.units:,} units"
        print(json.dumps(one._asdict(), ensure_ascii=False) if as_json else told)
    for fault in report.faults:
        line: dict[str, Any] = {**fault._asdict(), "text": fault.text(language)}
        column = f", {fault.column}" if fault.column else ""
        reason = f"line {fault.line}{column}: {fault.found!r}: {line['text']}"
        print(json.dumps(line, ensure_ascii=False) if as_json else reason)
    if not as_json:
        if report.faults_total > len(report.faults):
            print(f"… {report.faults_total - len(report.faults)} more")
        for name in report.refused:
            print(f"{name}: REFUSED, nothing of it is taken")
        if report.ignored:
            print(f"columns that are of no use here: {', '.join(report.ignored)}")


@command_app.command("send")
def command_send(
    verb: Annotated[str, typer.Argument(help="reserve, release, replay, ping, restart-device")],
    store: Annotated[str, typer.Option("--store", help="The store.")],
    members: Annotated[str, typer.Option(help="JSON: what the contract says of this request.")] = "{}",
    db: Database = DEFAULT,
    life: Annotated[int, typer.Option(min=1, help="Seconds; later the store does not do it.")] = 60,
    command_id: Annotated[str | None, typer.Option("--id", help="Yours; the same again is done once.")] = None,
    wait: Annotated[float, typer.Option(min=0, max=3600, help="Wait so many seconds for the answer.")] = 0.0,
) -> None:
    """Put a request down for the desk to send. With --wait: exit 1 refused or expired, 2 not answered."""
    with said():
        from headoffice.clock import SystemClock
        from headoffice.commands import CommandRefused, Order, enter
        from headoffice.errors import ConfigError
        from headoffice.storages import open_storage

        held, clock = open_storage(db), SystemClock()
        try:
            order = Order(store, verb, _members(members), life, "jaego-hq", command_id)
            row = _awaited(held.database, enter(held.database, clock, order), clock, wait)
        except CommandRefused as error:
            raise ConfigError(f"{error.field or verb}: {error}", hint="see docs/contract.md") from error
        finally:
            held.close()
    print(json.dumps(row.model_dump(), ensure_ascii=False))
    if wait and row.status != "done":
        raise typer.Exit(EXIT_REFUSED if row.status in {"refused", "expired"} else EXIT_UNANSWERED)


def _members(text: str) -> dict[str, Any]:
    from headoffice.commands import CommandRefused

    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise CommandRefused("invalid", str(error), "--members") from error
    if not isinstance(found, dict):
        raise CommandRefused("invalid", "one JSON object", "--members")
    return cast("dict[str, Any]", found)


def _awaited(database: Rows, command: str, clock: Clock, wait_s: float) -> CommandRow:
    from threading import Event

    from headoffice.view.orders import command as look

    end_s = clock.now_s() + wait_s
    while True:
        found = look(database, command)
        assert found is not None
        if found.status not in {"waiting", "sent"} or clock.now_s() >= end_s:
            return found
        Event().wait(LOOK_S)


@command_app.command("list")
def command_list(
    db: Database = DEFAULT,
    store: Annotated[str | None, typer.Option(help="One store only.")] = None,
    last: Annotated[int, typer.Option(min=1, max=500, help="How many of the newest.")] = 20,
    as_json: Json = False,
) -> None:
    """Commands, what became of them, the newest first."""
    with said():
        from contract.times import Stamper
        from headoffice.database import open_database
        from headoffice.view.orders import commands

        held, stamper = open_database(db, read_only=True), Stamper(UTC)
        try:
            rows = commands(held, limit=last, store=store).rows
        finally:
            held.close()
    for one in rows:
        told = f"{stamper.text(one.at_us)} {one.store:12} {one.verb:14} {one.status:10} {one.id}"
        print(json.dumps(one.model_dump(), ensure_ascii=False) if as_json else told)


def register(app: typer.Typer) -> None:
    for name, room in (("catalog", catalog_app), ("asn", asn_app), ("command", command_app)):
        app.add_typer(room, name=name)
