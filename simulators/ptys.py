"""A serial device made of a pty, under a path that stays: plugging makes a new pty and links the path to it."""

from __future__ import annotations

import os
import pty
import select
import tty
from pathlib import Path

from simulators.clock import monotonic_us
from simulators.scanner import SLICE_S, Stopped, never

_READ_BYTES = 4096
_WRITE_S_MAX = 1.0


class PtyPort:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._device = -1  # the scanner's side
        self._host = -1  # held open, so that the pty stays raw while nobody listens

    @property
    def plugged(self) -> bool:
        return self._device >= 0

    def plug(self) -> None:
        if self.plugged:
            return
        self._device, self._host = pty.openpty()
        tty.setraw(self._host)
        os.set_blocking(self._device, False)
        fresh = self.path.with_name(f".{self.path.name}.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.ttyname(self._host))
        fresh.replace(self.path)

    def unplug(self) -> None:
        if not self.plugged:
            return
        self.path.unlink(missing_ok=True)
        os.close(self._host)
        os.close(self._device)
        self._device = self._host = -1

    def write(self, data: bytes) -> bool:
        """False if the line took no more within a second: nobody reads, and the rest is lost, as on a real line."""
        deadline_us = monotonic_us() + int(_WRITE_S_MAX * 1e6)
        while data:
            if not self.plugged or not self._wait(select.POLLOUT, deadline_us):
                return False
            try:
                data = data[os.write(self._device, data) :]
            except BlockingIOError:
                continue
        return True

    def listen(self, timeout_s: float, stopped: Stopped = never) -> bytes:
        """What the host sent, b"" if nothing came in time or the run has ended."""
        end_us = monotonic_us() + int(timeout_s * 1e6)
        while self.plugged and not stopped():
            left_s = (end_us - monotonic_us()) / 1e6
            heard = self.read(max(0.0, min(SLICE_S, left_s)))
            if heard or left_s <= SLICE_S:
                return heard
        return b""

    def read(self, timeout_s: float) -> bytes:
        """What the host sent, b"" if nothing came in time."""
        deadline_us = monotonic_us() + int(timeout_s * 1e6)
        if not self.plugged or not self._wait(select.POLLIN, deadline_us):
            return b""
        try:
            return os.read(self._device, _READ_BYTES)
        except BlockingIOError:
            return b""

    def _wait(self, event: int, deadline_us: int) -> bool:
        poll = select.poll()
        poll.register(self._device, event)
        left_ms = max(0, (deadline_us - monotonic_us()) // 1000)
        return bool(poll.poll(left_ms))
