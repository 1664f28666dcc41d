"""`jaego-hq enrol STORE`: credentials of a store. `jaego-hq ca`: the authority that signs them (docs/setup.md)."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headoffice.options_cli import DEFAULT, Database, Json, said

if TYPE_CHECKING:
    from headoffice.authority import Authority, Issued
    from headoffice.database import Database as Connection

ca_app = typer.Typer(no_args_is_help=True, help="The authority that signs the certificates of stores and brokers.")
Folder = Annotated[
    Path, typer.Option("--authority", envvar="JAEGO_HQ_AUTHORITY", help="Folder of the authority's files.")
]
Owner = Annotated[str | None, typer.Option(help="User that reads the key: mosquitto; else whoever runs this.")]
HERE = Path("authority")


def register(app: typer.Typer) -> None:
    app.command("enrol")(enrol)
    app.add_typer(ca_app, name="ca")


def enrol(
    store: Annotated[str, typer.Argument(help="The store, as its topics name it.")],
    csr: Annotated[
        Path | None, typer.Option(help="Sign this request of the store's; it made it by jaego setup.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File for the certificate, or the password; else printed.")] = None,
    password: Annotated[
        Path | None, typer.Option(help="Make a password instead, and put it into this password file of mosquitto.")
    ] = None,
    hours: Annotated[float, typer.Option(min=0.1, max=24 * 90, help="How long a token is good.")] = 72.0,
    signing_key: Annotated[
        str | None, typer.Option(help="The store's public key: its next log is signed with it.")
    ] = None,
    db: Database = DEFAULT,
    authority: Folder = HERE,
) -> None:
    """Credentials of a store: without options a token that `jaego setup --token` exchanges for a certificate, once."""
    with said():
        from headoffice import enrolling, keys
        from headoffice.authority import Authority, check_store
        from headoffice.clock import SystemClock

        check_store(store)
        clock = SystemClock()
        if csr is not None and password is not None:
            raise typer.BadParameter("give either --csr or --password")
        if password is not None:
            _put(out, f"{_with_password(store, password)}\n".encode(), 0o600)
        else:
            with closing(_opened(db)) as database:
                if csr is None:
                    token = enrolling.invite(database, Authority(authority), store, hours, clock)
                    _put(out, f"{token}\n".encode(), 0o600)
                else:
                    issued = enrolling.issue(database, Authority(authority), store, _read(csr), clock)
                    _put(out, issued.chain, 0o644)
        if signing_key is not None:
            with closing(_opened(db)) as database:
                keys.enrol(database, store, signing_key, clock.wall_us())


def _with_password(store: str, path: Path) -> str:
    from headoffice import enrolling
    from headoffice.authority import put
    from headoffice.clock import SystemClock

    secret, entry = enrolling.password(store, SystemClock())
    before = _read(path).decode("utf-8", "replace") if path.exists() else ""
    put(path, enrolling.with_entry(before, entry).encode(), 0o600, path.owner() if path.exists() else None)
    print(f"{path}: {store} is in it; the broker reads it again with: systemctl reload mosquitto", file=sys.stderr)
    return secret


@ca_app.command("init")
def ca_init(
    name: Annotated[str, typer.Option(help="What the authority is called in its certificates.")] = "Jaego",
    broker: Annotated[list[str] | None, typer.Option(help="Name of the first broker: ca server; may repeat.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the broker's files.")] = Path("broker"),
    owner: Owner = None,
    own: Annotated[Path | None, typer.Option(help="Folder for head office's own files: ca own.")] = None,
    db: Database = DEFAULT,
    authority: Folder = HERE,
) -> None:
    """Make the authority: once for all stores. Its key must be kept safe, and copied to a safe place."""
    with said():
        from headoffice.authority import OFFICE, begin
        from headoffice.enrolling import server_of

        made = begin(authority, name, _now_us())
        print(f"{authority}: ca.pem, ca.crl for the broker; keep ca.key safe. SHA-256 {made.fingerprint.hex()}")
        if broker:
            _bundle(made, made.server(broker, _now_us()), out, server_of(broker), db, owner)
        if own is not None:
            _bundle(made, made.office(_now_us()), own, OFFICE, db)


@ca_app.command("server")
def ca_server(
    names: Annotated[list[str], typer.Argument(help="Names and addresses that it is reached by.")],
    out: Annotated[Path, typer.Option(help="Folder for server.pem, server.key, ca.pem and ca.crl.")],
    owner: Owner = None,
    db: Database = DEFAULT,
    authority: Folder = HERE,
) -> None:
    """A certificate for the broker, or for the desk. Again with the same names and folder: the next one."""
    with said():
        from headoffice.authority import Authority
        from headoffice.enrolling import server_of

        made = Authority(authority)
        _bundle(made, made.server(names, _now_us()), out, server_of(names), db, owner)


@ca_app.command("own")
def ca_own(
    out: Annotated[Path, typer.Option(help="Folder for office.pem, office.key, ca.pem and ca.crl.")],
    owner: Owner = None,
    db: Database = DEFAULT,
    authority: Folder = HERE,
) -> None:
    """Head office's own certificate: for `jaego-hq run --cert --key`. Again with the same folder: the next one."""
    with said():
        from headoffice.authority import OFFICE, Authority

        made = Authority(authority)
        _bundle(made, made.office(_now_us()), out, OFFICE, db, owner)


