"""Days as stores write them: 2026-11-26."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo

import orjson

from headoffice.database import Database

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def day_of(wall_us: int, zone: tzinfo | None = None) -> str:
    """Without a zone: that of this machine."""
    return _date(wall_us, zone).isoformat()


def days_before(wall_us: int, days: int, zone: tzinfo | None = None) -> str:
    """The first of so many days up to today."""
    return (_date(wall_us, zone) - timedelta(days=days - 1)).isoformat()


def zone_of(database: Database, store: str, log: str, seq: int) -> tzinfo | None:
    """The offset that a store's clock had when it wrote an event. None: the event says none."""
    rows = database.rows("SELECT body FROM event WHERE store = ? AND log = ? AND seq = ?", (store, log, seq))
    try:
        return datetime.fromisoformat(orjson.loads(rows[0][0])["occurred_at"]).tzinfo
    except (IndexError, KeyError, TypeError, ValueError):  # damaged: a check will say so
        return None


def _date(wall_us: int, zone: tzinfo | None) -> date:
    return (_EPOCH + timedelta(microseconds=wall_us)).astimezone(zone).date()
