"""Where a log may begin: from nothing, from the end of another log, or where its store has pruned it. Pure.

A log begins with an opening that is signed with the store's key. It goes on from the end of the log that head office
follows, so there is one child per parent, and no second store PC under the same name gets in.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from contract.chain import GENESIS, ChainError
from contract.journal import OpeningData, Parent
from contract.opening import read_opening
from headoffice.taken import Position, Skipped


def beginning(event: dict[str, Any], position: Position | None, key: str | None) -> OpeningData:
    """The opening with which another log than that of `position` begins; its parent may be further than `position`.

    `key` None: any. Raises `ChainError` where the log will never follow.
    """
    opening, log = read_opening(event, key), event["log"]
    if opening is None or opening.part != 1 or (event["seq"] == 1 and event["prev"] != GENESIS):
        raise ChainError("opening", f"log {log} does not begin with an opening")
    if position is None:  # whatever was before: the opening states it
        return opening
    parent = opening.parent
    if parent is None:
        raise ChainError("fork", f"log {log} says it is the store's first, head office follows {position.log}")
    if parent.log != position.log:
        raise ChainError("fork", f"log {log} grows from {parent.log}, head office follows {position.log} since")
    if parent.seq < position.seq:
        raise ChainError(
            "parent",
            f"log {log} grows from event {parent.seq} of {parent.log}, of which head office has {position.seq}: "
            f"run jaego restore --from-hq in the store",
        )
    if parent.seq == position.seq and parent.hash != position.hash:
        raise ChainError(
            "parent",
            f"log {log} grows from another event {parent.seq} of {parent.log} than head office has: "
            f"run jaego restore --from-hq in the store",
        )
    return opening


def resumption(event: dict[str, Any], keys: Collection[str]) -> OpeningData:
    """The opening with which what is left of a pruned log begins, signed with one of `keys`; none: with any.

    Raises `ChainError`.
    """
    opening = read_opening(event)
    if opening is None or opening.part != 1:
        raise ChainError("opening", f"event {event['seq']} is the oldest that the store has, and no opening")
    if keys and opening.key not in keys:
        raise ChainError("key", f"the opening at event {event['seq']} is signed with a key that is not this store's")
    return opening


def numbers_before(log: str, seq: int, parent: Parent | None) -> list[Skipped]:
    """Numbers before a log's first event: up to its parent's end they never were any; behind it they are gone."""
    never = min(parent.seq, seq - 1) if parent is not None else 0
    found = [Skipped(log, 1, never)] if never else []
    return [*found, Skipped(log, never + 1, seq - 1)] if seq - 1 > never else found
