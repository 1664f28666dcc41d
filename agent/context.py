"""Time and chance of one command, drawn from the clock."""

from __future__ import annotations

from agent.clock import Clock
from agent.operations.values import Context
from contract.ids import uuid7


def context_now(clock: Clock) -> Context:
    return context_at(clock, clock.now().wall_us)


def context_at(clock: Clock, wall_us: int) -> Context:
    """Of something that happened at `wall_us`, such as a scan that arrived."""
    return Context(wall_us, clock.state(), uuid7(wall_us // 1000, clock.entropy(10)))
