"""How a store comes by its next certificate: it shows the present one, and signs for the new key with that one's key.

What is signed holds a challenge of the desk's, so a proof is good for minutes and once, whatever the store's clock
says. A certificate is renewed for one key only: the same request may come again, in case the answer was lost; another
one means that two have the present key, and gets nothing.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import NamedTuple

from contract.renewal import proof
from headoffice.authority import Authority, Issued, Shown
from headoffice.clock import Clock
from headoffice.database import Database
from headoffice.enrolling import GRACE_US, note_within
from headoffice.errors import ConfigError, HeadOfficeError

CHALLENGE_US = 300_000_000
HINT = "jaego-hq enrol STORE makes a token for it"


class NotRenewed(HeadOfficeError):
    """A certificate, or a proof, that gets no successor."""


class Renewal(NamedTuple):
    """`certificate`, `request`: PEM. `signature`: of the present key over `contract.renewal.proof`."""

    certificate: bytes
    request: bytes
    challenge: str
    signature: bytes


class Proven(NamedTuple):
    store: str
    serial: str
    asked_us: int
    request: bytes


def challenge(authority: Authority, now_us: int) -> str:
    """Of any desk with this authority, for any of them."""
    return f"{now_us}.{authority.seal(f'challenge {now_us}').hex()}"


def check(authority: Authority, asked: Renewal, now_us: int) -> Proven:
    """Whose key has signed. Raises `NotRenewed`."""
    asked_us = _challenged(authority, asked.challenge, now_us)
    try:
        shown: Shown = authority.shown(asked.certificate)
    except ConfigError as error:
        raise NotRenewed(str(error), hint=error.hint) from error
    if not shown.signed(asked.signature, proof(asked.challenge, asked.request)):
        raise NotRenewed("the certificate's key has not signed this", hint=HINT)
    return Proven(shown.store, shown.serial, asked_us, asked.request)


def renew(database: Database, authority: Authority, proven: Proven, clock: Clock) -> Issued:
    """Raises `NotRenewed`, `ConfigError` for a request that is not signed or of another store."""
    now_us, digest = clock.wall_us(), sha256(proven.request).digest()
    issued = authority.store(proven.store, proven.request, now_us)
    with database.transaction():
        # One statement: who takes the certificate back meanwhile waits for this row, or is seen here.
        taken = database.rows(
            "UPDATE certificate SET renewed_by = ?, asked_us = ? WHERE serial = ? AND name = ? "
            "AND revoked_us IS NULL AND ends_us > ? AND (renewed_by IS NULL OR renewed_by = ?) "
            "AND (asked_us IS NULL OR asked_us < ?) RETURNING serial",
            (digest, proven.asked_us, proven.serial, proven.store, now_us - GRACE_US, digest, proven.asked_us),
        )
        if not taken:
            raise _why(database, proven, digest, now_us)
        note_within(database, proven.store, issued, now_us)
    return issued


def _challenged(authority: Authority, text: str, now_us: int) -> int:
    told = text.partition(".")[0]
    ours = told.isascii() and told.isdigit() and hmac.compare_digest(challenge(authority, int(told)), text)
    if not ours:
        raise NotRenewed("the challenge is not this desk's", hint="ask for one: another --authority than before?")
    if not now_us - CHALLENGE_US <= int(told) <= now_us + CHALLENGE_US:  # desks' clocks differ a little
        raise NotRenewed("the challenge is over", hint="ask for another one")
    return int(told)


def _why(database: Database, proven: Proven, digest: bytes, now_us: int) -> NotRenewed:
    rows = database.rows(
        "SELECT revoked_us, ends_us, renewed_by FROM certificate WHERE serial = ? AND name = ?",
        (proven.serial, proven.store),
    )
    if not rows:
        return NotRenewed("head office has no note of this certificate", hint=HINT)
    revoked_us, ends_us, renewed_by = rows[0]
    if revoked_us is not None:
        return NotRenewed("this certificate was taken back", hint=HINT)
    if ends_us <= now_us - GRACE_US:
        return NotRenewed("this certificate ended too long ago", hint=HINT)
    if renewed_by is not None and bytes(renewed_by) != digest:
        hint = "two have its key: jaego-hq ca revoke STORE, then jaego-hq enrol STORE"
        return NotRenewed("this certificate was renewed for another key already", hint=hint)
    return NotRenewed("this proof was used already", hint="ask for another challenge")
