"""Recorded bytes as they are, or as hexadecimal text: what `jaego decode` takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

CHUNK_BYTES = 65_536
_HEX = frozenset(b"0123456789abcdefABCDEF \t\r\n")
_SPACE = b" \t\r\n"
# Raw LLRP is no hexadecimal text within its first header, for its length is below 16 MiB and its third byte so zero;
# nor are frames of serial modules, whose first byte is above 0x7F.
_SNIFF_BYTES = 10


def chunks(source: BinaryIO) -> Iterator[bytes]:
    """As they come, so that a live stream is shown while it runs."""
    read = getattr(source, "read1", source.read)
    while chunk := read(CHUNK_BYTES):
        yield chunk


class HexText:
    """Hexadecimal text in any portions to the bytes it stands for; raw bytes pass as they are."""

    def __init__(self) -> None:
        self._held = b""  # too few to tell what it is, or half a byte
        self._hex: bool | None = None
        self._seen = 0
        self.foreign: tuple[int, bytes] | None = None  # place in the text, and what stands there

    def plain(self, chunk: bytes) -> bytes:
        if self._hex is None:
            self._held += chunk
            head = self._held[:_SNIFF_BYTES]
            hexadecimal = all(byte in _HEX for byte in head)
            if hexadecimal and len(head) < _SNIFF_BYTES:
                return b""
            self._hex, chunk, self._held = hexadecimal, self._held, b""
        return self._from_hex(chunk) if self._hex else chunk

    def rest(self) -> bytes:
        """At the end of the input, where an odd digit is no byte."""
        found = b""
        if self._hex is None:
            held, self._held = self._held, b""
            found = self._from_hex(held)
        if self._held and self.foreign is None:
            self.foreign = self._seen - 1, self._held
        return found

    def _from_hex(self, chunk: bytes) -> bytes:
        good = next((at for at, byte in enumerate(chunk) if byte not in _HEX), len(chunk))
        if good < len(chunk):
            self.foreign = self._seen + good, chunk[good : good + 1]
        self._seen += good
        digits = self._held + chunk[:good].translate(None, _SPACE)
        even = len(digits) & ~1
        self._held = digits[even:]
        return bytes.fromhex(digits[:even].decode("ascii"))


def said(foreign: tuple[int, bytes]) -> dict[str, Any]:
    """What ends the reading of a text, as the other damage is told."""
    at, raw = foreign
    reason = f"character {at + 1} of the text is not hexadecimal, or half a byte; nothing after it is read"
    return {"malformed": reason, "offset": at, "bytes": raw.hex()}
