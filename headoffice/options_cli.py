"""What commands of `jaego-hq` share: their options, exit codes, and how a mistake is said."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headoffice.errors import ConfigError, Damaged, HeadOfficeError

if TYPE_CHECKING:
    from headoffice.mqtt import Broker

EXIT_FAILED = 1
EXIT_DIFFERENT = 1
EXIT_DAMAGED = 1
EXIT_NOT_COMPARED = 2
EXIT_CONFIG = 78
UNREADABLE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY}

Database = Annotated[str, typer.Option("--db", help="Head office's database: a file, or postgresql://USER@HOST/NAME.")]
Address = Annotated[str, typer.Option("--broker", help="HOST:PORT of the broker.")]
Prefix = Annotated[str, typer.Option(help="Prefix of the topics.")]
Username = Annotated[str | None, typer.Option(help="User name at the broker.")]
PasswordFile = Annotated[Path | None, typer.Option(help="File that holds the password.")]
Authorities = Annotated[Path | None, typer.Option(help="Authorities of the broker's certificate; switches TLS on.")]
Certificate = Annotated[Path | None, typer.Option(help="Head office's certificate, for a broker that wants one.")]
CertificateKey = Annotated[Path | None, typer.Option(help="The certificate's key.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
DEFAULT = "headoffice.db"


@contextmanager
def said(failed: int = EXIT_FAILED) -> Generator[None]:
    """What a person can do something about is said without a traceback."""
    try:
        yield
    except HeadOfficeError as error:
        print(f"{error}\nhint: {error.hint}", file=sys.stderr)
        code = EXIT_DAMAGED if isinstance(error, Damaged) else failed
        raise typer.Exit(EXIT_CONFIG if isinstance(error, ConfigError) else code) from error
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in UNREADABLE:
            raise
        print(f"the database cannot be read: {error}\nhint: is the disk in order?", file=sys.stderr)
        raise typer.Exit(failed) from error


def reached(
    address: str,
    client_id: str,
    username: str | None,
    password_file: Path | None,
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
) -> Broker:
    """Where and how, secrets read. Raises `ConfigError`."""
    from headoffice.mqtt import Broker

    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ConfigError(f"{address!r} is no address of a broker", hint="write it as HOST:PORT, as in 127.0.0.1:1883")
    try:
        password = password_file.read_text("utf-8").rstrip("\r\n") if password_file else None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{password_file}: {error}", hint="a readable file with the password, in UTF-8") from error
    return Broker(host, int(port), client_id, username, password, ca, cert, key)
