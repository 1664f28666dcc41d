"""people.db: SQLite in write-ahead mode, so that the command line may change it while the agent reads.

The whole register is small (`CLERKS_MAX`, `CLIENTS_MAX`, `LOGINS_MAX`) and is held in memory. SQLite's data_version
tells when another process has committed; then it is read again.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any

from agent.people.errors import PeopleError
from agent.people.values import Client, Login, Person

FILE = "people.db"
KEY_FILE = "people.key"
KEY_BYTES = 32
CLERKS_MAX = 10_000
CLIENTS_MAX = 200
LOGINS_MAX = 2000
BUSY_MS = 2000
VERSION = 1

SCHEMA = """
CREATE TABLE clerks (clerk TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, language TEXT NOT NULL,
    active INTEGER NOT NULL, badge_hash BLOB UNIQUE, pin_hash TEXT) STRICT;
CREATE TABLE clients (name TEXT PRIMARY KEY, token_hash BLOB NOT NULL UNIQUE, scopes TEXT NOT NULL,
    created_us INTEGER NOT NULL, used_us INTEGER NOT NULL) STRICT;
CREATE TABLE logins (cookie_hash BLOB PRIMARY KEY, clerk TEXT NOT NULL, created_us INTEGER NOT NULL,
    seen_us INTEGER NOT NULL) STRICT;
