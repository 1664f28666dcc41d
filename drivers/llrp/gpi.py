"""Inputs of a reader: every change is a read, and the time that a photo-eye's beam is broken is a window.

    eye     ____/~~~~~~~~~~\\________________
    window      [ reads …   ][ settle_ms ]  -> SensorWindow, with tag_reads 0 for a passage that nobody read

Reads count by the order in which they come, for a reader sends its events and reports in order, also those it held. A
beam that is broken again within `settle_ms` (a gap in a cart) continues its window.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.llrp.settings import LlrpSettings
from drivers.reads import Arrival, Read, SensorRead, SensorWindow
from drivers.session import NS_PER_MS, NS_PER_S


@dataclass(slots=True)
class _Window:
    opened_us: int
    cut_ns: int
    tag_reads: int = 0
    closed_us: int | None = None
    settled_ns: int = 0


class Inputs:
    def __init__(self, device: str, settings: LlrpSettings) -> None:
        self._device = device
        self._eye = settings.eye_port
        self._broken = settings.eye_level == "high"
        self._settle_ms = settings.settle_ms
        self._window_s_max = settings.window_s_max
        self._window: _Window | None = None

    def level(self, port: int, level: bool, at_us: int, now: Arrival) -> list[Read]:
        """An input changed at `at_us`, by the host's clock."""
        reads: list[Read] = [SensorRead(self._device, port, level, now)]
        if port != self._eye:
            return reads
        if level == self._broken:
            return reads + self.open(at_us, now)
        window = self._window
        if window is not None and window.closed_us is None:
            window.closed_us = max(at_us, window.opened_us)
            window.settled_ns = now.monotonic_ns + self._settle_ms * NS_PER_MS
        return reads

    def open(self, at_us: int, now: Arrival) -> list[Read]:
        """The beam is broken since `at_us`."""
        window, reads = self._window, list[Read]()
        if window is not None:
            if window.closed_us is None:
                return []
            if at_us - window.closed_us < self._settle_ms * 1000:
                window.closed_us = None
                return []
            reads = self._emit(window, window.closed_us, now)
        self._window = _Window(at_us, now.monotonic_ns + int(self._window_s_max * NS_PER_S))
        return reads

    @property
    def broken(self) -> bool:
        """The beam is, as far as it is known."""
        return self._window is not None and self._window.closed_us is None

    def count(self, tag_reads: int) -> None:
        if self._window is not None:
            self._window.tag_reads += tag_reads

    def tick(self, now: Arrival) -> list[Read]:
        window = self._window
        if window is None or now.monotonic_ns < self._deadline_ns(window):
            return []
        if window.closed_us is not None:
            return self._emit(window, window.closed_us, now)
        return self._emit(window, window.opened_us + round(self._window_s_max * 1_000_000), now, cut=True)

    def next_deadline(self) -> int | None:
        return None if self._window is None else self._deadline_ns(self._window)

    def close(self, now: Arrival) -> list[Read]:
        """The connection ends: an open window is cut here."""
        window = self._window
        if window is None:
            return []
        if window.closed_us is not None:
            return self._emit(window, window.closed_us, now)
        return self._emit(window, max(now.wall_us, window.opened_us), now, cut=True)

    def _deadline_ns(self, window: _Window) -> int:
        return window.cut_ns if window.closed_us is None else window.settled_ns

    def _emit(self, window: _Window, closed_us: int, now: Arrival, *, cut: bool = False) -> list[Read]:
        self._window = None
        assert self._eye is not None
        longest_us = window.opened_us + round(self._window_s_max * 1_000_000)
        over = closed_us > longest_us
        return [
            SensorWindow(
                self._device,
                self._eye,
                window.opened_us,
                min(closed_us, longest_us),
                window.tag_reads,
                cut or over,
                now,
            )
        ]
