"""A serial scanner in line mode on a pty, with or without Honeywell's host acknowledgement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from drivers.serial_scanner.frames import End, encode_line
from simulators.clock import monotonic_us
from simulators.ptys import PtyPort
from simulators.scanner import ScanResult, Stopped, Trouble, never

OVER_LONG_BYTES = 10_000
# In the order of length: the first that ends the escape commands is what the host said.
_HONEYWELL = {b"\x1b8,\x1b8,": "stop", b"\x1b7,\x1b4,": "look", b"\x1b7,": "good"}
_REST_S = 0.02  # a host writes one answer in one go


@dataclass(frozen=True, slots=True)
class LineSetup:
    end: End = End.CR
    prefix: bytes = b""
    suffix: bytes = b""
    host_ack: bool = False
    host_ack_timeout_s: float = 10.0


class LineScanner:
    """`heard` keeps what the host sent. `pause` is called between the halves of a torn scan."""

    def __init__(
        self,
        path: Path,
        setup: LineSetup | None = None,
        pause: Callable[[], None] = lambda: None,
        stopped: Stopped = never,
    ) -> None:
        self.port = PtyPort(path)
        self.heard: list[bytes] = []
        self._setup = setup or LineSetup()
        self._pause = pause
        self._stopped = stopped

    def plug(self) -> None:
        self.port.plug()

    def unplug(self) -> None:
        self.port.unplug()

    def scan(self, data: bytes, trouble: Trouble | None = None) -> ScanResult:
        setup = self._setup
        frame = encode_line(data, setup.end, prefix=setup.prefix, suffix=setup.suffix)
        self._forget()
        if trouble is Trouble.UNPLUG:
            return self._tear(frame)
        if trouble is Trouble.GARBAGE:
            self.port.write(encode_line(b"\xff\x00\xfe#\x81", setup.end))
            self._listen()
        elif trouble is Trouble.OVER_LONG:
            self.port.write(encode_line(b"9" * OVER_LONG_BYTES, setup.end))
            self._listen()
        pieces = [frame[at : at + 1] for at in range(len(frame))] if trouble is Trouble.SPLIT else [frame]
        if not all(self.port.write(piece) for piece in pieces):
            return ScanResult(False, None, 1, None)
        return self._listen()

    def serve(self, seconds: float) -> None:
        end_us = monotonic_us() + int(seconds * 1e6)
        while monotonic_us() < end_us and self.port.plugged and not self._stopped():
            if heard := self.port.listen((end_us - monotonic_us()) / 1e6, self._stopped):
                self.heard.append(heard)

    def _tear(self, frame: bytes) -> ScanResult:
        self.port.write(frame[: len(frame) // 2])
        self._pause()
        self.port.unplug()
        self._pause()
        self.port.plug()
        return ScanResult(False, None, 1, None)

    def _forget(self) -> None:
        """An answer that came too late belongs to no scan any more."""
        while data := self.port.read(0):
            self.heard.append(data)

    def _listen(self) -> ScanResult:
        if not self._setup.host_ack:
            return ScanResult(None, None, 1, None)
        sent_us = monotonic_us()
        heard = self.port.listen(self._setup.host_ack_timeout_s, self._stopped)
        latency_us = monotonic_us() - sent_us
        while heard and (more := self.port.read(_REST_S)):
            heard += more
        if not heard:
            return ScanResult(False, None, 1, None)
        self.heard.append(heard)
        answer = next((name for code, name in _HONEYWELL.items() if heard.startswith(code)), None)
        return ScanResult(True, answer, 1, latency_us)
