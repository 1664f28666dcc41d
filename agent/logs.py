"""journald's own protocol: one datagram of fields, so that `journalctl` can be asked by device and severity.

    journalctl -u jaego-agent JAEGO_SUBJECT=dock-scanner -o json

Format after systemd, JOURNAL_NATIVE_PROTOCOL: `NAME=value`, or for a value with line ends the name, its length as a
little-endian 64-bit number and its bytes. Only where our standard error is the journal: who has redirected it wants
readable lines there.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

SOCKET = Path("/run/systemd/journal/socket")
FIELD_BYTES_MAX = 16_384  # all fields together stay far below what a datagram takes


def is_journal(stream: str | None, handle: int) -> bool:
    """Whether a file is what `JOURNAL_STREAM` names: `device:inode` (systemd.exec(5))."""
    try:
        held = os.fstat(handle)
    except OSError:
        return False
    return stream == f"{held.st_dev}:{held.st_ino}"


def datagram(fields: Mapping[str, str]) -> bytes:
    """Empty fields are left out; long ones are cut."""
    found = bytearray()
    for name, text in fields.items():
        value = text.encode()[:FIELD_BYTES_MAX].decode(errors="ignore").encode()  # not within a character
        if not value:
            continue
        if b"\n" in value:
            found += name.encode() + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"
        else:
            found += name.encode() + b"=" + value + b"\n"
    return bytes(found)


class Journal:
    """`send` never waits. False: the journal did not take it, and the caller has another way."""

    def __init__(self, path: Path = SOCKET) -> None:
        self._path = path

    def send(self, fields: Mapping[str, str]) -> bool:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.connect(str(self._path))
                sender.send(datagram(fields))
        except OSError:
            return False
        return True
