"""EPC binary codes of TDS 2: SGTIN+, SSCC+ and the others, and their ++ forms that end in a host name.

Header, one bit that announces AIDC data behind the code, three bits of filter, then the key's digits in four bits each.
No company prefix is marked, so there is no EPC URI: a GS1 Digital Link stands for the thing. Serial numbers carry an
encoding indicator and their length (TDS 2.3, 14.5).
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from enum import Enum

from identity.epc.bits import BitReader, BitWriter
from identity.epc.code40 import CODE40_SET, put_code40, take_code40
from identity.epc.errors import EpcError, Reason
from identity.epc.families import Elements
from identity.epc.hostname import put_hostname, take_hostname


class Kind(Enum):
    DIGITS = 0  # four bits a digit, of known number
    TEXT = 1  # encoding indicator, length, characters (14.5.6)
    NUMBER = 2  # length and number without indicator (14.5.4)
    DELIMITED = 3  # digits up to 1111 or, before a text, 1110 (14.5.5)
    DATE = 4  # which date, then year, month and day (14.5.8 of DSGTIN)


@dataclass(frozen=True, slots=True)
class Field:
    """`size`: digits of DIGITS, most characters of the others. `length_bits`: of the length. `append`: the value
    continues the AI in front."""

    ai: str
    kind: Kind
    size: int
    length_bits: int = 0
    append: bool = False


@dataclass(frozen=True, slots=True)
class PlusScheme:
    tag: str
    header: int
    host_header: int
    fields: tuple[Field, ...]


_GTIN = Field("01", Kind.DIGITS, 14)
_SERIAL = Field("21", Kind.TEXT, 20, 5)
SCHEMES = (
    PlusScheme("sgtin+", 0xF7, 0xFD, (_GTIN, _SERIAL)),
    PlusScheme("dsgtin+", 0xFB, 0xFC, (Field("", Kind.DATE, 0), _GTIN, _SERIAL)),
    PlusScheme("sscc+", 0xF9, 0xEF, (Field("00", Kind.DIGITS, 18),)),
    PlusScheme("sgln+", 0xF2, 0xE9, (Field("414", Kind.DIGITS, 13), Field("254", Kind.TEXT, 20, 5))),
    PlusScheme("grai+", 0xF1, 0xEB, (Field("8003", Kind.DIGITS, 14), Field("8003", Kind.TEXT, 16, 5, append=True))),
    PlusScheme("giai+", 0xFA, 0xEE, (Field("8004", Kind.DELIMITED, 30, 5),)),
    PlusScheme("gdti+", 0xF6, 0xEA, (Field("253", Kind.DIGITS, 13), Field("253", Kind.TEXT, 17, 5, append=True))),
    PlusScheme("sgcn+", 0xF8, 0xEC, (Field("255", Kind.DIGITS, 13), Field("255", Kind.NUMBER, 12, 4, append=True))),
    PlusScheme("gsrn+", 0xF4, 0xE7, (Field("8018", Kind.DIGITS, 18),)),
    PlusScheme("gsrnp+", 0xF5, 0xE8, (Field("8017", Kind.DIGITS, 18),)),
    PlusScheme("cpi+", 0xF0, 0xE6, (Field("8010", Kind.DELIMITED, 30, 5), Field("8011", Kind.NUMBER, 12, 4))),
    PlusScheme("itip+", 0xF3, 0xED, (Field("8006", Kind.DIGITS, 18), _SERIAL)),
)
BY_HEADER = {scheme.header: (scheme, False) for scheme in SCHEMES} | {
    scheme.host_header: (scheme, True) for scheme in SCHEMES
}
BY_TAG = {scheme.tag: scheme for scheme in SCHEMES}
# The dates a DSGTIN+ may carry, by their four bits.
DATES = ("11", "13", "15", "16", "17", "7006", "7007")

# Characters and their bits by encoding indicator; 0 is a number, 5 URN Code 40.
_ALPHABETS = {
    1: ("0123456789ABCDEF", 4),
    2: ("0123456789abcdef", 4),
    3: (string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_", 6),
    4: ("".join(map(chr, range(128))), 7),
}


@dataclass(frozen=True, slots=True)
class PlusCode:
    """`more`: AIDC data stands behind the code (its bits are not read here)."""

    filter: int
    elements: Elements
    hostname: str | None
    more: bool


def decode(scheme: PlusScheme, reader: BitReader, *, hosted: bool) -> PlusCode:
    """The reader stands behind the header. Raises EpcError."""
    more = bool(reader.take(1))
    filter_value = reader.take(3)
    values: dict[str, str] = {}
    dates: dict[str, str] = {}
    for field in scheme.fields:
        if field.kind is Kind.DATE:
            dates = _take_date(reader)
            continue
        value = _take(reader, field)
        values[field.ai] = values[field.ai] + value if field.append else value
    hostname = take_hostname(reader) if hosted else None
    return PlusCode(filter_value, tuple((values | dates).items()), hostname, more)


def _take(reader: BitReader, field: Field) -> str:
    if field.kind is Kind.DIGITS:
        return "".join(_digit(reader) for _ in range(field.size))
    if field.kind is Kind.NUMBER:
        return _take_number(reader, reader.take(field.length_bits), field)
    if field.kind is Kind.TEXT:
        return _take_text(reader, field, field.size)
    digits = ""
    while True:
        code = reader.take(4)
        if code == 0xF:
            return digits
        if code == 0xE:
            return digits + _take_text(reader, field, field.size - len(digits))
        if code > 9 or len(digits) == field.size:
            raise EpcError(Reason.CHARACTER, f"AI {field.ai}: four bits that are no digit, or too many of them")
        digits += str(code)


def _digit(reader: BitReader) -> str:
    code = reader.take(4)
    if code > 9:
        raise EpcError(Reason.CHARACTER, "four bits that are no digit")
    return str(code)


def _number_bits(length: int) -> int:
    """Bits of the greatest number of so many digits."""
    greatest: int = 10**length - 1
    return greatest.bit_length()


def _take_number(reader: BitReader, length: int, field: Field) -> str:
    number = reader.take(_number_bits(length))
    if not 1 <= length <= field.size or number >= 10**length:
        raise EpcError(Reason.RANGE, f"AI {field.ai}: a number of {length} digits")
    return f"{number:0{length}}"


def _take_text(reader: BitReader, field: Field, most: int) -> str:
    """Text behind its encoding indicator (14.5.6, table E): number, hexadecimal, base64, ASCII or Code 40."""
    indicator = reader.take(3)
    length = reader.take(field.length_bits)
    if not 1 <= length <= most:
        raise EpcError(Reason.RANGE, f"AI {field.ai}: {length} characters")
    if indicator == 0:
        return _take_number(reader, length, field)
    if indicator in _ALPHABETS:
        alphabet, bits = _ALPHABETS[indicator]
        return "".join(alphabet[reader.take(bits)] for _ in range(length))
    if indicator == 5:
        return take_code40(reader, length)
    raise EpcError(Reason.CHARACTER, f"AI {field.ai}: encoding {indicator} is not given out")


def _take_date(reader: BitReader) -> dict[str, str]:
    which = reader.take(4)
    year, month, day = reader.take(7), reader.take(4), reader.take(5)
    if which >= len(DATES) or year > 99 or not 1 <= month <= 12:
        raise EpcError(Reason.RANGE, "a date that is none")
    return {DATES[which]: f"{year:02}{month:02}{day:02}"}


def encode(scheme: PlusScheme, values: dict[str, str], *, filter_value: int = 0, hostname: str | None = None) -> bytes:
    """The code in whole words, without AIDC data behind it. Raises EpcError."""
    writer = BitWriter()
    writer.put(scheme.header if hostname is None else scheme.host_header, 8)
    writer.put(0, 1)
    writer.put(filter_value, 3)
    taken: dict[str, int] = {}
    for field in scheme.fields:
        if field.kind is Kind.DATE:
            _put_date(writer, values)
            continue
        value = values.get(field.ai, "")
        start = taken.get(field.ai, 0)
        share = value[start : start + field.size]
        taken[field.ai] = start + len(share)
        _put(writer, field, share)
    for ai, value in values.items():
        if taken.get(ai, len(value)) != len(value):
            raise EpcError(Reason.RANGE, f"AI {ai}: {value!r} is too long for {scheme.tag}")
    if hostname is not None:
        put_hostname(writer, hostname)
    return writer.words()


def _put(writer: BitWriter, field: Field, value: str) -> None:
    digits = len(value) - len(value.lstrip(string.digits)) if value.isascii() else 0
    if field.kind is Kind.DELIMITED:
        for digit in value[:digits]:
            writer.put(int(digit), 4)
        writer.put(0xE if digits < len(value) else 0xF, 4)
        if digits < len(value):
            _put_text(writer, field, value[digits:])
        return
    if field.kind is Kind.TEXT:
        _put_text(writer, field, value)
        return
    if digits != len(value) or not value or (field.kind is Kind.DIGITS and digits != field.size):
        raise EpcError(Reason.CHARACTER, f"AI {field.ai}: {value!r} is no number of {field.size} digits")
    if field.kind is Kind.NUMBER:
        writer.put(len(value), field.length_bits)
        writer.put(int(value), _number_bits(len(value)))
        return
    for digit in value:
        writer.put(int(digit), 4)


def _put_text(writer: BitWriter, field: Field, value: str) -> None:
    """The encoding that takes the fewest bits; of equals the lower indicator."""
    if not value or not all("!" <= character <= "z" for character in value):
        raise EpcError(Reason.CHARACTER, f"AI {field.ai}: {value!r} is empty or outside ASCII")
    ways: list[tuple[int, int]] = []
    if value.isdigit():
        ways.append((_number_bits(len(value)), 0))
    for indicator, (alphabet, bits) in _ALPHABETS.items():
        if all(character in alphabet for character in value):
            ways.append((bits * len(value), indicator))
    if CODE40_SET.issuperset(value):
        ways.append((16 * -(-len(value) // 3), 5))
    indicator = min(ways)[1]
    writer.put(indicator, 3)
    writer.put(len(value), field.length_bits)
    if indicator == 0:
        writer.put(int(value), _number_bits(len(value)))
    elif indicator == 5:
        put_code40(writer, value)
    else:
        alphabet, bits = _ALPHABETS[indicator]
        for character in value:
            writer.put(alphabet.index(character), bits)


def _put_date(writer: BitWriter, values: dict[str, str]) -> None:
    for which, ai in enumerate(DATES):
        date = values.get(ai, "")
        if len(date) == 6 and date.isascii() and date.isdigit():
            writer.put(which, 4)
            writer.put(int(date[:2]), 7)
            writer.put(int(date[2:4]), 4)
            writer.put(int(date[4:]), 5)
            return
    raise EpcError(Reason.URI, "a DSGTIN+ carries one date of six digits")
