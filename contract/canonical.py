"""Canonical JSON: RFC 8785 restricted to strings, integers, booleans, null, arrays and objects with ASCII keys.

The restrictions make every implementation agree without care: no floats (RFC 8785, 3.2.2.3 is the hard part of the
standard), integers within +-(2**53 - 1) (section 3.2.2.3 sees numbers as IEEE doubles; I-JSON, RFC 7493, 2.2), and
ASCII keys, for which the order by UTF-16 code units (3.2.3) is the order by bytes. Strings are escaped as 3.2.2.2 says,
which is what orjson writes; `tests/contract` holds it against a second implementation.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, cast

import orjson

INTEGER_MAX = 2**53 - 1
DEPTH_MAX = 250  # what the encoder can do

Json = Any


class CanonicalError(ValueError):
    """The value has no canonical form; `path` names the member, as in `data.lines[0].quantity`."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path or 'value'}: {reason}")
        self.path = path
        self.reason = reason


def canonical(value: Json) -> bytes:
    """UTF-8 bytes of the one form that `value` has. Raises `CanonicalError`."""
    check(value)
    return encode(value)


def check(value: Json) -> None:
    """Raise `CanonicalError` if `value` has no canonical form; lone surrogates are found by `encode`."""
    if not _plain(value, DEPTH_MAX):
        explain(value, "", 0)


def encode(value: Json) -> bytes:
    """As `canonical`, for values that are canonical by construction (checked, or parsed from canonical JSON)."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER)
    except (orjson.JSONEncodeError, RecursionError) as error:
        raise CanonicalError("", str(error)) from error


# A number with a fraction or an exponent shows as `:e` once digits and signs are taken out, `,` and `[` are made `:`
# and `.` is made `e`. Texts begin with a quote; inside, they may look like one.
_SHAPE = bytes.maketrans(b",[.", b"::e")
_DIGITS = b"0123456789-"
_STRICT = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)


def checked(value: Mapping[str, Any]) -> bytes:
    """As `canonical` for objects, in a third of the time: the encoder refuses most, the rest shows in the bytes."""
    try:
        encoded = orjson.dumps(value, option=_STRICT)
    except (orjson.JSONEncodeError, RecursionError) as error:
        explain(value, "", 0)
        raise CanonicalError("", str(error)) from error
    # The encoder writes `null` for a float that is no number.
    if fractions(encoded) or b"null" in encoded or not encoded.isascii():
        check(value)
    return encoded


def plain(parsed: Mapping[str, Any]) -> bytes | None:
    """As `canonical`, in a tenth of the time, for an object that a JSON parser gave and that is as most are.

    None for what must be looked at closely: keys or texts beyond ASCII, deep nesting, large integers. Floats are in
    the bytes (a parser gives none that is no number): see `fractions`.
    """
    try:
        # The encoder can do three levels more than have a canonical form.
        encoded = orjson.dumps([[[parsed]]], option=_STRICT)
    except (orjson.JSONEncodeError, RecursionError):
        return None
    return encoded[3:-3] if encoded.isascii() else None


def fractions(encoded: bytes) -> bool:
    """Whether canonical bytes may hold a number with a fraction or an exponent; of texts that look so, too."""
    return b":e" in encoded.translate(_SHAPE, _DIGITS)


def digest(value: bytes) -> str:
    """SHA-256 in lower-case hexadecimal."""
    return sha256(value).hexdigest()


def _plain(value: Json, depth: int) -> bool:
    """The fast yes; `explain` says why not."""
    kind: object = type(value)  # pyright: ignore[reportUnknownVariableType]
    if kind is str or value is None or kind is bool:
        return True
    if kind is int:
        return bool(-INTEGER_MAX <= value <= INTEGER_MAX)
    if depth == 0:
        return False
    if kind is dict:
        for key, member in value.items():
            if type(key) is not str or not key.isascii() or not (type(member) is str or _plain(member, depth - 1)):
                return False
        return True
    if kind is list or kind is tuple:
        return all(_plain(member, depth - 1) for member in value)
    return False


def explain(value: object, path: str, depth: int) -> None:
    """Raise `CanonicalError` with the path of the first member that has no canonical form."""
    if depth > DEPTH_MAX:
        raise CanonicalError(path, f"nested deeper than {DEPTH_MAX} levels")
    if isinstance(value, dict):
        for key, member in cast("dict[Any, Any]", value).items():
            if not isinstance(key, str) or not key.isascii():
                raise CanonicalError(path, f"key {key!r} is not ASCII text")
            explain(member, f"{path}.{key}" if path else key, depth + 1)
    elif isinstance(value, (list, tuple)):
        for index, member in enumerate(cast("list[Any]", value)):
            explain(member, f"{path}[{index}]", depth + 1)
    elif isinstance(value, float):
        raise CanonicalError(path, f"{value!r} is a float: quantities are integers in the base unit")
    elif isinstance(value, int):
        if not isinstance(value, bool) and abs(value) > INTEGER_MAX:
            raise CanonicalError(path, f"{value} is beyond 2**53 - 1")
    elif value is not None and not isinstance(value, str):
        raise CanonicalError(path, f"{type(value).__name__} has no canonical form")
