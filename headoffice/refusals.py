"""What head office does not take in, and the words for it. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import orjson

from contract.canonical import INTEGER_MAX
from contract.chain import ChainError
from contract.ids import is_name

REASON_CHARACTERS_MAX = 300

# What a person must look at; the others are damage that a replay heals.
ALARMS = frozenset({"fork", "parent", "key", "signature", "stock"})


class Refusal(NamedTuple):
    """Something that is not taken in, or with the code `stock` taken in without moving any.

    `code` is for machines, `reason` for people (one printable line), `body` is what came, empty if that is nested too
    deeply to be written down. `log` and `seq` are None where they are none.
    """

    code: str
    reason: str
    log: str | None
    seq: int | None
    body: bytes

    @property
    def alarm(self) -> bool:
        return self.code in ALARMS


def seq_of(found: object) -> int | None:
    """The number of what may be an event, as far as it is one."""
    seq = cast("dict[str, Any]", found).get("seq") if isinstance(found, dict) else None
    return seq if type(seq) is int and abs(seq) <= INTEGER_MAX else None


def refused(error: ChainError, log: str | None, found: object) -> Refusal:
    """For quarantine: what came may hold anything, and people read `reason` in a terminal."""
    cut = str(error)[:REASON_CHARACTERS_MAX]
    reason = "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in cut)
    try:
        body = found if isinstance(found, bytes) else orjson.dumps(found, default=str, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:
        body = b""
    return Refusal(error.code, reason, log if log is not None and is_name(log) else None, seq_of(found), body)
