"""Who may look at the desk and act: tokens, and the logins of browsers that were opened with one. Only hashes are kept.

A token and a login are 256 bits of chance, so their SHA-256 cannot be guessed back; a slow hash is for passwords.
"""

from __future__ import annotations

import base64
from hashlib import sha256
from typing import Literal, NamedTuple

from contract.ids import is_name
from headoffice.clock import Clock
from headoffice.database import Database
from headoffice.errors import ConfigError

Role = Literal["view", "act"]
LOGIN_US = 12 * 3600 * 1_000_000  # a working day
LOGINS_MAX = 1_000
TOKENS_MAX = 1_000


class Known(NamedTuple):
    name: str
    role: Role


class Token(NamedTuple):
    name: str
    role: Role
    made_us: int


def digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _secret(clock: Clock) -> str:
    return base64.urlsafe_b64encode(clock.entropy(32)).decode().rstrip("=")


def add(database: Database, name: str, role: Role, clock: Clock) -> str:
    """The token, which is shown once. Raises `ConfigError` for a name that is taken or none."""
    if not is_name(name):
        raise ConfigError(f"{name!r} is no name of a token", hint="1 to 64 of A-Z a-z 0-9 . _ -")
    secret = "jhq_" + _secret(clock)
    with database.transaction():
        if database.rows("SELECT name FROM token WHERE name = ?", (name,)):
            raise ConfigError(f"there is a token {name} already", hint="remove it first, or take another name")
        if database.rows("SELECT COUNT(*) FROM token")[0][0] >= TOKENS_MAX:
            raise ConfigError(f"there are {TOKENS_MAX} tokens", hint="remove some that are not used")
        database.write(
            "INSERT INTO token (name, role, digest, made_us) VALUES (?, ?, ?, ?)",
            (name, role, digest(secret), clock.wall_us()),
        )
    return secret


def remove(database: Database, name: str) -> bool:
    """And the logins that it opened."""
    with database.transaction():
        database.write("DELETE FROM login WHERE token = ?", (name,))
        return database.write("DELETE FROM token WHERE name = ?", (name,)) > 0


def listed(database: Database) -> list[Token]:
    return [Token(*row) for row in database.rows("SELECT name, role, made_us FROM token ORDER BY name")]


def of_token(database: Database, secret_digest: bytes) -> Known | None:
    rows = database.rows("SELECT name, role FROM token WHERE digest = ?", (secret_digest,))
    return Known(*rows[0]) if rows else None


def of_login(database: Database, secret_digest: bytes, now_us: int) -> Known | None:
    rows = database.rows(
        "SELECT t.name, t.role FROM login AS l JOIN token AS t ON t.name = l.token "
        "WHERE l.digest = ? AND l.until_us > ?",
        (secret_digest, now_us),
    )
    return Known(*rows[0]) if rows else None


def open_login(database: Database, token: str, clock: Clock) -> str:
    """A secret for a cookie. Logins that are over, and the oldest beyond `LOGINS_MAX`, go."""
    secret, now_us = _secret(clock), clock.wall_us()
    with database.transaction():
        database.write(
            "DELETE FROM login WHERE until_us <= ? OR digest NOT IN "
            "(SELECT digest FROM login ORDER BY until_us DESC LIMIT ?)",
            (now_us, LOGINS_MAX - 1),
        )
        database.write(
            "INSERT INTO login (digest, token, until_us) VALUES (?, ?, ?)", (digest(secret), token, now_us + LOGIN_US)
        )
    return secret


def close_login(database: Database, secret_digest: bytes) -> None:
    database.write("DELETE FROM login WHERE digest = ?", (secret_digest,))
