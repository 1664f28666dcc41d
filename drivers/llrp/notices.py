"""Conditions of one connected reader, each said once when it begins and once when it ends."""

from __future__ import annotations

from drivers.reads import Arrival, Notice, Read

NOTICES_MAX = 64


class Notices:
    def __init__(self, device: str) -> None:
        self._device = device
        self._held: dict[tuple[str, str], Notice] = {}

    def holds(self, code: str, subject: str = "") -> bool:
        return (code, subject) in self._held

    def begin(self, code: str, message: str, hint: str, now: Arrival, *, subject: str = "") -> list[Read]:
        """Nothing if it lasts already, or if more than 64 last: a reader has not so many parts that can fail."""
        key = (code, subject)
        if key in self._held or len(self._held) >= NOTICES_MAX:
            return []
        self._held[key] = Notice(self._device, code, True, message, hint, now, subject)
        return [self._held[key]]

    def end(self, code: str, message: str, now: Arrival, *, subject: str = "") -> list[Read]:
        if self._held.pop((code, subject), None) is None:
            return []
        return [Notice(self._device, code, False, message, "", now, subject)]
