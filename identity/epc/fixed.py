"""EPC binary codes with a partition table: the 96-bit schemes and their longer kin (TDS 1.x, 14.6).

Every code is header, filter, partition, company prefix, reference, then what the scheme puts behind. The partition
tells how many bits and digits the company prefix takes; what it leaves belongs to the reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from identity.epc.bits import BitReader, BitWriter, put_ascii7, put_terminated6, take_ascii7, take_terminated6
from identity.epc.errors import EpcError, Reason
from identity.epc.families import Parts


class Kind(Enum):
    """How a field is coded."""

    DIGITS = 0  # a number with leading zeros up to its digits
    NUMBER = 1  # a number without leading zeros
    PREFIXED = 2  # digits behind a 1 that keeps their leading zeros (TDS 14.3.6)
    ASCII = 3  # seven bits a character, zeros behind
    UPPER = 4  # six bits a character, six zeros behind
    ZERO = 5  # reserved, all zeros


@dataclass(frozen=True, slots=True)
class Scheme:
    """`tag` is the name in tag URIs, `reference` the coding of the second part, with `reference_bits` and
    `reference_digits` by partition; `fields` are kind, bits and digits of what stands behind it."""

    tag: str
    urn: str
    header: int
    reference: Kind
    reference_bits: tuple[int, ...]
    reference_digits: tuple[int, ...]
    fields: tuple[tuple[Kind, int, int], ...]

    @property
    def bits(self) -> int:
        """Length of the code; 0 if it varies."""
        if self.reference is Kind.UPPER:
            return 0
        return 14 + PREFIX_BITS[0] + self.reference_bits[0] + sum(bits for _, bits, _ in self.fields)


PREFIX_BITS = (40, 37, 34, 30, 27, 24, 20)
PREFIX_DIGITS = (12, 11, 10, 9, 8, 7, 6)

_ITEM = (4, 7, 10, 14, 17, 20, 24), (1, 2, 3, 4, 5, 6, 7)
_SERIAL = (18, 21, 24, 28, 31, 34, 38), (5, 6, 7, 8, 9, 10, 11)
_PLACE = (1, 4, 7, 11, 14, 17, 21), (0, 1, 2, 3, 4, 5, 6)
_ASSET = (4, 7, 10, 14, 17, 20, 24), (0, 1, 2, 3, 4, 5, 6)
_SPARE = ((Kind.ZERO, 24, 0),)


def _number(bits: int) -> tuple[tuple[Kind, int, int], ...]:
    return ((Kind.NUMBER, bits, 0),)


def _ascii(bits: int, most: int) -> tuple[tuple[Kind, int, int], ...]:
    return ((Kind.ASCII, bits, most),)


_PIECES = ((Kind.DIGITS, 7, 2), (Kind.DIGITS, 7, 2))

SCHEMES = (
    Scheme("gdti-96", "gdti", 0x2C, Kind.DIGITS, *_PLACE, _number(41)),
    Scheme("gsrn-96", "gsrn", 0x2D, Kind.DIGITS, *_SERIAL, _SPARE),
    Scheme("gsrnp-96", "gsrnp", 0x2E, Kind.DIGITS, *_SERIAL, _SPARE),
    Scheme("sgtin-96", "sgtin", 0x30, Kind.DIGITS, *_ITEM, _number(38)),
    Scheme("sscc-96", "sscc", 0x31, Kind.DIGITS, *_SERIAL, _SPARE),
    Scheme("sgln-96", "sgln", 0x32, Kind.DIGITS, *_PLACE, _number(41)),
    Scheme("grai-96", "grai", 0x33, Kind.DIGITS, *_ASSET, _number(38)),
    Scheme("giai-96", "giai", 0x34, Kind.NUMBER, (42, 45, 48, 52, 55, 58, 62), (13, 14, 15, 16, 17, 18, 19), ()),
    Scheme("sgtin-198", "sgtin", 0x36, Kind.DIGITS, *_ITEM, _ascii(140, 20)),
    Scheme("grai-170", "grai", 0x37, Kind.DIGITS, *_ASSET, _ascii(112, 16)),
    Scheme("giai-202", "giai", 0x38, Kind.ASCII, (148, 151, 154, 158, 161, 164, 168), (18, 19, 20, 21, 22, 23, 24), ()),
    Scheme("sgln-195", "sgln", 0x39, Kind.DIGITS, *_PLACE, _ascii(140, 20)),
    Scheme("cpi-96", "cpi", 0x3C, Kind.NUMBER, (11, 14, 17, 21, 24, 27, 31), (3, 4, 5, 6, 7, 8, 9), _number(31)),
    Scheme("cpi-var", "cpi", 0x3D, Kind.UPPER, (0,) * 7, (18, 19, 20, 21, 22, 23, 24), _number(40)),
    Scheme("gdti-174", "gdti", 0x3E, Kind.DIGITS, *_PLACE, _ascii(119, 17)),
    Scheme("sgcn-96", "sgcn", 0x3F, Kind.DIGITS, *_PLACE, ((Kind.PREFIXED, 41, 12),)),
    Scheme("itip-110", "itip", 0x40, Kind.DIGITS, *_ITEM, (*_PIECES, *_number(38))),
    Scheme("itip-212", "itip", 0x41, Kind.DIGITS, *_ITEM, (*_PIECES, *_ascii(140, 20))),
)
BY_HEADER = {scheme.header: scheme for scheme in SCHEMES}
BY_TAG = {scheme.tag: scheme for scheme in SCHEMES}


def decode(scheme: Scheme, reader: BitReader) -> tuple[int, Parts]:
    """Filter and parts; the reader stands behind the header. Raises EpcError."""
    head = reader.take(6)
    filter_value, partition = head >> 3, head & 7
    if partition == 7:
        raise EpcError(Reason.PARTITION, "partition 7 is reserved")
    prefix = reader.take(PREFIX_BITS[partition])
    digits = PREFIX_DIGITS[partition]
    # TDS 14.4.3: a prefix or reference with more digits than the partition says makes the whole code invalid.
    if prefix >= 10**digits:
        raise EpcError(Reason.RANGE, f"the company prefix has more than {digits} digits")
    reference = _take(reader, scheme.reference, scheme.reference_bits[partition], scheme.reference_digits[partition])
    parts = [f"{prefix:0{digits}}", reference]
    for kind, bits, most in scheme.fields:
        if kind is not Kind.ZERO:
            parts.append(_take(reader, kind, bits, most))
        elif reader.take(bits):
            raise EpcError(Reason.TRAILING, "reserved bits are set")
    return filter_value, tuple(parts)


def _take(reader: BitReader, kind: Kind, bits: int, most: int) -> str:
    """One field as text."""
    if kind is Kind.ASCII:
        return _filled(take_ascii7(reader, bits), most)
    if kind is Kind.UPPER:
        return _filled(take_terminated6(reader, most), most)
    number = reader.take(bits)
    if most and number >= 10**most and kind is not Kind.PREFIXED:
        raise EpcError(Reason.RANGE, f"{number} has more than {most} digits")
    if kind is Kind.NUMBER:
        return str(number)
    if kind is Kind.DIGITS:
        if number and not most:
            raise EpcError(Reason.RANGE, "a reference where the company prefix leaves no digit")
        return f"{number:0{most}}" if most else ""
    text = str(number)
    if text[0] != "1" or not 2 <= len(text) <= most + 1:
        raise EpcError(Reason.RANGE, f"{number} is no serial behind its leading 1")
    return text[1:]


def _filled(text: str, most: int) -> str:
    if not 1 <= len(text) <= most:
        raise EpcError(Reason.RANGE, f"1 to {most} characters expected, {len(text)} found")
    return text


def encode(scheme: Scheme, filter_value: int, parts: Parts) -> bytes:
    """The code in whole words. `parts` have passed families.check. Raises EpcError if the scheme cannot hold them."""
    partition = PREFIX_DIGITS.index(len(parts[0]))
    writer = BitWriter()
    writer.put(scheme.header, 8)
    writer.put(filter_value, 3)
    writer.put(partition, 3)
    writer.put(int(parts[0]), PREFIX_BITS[partition])
    bits, most = scheme.reference_bits[partition], scheme.reference_digits[partition]
    _put(writer, parts[1], scheme.reference, bits, most)
    at = 2
    for kind, width, digits in scheme.fields:
        if kind is Kind.ZERO:
            writer.put(0, width)
            continue
        _put(writer, parts[at], kind, width, digits)
        at += 1
    return writer.words()


def _put(writer: BitWriter, part: str, kind: Kind, bits: int, most: int) -> None:
    if kind is Kind.ASCII or kind is Kind.UPPER:
        if len(part) > most:
            raise EpcError(Reason.RANGE, f"{part!r} is longer than {most}")
        if kind is Kind.ASCII:
            put_ascii7(writer, part, bits)
        else:
            put_terminated6(writer, part)
        return
    if not (part.isascii() and part.isdigit()) and (part or kind is not Kind.DIGITS):
        raise EpcError(Reason.CHARACTER, f"{part!r}: this scheme holds digits only")
    if kind is Kind.NUMBER and part != "0" and part[0] == "0":
        raise EpcError(Reason.RANGE, f"{part!r}: this scheme loses leading zeros")
    if kind is Kind.NUMBER and most and len(part) > most:
        raise EpcError(Reason.RANGE, f"{part!r} is longer than {most}")
    writer.put(int(("1" if kind is Kind.PREFIXED else "") + (part or "0")), bits)
