"""A log that begins anew, with the end of another one as its parent; and the parents that are still to be sent.

The state goes over as the new log's opening. Numbers go on behind the parent's, so that whatever in the state names an
event by its number never means another one: those are gone, as in a log that was pruned.

`parent-{log}.db` in the state folder is a whole log that nobody writes any more and that the uplink sends first: head
office takes an opening only behind the event that it names. Once it is delivered it is `former-{log}.db`.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from agent.clock import Clock
from agent.errors import LedgerCorrupt, LedgerError, LedgerUnusable
from agent.ledger import files, rebuild
from agent.ledger.checking import check_whole
from agent.ledger.openings import state_parts
from agent.ledger.reader import Reader, projected
from agent.ledger.schema import migrate
from contract.canonical import CanonicalError
from contract.journal import OpeningData, Parent
from contract.opening import read_opening
from contract.times import Stamper

BEGUN = "begun.part"
_FORMER = "former-"
_BESIDE = ("response", "expected")  # no projections, and true for any log of the store; positions are of one log


class Ancestor(NamedTuple):
    """A log that this one grows from, and its last event there. `path` is its file, None where that is gone."""

    log: str
    seq: int
    path: Path | None

    @property
    def sent(self) -> bool:
        return self.path is not None and self.path.name.startswith(_FORMER)


def parent_of(folder: Path, log: str) -> Path:
    return folder / f"parent-{log}.db"


def begin(folder: Path, parent: str, *, clock: Clock, stamper: Stamper) -> files.Chain:
    """Make `BEGUN` in the folder: a log with the complete state of the one in the file `parent`, which is whole.

    It is signed with `store.key`, which is made where there is none. Under the folder's lock; nothing is in place yet.
    """
    with closing(files.open_reader(folder, parent)) as old, closing(files.connect(folder / BEGUN)) as new:
        migrate(new)
        store, log = old.execute("SELECT store, log FROM identity").fetchone()
        head, name = files.check_tail(old)
        try:
            parts = state_parts(old, {"log": log, "seq": head, "hash": name})
        except CanonicalError as error:
            raise LedgerUnusable(f"the state has no room in an opening: {error}", hint="keep all files") from error
        chain = files.open_log(new, folder, store=store, clock=clock, stamper=stamper, parts=parts, after=head)
        _take_over(old, new)
        rebuild.rebuild(new)
        if projected(new) != projected(old):
            raise LedgerCorrupt("the new log does not begin with the state of its parent", hint="keep all files")
    check_whole(folder, name=BEGUN)
    files.sync(folder / BEGUN)
    return chain


def _take_over(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    new.execute("BEGIN IMMEDIATE")
    for table in _BESIDE:
        for row in old.execute(f"SELECT * FROM {table}"):  # noqa: S608  our own names
            new.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608  same
    new.execute("COMMIT")


def ancestors(folder: Path, reader: Reader) -> list[Ancestor]:
    """The logs that the reader's grows from, the oldest first, as far back as files are there."""
    found: list[Ancestor] = []
    parent = opening_of(reader).parent
    while parent is not None and parent.log not in {one.log for one in found}:
        paths = (parent_of(folder, parent.log), folder / f"{_FORMER}{parent.log}.db")
        path = next((one for one in paths if one.exists()), None)
        found.append(Ancestor(parent.log, parent.seq, path))
        parent = _parent_in(path)
    return found[::-1]


def _parent_in(path: Path | None) -> Parent | None:
    """What the log in a file grows from; None also where the file is not there or cannot be read."""
    if path is not None:
        with suppress(LedgerError), closing(Reader(path.parent, path.name)) as older:
            return opening_of(older).parent
    return None


def opening_of(reader: Reader) -> OpeningData:
    """The first part of the oldest opening that a log has; `parent` is the log's in each. Raises `LedgerCorrupt`."""
    row = next(iter(reader.events(reader.first(), 1)), None)
    found = read_opening(files.parse(row[2])) if row is not None else None
    if found is None:
        raise LedgerCorrupt(f"log {reader.log} does not begin with an opening", hint="run jaego log verify")
    return found


def delivered(folder: Path, log: str) -> None:
    """Every consumer has it: the file is kept, and sent only to who asks for it again."""
    path = parent_of(folder, log)
    if path.exists():
        path.replace(folder / f"{_FORMER}{log}.db")
        files.sync(folder)
