"""Frames that begin with a mark byte and tell their length, on a line that may be noisy.

A module's protocol says where a frame ends (`Layout.size_of`) and whether it is sound (`Layout.parse`). The length of a
broken frame is never believed, for it may be a byte of noise that looks like a mark: the next frame is looked for from
the second byte on, so no good frame is lost behind it, however the stream was cut into pieces. Bytes that were reported
once are not reported again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from drivers.reads import Fault
from drivers.session import RAW_BYTES_MAX

F = TypeVar("F")
F_co = TypeVar("F_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Malformed:
    """Bytes that are no frame; `raw` is cut at 512 bytes, `offset` counts from the stream's beginning."""

    raw: bytes
    fault: Fault
    detail: str
    offset: int


class Layout(Protocol[F_co]):
    mark: int
    head_bytes: int

    def size_of(self, head: bytes) -> int:
        """The whole frame's size by its first `head_bytes`; 0 if no frame begins so."""
        ...

    def parse(self, raw: bytes) -> F_co | str:
        """The frame of exactly these bytes, or why they are none."""
        ...


class FrameDecoder(Generic[F]):
    """Bytes in any portions to frames."""

    def __init__(self, layout: Layout[F]) -> None:
        self._layout = layout
        self._buffer = bytearray()
        self._offset = 0  # of the buffer's first byte
        self._reported = 0  # so many bytes at the buffer's front belong to what was reported

    @property
    def partial(self) -> bool:
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[F | Malformed]:
        self._buffer += data
        out: list[F | Malformed] = []
        while self._step(out):
            pass
        return out

    def cut(self, detail: str) -> list[F | Malformed]:
        """The rest will not come. What follows the first byte may still hold whole frames."""
        out: list[F | Malformed] = []
        while self._buffer:
            if self._reported == 0:
                out.append(self._malformed(len(self._buffer), Fault.INCOMPLETE, detail))
                self._reported = len(self._buffer)
            self._drop(1)
            while self._step(out):
                pass
        return out

    def forget(self) -> None:
        """Input was lost: what is in the buffer does not go on."""
        self._drop(len(self._buffer))

    def _step(self, out: list[F | Malformed]) -> bool:
        size = self._find(out)
        if size == 0 or len(self._buffer) < size:
            return False
        found = self._layout.parse(bytes(self._buffer[:size]))
        if not isinstance(found, str):
            out.append(found)
            self._drop(size)
            return True
        if self._reported == 0:
            out.append(self._malformed(size, Fault.CHECKSUM, found))
            self._reported = size
        self._drop(1)
        return True

    def _find(self, out: list[F | Malformed]) -> int:
        """Skip to what may be a frame; its size, 0 while too few bytes are there to tell."""
        at, size = 0, 0
        while True:
            found = self._buffer.find(self._layout.mark, at)
            at = len(self._buffer) if found < 0 else found
            head = bytes(self._buffer[at : at + self._layout.head_bytes])
            if len(head) < self._layout.head_bytes:
                break
            size = self._layout.size_of(head)
            if size:
                break
            at += 1
        foreign = at - self._reported
        if foreign > 0:
            raw = bytes(self._buffer[self._reported : min(at, self._reported + RAW_BYTES_MAX)])
            detail = f"{foreign} bytes outside any frame"
            out.append(Malformed(raw, Fault.FRAMING, detail, self._offset + self._reported))
        self._drop(at)
        return size

    def _malformed(self, size: int, fault: Fault, detail: str) -> Malformed:
        return Malformed(bytes(self._buffer[: min(size, RAW_BYTES_MAX)]), fault, detail, self._offset)

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._offset += count
        self._reported = max(0, self._reported - count)
