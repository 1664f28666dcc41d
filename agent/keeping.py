"""The ledger's care, as the configuration has it: opened, or made whole and opened; snapshots and checks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from agent.clock import Clock
from agent.config import Config
from agent.errors import LedgerCorrupt, LedgerUnusable
from agent.ledger import files, marks
from agent.ledger.before import keep_before
from agent.ledger.keeper import Keeper, Say
from agent.ledger.log import Ledger
from agent.ledger.pruning import Pruner, Retention
from agent.ledger.restore import Place, Restored, finish, restore
from agent.notify import notify
from contract.times import Stamper

DAY_S = 86_400
RESTORE_US_MAX = 3600 * 1_000_000  # for systemd, which waits two minutes for a start


def snapshot_folder(config: Config) -> Path:
    return config.backup.folder or config.store.state_dir / "snapshots"


def keeper_of(
    config: Config, clock: Clock, say: Say, ledger: Ledger, on_pruned: Callable[[int], None] = lambda _first: None
) -> Keeper:
    """`on_pruned(first)` runs in the keeper's thread."""
    kept = config.ledger
    rule = Retention(kept.opening_days * DAY_S, kept.keep_days * DAY_S, kept.events_max, config.uplink.consumers)
    return Keeper(
        config.store.state_dir,
        snapshot_folder(config),
        every_s=config.backup.every_h * 3600,
        keep=config.backup.keep,
        clock=clock,
        say=say,
        pruner=Pruner(config.store.state_dir, ledger, rule, clock=clock, say=say, on_pruned=on_pruned),
    )


def open_whole(config: Config, clock: Clock, say: Say, build: Callable[[], Ledger]) -> Ledger:
    """What `build` opens; a damaged ledger is restored first where nothing can have been lost.

    One that was found damaged while it was open, whose end is good, and of which something may be lost, is opened all
    the same: it goes on where it ended, and a person decides about what is before. Raises `LedgerCorrupt` where the
    end is not good and something may have been lost, and changes nothing then.
    """
    folder = config.store.state_dir
    with files.lock(folder):
        finish(folder)
        _keep_before(folder, say)
    found = marks.told(folder, marks.DAMAGED)
    try:
        if not found:
            with files.read_errors(folder):
                return build()
        say("ledger", f"DAMAGED: {found}", hint="the agent tries to make it whole again", level=2)
    except LedgerCorrupt as error:
        say("ledger", f"DAMAGED: {error}", hint="the agent tries to make it whole again", level=2)
    notify(f"EXTEND_TIMEOUT_USEC={RESTORE_US_MAX}")
    try:
        restored = restore(
            place_of(config, clock, lambda text: say("snapshot", text, hint="is its disk failing?", level=3))
        )
    except LedgerCorrupt as error:
        if not found:
            raise
        say("ledger", f"it stays as it is: {error}", hint=error.hint, level=2)
    else:
        say("ledger", told(restored), hint="look at the disk: dmesg, smartctl -a", level=2)
    with files.read_errors(folder):
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


def place_of(config: Config, clock: Clock, say: Callable[[str], None]) -> Place:
    """Where the ledger is restored."""
    return Place(
        config.store.state_dir,
        snapshot_folder(config),
        config.store.id,
        datetime.fromtimestamp(clock.now().wall_us / 1e6, UTC).strftime("%Y%m%dT%H%M%SZ"),
        clock,
        Stamper(ZoneInfo(config.store.time_zone)),
        say,
    )


def told(found: Restored) -> str:
    parts = [found.snapshot.name] if found.snapshot is not None else []
    parts += [f"{found.saved} events of the damaged files, which are in {found.aside}"]
    parts += [f"{found.fetched} events of head office"] if found.fetched else []
    lost = f"whatever was written behind them is LOST, and a new log {found.log} begins there"
    end = "nothing is lost" if found.log is None else lost
    left = f"; {found.left} events belong to neither, count the zones that they are of" if found.left else ""
    return f"whole again from {', '.join(parts)}: {found.head} events, {end}{left}"
