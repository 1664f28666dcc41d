"""The store's key through the life of a log: which one signs now, the next one in its place, copies of it.

The log says which key it is: that of its newest signature, or the one that its newest rotation names. A next key is on
the disk as `store.key.next` before the event that names it is committed, and takes the place of `store.key` behind the
commit. So one of the two files is always the log's key, whatever interrupted its exchange.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Any

from agent.errors import LedgerUnusable
from agent.ledger import files
from agent.ledger.reader import PAGE_EVENTS, Reader

NEXT = "store.key.next"
SAVED = "store.key.saved"
OTHER = "store.key.other"
KEY_BYTES = 32
LOST = "bring it back with jaego key restore FILE, or begin a new log with jaego key lost (docs/proof.md)"

_ROTATED = b'"kind":"key_rotated"'
_SIGNED = (b'"kind":"checkpoint"', b'"kind":"opening"', _ROTATED)


def newest_signature(connection: sqlite3.Connection) -> tuple[int, str]:
    """Its event, and the key that signs behind it.

    The newest is no further back than the next one is due, so this is constant time; but for a log that went on
    without its key, or from before checkpoints.
    """
    row = connection.execute(
        "SELECT seq, body FROM event WHERE type = 'journal' AND (instr(body, ?) OR instr(body, ?) OR instr(body, ?)) "
        "ORDER BY seq DESC LIMIT 1",
        _SIGNED,
    ).fetchone()
    if row is None:
        raise LedgerUnusable("the log has no signature, not even its opening", hint="run jaego log verify")
    data = files.parse(row[1])["data"]
    return int(row[0]), str(data.get("next", data["key"]))


def find(folder: Path, key: str) -> str:
    """The name of the file that holds a public key's other half. Raises `LedgerUnusable` where neither does."""
    why: list[LedgerUnusable] = []
    for name in (files.KEY, NEXT):
        try:
            if files.read_key(folder, name)[1] == key:
                return name
        except LedgerUnusable as error:
            why.append(error)
    denied = next((one for one in why if isinstance(one.__cause__, PermissionError)), None)
    if denied is not None:
        raise denied
    text = f"{folder / files.KEY} is not the key of this log" if len(why) < 2 else str(why[0])
    raise LedgerUnusable(text, hint=LOST)


def is_there(folder: Path, key: str) -> bool:
    with suppress(LedgerUnusable):
        return bool(find(folder, key))
    return False


def settle(folder: Path, key: str) -> None:
    """End an exchange of the key that was interrupted: `store.key` is `key` afterwards. Under the folder's lock."""
    try:
        if find(folder, key) == NEXT:
            (folder / NEXT).replace(folder / files.KEY)
            files.sync(folder)
        (folder / NEXT).unlink(missing_ok=True)
    except OSError as error:
        raise LedgerUnusable(f"{folder}: {error}", hint="the folder must belong to the agent's user") from error


def log_key(folder: Path) -> str:
    """The public key of the log in a folder. Raises `LedgerUnusable` where there is no log."""
    with closing(files.open_reader(folder)) as connection, files.read_errors(folder):
        return newest_signature(connection)[1]


def known(folder: Path) -> set[str]:
    """Public keys that the folder holds: one, two while it is exchanged; a copy of the database alone has none."""
    found: set[str] = set()
    for name in (files.KEY, NEXT):
        if (folder / name).exists():
            found.add(files.read_key(folder, name)[1])
    return found


def history(reader: Reader) -> dict[str, Any]:
    """How the log came to its key: every rotation that it still has, as it was written, the oldest first."""
    found: list[dict[str, Any]] = []
    key = ""
    start = reader.first()
    while rows := reader.events(start, PAGE_EVENTS):
        for _seq, kind, body in rows:
            if kind == "journal" and any(one in body for one in _SIGNED):
                event = files.parse(body)
                key = event["data"].get("next", event["data"]["key"])
                found += [event] if _ROTATED in body else []
        start = rows[-1][0] + 1
    return {"store": reader.store, "log": reader.log, "key": key, "rotations": found}


# -- copies ----------------------------------------------------------------------------------------------------------


def back_up(folder: Path, file: Path) -> str:
    """Copy the log's key into `file`, for its owner's eyes only: its public half. Raises `LedgerUnusable`."""
    key = log_key(folder)
    content = (folder / find(folder, key)).read_bytes()
    try:
        if file.exists() and file.read_bytes() != content:
            raise LedgerUnusable(f"{file} is there and holds something else", hint="choose another name")
        files.keep(file, content)
        files.keep(folder / SAVED, key.encode())
    except OSError as error:
        raise LedgerUnusable(f"{error.filename or file}: {error.strerror}", hint="check path and permission") from error
    return key


def is_saved(folder: Path) -> bool:
    """Whether the key that is there was ever copied by `back_up`. Raises `LedgerUnusable` where it cannot be read."""
    with suppress(OSError):
        return (folder / SAVED).read_bytes().decode(errors="replace") == files.read_key(folder)[1]
    return False


def put_back(folder: Path, file: Path) -> str:
    """Make a copy the store's key again: its public half. The agent must be stopped.

    Raises `LedgerUnusable` where it is not the log's, and changes nothing. Where there is no log yet, the first has it.
    """
    with files.lock(folder):
        key = _read_copy(file)
        held = folder / files.KEY
        try:
            if (folder / files.DATABASE).exists():
                if log_key(folder) != key:
                    raise LedgerUnusable(f"{file} is not the key of this log", hint="is it of before a rotation?")
            elif held.exists() and held.read_bytes() != file.read_bytes():
                raise LedgerUnusable(f"{held} is there, and is another key", hint="move it away first")
            if held.exists() and held.read_bytes() != file.read_bytes():
                held.replace(_other(folder))
            files.keep(held, file.read_bytes())
            files.keep(folder / SAVED, key.encode())
        except OSError as error:
            raise LedgerUnusable(f"{held}: {error.strerror}", hint="check owner and permission") from error
    return key


def forget(folder: Path) -> None:
    """Set a key aside that is not the log's, so that a new log gets a new one. The agent must be stopped.

    Raises `LedgerUnusable` where the log's key is there, or may be there and cannot be read.
    """
    with files.lock(folder):
        if is_there(folder, log_key(folder)):
            raise LedgerUnusable("the log's key is not lost: it is here", hint="to exchange it: jaego key rotate")
        for held in (folder / files.KEY, folder / NEXT):
            try:
                if held.exists():
                    held.read_bytes()  # what cannot be read may be the log's
                    held.replace(_other(folder))
            except OSError as error:
                raise LedgerUnusable(f"{held}: {error.strerror}", hint="look at it as root") from error


def _other(folder: Path) -> Path:
    """A name for a key that is not the log's: nothing is deleted."""
    return next(one for number in count(1) if not (one := folder / f"{OTHER}-{number}").exists())


def _read_copy(file: Path) -> str:
    try:
        if file.stat().st_size != KEY_BYTES:
            raise LedgerUnusable(f"{file} is no key", hint="a key is a file of 32 bytes, as jaego key backup writes it")
    except OSError as error:
        raise LedgerUnusable(f"{file}: {error.strerror}", hint="check path and permission") from error
    return files.read_key(file.parent, file.name)[1]
