"""What becomes of an alert, whatever is found in whatever order."""

from __future__ import annotations

from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from headoffice.alerts.engine import Alert, Found, Step, Verdict, acknowledged, closed, ended, step
from headoffice.alerts.judging import Figures, sku_found
from headoffice.alerts.rules import Row, Rules, Severity

HOLD_S = 60


def found(verdict: str, number: int = 1, severity: str = "warning") -> Found:
    return Found("low_stock", "S1", "COLA", cast("Verdict", verdict), cast("Severity", severity), {"available": number})


def opened(**changes: Any) -> Alert:
    first = step(None, found("raised"), 0)
    assert first is not None
    return first.alert._replace(id=1, **changes)


class Life:
    """One subject's alert as the desk keeps it, and what was told of it."""

    def __init__(self) -> None:
        self.alert: Alert | None = None
        self.told: list[str] = []
        self.now_us = 0

    def take(self, one: Step | None) -> None:
        if one is not None:
            self.alert = one.alert._replace(id=1)
            self.told += [one.told] if one.told else []

    def act(self, what: tuple[str, int, int]) -> None:
        kind, number, pause_s = what
        self.now_us += pause_s * 1_000_000
        if self.alert is not None:
            self.take(ended(self.alert, self.now_us, HOLD_S))
        if kind in {"raised", "between", "clear"}:
            self.take(step(self.alert, found(kind, number), self.now_us))
        elif self.alert is not None:
            self.take((acknowledged if kind == "acknowledge" else closed)(self.alert, "kim", None, self.now_us))


ACTS = st.tuples(
    st.sampled_from(["raised", "between", "clear", "acknowledge", "close"]), st.integers(0, 3), st.integers(0, 40)
)


@given(st.lists(ACTS, max_size=60))
def test_what_is_told_is_the_life_of_one_alert(acts: list[tuple[str, int, int]]) -> None:
    """Raised first, closed only what is open, raised again only what is closed: never twice the same."""
    life = Life()
    for one in acts:
        life.act(one)
    state = "closed"
    for told in life.told:
        assert told == "raised" if state == "closed" else told in {"acknowledged", "closed", "worse"}
        state = {"raised": "open", "worse": "open", "acknowledged": "acknowledged", "closed": "closed"}[told]
    assert (life.alert.state if life.alert else "closed") == state


@given(st.lists(ACTS, max_size=60), st.integers(0, 3))
def test_what_is_raised_and_not_closed_by_hand_is_never_lost(acts: list[tuple[str, int, int]], number: int) -> None:
    life = Life()
    for one in acts:
        life.act(one)
    before = life.alert
    life.act(("raised", number, 0))
    assert life.alert is not None
    if life.alert.state == "closed":
        assert before is not None
        assert (before.closed_us, before.better_us, before.facts) == (before.closed_us, None, {"available": number})
    life.act(("clear", 0, 0))
    life.act(("raised", number, HOLD_S))
    assert life.alert.state != "closed"


@given(st.lists(st.tuples(st.sampled_from(["raised", "between", "clear"]), st.just(1), st.integers(0, HOLD_S - 1))))
def test_what_flutters_within_the_hold_time_is_told_once(acts: list[tuple[str, int, int]]) -> None:
    life = Life()
    for one in acts:
        life.act(one)
        life.act(("raised", 1, 0))
    assert life.told == (["raised"] if acts else [])


def test_the_same_again_is_not_written() -> None:
    assert step(opened(), found("raised"), 5) is None


def test_other_numbers_are_counted_and_not_told() -> None:
    again = step(opened(), found("raised", 0), 5)
    assert again is not None
    assert (again.told, again.alert.times, again.alert.last_us, again.alert.first_us) == (None, 2, 5, 0)


def test_an_acknowledged_alert_stays_so_unless_it_gets_worse() -> None:
    held = acknowledged(opened(), "kim", "on its way", 3)
    assert held is not None
    again = step(held.alert, found("raised", 0), 5)
    assert again is not None
    assert (again.alert.state, again.alert.acknowledged_by, again.told) == ("acknowledged", "kim", None)
    worse = step(again.alert, found("raised", 0, "critical"), 6)
    assert worse is not None
    assert (worse.alert.state, worse.alert.acknowledged_by, worse.told) == ("open", None, "worse")
    assert worse.alert.note == "on its way"


def test_it_closes_after_the_hold_time_and_not_before() -> None:
    better = step(opened(), found("clear"), 1_000_000)
    assert better is not None
    assert ended(better.alert, (HOLD_S + 1) * 1_000_000 - 1, HOLD_S) is None
    shut = ended(better.alert, (HOLD_S + 1) * 1_000_000, HOLD_S)
    assert shut is not None
    assert (shut.alert.state, shut.told) == ("closed", "closed")
    assert step(shut.alert, found("clear"), 10**9) is None


def test_what_is_closed_by_hand_comes_again_with_other_numbers() -> None:
    shut = closed(opened(), "kim", None, 3)
    assert shut is not None
    assert step(shut.alert, found("raised"), 4) is None
    again = step(shut.alert, found("raised", 0), 5)
    assert again is not None
    assert (again.alert.state, again.told, again.alert.closed_us) == ("open", "raised", None)
    assert closed(shut.alert, "lee", None, 6) is None
    assert acknowledged(shut.alert, "lee", None, 6) is None


NUMBERS = st.integers(-50, 50)


@given(NUMBERS, NUMBERS, st.integers(0, 30), st.integers(1, 40))
def test_less_is_never_better(on_hand: int, other: int, reserved: int, least: int) -> None:
    rules = Rules([Row("low_stock", "", "", "", least, "warning", enabled=True)])

    def verdict(sellable: int) -> str:
        figures = Figures("COLA", sellable, sellable, 0, reserved, 0, 14, None, None, None, None, None, None)
        return next(iter(sku_found("S1", figures, rules))).verdict

    order = ["raised", "between", "clear"]
    assert order.index(verdict(min(on_hand, other))) <= order.index(verdict(max(on_hand, other)))
    assert (verdict(on_hand) == "raised") == (on_hand - reserved < least)


PLACES = st.sampled_from(["", "S1", "S2"])


@given(st.lists(st.tuples(PLACES, st.sampled_from(["", "drinks"]), st.sampled_from(["", "COLA"]), st.integers(0, 9))))
def test_the_most_specific_row_holds(rows: list[tuple[str, str, str, int]]) -> None:
    listed = {row[:3]: row[3] for row in rows if not (row[1] and row[2])}
    made = [Row("low_stock", *place, value, "info", enabled=True) for place, value in listed.items()]
    order = [
        ("S1", "", "COLA"),
        ("", "", "COLA"),
        ("S1", "drinks", ""),
        ("", "drinks", ""),
        ("S1", "", ""),
        ("", "", ""),
    ]
    expected = next((listed[place] for place in order if place in listed), None)
    assert Rules(made).of("low_stock", "S1", "drinks", "COLA").value == expected
