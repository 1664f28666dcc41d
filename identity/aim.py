"""AIM symbology identifiers (ISO/IEC 15424): three characters a scanner may send in front of the data.

`]` is followed by the code character (the symbology) and a modifier (its options). GS1 General Specifications
figure 7.8.2-1 names those that carry GS1 data.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Carries(StrEnum):
    """What a symbol's data may be."""

    EAN13 = "ean13"  # 13 digits: EAN-13, UPC-A and UPC-E
    EAN8 = "ean8"
    ADDON = "addon"  # two or five digits beside an EAN/UPC symbol, alone
    EAN13_ADDON = "ean13_addon"  # 13 digits and 2 or 5 more
    ITF = "itf"
    ELEMENTS = "elements"  # GS1 element strings
    TEXT = "text"  # anything, a GS1 Digital Link among it


@dataclass(frozen=True, slots=True)
class Symbology:
    identifier: str
    name: str
    carries: Carries


_NAMES = {
    "A": "Code 39",
    "B": "Telepen",
    "C": "Code 128",
    "D": "Code One",
    "E": "EAN/UPC",
    "F": "Codabar",
    "G": "Code 93",
    "H": "Code 11",
    "I": "ITF",
    "J": "DotCode",
    "K": "Code 16K",
    "L": "PDF417",
    "M": "MSI",
    "N": "Anker",
    "O": "Codablock",
    "P": "Plessey",
    "Q": "QR Code",
    "R": "Straight 2 of 5",
    "S": "Straight 2 of 5",
    "T": "Code 49",
    "U": "MaxiCode",
    "X": "other",
    "Y": "system expansion",
    "Z": "no barcode",
    "c": "Channel Code",
    "d": "Data Matrix",
    "e": "GS1 DataBar",
    "h": "Han Xin Code",
    "o": "OCR",
    "p": "PosiCode",
    "s": "SuperCode",
    "t": "Trioptic",
    "v": "UltraCode",
    "z": "Aztec Code",
}
_GS1 = {
    "]E0": ("EAN-13", Carries.EAN13),
    "]E1": ("two-digit add-on", Carries.ADDON),
    "]E2": ("five-digit add-on", Carries.ADDON),
    "]E3": ("EAN-13 with add-on", Carries.EAN13_ADDON),
    "]E4": ("EAN-8", Carries.EAN8),
    "]I0": ("ITF", Carries.ITF),
    "]I1": ("ITF-14", Carries.ITF),
    "]C1": ("GS1-128", Carries.ELEMENTS),
    "]e0": ("GS1 DataBar", Carries.ELEMENTS),
    "]e1": ("GS1 Composite, second part", Carries.ELEMENTS),
    "]e2": ("GS1 Composite, second part", Carries.ELEMENTS),
    "]d2": ("GS1 DataMatrix", Carries.ELEMENTS),
    "]Q3": ("GS1 QR Code", Carries.ELEMENTS),
    "]J1": ("GS1 DotCode", Carries.ELEMENTS),
}


def parse(identifier: str) -> Symbology | None:
    """The symbology of `]cm`, the bracket being optional; None if it is no identifier or an unknown symbology."""
    if len(identifier) == 2:
        identifier = "]" + identifier
    if len(identifier) != 3 or identifier[0] != "]":
        return None
    known = _GS1.get(identifier)
    if known is not None:
        return Symbology(identifier, *known)
    code, modifier = identifier[1], identifier[2]
    name = _NAMES.get(code)
    if name is None or code in "Ee" or not (modifier.isascii() and modifier.isalnum()):
        return None
    return Symbology(identifier, name, Carries.TEXT)
