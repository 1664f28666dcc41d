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


def uuid7(unix_ms: int, entropy: bytes) -> str:
    """A version 7 UUID (RFC 9562, 5.7) from milliseconds since 1970 and 10 bytes of chance."""
    high = (unix_ms & 0xFFFF_FFFF_FFFF) << 80
    bits = int.from_bytes(entropy, "big")
    number = high | (0x7 << 76) | ((bits >> 68) & 0xFFF) << 64 | (0b10 << 62) | (bits & 0x3FFF_FFFF_FFFF_FFFF)
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
