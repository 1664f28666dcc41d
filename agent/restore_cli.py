"""`jaego restore`: a damaged or lost ledger made whole by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.device_cli import DEFAULT, ConfigFile
from agent.errors import AgentError, ConfigError, exit_code

if TYPE_CHECKING:
    from agent.ledger.regain import Regained


def register(app: typer.Typer) -> None:
    app.command("restore")(restore)


def restore(
    config: ConfigFile = DEFAULT,
    from_hq: Annotated[
        bool, typer.Option("--from-hq", help="Take what is missing from head office; also on a PC that is new.")
    ] = False,
    snapshot: Annotated[Path | None, typer.Option(help="This one; absent: the newest that is whole.")] = None,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Go on although events behind the last one may be lost.")
    ] = False,
) -> None:
    """Put a whole ledger in place of a damaged one (docs/restore.md). The agent must be stopped; nothing is deleted."""
    from agent.clock import SystemClock
    from agent.config import load
    from agent.keeping import place_of, told
    from agent.ledger import restore as restoring
    from agent.ledger.regain import regain
    from agent.uplink.access import Access
    from agent.uplink.asking import HeadOffice

    try:
        if from_hq and snapshot is not None:
            raise ConfigError(["--from-hq and --snapshot: one of them"])
        settings, clock = load(config), SystemClock()
        place = place_of(settings, clock, lambda text: print(text, file=sys.stderr))
        if not from_hq:
            print(told(restoring.restore(place, accept_loss=accept_loss, snapshot=snapshot)))
            return
        access = Access.of(settings.uplink, settings.store.id)
        with HeadOffice(access, settings.store.id, clock, prefix=settings.uplink.prefix) as office:
            found = regain(place, office, accept_loss=accept_loss)
        print(told(found.restored) if found.restored is not None else _nothing(found))
        if found.ours != found.key and found.restored is not None:
            print(
                f"this store signs with another key than head office knows. There, before the agent is started:\n"
                f"  jaego-hq key enrol {settings.store.id} {found.ours}"
            )
    except AgentError as error:
        print(f"{error}\nhint: {error.hint}", file=sys.stderr)
        raise typer.Exit(exit_code(error)) from error


def _nothing(found: Regained) -> str:
    return (
        f"the ledger is whole, and lacks nothing of the {found.known} events that head office has of log {found.log}: "
        "nothing was changed"
    )
