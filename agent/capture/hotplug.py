"""Tells when a device may have been plugged in: inotify on the directories where its path would appear.

What does not exist cannot be watched, so the nearest existing ancestor is, for the next name on the way down. Only
events of that name count: `/dev` is busy. Attribute changes count too, because udev sets a node's permissions after it
has made it. inotify has no Python module in the standard library; its three calls are made through ctypes.
"""

from __future__ import annotations

import asyncio
import ctypes
import fnmatch
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_IN_ATTRIB, _IN_MOVED_TO, _IN_CREATE, _IN_DELETE = 0x4, 0x80, 0x100, 0x200  # linux/inotify.h
_IN_DELETE_SELF, _IN_MOVE_SELF, _IN_IGNORED = 0x400, 0x800, 0x8000
_IN_Q_OVERFLOW: Final = 0x4000
_IN_ONLYDIR: Final = 0x01000000
_MASK = _IN_ATTRIB | _IN_MOVED_TO | _IN_CREATE | _IN_DELETE | _IN_DELETE_SELF | _IN_MOVE_SELF | _IN_ONLYDIR
_EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of the name that follows
_READ_BYTES = 65_536
_DEPTH_MAX = 32


@dataclass(frozen=True, slots=True)
class Place:
    """A directory that exists, the name in it that is waited for, and whether that name is the device itself."""

    directory: Path
    name: str
    last: bool


def place_of(path: Path) -> Place:
    """Where `path` would show up next. Its last name may hold the wildcards of fnmatch."""
    path = Path(os.path.abspath(path))  # noqa: PTH100 - links must stay: the link is what appears
    name, last = path.name, True
    for _ in range(_DEPTH_MAX):
        directory = path.parent
        if directory.is_dir():
            return Place(directory, name, last)
        name, path, last = directory.name, directory, False
    return Place(Path("/"), name, last)


class Hotplug:
    """`notify(device)` is called on the event loop when something happened where the device's path would be."""

    def __init__(self, paths: dict[str, str], notify: Callable[[str], None]) -> None:
        self._paths = {device: Path(path) for device, path in paths.items()}
        self._notify = notify
        self._places: dict[str, Place] = {}
        self._watches: dict[int, Path] = {}
        self._descriptor = -1
        self._libc = ctypes.CDLL(None, use_errno=True)

    def open(self) -> None:
        """Raises OSError where the kernel has no inotify left; devices are then found by probing alone."""
        self._descriptor = self._call("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            for device in self._paths:
                self._watch(device)
        except OSError:
            self.close()
            raise
        asyncio.get_running_loop().add_reader(self._descriptor, self._readable)

    def close(self) -> None:
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _watch(self, device: str) -> None:
        """Watch where the path appears next, and look again: it may have grown meanwhile."""
        for _ in range(_DEPTH_MAX):
            place = place_of(self._paths[device])
            self._places[device] = place
            try:
                watch = self._call("inotify_add_watch", self._descriptor, os.fsencode(place.directory), _MASK)
            except FileNotFoundError:
                continue  # gone between the look and the watch
            self._watches[watch] = place.directory
            if place_of(self._paths[device]) == place:
                return

    def _readable(self) -> None:
        try:
            data = os.read(self._descriptor, _READ_BYTES)
        except BlockingIOError:
            return
        touched: set[str] = set()
        at = 0
        while at < len(data):
            watch, mask, _, size = _EVENT.unpack_from(data, at)
            name = os.fsdecode(data[at + _EVENT.size : at + _EVENT.size + size].rstrip(b"\0"))
            at += _EVENT.size + size
            touched |= self._touched(watch, mask, name)
        for device in sorted(touched):
            before = self._places[device]
            self._watch(device)
            if before.last or self._places[device] != before:
                self._notify(device)

    def _touched(self, watch: int, mask: int, name: str) -> set[str]:
        if mask & _IN_Q_OVERFLOW:
            return set(self._paths)
        directory = self._watches.get(watch)
        if mask & _IN_IGNORED:
            self._watches.pop(watch, None)
        gone = mask & (_IN_DELETE_SELF | _IN_MOVE_SELF | _IN_IGNORED)
        return {
            device
            for device, place in self._places.items()
            if place.directory == directory and (gone or fnmatch.fnmatchcase(name, place.name))
        }

    def _call(self, name: str, *arguments: int | bytes) -> int:
        result = int(getattr(self._libc, name)(*arguments))
        if result < 0:
            code = ctypes.get_errno()
            raise OSError(code, f"{name}: {os.strerror(code)}")
        return result
