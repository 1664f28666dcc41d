"""URN Code 40: three characters in 16 bits (ISO/IEC 15962 annex; TDS 14.5.6.6)."""

from __future__ import annotations

from identity.epc.bits import BitReader, BitWriter
from identity.epc.errors import EpcError, Reason

CODE40 = "\0ABCDEFGHIJKLMNOPQRSTUVWXYZ-.:0123456789"
CODE40_SET = frozenset(CODE40[1:])


def put_code40(writer: BitWriter, text: str) -> None:
    """`text` of CODE40_SET, filled up with pad characters."""
    padded = text + "\0" * (-len(text) % 3)
    for at in range(0, len(padded), 3):
        first, second, third = (CODE40.index(character) for character in padded[at : at + 3])
        writer.put(1600 * first + 40 * second + third + 1, 16)


def take_code40(reader: BitReader, length: int) -> str:
    text = ""
    for _ in range(-(-length // 3)):
        number = reader.take(16) - 1
        if not 0 <= number < 64000:
            raise EpcError(Reason.CHARACTER, "a word that is no URN Code 40")
        text += CODE40[number // 1600] + CODE40[number // 40 % 40] + CODE40[number % 40]
    if "\0" in text[:length] or text[length:].strip("\0"):
        raise EpcError(Reason.CHARACTER, "URN Code 40 with pad characters in the wrong place")
    return text[:length]