@ca_app.command("revoke")
def ca_revoke(
    name: Annotated[str, typer.Argument(help="The store, or whose certificate it is, as jaego-hq ca list shows.")],
    db: Database = DEFAULT,
    authority: Folder = HERE,
) -> None:
    """Take every certificate of a store back: a PC that was lost. The broker must be given the new ca.crl."""
    with said():
        from headoffice import enrolling
        from headoffice.authority import Authority
        from headoffice.errors import ConfigError

        with closing(_opened(db)) as database:
            count = enrolling.take_back(database, Authority(authority), name, _now_us())
        if not count:
            raise ConfigError(f"there is no certificate of {name} that is good", hint="jaego-hq ca list shows them")
    print(f"{count} taken back; copy {authority / 'ca.crl'} to the broker, and: systemctl restart mosquitto")


@ca_app.command("list")
def ca_list(
    db: Database = DEFAULT,
    ending: Annotated[
        bool, typer.Option("--ending", help="Only those that end within 60 days, or have, and nothing replaced.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Every certificate that was signed, until when it is good, and what was taken back."""
    with said():
        from contract.times import Stamper
        from headoffice import enrolling
        from headoffice.database import open_database

        now_us = _now_us()
        with closing(open_database(db, read_only=True)) as database:
            found = enrolling.standings(enrolling.issued(database), now_us)
    stamper = Stamper(UTC)
    words = {
        "good": "until {at}",
        "ending": "until {at}: {days} days left, and not renewed",
        "ended": "ended {at}, and was not renewed",
        "replaced": "until {at}, and replaced by a newer one",
        "taken_back": "taken back",
    }
    for one, standing in found:
        if ending and standing not in {"ending", "ended"}:
            continue
        days = (one.ends_us - now_us) // enrolling.DAY_US
        state = words[standing].format(at=stamper.text(one.ends_us), days=days)
        told = json.dumps({**one._asdict(), "standing": standing})
        print(told if as_json else f"{one.name:24} {one.serial} {state}")


def _bundle(
    authority: Authority, made: tuple[Issued, bytes], out: Path, whose: str, db: str, owner: str | None = None
) -> None:
    from headoffice import enrolling
    from headoffice.authority import OFFICE, put
    from headoffice.errors import ConfigError

    issued, key = made
    try:
        out.mkdir(parents=True, exist_ok=True)
        crl = (authority.folder / "ca.crl").read_bytes()
    except OSError as error:
        raise ConfigError(f"{error.filename}: {error.strerror}", hint="check the folders' permissions") from error
    with closing(_opened(db)) as database:
        enrolling.note(database, whose, issued, _now_us())
    name = "office" if whose == OFFICE else "server"
    for file, content, mode in (
        (f"{name}.key", key, 0o600),
        (f"{name}.pem", issued.chain, 0o644),
        ("ca.pem", authority.pem, 0o644),
        ("ca.crl", crl, 0o644),
    ):
        put(out / file, content, mode, owner)
    print(f"{out}: {name}.pem, {name}.key, ca.pem, ca.crl")


def _opened(db: str) -> Connection:
    """With the schema in place: credentials may be the first thing that head office does."""
    from headoffice.database import open_database
    from headoffice.storages import open_storage

    open_storage(db).close()
    return open_database(db)


def _now_us() -> int:
    from headoffice.clock import SystemClock

    return SystemClock().wall_us()


def _read(path: Path) -> bytes:
    from headoffice.authority import REQUEST_BYTES_MAX
    from headoffice.errors import ConfigError

    try:
        with path.open("rb") as file:
            return file.read(1000 * REQUEST_BYTES_MAX)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", hint="check the path and its permissions") from error


def _put(out: Path | None, content: bytes, mode: int) -> None:
    from headoffice.authority import put

    if out is None:
        sys.stdout.write(content.decode())
    else:
        put(out, content, mode)
