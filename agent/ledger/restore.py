"""A ledger made whole again, from the newest snapshot that is, and what can be read of the damaged one.

Nothing is deleted: the damaged files go into a folder `damaged-…` beside. The new ledger is built under a name of its
own, checked and synced, and only then put in place; what interrupts that is ended by `finish` at the next start.

Each event that is read of a damaged file must be the one that its place in the chain demands, so what is read is what
was written. What may stay unknown is whether something was written behind the last one that fits. It is known where
SQLite finds the table of events in order: then the log goes on. Else somebody must decide (docs/restore.md).
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.errors import LedgerCorrupt, LedgerError, LedgerUnusable
from agent.ledger import files, rebuild
from agent.ledger.checking import check_whole
from agent.ledger.reader import Row
from agent.ledger.schema import migrate
from agent.ledger.snapshots import snapshots
from contract.chain import GENESIS, ChainError, check_body

PART = "restored.part"
# What is no projection, taken from the damaged file where SQLite finds the table in order.
_BESIDE = ("position", "response", "expected")
_HINT = "nothing was changed; docs/restore.md says what to decide, and jaego restore --accept-loss goes on without it"


@dataclass(frozen=True, slots=True)
class Restored:
    """`snapshot` is None where there was none; `saved` events behind it came from the damaged file, now in `aside`.

    `sure`: nothing was written behind `head`, the newest event.
    """

    aside: Path
    snapshot: Path | None
    saved: int
    head: int
    sure: bool


def restore(
    folder: Path,
    into: Path,
    *,
    store: str,
    stamp: str,
    accept_loss: bool = False,
    snapshot: Path | None = None,
    say: Callable[[str], None] = lambda _text: None,
) -> Restored:
    """Put a whole ledger in place of the one in `folder`; `into` has the snapshots, `stamp` names the damaged one's
    new folder. Raises `LedgerCorrupt` where events may be lost and nobody accepted that; nothing is changed then.
    """
    with files.lock(folder):
        finish(folder)
        try:
            source = snapshot or _newest_good(into, say)
            if source is not None:
                shutil.copyfile(source, folder / PART)
            saved, head, sure = _build(folder, store)
            if not sure and not accept_loss:
                raise LedgerCorrupt(
                    f"{head} events of the ledger can be saved; whether more were written is not known", hint=_HINT
                )
            (folder / PART).replace(folder / f"restored-{stamp}.db")
        except OSError as error:
            raise LedgerUnusable(
                f"the ledger cannot be restored: {error}", hint="check room, owner and permission of the folders"
            ) from error
        finally:
            for left in folder.glob(f"{PART}*"):
                left.unlink()
        aside = finish(folder)
        assert aside is not None
        return Restored(aside, source, saved, head, sure)


def finish(folder: Path) -> Path | None:
    """Put a ledger that is ready in its place, and what was there into the folder that is given. Under the lock."""
    ready = next(folder.glob("restored-*.db"), None)
    if ready is None:
        return None
    aside = folder / f"damaged-{ready.stem.removeprefix('restored-')}"
    aside.mkdir(mode=0o750, exist_ok=True)
    # The write-ahead log first: beside another database it would be taken for that one's.
    for name in ("-wal", "-shm", ""):
        old = folder / f"{files.DATABASE}{name}"
        if old.exists():
            old.replace(aside / old.name)
    files.sync(aside)
    files.sync(folder)
    ready.replace(folder / files.DATABASE)
    files.sync(folder)
    return aside


def _newest_good(into: Path, say: Callable[[str], None]) -> Path | None:
    for one in snapshots(into):
        try:
            check_whole(into, name=one.name)
        except LedgerError as error:
            say(f"the snapshot {one.name} is not used: {error}")
        else:
            return one
    return None


def _build(folder: Path, store: str) -> tuple[int, int, bool]:
    """Fill the new ledger, over a copy of the snapshot if there is one: events saved, head, and whether that is all."""
    with closing(files.connect(folder / PART)) as new, files.read_errors(folder, PART):
        migrate(new)
        new.execute("BEGIN IMMEDIATE")
        saved, sure = _save(folder, new, store)
        new.execute("COMMIT")
        rebuild.rebuild(new)
        head, _hash = files.check_tail(new)
        beyond = new.execute("SELECT consumer, seq FROM position WHERE seq > ?", (head,)).fetchone()
    if beyond is not None:
        raise LedgerCorrupt(
            f"{head} events of the ledger can be saved, and {beyond[0]} has {beyond[1]}: to go on would be a fork",
            hint="nothing was changed: keep all files, and see docs/restore.md",
        )
    check_whole(folder, name=PART)
    files.sync(folder / PART)
    return saved, head, sure


def _save(folder: Path, new: sqlite3.Connection, store: str) -> tuple[int, bool]:
    """Take over what the damaged ledger has behind the new one's newest event: how many, and whether that is all."""
    saved, whole = 0, False
    with suppress(LedgerError), closing(files.open_reader(folder)) as old:
        saved, whole = _save_events(old, new)
        for table in _BESIDE:
            with suppress(sqlite3.DatabaseError, UnicodeDecodeError):
                _take_over(old, new, table)
    row = new.execute("SELECT body FROM event ORDER BY seq DESC LIMIT 1").fetchone()
    if row is None:
        raise LedgerCorrupt("no event can be read, and there is no snapshot", hint="keep all files: docs/restore.md")
    event = files.parse(row[0])
    if event["store"] != store:
        raise LedgerUnusable(f"this is a ledger of store {event['store']}", hint="is it the right snapshot?")
    new.execute("DELETE FROM identity")
    new.execute("INSERT INTO identity VALUES (?, ?)", (event["store"], event["log"]))
    return saved, whole


def _save_events(old: sqlite3.Connection, new: sqlite3.Connection) -> tuple[int, bool]:
    newest = new.execute("SELECT seq, type, body FROM event ORDER BY seq DESC LIMIT 1").fetchone()
    before: dict[str, Any] = files.parse(newest[2]) if newest else {"seq": 0, "hash": GENESIS}
    saved, whole = 0, False
    with suppress(sqlite3.DatabaseError, UnicodeDecodeError, ChainError):
        in_order = _in_order(old, "event")
        for row in _rows(old, before["seq"] + 1):
            event = check_body(row[2], prev=before["hash"], seq=before["seq"] + 1)
            if row[:2] != (event["seq"], event["type"]) or any(
                event[name] != before.get(name, event[name]) for name in ("store", "log")
            ):
                raise ChainError("log", f"event {row[0]} is of another log")
            new.execute("INSERT INTO event VALUES (?, ?, ?)", row)
            before, newest, saved = event, row, saved + 1
        last = old.execute("SELECT seq, type, body FROM event ORDER BY seq DESC LIMIT 1").fetchone()
        whole = in_order and last == newest
    return saved, whole


def _rows(old: sqlite3.Connection, start: int) -> Iterator[Row]:
    """One by one: a page that cannot be read takes no event with it that stands before."""
    while row := old.execute("SELECT seq, type, body FROM event WHERE seq = ?", (start,)).fetchone():
        yield row
        start += 1


def _take_over(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> None:
    if _in_order(old, table):
        rows = old.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608  our own names
        new.execute(f"DELETE FROM {table}")  # noqa: S608  same
        for row in rows:
            new.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608  same


def _in_order(old: sqlite3.Connection, table: str) -> bool:
    """Whether SQLite finds the pages and rows of one table whole."""
    try:
        return bool(old.execute(f"PRAGMA integrity_check({table})").fetchall() == [("ok",)])
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return False
