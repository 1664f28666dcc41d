"""What a code turned out to be: frozen values and the look-up they may need.

A wrong GTIN is worse than none: whatever is not certain has a kind that says so (`suspect`, `ambiguous`, `refused`,
`raw`) and a reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from identity.control import Control

REFERENCE_YEAR = 2026  # decides the century of two-digit years where the caller does not say which year it is
INPUT_BYTES_MAX = 4096  # longer than any symbol: QR version 40 holds 4,296 characters, GS1 QR far fewer


class Kind(StrEnum):
    TRADE_ITEM = "trade_item"
    LOGISTIC_UNIT = "logistic_unit"
    LOCATION = "location"
    ASSET = "asset"
    IN_STORE = "in_store"
    DOCUMENT = "document"
    CONTROL = "control"
    RAW = "raw"  # no GS1 key: a plain text, an unprogrammed or foreign tag
    SUSPECT = "suspect"  # parses, but a separator seems lost
    AMBIGUOUS = "ambiguous"  # two readings, and no catalogue decides
    REFUSED = "refused"


class Lookup(Protocol):
    """A catalogue's answer: the SKU of a key, or None. Keys are text with their sort in front.

    `gtin:<14 digits>`, `item:<in-store item number>`, `code:<any other text, as scanned>`.
    """

    def __call__(self, key: str, /) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Identity:
    """One code's meaning. `input` is the text as it came; bytes that are no UTF-8 stand as U+FFFD.

    Dates are ISO 8601, `weight_g` grams, `price` a decimal string in the label's currency, `ais` the application
    identifiers in the order of the code. `reason` is a word for machines, `hint` a sentence for people.
    `candidates` holds the GTINs an ambiguous code may mean.
    """

    input: str
    kind: Kind
    gtin: str | None = None
    serial: str | None = None
    lot: str | None = None
    expiry: str | None = None
    best_before: str | None = None
    quantity: int | None = None
    weight_g: int | None = None
    price: str | None = None
    sscc: str | None = None
    gln: str | None = None
    epc_uri: str | None = None
    tag_uri: str | None = None
    digital_link: str | None = None
    ais: tuple[tuple[str, str], ...] = ()
    item_number: str | None = None
    control: Control | None = None
    sku: str | None = None
    reason: str | None = None
    hint: str | None = None
    candidates: tuple[str, ...] = ()
    symbology: str | None = None
    addon: str | None = None
    currency: str | None = None
    document: str | None = None
    asset: str | None = None
    filter: int | None = None
