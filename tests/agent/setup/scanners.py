"""Scanners that somebody holds over the setup sheet again and again, as a person does until it beeps."""

from __future__ import annotations

import os
import termios
import threading
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from agent.setup.learning import CODE
from simulators.ptys import PtyPort

AGAIN_S = 0.6


class Scans(Protocol):
    def plug(self) -> None: ...

    def unplug(self) -> None: ...

    def scan(self, data: bytes) -> object: ...


class Hand:
    """Scans while it is held; `codes` are scanned in turn."""

    def __init__(self, scanner: Scans, *codes: str) -> None:
        self._scanner, self._codes = scanner, codes or (CODE,)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.scans = 0

    def _run(self) -> None:
        while not self._ended.wait(AGAIN_S):
            self._scanner.scan(self._codes[min(self.scans, len(self._codes) - 1)].encode())
            self.scans += 1

    def __enter__(self) -> Self:
        self._scanner.plug()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(10)
        self._scanner.unplug()


class SpeedScanner:
    """A scanner on a line with a speed: a host that listens at another one hears noise. A pty carries bytes whatever
    its speed, but tells which one the host has set."""

    def __init__(self, path: Path, speed: int, end: bytes = b"\r") -> None:
        self.port = PtyPort(path)
        self._speed, self._end = speed, end
        self.plug, self.unplug = self.port.plug, self.port.unplug

    def scan(self, data: bytes) -> object:
        noise = bytes((byte * 37 + 91) & 0xFF | 0x80 for byte in data)
        return self.port.write(data + self._end if self._heard_at() == self._speed else noise)

    def _heard_at(self) -> int:
        descriptor = os.open(self.port.path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            return int(termios.tcgetattr(descriptor)[5])
        finally:
            os.close(descriptor)
