"""The ledger's files: opening them safely, one writer per folder, and the beginning of a log.

`ledger.db` (WAL, synchronous FULL: an acknowledged event survives a power cut; NORMAL lost some in 48 of 60 cuts),
`store.key` (Ed25519, readable by the owner only) and `ledger.lock`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import orjson

from agent.clock import Clock
from agent.errors import LedgerCorrupt, LedgerUnusable
from agent.ledger.schema import KEPT, migrate
from contract import opening
from contract.chain import GENESIS, ChainError, check_body, seal
from contract.ids import uuid7
from contract.stock import StockError
from contract.times import Stamper

DATABASE = "ledger.db"
KEY = "store.key"
LOCK = "ledger.lock"
TAIL_EVENTS = 64
CACHE_KIB = 4096
READER_CACHE_KIB = 256  # four of them, in a process that runs for years; the kernel holds the file anyway

_FOLDER_HINTS = {
    errno.ENOENT: "create the state folder, owned by the agent's user",
    errno.EACCES: "the state folder, and what is in it, must belong to the agent's user: chown -R",
    errno.EROFS: "often the disk is failing: look at dmesg, save a copy, then mount it writable again",
}

_DISK_ERRORS = (sqlite3.DatabaseError, UnicodeDecodeError)

Chain = tuple[str, str, int, str]
Signer = tuple[Callable[[bytes], bytes], str]
Connect = Callable[[Path], sqlite3.Connection]


def connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def lock(folder: Path) -> IO[bytes]:
    """Hold the folder: a second agent on one ledger is refused."""
    try:
        held = (folder / LOCK).open("ab")
    except OSError as error:
        hint = _FOLDER_HINTS.get(error.errno or 0, "the state folder must exist and belong to the agent's user")
        raise LedgerUnusable(f"{folder}: {error.strerror}", hint=hint) from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.close()
        raise LedgerUnusable(f"{folder} is in use by another agent", hint="stop the other one first") from error
    return held


def open_writer(folder: Path, connect: Connect = connect) -> sqlite3.Connection:
    _need_own(folder)
    with ExitStack() as opened:
        try:
            connection = connect(folder / DATABASE)
            opened.callback(connection.close)
            _settings(connection)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            migrate(connection, _refold)
            _sync_log(connection)
        except _DISK_ERRORS as error:
            raise _unusable(folder, error) from error
        opened.pop_all()
        return connection


def _need_own(folder: Path) -> None:
    """Of a file that another user made, as root's tools do, SQLite says only that it cannot open something."""
    for path in (folder / f"{DATABASE}{end}" for end in ("", "-wal", "-shm")):
        if path.exists() and not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
            raise LedgerUnusable(
                f"{path}: {os.strerror(errno.EACCES)}, it belongs to user {path.stat().st_uid}",
                hint=_FOLDER_HINTS[errno.EACCES],
            )


def _refold(connection: sqlite3.Connection) -> None:
    from agent.ledger.rebuild import replace  # noqa: PLC0415  it stands on this file

    replace(connection)


def _sync_log(connection: sqlite3.Connection) -> None:
    """Make durable what is in the file before anybody reads it and passes it on.

    An agent that is killed between writing a commit and syncing it leaves events that nobody heard of: the next one
    would tell head office of them, and a power cut would take them back.
    """
    try:
        connection.execute("PRAGMA wal_checkpoint(FULL)").fetchall()
    except sqlite3.OperationalError as error:
        # A full disk: the log was synced before the database was to grow, and the agent says the rest itself.
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_FULL:
            raise


def open_reader(folder: Path, name: str = DATABASE) -> sqlite3.Connection:
    """A connection that cannot write, to the ledger or a copy of it. Raises `LedgerUnusable` where there is none."""
    path = folder / name
    if not path.exists():
        raise LedgerUnusable(f"there is no ledger in {folder}", hint="is this the state_dir of the configuration?")
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
        _settings(connection, READER_CACHE_KIB)
        connection.execute("SELECT seq FROM event LIMIT 1")
    except _DISK_ERRORS as error:
        raise _unusable(folder, error, name) from error
    return connection


def _settings(connection: sqlite3.Connection, cache_kib: int = CACHE_KIB) -> None:
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute(f"PRAGMA cache_size = -{cache_kib}")


@contextmanager
def read_errors(folder: Path, name: str = DATABASE) -> Generator[None]:
    """SQLite's errors, and events that are no JSON, as the ledger's: for whoever reads on after opening."""
    try:
        yield
    except _DISK_ERRORS as error:
        raise _unusable(folder, error, name) from error
    except (orjson.JSONDecodeError, StockError, KeyError) as error:
        raise LedgerCorrupt(
            f"{folder / name}: an event is not what was written: {error!r}", hint="run jaego log verify"
        ) from error


def _unusable(
    folder: Path, error: sqlite3.DatabaseError | UnicodeDecodeError, name: str = DATABASE
) -> LedgerUnusable | LedgerCorrupt:
    damage = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
    # Text that is no UTF-8 has no code of SQLite: it is sqlite3 that cannot read it, in a row or in SQLite's message.
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in damage or "decode" in str(error):
        return LedgerCorrupt(f"{folder / name}: {error}", hint="stop the agent and run jaego restore (docs/restore.md)")
    return LedgerUnusable(f"{folder / name}: {error}", hint="check owner, permission and free space of the folder")


