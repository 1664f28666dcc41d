"""Conditions of a reader: each begins once and ends once."""

from __future__ import annotations

from drivers.reads import Arrival, Notice, Read


class Notices:
    """`silence`: the time without tags is over its limit and was looked at; its Notice, if any, is one of these."""

    def __init__(self, device: str) -> None:
        self.silence = False
        self._device = device
        self._active: dict[tuple[str, str], Notice] = {}
        self._silence_code: str | None = None

    def active(self, code: str, subject: str = "") -> bool:
        return (code, subject) in self._active

    def begin(self, code: str, message: str, hint: str, now: Arrival, subject: str = "") -> list[Read]:
        """Nothing if it has begun already."""
        if (code, subject) in self._active:
            return []
        notice = Notice(self._device, code, True, message, hint, now, subject)
        self._active[code, subject] = notice
        return [notice]

    def end(self, code: str, now: Arrival, subject: str = "") -> list[Read]:
        """Nothing if it has not begun."""
        begun = self._active.pop((code, subject), None)
        if begun is None:
            return []
        return [Notice(self._device, code, False, begun.message, begun.hint, now, subject)]

    def begin_silence(self, code: str, message: str, hint: str, now: Arrival) -> list[Read]:
        """One cause at a time: another one ends the one before."""
        if self._silence_code == code:
            return []
        reads = self.end_silence(now, still=True)
        self._silence_code = code
        return reads + self.begin(code, message, hint, now)

    def end_silence(self, now: Arrival, *, still: bool = False) -> list[Read]:
        """`still`: there is no tag yet, and the cause is said elsewhere or not known any more."""
        self.silence = still
        code, self._silence_code = self._silence_code, None
        return self.end(code, now) if code is not None else []
