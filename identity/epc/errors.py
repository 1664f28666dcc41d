"""Why a tag's memory or a URI is no EPC of ours."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    MALFORMED = "epc_malformed"  # no hexadecimal text, half a byte, nothing
    HEADER = "epc_header"  # a header that the standard gives to nobody, or not to a GS1 key
    UNPROGRAMMED = "epc_unprogrammed"
    TOO_SHORT = "epc_too_short"
    TRAILING = "epc_trailing_bits"  # bits behind the code, or in a field that must be zero
    PARTITION = "epc_partition"
    RANGE = "epc_range"  # a number with more digits than its field has, a text too long
    CHARACTER = "epc_character"
    PC_PREFIXED = "epc_pc_prefixed"  # a protocol control word in front of the code
    NOT_EPC = "epc_iso_afi"  # the protocol control word's toggle: memory under ISO 15961
    URI = "epc_uri"
    CHECK_DIGIT = "check_digit"


class EpcError(ValueError):
    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
