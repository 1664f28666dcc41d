"""`jaego-hq desk`: pages, REST API, live stream; alerts, checks and commands. `jaego-hq token`: who may come in."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from headoffice.options_cli import (
    DEFAULT,
    Address,
    Authorities,
    Certificate,
    CertificateKey,
    Database,
    PasswordFile,
    Prefix,
    Username,
    reached,
    said,
)

if TYPE_CHECKING:
    from headoffice.desk_server import Address as Place

token_app = typer.Typer(no_args_is_help=True, help="Who may look at the desk, and act.")


Hosts = Annotated[list[str] | None, typer.Option(help="What this desk is called in browsers; may repeat.")]
Open = Annotated[bool, typer.Option("--open", help="Whoever is on this machine needs no token, and may act.")]
Zones = Annotated[
    list[str] | None, typer.Option(help="Zone that customers buy from; may repeat. salesfloor unless given.")
]
Hooks = Annotated[list[str] | None, typer.Option(help="Address that is told of alerts by POST, signed; may repeat.")]
ZONES = ("salesfloor",)
Secret = Annotated[Path | None, typer.Option(help="File with the secret that these are signed with.")]
Signer = Annotated[
    Path | None, typer.Option(envvar="JAEGO_HQ_AUTHORITY", help="Sign for stores that have a token of jaego-hq enrol.")
]


def desk(
    db: Database = DEFAULT,
    broker: Address = "127.0.0.1:1883",
    http: Annotated[str, typer.Option(help="HOST:PORT that pages and API are served on.")] = "127.0.0.1:8480",
    open_here: Open = False,
    host: Hosts = None,
    parts: Annotated[bool, typer.Option("--parts/--no-parts", help="Also run alerts, checks and commands.")] = True,
    sales_zone: Zones = None,
    https_cert: Annotated[Path | None, typer.Option(help="Certificate chain, PEM; switches https on.")] = None,
    https_key: Annotated[Path | None, typer.Option(help="Its key, PEM.")] = None,
    webhook: Hooks = None,
    webhook_secret: Secret = None,
    check_at: Annotated[str, typer.Option(help="HH:MM from which on each store is checked, once a day.")] = "02:00",
    check_spread: Annotated[float, typer.Option(help="Hours over which these checks are spread.")] = 4.0,
    authority: Signer = None,
    prefix: Prefix = "stock/v1",
    username: Username = None,
    password_file: PasswordFile = None,
    ca: Authorities = None,
    cert: Certificate = None,
    key: CertificateKey = None,
) -> None:
    """Show what workers have taken in; until SIGTERM."""
    with said():
        from headoffice import desk as running
        from headoffice.alerts.webhook import webhooks
        from headoffice.authority import Authority
        from headoffice.checks.part import times_of
        from headoffice.clock import SystemClock
        from headoffice.desk_builders import builders
        from headoffice.web.access import Gate

        place, gate = _place(http, https_cert, https_key), Gate(frozenset(one.lower() for one in host or ()), open_here)
        hooks = webhooks(webhook or (), webhook_secret, SystemClock())
        reach = reached(broker, "hq-desk", username, password_file, ca, cert, key) if parts else None
        run = builders(hooks, reach, times_of(check_at, check_spread))
        signer = Authority(authority) if authority is not None else None
        running.run(running.Plan(db, place, gate, prefix, tuple(sales_zone or ZONES), reach, run, signer))


def _place(http: str, cert: Path | None, key: Path | None) -> Place:
    from headoffice.desk_server import Address as Place
    from headoffice.errors import ConfigError

    host, _, port = http.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise ConfigError(f"{http!r} is no address", hint="write it as HOST:PORT, as in 127.0.0.1:8480")
    if (cert is None) != (key is None):
        raise ConfigError("https needs a certificate and its key", hint="--https-cert FILE --https-key FILE")
    return Place(host.strip("[]"), int(port), cert, key)


@token_app.command("add")
def token_add(
    name: Annotated[str, typer.Argument(help="Whose it is.")],
    role: Annotated[Literal["view", "act"], typer.Option(help="view: reads; act: writes too.")] = "view",
    db: Database = DEFAULT,
) -> None:
    """Make a token. It is shown once, and kept as a hash."""
    with said():
        from headoffice.clock import SystemClock
        from headoffice.database import open_database
        from headoffice.web import tokens

        print(tokens.add(open_database(db), name, role, SystemClock()))


@token_app.command("remove")
def token_remove(name: Annotated[str, typer.Argument(help="Whose it is.")], db: Database = DEFAULT) -> None:
    """Take a token back, and the logins that it opened, within seconds."""
    with said():
        from headoffice.database import open_database
        from headoffice.errors import ConfigError
        from headoffice.web import tokens

        if not tokens.remove(open_database(db), name):
            raise ConfigError(f"there is no token {name}", hint="jaego-hq token list shows them")


@token_app.command("list")
def token_list(db: Database = DEFAULT) -> None:
    """Names, roles, and since when."""
    with said():
        from contract.times import Stamper
        from headoffice.database import open_database
        from headoffice.web import tokens

        stamper = Stamper(UTC)
        for one in tokens.listed(open_database(db, read_only=True)):
            print(f"{one.name:32} {one.role:5} {stamper.text(one.made_us)}")


def register(app: typer.Typer) -> None:
    app.command()(desk)
    app.add_typer(token_app, name="token")
