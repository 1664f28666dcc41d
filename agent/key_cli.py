"""`jaego key`: the key that the store's log is signed with (docs/proof.md)."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from agent.device_cli import DEFAULT, ConfigFile
from agent.errors import AgentError, exit_code

if TYPE_CHECKING:
    from agent.config import Config

key_app = typer.Typer(no_args_is_help=True, help="The store's key: show, back up, exchange.")


def register(app: typer.Typer) -> None:
    app.add_typer(key_app, name="key")


@contextmanager
def _said() -> Generator[None]:
    try:
        yield
    except AgentError as error:
        print(f"{error}\nhint: {error.hint}", file=sys.stderr)
        raise typer.Exit(exit_code(error)) from error


def _load(path: Path) -> Config:
    from agent.config import load

    return load(path)


@key_app.command("show")
def key_show(config: ConfigFile = DEFAULT) -> None:
    """Print the public key that the log is signed with, in hexadecimal."""
    with _said():
        from agent.ledger import keys

        folder = _load(config).store.state_dir
        key = keys.log_key(folder)
        keys.find(folder, key)
    print(key)


@key_app.command("history")
def key_history(config: ConfigFile = DEFAULT) -> None:
    """Print today's public key and every exchange of it, as JSON: docs/proof.md says how an outsider follows it."""
    with _said():
        from agent.ledger.files import read_errors
        from agent.ledger.keys import history
        from agent.ledger.reader import Reader

        folder = _load(config).store.state_dir
        with closing(Reader(folder)) as reader, read_errors(folder):
            found = history(reader)
    print(json.dumps(found, ensure_ascii=False, sort_keys=True, separators=(",", ":")))


@key_app.command("backup")
def key_backup(
    file: Annotated[Path, typer.Argument(help="File to write, on a disk that is not the store's.")],
    config: ConfigFile = DEFAULT,
) -> None:
    """Copy the key into a file that only you can read. Who has it can sign for the store."""
    with _said():
        from agent.ledger.keys import back_up

        key = back_up(_load(config).store.state_dir, file)
    print(f"{file}: the key {key}")


@key_app.command("restore")
def key_restore(
    file: Annotated[Path, typer.Argument(help="A file of jaego key backup.")], config: ConfigFile = DEFAULT
) -> None:
    """Bring the key back from its copy, if it is the log's. The agent must be stopped."""
    with _said():
        from agent.ledger.keys import put_back

        key = put_back(_load(config).store.state_dir, file)
    print(f"the store's key is {key}")


@key_app.command("rotate")
def key_rotate(config: ConfigFile = DEFAULT) -> None:
    """Sign the log with a new key from now on, whether the agent runs or not; the old one is gone."""
    with _said():
        print(_rotate(_load(config)))
    print("the key's copy is out of date: jaego key backup FILE", file=sys.stderr)


@key_app.command("lost")
def key_lost(config: ConfigFile = DEFAULT) -> None:
    """Without its key and any copy: a new log behind the old one, signed with a new key. The agent must be stopped."""
    with _said():
        from agent.clock import SystemClock
        from agent.keeping import place_of
        from agent.ledger.files import read_key
        from agent.ledger.keys import forget
        from agent.ledger.restore import begin_anew

        loaded = _load(config)
        forget(loaded.store.state_dir)
        found = begin_anew(place_of(loaded, SystemClock(), lambda text: print(text, file=sys.stderr)))
        key = read_key(loaded.store.state_dir)[1]
    print(key)
    print(
        f"log {found.log} goes on behind event {found.head}; the old files are in {found.aside}.\n"
        f"Head office takes it in after: jaego-hq key enrol {loaded.store.id} {key}",
        file=sys.stderr,
    )


def _rotate(config: Config) -> str:
    from agent.clock import SystemClock
    from agent.control import ControlError, request
    from agent.ledger.checkpoints import Rule
    from agent.ledger.keys import log_key
    from agent.ledger.log import Ledger
    from contract.times import Stamper

    folder = config.store.state_dir
    try:
        [found] = request(folder, "key_rotate")
        return str(found["key"])
    except ControlError as error:
        if error.code != "unreachable" or isinstance(error.__cause__, PermissionError):
            raise
    except FileNotFoundError:
        pass  # no folder: the next line says it
    log_key(folder)  # there is a log: this command begins none
    clock = SystemClock(trust_unsynchronised=config.store.clock_trusted)
    ledger = Ledger(
        folder, store=config.store.id, clock=clock, stamper=Stamper(ZoneInfo(config.store.time_zone)), rule=Rule()
    )
    with closing(ledger):
        ledger.start()
        return str(ledger.call(ledger.rotation()))
