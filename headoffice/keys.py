"""Keys of stores: the one of the log that is followed is pinned with its opening; a person may enrol the next.

Within a log the key itself names the one that comes after it (`keeping.py` notes where). The next log must be signed by
the newest key that was enrolled and has not signed yet, or else by the last one of the log before; a store that is not
known yet and has none enrolled is believed.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from headoffice.database import Database
from headoffice.errors import ConfigError

_KEY = re.compile("[0-9a-f]{64}")


class Known(NamedTuple):
    """A key of a store. `followed`: the log that head office follows is signed with it; `next`: the next must be."""

    store: str
    key: str
    at_us: int
    followed: bool
    next: bool


def enrol(database: Database, store: str, key: str, now_us: int) -> None:
    """The store's next log must be signed with `key` (public, hexadecimal). Raises `ConfigError` for what is no key."""
    if not _KEY.fullmatch(key):
        raise ConfigError(f"{key[:80]!r} is no public key", hint="64 hexadecimal digits, as jaego key show prints them")
    with database.transaction():
        put = "INSERT INTO enrolled_key (store, key, at_us) VALUES (?, ?, ?) ON CONFLICT (store, key) DO "
        for (pinned,) in database.rows("SELECT key FROM position WHERE store = ? AND key IS NOT NULL", (store,)):
            database.write(put + "NOTHING", (store, pinned, 0))
        database.write(put + "UPDATE SET at_us = excluded.at_us", (store, key, now_us))


def newest(database: Database, store: str) -> str | None:
    """The key that a person enrolled last, None where nobody did."""
    rows = database.rows(
        "SELECT key FROM enrolled_key WHERE store = ? AND at_us > 0 ORDER BY at_us DESC, key LIMIT 1", (store,)
    )
    return rows[0][0] if rows else None


def of_logs(database: Database, store: str, pinned: str | None) -> set[str]:
    """Every key that a log of the store may be signed with; none: any, nothing was pinned."""
    rows = database.rows("SELECT key FROM enrolled_key WHERE store = ?", (store,))
    return {row[0] for row in rows} | ({pinned} if pinned else set())


def known(database: Database, store: str | None = None) -> list[Known]:
    """By store, the newest first."""
    pinned: dict[str, str] = dict(database.rows("SELECT store, key FROM position WHERE key IS NOT NULL"))
    enrolled = {(row[0], row[1]): row[2] for row in database.rows("SELECT store, key, at_us FROM enrolled_key")}
    places = dict.fromkeys(pinned.items(), 0) | enrolled
    found = sorted(((name, key, at) for (name, key), at in places.items()), key=lambda one: (one[0], -one[2], one[1]))
    following = {name: newest(database, name) or pinned.get(name) for name, _key, _at in found}
    return [
        Known(name, key, at, pinned.get(name) == key, following[name] == key)
        for name, key, at in found
        if store in {None, name}
    ]
