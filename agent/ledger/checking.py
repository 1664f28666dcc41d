"""A whole ledger checked: SQLite's own structures, the chain and its signatures, and the projections against the log.

In small steps with a pause behind each, so that it can go on beside a busy writer. The chain is walked in short
transactions; only what was written meanwhile, and the projections, are read as of one moment at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.errors import LedgerCorrupt
from agent.ledger import files, rebuild
from agent.ledger.reader import Reader, Row, walk
from contract.chain import ChainError
from contract.checkpoint import check_signed

STEP_EVENTS = 200
HINT = "stop the agent and run jaego restore (docs/restore.md)"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found whole: `seq` and `hash` are of the newest event."""

    store: str
    log: str
    seq: int
    hash: str


def check_whole(folder: Path, pause: Callable[[], None] = lambda: None, name: str = files.DATABASE) -> Checked:
    """Raises `LedgerCorrupt` with the first damage, `LedgerUnusable` where there is nothing to read."""
    with closing(Reader(folder, name)) as reader, files.read_errors(folder, name):
        said = reader.integrity()
        if said != "ok":
            raise LedgerCorrupt(f"{folder / name}: {said}", hint=HINT)
        try:
            return _check(reader, pause)
        except ChainError as error:
            raise LedgerCorrupt(f"{folder / name}: {error}", hint=HINT) from error


def _check(reader: Reader, pause: Callable[[], None]) -> Checked:
    newest: dict[str, Any] = {}
    with ExitStack() as moment:

        def events() -> Iterator[dict[str, Any]]:
            key: str | None = None
            signed = 0
            for event in walk(reader, _rows(reader, pause, moment)):
                key, signed = check_signed(event, key, signed)
                newest.update(seq=event["seq"], hash=event["hash"])
                yield event

        said, found = rebuild.fold_events(events()), reader.projections()
    if not newest:
        raise LedgerCorrupt("the log has no events, not even its opening", hint=HINT)
    wrong = [name for name, rows in said.items() if found[name] != rows]
    if wrong:
        raise LedgerCorrupt(
            f"{', '.join(wrong)}: not what the log says", hint="stop the agent; jaego log rebuild makes them again"
        )
    return Checked(reader.store, reader.log, newest["seq"], newest["hash"])


def _rows(reader: Reader, pause: Callable[[], None], moment: ExitStack) -> Iterator[Row]:
    """The log in pages. At its end `moment` begins, in which what came meanwhile is read, and what follows."""
    start = reader.first()
    while page := reader.events(start, STEP_EVENTS):
        yield from page
        start = page[-1][0] + 1
        pause()
    moment.enter_context(reader.moment())
    while page := reader.events(start, STEP_EVENTS):
        yield from page
        start = page[-1][0] + 1
