"""A tag's EPC memory to an EPC and back: which scheme a header means, and what must not follow the code.

`decode` is strict, because a wrong GTIN is worse than none: partition 7, numbers with too many digits, bits behind the
code, a protocol control word in front of it and wrong check digits are all refused (TDS 14.4; standards.md, 9 to 14).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from identity.check import gs1_valid
from identity.epc import fixed, hot, plus, uri
from identity.epc.bits import BitReader
from identity.epc.errors import EpcError, Reason
from identity.epc.families import FAMILIES, Elements, Parts, check, family_of

EPC_BYTES_MAX = 62  # the length field of the PC word counts to 31 words

_TEXT = re.compile(r"[!%-?A-Z_a-z\x22#]+\Z")
# Where the check digit of a key stands in its AI's value: first and last digit.
_CHECKED = {
    "01": (0, 14), "00": (0, 18), "414": (0, 13), "8003": (1, 14), "253": (0, 13), "255": (0, 13),
    "8018": (0, 18), "8017": (0, 18), "8006": (0, 14),
}  # fmt: skip
_TEXTUAL = frozenset(
    scheme.tag
    for scheme in fixed.SCHEMES
    if scheme.reference in {fixed.Kind.ASCII, fixed.Kind.UPPER}
    or fixed.Kind.ASCII in {kind for kind, _, _ in scheme.fields}
)


@dataclass(frozen=True, slots=True)
class Epc:
    """One EPC. `uri` and `tag_uri` are None for the + schemes, which mark no company prefix; `hostname` is that of the
    ++ schemes; `more` says that AIDC data stands behind the code, unread. `filter` is no part of the identity."""

    scheme: str
    filter: int
    elements: Elements
    company_prefix: str | None = None
    uri: str | None = None
    tag_uri: str | None = None
    hostname: str | None = None
    more: bool = False


def from_hex(text: str) -> bytes:
    """Bytes of hexadecimal digits; an optional 0x and blanks between the bytes are taken. Raises EpcError."""
    stripped = text.removeprefix("0x").removeprefix("0X")
    try:
        data = bytes.fromhex(stripped) if stripped.isascii() else b""
    except ValueError as error:
        raise EpcError(Reason.MALFORMED, f"{text[:80]!r} is no hexadecimal text of whole bytes") from error
    if not 0 < len(data) <= EPC_BYTES_MAX:
        raise EpcError(Reason.MALFORMED, f"1 to {EPC_BYTES_MAX} bytes expected")
    return data


def decode(data: bytes) -> Epc:
    """The EPC in `data`, the EPC memory behind the PC word. Raises EpcError."""
    if len(data) == 12:
        found = hot.decode(data)
        if found is not None:
            return Epc(*found)
    if not 0 < len(data) <= EPC_BYTES_MAX:
        raise EpcError(Reason.MALFORMED, f"1 to {EPC_BYTES_MAX} bytes expected")
    # 3000 and 3400 look like SGTIN and GIAI headers (epctagcoder#9). A PC word announces the length of what follows,
    # and of its low eight bits only the last (hazardous) is given out; then, if the rest is a code, it is the code.
    if len(data) > 2 and (data[0] >> 3) * 2 == len(data) - 2 and data[1] <= 1 and _is_code(data[2:]):
        raise EpcError(Reason.PC_PREFIXED, "a protocol control word stands in front: read the EPC without it")
    return _decode(data)


def _is_code(data: bytes) -> bool:
    try:
        _decode(data)
    except EpcError:
        return False
    return True


def _decode(data: bytes) -> Epc:
    reader = BitReader(data)
    header = reader.take(8)
    scheme = fixed.BY_HEADER.get(header)
    if scheme is not None:
        return _fixed(scheme, reader)
    found = plus.BY_HEADER.get(header)
    if found is not None:
        return _plus(*found, reader)
    if header == 0:
        raise EpcError(Reason.UNPROGRAMMED, "header 00: the tag is not programmed")
    if header == 0xE2:
        raise EpcError(Reason.HEADER, "header E2 is reserved: a TID in the EPC memory, as many chips leave the factory")
    raise EpcError(Reason.HEADER, f"header {header:02X} belongs to no GS1 key")


def _fixed(scheme: fixed.Scheme, reader: BitReader) -> Epc:
    filter_value, parts = fixed.decode(scheme, reader)
    if reader.rest():
        raise EpcError(Reason.TRAILING, "bits are set behind the code")
    family = FAMILIES[scheme.urn]
    if scheme.tag in _TEXTUAL:
        check(family, parts)
    return Epc(
        scheme=scheme.tag,
        filter=filter_value,
        elements=family.to_elements(parts),
        company_prefix=parts[0],
        uri=uri.format_id(scheme.urn, parts),
        tag_uri=uri.format_tag(scheme.tag, filter_value, parts),
    )


def _plus(scheme: plus.PlusScheme, hosted: bool, reader: BitReader) -> Epc:
    code = plus.decode(scheme, reader, hosted=hosted)
    if not code.more and reader.rest():
        raise EpcError(Reason.TRAILING, "bits are set behind the code")
    for ai, value in code.elements:
        if ai in _CHECKED:
            first, last = _CHECKED[ai]
            if not gs1_valid(value[first:last]) or value[:first].strip("0"):
                raise EpcError(Reason.CHECK_DIGIT, f"AI {ai}: the check digit of {value} does not fit")
        if not _TEXT.match(value):
            raise EpcError(Reason.CHARACTER, f"AI {ai}: {value!r} has characters that no element may have")
    tag = scheme.tag + "+" if hosted else scheme.tag
    return Epc(scheme=tag, filter=code.filter, elements=code.elements, hostname=code.hostname, more=code.more)


def encode(
    scheme: str,
    elements: Elements | Mapping[str, str],
    *,
    company_prefix_digits: int | None = None,
    filter_value: int = 0,
    hostname: str | None = None,
) -> bytes:
    """The code of `elements` in whole words, by the scheme's name in lower case: `sgtin-96`, `sgtin+`, `sgtin++`.

    `company_prefix_digits`, 6 to 12, is needed by the schemes with a partition, `hostname` by those with ++. Raises
    EpcError if the scheme cannot hold the elements, so that nothing is written that reads back as something else.
    """
    values = dict(elements)
    found = plus.BY_TAG.get(scheme.rstrip("+") + "+") if scheme.endswith("+") else None
    if found is not None:
        if scheme.endswith("++") != (hostname is not None):
            raise EpcError(Reason.URI, "a host name goes with the ++ schemes and only with them")
        data = plus.encode(found, values, filter_value=filter_value, hostname=hostname)
        if dict(decode(data).elements) != values:
            raise EpcError(Reason.RANGE, f"{scheme} cannot hold all of {sorted(values)}")
        return data
    if scheme not in fixed.BY_TAG:
        raise EpcError(Reason.URI, f"no scheme is called {scheme!r}")
    parts = parts_of(values, company_prefix_digits or 0)
    return _encode_parts(fixed.BY_TAG[scheme], filter_value, parts, values)


def _encode_parts(
    scheme: fixed.Scheme, filter_value: int, parts: Parts, values: Mapping[str, str] | None = None
) -> bytes:
    data = fixed.encode(scheme, filter_value, parts)
    back = decode(data)
    if values is not None and dict(back.elements) != values:
        raise EpcError(Reason.RANGE, f"{scheme.tag} cannot hold all of {sorted(values)}")
    return data


def parts_of(values: Mapping[str, str], company_prefix_digits: int) -> Parts:
    """The parts of the pure identity URI of a key. Raises EpcError."""
    if not 6 <= company_prefix_digits <= 12:
        raise EpcError(Reason.URI, "a company prefix has 6 to 12 digits")
    family = family_of(values)
    parts = family.from_elements(values, company_prefix_digits)
    check(family, parts)
    return parts


def uri_of(elements: Elements | Mapping[str, str], company_prefix_digits: int) -> str:
    """The pure identity URI of a key whose company prefix has so many digits. Raises EpcError."""
    values = dict(elements)
    return uri.format_id(family_of(values).urn, parts_of(values, company_prefix_digits))


def elements_of(epc_uri: str) -> Elements:
    """The elements of a pure identity URI. Raises EpcError."""
    urn, parts = uri.parse_id(epc_uri)
    return FAMILIES[urn].to_elements(parts)


def encode_tag_uri(tag_uri: str) -> bytes:
    """The code of `urn:epc:tag:…` in whole words. Raises EpcError."""
    return _encode_parts(*uri.parse_tag(tag_uri))


def pc_word(code: bytes) -> int:
    """The protocol control word that goes in front of `code`: its length in words, no user memory, no toggle."""
    if len(code) % 2 or not 0 < len(code) <= EPC_BYTES_MAX:
        raise EpcError(Reason.MALFORMED, f"a code of 1 to {EPC_BYTES_MAX // 2} whole words expected")
    return len(code) // 2 << 11
