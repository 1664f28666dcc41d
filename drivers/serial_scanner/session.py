"""The protocol of a line-mode scanner: lines in, and Honeywell's host acknowledgement out.

Host acknowledgement (Honeywell user guides, "Host ACK"): the scanner is silent after a read until the host sends
escape commands, each closed by a comma, or until its time-out (10 s). `ESC 7,` is the good-read beep, `ESC 8,` the
error tone, `ESC 4,` a low beep. An answer carries no name of its read, so only the newest read is answered, and never
after the time-out, when the scanner would take it for the next one.
"""

from __future__ import annotations

from drivers.aim import split_aim
from drivers.reads import Answer, Arrival, BadRead, BarcodeRead, Fault, Read
from drivers.serial_scanner.frames import End, Line, LineDecoder, Malformed
from drivers.serial_scanner.settings import SerialLineSettings
from drivers.session import NS_PER_MS, NS_PER_S, Numbering, Scanner
from drivers.settings import latin1

HONEYWELL = {
    Answer.GOOD: b"\x1b7,",
    Answer.LOOK: b"\x1b7,\x1b4,",
    Answer.STOP: b"\x1b8,\x1b8,",
}

_REST = (Fault.INCOMPLETE, "perhaps the rest of the line before, whose end did not come")


class LineSession(Scanner):
    def __init__(self, device: str, settings: SerialLineSettings) -> None:
        self._settings = settings
        self._numbering = Numbering(device)
        self._decoder = LineDecoder(
            settings.end,
            prefix=latin1(settings.prefix),
            suffix=latin1(settings.suffix),
            bytes_max=settings.line_bytes_max,
        )
        self._settled_ns = 0
        self._last_ns = 0
        self._doubt: tuple[Fault, str] | None = None  # why the line under way cannot be believed
        self._open_read: tuple[int, int] | None = None  # id and time of the read the scanner waits for
        self._output = b""

    def open(self, now: Arrival) -> None:
        self._settled_ns = now.monotonic_ns + self._settings.settle_ms * NS_PER_MS

    def receive(self, data: bytes, now: Arrival) -> list[Read]:
        reads = self.tick(now)
        if now.monotonic_ns < self._settled_ns and self._settings.end is not End.STX_ETX:
            self._doubt = (Fault.INCOMPLETE, "under way when the device was opened")
        self._settled_ns = 0
        self._last_ns = now.monotonic_ns
        for found in self._decoder.feed(data):
            reads.append(self._read(found, now))
            self._doubt = None
        return reads

    def lost(self, now: Arrival) -> list[Read]:
        self._doubt = (Fault.DROPPED, "input was lost before or in it")
        self._last_ns = now.monotonic_ns
        return []

    def tick(self, now: Arrival) -> list[Read]:
        """What begins within as long again behind half a line may be its rest, unless a start mark proves it whole."""
        reads: list[Read] = []
        while (deadline := self.next_deadline()) is not None and now.monotonic_ns >= deadline:
            half = self._decoder.partial
            reads += self._cut(f"no end within {self._settings.partial_timeout_ms} ms", now)
            if half and self._settings.end is not End.STX_ETX:
                self._doubt, self._last_ns = _REST, deadline
        return reads

    def next_deadline(self) -> int | None:
        if not self._decoder.partial and self._doubt is None:
            return None
        return self._last_ns + self._settings.partial_timeout_ms * NS_PER_MS

    def answer(self, read_id: int, answer: Answer, now: Arrival) -> None:
        if self._settings.host_ack == "none" or self._open_read is None or self._open_read[0] != read_id:
            return
        waited_ns = now.monotonic_ns - self._open_read[1]
        self._open_read = None
        if waited_ns < self._settings.host_ack_timeout_s * NS_PER_S:
            self._output += HONEYWELL[answer]

    def take_output(self) -> bytes:
        output, self._output = self._output, b""
        return output

    def close(self, now: Arrival) -> list[Read]:
        return self._cut("the device was closed in the middle", now)

    def _cut(self, detail: str, now: Arrival) -> list[Read]:
        reads: list[Read] = [self._read(found, now) for found in self._decoder.cut(detail)]
        if self._doubt is not None and self._doubt[0] is Fault.DROPPED and not reads:
            reads.append(self._numbering.bad(b"", *self._doubt, now))
        self._doubt = None
        return reads

    def _read(self, found: Line | Malformed, now: Arrival) -> BarcodeRead | BadRead:
        read = self._bad(found, now) if self._doubt or isinstance(found, Malformed) else self._good(found, now)
        self._open_read = (read.id, now.monotonic_ns)
        return read

    def _good(self, line: Line, now: Arrival) -> BarcodeRead:
        aim, data = split_aim(line.data) if self._settings.aim else (None, line.data)
        return BarcodeRead(self._numbering.device, self._numbering.next(), data, aim, now)

    def _bad(self, found: Line | Malformed, now: Arrival) -> BadRead:
        if self._doubt is not None:
            raw = found.raw if isinstance(found, Malformed) else found.data
            return self._numbering.bad(raw, *self._doubt, now)
        assert isinstance(found, Malformed)
        return self._numbering.bad(found.raw, found.fault, found.detail, now)
