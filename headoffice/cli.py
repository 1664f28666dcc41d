"""`jaego-hq`: head office's reference consumer, and its tools."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contract.catalog import shown
from contract.ids import is_store
from contract.times import Stamper
from headoffice.errors import ConfigError, DatabaseUnusable, NotComparable
from headoffice.options_cli import (
    DEFAULT,
    EXIT_DIFFERENT,
    EXIT_NOT_COMPARED,
    Address,
    Authorities,
    Certificate,
    CertificateKey,
    Database,
    Json,
    PasswordFile,
    Prefix,
    Username,
    reached,
    said,
)

if TYPE_CHECKING:
    from headoffice.storing import Storage
    from headoffice.verify import Verdict

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
log_app = typer.Typer(no_args_is_help=True, help="Events as the stores wrote them.")
app.add_typer(log_app, name="log")


def main() -> None:
    whole()()


@cache
def whole() -> typer.Typer:
    """Every command of `jaego-hq`, those of other modules too."""
    from headoffice import (
        alerts_cli,
        backup_cli,
        checks_cli,
        desk_cli,
        enrol_cli,
        epcis_cli,
        keys_cli,
        order_cli,
        tell_cli,
        worker_cli,
    )

    app.add_typer(epcis_cli.app, name="epcis")
    app.add_typer(keys_cli.app, name="key")
    order_cli.register(app)
    desk_cli.register(app)
    alerts_cli.register(app)
    checks_cli.register(app)
    worker_cli.register(app)
    enrol_cli.register(app)
    backup_cli.register(app)
    tell_cli.register(app)
    return app


@app.command()
def run(
    broker: Address = "127.0.0.1:1883",
    db: Database = DEFAULT,
    consumer: Annotated[
        str, typer.Option(help="Name in ack/{consumer}, as the stores have it configured.")
    ] = "headoffice",
    catalog: Annotated[Path | None, typer.Option(help="Items to publish: CSV or JSON Lines.")] = None,
    stores: Annotated[str | None, typer.Option(help="Take in these stores only, comma-separated.")] = None,
    prefix: Prefix = "stock/v1",
    username: Username = None,
    password_file: PasswordFile = None,
    ca: Authorities = None,
    cert: Certificate = None,
    key: CertificateKey = None,
    worker: Annotated[
        str | None, typer.Option(help="Name of this worker among those on one PostgreSQL; else the machine's.")
    ] = None,
    buckets: Annotated[
        int, typer.Option(min=1, max=1024, help="PostgreSQL: stores are divided into so many parts, for all workers.")
    ] = 64,
) -> None:
    """Take in all stores' events, exactly once, and acknowledge them; until SIGTERM."""
    with said():
        from headoffice import compose

        division = compose.divided(db, worker, buckets)
        place = reached(broker, f"hq-{consumer}", username, password_file, ca, cert, key)
        known = _stores(stores) if stores is not None else None
        compose.run(place, db, consumer=consumer, prefix=prefix, catalogue=catalog, known=known, division=division)


@app.command()
def stock(
    db: Database = DEFAULT,
    store: Annotated[str | None, typer.Option(help="One store only.")] = None,
    sku: Annotated[str | None, typer.Option(help="One SKU only.")] = None,
    as_json: Json = False,
) -> None:
    """Stock by store, SKU, zone, lot and disposition, in base units."""
    with said(), _opened(db) as held:
        known = held.stores()
        _known(store, known)
        for name in [store] if store else known:
            for row in held.stock(name, sku, sku):
                line = {"store": name, **row._asdict(), "lot": row.lot or None}
                text = f"{name:12} {row.sku:24} {row.zone:16} {row.lot:12} {row.disposition:10} {row.quantity:>10,}"
                print(json.dumps(line, ensure_ascii=False) if as_json else text)


@log_app.command("show")
def log_show(
    store: Annotated[str, typer.Option(help="The store.")],
    db: Database = DEFAULT,
    last: Annotated[int, typer.Option(min=1, max=100_000, help="How many of the newest.")] = 20,
    as_json: Json = False,
) -> None:
    """The newest events of a store, oldest first."""
    with said(), _opened(db) as held:
        _known(store, held.stores())
        for event in held.newest(store, last):
            kind = shown(event["data"].get("kind", "-"))  # what a store sends may hold anything
            line = f"{event['seq']:>8} {shown(event['occurred_at'])} {event['type']:9} {kind}"
            print(json.dumps(event, ensure_ascii=False, sort_keys=True) if as_json else line)


