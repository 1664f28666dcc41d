"""Event numbers of a reader: what they say about events that never came.

The numbers rise by one from 0 or 1 at the reader's start. Three things look like a jump and are none: a restart
(back to 0 or 1), a counter that runs over (16, 31 or 32 bits), and a document that comes again or late (MQTT promises
no order across a reconnect of the reader).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

LATE_MAX = 100  # so far back a number is a late or repeated event, farther back the reader has restarted
_WRAPS = (1 << 16, 1 << 31, 1 << 32)
_WRAP_LOSS_MAX = 1000


class Step(Enum):
    NEXT = "next"
    GAP = "gap"  # forward: events between are missing
    RESTART = "restart"
    WRAP = "wrap"
    LATE = "late"
    AGAIN = "again"  # the number that came last


@dataclass(frozen=True, slots=True)
class Seen:
    """`missing` tells the numbers that never came, and is empty when none is known to be missing."""

    step: Step
    missing: str = ""


class EventNumbers:
    """The numbers of one connection. `forget` after a loss of our own, which is reported by itself."""

    def __init__(self) -> None:
        self._last: int | None = None

    def forget(self) -> None:
        self._last = None

    def take(self, number: int) -> Seen:
        last = self._last
        if last is not None and number <= last and last - number <= LATE_MAX and not _restarts(number, last):
            return Seen(Step.AGAIN if number == last else Step.LATE)
        self._last = number
        if last is None or number == last + 1:
            return Seen(Step.NEXT)
        if number > last:
            return Seen(Step.GAP, _between(last + 1, number - 1))
        wrap = next((size for size in _WRAPS if last < size and size - last + number <= _WRAP_LOSS_MAX), None)
        if wrap is not None:
            return Seen(Step.WRAP, _across(last, number, wrap))
        return Seen(Step.RESTART, "" if number <= 1 else f"{_between(1, number - 1)} since its restart")


def _restarts(number: int, last: int) -> bool:
    return number <= 1 and last > number + 1


def _between(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first} to {last} ({last - first + 1})"


def _across(last: int, number: int, size: int) -> str:
    """From `last` over the end `size` - 1 to `number`; whether 0 is used is not known, so it alone is no loss."""
    parts: list[str] = []
    if last + 1 < size:
        parts.append(_between(last + 1, size - 1))
    if number > 1:
        parts.append(_between(1, number - 1))
    return ", ".join(parts)
