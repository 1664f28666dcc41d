"""A ledger made whole again, from the newest snapshot that is, and what can be read of the damaged one.

Nothing is deleted: the damaged files go into a folder `damaged-…` beside. What is new is built under names of its own,
checked and synced, and only then put in place; what interrupts that is ended by `finish` at the next start.

Where something may have been written behind the last event that was saved, the log does not go on: head office may have
it. A new log begins with that event as its parent (`lineage.py`), and somebody has to want it (docs/restore.md).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.clock import Clock
from agent.errors import LedgerCorrupt, LedgerUnusable
from agent.ledger import files, lineage, marks, rebuild, salvage
from agent.ledger.checking import check_whole
from agent.ledger.reader import Reader
from contract.times import Stamper

_HINT = (
    "nothing was changed; jaego restore --from-hq takes what is missing from head office, --accept-loss goes on "
    "without it: docs/restore.md says what to decide"
)


@dataclass(frozen=True, slots=True)
class Restored:
    """`snapshot` is None where there was none; `saved` events behind it came from the damaged file, now in `aside`,
    `fetched` from head office.

    `head` is the newest event of what was. `log` is the new log that begins behind it, None where nothing was written
    behind it and the log goes on. `left` events of the files in `aside` belong to neither.
    """

    aside: Path
    snapshot: Path | None
    saved: int
    head: int
    log: str | None = None
    fetched: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a ledger is restored: the state folder, the folder of snapshots, and for a new log the time.

    `stamp` names the folder that the damaged files go into.
    """

    folder: Path
    into: Path
    store: str
    stamp: str
    clock: Clock
    stamper: Stamper
    say: Callable[[str], None] = lambda _text: None


def restore(place: Place, *, accept_loss: bool = False, snapshot: Path | None = None) -> Restored:
    """Put a whole ledger in place of the damaged one. Raises `LedgerCorrupt` where events may be lost and nobody
    accepted that; nothing is changed then.
    """
    with making(place.folder):
        source = salvage.copy_snapshot(place.folder, place.into, snapshot, place.say)
        with opened_part(place.folder) as new:
            found = salvage.save(place.folder, place.store, new)
            if not found.head:
                raise LedgerCorrupt(
                    "no event can be read, and there is no snapshot",
                    hint="keep all files; jaego restore --from-hq takes the store's events from head office",
                )
            rebuild.rebuild(new)
            beyond = new.execute("SELECT consumer, seq FROM position WHERE seq > ?", (found.head,)).fetchone()
        if beyond is not None:
            raise LedgerCorrupt(
                f"{found.head} events of the ledger can be saved, and {beyond[0]} has {beyond[1]}",
                hint="nothing was changed: jaego restore --from-hq takes what is missing from head office",
            )
        if not found.sure and not accept_loss:
            raise LedgerCorrupt(
                f"{found.head} events of the ledger can be saved; whether more were written is not known", hint=_HINT
            )
        check_whole(place.folder, name=salvage.PART)
        log = None if found.sure else begin_behind(place)
        aside = put_in_place(place)
    return Restored(aside, source, found.saved, found.head, log)


def begin_anew(place: Place) -> Restored:
    """The ledger in the folder is whole; a new log begins behind its last event, with the key that is there then."""
    check_whole(place.folder)
    with making(place.folder):
        with opened_part(place.folder) as new:
            found = salvage.save(place.folder, place.store, new)
            rebuild.rebuild(new)
        check_whole(place.folder, name=salvage.PART)
        log = begin_behind(place)
        return Restored(put_in_place(place), None, found.saved, found.head, log)


@contextmanager
def making(folder: Path) -> Generator[None]:
    """The folder's lock; what was not put in place is gone afterwards."""
    with files.lock(folder):
        finish(folder)
        try:
            yield
        except OSError as error:
            raise LedgerUnusable(
                f"the ledger cannot be restored: {error}", hint="check room, owner and permission of the folders"
            ) from error
        finally:
            if not any(folder.glob("restored-*.db")):  # else it is ready, and the next start puts it in place
                _forget_parts(folder)


@contextmanager
def opened_part(folder: Path) -> Generator[sqlite3.Connection]:
    """The ledger that is being built; synced afterwards."""
    with closing(files.connect(folder / salvage.PART)) as new, files.read_errors(folder, salvage.PART):
        yield new
    files.sync(folder / salvage.PART)


def begin_behind(place: Place) -> str:
    """A new log behind the one that was built, which becomes its parent."""
    folder = place.folder
    chain = lineage.begin(folder, salvage.PART, clock=place.clock, stamper=place.stamper)
    with closing(Reader(folder, salvage.PART)) as reader:
        parent = lineage.parent_of(folder, reader.log)
    (folder / salvage.PART).replace(parent.with_suffix(".ready"))
    (folder / lineage.BEGUN).replace(folder / salvage.PART)
    return chain[1]


def put_in_place(place: Place) -> Path:
    """What is built becomes the ledger: from the renaming on it will, whatever happens. Gives the folder of the old."""
    files.sync(place.folder)
    (place.folder / salvage.PART).replace(place.folder / f"restored-{place.stamp}.db")
    aside = finish(place.folder)
    assert aside is not None
    return aside


def finish(folder: Path) -> Path | None:
    """Put a ledger that is ready in its place, and what was there into the folder that is given. Under the lock."""
    ready = next(folder.glob("restored-*.db"), None)
    if ready is None:
        _forget_parts(folder)
        return None
    aside = folder / f"damaged-{ready.stem.removeprefix('restored-')}"
    aside.mkdir(mode=0o750, exist_ok=True)
    # The write-ahead log first: beside another database it would be taken for that one's.
    for name in ("-wal", "-shm", ""):
        old = folder / f"{files.DATABASE}{name}"
        if old.exists():
            old.replace(aside / old.name)
    for parent in folder.glob("parent-*.ready"):
        known = parent.with_suffix(".db")
        if known.exists():
            known.replace(aside / known.name)
        _own(parent)
        parent.replace(known)
    files.sync(aside)
    files.sync(folder)
    marks.forget(folder, marks.DAMAGED)
    for made in (ready, aside, folder / files.LOCK):
        _own(made)
    ready.replace(folder / files.DATABASE)
    files.sync(folder)
    return aside


def _forget_parts(folder: Path) -> None:
    """What was not to be: of a restore that failed, or that a kill or a power cut ended."""
    for pattern in (f"{salvage.PART}*", f"{lineage.BEGUN}*", "parent-*.ready"):
        for left in folder.glob(pattern):
            left.unlink(missing_ok=True)


def _own(path: Path) -> None:
    """Root may restore what is the agent's."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
