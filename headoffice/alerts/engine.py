"""What becomes of an alert when it is looked at. Pure: one alert and one finding in, what is to be written out.

There is one alert for each rule, store and subject, whatever happens:

    none, closed  -- raised -->  open          told
    open          -- by hand -->  acknowledged  told; raised again it stays so, unless it is worse
    open, acknowledged  -- clear for the rule's hold time -->  closed, told
    open, acknowledged  -- between raised and clear -->  as it was: no flapping
    closed by hand  -- raised with the same facts -->  closed: it was seen; clear once, and it may come again
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from headoffice.alerts.rules import SEVERITIES, Severity

State = Literal["open", "acknowledged", "closed"]
Verdict = Literal["raised", "between", "clear"]
Change = Literal["raised", "worse", "acknowledged", "closed"]
Facts = dict[str, int | str]


class Found(NamedTuple):
    """What a look at one subject found. `facts` are the numbers of its text; they say nothing of what is not raised."""

    rule: str
    store: str
    subject: str
    verdict: Verdict
    severity: Severity
    facts: Facts


class Alert(NamedTuple):
    """A row of the table `alert`; `id` is 0 while it has none."""

    id: int
    rule: str
    store: str
    subject: str
    severity: Severity
    state: State
    facts: Facts
    first_us: int
    last_us: int
    times: int
    acknowledged_by: str | None = None
    acknowledged_us: int | None = None
    note: str | None = None
    better_us: int | None = None
    closed_us: int | None = None


class Step(NamedTuple):
    """The alert as it is to be written; `told` is what is said about it, None: nothing."""

    alert: Alert
    told: Change | None


def step(alert: Alert | None, found: Found, now_us: int) -> Step | None:
    """None: nothing is to be written."""
    if found.verdict == "raised":
        return _raised(alert, found, now_us)
    if alert is None:
        return None
    if found.verdict == "between":
        is_better = alert.state != "closed" and alert.better_us is not None
        return Step(alert._replace(better_us=None), None) if is_better else None
    if alert.better_us is not None:
        return None
    return Step(alert._replace(better_us=now_us), None)


def _raised(alert: Alert | None, found: Found, now_us: int) -> Step | None:
    if alert is None:
        place = (found.rule, found.store, found.subject)
        return Step(Alert(0, *place, found.severity, "open", found.facts, now_us, now_us, 1), "raised")
    same = alert.facts == found.facts and alert.severity == found.severity
    if alert.state == "closed":
        if alert.better_us is None and same:
            return None
        return Step(_again(alert, found, now_us), "raised")
    if SEVERITIES.index(found.severity) > SEVERITIES.index(alert.severity):
        return Step(_again(alert, found, now_us), "worse")
    if same and alert.better_us is None:
        return None
    if same:
        return Step(alert._replace(better_us=None), None)
    anew = {"severity": found.severity, "facts": found.facts, "last_us": now_us, "times": alert.times + 1}
    return Step(alert._replace(better_us=None, **anew), None)  # type: ignore[arg-type]


def _again(alert: Alert, found: Found, now_us: int) -> Alert:
    """Open, in nobody's hand; the note of last time stays."""
    return alert._replace(
        severity=found.severity,
        state="open",
        facts=found.facts,
        last_us=now_us,
        times=alert.times + 1,
        acknowledged_by=None,
        acknowledged_us=None,
        better_us=None,
        closed_us=None,
    )


def ended(alert: Alert, now_us: int, hold_s: int) -> Step | None:
    """Close what was better for long enough."""
    if alert.state == "closed" or alert.better_us is None or now_us - alert.better_us < hold_s * 1_000_000:
        return None
    return Step(alert._replace(state="closed", closed_us=now_us), "closed")


def acknowledged(alert: Alert, who: str, note: str | None, now_us: int) -> Step | None:
    """None: it is closed. Once more replaces who and note."""
    if alert.state == "closed":
        return None
    held = alert._replace(state="acknowledged", acknowledged_by=who, acknowledged_us=now_us, note=note or alert.note)
    return Step(held, "acknowledged")


def closed(alert: Alert, who: str, note: str | None, now_us: int) -> Step | None:
    """By hand. None: it is closed already."""
    if alert.state == "closed":
        return None
    shut = alert._replace(state="closed", acknowledged_by=who, acknowledged_us=now_us, closed_us=now_us, better_us=None)
    return Step(shut._replace(note=note or alert.note), "closed")
