"""Numbers, times and words as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from headoffice.checks.texts import word as report_word
from headoffice.web.texts import Language, age, text, word
from headoffice.weights import sum_text

SECOND_US = 1_000_000
MISSING = "–"
TONES = {
    **dict.fromkeys(("up", "equal", "done", "closed", "online"), "good"),
    **dict.fromkeys(("connecting", "repaired", "closed_short", "warning", "open", "waiting", "expired"), "look"),
    **dict.fromkeys(("down", "failed", "refused", "different", "critical", "unanswered"), "stop"),
}


class Shown:
    """In one language, at one moment (microseconds since 1970, head office's clock).

    Times that stores told keep the store's own time of day; head office's are in this machine's zone (TZ).
    """

    def __init__(self, language: Language, now_us: int) -> None:
        self.language: Language = language
        self.now_us = now_us
        self._today = local(now_us).date()

    @property
    def zone(self) -> str:
        return local(self.now_us).strftime("%Z")

    def t(self, key: str, **facts: object) -> str:
        return text(key, self.language, **facts)

    def word(self, group: str, name: str | None) -> str:
        return MISSING if name is None else word(group, name, self.language)

    def number(self, value: float | None) -> str:
        """With thousands separators and a real minus."""
        return MISSING if value is None else f"{value:,}".replace("-", "−")

    def signed(self, value: int | None) -> str:
        return MISSING if value is None else f"{value:+,}".replace("-", "−")

    def percent(self, permille: int | None) -> str:
        return MISSING if permille is None else f"{permille / 10:.1f} %"

    def quantity(self, value: int | None, base_unit: str | None) -> str:
        """Goods by weight say so."""
        return f"{self.number(value)} g" if base_unit == "gram" and value is not None else self.number(value)

    def sum(self, pieces: int, grams: int) -> str:
        """Over several items: pieces, and kilograms of goods by weight beside them."""
        return sum_text(pieces, grams).replace("-", "−")

    def both(self, row: Any, name: str) -> str:
        """The same of a row that has `grams` beside its pieces."""
        return self.sum(getattr(row, name), getattr(row.grams, name, 0))

    def some(self, row: Any, name: str) -> bool:
        return bool(getattr(row, name) or getattr(row.grams, name, 0))

    def rate(self, a_second: float) -> str:
        return f"{a_second:,.1f}" if a_second < 100 else f"{a_second:,.0f}"

    def tone(self, state: str) -> str:
        """How good a state is, of whatever: good, look, stop or idle."""
        return TONES.get(state, "idle")

    def size(self, size_bytes: int | None) -> str:
        if size_bytes is None:
            return MISSING
        return f"{size_bytes / 1e9:,.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:,.1f} MB"

    def name(self, item: Any) -> str:
        """Of an item with `name_ko` and `name_en`; empty where the master has none."""
        both = (item.name_ko, item.name_en) if self.language == "ko" else (item.name_en, item.name_ko)
        return next((one for one in both if one), "")

    def either(self, told: Any, name: str) -> str:
        """`name_ko` or `name_en` of what has both."""
        return str(getattr(told, f"{name}_{self.language}"))

    def reported(self, name: str) -> str:
        """The heading of a figure of the weekly report."""
        return self.t("accuracy") if name == "accuracy_permille" else report_word(name, self.language)

    def at(self, at_us: int | None) -> str:
        """A moment of head office: today its time of day only."""
        return MISSING if not at_us else self._moment(local(at_us))

    def store_at(self, told: str | None) -> str:
        """A moment as a store told it, RFC 3339, in the store's own time of day."""
        if not told:
            return MISSING
        try:
            return self._moment(datetime.fromisoformat(told))
        except ValueError:
            return told

    def _moment(self, moment: datetime) -> str:
        if moment.date() == self._today:
            return moment.strftime("%H:%M:%S")
        if moment.year == self._today.year:
            return moment.strftime("%m-%d %H:%M")
        return moment.strftime("%Y-%m-%d %H:%M")

    def iso(self, at_us: int) -> str:
        return datetime.fromtimestamp(at_us / SECOND_US, UTC).isoformat(timespec="milliseconds")

    def age(self, at_us: int | None) -> str:
        return MISSING if not at_us else age(max(0, self.now_us - at_us) // SECOND_US, self.language)

    def span(self, seconds: int | None) -> str:
        return MISSING if seconds is None else age(seconds, self.language)

    def ago(self, at_us: int | None) -> str:
        if not at_us:
            return self.t("never")
        if self.now_us - at_us < 5 * SECOND_US:
            return self.t("just_now")
        return self.t("ago", age=self.age(at_us))

    def place(self, place: str) -> str:
        """A zone by its name; places outside the store in words."""
        if place.startswith("transit:"):
            return self.t("place_transit", store=place.removeprefix("transit:"))
        return word("place", place, self.language)


def local(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / SECOND_US, UTC).astimezone()
