"""Room that is kept for the end of the disk.

When a commit finds no room, the reserve is given free: what ends in order (a signed checkpoint, the write-ahead log
taken in, a line that says why) has room then. It is not for more scans: nothing is taken until the reserve can be made
again, with as much beside it, so that a store does not go back and forth between the two.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

NAME = "ledger.reserve"
AGAIN_NS = 2_000_000_000  # between two looks for room


def free_bytes(folder: Path) -> int:
    space = os.statvfs(folder)
    return space.f_bavail * space.f_frsize


class Reserve:
    """For the writer's thread. One that cannot be made at the start is done without."""

    def __init__(self, folder: Path, size_bytes: int, room: Callable[[Path], int] = free_bytes) -> None:
        self._path, self._size_bytes, self._room = folder / NAME, size_bytes, room
        self._looked_ns: int | None = None
        self.given = False
        self._make()

    def give(self) -> None:
        self._path.unlink(missing_ok=True)
        self.given = True

    def is_there(self, now_ns: int) -> bool:
        """Whether scans may be taken; looks for room where it was given."""
        if self.given and (self._looked_ns is None or now_ns - self._looked_ns >= AGAIN_NS):
            self._looked_ns = now_ns
            self.given = not (self._room(self._path.parent) >= 2 * self._size_bytes and self._make())
        return not self.given

    def _make(self) -> bool:
        try:
            with self._path.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, max(1, self._size_bytes))
        except OSError:
            self._path.unlink(missing_ok=True)
            return False
        return True