def begin(connection: sqlite3.Connection, folder: Path, *, store: str, clock: Clock, stamper: Stamper) -> Chain:
    """Store, log, head and hash of the log in the file; a file without one gets an opening as event 1."""
    row = connection.execute("SELECT store, log FROM identity").fetchone()
    if row is None:
        return open_log(connection, folder, store=store, clock=clock, stamper=stamper)
    if row[0] != store:
        raise LedgerUnusable(
            f"the ledger in {folder} belongs to store {row[0]}, the configuration says {store}",
            hint="a ledger never changes its store: use another state_dir",
        )
    return (*row, *check_tail(connection))


def check_tail(connection: sqlite3.Connection) -> tuple[int, str]:
    """Head and hash, after the newest events were checked: constant time, however long the log is."""
    statement = f"SELECT seq, body FROM event WHERE {KEPT} ORDER BY seq DESC LIMIT ?"  # noqa: S608  our own words
    rows = connection.execute(statement, (TAIL_EVENTS,)).fetchall()
    if not rows:
        raise LedgerCorrupt("the log has no events, not even its opening", hint="run jaego restore (docs/restore.md)")
    prev: str | None = None
    try:
        for seq, body in reversed(rows):
            prev = str(check_body(body, prev=prev, seq=seq)["hash"])
    except ChainError as error:
        raise LedgerCorrupt(f"the end of the log is damaged: {error}", hint="run jaego restore") from error
    assert prev is not None
    return int(rows[0][0]), prev


def open_log(
    connection: sqlite3.Connection,
    folder: Path,
    *,
    store: str,
    clock: Clock,
    stamper: Stamper,
    parts: Sequence[Mapping[str, Any]] | None = None,
    after: int = 0,
) -> Chain:
    """Begin a log with the parts of an opening (by default an empty store's) behind its parent's event `after`."""
    now_us = clock.now().wall_us
    log = uuid7(now_us // 1000, clock.entropy(10))
    signer, public = store_key(folder)
    stamp = stamper.text(now_us)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO identity (store, log) VALUES (?, ?)", (store, log))
    prev, seq = GENESIS, after
    for seq, part in enumerate(parts or opening.opening_parts([], [], None), start=after + 1):
        data = opening.sign(signer, public, store=store, log=log, seq=seq, prev=prev, data=part)
        envelope: dict[str, Any] = {
            "store": store,
            "log": log,
            "seq": seq,
            "id": uuid7(now_us // 1000, clock.entropy(10)),
            "occurred_at": stamp,
            "recorded_at": stamp,
            "clock": clock.state(),
            "source": {},
            "prev": prev,
        }
        sealed = seal("journal", data, envelope)
        put_event(connection, (seq, "journal", sealed.body))
        prev = sealed.hash
    connection.execute("COMMIT")
    return store, log, seq, prev


def put_event(connection: sqlite3.Connection, row: tuple[int, str, bytes]) -> None:
    """Within a transaction. The first event of a file may have any number: that of a new log, or of a pruned one."""
    if row[0] == 1 or connection.execute("SELECT 1 FROM event LIMIT 1").fetchone():
        connection.execute("INSERT INTO event VALUES (?, ?, ?)", row)
        return
    (order,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'event_follows_event'").fetchone()
    connection.execute("DROP TRIGGER event_follows_event")
    connection.execute("INSERT INTO event VALUES (?, ?, ?)", row)
    connection.execute(order)
    if parse(row[2])["prev"] != GENESIS:
        connection.execute("INSERT INTO prune_door VALUES (?)", row[:1])


def store_key(folder: Path) -> Signer:
    """As `read_key`, for a new log: the key is made where there is none."""
    if not (folder / KEY).exists():
        make_key(folder)
    return read_key(folder)


def make_key(folder: Path, name: str = KEY) -> Signer:
    """A new key, on the disk under this name, whatever was there."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415  8 MB, rarely needed

    try:
        keep(folder / name, Ed25519PrivateKey.generate().private_bytes_raw())
    except OSError as error:
        raise LedgerUnusable(f"{folder / name}: {error}", hint="the folder must belong to the agent's user") from error
    return read_key(folder, name)


def read_key(folder: Path, name: str = KEY) -> Signer:
    """The store's signature and its public key in hexadecimal. A log's key is never made anew: it would not fit."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415  as above

    path = folder / name
    try:
        key = Ed25519PrivateKey.from_private_bytes(path.read_bytes())
    except OSError as error:
        hint = _FOLDER_HINTS[errno.EACCES] if error.errno == errno.EACCES else "it is made with the store's first log"
        raise LedgerUnusable(f"{path}: {error.strerror}", hint=hint) from error
    except ValueError as error:
        raise LedgerUnusable(f"{path}: {error}", hint="the store's key is 32 bytes") from error
    return key.sign, key.public_key().public_bytes_raw().hex()


def keep(path: Path, content: bytes) -> None:
    """A secret, whole and for good, or not at all: a key that a power cut takes back would be another one afterwards.

    It belongs to who owns the folder, also when root writes it. Raises OSError.
    """
    made = path.with_name(path.name + ".new")
    handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, 0o600)  # one that a power cut left may have another mode
        if os.geteuid() == 0:
            owner = path.parent.stat()
            os.fchown(handle, owner.st_uid, owner.st_gid)
        file.write(content)
        file.flush()
        os.fsync(handle)
    made.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """A file's content, or the names in a folder, are on the disk afterwards."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def parse(body: bytes) -> dict[str, Any]:
    return dict(orjson.loads(body))
