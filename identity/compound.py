"""Element strings and Digital Links to identities. Loaded at the first of them: the tables behind it take memory."""

from __future__ import annotations

import re
from dataclasses import replace

from identity import digital_link, elements, plain
from identity.ai_table import table
from identity.check import gs1_valid
from identity.elements import GS, ElementError, Elements
from identity.epc import EpcError, decode, elements_of, encode_tag_uri
from identity.gtin import Prefix, is_digits, prefix_of
from identity.meaning import CHECKED_KEYS, fields_of, kind_of, why_raw
from identity.scan import Scan
from identity.values import Identity, Kind

# Elements whose form is strict enough to betray a lost separator: dates, GTIN, SSCC, net weight.
_STRONG = re.compile(r"1[1-37][0-9]{6}|15[0-9]{6}|16[0-9]{6}|0[0-2][0-9]{14}|310[0-5][0-9]{6}")


def from_elements(scan: Scan, body: str) -> Identity:
    """A symbol that carries element strings by its AIM identifier, or a text with GS in it."""
    try:
        found = elements.parse(body)
    except ElementError as error:
        hint = str(error)
        if error.reason == "ai_too_long" and GS not in body:
            hint += "; a separator (FNC1) may be lost"
        return scan.refused(error.reason, hint)
    return _judged(scan, found, separated=GS in body)


def from_text(scan: Scan, body: str) -> Identity | None:
    """A text without AIM identifier: elements only if all of it parses and its key has a check digit that fits."""
    if GS in body:
        if not is_digits(body.lstrip(GS)[:2]) or not body.strip(GS):
            return scan.refused("bad_identifier", "FNC1 without an application identifier behind it")
        return from_elements(scan, body)
    if body[0] == "(":
        try:
            found = elements.parse_bracketed(body)
        except ElementError:
            return None
        return _judged(scan, found, separated=True)
    # The shortest are 02 and 01 with their GTIN.
    if len(body) < 16 or not is_digits(body[:16]):
        return None
    try:
        found = elements.parse(body)
    except ElementError as error:
        if body[:2] == "01" and gs1_valid(body[2:16]):
            return scan.refused(error.reason, f"looks like GS1 elements, but {error}")
        return None
    return _judged(scan, found, separated=False) if found[0][0] in CHECKED_KEYS else None


def from_link(scan: Scan, uri: str) -> Identity | None:
    """A Digital Link, or None for any other web address."""
    try:
        found = digital_link.parse(uri, short_gtin=True)
    except digital_link.NotDigitalLink:
        return None
    except ElementError as error:
        return scan.refused(error.reason, str(error))
    return _judged(scan, found, separated=True)


def from_urn(scan: Scan, uri: str) -> Identity:
    """An EPC URI, printed on an RFID label or typed: pure identity or tag."""
    try:
        found = decode(encode_tag_uri(uri)) if uri.startswith("urn:epc:tag:") else None
        pairs = found.elements if found is not None else elements_of(uri)
    except EpcError as error:
        return scan.refused(error.reason.value, str(error))
    named = _judged(scan, pairs, separated=True)
    if named.kind is Kind.REFUSED:
        return named
    if ("8011", "0") in pairs:
        named = replace(named, digital_link=None)  # TDS allows the CPI serial 0, AI 8011 does not
    return replace(named, epc_uri=found.uri if found is not None else uri, tag_uri=found.tag_uri if found else None)


def from_composite(scan: Scan, linear: Identity, second: str) -> Identity:
    """An EAN/UPC symbol with the 2D component above it, which the scanner sends with an identifier of its own."""
    if linear.gtin is None:
        return linear
    if second[:2] != "]e":
        return scan.refused("bad_identifier", "| without a GS1 Composite component behind it")
    return from_elements(scan, f"01{linear.gtin}{second[3:]}")


def _judged(scan: Scan, found: Elements, *, separated: bool) -> Identity:
    """Association rules, then kind and fields. `separated`: separators demonstrably reach us."""
    repeated = elements.repeated(found)
    if repeated is not None:
        return scan.refused("ai_repeated", f"AI {repeated} stands twice with different values")
    excluded = elements.excluded(found)
    if excluded is not None:
        return scan.refused("ai_excluded", f"AI {excluded[0]} and {excluded[1]} must not stand together")
    values = dict(found)
    kind = kind_of(values)
    if kind is None or "8006" in values:
        reason, hint = why_raw(values)
        return scan.found(Kind.RAW, ais=found, digital_link=_link(found), reason=reason, hint=hint)
    fields = fields_of(values, kind, scan.year)
    lost = None if separated else _lost(found)
    if lost is not None:
        hint = f"{lost!r} may be two elements whose separator (FNC1) got lost: set the scanner to send GS"
        return scan.found(Kind.SUSPECT, ais=found, reason="lost_separator", hint=hint, **fields)
    fields["ais"] = found
    gtin14 = fields["gtin"]
    if gtin14 is not None:
        prefix = prefix_of(gtin14)
        if prefix is not Prefix.TRADE:
            if kind is not Kind.TRADE_ITEM:
                return scan.refused("unused_prefix", f"{gtin14} is no GTIN")
            fields.pop("gtin")
            return plain.no_trade_item(scan, gtin14, prefix, **fields)
        if scan.lookup is not None:
            fields["sku"] = scan.sku("gtin:" + gtin14)
    missing = elements.missing(found)
    if missing is not None:
        fields["reason"] = "ai_requires"
        fields["hint"] = f"AI {missing[0]} wants {missing[1]} beside it, perhaps in another barcode"
    return scan.found(kind, digital_link=_link(found), **fields)


def _link(found: Elements) -> str | None:
    try:
        return digital_link.generate(found)
    except ElementError:
        return None  # not every combination has one: no key, an element that no link carries


def _lost(found: Elements) -> str | None:
    """A value of open length whose end reads as further elements that are not there yet (standards.md, 4)."""
    specs = table()
    present = {ai for ai, _ in found}
    for ai, value in found:
        if specs[ai].predefined or specs[ai].least == specs[ai].most:
            continue
        for match in re.finditer(r"(?=[013])", value[1:]):
            tail = value[1 + match.start() :]
            if not _STRONG.match(tail):
                continue
            try:
                more = elements.parse(tail)
            except ElementError:
                continue
            if present.isdisjoint(other for other, _ in more):
                return value
    return None
