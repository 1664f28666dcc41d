"""A disk that forgets: what a folder's files were told, in order, and what of it is there after the power was cut.

Nothing is kept for sure but what a sync came behind. A sector that was written since then is as it was, as it was at
any write since, or torn: its first part from one of these and the rest from another. A file's length is any that it
had since its sync; a change of names in the folder is there or not until the folder's sync. Each is decided for itself,
so a later write may survive an earlier one.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

SECTORS_BYTES = (512, 4096)
Fate = Literal["dropped", "kept", "mixed"]


class Write(NamedTuple):
    file: int
    at: int
    data: bytes


class Truncate(NamedTuple):
    file: int
    size_bytes: int


class Sync(NamedTuple):
    file: int


class Link(NamedTuple):
    """A name in the folder is this file from now on; None: it is gone."""

    name: str
    file: int | None


class Rename(NamedTuple):
    """Both names at once, as rename(2) says; the file keeps its number."""

    name: str
    to: str


class SyncFolder(NamedTuple):
    pass


Step = Write | Truncate | Sync | Link | Rename | SyncFolder


@dataclass
class _File:
    now: bytearray
    safe: bytes
    sectors: dict[int, list[bytes]] = field(default_factory=dict)  # contents since the sync, oldest first
    sizes_bytes: list[int] = field(default_factory=list)

    def change(self, at: int, data: bytes, sector_bytes: int) -> None:
        self.now.extend(bytes(max(0, at + len(data) - len(self.now))))
        self.now[at : at + len(data)] = data
        for sector in range(at // sector_bytes, -(-(at + len(data)) // sector_bytes)):
            start = sector * sector_bytes
            self.sectors.setdefault(sector, []).append(bytes(self.now[start : start + sector_bytes]))
        self.sizes_bytes.append(len(self.now))

    def truncate(self, size_bytes: int, sector_bytes: int) -> None:
        if size_bytes < len(self.now):
            self.change(size_bytes, bytes(len(self.now) - size_bytes), sector_bytes)
            del self.now[size_bytes:]
        self.sizes_bytes.append(size_bytes)

    def sync(self) -> None:
        self.safe = bytes(self.now)
        self.sectors.clear()
        self.sizes_bytes.clear()

    def left(self, fate: Fate, chance: random.Random, sector_bytes: int) -> bytes:
        if fate != "mixed":
            return bytes(self.now) if fate == "kept" else self.safe
        left = bytearray(self.safe)
        for sector, contents in sorted(self.sectors.items()):
            start = sector * sector_bytes
            whole = [one.ljust(sector_bytes, b"\0") for one in (self.safe[start : start + sector_bytes], *contents)]
            first, last = chance.choice(whole), chance.choice(whole)
            torn = chance.randrange(sector_bytes) if chance.random() < 1 / 3 else sector_bytes
            left.extend(bytes(max(0, start + sector_bytes - len(left))))
            left[start : start + sector_bytes] = first[:torn] + last[torn:]
        size_bytes = chance.choice([len(self.safe), *self.sizes_bytes])
        return bytes(left[:size_bytes].ljust(size_bytes, b"\0"))


class Disk:
    """One folder. `steps` is all that it was told; what is there at first is safe."""

    def __init__(self, files: Mapping[str, bytes], steps: Iterable[Step] = ()) -> None:
        self._first = dict(files)
        self.steps: list[Step] = []
        self._names: dict[str, int] = {name: number for number, name in enumerate(files)}
        self._files = len(files)
        for step in steps:
            self._tell(step)

    def _tell(self, step: Step) -> None:
        self.steps.append(step)
        if isinstance(step, Link):
            if step.file is None:
                self._names.pop(step.name, None)
            else:
                self._names[step.name] = step.file
                self._files = max(self._files, step.file + 1)
        elif isinstance(step, Rename):
            self._names[step.to] = self._names.pop(step.name)

    def open(self, name: str) -> int:
        """The file's number; a new and empty one where there is none."""
        if name not in self._names:
            self._tell(Link(name, self._files))
        return self._names[name]

    def write(self, file: int, at: int, data: bytes) -> None:
        self._tell(Write(file, at, data))

    def truncate(self, file: int, size_bytes: int) -> None:
        self._tell(Truncate(file, size_bytes))

    def sync(self, file: int) -> None:
        self._tell(Sync(file))

    def remove(self, name: str) -> None:
        self._tell(Link(name, None))

    def rename(self, name: str, to: str) -> None:
        self._tell(Rename(name, to))

    def sync_folder(self) -> None:
        self._tell(SyncFolder())

    def at(self, step: int) -> Disk:
        """The disk when it had been told this many steps."""
        return Disk(self._first, self.steps[:step])

    def running(self) -> dict[str, bytes]:
        """What a program reads, whether it is safe or not."""
        return self.cut("kept", random.Random(0), SECTORS_BYTES[0])

    def cut(self, fate: Fate, chance: random.Random, sector_bytes: int) -> dict[str, bytes]:
        """The files that are there when the power is back."""
        files = {number: _File(bytearray(data), data) for number, data in enumerate(self._first.values())}
        names: dict[str, int | None] = {name: number for number, name in enumerate(self._first)}
        safe, changes = dict(names), list[dict[str, int | None]]()
        for step in self.steps:
            if isinstance(step, SyncFolder):
                safe, changes = dict(names), []
            elif isinstance(step, Link | Rename):
                changes.append(
                    {step.name: step.file} if isinstance(step, Link) else {step.to: names[step.name], step.name: None}
                )
                names.update(changes[-1])
                if isinstance(step, Link) and step.file is not None:
                    files[step.file] = _File(bytearray(), b"")
            elif isinstance(step, Write):
                files[step.file].change(step.at, step.data, sector_bytes)
            elif isinstance(step, Truncate):
                files[step.file].truncate(step.size_bytes, sector_bytes)
            else:
                files[step.file].sync()
        for change in changes:
            if fate == "kept" or (fate == "mixed" and chance.random() < 1 / 2):
                safe.update(change)
        return {
            name: files[number].left(fate, chance, sector_bytes) for name, number in safe.items() if number is not None
        }
