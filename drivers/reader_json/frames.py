"""JSON documents, one a line, as readers publish them: bytes in any portions to objects.

A line is one document or an array of several; CR and LF both end a line, because the Impinj stream ends its lines with
both, and an empty line is a sign of life. Pieces that are no object are `Malformed`, and the next line works.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import orjson

from drivers.reads import Fault
from drivers.session import RAW_BYTES_MAX

_LINE_ENDS = bytes.maketrans(b"\r", b"\n")


@dataclass(frozen=True, slots=True)
class Document:
    """One JSON object. `raw` is its line, cut at 512 bytes."""

    value: dict[str, Any]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Malformed:
    """`raw` is cut at 512 bytes."""

    raw: bytes
    fault: Fault
    detail: str


class DocumentDecoder:
    """A line longer than `bytes_max` is reported once and skipped up to its end."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._buffer = bytearray()
        self._searched = 0  # so many bytes of the buffer are known to hold no line end
        self._discarding = False

    def feed(self, data: bytes) -> list[Document | Malformed]:
        self._buffer += data.translate(_LINE_ENDS)
        out: list[Document | Malformed] = []
        begin = 0
        while (at := self._buffer.find(b"\n", max(begin, self._searched))) >= 0:
            if self._discarding:
                self._discarding = False
            elif at > begin:
                out += self._line(bytes(self._buffer[begin:at]))
            begin = at + 1
        del self._buffer[:begin]
        if len(self._buffer) > self._bytes_max or self._discarding:
            if not self._discarding:
                out.append(self._too_long(bytes(self._buffer[:RAW_BYTES_MAX])))
            self._discarding = True
            self._buffer.clear()
        self._searched = len(self._buffer)
        return out

    def cut(self, detail: str) -> list[Document | Malformed]:
        """The rest will not come: report what is there, and begin anew."""
        rest = bytes(self._buffer[:RAW_BYTES_MAX])
        damaged = bool(rest.strip()) and not self._discarding
        self._buffer.clear()
        self._searched = 0
        self._discarding = False
        return [Malformed(rest, Fault.INCOMPLETE, detail)] if damaged else []

    def skip(self) -> None:
        """Input was lost: what comes up to the next line end belongs to a line whose beginning is unknown."""
        self._buffer.clear()
        self._searched = 0
        self._discarding = True

    def _line(self, line: bytes) -> list[Document | Malformed]:
        raw = line[:RAW_BYTES_MAX]
        if len(line) > self._bytes_max:
            return [self._too_long(raw)]
        if not line.strip():
            return []
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            return [Malformed(raw, Fault.UNDECODABLE, f"no JSON: {error.msg} at byte {error.pos}")]
        if isinstance(value, dict):
            return [Document(cast("dict[str, Any]", value), raw)]
        if isinstance(value, list):
            return [_element(one, raw) for one in cast("list[Any]", value)]
        return [Malformed(raw, Fault.FRAMING, "JSON, but no object and no array")]

    def _too_long(self, raw: bytes) -> Malformed:
        return Malformed(raw, Fault.TOO_LONG, f"more than {self._bytes_max} bytes in a line")


def _element(value: Any, raw: bytes) -> Document | Malformed:
    if isinstance(value, dict):
        return Document(cast("dict[str, Any]", value), raw)
    return Malformed(raw, Fault.FRAMING, "an array whose element is no object")


def encode(value: dict[str, Any] | list[dict[str, Any]]) -> bytes:
    """One line without its end."""
    return orjson.dumps(value)
