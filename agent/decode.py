"""Bytes of a device's protocol to what `jaego decode` prints. Damage is an answer here, not a failure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from drivers.llrp.frames import HEADER_BYTES, Decoder, Malformed, Message, parameters

CHUNK_BYTES = 65_536
_HEX = frozenset(b"0123456789abcdefABCDEF \t\r\n")
_SPACE = b" \t\r\n"
# Raw LLRP is no hexadecimal text within its first header: the length is below 16 MiB, so the third byte is zero.
_SNIFF_BYTES = HEADER_BYTES


def chunks(source: BinaryIO) -> Iterator[bytes]:
    """As they come, so that a live stream is shown while it runs."""
    read = getattr(source, "read1", source.read)
    while chunk := read(CHUNK_BYTES):
        yield chunk


def llrp(source: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """One object a message of raw bytes or hexadecimal text.

    `type` is the LTK name, beside `number`, `id`, `version` and `length` in bytes; `fields` is the hexadecimal of what
    stands before the parameters, if any does; each of `parameters` has its bytes with the header. A CUSTOM_MESSAGE
    and an unknown message are all `fields`. Or `malformed`, with `offset` in bytes of the stream, and `bytes`.
    """
    decoder, text, offset = Decoder(), _Text(), 0
    for chunk in source:
        for one in decoder.feed(text.plain(chunk)):
            yield _malformed(one) if isinstance(one, Malformed) else _message(one, offset)
            offset += one.length if isinstance(one, Message) else 0
        if text.foreign is not None:
            break
    for one in (*decoder.feed(text.rest()), *decoder.cut("the input ends inside a message")):
        yield _malformed(one) if isinstance(one, Malformed) else _message(one, offset)
        offset += one.length if isinstance(one, Message) else 0
    if text.foreign is not None:
        at, raw = text.foreign
        reason = f"character {at + 1} of the text is not hexadecimal, or half a byte; nothing after it is read"
        yield {"malformed": reason, "offset": at, "bytes": raw.hex()}


class _Text:
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


def _message(message: Message, offset: int) -> dict[str, Any]:
    at = message.field_bytes
    found: dict[str, Any] = {
        "type": message.name,
        "number": message.type,
        "id": message.id,
        "version": message.version,
        "length": message.length,
    }
    if at:
        found["fields"] = message.body[:at].hex()
    found["parameters"] = [
        _malformed(one, offset + HEADER_BYTES)
        if isinstance(one, Malformed)
        else {"type": one.type} | ({"name": one.name} if one.name else {}) | {"bytes": one.raw.hex()}
        for one in parameters(message.body, at)
    ]
    return found


def _malformed(one: Malformed, base: int = 0) -> dict[str, Any]:
    return {"malformed": one.detail, "offset": base + one.offset, "bytes": one.raw.hex()}