@app.command()
def quarantine(
    db: Database = DEFAULT,
    store: Annotated[str | None, typer.Option(help="One store only.")] = None,
    as_json: Json = False,
) -> None:
    """What was refused, how often and why, what came last at the end."""
    with said(), _opened(db) as held:
        stamper = Stamper(UTC)
        for one in held.quarantined(store):
            first, last = stamper.text(one.at_us), stamper.text(one.last_at_us)
            if as_json:
                line = {**one._asdict(), "at": first, "last_at": last, "body": one.body.decode("utf-8", "replace")}
                del line["at_us"], line["last_at_us"]
                print(json.dumps(line, ensure_ascii=False))
            else:
                place = f"{one.log or '-'} {one.seq if one.seq is not None else '-'}"
                print(f"{last} {one.store:12} {one.code:10} {place:16} {one.times:>8,} times: {one.reason}")


@app.command()
def verify(
    db: Database = DEFAULT,
    store: Annotated[str | None, typer.Option(help="One store only.")] = None,
    broker: Annotated[str | None, typer.Option(help="HOST:PORT: ask the running store for its digest.")] = None,
    export: Annotated[Path | None, typer.Option(help="Compare with this export of the store's log.")] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Check every stored event, and stock against them.")] = False,
    timeout: Annotated[float, typer.Option(min=1, max=3600, help="Seconds until both must be at one event.")] = 30.0,
    prefix: Prefix = "stock/v1",
    username: Username = None,
    password_file: PasswordFile = None,
    ca: Authorities = None,
    cert: Certificate = None,
    key: CertificateKey = None,
    as_json: Json = False,
) -> None:
    """Check the own events, then compare with the stores: exit 0 equal, 1 different or damaged, 2 not compared."""
    if (broker is not None) + (export is not None) != 1 and not (deep and broker is None and export is None):
        raise typer.BadParameter("give either --broker or --export, or --deep alone")
    verdicts: list[Verdict] = []
    with said(EXIT_NOT_COMPARED):
        stores = _checked(db, store, deep=deep)
        if export is not None:
            verdicts = [_from_export(db, store, export)]
        elif broker is None:
            print(f"{len(stores)} stores: what is stored is whole")
        else:
            from headoffice import compose

            place = reached(broker, "verify", username, password_file, ca, cert, key)
            verdicts = compose.verify_live(place, db, stores, prefix=prefix, timeout_s=timeout)
    for verdict in verdicts:
        _show(verdict, as_json=as_json)
    raise typer.Exit(0 if all(one.equal for one in verdicts) else EXIT_DIFFERENT)


@app.command()
def rebuild(
    db: Database = DEFAULT,
    store: Annotated[str | None, typer.Option(help="One store only.")] = None,
) -> None:
    """Make what pages show again from the stored events. A file must not be in use; PostgreSQL may."""
    with said():
        from headoffice.rebuilding import rebuild as made_again
        from headoffice.storages import locked, open_storage

        with locked(db), closing(open_storage(db)) as held:
            _known(store, held.stores())
            events = made_again(held, [store] if store else held.stores(), lambda line: print(line, file=sys.stderr))
        print(f"{events} events")


@contextmanager
def _opened(db: str) -> Generator[Storage]:
    """To look at."""
    from headoffice.storages import open_storage

    with closing(open_storage(db, read_only=True)) as held:
        yield held


def _known(store: str | None, known: list[str]) -> None:
    if store is not None and store not in known:
        raise ConfigError(f"head office knows no store {store}", hint=f"it knows {', '.join(known) or 'none yet'}")


def _stores(text: str) -> frozenset[str]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if not is_store(name):
            raise ConfigError(f"{name!r} is no store", hint="write --stores S001,S002")
    return frozenset(names)


def _checked(db: str, store: str | None, *, deep: bool) -> list[str]:
    """The stores that are meant, after what head office has of them was checked. Raises `Damaged`."""
    from headoffice import own

    with _opened(db) as held:
        stores = [store] if store else held.stores()
        if not stores:
            raise NotComparable("head office knows no store yet", hint="is an agent connected to this broker?")
        for name in stores:
            own.check(held, name, deep=deep)
    return stores


def _from_export(db: str, store: str | None, export: Path) -> Verdict:
    from headoffice.verify import compare_export

    try:
        with _opened(db) as held, export.open("rb") as lines:
            return compare_export(held, store, lines)
    except OSError as error:
        raise DatabaseUnusable(f"{export}: {error.strerror}", hint="write it with: jaego log export FILE") from error


def _show(verdict: Verdict, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(verdict), ensure_ascii=False))
        return
    word = "equal" if verdict.equal else "DIFFERENT"
    print(f"{verdict.store}: {word} at event {verdict.as_of}: {verdict.rows} rows, {verdict.quantity:,} units")
    if verdict.reason:
        print(f"  {verdict.reason}")
    for one in verdict.differences:
        place = f"{one.sku} {one.zone} {one.lot or '-'} {one.disposition}"
        print(f"  {place}: {one.store} in the store, {one.head_office} here")
