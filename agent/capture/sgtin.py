"""The EPC of an item whose barcode carries GTIN and serial number. An element string does not say how long the company
prefix is (TDS 7.3.1), so it must be known."""

from __future__ import annotations

from identity.epc import EpcError, encode

NUMERIC_SERIAL_MAX = (1 << 38) - 1  # of an SGTIN-96; anything else needs an SGTIN-198


def sgtin(gtin: str, serial: str, prefix_digits: int | None, filter_value: int) -> str | None:
    """Hexadecimal in upper case, or None where the prefix is not known and for a serial number that no tag carries.
    Leading zeros are part of it. Tags of the same item with another filter value are other bytes: the store's own tags
    have this one.
    """
    plain = serial.isdigit() and str(int(serial)) == serial and int(serial) <= NUMERIC_SERIAL_MAX
    try:
        code = encode(
            "sgtin-96" if plain else "sgtin-198",
            {"01": gtin, "21": serial},
            filter_value=filter_value,
            company_prefix_digits=prefix_digits,
        )
    except EpcError:
        return None
    return code.hex().upper()
