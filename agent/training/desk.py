"""Who practises: stations that were put in practice, and screens by themselves. On the event loop only."""

from __future__ import annotations

from collections.abc import Callable

from agent.operations.values import Language
from agent.training.practice import CODE_BYTES_MAX, Heard, Practice, PracticeFull
from contract.times import Stamper
from identity import identify

PRACTICES_MAX = 50  # the one that was begun first makes room


class Practices:
    def __init__(self, now_us: Callable[[], int], stamper: Stamper) -> None:
        self._now_us = now_us
        self._stamper = stamper
        self._held: dict[str, Practice] = {}

    def begin(self, name: str, language: Language) -> Practice:
        """From the first lesson on, whatever was practised before under this name."""
        self._held.pop(name, None)
        while len(self._held) >= PRACTICES_MAX:
            del self._held[next(iter(self._held))]
        self._held[name] = begun = Practice(language, self._now_us(), self._stamper)
        return begun

    def end(self, name: str) -> None:
        self._held.pop(name, None)

    def get(self, name: str) -> Practice | None:
        """None once its time is over."""
        held = self._held.get(name)
        return None if held is None or held.ends_us <= self._now_us() else held

    def scan(self, name: str, data: bytes) -> Heard | None:
        """None for who does not practise: then the scan is a real one. LOGOUT ends the practice; so does its time, and
        more than a practice takes, which the next scan is told: whoever thinks to practise changes no stock."""
        held = self._held.get(name)
        if held is None:
            return None
        order = identify(data[:CODE_BYTES_MAX]).control
        if order is not None and order.verb == "LOGOUT":
            self.end(name)
            return held.over()
        try:
            if held.ends_us > self._now_us():
                return held.scan(data)
        except PracticeFull:
            pass
        self.end(name)
        return held.lapsed()
