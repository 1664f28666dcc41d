"""EPC memory of RFID tags: binary codes, URIs and GS1 keys (GS1 EPC Tag Data Standard 1.13 and 2.3).

`decode(bytes)` gives an `Epc`; `encode(scheme, elements, …)`, `encode_tag_uri(uri)` give bytes in whole words; `uri_of`
and `elements_of` go between keys and pure identity URIs. All raise `EpcError`, whose `reason` is a machine word.
"""

from __future__ import annotations

from identity.epc.codec import (
    EPC_BYTES_MAX,
    Epc,
    decode,
    elements_of,
    encode,
    encode_tag_uri,
    from_hex,
    parts_of,
    pc_word,
    uri_of,
)
from identity.epc.errors import EpcError, Reason
from identity.epc.fixed import SCHEMES
from identity.epc.plus import SCHEMES as PLUS_SCHEMES
from identity.epc.uri import format_raw

__all__ = [
    "EPC_BYTES_MAX",
    "PLUS_SCHEMES",
    "SCHEMES",
    "Epc",
    "EpcError",
    "Reason",
    "decode",
    "elements_of",
    "encode",
    "encode_tag_uri",
    "format_raw",
    "from_hex",
    "parts_of",
    "pc_word",
    "uri_of",
]
