"""`identify`: from what a scanner delivered to an identity, or to a refusal with its reason. It never raises.

An AIM identifier decides what the data is; without one the shape does, and what two readings fit is ambiguous until
the catalogue knows one of them. Reasons (machine words) and their meaning:

    empty too_long charset        nothing, more than 4,096 bytes, other than printable ASCII and GS
    bad_identifier                no AIM identifier after "]", or FNC1 without an application identifier
    length check_digit            digits of the wrong number, a check digit that does not fit (also inside elements)
    unused_prefix coupon          no one's number; money and not goods
    no_template inner_check       an in-store code that no layout fits; its inner check digit is wrong
    upc_e_or_ean8                 eight digits from 0 or 1 without an AIM identifier
    control_…                     control.py
    ai_…                          elements.py: the linter that refused, or an association rule
    dl_…   epc_…                  digital_link.py; epc/errors.py
    lost_separator                a value that ends in what looks like further elements
    no_key part_of_item not_stock elements that name nothing that stock counts
    ai_requires                   on an identity: an element whose companion is not in this barcode
    plain_text web_address        text that is no GS1 data and that no catalogue or template knows
"""

from __future__ import annotations

from collections.abc import Sequence

from identity import aim as aim_table
from identity import plain
from identity.aim import Carries, Symbology
from identity.gtin import is_digits
from identity.in_store import Template
from identity.scan import Scan
from identity.values import INPUT_BYTES_MAX, REFERENCE_YEAR, Identity, Kind, Lookup

_CODE_LENGTHS = frozenset({8, 12, 13, 14})


def identify(
    data: bytes | str,
    *,
    aim: str | None = None,
    lookup: Lookup | None = None,
    templates: Sequence[Template] = (),
    year: int = REFERENCE_YEAR,
) -> Identity:
    """What one decoded symbol means.

    `data` is the symbol without terminator, GS as 0x1D; an AIM identifier comes as `aim` or in front of the data.
    `lookup` settles what two readings fit and fills `sku`. `templates` are the store's layouts. `year` is the year of
    reading: it decides the century of two-digit years (GS1 General Specifications 7.12), 50 ahead to 49 back.
    """
    text = data if isinstance(data, str) else data[: INPUT_BYTES_MAX + 1].decode("utf-8", "replace")
    if len(data) > INPUT_BYTES_MAX:
        cut = Scan(text[:INPUT_BYTES_MAX], None, lookup, templates, year)
        return cut.refused("too_long", f"more than {INPUT_BYTES_MAX} bytes")
    body = text
    if aim is None and text[:1] == "]":
        aim, body = text[:3], text[3:]
    symbology = aim_table.parse(aim) if aim is not None else None
    scan = Scan(text, symbology, lookup, templates, year)
    if aim is not None and symbology is None:
        return scan.refused("bad_identifier", f"{aim!r} is no AIM identifier")
    fault = _fault(scan, body)
    if fault is not None:
        return fault
    if symbology is not None:
        return _by_symbology(scan, symbology, body)
    if len(body) in _CODE_LENGTHS and is_digits(body):
        return plain.short(scan, body) if len(body) == 8 and body[0] in "01" else plain.gtin(scan, body)
    return _any_text(scan, body)


def _fault(scan: Scan, body: str) -> Identity | None:
    """What no symbol of ours may carry."""
    if not body:
        return scan.refused("empty", "nothing was read")
    if not body.isascii():
        return scan.refused("charset", "letters other than ASCII: is a Hangul input method on?")
    if not body.isprintable() and not body.replace("\x1d", "").isprintable():
        return scan.refused("charset", "control characters other than GS")
    return None


def _by_symbology(scan: Scan, symbology: Symbology, body: str) -> Identity:
    carries = symbology.carries
    if carries is Carries.EAN13 or carries is Carries.EAN8:
        linear, bar, second = body.partition("|")
        found = plain.sized(scan, linear, 13 if carries is Carries.EAN13 else 8)
        return _from_composite(scan, found, second) if bar else found
    if carries is Carries.ELEMENTS:
        return _from_elements(scan, body)
    if carries is Carries.EAN13_ADDON:
        if len(body) not in {15, 18} or not is_digits(body):
            return scan.refused("length", "EAN-13 with an add-on has 15 or 18 digits")
        return plain.gtin(scan, body[:13], addon=body[13:])
    if carries is Carries.ADDON:
        return scan.refused("length", "an add-on alone names nothing: scan the EAN beside it")
    if carries is Carries.ITF and len(body) == 14 and is_digits(body):
        return plain.gtin(scan, body)
    if "\x1d" in body:
        # ]C0 and its like: GS is data there, no FNC1.
        return plain.text(scan, body)
    return _any_text(scan, body) if carries is Carries.TEXT else plain.text(scan, body)


def _any_text(scan: Scan, body: str) -> Identity:
    """A text that may be elements, a link, a control code or anything."""
    head = body[:8].lower()
    if head.startswith(("http://", "https://")):
        found = _from_link(scan, body)
        hint = "a web address without a GS1 key"
        return found or scan.found(Kind.RAW, reason="web_address", hint=hint)
    if head == "urn:epc:":
        return _from_urn(scan, body)
    unmarked = scan.symbology is None  # an AIM identifier that is not GS1's rules elements out (standards.md, 2)
    if unmarked and (body[0] == "(" or "\x1d" in body or (len(body) >= 16 and is_digits(body[:16]))):
        found = _from_text(scan, body)
        if found is not None:
            return found
    return plain.text(scan, body)


# The tables behind element strings and links are loaded at the first of them, not at import.


def _from_elements(scan: Scan, body: str) -> Identity:
    from identity import compound  # noqa: PLC0415 - see above

    return compound.from_elements(scan, body)


def _from_composite(scan: Scan, linear: Identity, second: str) -> Identity:
    from identity import compound  # noqa: PLC0415 - see above

    return compound.from_composite(scan, linear, second)


def _from_text(scan: Scan, body: str) -> Identity | None:
    from identity import compound  # noqa: PLC0415 - see above

    return compound.from_text(scan, body)


def _from_link(scan: Scan, body: str) -> Identity | None:
    from identity import compound  # noqa: PLC0415 - see above

    return compound.from_link(scan, body)


def _from_urn(scan: Scan, body: str) -> Identity:
    from identity import compound  # noqa: PLC0415 - see above

    return compound.from_urn(scan, body)