"""


class Store:
    """Any thread may call. Raises `PeopleError` for a file that cannot be used."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._lock = threading.RLock()
        self.clerks: dict[str, Person] = {}
        self.by_badge: dict[bytes, Person] = {}
        self.clients: dict[bytes, Client] = {}
        self.logins: dict[bytes, Login] = {}
        with self._said():
            _private(self._path)
            self._db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise
        self._seen = self._version()
        self._read()

    @contextmanager
    def _said(self) -> Generator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            hint = "check owner, permissions and free space of state_dir; if the file is damaged, move it away"
            raise PeopleError(f"{self._path}: {error}", hint=hint) from error

    def _prepare(self) -> None:
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "secure_delete = ON", f"busy_timeout = {BUSY_MS}"):
            self._db.execute(f"PRAGMA {pragma}").fetchall()
        with self._writing():
            found = self._db.execute("PRAGMA user_version").fetchone()[0]
            if found == 0:
                for statement in SCHEMA.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {VERSION}")
            elif found != VERSION:
                raise PeopleError(
                    f"{self._path}: made by another version of Jaego ({found}, expected {VERSION})",
                    hint="run the version that made it, or a newer one",
                )

    @contextmanager
    def _writing(self) -> Generator[None]:
        with self._lock, self._said():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise

    def _version(self) -> int:
        with self._lock, self._said():
            return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def refresh(self) -> None:
        """What another process has changed since; cheap when nothing has."""
        with self._lock:
            found = self._version()
            if found != self._seen:
                self._read()
                self._seen = found

    def _read(self) -> None:
        with self._lock, self._said():
            rows = self._db.execute(
                "SELECT clerk, name, role, language, active, badge_hash, pin_hash FROM clerks"
            ).fetchall()
            clerks = [
                Person(clerk, name, role, language, bool(active), badge_hash, pin_hash)
                for clerk, name, role, language, active, badge_hash, pin_hash in rows
            ]
            self.clerks = {one.clerk: one for one in clerks}
            self.by_badge = {one.badge_hash: one for one in clerks if one.badge_hash is not None}
            clients = self._db.execute("SELECT name, token_hash, scopes, created_us, used_us FROM clients").fetchall()
            self.clients = {row[1]: Client(row[0], row[1], frozenset(row[2].split()), *row[3:]) for row in clients}
            logins = self._db.execute("SELECT cookie_hash, clerk, created_us, seen_us FROM logins").fetchall()
            self.logins = {row[0]: Login(*row) for row in logins}

    def _change(self, *statements: tuple[str, tuple[Any, ...]]) -> None:
        with self._lock:
            with self._writing():
                for statement, values in statements:
                    self._db.execute(statement, values)
            self._read()

    def put_clerk(self, one: Person) -> None:
        """New or changed. Sessions of one who is not active any more end."""
        if one.clerk not in self.clerks and len(self.clerks) >= CLERKS_MAX:
            raise PeopleError(f"{CLERKS_MAX} clerks are registered already", hint="ask the makers of Jaego for more")
        statements = [("INSERT OR REPLACE INTO clerks VALUES (?, ?, ?, ?, ?, ?, ?)", astuple(one))]
        if not one.active:
            statements.append(("DELETE FROM logins WHERE clerk = ?", (one.clerk,)))
        self._change(*statements)

    def end_logins(self, clerk: str) -> None:
        self._change(("DELETE FROM logins WHERE clerk = ?", (clerk,)))

    def fold(self) -> None:
        """Takes the write-ahead log into the file and empties it, so that nothing erased stays in it."""
        with self._lock, self._said():
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def add_client(self, one: Client) -> None:
        if len(self.clients) >= CLIENTS_MAX:
            raise PeopleError(f"{CLIENTS_MAX} tokens exist already", hint="revoke those that nobody uses")
        row = (one.name, one.token_hash, " ".join(sorted(one.scopes)), one.created_us, one.used_us)
        self._change(("INSERT INTO clients VALUES (?, ?, ?, ?, ?)", row))

    def drop_client(self, name: str) -> None:
        self._change(("DELETE FROM clients WHERE name = ?", (name,)))

    def used_client(self, one: Client, now_us: int) -> None:
        self._change(("UPDATE clients SET used_us = ? WHERE token_hash = ?", (now_us, one.token_hash)))

    def put_login(self, one: Login, dead_before_us: int) -> None:
        """Forgets those last seen before `dead_before_us`, and the oldest beyond `LOGINS_MAX`."""
        self._change(
            ("DELETE FROM logins WHERE seen_us < ?", (dead_before_us,)),
            ("INSERT OR REPLACE INTO logins VALUES (?, ?, ?, ?)", astuple(one)),
            (
                """DELETE FROM logins WHERE cookie_hash NOT IN
                (SELECT cookie_hash FROM logins ORDER BY seen_us DESC LIMIT ?)""",
                (LOGINS_MAX,),
            ),
        )

    def seen_login(self, one: Login, now_us: int) -> None:
        """Unlike `put_login`, brings none back that ended meanwhile."""
        self._change(("UPDATE logins SET seen_us = ? WHERE cookie_hash = ?", (now_us, one.cookie_hash)))

    def drop_login(self, cookie_hash: bytes) -> None:
        self._change(("DELETE FROM logins WHERE cookie_hash = ?", (cookie_hash,)))

    def close(self) -> None:
        with self._lock:
            self._db.close()


def key(folder: Path, made: bytes) -> bytes:
    """The secret of this store's register; `made` becomes it where there is none. Raises `PeopleError`."""
    path = folder / KEY_FILE
    try:
        if not path.exists():
            draft = folder / f"{KEY_FILE}.{os.getpid()}"
            _private(draft)
            draft.write_bytes(made)
            try:
                os.link(draft, path)  # whole or not at all, and never over another one
            except FileExistsError:
                pass  # another process was first: its key holds
            finally:
                draft.unlink()
        found = path.read_bytes()
    except OSError as error:
        raise PeopleError(f"{path}: {error.strerror}", hint="check owner and permissions of state_dir") from error
    if len(found) != KEY_BYTES:
        hint = "restore it from a backup; without it all badges must be printed anew: move it and people.db away"
        raise PeopleError(f"{path}: found {len(found)} bytes, expected {KEY_BYTES}", hint=hint)
    return found


def _private(path: Path) -> None:
    """Only the owner of the folder may read it, whoever runs the command line."""
    try:
        made = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return
    try:
        owner = path.parent.stat()
        if os.geteuid() == 0:
            os.fchown(made, owner.st_uid, owner.st_gid)
    finally:
        os.close(made)
