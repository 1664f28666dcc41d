"""Operations on single tags: what a driver is asked, and what each tag answered.

Addresses count 16-bit words (Gen2, 6.3.2.1). Bank EPC holds CRC in word 0, PC in word 1 and the EPC from word 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

WORDS_MAX = 64  # of one operation; a tag's EPC bank has 33 at most


class Bank(IntEnum):
    """Memory banks of a Gen2 tag."""

    RESERVED = 0
    EPC = 1
    TID = 2
    USER = 3


class Outcome(StrEnum):
    """What became of an operation on one tag."""

    DONE = "done"
    NO_RESPONSE = "no_response"  # the tag left the field, or had too little power to write
    LOCKED = "locked"
    PASSWORD = "password"  # noqa: S105 - a word for machines: a wrong or missing access password
    OVERRUN = "overrun"  # no such address
    FAILED = "failed"  # any other error, told in `detail`


@dataclass(frozen=True, slots=True)
class ReadMemory:
    """Read `word_count` words from each tag that matches: the whole EPC `match`, or every tag when it is None.

    `antenna` None is all of them. It runs for `duration_ms` and answers with every tag that was found meanwhile.
    """

    bank: Bank
    word_offset: int
    word_count: int
    match: bytes | None = None
    antenna: int | None = None
    access_password: int = 0
    duration_ms: int = 500


@dataclass(frozen=True, slots=True)
class WriteMemory:
    """Write whole words to each tag whose EPC is `match`; there is no writing to whatever happens to be near."""

    bank: Bank
    word_offset: int
    data: bytes
    match: bytes
    antenna: int | None = None
    access_password: int = 0
    duration_ms: int = 1000


TagOperation = ReadMemory | WriteMemory


@dataclass(frozen=True, slots=True)
class TagResult:
    """What one tag answered. `data` is what was read; `epc` is the tag's EPC when it was singulated."""

    outcome: Outcome
    epc: bytes
    data: bytes = b""
    antenna: int = 0
    rssi_cdbm: int | None = None
    detail: str = ""
