"""`jaego-hq epcis push`, `export`: events as EPCIS 2.0, to a capture interface or into a file."""

from __future__ import annotations

import signal
import sys
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from headoffice.options_cli import DEFAULT, Database, said

if TYPE_CHECKING:
    from headoffice.database import Database as Opened
    from headoffice.epcis_http import Capture
    from headoffice.epcis_source import Source

EXIT_ASIDE = 1
app = typer.Typer(no_args_is_help=True, help="Events as EPCIS 2.0 (docs/epcis.md).")

Names = Annotated[Path, typer.Option("--master", help="TOML: the company's address, GLNs of stores, zones, doors.")]
Stores = Annotated[list[str] | None, typer.Option("--store", help="This store only; may be given often.")]


@app.command()
def push(
    address: Annotated[str, typer.Argument(metavar="URL", help="What /capture of the repository stands below.")],
    master: Names,
    db: Database = DEFAULT,
    store: Stores = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what comes, until SIGTERM.")] = False,
    batch: Annotated[int, typer.Option(min=1, max=5000, help="Most events of ours in one document.")] = 200,
    lanes: Annotated[int, typer.Option(min=1, max=32, help="Stores that are delivered at once.")] = 4,
    token_file: Annotated[Path | None, typer.Option(help="File that holds the bearer token.")] = None,
    ca: Annotated[Path | None, typer.Option(help="Authorities of the repository's certificate.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Send everything once more: what is known there stays.")
    ] = False,
) -> None:
    """Deliver every event to a capture interface, in order, once in effect: exit 1 where some were put aside."""
    with said():
        from headoffice.clock import SystemClock
        from headoffice.compose import say
        from headoffice.database import open_database
        from headoffice.epcis_http import Capture
        from headoffice.epcis_push import Push
        from headoffice.epcis_source import Source, read_names

        names = read_names(master)
        token = _token(token_file)

        def opened() -> tuple[Opened, Source, Capture]:
            capture, database = Capture(address, names.namespace, token, ca), open_database(db)
            return database, Source(database, names), capture

        with closing(Push(opened, SystemClock(), say, batch=batch, lanes=lanes)) as pusher:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda _number, _frame: pusher.end())
            if again:
                pusher.again(store)
            pusher.run(store, follow=follow)
    counts = pusher.counts
    print(f"{counts.events:,} events delivered in {counts.documents:,} documents, {counts.aside} put aside")
    raise typer.Exit(EXIT_ASIDE if counts.aside else 0)


@app.command()
def export(
    file: Annotated[str, typer.Argument(help="Where to write; - is the standard output.")],
    master: Names,
    db: Database = DEFAULT,
    store: Stores = None,
) -> None:
    """Write every event into one EPCIS document: exit 1 where some cannot be told."""
    with said():
        from headoffice.database import open_database
        from headoffice.epcis_source import Source, read_names
        from headoffice.errors import DatabaseUnusable

        names = read_names(master)
        with closing(open_database(db, read_only=True)) as database:
            source = Source(database, names)
            try:
                with sys.stdout.buffer if file == "-" else Path(file).open("wb") as out:
                    told, left = _export(source, store, out)
            except OSError as error:
                raise DatabaseUnusable(f"{file}: {error.strerror}", hint="is there room, and may you write?") from error
    print(f"{told:,} events told, {left} cannot be", file=sys.stderr)
    raise typer.Exit(EXIT_ASIDE if left else 0)


def _export(source: Source, stores: list[str] | None, out: IO[bytes]) -> tuple[int, int]:
    from contract.times import Stamper
    from headoffice.clock import SystemClock
    from headoffice.epcis_engine import Told

    before, after = source.frame(Stamper(UTC).text(SystemClock().wall_us()))
    out.write(before)
    told = left = 0
    for store in source.stores(stores):
        for one in source.all_told(store):
            if isinstance(one, Told):
                out.write(b",\n" * (told > 0) + one.body)
                told += 1
            else:
                left += 1
                print(f"{store}: event {one[0]}: {one[1]}", file=sys.stderr)
    out.write(after + b"\n")
    return told, left


def _token(path: Path | None) -> str | None:
    from headoffice.errors import ConfigError

    if path is None:
        return None
    hint = "a readable file with the token, one line of printable characters"
    try:
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: it cannot be read as a token", hint=hint) from error
    if not text or not text.isprintable() or " " in text:
        raise ConfigError(f"{path}: it holds no token", hint=hint)
    return text
