"""`jaego`: the agent and its tools. Heavy parts are imported by the command that needs them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from agent import device_cli, doctor_cli, key_cli, people_cli, print_cli, restore_cli, run_cli, setup_cli
from agent.errors import EXIT_CONFIG, AgentError, ConfigError, exit_code
from agent.portal_cli import passages, portal_app
from agent.run_cli import DEFAULT
from contract.topics import EventType
from drivers.r200.frames import Framing

if TYPE_CHECKING:
    from agent.config import Config
    from agent.ledger.reader import Reader

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
log_app = typer.Typer(no_args_is_help=True, help="The log: verify, show, prove, export, rebuild.")
catalogue_app = typer.Typer(no_args_is_help=True, help="The catalogue: import, look up.")
decode_app = typer.Typer(no_args_is_help=True, help="What bytes of a device's protocol say, as JSON.")
app.add_typer(log_app, name="log")
app.add_typer(catalogue_app, name="catalogue")
app.add_typer(decode_app, name="decode")
app.add_typer(portal_app, name="portal")
app.command()(passages)
device_cli.register(app)
doctor_cli.register(app)
key_cli.register(app)
people_cli.register(app)
print_cli.register(app)
restore_cli.register(app)
setup_cli.register(app)

ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", envvar="JAEGO_CONFIG", help="Configuration file.", show_default=True)
]
Recorded = Annotated[Path, typer.Argument(help="Raw bytes or hexadecimal text; - is standard input.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def main() -> None:
    app()


@contextmanager
def _said() -> Generator[None]:
    """Errors that people can mend: what, a hint, and an exit code."""
    try:
        yield
    except ConfigError as error:
        for line in error.mistakes:
            print(line, file=sys.stderr)
        print(f"hint: {error.hint}", file=sys.stderr)
        raise typer.Exit(EXIT_CONFIG) from error
    except AgentError as error:
        print(f"{error}\nhint: {error.hint}", file=sys.stderr)
        raise typer.Exit(exit_code(error)) from error


@contextmanager
def _catalogue_said() -> Generator[None]:
    from agent.catalogue.errors import CatalogueError

    try:
        yield
    except CatalogueError as error:
        print(f"{error}\nhint: {error.hint}", file=sys.stderr)
        raise typer.Exit(1) from error


@app.command()
def run(config: Annotated[Path, typer.Argument(help="Configuration file.", envvar="JAEGO_CONFIG")] = DEFAULT) -> None:
    """Run the agent until SIGTERM."""
    raise typer.Exit(run_cli.run(config))


@app.command("check-config")
def check_config(file: Annotated[Path, typer.Argument(help="Configuration file.")] = DEFAULT) -> None:
    """Name every mistake of a configuration; exit 78 if there is one."""
    with _said():
        loaded = _load(file)
    print(f"{file}: good. Store {loaded.store.id}, {len(loaded.station)} stations, {len(loaded.device)} devices.")


@app.command()
def stock(
    config: ConfigFile = DEFAULT,
    sku: Annotated[str | None, typer.Option(help="One SKU only.")] = None,
    zone: Annotated[str | None, typer.Option(help="One zone only.")] = None,
    as_json: Json = False,
) -> None:
    """Stock on hand by SKU, zone, lot and disposition, in base units."""
    with _reader(config) as reader:
        rows = reader.stock(sku, zone)
    if as_json:
        for row in rows:
            print(json.dumps({**row._asdict(), "lot": row.lot or None}, ensure_ascii=False))
        return
    for row in rows:
        print(f"{row.sku:24} {row.zone:16} {row.lot:12} {row.disposition:10} {row.quantity:>10,}")
    print(f"{len(rows)} rows, {sum(row.quantity for row in rows):,} units")


@app.command()
def identify(
    codes: Annotated[list[str], typer.Argument(help="Codes, or - for one a line from standard input.")],
    epc: Annotated[bool, typer.Option("--epc", help="They are EPC memories in hexadecimal.")] = False,
    aim: Annotated[bool, typer.Option("--aim", help="Each begins with an AIM identifier, as in ]E0.")] = False,
    as_json: Json = False,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Use its catalogue and labels.")] = None,
) -> None:
    """What is this label? GS1 barcodes, Digital Link, in-store codes, control codes, EPC; one answer a line."""
    from agent import labels

    with _said():
        reader = labels.Labels(_load(config) if config else None)
        for text in _inputs(codes):
            found = reader.tag(text) if epc else reader.code(text, aim=aim)
            print(labels.as_line(found) if as_json else labels.as_text(found), flush=True)


def _inputs(codes: list[str]) -> Iterator[str]:
    for code in codes:
        yield from sys.stdin if code == "-" else (code,)


@log_app.command("verify")
def log_verify(config: ConfigFile = DEFAULT, as_json: Json = False) -> None:
    """Walk the whole chain and its signatures; exit 1 and say where, if any event is not what was written."""
    from agent.ledger.keys import known
    from agent.ledger.reader import verify
    from contract.chain import ChainError

    with _reader(config) as reader:
        try:
            found = verify(reader, _progress("events checked"), known(_load(config).store.state_dir))
        except ChainError as error:
            print(
                json.dumps({"ok": False, "code": error.code, "reason": str(error)}) if as_json else f"DAMAGED: {error}"
            )
            raise typer.Exit(1) from error
    if as_json:
        print(json.dumps({"ok": True, **found}))
    else:
        print(f"intact: {found['events']:,} events of store {found['store']}, log {found['log']}, hash {found['hash']}")
        print(f"signed: to event {found['signed']} of {found['head']}")


@log_app.command("show")
def log_show(
    config: ConfigFile = DEFAULT,
    last: Annotated[int, typer.Option(min=1, max=100_000, help="How many of the newest.")] = 20,
    kind: Annotated[EventType | None, typer.Option("--type", help="Events of one type only.")] = None,
    as_json: Json = False,
) -> None:
    """The newest events, oldest first."""
    with _reader(config) as reader:
        events = reader.newest(last, kind)
    for event in events:
        if as_json:
            print(json.dumps(event, ensure_ascii=False, sort_keys=True, separators=(",", ":")))
        else:
            print(f"{event['seq']:>8} {event['occurred_at']} {event['type']:9} {_summary(event)}")


@log_app.command("prove")
def log_prove(
    seq: Annotated[int, typer.Argument(min=1, help="The event's number.")], config: ConfigFile = DEFAULT
) -> None:
    """Print what proves an event to an outsider, as JSON: docs/proof.md says how it is checked."""
    from agent.ledger.proofs import proof

    with _reader(config) as reader:
        found = proof(reader, seq)
    print(json.dumps(found, ensure_ascii=False, sort_keys=True, separators=(",", ":")))


@log_app.command("export")
def log_export(
    file: Annotated[Path, typer.Argument(help="JSON Lines to write, one event a line; - is standard output.")],
    config: ConfigFile = DEFAULT,
) -> None:
    """Write the whole log as JSON Lines, byte for byte as stored."""
    count, progress = 0, _progress("events written")
    with _reader(config) as reader, _output(file) as output:
        for _seq, _kind, body in reader.all_events():
            output.write(body + b"\n")
            count += 1
            if count % 10_000 == 0:
                progress(count)
    print(f"{count} events", file=sys.stderr)


@log_app.command("rebuild")
def log_rebuild(config: ConfigFile = DEFAULT) -> None:
    """Make the projections again from the log and say whether they had been right. The agent must be stopped."""
    with _said():
        from agent.ledger import files, reader, rebuild

        folder = _load(config).store.state_dir
        reader.Reader(folder).close()  # there is a ledger: this command makes none
        with files.lock(folder), closing(files.open_writer(folder)) as connection, files.read_errors(folder):
            before = reader.projected(connection)
            after = rebuild.rebuild(connection, _progress("events folded"))
    print("the projections were right" if before == after else "the projections were wrong and are right now")


@catalogue_app.command("import")
def catalogue_import(
    file: Annotated[Path, typer.Argument(help="CSV, JSON or JSON Lines (docs/catalogue.md).")],
    config: ConfigFile = DEFAULT,
) -> None:
    """Import items; every refused row is named. Exit 1 if a row was refused."""
    from agent.catalogue import Catalogue, import_file

    with _said():
        folder = _load(config).store.state_dir
    with _catalogue_said(), closing(Catalogue(folder / "catalogue.db")) as catalogue:
        report = import_file(
            catalogue,
            file,
            progress=lambda one: print(f"\r{one}", end="", file=sys.stderr),
            on_refusal=lambda one: print(
                f"{file}:{one.line}: {one.column}: found {one.found}: {one.text}", file=sys.stderr
            ),
        )
    print(f"{report.read} items: {report.added} added, {report.changed} changed, {report.refused} refused")
    raise typer.Exit(1 if report.refused or not report.complete else 0)


@decode_app.command("llrp")
def decode_llrp(file: Recorded = Path("-")) -> None:
    """One JSON object a message. Damage is shown with its reason and place, and is no failure."""
    from agent import decode

    _show(file, decode.llrp)


@decode_app.command("thingmagic")
def decode_thingmagic(
    file: Recorded = Path("-"),
    host: Annotated[bool, typer.Option(help="What the host sent, instead of what the module sent.")] = False,
) -> None:
    """One JSON object a frame. Damage is shown with its reason and place, and is no failure."""
    from agent import decode_modules

    _show(file, lambda source: decode_modules.thingmagic(source, host=host))


@decode_app.command("r200")
def decode_r200(
    file: Recorded = Path("-"),
    framing: Annotated[
        Framing, typer.Option(help="First and last byte of frames: R200 chip aa_dd, M100 chip bb_7e.")
    ] = Framing.AA_DD,
) -> None:
    """One JSON object a frame. Damage is shown with its reason and place, and is no failure."""
    from agent import decode_modules

    _show(file, lambda source: decode_modules.r200(source, framing))


def _show(file: Path, decoded: Callable[[Iterable[bytes]], Iterable[dict[str, Any]]]) -> None:
    from agent.hextext import chunks

    try:
        with nullcontext(sys.stdin.buffer) if str(file) == "-" else file.open("rb") as source:
            for one in decoded(chunks(source)):
                print(json.dumps(one), flush=True)
    except BrokenPipeError:  # whoever read this has seen enough: `| head`; typer ends quietly
        raise
    except OSError as error:
        print(f"{file}: {error.strerror}\nhint: check the path and its permissions", file=sys.stderr)
        raise typer.Exit(1) from error


def _load(path: Path) -> Config:
    from agent.config import load

    return load(path)


@contextmanager
def _reader(config: Path) -> Generator[Reader]:
    with _said():
        from agent.ledger.files import read_errors
        from agent.ledger.reader import Reader

        folder = _load(config).store.state_dir
        with closing(Reader(folder)) as reader, read_errors(folder):
            yield reader


@contextmanager
def _output(file: Path) -> Generator[BinaryIO]:
    """A file that is there whole or not at all; standard output for `-`."""
    if str(file) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if file.name.startswith(("ledger.", "catalogue.db", "store.key")):
        print(f"{file}: this is a file of the store itself\nhint: choose another name", file=sys.stderr)
        raise typer.Exit(1)
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("wb") as output:
            yield output
        part.replace(file)
    except OSError as error:
        print(f"{file}: {error.strerror}\nhint: check the path, its permissions and free space", file=sys.stderr)
        raise typer.Exit(1) from error
    finally:
        part.unlink(missing_ok=True)


def _progress(what: str) -> Callable[[int], None]:
    def show(count: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{count:,} {what}", end="", file=sys.stderr, flush=True)

    return show


def _summary(event: dict[str, Any]) -> str:
    data = event["data"]
    lines = data.get("lines")
    if lines:
        moved = ", ".join(f"{one['quantity']} {one['sku']} {one['from']}>{one['to']}" for one in lines[:3])
        return f"{data['kind']}: {moved}{' …' if len(lines) > 3 else ''}"
    code: dict[str, Any] = data.get("code") or {}
    return " ".join(str(part) for part in (data["kind"], data.get("reason", ""), code.get("text", "")) if part)
