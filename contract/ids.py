"""Names and ids that go over the wire."""

from __future__ import annotations

import re

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
RESERVED_STORES = frozenset({"catalog"})


def is_name(text: str) -> bool:
    """Store ids, SKUs, zones, devices, stations and documents: safe in a topic, in a file name and on a label."""
    return NAME.fullmatch(text) is not None


def is_store(text: str) -> bool:
    return is_name(text) and text not in RESERVED_STORES


_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))  # the two high bits of a hexadecimal digit become 10


def uuid7(unix_ms: int, entropy: bytes) -> str:
    """A version 7 UUID (RFC 9562, 5.7) from milliseconds since 1970 and 10 bytes of chance."""
    return uuid7_of(unix_ms, entropy.hex())


def uuid7_of(unix_ms: int, chance: str) -> str:
    """As `uuid7`, from 20 hexadecimal digits of chance: for who needs many and draws them at once."""
    time = f"{unix_ms & 0xFFFF_FFFF_FFFF:012x}"
    return f"{time[:8]}-{time[8:]}-7{chance[:3]}-{_VARIANT[chance[3]]}{chance[4:7]}-{chance[7:19]}"
