"""Charts as data: titles, units, axes and series in the reader's language. The desk's pages draw them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from contract.ids import NAME
from headoffice.clock import Clock
from headoffice.database import Database
from headoffice.view import charts as view
from headoffice.view.charts import Point
from headoffice.view.figures import Figures
from headoffice.web.language import language_of
from headoffice.web.pages import UNKNOWN
from headoffice.web.room import Reading, Refused, Time, room_of
from headoffice.web.shown import Shown, local
from headoffice.web.texts import Language, text, word

DAYS_MAX = 62
KEPT_S_MIN = 10.0
KEPT_TIMES = 20  # a heavy answer is kept so many times as long as it took: at most 5 % of a core

Name = Literal[
    "movements-by-hour",
    "movements-by-day",
    "sales-by-day",
    "accuracy-by-day",
    "exceptions-by-kind",
    "stores-by-state",
    "stock-by-store",
    "stock-by-category",
    "sales-by-store",
    "received-by-store",
    "lines-off-by-store",
    "sku-by-store",
    "sku-sales-by-day",
]
Hours = tuple[list[Point], int]  # and how far back they go, where that is not all
router = APIRouter(tags=["charts"])


class Trace(BaseModel):
    name: str = Field(description="of the series; empty where there is one only")
    kind: Literal["bar", "line"]
    x: list[str]
    y: list[float | None] = Field(description="null: nothing is known of it")


class Chart(BaseModel):
    chart: str
    title: str
    note: str = Field(description="what it covers; may be empty")
    unit: str = Field(description="of y")
    x: str = Field(description="what the values of x are")
    stacked: bool
    horizontal: bool = Field(description="bars that lie, their names beside them")
    range: tuple[float, float] | None = Field(description="of y, where it is not from zero to the highest")
    traces: list[Trace]


class Asked:
    """One question: of which chart, over how many days, of which store and SKU."""

    def __init__(self, database: Database, clock: Clock, language: Language, days: int, store: str | None) -> None:
        self.database, self.clock, self.store = database, clock, store
        self.language: Language = language
        self.now_us = clock.wall_us()
        today = local(self.now_us).date()
        self.span = days
        self.days = view.days(today, days)
        self.since = self.days[0]
        self.since_us = self.now_us - days * view.DAY_US

    def t(self, key: str, **facts: object) -> str:
        return text(key, self.language, **facts)


class Kept:
    """The newest answer of a heavy query, kept for a while. One makes it, the others wait for that."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until_s = float("-inf")
        self._held: Hours = ([], 0)

    def get(self, clock: Clock, make: Callable[[], Hours]) -> Hours:
        with self._lock:
            begun_s = clock.now_s()
            if begun_s >= self._until_s:
                self._held = make()
                self._until_s = begun_s + max(KEPT_S_MIN, KEPT_TIMES * (clock.now_s() - begun_s))
            return self._held


def _kept(request: Request) -> Kept:
    state = request.app.state
    if not hasattr(state, "charts"):
        state.charts = Kept()
    kept: Kept = state.charts
    return kept


@router.get("/api/v1/charts/{chart}", summary="One chart's data")
def chart(
    chart: Annotated[Name, Path(description="which one")],
    request: Request,
    database: Reading,
    clock: Time,
    days: Annotated[int, Query(ge=1, le=DAYS_MAX, description="that end with today")] = 14,
    store: Annotated[str | None, Query(pattern=f"^{NAME.pattern}$", description="one store only")] = None,
    sku: Annotated[str | None, Query(pattern=f"^{NAME.pattern}$", description="one SKU only")] = None,
    lang: Annotated[Literal["ko", "en"] | None, Query(description="of titles and series")] = None,
) -> Chart:
    """The numbers of one chart of the pages, in base units, movements, exceptions or percent, as `unit` says."""
    asked = Asked(database, clock, lang or language_of(request, UNKNOWN), days, store)
    if chart in {"sku-by-store", "sku-sales-by-day"}:
        if sku is None:
            raise Refused(422, "missing", asked.t("hint_sku"), "sku")
        unit = "unit_grams" if view.is_weighed(database, sku) else "unit_units"
        if chart == "sku-by-store":
            return _bars(asked, chart, view.sku_by_store(database, sku), unit, "axis_store")
        return _daily(asked, chart, view.sku_sales_by_day(database, sku, asked.since, store), unit)
    if chart in {"stock-by-store", "stock-by-category"}:
        return _stock(asked, chart, room_of(request).figures)
    if chart == "movements-by-hour":
        return _hours(asked, _kept(request))
    return _LIGHT[chart](asked)


def _made(asked: Asked, name: str, traces: list[Trace], unit: str, x: str, *, note: str = "", stacked: bool = False,
          horizontal: bool = False, span: tuple[float, float] | None = None) -> Chart:  # fmt: skip
    title = asked.t(f"chart_{name.replace('-', '_')}")
    return Chart(
        chart=name, title=title, note=note, unit=asked.t(unit), x=asked.t(x), stacked=stacked, horizontal=horizontal,
        range=span, traces=traces,
    )  # fmt: skip


def _daily(asked: Asked, name: str, points: Sequence[Point], unit: str) -> Chart:
    """Stacked bars over all days of the span, by kind of movement; days without any are zero."""
    traces = _series(points, asked.days, lambda kind: word("moved", kind, asked.language), view.MOVED)
    return _made(asked, name, traces, unit, "axis_day", note=asked.t("note_days", days=asked.span), stacked=True)


