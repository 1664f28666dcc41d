"""Takes the AIM identifier (ISO/IEC 15424: `]`, a letter, a digit or letter) off the front of a read."""

from __future__ import annotations


def split_aim(data: bytes) -> tuple[str | None, bytes]:
    """`]d2 01…` is (`]d2`, `01…`). Data that begins otherwise has no identifier and stays whole."""
    if len(data) < 3 or data[0] != 0x5D or not data[1:3].isalnum() or not data[1:2].isalpha():
        return None, data
    return data[:3].decode("ascii"), data[3:]
