"""What signatures in a log stand for: checked along its chain, and cut out for an outsider (docs/proof.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.errors import LedgerUnusable
from agent.ledger import files
from agent.ledger.reader import PAGE_EVENTS, Reader


def proof(reader: Reader, seq: int) -> dict[str, Any]:
    """Event `seq` and those behind it up to the next checkpoint, with the key that signs them.

    Raises `LedgerUnusable` where there is no such event, or no checkpoint behind it.
    """
    found: list[Mapping[str, Any]] = []
    start = seq
    while rows := reader.events(start, PAGE_EVENTS):
        for _seq, _kind, body in rows:
            event = files.parse(body)
            if event["seq"] != seq + len(found):
                break
            found.append(event)
            if len(found) > 1 and event["data"]["kind"] == "checkpoint":
                return {"key": event["data"]["key"], "events": found}
        start = rows[-1][0] + 1
    if seq < reader.first():
        raise LedgerUnusable(
            f"event {seq} was pruned: the log begins with event {reader.first()}",
            hint="an older snapshot may have it, and head office has its copy",
        )
    if not found:
        raise LedgerUnusable(
            f"there is no event {seq}: the log has {reader.first()} to {reader.head()}", hint="see jaego log show"
        )
    raise LedgerUnusable(
        f"event {seq} is not signed yet, nor are the {len(found) - 1} behind it",
        hint="a checkpoint is written after `checkpoint_events` events or `checkpoint_s` seconds, and at a clean stop",
    )
