"""Lines as serial scanners send them. Bytes stay bytes: GS (0x1D) and everything above 0x7F are data.

Only the configured end ends a line. `str.splitlines` would cut at 0x1D, and `strip` would swallow it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from drivers.reads import Fault
from drivers.session import RAW_BYTES_MAX

STX, ETX, CR, LF = b"\x02", b"\x03", b"\r", b"\n"


class End(StrEnum):
    ANY = "any"  # CR, LF or CR LF
    CR = "cr"
    LF = "lf"
    CRLF = "crlf"
    STX_ETX = "stx_etx"


_ENDS = {End.CR: CR, End.LF: LF, End.CRLF: CR + LF, End.STX_ETX: ETX}


@dataclass(frozen=True, slots=True)
class Line:
    data: bytes


@dataclass(frozen=True, slots=True)
class Malformed:
    """`raw` is cut at 512 bytes."""

    raw: bytes
    fault: Fault
    detail: str


class LineDecoder:
    """Bytes in any portions to lines without start, end, prefix and suffix."""

    def __init__(self, end: End, *, prefix: bytes = b"", suffix: bytes = b"", bytes_max: int = 4096) -> None:
        self._end = end
        self._prefix = prefix
        self._suffix = suffix
        self._bytes_max = bytes_max
        self._buffer = bytearray()
        self._after_cr = False  # an LF now belongs to the CR before it
        self._inside = end is not End.STX_ETX
        self._discarding = False

    @property
    def partial(self) -> bool:
        """Bytes of an unfinished line are waiting for more."""
        return bool(self._buffer) or self._discarding or (self._end is End.STX_ETX and self._inside)

    def feed(self, data: bytes) -> list[Line | Malformed]:
        self._buffer += data
        out: list[Line | Malformed] = []
        while self._step(out):
            pass
        return out

    def cut(self, detail: str) -> list[Line | Malformed]:
        """The rest will not come: report what is there, and begin anew."""
        out: list[Line | Malformed] = []
        if self._buffer and not self._discarding:
            out.append(_malformed(self._buffer, Fault.INCOMPLETE, detail))
        elif self._end is End.STX_ETX and self._inside and not self._discarding:
            out.append(_malformed(STX, Fault.INCOMPLETE, detail))
        self._buffer.clear()
        self._discarding = False
        self._after_cr = False
        self._inside = self._end is not End.STX_ETX
        return out

    def _step(self, out: list[Line | Malformed]) -> bool:
        """Take one thing off the buffer's front; False when more bytes are needed."""
        if self._after_cr and self._buffer:
            self._after_cr = False
            if self._buffer.startswith(LF):
                del self._buffer[:1]
        if not self._inside and not self._find_start(out):
            return False
        at, size = self._find_end()
        if at < 0:
            self._cap(out)
            return False
        raw = bytes(self._buffer[:at])
        self._after_cr = self._end is End.ANY and self._buffer.startswith(CR, at)
        del self._buffer[: at + size]
        self._inside = self._end is not End.STX_ETX
        if self._discarding:
            self._discarding = False
        else:
            out.append(self._line(raw))
        return True

    def _find_start(self, out: list[Line | Malformed]) -> bool:
        at = self._buffer.find(STX)
        before = bytes(self._buffer if at < 0 else self._buffer[:at])
        if before.translate(None, CR + LF):  # a line end between frames is usual
            out.append(_malformed(before, Fault.FRAMING, "bytes before STX"))
        del self._buffer[: len(before) + 1]
        self._inside = at >= 0
        return self._inside

    def _find_end(self) -> tuple[int, int]:
        if self._end is End.ANY:
            found = [at for at in (self._buffer.find(CR), self._buffer.find(LF)) if at >= 0]
            return (min(found), 1) if found else (-1, 0)
        end = _ENDS[self._end]
        return self._buffer.find(end), len(end)

    def _cap(self, out: list[Line | Malformed]) -> None:
        limit = self._bytes_max + len(self._prefix) + len(self._suffix) + 1
        if self._discarding or len(self._buffer) > limit:
            if not self._discarding:
                out.append(self._too_long(bytes(self._buffer)))
            self._discarding = True
            del self._buffer[:-1]  # the last byte may be the first of a CR LF

    def _line(self, raw: bytes) -> Line | Malformed:
        if self._end is End.STX_ETX and STX in raw:
            return _malformed(raw, Fault.INCOMPLETE, "a second STX before ETX")
        if not raw:
            return _malformed(raw, Fault.FRAMING, "an empty line")
        if not (raw.startswith(self._prefix) and raw[len(self._prefix) :].endswith(self._suffix)):
            return _malformed(raw, Fault.FRAMING, "without the configured prefix or suffix")
        data = raw[len(self._prefix) : len(raw) - len(self._suffix)]
        return Line(data) if len(data) <= self._bytes_max else self._too_long(raw)

    def _too_long(self, raw: bytes) -> Malformed:
        return _malformed(raw, Fault.TOO_LONG, f"more than {self._bytes_max} bytes without an end")


def _malformed(raw: bytes | bytearray, fault: Fault, detail: str) -> Malformed:
    return Malformed(bytes(raw[:RAW_BYTES_MAX]), fault, detail)


def encode_line(data: bytes, end: End, *, prefix: bytes = b"", suffix: bytes = b"") -> bytes:
    """What a scanner sends for `data`; with `End.ANY` it ends in CR."""
    body = prefix + data + suffix
    if end is End.STX_ETX:
        return STX + body + ETX
    return body + _ENDS.get(end, CR)
