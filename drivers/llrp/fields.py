"""The fields of a message or parameter: compiled from its definition once, then unpacked and packed by `struct`.

    u1 u2 u8 … s16      a number in so many bits, high bit first; u1 is a bool unless it is of an enumeration
    u96                 12 bytes
    u8v u16v u32v       a count of two bytes, then so many numbers; u8v in the format Hex is bytes
    u1v                 a count of bits in two bytes, then the bits, filled up to whole bytes
    utf8v               a count of bytes in two bytes, then UTF-8
    bytesToEnd          the rest

Source: LLRP 1.0.1, chapter 16, and the LLRP Toolkit's llrpdef.xsd. Text that is no UTF-8 is kept by surrogates, bits
that are reserved and set under the name `Reserved`, so that what was decoded encodes to the same bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from drivers.llrp.definitions import ENUMERATORS, Definition, Field

RESERVED = "Reserved"
_COUNT = struct.Struct(">H")
_COUNT_MAX = 0xFFFF
_CODES = {8: "B", 16: "H", 32: "I", 64: "Q"}
_ITEMS = {"u8v": "B", "u16v": "H", "u32v": "I"}


@dataclass(frozen=True, slots=True)
class Bits:
    """`count` bits, the first the highest of `data[0]`. `data` has the whole bytes that they fill."""

    data: bytes
    count: int

    def __post_init__(self) -> None:
        if not 0 <= self.count <= _COUNT_MAX or len(self.data) != (self.count + 7) // 8:
            raise ValueError(f"{self.count} bits in {len(self.data)} bytes")


Value = int | bool | str | bytes | tuple[int, ...] | Bits


class Cut(Exception):
    """Fewer bytes than the fields need: a remote fault, which elements.py turns into a value."""


@dataclass(frozen=True, slots=True)
class _Fixed:
    """Fields of known sizes in a row. `places` says of each field its container, shift and mask; -1 takes it whole."""

    layout: struct.Struct
    places: tuple[tuple[str, int, int, int, bool], ...]
    fields: tuple[Field, ...]


class Codec:
    """The fields of one definition."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self._steps = tuple(_steps(definition.fields))
        zero = {one.name: _zero(one) for one in definition.fields if one.name}
        # Where all bits are reserved they are a field, so that an element that was read is told from one cut short.
        self._bare = bool(definition.fields) and not zero
        self.zero: Mapping[str, Value] = {RESERVED: 0} if self._bare else zero

    def unpack(self, data: bytes, at: int, end: int) -> tuple[dict[str, Value], int]:
        """The fields, and where they end. Raises Cut when they do not fit between `at` and `end`."""
        found: dict[str, Value] = {}
        for step in self._steps:
            if isinstance(step, Field):
                found[step.name], at = _variable(step, data, at, end)
                continue
            after = at + step.layout.size
            if after > end:
                raise Cut
            whole = step.layout.unpack_from(data, at)
            for name, place, shift, mask, boolean in step.places:
                value = whole[place] if mask < 0 else whole[place] >> shift & mask
                if boolean:
                    found[name] = bool(value)
                elif name:
                    found[name] = value
                elif value or self._bare:
                    found[RESERVED] = value
            at = after
        return found, at

    def pack(self, fields: Mapping[str, Value]) -> bytes:
        """Raises ValueError for a field that is missing, not of the definition, or does not fit."""
        if foreign := fields.keys() - self.zero.keys() - {RESERVED}:
            raise ValueError(f"{self.definition.name} has no field {', '.join(sorted(foreign))}")
        out = bytearray()
        for step in self._steps:
            if isinstance(step, Field):
                out += self._pack_variable(step, self._value(step, fields))
                continue
            containers: list[Any] = [0] * (1 + max(place for _, place, *_ in step.places))
            for field, (_, place, shift, mask, _) in zip(step.fields, step.places, strict=True):
                value = self._value(field, fields)
                containers[place] = value if mask < 0 else containers[place] | self._number(field, value) << shift
                if mask < 0 and field.type != "u96":
                    containers[place] = self._number(field, value)
            out += step.layout.pack(*containers)
        return bytes(out)

    def number(self, field: Field, value: Value) -> Value:
        """An enumerator's name as its number; other values as they are."""
        if isinstance(value, str) and field.enumeration:
            numbers = ENUMERATORS[field.enumeration]
            if value not in numbers:
                raise ValueError(f"{self.definition.name}.{field.name}: {value!r} is not of {field.enumeration}")
            return numbers[value]
        return value

    def _value(self, field: Field, fields: Mapping[str, Value]) -> Value:
        if not field.name:
            return fields.get(RESERVED, 0)
        if field.name not in fields:
            raise ValueError(f"{self.definition.name}.{field.name} is missing")
        value = self.number(field, fields[field.name])
        if field.type == "u96" and (not isinstance(value, bytes) or len(value) != 12):
            raise ValueError(f"{self.definition.name}.{field.name}: takes 12 bytes, not {value!r}")
        return value

    def _number(self, field: Field, value: Value) -> int:
        low, high = (-(1 << field.bits - 1), (1 << field.bits - 1) - 1) if field.signed else (0, (1 << field.bits) - 1)
        if not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{self.definition.name}.{field.name or RESERVED}: takes {low} to {high}, not {value!r}")
        return int(value)

    def _pack_variable(self, field: Field, value: Value) -> bytes:
        try:
            return _packed(field, value)
        except (TypeError, ValueError, struct.error, AttributeError) as error:
            raise ValueError(f"{self.definition.name}.{field.name}: {field.type} does not take {value!r}") from error


