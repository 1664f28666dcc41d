"""Conditions of a module: begun once, ended once, as notices."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.reads import Arrival, Notice


@dataclass(frozen=True, slots=True)
class Condition:
    """`subject` tells several of one code apart: an antenna's number."""

    code: str
    message: str
    hint: str
    subject: str = ""


class Conditions:
    """Those of one device. A condition with a time to hold ends by itself unless it is told again meanwhile."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._active: dict[tuple[str, str], tuple[Condition, int | None]] = {}

    def begin(self, condition: Condition, now: Arrival, hold_ns: int | None = None) -> list[Notice]:
        key = condition.code, condition.subject
        known = key in self._active
        until_ns = None if hold_ns is None else now.monotonic_ns + hold_ns
        self._active[key] = (condition, until_ns)
        return [] if known else [self._notice(condition, True, now)]

    def end(self, code: str, now: Arrival, subject: str = "") -> list[Notice]:
        found = self._active.pop((code, subject), None)
        return [] if found is None else [self._notice(found[0], False, now)]

    def tick(self, now: Arrival) -> list[Notice]:
        over = [
            condition
            for condition, until_ns in self._active.values()
            if until_ns is not None and now.monotonic_ns >= until_ns
        ]
        return [notice for one in over for notice in self.end(one.code, now, one.subject)]

    def next_deadline(self) -> int | None:
        return min((until_ns for _, until_ns in self._active.values() if until_ns is not None), default=None)

    def _notice(self, condition: Condition, active: bool, now: Arrival) -> Notice:
        return Notice(self._device, condition.code, active, condition.message, condition.hint, now, condition.subject)
