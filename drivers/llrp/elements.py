"""Messages and parameters of LLRP as values, by the names of the LLRP Toolkit (LTK), and back to bytes.

```python
rospec = element("ROSpec", {"ROSpecID": 7}, element("ROBoundarySpec", …), …)     # fields left out are 0 or empty
wire = encode(element("ADD_ROSPEC", {}, rospec), message_id=3)                   # a whole frame
answer = decode(message)                                                          # of a frames.Message, never raises
answer.one("LLRPStatus")["StatusCode"]                                            # 0; label(…, "StatusCode"): M_Success
```

What a peer sends is kept whatever it is: an unknown parameter as `Unknown`, what cannot be framed as `Malformed` in its
place. For any message at all, `encode(decode(message), message.id, message.version)` gives its bytes back.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from drivers.llrp import frames
from drivers.llrp.definitions import (
    CUSTOM,
    CUSTOM_MESSAGE,
    CUSTOM_MESSAGES,
    CUSTOMS,
    DEFINITIONS,
    ENUMERATIONS,
    MESSAGES,
    TLV,
    TV,
    Definition,
    Kind,
)
from drivers.llrp.fields import Bits, Codec, Cut, Value
from drivers.llrp.frames import Malformed, Message
from drivers.reads import Fault

__all__ = [
    "Bits",
    "Element",
    "Malformed",
    "Unknown",
    "Value",
    "count_unknown",
    "decode",
    "element",
    "encode",
    "encode_parameter",
    "label",
    "parse",
]

DEPTH_MAX = 16  # of parameters in parameters; the definitions need eight
PARAMETERS_MAX = 65_536  # of one message
_UNKNOWN_MESSAGE = "message "
_TV_BIT, _TLV_RESERVED, _TLV_BYTES_MAX = 0x80, 0xFC00, 0xFFFF
_TLV = struct.Struct(">HH")
_CUSTOM = struct.Struct(">II")
_CUSTOM_MESSAGE = struct.Struct(">IB")


@dataclass(frozen=True, slots=True)
class Unknown:
    """A TLV parameter of a type that is in neither definition; `raw` is the whole of it with its header."""

    type: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Element:
    """A message or parameter. Make one with `element`, which knows what belongs into it.

    An enumeration's field is its number. A custom parameter of an unknown vendor or subtype is a `Custom`, a message of
    an unknown type is called `message 999` and has the one field `Data`. A `Malformed` among the parameters stands for
    bytes from there on, whole (not cut); its `offset` counts from the message's body. As the only content of an element
    without fields, the fields did not fit.
    """

    name: str
    fields: Mapping[str, Value]
    parameters: tuple[Element | Unknown | Malformed, ...] = ()

    def __getitem__(self, field: str) -> Value:
        """Raises KeyError for a field that it has not."""
        return self.fields[field]

    def number(self, field: str) -> int:
        """A field that is a number. Raises KeyError, and TypeError for a field of another type."""
        value = self.fields[field]
        if not isinstance(value, int):
            raise TypeError(f"{self.name}.{field} is no number")
        return value

    def all(self, name: str) -> list[Element]:
        """The parameters of this name, one level deep."""
        return [one for one in self.parameters if isinstance(one, Element) and one.name == name]

    def one(self, name: str) -> Element | None:
        """The first parameter of this name, None if there is none."""
        return next((one for one in self.parameters if isinstance(one, Element) and one.name == name), None)

    @property
    def malformed(self) -> list[Malformed]:
        """At any depth."""
        return [one for one in _walk(self) if isinstance(one, Malformed)]


Content = Element | Unknown | Malformed


def element(name: str, fields: Mapping[str, Value] | None = None, *parameters: Content) -> Element:
    """What is left out of `fields` is 0, False or empty; an enumerator may be given by its name.

    Raises ValueError for a name, a field, an enumerator or a parameter that the definition does not know.
    """
    if name not in DEFINITIONS:
        raise ValueError(f"no message or parameter is called {name}")
    codec, given = _codec(name), dict(fields or {})
    definition = codec.definition
    if foreign := given.keys() - codec.zero.keys():
        raise ValueError(f"{name} has no field {', '.join(sorted(foreign))}")
    for one in parameters:
        if isinstance(one, Element) and not _allowed(definition, one.name):
            raise ValueError(f"{name} takes no {one.name}")
    values = dict(codec.zero)
    for field in definition.fields:
        if field.name in given:
            values[field.name] = codec.number(field, given[field.name])
    return Element(name, values, parameters)


def _allowed(definition: Definition, name: str) -> bool:
    if name in definition.allowed:
        return True
    return "Custom" in definition.allowed and name in DEFINITIONS and DEFINITIONS[name].vendor >= 0


def label(one: Element, field: str) -> str | None:
    """The enumerator's name of a field's value, as 1.0.1 spells it where it has it; None if there is none."""
    definition = DEFINITIONS.get(one.name)
    if definition is None:
        return None
    names = next((each.enumeration for each in definition.fields if each.name == field), "")
    value = one.fields.get(field)
    return ENUMERATIONS[names].get(value) if names and isinstance(value, int) else None


def count_unknown(one: Element) -> int:
    """Parameters at any depth of a type, vendor or subtype that no definition names."""
    return sum(
        isinstance(each, Unknown) or (isinstance(each, Element) and each.name == "Custom") for each in _walk(one)
    )


def _walk(one: Element) -> Iterator[Content]:
    for each in one.parameters:
        yield each
        if isinstance(each, Element):
            yield from _walk(each)


def decode(message: Message) -> Element:
    """Never raises for what a peer can send."""
    body, definition, at = message.body, MESSAGES.get(message.type), 0
    if definition is None:
        return Element(f"{_UNKNOWN_MESSAGE}{message.type}", {"Data": body})
    if message.type == CUSTOM_MESSAGE and len(body) >= _CUSTOM_MESSAGE.size:
        vendor, subtype = _CUSTOM_MESSAGE.unpack_from(body)
        if (vendor, subtype) in CUSTOM_MESSAGES:
            definition, at = CUSTOM_MESSAGES[vendor, subtype], _CUSTOM_MESSAGE.size
    found = _content(definition.name, body, at, len(body), 0, [PARAMETERS_MAX])
    if found is None:
        wrong = Malformed(
            body[at:], Fault.INCOMPLETE, f"{len(body)} bytes do not hold the fields of {definition.name}", at
        )
        return Element(definition.name, {}, (wrong,))
    return found


def parse(body: bytes, at: int = 0, end: int | None = None) -> tuple[Content, ...]:
    """The parameters between two places of a body."""
    return _parameters(body, at, len(body) if end is None else end, 1, [PARAMETERS_MAX])


@cache
def _codec(name: str) -> Codec:
    return Codec(DEFINITIONS[name])


def _content(name: str, body: bytes, at: int, end: int, depth: int, left: list[int]) -> Element | None:
    """Fields and parameters between `at` and `end`; None when the fields do not fit. `left` counts parameters down."""
    try:
        fields, at = _codec(name).unpack(body, at, end)
    except Cut:
        return None
    return Element(name, fields, _parameters(body, at, end, depth + 1, left) if at < end else ())


def _parameters(body: bytes, at: int, end: int, depth: int, left: list[int]) -> tuple[Content, ...]:
    out: list[Content] = []
    while at < end:
        left[0] -= 1
        if left[0] < 0:
            out.append(Malformed(body[at:end], Fault.TOO_LONG, f"more than {PARAMETERS_MAX} parameters", at))
            break
        if depth > DEPTH_MAX:
            out.append(Malformed(body[at:end], Fault.TOO_LONG, f"parameters {depth} deep", at))
            break
        one, at = _tv(body, at, end) if body[at] & _TV_BIT else _tlv(body, at, end, depth, left)
        out.append(one)
    return tuple(out)


def _tv(body: bytes, at: int, end: int) -> tuple[Content, int]:
    """An unknown type ends the walk: only the type would say how long it is."""
    definition = TV.get(body[at] & ~_TV_BIT)
    if definition is None:
        detail = f"TV parameter of the unknown type {body[at] & ~_TV_BIT}"
        return Malformed(body[at:end], Fault.FRAMING, detail, at), end
    try:
        fields, after = _codec(definition.name).unpack(body, at + 1, end)
    except Cut:
        return Malformed(body[at:end], Fault.INCOMPLETE, f"{end - at} bytes do not hold {definition.name}", at), end
    return Element(definition.name, fields), after


def _tlv(body: bytes, at: int, end: int, depth: int, left: list[int]) -> tuple[Content, int]:
    """Where the fields do not fit into the length, it alone is malformed; a wrong length takes all after it."""
    there = end - at
    if there < _TLV.size:
        return Malformed(body[at:end], Fault.INCOMPLETE, f"{there} bytes, a header has {_TLV.size}", at), end
    number, size = _TLV.unpack_from(body, at)
    if number & _TLV_RESERVED:
        return Malformed(body[at:end], Fault.FRAMING, "reserved bits of a parameter are set", at), end
    if size < _TLV.size:
        return Malformed(body[at:end], Fault.FRAMING, f"parameter length {size}, a header has {_TLV.size}", at), end
    if size > there:
        return Malformed(body[at:end], Fault.INCOMPLETE, f"parameter length {size}, {there} bytes are there", at), end
    after = at + size
    definition, inner = TLV.get(number), at + _TLV.size
    if definition is None:
        return Unknown(number, body[at:after]), after
    if number == CUSTOM and size >= _TLV.size + _CUSTOM.size:
        extension = CUSTOMS.get(_CUSTOM.unpack_from(body, inner))
        if extension is not None:
            definition, inner = extension, inner + _CUSTOM.size
    found = _content(definition.name, body, inner, after, depth, left)
    if found is None:
        detail = f"{size} bytes do not hold {definition.name}"
        return Malformed(body[at:after], Fault.INCOMPLETE, detail, at), after
    return found, after


def encode(one: Element, message_id: int, version: int = 1) -> bytes:
    """A whole frame. Raises ValueError, with element and field, for what does not fit, and for no message."""
    if one.name.startswith(_UNKNOWN_MESSAGE):
        data = one.fields["Data"]
        if not isinstance(data, bytes):
            raise ValueError(f"{one.name}.Data takes bytes, not {data!r}")
        return frames.encode(Message(version, int(one.name.removeprefix(_UNKNOWN_MESSAGE)), message_id, data))
    definition = DEFINITIONS.get(one.name)
    if definition is None or definition.kind is not Kind.MESSAGE:
        raise ValueError(f"{one.name} is no message")
    head = b"" if definition.vendor < 0 else _CUSTOM_MESSAGE.pack(definition.vendor, definition.subtype)
    return frames.encode(Message(version, definition.number, message_id, head + _inner(one)))


def encode_parameter(one: Content) -> bytes:
    """With its header. Raises ValueError as `encode` does."""
    if not isinstance(one, Element):
        return one.raw
    definition = DEFINITIONS.get(one.name)
    if definition is None or definition.kind is Kind.MESSAGE:
        raise ValueError(f"{one.name} is no parameter")
    inner = _inner(one)
    if definition.kind is Kind.TV:
        return bytes((_TV_BIT | definition.number,)) + inner
    if definition.vendor >= 0:
        inner = _CUSTOM.pack(definition.vendor, definition.subtype) + inner
    size = _TLV.size + len(inner)
    if size > _TLV_BYTES_MAX:
        raise ValueError(f"{one.name} has {size} bytes, a parameter at most {_TLV_BYTES_MAX}")
    return _TLV.pack(definition.number, size) + inner


def _inner(one: Element) -> bytes:
    unread = not one.fields and len(one.parameters) == 1 and isinstance(one.parameters[0], Malformed)
    fields = b"" if unread else _codec(one.name).pack(one.fields)
    return fields + b"".join(map(encode_parameter, one.parameters))
