"""Figures against thresholds. Pure.

Where a threshold is crossed back, a margin of a tenth lies between raised and clear: what goes to and fro there neither
opens nor closes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from headoffice.alerts.engine import Facts, Found, Verdict
from headoffice.alerts.rules import Rules, Threshold

SALES_DAYS = 14
SALES_DAYS_MIN = 7  # an item that is sold since yesterday has no better average than this
MARGIN = 10
TAMPERED = frozenset({"hash", "prev", "signature", "key"})
FORKED = frozenset({"fork", "parent"})
DOWN = frozenset({"down", "failed", "refused"})


class Figures(NamedTuple):
    """One SKU of one store, in base units. `lowest` is its lowest row; `sold` net over `days` days."""

    sku: str
    on_hand: int
    sellable: int
    lowest: int
    reserved: int
    sold: int
    days: int
    category: str | None
    stock_min: int | None
    stock_max: int | None
    name_ko: str | None
    name_en: str | None
    base_unit: str | None


def sku_found(store: str, one: Figures, rules: Rules) -> Iterator[Found]:
    """What the four rules about an SKU in a store say; a rule that is off or without a threshold finds it clear."""

    def holds(rule: str) -> Threshold:
        return rules.of(rule, store, one.category, one.sku)

    available = one.sellable - one.reserved - (holds("buffer").value or 0)
    named = item_facts(one)
    low = holds("low_stock")
    least = one.stock_min if low.value is None else low.value
    yield _found("low_stock", store, one.sku, low, _below(available, least), named | _facts(available, min=least))
    over = holds("overstock")
    most = one.stock_max if over.value is None else over.value
    verdict = "clear" if most is None else _below(-one.on_hand, -most)
    yield _found("overstock", store, one.sku, over, verdict, named | {"on_hand": one.on_hand, "max": most or 0})
    risk = holds("stockout_risk")
    cover = named | _facts(available, days=max(0, available) * one.days // max(1, one.sold), least=risk.value)
    yield _found("stockout_risk", store, one.sku, risk, _runs_out(available, one, risk.value), cover)
    negative = holds("negative_stock")
    gone: Verdict = "raised" if one.lowest <= -max(1, negative.value or 1) else "clear"
    yield _found("negative_stock", store, one.sku, negative, gone, named | {"quantity": one.lowest})


def _facts(available: int, **more: int | None) -> Facts:
    return {"available": available, **{name: value or 0 for name, value in more.items()}}


def item_facts(one: Figures) -> Facts:
    names = {"name_ko": one.name_ko, "name_en": one.name_en}
    return {"sku": one.sku, **{name: text for name, text in names.items() if text}, **_unit(weighed=_weighed(one))}


def _weighed(one: Figures | DayLine) -> bool:
    return one.base_unit == "gram"


def _unit(*, weighed: bool) -> Facts:
    """What numbers are in, where they are no pieces."""
    return {"unit": "gram"} if weighed else {}


def _below(value: int, least: int | None) -> Verdict:
    if least is None:
        return "clear"
    if value < least:
        return "raised"
    return "clear" if value >= least + abs(least) // MARGIN else "between"


def _runs_out(available: int, one: Figures, days: int | None) -> Verdict:
    """Cover is `available` over what is sold in a day."""
    if not days or one.sold <= 0:
        return "clear"
    if available * one.days < days * one.sold:
        return "raised"
    return "clear" if available * one.days * MARGIN >= days * one.sold * (MARGIN + 1) else "between"


def _found(rule: str, store: str, subject: str, holds: Threshold, verdict: Verdict, facts: Facts) -> Found:
    return Found(rule, store, subject, verdict if holds.enabled else "clear", holds.severity, facts)


def judged(
    rule: str, store: str, subject: str, rules: Rules, value: int, facts: Facts, *, below: bool = False
) -> Found:
    """A figure that must stay below the rule's threshold, 1 at least; with `below`, one that must not fall below it."""
    holds = rules.of(rule, store)
    limit = max(1, holds.value or 0)
    verdict: Verdict = "raised" if (value < limit if below else value >= limit) else "clear"
    return _found(rule, store, subject, holds, verdict, facts)


def exceptions_found(store: str, kind: str, unsettled: int, rules: Rules) -> Found:
    holds = rules.of("exception", store, kind)
    verdict: Verdict = "raised" if unsettled >= max(1, holds.value or 1) else "clear"
    return _found("exception", store, kind, holds, verdict, {"kind": kind, "open": unsettled})


class DayLine(NamedTuple):
    """What was sold of an SKU in a day, less what came back: by the ledger, and by the tills."""

    sku: str
    category: str | None
    base_unit: str | None
    ledger: int
    tills: int


def pos_found(store: str, day: str, lines: Iterable[DayLine], rules: Rules) -> Found:
    """One alert for a store's day: how many SKUs are off by their threshold or more, and the worst of them."""
    off = [(abs(one.ledger - one.tills), one) for one in lines if one.ledger != one.tills]
    over: list[tuple[int, DayLine]] = []
    for size, one in off:
        holds = rules.of("pos_difference", store, one.category, one.sku)
        if holds.enabled and size >= max(1, holds.value or 1):
            over.append((size, one))
    holds = rules.of("pos_difference", store)
    facts: Facts = {"day": day, "skus": len(over), "units": sum(size for size, one in over if not _weighed(one))}
    if grams := sum(size for size, one in over if _weighed(one)):
        facts["grams"] = grams
    if over:
        worst = max(over, key=lambda pair: (pair[0] / (1000 if _weighed(pair[1]) else 1), pair[1].sku))[1]
        facts |= {"sku": worst.sku, "ledger": worst.ledger, "tills": worst.tills, **_unit(weighed=_weighed(worst))}
    return Found("pos_difference", store, day, "raised" if over else "clear", holds.severity, facts)


def rounded(value: int) -> int:
    """To two digits, so that a figure that moves all the time is not news all the time."""
    digits = len(str(abs(value))) - 2
    return value if digits <= 0 else round(value, -digits)
