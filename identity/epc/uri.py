"""EPC URIs: pure identity `urn:epc:id:…`, tag `urn:epc:tag:…`, raw `urn:epc:raw:…` (TDS 6, 12)."""

from __future__ import annotations

from identity.epc.errors import EpcError, Reason
from identity.epc.families import FAMILIES, Parts, check
from identity.epc.fixed import BY_TAG, Scheme
from identity.escape import escape_urn, unescape

URI_CHARACTERS_MAX = 256
_ID = "urn:epc:id:"
_TAG = "urn:epc:tag:"


def format_id(urn: str, parts: Parts) -> str:
    return f"{_ID}{urn}:{'.'.join(map(escape_urn, parts))}"


def format_tag(tag: str, filter_value: int, parts: Parts) -> str:
    return f"{_TAG}{tag}:{filter_value}.{'.'.join(map(escape_urn, parts))}"


def format_raw(data: bytes) -> str:
    """`urn:epc:raw:<bits>.x<hex>` (TDS 12.4)."""
    return f"urn:epc:raw:{len(data) * 8}.x{data.hex().upper()}"


def parse_id(uri: str) -> tuple[str, Parts]:
    """Family name and parts of a pure identity URI. Raises EpcError."""
    urn, parts = _split(uri, _ID)
    family = FAMILIES.get(urn)
    if family is None:
        raise EpcError(Reason.URI, f"no GS1 key has the scheme {urn!r}")
    fields = _fields(parts, len(family.forms) + 1)
    check(family, fields)
    return urn, fields


def parse_tag(uri: str) -> tuple[Scheme, int, Parts]:
    """Scheme, filter and parts of a tag URI. Raises EpcError."""
    tag, rest = _split(uri, _TAG)
    scheme = BY_TAG.get(tag)
    if scheme is None:
        raise EpcError(Reason.URI, f"no scheme is called {tag!r}")
    filter_text, _, parts = rest.partition(".")
    if filter_text not in {"0", "1", "2", "3", "4", "5", "6", "7"}:
        raise EpcError(Reason.URI, f"{filter_text!r} is no filter from 0 to 7")
    family = FAMILIES[scheme.urn]
    fields = _fields(parts, len(family.forms) + 1)
    check(family, fields)
    return scheme, int(filter_text), fields


def _split(uri: str, head: str) -> tuple[str, str]:
    if len(uri) > URI_CHARACTERS_MAX or not uri.isascii() or not uri.startswith(head):
        raise EpcError(Reason.URI, f"no URI of the form {head}…")
    name, colon, rest = uri[len(head) :].partition(":")
    if not colon:
        raise EpcError(Reason.URI, "nothing behind the scheme")
    return name, rest


def _fields(text: str, count: int) -> Parts:
    """The last part may hold dots of its own."""
    fields = text.split(".", count - 1)
    for field in fields:
        if escape_urn(unescape(field)) != field:
            raise EpcError(Reason.CHARACTER, f"{field!r}: a character that must be percent-encoded, or need not be")
    return tuple(map(unescape, fields))