def _series(
    points: Sequence[Point], places: Sequence[str], named: Callable[[str], str], order: Sequence[str]
) -> list[Trace]:
    found = {(one.series, one.x): one.y for one in points}
    names = [one for one in order if any(one == series for series, _ in found)]
    x = [place[5:] if len(place) == 10 else place for place in places]  # 11-26 of 2026-11-26
    return [
        Trace(name=named(name), kind="bar", x=x, y=[found.get((name, place)) or 0 for place in places])
        for name in names
    ]


def _bars(asked: Asked, name: str, points: Sequence[Point], unit: str, x: str, note: str = "") -> Chart:
    """Lying bars in the order of the points."""
    bare = [Trace(name="", kind="bar", x=[one.x for one in points], y=[one.y for one in points])]
    if not note and len(points) == view.STORES_MAX:
        note = asked.t("note_top", n=view.STORES_MAX)
    return _made(asked, name, bare, unit, x, note=note, horizontal=True)


def _stock(asked: Asked, name: str, figures: Figures) -> Chart:
    if name == "stock-by-store":
        points, axis = view.stock_by_store(figures), "axis_store"
    else:
        found = view.stock_by_category(figures, asked.store)
        points, axis = [one._replace(x=one.x or asked.t("no_category")) for one in found], "axis_category"
    summed = [one.as_of_us for one in figures.all() if asked.store in {None, one.store}]
    note = asked.t("note_as_of", time=Shown(asked.language, asked.now_us).at(min(summed))) if summed else ""
    return _bars(asked, name, points, "unit_pieces_kilograms", axis, note)


def _hours(asked: Asked, kept: Kept) -> Chart:
    database, store, now_us = asked.database, asked.store, asked.now_us
    hour_us = view.DAY_US // 24
    first_us = (now_us // hour_us - 23) * hour_us

    def make() -> Hours:
        return view.movements_by_hour(database, first_us, store)

    points, limit_us = kept.get(asked.clock, make) if store is None else make()
    places = [str(first_us + at * hour_us) for at in range(24)]
    traces = _series(points, places, lambda kind: word("moved", kind, asked.language), view.MOVED)
    for trace in traces:
        trace.x = [local(int(place)).strftime("%d. %H:00") for place in places]
    note = asked.t("note_hours")
    if limit_us:
        time = Shown(asked.language, now_us).at(limit_us)
        note = asked.t("note_reached", time=time, n=Shown(asked.language, now_us).number(view.HOURS_EVENTS_MAX))
    return _made(asked, "movements-by-hour", traces, "unit_movements", "axis_hour", note=note, stacked=True)


def _movements(asked: Asked) -> Chart:
    points = view.movements_by_day(asked.database, asked.since, asked.store)
    return _daily(asked, "movements-by-day", points, "unit_movements")


def _sales(asked: Asked) -> Chart:
    return _daily(asked, "sales-by-day", view.sales_by_day(asked.database, asked.since, asked.store), "unit_sales")


def _accuracy(asked: Asked) -> Chart:
    points = view.accuracy_by_day(asked.database, asked.since, asked.since_us, asked.store)
    traces = [
        Trace(
            name=asked.t(f"series_{series}"),
            kind="line",
            x=[one.x[5:] for one in points if one.series == series],
            y=[_percent(one) for one in points if one.series == series],
        )
        for series in ("within", "exact")
    ]
    lowest = min((value for trace in traces for value in trace.y if value is not None), default=90.0)
    note = asked.t("note_days", days=asked.span)
    span = (max(0.0, lowest - 3), 100.5)
    return _made(asked, "accuracy-by-day", traces, "unit_percent", "axis_day", note=note, span=span)


def _percent(point: Point) -> float | None:
    return None if point.y is None else point.y / 10


def _exceptions(asked: Asked) -> Chart:
    points = view.exceptions_by_kind(asked.database, asked.since_us, asked.store)
    kinds = list(dict.fromkeys(one.x for one in points))
    traces = _series(points, kinds, lambda series: asked.t(f"series_{series}"), ("open", "settled"))
    for trace in traces:
        trace.x = [word("exc", kind, asked.language) for kind in kinds]
    note = asked.t("note_days", days=asked.span)
    return _made(
        asked, "exceptions-by-kind", traces, "unit_exceptions", "axis_kind", note=note, stacked=True, horizontal=True
    )


def _states(asked: Asked) -> Chart:
    points = view.stores_by_state(asked.database, asked.now_us)
    named = [one._replace(x=asked.t(f"state_{one.x}")) for one in points]
    return _bars(asked, "stores-by-state", named, "unit_stores", "axis_state")


def _sold(asked: Asked) -> Chart:
    note = asked.t("note_days", days=asked.span)
    points = view.by_store(asked.database, asked.since, "sold")
    return _bars(asked, "sales-by-store", points, "unit_sales", "axis_store", note)


def _received(asked: Asked) -> Chart:
    note = asked.t("note_days", days=asked.span)
    points = view.by_store(asked.database, asked.since, "received")
    return _bars(asked, "received-by-store", points, "unit_receipts", "axis_store", note)


def _worst(asked: Asked) -> Chart:
    points = view.lines_off_by_store(asked.database, asked.since_us)
    told = _bars(
        asked, "lines-off-by-store", points, "unit_percent", "axis_store", asked.t("note_days", days=asked.span)
    )
    told.traces[0].y = [_percent(one) for one in points]
    return told


_LIGHT: dict[str, Callable[[Asked], Chart]] = {
    "movements-by-day": _movements,
    "sales-by-day": _sales,
    "accuracy-by-day": _accuracy,
    "exceptions-by-kind": _exceptions,
    "stores-by-state": _states,
    "sales-by-store": _sold,
    "received-by-store": _received,
    "lines-off-by-store": _worst,
}
