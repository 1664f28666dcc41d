"""`jaego restore`: a damaged ledger made whole by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from agent.device_cli import DEFAULT, ConfigFile
from agent.errors import EXIT_CONFIG, EXIT_LEDGER, ConfigError, LedgerError


def register(app: typer.Typer) -> None:
    app.command("restore")(restore)


def restore(
    config: ConfigFile = DEFAULT,
    snapshot: Annotated[Path | None, typer.Option(help="This one; absent: the newest that is whole.")] = None,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Go on although events behind the last one may be lost.")
    ] = False,
) -> None:
    """Put a whole ledger in place of a damaged one (docs/restore.md). The agent must be stopped; nothing is deleted."""
    from agent.clock import SystemClock
    from agent.config import load
    from agent.keeping import restore_now, told

    try:
        found = restore_now(
            load(config),
            SystemClock(),
            accept_loss=accept_loss,
            snapshot=snapshot,
            say=lambda text: print(text, file=sys.stderr),
        )
    except (ConfigError, LedgerError) as error:
        print(f"{error}\nhint: {error.hint}", file=sys.stderr)
        raise typer.Exit(EXIT_CONFIG if isinstance(error, ConfigError) else EXIT_LEDGER) from error
    print(told(found))
