"""What a store's configuration asks of operations. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal, NamedTuple

ReasonKind = Literal["in", "out", "scrap", "damage", "return"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Reason(NamedTuple):
    """A word for why. `kind` says what an adjustment for it does: to or from nowhere, to scrap, or to another
    disposition; `return` is for what customers bring back and vendors get back."""

    code: str
    kind: ReasonKind
    ko: str = ""
    en: str = ""

    def said(self, language: Literal["ko", "en"]) -> str:
        return (self.ko if language == "ko" else self.en) or self.code


REASONS = (
    Reason("FOUND", "in", "발견", "Found"),
    Reason("LOST", "out", "분실", "Lost"),
    Reason("SCRAP", "scrap", "폐기", "Scrapped"),
    Reason("EXPIRED", "scrap", "기한 지남", "Expired"),
    Reason("DAMAGED", "damage", "파손", "Damaged"),
    Reason("USED", "out", "매장 사용", "Used in the store"),
    Reason("UNWANTED", "return", "단순 변심", "Unwanted"),
    Reason("FAULTY", "return", "불량", "Faulty"),
)


@dataclass(frozen=True, slots=True)
class Rules:
    """A line of a count is within tolerance when its difference is within `count_tolerance_units` base units or within
    `count_tolerance_percent` of what is expected. `…_by_another` needs another clerk than those who counted or scanned.
    Damaged goods of a delivery go to `quarantine_zone`, picks to `pickup_zone`, where there is one.
    `zone` is the store's time zone: it decides which day it is.
    """

    count_tolerance_percent: int = 0
    count_tolerance_units: int = 0
    count_blind: bool = True
    recount_by_another: bool = True
    approve_by_another: bool = True
    count_every_days: int = 30
    count_zones_a_day: int = 3
    reasons: tuple[Reason, ...] = REASONS
    over_delivery_percent: int = 0
    expired: Literal["stop", "look"] = "stop"
    short_dated_days: int = 0
    quarantine_zone: str | None = None
    pickup_zone: str | None = None
    clerks_required: bool = False
    lock_idle_min: int = 0
    zone: tzinfo = UTC

    def reason(self, code: str | None) -> Reason | None:
        return next((one for one in self.reasons if one.code == code), None)

    def day(self, wall_us: int, ahead_days: int = 0) -> str:
        """The store's day at a moment, ISO 8601."""
        moment = _EPOCH + timedelta(microseconds=wall_us)
        return (moment.astimezone(self.zone) + timedelta(days=ahead_days)).date().isoformat()


DEFAULTS = Rules()
