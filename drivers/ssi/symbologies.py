"""SSI's barcode types and the AIM identifiers they stand for (SSI Programmer's Guide, DECODE_DATA, table of types).

Only types whose data is what the identifier promises are here. UPC-A and UPC-E are not: `]E0` promises 13 digits, and
the scanner sends 12 and 6 to 8 of them; without an identifier they are known by their length. Data Matrix and QR Code
are not, because their types do not tell GS1 data from other data. A scanner that is set to send AIM identifiers itself
(setting `aim`) needs no table, and that is the better way.
"""

from __future__ import annotations

AIM_OF_TYPE = {
    0x01: "]A0",  # Code 39
    0x02: "]F0",  # Codabar
    0x03: "]C0",  # Code 128
    0x06: "]I0",  # Interleaved 2 of 5; the modifier says nothing of a check digit
    0x07: "]G0",  # Code 93
    0x0A: "]E4",  # EAN-8
    0x0B: "]E0",  # EAN-13
    0x0F: "]C1",  # GS1-128
    0x11: "]L0",  # PDF417
    0x13: "]A4",  # Code 39 full ASCII
    0x30: "]e0",  # GS1 DataBar Omnidirectional
    0x31: "]e0",  # GS1 DataBar Limited
    0x32: "]e0",  # GS1 DataBar Expanded
}
