"""A worker among others: its leases in PostgreSQL, renewed, given up and taken; the stores that they bring.

`look` is called about once a second, between two rounds: what was taken in is stored then, so that a bucket changes
hands at a commit. `fence` runs inside every commit that stores something: whoever lost a bucket stores nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import orjson

from headoffice.database import Database
from headoffice.errors import ConfigError, DatabaseUnusable, LeaseLost
from headoffice.leases import Lease, bucket_of, plan

LEASE_S = 6.0
LOOK_S = 1.0
STORES_MAX = 10_000
FORGOTTEN_S = 86_400.0
_US = 1_000_000

NOW = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
_SESSION = (
    "SELECT pid, CAST(EXTRACT(EPOCH FROM backend_start) * 1000000 AS BIGINT) FROM pg_stat_activity "
    "WHERE pid = pg_backend_pid()"
)
_SEEN = (
    "INSERT INTO worker (worker, holder, pid, pid_us, seen_us, body) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (worker) DO UPDATE SET (holder, pid, pid_us, seen_us, body) = "
    "(excluded.holder, excluded.pid, excluded.pid_us, excluded.seen_us, excluded.body) "
    "WHERE worker.holder = excluded.holder OR worker.seen_us < ?"
)
# Whoever is frozen in the middle of a commit keeps the locks of its rows, and no timeout of the server ends a COPY that
# waits for its client. Sessions of one's own user may be ended by everybody.
_END_SILENT = (
    "SELECT pg_terminate_backend(session.pid) FROM worker JOIN pg_stat_activity AS session ON session.pid = worker.pid "
    "AND CAST(EXTRACT(EPOCH FROM session.backend_start) * 1000000 AS BIGINT) = worker.pid_us "
    "WHERE worker.seen_us < ? AND worker.holder <> ? AND session.usename = current_user"
)
_KNOWN = "INSERT INTO known_store (store, bucket, first_us) VALUES (?, ?, ?) ON CONFLICT (store) DO NOTHING"


class NameTaken(DatabaseUnusable):
    """Another process runs under this worker's name, or ran a moment ago."""


