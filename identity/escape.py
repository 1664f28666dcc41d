"""Percent-encoding: of GS1 Digital Link (RFC 3986's unreserved characters stay) and of EPC URNs (TDS 6 and 7)."""

from __future__ import annotations

import re

_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")
_LINK = re.compile(r"[^A-Za-z0-9._~-]")
_URN = re.compile(r'["#%&/<>?]')


def escape(value: str, *, query: bool = False) -> str:
    """For a Digital Link; a space in the query becomes +."""
    escaped = _LINK.sub(_escaped, value)
    return escaped.replace("%20", "+") if query else escaped


def escape_urn(value: str) -> str:
    return _URN.sub(_escaped, value)


def _escaped(match: re.Match[str]) -> str:
    return f"%{ord(match[0]):02X}"


def unescape(value: str) -> str:
    """Percent-decoding, octet by octet as ISO 8859-1: AI values are ASCII, and what is not gets refused later."""
    return _PERCENT.sub(lambda match: chr(int(match[1], 16)), value) if "%" in value else value
