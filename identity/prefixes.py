"""EPC URIs for barcodes. They need the length of the GS1 company prefix, which only GS1's list of prefixes tells.

The list is biip's (Apache-2.0, data of GS1). Loading it takes about 17 MB, so it is loaded at the first question, and
`identify` never asks: a barcode and a tag are compared by GTIN and serial, SSCC or GLN.
"""

from __future__ import annotations

from dataclasses import replace

from identity.epc.codec import uri_of
from identity.epc.errors import EpcError
from identity.values import Identity

# The key's AI and where its company prefix begins.
_PREFIX_AT = {"01": 1, "00": 1, "414": 0, "8003": 1, "8004": 0, "253": 0, "8010": 0}


def company_prefix_digits(digits: str) -> int | None:
    """Length of the company prefix that a GLN, a GTIN-13 or an SSCC without extension digit begins with, if listed."""
    from biip.gs1_prefixes import GS1CompanyPrefix  # noqa: PLC0415 - see above

    found = GS1CompanyPrefix.extract(digits)
    return None if found is None else len(found.value)


def with_epc_uri(identity: Identity) -> Identity:
    """The identity with its pure identity URI, if it has a serial number and a company prefix that is listed."""
    if identity.epc_uri is not None:
        return identity
    for ai, value in identity.ais:
        at = _PREFIX_AT.get(ai)
        if at is None:
            continue
        digits = company_prefix_digits(value[at:])
        if digits is None or not 6 <= digits <= 12:
            return identity
        try:
            return replace(identity, epc_uri=uri_of(_identifying(identity), digits))
        except EpcError:
            return identity  # a class of things without serial, or characters that no EPC holds
    return identity


def _identifying(identity: Identity) -> dict[str, str]:
    return {ai: value for ai, value in identity.ais if ai in _PREFIX_AT or ai in {"21", "254", "8011"}}
