"""The weekly quality report: how right each store's books are, and how well it is heard.

A week is ISO 8601's, Monday to Sunday, in UTC by when head office stored what came (`daily`: the stores' own days).
What is summed over all stores is a handful of grouped queries; how long events took is a sample of each store's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, NamedTuple

import orjson
from pydantic import Field

from contract.times import parse_us
from headoffice.database import Database
from headoffice.view.paging import Page, Told, cursor_of, marks, place_of
from headoffice.weights import weighed

SAMPLE_EVENTS = 50
TOP = 10
COUNTS_READ_MAX = 2_000
DAY_US = 86_400_000_000
_EPOCH = date(1970, 1, 1)
_OTHERS = "'exception', 'counted', 'journal', 'document'"  # kinds of a day that are no movements


class Week(NamedTuple):
    """`2026-W47`; its days, and its microseconds."""

    name: str
    first: date

    @property
    def last(self) -> date:
        return self.first + timedelta(days=6)

    @property
    def begin_us(self) -> int:
        return (self.first - _EPOCH).days * DAY_US

    @property
    def end_us(self) -> int:
        return self.begin_us + 7 * DAY_US


class Sums(Told):
    """Of a store, or of all."""

    checks_equal: int = 0
    checks_repaired: int = 0
    checks_different: int = 0
    checks_not_compared: int = 0
    counts: int = Field(0, description="approved counts of a zone")
    accuracy_permille: int | None = Field(None, description="of the counts, by lines; null: nothing was counted")
    lines_off: int = Field(0, description="lines of the counts that differed")
    movements: int = 0
    exceptions: int = 0
    exceptions_permille: int | None = Field(None, description="for 1,000 movements; null: nothing moved")
    refused: int = Field(0, description="kinds of things refused (quarantine) that came in the week")
    pos_days_off: int = Field(0, description="days on which the tills sold something else")
    negative_open: int = Field(0, description="SKUs with stock below zero that are an open alert now")
    silent_days: int = Field(0, description="days without any event; for all stores: summed")


class StoreReport(Sums):
    store: str
    latency_p50_ms: int | None = Field(
        None, description="from written in the store to stored here, of a sample; null: nothing came with a good clock"
    )
    latency_p99_ms: int | None = None


class TopDifference(Told):
    store: str
    sku: str
    units: int = Field(description="counted, or checked, less what the books said")
    base_unit: str = Field(description="what the units are: each, or gram")
    found_by: str = Field(description="count, check")


class Report(Told):
    week: str
    first_day: str
    last_day: str
    stores: int
    overall: Sums
    top: list[TopDifference] = Field(description=f"the {TOP} largest")


class NoWeek(ValueError):
    pass


def week_of(text: str) -> Week:
    """Raises `NoWeek`."""
    year, _, number = text.partition("-W")
    try:
        return Week(text, date.fromisocalendar(int(year), int(number), 1))
    except ValueError as error:
        raise NoWeek(f"{text!r} is no week: write it as 2026-W47") from error


def last_week(now_us: int) -> Week:
    """The one that is over."""
    day = datetime.fromtimestamp(now_us / 1e6, UTC).date() - timedelta(days=7)
    year, week, _ = day.isocalendar()
    return week_of(f"{year}-W{week:02d}")


def report(database: Database, week: Week) -> Report:
    each = _summed(database, week, None)
    return Report(
        week=week.name,
        first_day=week.first.isoformat(),
        last_day=week.last.isoformat(),
        stores=len(each),
        overall=_total(each.values()),
        top=_top(database, week),
    )


def stores(
    database: Database, week: Week, *, cursor: str | None = None, limit: int = 50, store: str | None = None
) -> Page[StoreReport]:
    after = place_of(cursor, str)[0] if cursor is not None else ""
    rows = database.rows(
        "SELECT store FROM position WHERE store > ? AND (? = '' OR store = ?) ORDER BY store LIMIT ?",
        (after, store or "", store or "", limit + 1),
    )
    names = [row[0] for row in rows[:limit]]
    each = _summed(database, week, names)
    found = [StoreReport(store=name, **_latency(database, name, week), **_worded(each[name])) for name in names]
    return Page(rows=found, more=cursor_of(names[-1]) if len(rows) > limit else None)


# -- sums -----------------------------------------------------------------------------------------------------------

_Sum = dict[str, int]
_VERDICTS = ("equal", "repaired", "different", "not_compared")


def _summed(database: Database, week: Week, names: Sequence[str] | None) -> dict[str, _Sum]:
    """What grouped queries give, of all stores or of some."""
    known = [row[0] for row in database.rows("SELECT store FROM position")] if names is None else names
    where = "" if names is None else f" AND store IN ({marks(names)})"
    spans = {"at": (week.begin_us, week.end_us), "days": (week.first.isoformat(), week.last.isoformat()), "now": ()}
    each: dict[str, _Sum] = {name: {} for name in known}
    for source, span, sums in _QUERIES:
        sql = f"SELECT store, {', '.join(sums.values())} FROM {source}{where} GROUP BY store"
        for store, *found in database.rows(sql, (*spans[span], *(names or ()))):
            if store in each:
                each[store].update({name: int(value or 0) for name, value in zip(sums, found, strict=True)})
    return each


def _sum(expression: str) -> str:
    return f"CAST(SUM({expression}) AS INTEGER)"


def _where(condition: str, value: str = "1") -> str:
    return _sum(f"CASE WHEN {condition} THEN {value} ELSE 0 END")


class _Query(NamedTuple):
    """Sums of a table, by their names; `span` says which values the conditions want."""

    source: str
    span: Literal["at", "days", "now"]
    sums: dict[str, str]


_AT = "WHERE at_us >= ? AND at_us < ?"
_QUERIES = (
    _Query(f"data_check {_AT}", "at", {f"checks_{one}": _where(f"verdict = '{one}'") for one in _VERDICTS}),
    _Query(
        f"counted {_AT}",
        "at",
        {
            "counts": "COUNT(*)",
            "lines": _sum("lines_total"),
            "right": _sum("lines_total * accuracy_permille"),
            "lines_off": _sum("lines_total - (lines_total * exact_permille + 999) / 1000"),
        },
    ),
    _Query(
        "daily WHERE day >= ? AND day <= ?",
        "days",
        {
            "movements": _where(f"kind NOT IN ({_OTHERS})", "events"),
            "exceptions": _where("kind = 'exception'", "events"),
            "days": "COUNT(DISTINCT day)",
        },
    ),
    _Query("quarantine WHERE last_at_us >= ? AND last_at_us < ?", "at", {"refused": "COUNT(*)"}),
    _Query(
        "alert WHERE rule = 'pos_difference' AND subject >= ? AND subject <= ?", "days", {"pos_days_off": "COUNT(*)"}
    ),
    _Query("alert WHERE rule = 'negative_stock' AND closed_us IS NULL", "now", {"negative_open": "COUNT(*)"}),
)


def _worded(found: _Sum) -> dict[str, Any]:
    """Sums as they are told: shares instead of what they are made of."""
    lines, movements = found.get("lines", 0), found.get("movements", 0)
    told: dict[str, Any] = {name: found.get(name, 0) for name in Sums.model_fields}
    told["accuracy_permille"] = found.get("right", 0) // lines if lines else None
    told["exceptions_permille"] = found.get("exceptions", 0) * 1000 // movements if movements else None
    told["silent_days"] = found.get("silent_days", 7 - min(7, found.get("days", 0)))
    return told


def _total(each: Iterable[_Sum]) -> Sums:
    total: _Sum = {"silent_days": 0}
    for found in each:
        for name, value in found.items():
            total[name] = total.get(name, 0) + value
        total["silent_days"] += 7 - min(7, found.get("days", 0))
    return Sums(**_worded(total))


# -- how long events took -------------------------------------------------------------------------------------------


def _latency(database: Database, store: str, week: Week) -> dict[str, int | None]:
    held = database.rows("SELECT log, seq FROM position WHERE store = ?", (store,))
    if not held:
        return {"latency_p50_ms": None, "latency_p99_ms": None}
    log, last = held[0]
    first = _first_at(database, store, log, last, week.begin_us)
    end = _first_at(database, store, log, last, week.end_us)
    wanted = (
        sorted({first + (end - first) * part // SAMPLE_EVENTS for part in range(SAMPLE_EVENTS)}) if end > first else []
    )
    rows = database.rows(
        f"SELECT body, at_us FROM event WHERE store = ? AND log = ? AND seq IN ({marks(wanted)})", (store, log, *wanted)
    )
    took = sorted(took for body, at_us in rows if (took := _took_ms(body, at_us)) is not None)
    if not took:
        return {"latency_p50_ms": None, "latency_p99_ms": None}
    return {"latency_p50_ms": took[len(took) // 2], "latency_p99_ms": took[min(len(took) - 1, len(took) * 99 // 100)]}


def _first_at(database: Database, store: str, log: str, last: int, at_us: int) -> int:
    """The first event of the log that was stored at or after a moment; `last` + 1 if none was. By halving."""
    low, high = 1, last + 1
    while low < high:
        middle = (low + high) // 2
        rows = database.rows("SELECT at_us FROM event WHERE store = ? AND log = ? AND seq = ?", (store, log, middle))
        if rows and rows[0][0] >= at_us:
            high = middle
        else:
            low = middle + 1
    return low


def _took_ms(body: bytes, at_us: int) -> int | None:
    """None where the store's clock says nothing, or head office does not know when it stored it."""
    try:
        event = orjson.loads(body)
        if event["clock"] != "synced" or not at_us:
            return None
        return max(0, (at_us - parse_us(event["recorded_at"])) // 1000)
    except (ValueError, KeyError, TypeError):
        return None


# -- the largest differences ----------------------------------------------------------------------------------------


def _top(database: Database, week: Week) -> list[TopDifference]:
    units: dict[tuple[str, str, str], int] = {}
    for store, lines in database.rows(
        "SELECT store, lines FROM counted WHERE at_us >= ? AND at_us < ? AND units_off > 0 "
        "ORDER BY units_off DESC LIMIT ?",
        (week.begin_us, week.end_us, COUNTS_READ_MAX),
    ):
        for line in orjson.loads(lines):
            place = (store, line["sku"], "count")
            units[place] = units.get(place, 0) + line["delta"]
    for store, body in database.rows(
        "SELECT store, body FROM data_check WHERE at_us >= ? AND at_us < ? AND rows_off > 0 "
        "ORDER BY units_off DESC LIMIT ?",
        (week.begin_us, week.end_us, COUNTS_READ_MAX),
    ):
        for one in orjson.loads(body)["differences"]:
            place = (store, one["sku"], "check")
            units[place] = units.get(place, 0) + one["store"] - one["head_office"]
    by_weight = weighed(database, (sku for _, sku, _ in units))
    largest = sorted(
        units.items(), key=lambda item: (-abs(item[1]) / (1000 if item[0][1] in by_weight else 1), item[0])
    )
    return [
        TopDifference(
            store=store, sku=sku, units=size, base_unit="gram" if sku in by_weight else "each", found_by=found_by
        )
        for (store, sku, found_by), size in largest[:TOP]
        if size
    ]
