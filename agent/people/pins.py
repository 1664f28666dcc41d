"""PINs under argon2id, with OWASP's minimum: 19 MiB, two passes. It is loaded by the first PIN.

One hash made at every start would cost the start 50 ms; worse, glibc keeps free memory back for good, up to twice the
largest block that it ever gave back.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

# What an unknown badge's PIN is held against, so that it takes as long as any: the hash of 32 random bytes, not kept.
NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$Bipt5nnHAI3Rw9RylYoVvw$qlWOzHZgBK26T+cDF1pwK1hRX3Gqi+YZOTNZ/Toa4i8"


def hashed(pin: str) -> str:
    return _hasher().hash(pin)


def fits(pin: str, held: str) -> bool:
    """Whether `held` is the hash of `pin`. 50 ms and 19 MiB: one at a time, so a store's PC never needs more."""
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415  see the top of this file

    try:
        return _hasher().verify(held, pin)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher  # noqa: PLC0415  see the top of this file

    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