class Membership:
    """`stores` are those of the leases that it holds; `ours` says it of one, and notes names that are new.

    `holder` names this process; `known` limits the stores to a list. Times are microseconds of the database's clock.
    """

    def __init__(
        self, name: str, holder: str, buckets: int, known: frozenset[str] | None, say: Callable[[str], None]
    ) -> None:
        self.name = name
        self.stores: frozenset[str] = frozenset()
        self.buckets: tuple[int, ...] = ()
        self._holder = holder
        self._total = buckets
        self._known = known
        self._say = say
        self._bucket: dict[str, int] = {}  # of every name that was heard
        self._new: set[str] = set()
        self._full = False
        self._session: tuple[Any, ...] = ()

    def ours(self, store: str) -> bool:
        if store not in self._bucket and len(self._bucket) < 2 * STORES_MAX:
            self._bucket[store] = bucket_of(store, self._total)
            if self._known is None or store in self._known:
                self._new.add(store)
        return store in self.stores

    # -- in a transaction of the worker's connection ------------------------------------------------------------------

    def join(self, db: Database) -> None:
        """On a new connection. Raises `ConfigError` if the stores are divided otherwise."""
        self._session = db.rows(_SESSION)[0]
        found = _buckets(db)
        if not found:
            with db.transaction():
                db.write("LOCK TABLE lease IN SHARE ROW EXCLUSIVE MODE")  # several may be the first
                if not _buckets(db):
                    db.write_many("INSERT INTO lease (bucket) VALUES (?)", [(one,) for one in range(self._total)])
            found = _buckets(db)
        if found != self._total:
            raise ConfigError(
                f"the stores lie in {found} buckets, not in {self._total}",
                hint=f"start with --buckets {found}, as the others; to change it stop all, then DELETE FROM lease and "
                "known_store: both are made again",
            )
        for row in db.rows("SELECT store FROM position"):
            self.ours(row[0])

    def look(self, db: Database, body: dict[str, Any]) -> bool:
        """Renew, give up, take; True if the stores are others than before. Raises `NameTaken`."""
        lease_us = int(LEASE_S * _US)
        db.rows(_END_SILENT, (int(db.rows(NOW)[0][0]) - lease_us, self._holder))
        with db.transaction():
            now_us = int(db.rows(NOW)[0][0])
            shown = orjson.dumps({**body, "buckets": len(self.buckets), "stores": len(self.stores)}).decode()
            if not db.write(_SEEN, (self.name, self._holder, *self._session, now_us, shown, now_us - lease_us)):
                raise NameTaken(
                    f"another worker runs under the name {self.name}", hint="give each a name of its own: --worker NAME"
                )
            db.write("UPDATE lease SET until_us = ? WHERE holder = ?", (now_us + lease_us, self._holder))
            rows = [Lease(*row) for row in db.rows("SELECT bucket, holder, until_us FROM lease ORDER BY bucket")]
            seen = db.rows("SELECT holder FROM worker WHERE seen_us > ?", (now_us - lease_us,))
            todo = plan(self._holder, rows, [row[0] for row in seen], now_us)
            held = {one.bucket for one in rows if one.holder == self._holder} - set(todo.give)
            self._give(db, todo.give)
            held |= self._take(db, todo.take, now_us)
            db.write("DELETE FROM worker WHERE seen_us < ?", (now_us - int(FORGOTTEN_S * _US),))
        self._note(db, now_us)
        before, self.buckets = self.stores, tuple(sorted(held))
        self.stores = self._of_buckets(db)
        return before != self.stores

    def _give(self, db: Database, buckets: Collection[int]) -> None:
        if buckets:
            db.write(f"UPDATE lease SET holder = NULL, until_us = 0 WHERE bucket IN ({_marks(buckets)})", [*buckets])

    def _take(self, db: Database, buckets: Collection[int], now_us: int) -> set[int]:
        """Those that are still free. One that is locked belongs to somebody who is storing, or is being taken."""
        if not buckets:
            return set()
        taken = db.rows(
            "UPDATE lease SET holder = ?, until_us = ? WHERE bucket IN (SELECT bucket FROM lease WHERE bucket IN "
            f"({_marks(buckets)}) AND (holder IS NULL OR until_us <= ?) FOR UPDATE SKIP LOCKED) RETURNING bucket",
            (self._holder, now_us + int(LEASE_S * _US), *buckets, now_us),
        )
        return {row[0] for row in taken}

    def _note(self, db: Database, now_us: int) -> None:
        """Stores that were heard for the first time: the others see them at their next look."""
        if not self._new:
            return
        known = {row[0] for row in db.rows("SELECT store FROM known_store")}
        new, room = sorted(self._new - known), STORES_MAX - len(known)
        with db.transaction():
            db.write_many(_KNOWN, [(store, self._bucket[store], now_us) for store in new[:room]])
        if len(new) > room and not self._full:
            self._full = True
            self._say(f"{new[room]}: ignored: {STORES_MAX} stores are followed already")
        self._new.clear()

    def _of_buckets(self, db: Database) -> frozenset[str]:
        if not self.buckets:
            return frozenset()
        sql = f"SELECT store FROM known_store WHERE bucket IN ({_marks(self.buckets)})"
        found = frozenset(row[0] for row in db.rows(sql, self.buckets))
        return found if self._known is None else found & self._known

    def fence(self, db: Database, stores: Collection[str]) -> None:
        """The leases of these stores are still mine, and stay so until the commit. Raises `LeaseLost`."""
        wanted = {bucket_of(store, self._total) for store in stores}
        sql = f"SELECT bucket FROM lease WHERE holder = ? AND bucket IN ({_marks(wanted)}) FOR SHARE"
        if wanted and len(db.rows(sql, (self._holder, *wanted))) < len(wanted):
            raise LeaseLost(
                "another worker has these stores now", hint="nothing is lost: it goes on where this one was"
            )

    def leave(self, db: Database) -> None:
        """At a clean end: the others take over at their next look."""
        with db.transaction():
            db.write("UPDATE lease SET holder = NULL, until_us = 0 WHERE holder = ?", (self._holder,))
            db.write("DELETE FROM worker WHERE holder = ?", (self._holder,))


def _buckets(db: Database) -> int:
    return int(db.rows("SELECT COUNT(*) FROM lease")[0][0])


def _marks(values: Collection[int]) -> str:
    return ", ".join("?" * len(values))


# -- for those who look -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """A worker as it said last: `events` since its start, `rate` events a second, `up` as long as its leases hold."""

    worker: str
    up: bool
    seen_s: float
    buckets: int
    stores: int
    events: int
    rate: int
    host: str
    version: str


def living(db: Database) -> list[Seen]:
    """The workers of this database, also those that ended without a word. Raises `ConfigError` for a file."""
    if db.dialect != "postgres":
        raise ConfigError("a file has one worker, which takes in every store", hint="--db postgresql://…")
    now_us = int(db.rows(NOW)[0][0])
    found: list[Seen] = []
    for name, seen_us, body in db.rows("SELECT worker, seen_us, body FROM worker ORDER BY worker"):
        said, seen_s = orjson.loads(body), max(0.0, (now_us - seen_us) / _US)
        found.append(
            Seen(
                name, seen_s < LEASE_S, round(seen_s, 1), said["buckets"], said["stores"], said["events"], said["rate"],
                said["host"], said["version"],
            )
        )  # fmt: skip
    return found


def free_stores(db: Database) -> int:
    """How many known stores are of a bucket that nobody holds."""
    now_us = int(db.rows(NOW)[0][0])
    sql = (
        "SELECT COUNT(*) FROM known_store LEFT JOIN lease ON lease.bucket = known_store.bucket "
        "AND lease.holder IS NOT NULL AND lease.until_us > ? WHERE lease.bucket IS NULL"
    )
    return int(db.rows(sql, (now_us,))[0][0])
