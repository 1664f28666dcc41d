"""The rules, and which threshold holds: SKU before category before neither, each with its store before without."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple, cast

Severity = Literal["info", "warning", "critical"]
Scope = Literal["sku", "kind", "store", "all"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
RULES_MAX = 100_000
DAY_US = 86_400_000_000


class Kind(NamedTuple):
    """A rule as it is without a row. `value` in `unit`; None: the item's own threshold, or none.

    `scope` is the finest that a row may name: an SKU (and a category), the kind of an exception (written in the
    column `category`), a store, or nothing. An alert closes once it was clearly better for `hold_s`.
    """

    unit: str
    value: int | None
    severity: Severity
    enabled: bool
    hold_s: int
    scope: Scope


RULES: dict[str, Kind] = {
    "low_stock": Kind("units", None, "warning", True, 60, "sku"),
    "overstock": Kind("units", None, "info", True, 60, "sku"),
    "stockout_risk": Kind("days", 3, "warning", True, 300, "sku"),
    "negative_stock": Kind("units", 1, "warning", True, 60, "sku"),
    "pos_difference": Kind("units", 1, "warning", True, 0, "sku"),
    "hq_difference": Kind("rows", 1, "critical", True, 0, "store"),
    "count_variance": Kind("permille", 980, "warning", True, 0, "store"),
    "duplicate_tag": Kind("stores", 2, "critical", True, 0, "all"),
    "store_silent": Kind("seconds", 900, "warning", True, 30, "store"),
    "device_down": Kind("seconds", 300, "warning", True, 60, "store"),
    "log_tampered": Kind("times", 1, "critical", True, 0, "store"),
    "log_forked": Kind("times", 1, "critical", True, 0, "store"),
    "ledger_damaged": Kind("times", 1, "critical", True, 0, "store"),
    "events_skipped": Kind("events", 1, "critical", True, 0, "store"),
    "opening_differs": Kind("items", 1, "critical", True, 0, "store"),
    "key_changed": Kind("times", 1, "info", True, 0, "store"),
    "disk_low": Kind("mib", 1_000, "warning", True, 300, "store"),
    "certificate_ends": Kind("days", 60, "warning", True, 60, "store"),
    "event_stuck": Kind("times", 1, "critical", True, 0, "store"),
    "uplink_behind": Kind("events", 10_000, "warning", True, 60, "store"),
    "worker_lagging": Kind("seconds", 60, "critical", True, 30, "all"),
    "exception": Kind("open", 1, "warning", False, 0, "kind"),
    "transfer_overdue": Kind("hours", 48, "warning", True, 0, "store"),
    "notice_undelivered": Kind("hours", 24, "critical", True, 0, "all"),
    "buffer": Kind("units", 0, "info", True, 0, "sku"),  # no alert: kept back from what is available
}
BUFFER = "buffer"
# Kinds of exceptions that are alerts without a row of their own.
KINDS_ON = frozenset({"duplicate_tag", "expired_lot"})


class Row(NamedTuple):
    """A row of the table `rule`."""

    rule: str
    store: str
    category: str
    sku: str
    value: int | None
    severity: Severity
    enabled: bool


class Threshold(NamedTuple):
    value: int | None
    severity: Severity
    enabled: bool


class RuleRefused(ValueError):
    """A row that no rule has. `field` is the column that is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def checked(row: Row) -> Row:
    """The row, if its rule may have it. Raises `RuleRefused`."""
    kind = RULES.get(row.rule)
    if kind is None:
        raise RuleRefused("rule", f"there is no rule {row.rule!r}: there are {', '.join(RULES)}")
    if row.severity not in SEVERITIES:
        raise RuleRefused("severity", f"severity is {row.severity!r}, expected {', '.join(SEVERITIES)}")
    if row.value is not None and not 0 <= row.value <= 10**12:
        raise RuleRefused("value", f"value is {row.value}, expected 0 to {10**12:,} {kind.unit}")
    if row.sku and (kind.scope != "sku" or row.category):
        raise RuleRefused("sku", "an SKU stands alone, and only in rules about single items")
    if row.category and kind.scope not in {"sku", "kind"}:
        raise RuleRefused("category", f"{row.rule} is not by category")
    if row.store and kind.scope == "all":
        raise RuleRefused("store", f"{row.rule} is about no one store")
    return row


class Rules:
    """The rows, found by what they are about."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._held: dict[str, dict[tuple[str, str, str], Threshold]] = {}
        for row in rows:
            place = (row.store, row.category, row.sku)
            self._held.setdefault(row.rule, {})[place] = Threshold(row.value, row.severity, row.enabled)

    def of(self, rule: str, store: str = "", category: str | None = None, sku: str = "") -> Threshold:
        """What holds. A row without a value takes the rule's own, which may be the item's: then it is None."""
        kind, rows = RULES[rule], self._held.get(rule)
        if rows is not None:
            for place in _places(store, category or "", sku):
                found = rows.get(place)
                if found is not None:
                    return found if found.value is not None else found._replace(value=kind.value)
        on = kind.enabled or (kind.scope == "kind" and category in KINDS_ON)
        return Threshold(kind.value, kind.severity, on)

    def kinds(self) -> list[str]:
        """Kinds of exceptions that are alerts somewhere."""
        rows = self._held.get("exception", {})
        named = {category for (_, category, _), one in rows.items() if one.enabled and category}
        return sorted(named | KINDS_ON)


def _places(store: str, category: str, sku: str) -> Iterable[tuple[str, str, str]]:
    if sku:
        yield from ((store, "", sku), ("", "", sku))
    if category:
        yield from ((store, category, ""), ("", category, ""))
    yield from ((store, "", ""), ("", "", ""))


def row_of(values: Iterable[object]) -> Row:
    """As the table has it: rule, store, category, sku, value, severity, enabled."""
    rule, store, category, sku, value, severity, enabled = values
    return cast("Row", Row(rule, store, category, sku, value, severity, bool(enabled)))  # type: ignore[arg-type]
