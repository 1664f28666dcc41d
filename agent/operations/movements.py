"""Movements, and what must be said when stock falls below zero: allowed, and reported at that moment. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from agent.operations.values import Context, Draft
from contract.stock import StockKey, line_deltas


class StockState(Protocol):
    def stock(self, key: StockKey) -> int: ...


def movement(data: Mapping[str, Any], source: Mapping[str, Any], context: Context) -> Draft:
    """Raises `StockError` for lines that say nothing definite."""
    deltas = [delta for line in data["lines"] for delta in line_deltas(line)]
    return Draft("movement", data, source, context.occurred_us, context.clock, deltas)


def below_zero(
    state: StockState, draft: Draft, seq: int, source: Mapping[str, Any], context: Context
) -> Iterator[tuple[StockKey, int, Draft]]:
    """Key, quantity and exception of each stock that this movement, event `seq`, takes below zero."""
    for key, delta in summed(draft.deltas).items():
        before = state.stock(key)
        if before + delta < 0 <= before:
            data = {
                "kind": "negative_stock",
                "reason": "below_zero",
                "sku": key.sku,
                "zone": key.zone,
                "quantity": before + delta,
                "concerns": {"seq": seq},
            }
            yield key, before + delta, Draft("exception", data, source, context.occurred_us, context.clock)


def summed(deltas: Sequence[tuple[StockKey, int]]) -> dict[StockKey, int]:
    if len(deltas) == 1:  # the commonest, four times a scan
        return dict(deltas)
    found: dict[StockKey, int] = {}
    for key, delta in deltas:
        found[key] = found.get(key, 0) + delta
    return found
