"""The ledger's care, as the configuration has it: opened, or made whole and opened; snapshots and checks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from agent.clock import Clock
from agent.config import Config
from agent.errors import LedgerCorrupt, LedgerUnusable
from agent.ledger import files
from agent.ledger.before import keep_before
from agent.ledger.keeper import Keeper, Say
from agent.ledger.log import Ledger
from agent.ledger.restore import Restored, finish, restore
from agent.notify import notify

RESTORE_US_MAX = 3600 * 1_000_000  # for systemd, which waits two minutes for a start


def snapshot_folder(config: Config) -> Path:
    return config.backup.folder or config.store.state_dir / "snapshots"


def keeper_of(config: Config, clock: Clock, say: Say) -> Keeper:
    return Keeper(
        config.store.state_dir,
        snapshot_folder(config),
        every_s=config.backup.every_h * 3600,
        keep=config.backup.keep,
        clock=clock,
        say=say,
    )


def open_whole(config: Config, clock: Clock, say: Say, build: Callable[[], Ledger]) -> Ledger:
    """What `build` opens; a damaged ledger is restored first where nothing can have been lost.

    Raises `LedgerCorrupt` where something may have been, and changes nothing then.
    """
    folder = config.store.state_dir
    with files.lock(folder):
        finish(folder)
        _keep_before(folder, say)
    try:
        with files.read_errors(folder):
            return build()
    except LedgerCorrupt as error:
        say("ledger", f"DAMAGED: {error}", hint="the agent tries to make it whole again", level=2)
    notify(f"EXTEND_TIMEOUT_USEC={RESTORE_US_MAX}")
    found = restore_now(config, clock, say=lambda text: say("snapshot", text, hint="is its disk failing?", level=3))
    say("ledger", told(found), hint="look at the disk: dmesg, smartctl -a", level=2)
    return build()


def _keep_before(folder: Path, say: Say) -> None:
    """A store that does not open is worse than one that cannot go back to an older release: without room it goes on."""
    try:
        kept = keep_before(folder, lambda: notify(f"EXTEND_TIMEOUT_USEC={RESTORE_US_MAX}"))
    except LedgerUnusable as error:
        say("schema", str(error), hint=error.hint, level=2)
    else:
        if kept is not None:
            say("schema", f"the ledger as it was before this release is in {kept}", hint="to go back: docs/install.md")


def restore_now(
    config: Config,
    clock: Clock,
    *,
    accept_loss: bool = False,
    snapshot: Path | None = None,
    say: Callable[[str], None],
) -> Restored:
    return restore(
        config.store.state_dir,
        snapshot_folder(config),
        store=config.store.id,
        stamp=datetime.fromtimestamp(clock.now().wall_us / 1e6, UTC).strftime("%Y%m%dT%H%M%SZ"),
        accept_loss=accept_loss,
        snapshot=snapshot,
        say=say,
    )


def told(found: Restored) -> str:
    source = f"{found.snapshot.name} and " if found.snapshot is not None else ""
    end = "nothing is lost" if found.sure else "whatever was written behind them is LOST"
    return (
        f"whole again from {source}{found.saved} events of the damaged files, which are in {found.aside}: "
        f"{found.head} events, {end}"
    )