def _zero(field: Field) -> Value:
    if field.type == "u1v":
        return Bits(b"", 0)
    if field.type == "u96":
        return bytes(12)
    if field.type == "utf8v":
        return ""
    if field.type == "bytesToEnd" or _is_bytes(field):
        return b""
    if field.type in _ITEMS:
        return ()
    return False if _is_bool(field) else 0


def _is_bool(field: Field) -> bool:
    return field.type == "u1" and not field.enumeration


def _is_bytes(field: Field) -> bool:
    return field.type == "u8v" and field.format == "Hex"


def _steps(fields: tuple[Field, ...]) -> Iterator[_Fixed | Field]:
    """Fixed fields in a row share one struct; bit fields share a container of one, two or four bytes."""
    row: list[Field] = []
    for field in fields:
        if field.bits:
            row.append(field)
            continue
        if row:
            yield _fixed(row)
            row = []
        yield field
    if row:
        yield _fixed(row)


def _fixed(fields: list[Field]) -> _Fixed:
    codes = ">"
    places: list[tuple[str, int, int, int, bool]] = []
    pending: list[Field] = []
    count = 0
    for field in fields:
        if field.bits % 8 == 0 and not pending:
            codes += "12s" if field.bits == 96 else _CODES[field.bits].lower() if field.signed else _CODES[field.bits]
            places.append((field.name, count, 0, -1, False))
            count += 1
            continue
        pending.append(field)
        size = sum(one.bits for one in pending)
        if size % 8:
            continue
        left = size
        for one in pending:
            left -= one.bits
            places.append((one.name, count, left, (1 << one.bits) - 1, _is_bool(one)))
        codes += _CODES[size]
        count += 1
        pending = []
    if pending:
        raise ValueError(f"bits that fill no byte: {pending}")
    return _Fixed(struct.Struct(codes), tuple(places), tuple(fields))


def _variable(field: Field, data: bytes, at: int, end: int) -> tuple[Value, int]:
    if field.type == "bytesToEnd":
        return data[at:end], end
    if end - at < _COUNT.size:
        raise Cut
    (count,) = _COUNT.unpack_from(data, at)
    at += _COUNT.size
    item = _ITEMS.get(field.type, "")
    size = (count + 7) // 8 if field.type == "u1v" else count * struct.calcsize(f">{item}") if item else count
    if end - at < size:
        raise Cut
    after = at + size
    if field.type == "u1v":
        return Bits(data[at:after], count), after
    if field.type == "utf8v":
        return data[at:after].decode("utf-8", "surrogateescape"), after
    if _is_bytes(field):
        return data[at:after], after
    return struct.unpack_from(f">{count}{item}", data, at), after


def _packed(field: Field, value: Any) -> bytes:
    if field.type == "bytesToEnd":
        return bytes(memoryview(value))
    if field.type == "u1v":
        return _COUNT.pack(value.count) + bytes(value.data)
    if field.type == "utf8v":
        raw = str.encode(value, "utf-8", "surrogateescape")
        return _COUNT.pack(len(raw)) + raw
    if _is_bytes(field):
        raw = bytes(memoryview(value))
        return _COUNT.pack(len(raw)) + raw
    return _COUNT.pack(len(value)) + struct.pack(f">{len(value)}{_ITEMS[field.type]}", *value)
