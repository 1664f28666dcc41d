"""How a store comes by its credentials: a signed request, a token that it exchanges for a certificate, or a password.

A token is a secret and, behind a point, the SHA-256 of the authority's certificate: so the store knows that it speaks
with this head office before it trusts anybody. It is good for one key: the same request may be sent again, in case the
answer was lost, another one may not.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from hashlib import pbkdf2_hmac, sha256
from typing import Literal, NamedTuple

from headoffice.authority import Authority, Issued, check_store
from headoffice.clock import Clock
from headoffice.database import Database
from headoffice.errors import ConfigError, HeadOfficeError

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
GRACE_US = 30 * DAY_US  # a certificate that ended so long ago may still be renewed
ENDING_US = 60 * DAY_US  # by then it should have been renewed
MARK = "jse_"
_ROUNDS = 101  # mosquitto_passwd(1); what is hashed is 192 bits of chance, no word of a person's


class NotInvited(HeadOfficeError):
    """A token that is unknown, over, or used."""


class Certificate(NamedTuple):
    serial: str
    name: str
    made_us: int
    ends_us: int
    revoked_us: int | None


Standing = Literal["good", "ending", "ended", "replaced", "taken_back"]


def invite(database: Database, authority: Authority, store: str, hours: float, clock: Clock) -> str:
    """A token, shown once. One that was given to the store before and not used is no longer good."""
    check_store(store)
    secret, now_us = _text(clock.entropy(32)), clock.wall_us()
    with database.transaction():
        database.write("DELETE FROM enrolment WHERE until_us <= ? OR store = ?", (now_us, store))
        database.write(
            "INSERT INTO enrolment (digest, store, until_us) VALUES (?, ?, ?)",
            (_digest(secret), store, now_us + int(hours * HOUR_US)),
        )
    return f"{MARK}{secret}.{_text(authority.fingerprint)}"


def redeem(database: Database, authority: Authority, token: str, request: bytes, clock: Clock) -> tuple[str, Issued]:
    """The store, and its certificate. Raises `NotInvited`, `ConfigError` for a request that is not signed."""
    secret, now_us = token.removeprefix(MARK).partition(".")[0], clock.wall_us()
    with database.transaction():
        taken = database.rows(
            "UPDATE enrolment SET used_by = ? WHERE digest = ? AND until_us > ? AND (used_by IS NULL OR used_by = ?) "
            "RETURNING store",
            (sha256(request).digest(), _digest(secret), now_us, sha256(request).digest()),
        )
        if not taken:
            raise NotInvited("this token is not good", hint="it is over or used: jaego-hq enrol STORE makes another")
        store = str(taken[0][0])
        issued = authority.store(store, request, now_us)
        note_within(database, store, issued, now_us)
    return store, issued


def issue(database: Database, authority: Authority, store: str, request: bytes, clock: Clock) -> Issued:
    """A person hands the store's request over."""
    issued = authority.store(store, request, clock.wall_us())
    note(database, store, issued, clock.wall_us())
    return issued


def note(database: Database, name: str, issued: Issued, now_us: int) -> None:
    """So that it can be listed, and taken back."""
    with database.transaction():
        note_within(database, name, issued, now_us)


def note_within(database: Database, name: str, issued: Issued, now_us: int) -> None:
    """As `note`, within a transaction."""
    database.write(
        "INSERT INTO certificate (serial, name, made_us, ends_us) VALUES (?, ?, ?, ?)",
        (issued.serial, name, now_us, issued.ends_us),
    )


def server_of(names: Sequence[str]) -> str:
    """As what a broker's or desk's certificate is noted: no store is called so."""
    return f"server:{names[0]}"


def take_back(database: Database, authority: Authority, name: str, now_us: int) -> int:
    """Every certificate of a store, and its token. How many are no longer good now, once the broker has the list."""
    with database.transaction():
        database.write("DELETE FROM enrolment WHERE store = ?", (name,))
        # A renewal that is under way has written one of these rows: what it makes is there behind this statement.
        database.write("UPDATE certificate SET name = name WHERE name = ?", (name,))
        count = database.write(
            "UPDATE certificate SET revoked_us = ? WHERE name = ? AND revoked_us IS NULL AND ends_us > ?",
            (now_us, name, now_us - GRACE_US),
        )
        gone = database.rows("SELECT serial FROM certificate WHERE revoked_us IS NOT NULL AND ends_us > ?", (now_us,))
        authority.take_back((row[0] for row in gone), now_us)
    return count


def issued(database: Database) -> list[Certificate]:
    """By name, the newest first."""
    found = database.rows(
        "SELECT serial, name, made_us, ends_us, revoked_us FROM certificate ORDER BY name, made_us DESC"
    )
    return [Certificate(*row) for row in found]


def standings(found: list[Certificate], now_us: int) -> list[tuple[Certificate, Standing]]:
    """Of each, in the order of `issued`: the newest of a name that was not taken back is the one that counts."""
    told: list[tuple[Certificate, Standing]] = []
    named: set[str] = set()
    for one in found:
        if one.revoked_us is not None:
            told.append((one, "taken_back"))
        elif one.name in named:
            told.append((one, "replaced"))
        else:
            named.add(one.name)
            left_us = one.ends_us - now_us
            told.append((one, "ended" if left_us <= 0 else "ending" if left_us < ENDING_US else "good"))
    return told


def password(store: str, clock: Clock) -> tuple[str, str]:
    """A password for a broker that knows none of our certificates, and its line in mosquitto's password file."""
    check_store(store)
    secret, salt = _text(clock.entropy(24)), clock.entropy(12)
    made = pbkdf2_hmac("sha512", secret.encode(), salt, _ROUNDS)
    return secret, f"{store}:$7${_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(made).decode()}"


def with_entry(passwords: str, entry: str) -> str:
    """A password file with a user's line in it, in place of the one that was there. Raises `ConfigError`."""
    user, colon, _hash = entry.partition(":")
    lines = passwords.splitlines()
    if any(line and ":" not in line for line in lines) or not colon:
        raise ConfigError("that is no password file of mosquitto", hint="each of its lines is NAME:HASH")
    return "\n".join([*(line for line in lines if not line.startswith(f"{user}:")), entry, ""])


def _text(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).decode().rstrip("=")


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
