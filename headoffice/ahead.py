"""Events that wait for one before them: so many at most, and so many bytes. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

EVENTS_MAX = 1_000
SIZE_BYTES_MAX = 4 * 1024 * 1024


class Held(NamedTuple):
    event: dict[str, Any]
    body: bytes


class Ahead:
    """By log and sequence number. What finds no room comes again with a replay."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, int], Held] = {}
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, place: object) -> bool:
        return place in self._held

    def get(self, log: str, seq: int) -> dict[str, Any] | None:
        held = self._held.get((log, seq))
        return held.event if held else None

    def put(self, event: dict[str, Any], body: bytes) -> bool:
        """False where there is no room."""
        if len(self._held) >= EVENTS_MAX or self.size_bytes + len(body) > SIZE_BYTES_MAX:
            return False
        self._held[event["log"], event["seq"]] = Held(event, body)
        self.size_bytes += len(body)
        return True

    def take(self, log: str, seq: int) -> Held | None:
        held = self._held.pop((log, seq), None)
        if held is not None:
            self.size_bytes -= len(held.body)
        return held

    def keep(self, log: str, seq: int = 0) -> None:
        """Forget everything but events of this log behind `seq`."""
        for place in [place for place in self._held if place[0] != log or place[1] <= seq]:
            self.take(*place)

    def last(self, log: str) -> int:
        """The highest number of a log that waits, 0 where none does."""
        return max((seq for name, seq in self._held if name == log), default=0)
