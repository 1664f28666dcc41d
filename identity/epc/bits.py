"""Bits of a tag's EPC memory, most significant first, and the characters packed into them (TDS 14.3)."""

from __future__ import annotations

from identity.epc.errors import EpcError, Reason


class BitReader:
    """Takes fields off the front of `bits` bits held in one integer."""

    __slots__ = ("bits", "left", "value")

    def __init__(self, data: bytes) -> None:
        self.value = int.from_bytes(data, "big")
        self.bits = len(data) * 8
        self.left = self.bits

    def take(self, count: int) -> int:
        if count > self.left:
            raise EpcError(Reason.TOO_SHORT, f"the code needs more than {self.bits} bits")
        self.left -= count
        return (self.value >> self.left) & ((1 << count) - 1)

    def rest(self) -> int:
        return self.value & ((1 << self.left) - 1)


class BitWriter:
    __slots__ = ("bits", "value")

    def __init__(self) -> None:
        self.value = 0
        self.bits = 0

    def put(self, value: int, count: int) -> None:
        if value < 0 or value >> count:
            raise EpcError(Reason.RANGE, f"{value} does not fit {count} bits")
        self.value = (self.value << count) | value
        self.bits += count

    def words(self) -> bytes:
        """The bits filled up with zeros to whole 16-bit words."""
        padding = -self.bits % 16
        return (self.value << padding).to_bytes((self.bits + padding) // 8, "big")


def put_ascii7(writer: BitWriter, text: str, count: int) -> None:
    """Seven bits a character, zeros behind (TDS 14.3.3)."""
    if len(text) * 7 > count:
        raise EpcError(Reason.RANGE, f"{text!r} does not fit {count} bits")
    for character in text:
        writer.put(ord(character), 7)
    writer.put(0, count - len(text) * 7)


def take_ascii7(reader: BitReader, count: int) -> str:
    """Characters up to the first zero; behind it nothing but zeros may stand (TDS 14.4.2)."""
    field = reader.take(count)
    characters: list[str] = []
    left = count
    while left >= 7:
        left -= 7
        code = (field >> left) & 0x7F
        if code == 0:
            break
        characters.append(chr(code))
    if field & ((1 << left) - 1):
        raise EpcError(Reason.CHARACTER, "characters behind the end of the string")
    return "".join(characters)


def take_terminated6(reader: BitReader, most: int) -> str:
    """Six bits a character up to six zero bits (TDS 14.4.10)."""
    characters: list[str] = []
    while True:
        code = reader.take(6)
        if code == 0:
            return "".join(characters)
        # Six bits are the low bits of an upper-case letter's, a digit's or a sign's ASCII code.
        characters.append(chr(code | 0x40 if code < 0x20 else code))
        if len(characters) > most:
            raise EpcError(Reason.RANGE, f"more than {most} characters")


def put_terminated6(writer: BitWriter, text: str) -> None:
    for character in text:
        writer.put(ord(character) & 0x3F, 6)
    writer.put(0, 6)
