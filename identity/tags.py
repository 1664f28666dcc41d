"""RFID tags to identities. What is no GS1 key stays `raw` with its `urn:epc:raw:` URI: visible, and outside stock."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from identity.epc.codec import Epc, decode, from_hex
from identity.epc.errors import EpcError, Reason
from identity.epc.hot import Hot
from identity.epc.hot import decode as decode_hot
from identity.epc.uri import format_raw
from identity.escape import escape
from identity.gtin import Prefix, prefix_of
from identity.meaning import fields_of, kind_of, why_raw
from identity.values import REFERENCE_YEAR, Identity, Kind

# About 10 MB at worst; a portal or a counted zone shows the same tags a hundred times over.
CACHE_TAGS_MAX = 8192
PC_TOGGLE = 0x0100  # the memory is under ISO/IEC 15961 and its AFI, not under EPC (Gen2 6.3.2.1.2.2)

_QUALIFIERS = frozenset({"21", "254", "8011"})


def identify_epc(epc: bytes | str, pc: int | None = None) -> Identity:
    """What a tag's EPC memory names: `epc` without PC word, as bytes or hexadecimal text. Never raises.

    With `pc`, the PC word, the toggle bit is heeded and the memory is cut to the length that the word gives. The filter
    value is told and is no part of the identity. Repeated tags come from a cache of CACHE_TAGS_MAX.
    """
    return _identify(epc) if pc is None else _with_pc(epc, pc)


def forget() -> None:
    """Empties the cache of repeated tags."""
    _identify.cache_clear()


def _with_pc(epc: bytes | str, pc: int) -> Identity:
    try:
        data = from_hex(epc) if isinstance(epc, str) else bytes(epc)
    except EpcError as error:
        return _refused(epc, error)
    if pc & PC_TOGGLE:
        return _raw(data, Reason.NOT_EPC, f"memory under ISO 15961 with AFI {pc & 0xFF:02X}, no EPC")
    size = (pc >> 11 & 0x1F) * 2
    if len(data) < size:
        return _raw(data, Reason.TOO_SHORT, f"the PC word announces {size} bytes, {len(data)} came")
    return _identify(data[:size])


def _refused(epc: bytes | str, error: EpcError) -> Identity:
    text = epc if isinstance(epc, str) else epc.hex().upper()
    return Identity(text[:256], Kind.REFUSED, reason=error.reason.value, hint=str(error))


def _raw(data: bytes, reason: Reason, hint: str) -> Identity:
    return Identity(data.hex().upper(), Kind.RAW, epc_uri=format_raw(data), reason=reason.value, hint=hint)


@lru_cache(maxsize=CACHE_TAGS_MAX)
def _identify(epc: bytes | str) -> Identity:
    try:
        data = from_hex(epc) if isinstance(epc, str) else epc
    except EpcError as error:
        return _refused(epc, error)
    try:
        found = decode_hot(data) if len(data) == 12 else None
        if found is not None and found[0] == "sgtin-96":
            item = _item(data, found)
            if item is not None:
                return item
        return _named(data.hex().upper(), decode(data))
    except EpcError as error:
        return _refused(epc, error) if error.reason is Reason.MALFORMED else _raw(data, error.reason, str(error))


def _item(data: bytes, found: Hot) -> Identity | None:
    """The item of an SGTIN-96, nine tags of ten in a store, without detours; None if its GTIN is none."""
    scheme, filter_value, elements, _, epc_uri, tag_uri = found
    gtin14, serial = elements[0][1], elements[1][1]
    if prefix_of(gtin14) is not Prefix.TRADE:
        return None
    return Identity(
        data.hex().upper(),
        Kind.TRADE_ITEM,
        gtin14,
        serial,
        epc_uri=epc_uri,
        tag_uri=tag_uri,
        digital_link=f"https://id.gs1.org/01/{gtin14}/21/{serial}",
        ais=elements,
        symbology=scheme,
        filter=filter_value,
    )


def _named(text: str, epc: Epc) -> Identity:
    values = dict(epc.elements)
    fields: dict[str, Any] = {
        "epc_uri": epc.uri,
        "tag_uri": epc.tag_uri,
        "ais": epc.elements,
        "filter": epc.filter,
        "digital_link": _link(epc),
        "symbology": epc.scheme,
    }
    kind = kind_of(values)
    if kind is None:
        reason, hint = why_raw(values)
        return Identity(text, Kind.RAW, reason=reason, hint=hint, **fields)
    gtin = values.get("01")
    if gtin is not None and prefix_of(gtin) is not Prefix.TRADE:
        hint = f"{gtin} is no GTIN that is given out"
        return Identity(text, Kind.RAW, reason="unused_prefix", hint=hint, **fields)
    return Identity(text, kind, **fields, **fields_of(values, kind, REFERENCE_YEAR))


def _link(epc: Epc) -> str | None:
    """The GS1 Digital Link: key and serial in the path, a date in the query."""
    if ("8011", "0") in epc.elements:
        return None  # TDS allows the CPI serial 0, AI 8011 does not
    host = epc.hostname or "id.gs1.org"
    path = query = ""
    for at, (ai, value) in enumerate(epc.elements):
        if at == 0 or ai in _QUALIFIERS:
            path += f"/{ai}/{escape(value)}"
        else:
            query = f"?{ai}={value}"
    return f"https://{host}{path}{query}"
