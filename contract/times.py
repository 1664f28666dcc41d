"""Times on the wire: RFC 3339 with the store's offset and milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Stamper:
    """Microseconds since 1970 to text in one zone; the part up to the second is kept, scans come in bursts."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._second = -1
        self._head = ""
        self._tail = ""

    def text(self, wall_us: int) -> str:
        second, micro = divmod(wall_us, 1_000_000)
        if second != self._second:
            local = (_EPOCH + timedelta(seconds=second)).astimezone(self._zone).isoformat()
            self._second, self._head, self._tail = second, local[:19], local[19:]
        return f"{self._head}.{micro // 1000:03d}{self._tail}"


def parse_us(text: str) -> int:
    """Microseconds since 1970. Raises `ValueError` for a time without an offset or no time at all."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset: write it as in 2026-09-07T12:50:36.194+09:00")
    return (moment - _EPOCH) // timedelta(microseconds=1)
