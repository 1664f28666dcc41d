"""The three codes that a store reads all day, by arithmetic on one integer: SGTIN-96, SSCC-96, SGLN-96.

Says exactly what the general decoder says (a property test holds them together), or nothing where that one has to tell
what is wrong. Numbers are shifts and limits by partition, TDS 14.6.1, 14.6.2, 14.6.3.
"""

from __future__ import annotations

from identity.check import gs1_digit
from identity.epc.fixed import BY_TAG, PREFIX_BITS, PREFIX_DIGITS

# By partition: shift and mask of the prefix, its digits; shift and mask of the reference, its digits.
_Row = tuple[int, int, int, int, int, int]
Hot = tuple[str, int, tuple[tuple[str, str], ...], str, str, str]


def _rows(tag: str, behind: int) -> tuple[_Row, ...]:
    """`behind`: bits behind the reference."""
    scheme = BY_TAG[tag]
    rows: list[_Row] = []
    for partition, prefix_bits in enumerate(PREFIX_BITS):
        bits, digits = scheme.reference_bits[partition], scheme.reference_digits[partition]
        prefix_shift = behind + bits
        mask = (1 << prefix_bits) - 1
        rows.append((prefix_shift, mask, PREFIX_DIGITS[partition], behind, (1 << bits) - 1, digits))
    return tuple(rows)


_SGTIN = _rows("sgtin-96", 38)
_SSCC = _rows("sscc-96", 24)
_SGLN = _rows("sgln-96", 41)


def decode(data: bytes) -> Hot | None:
    """Scheme, filter, elements, company prefix, URI, tag URI of twelve bytes; None leaves it to the general decoder."""
    header = data[0]
    partition = data[1] >> 2 & 7
    if partition == 7:
        return None
    value = int.from_bytes(data, "big")
    if header == 0x30:
        row = _SGTIN[partition]
    elif header == 0x31 and not value & 0xFFFFFF:
        row = _SSCC[partition]
    elif header == 0x32:
        row = _SGLN[partition]
    else:
        return None
    prefix_shift, prefix_mask, prefix_digits, shift, mask, digits = row
    prefix = str(value >> prefix_shift & prefix_mask).zfill(prefix_digits)
    reference = str(value >> shift & mask).zfill(digits) if digits else ""
    if len(prefix) != prefix_digits or len(reference) != digits or (not digits and value >> shift & mask):
        return None
    if header == 0x30:
        return _sgtin(data[1] >> 5, prefix, reference, str(value & 0x3FFFFFFFFF))
    if header == 0x31:
        return _sscc(data[1] >> 5, prefix, reference)
    return _sgln(data[1] >> 5, prefix, reference, str(value & 0x1FFFFFFFFFF))


def _sgtin(filter_value: int, prefix: str, reference: str, serial: str) -> Hot:
    payload = reference[0] + prefix + reference[1:]
    rest = f"{prefix}.{reference}.{serial}"
    elements = ("01", payload + gs1_digit(payload)), ("21", serial)
    tag_uri = f"urn:epc:tag:sgtin-96:{filter_value}.{rest}"
    return "sgtin-96", filter_value, elements, prefix, "urn:epc:id:sgtin:" + rest, tag_uri


def _sscc(filter_value: int, prefix: str, reference: str) -> Hot:
    payload = reference[0] + prefix + reference[1:]
    rest = f"{prefix}.{reference}"
    elements = (("00", payload + gs1_digit(payload)),)
    tag_uri = f"urn:epc:tag:sscc-96:{filter_value}.{rest}"
    return "sscc-96", filter_value, elements, prefix, "urn:epc:id:sscc:" + rest, tag_uri


def _sgln(filter_value: int, prefix: str, reference: str, extension: str) -> Hot:
    payload = prefix + reference
    rest = f"{prefix}.{reference}.{extension}"
    gln = ("414", payload + gs1_digit(payload))
    # Extension 0 stands for a GLN without one (TDS 7.3).
    elements = (gln,) if extension == "0" else (gln, ("254", extension))
    tag_uri = f"urn:epc:tag:sgln-96:{filter_value}.{rest}"
    return "sgln-96", filter_value, elements, prefix, "urn:epc:id:sgln:" + rest, tag_uri
