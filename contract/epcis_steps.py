"""What kinds of events mean in EPCIS: business step, disposition and action of a movement's lines, and which events
have no meaning there.

EPCIS has no delta: a sum is never made of it. Each event says what was observed, where, in which step; how much the
books changed stands in our extension (`jaego:deltas`), signed. CBV 2.0 has no step `returning`: goods that come back
are received, with the disposition `returned`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from contract.shapes import Line
from contract.stock import is_outside

Action = Literal["OBSERVE", "ADD", "DELETE"]
Side = Literal["zone", "supplier", "customer", "transit", "scrap", "unknown"]

WITHOUT = {
    "document/opened": "work has begun, nothing moved; what moves names the document",
    "document/withdrawn": "a paper of head office's that it took back",
    "exception/*": "a question to a person, and no statement about goods; what comes of it is a movement or a count",
    "journal/session_opened": "about a station",
    "journal/session_changed": "about a station",
    "journal/session_closed": "about a station",
    "journal/clerk_logged_in": "about a person",
    "journal/clerk_logged_out": "about a person",
    "journal/looked_up": "a question to the books",
    "journal/counted": "one scan of a count; the approved count says what was counted",
    "journal/count_opened": "a step of a count; the approved count says what was counted",
    "journal/count_submitted": "a step of a count; the approved count says what was counted",
    "journal/count_recount": "a step of a count; the approved count says what was counted",
    "journal/count_zeroed": "a step of a count; what is gone is told by the movement that posts it",
    "journal/count_cancelled": "a step of a count; the approved count says what was counted",
    "journal/reservation_made": "a promise: nothing moves (CBV's `reserving` is about serial numbers)",
    "journal/reservation_released": "a promise that ended",
    "journal/reservation_expired": "a promise that ended",
    "journal/reservation_picked": "the movement that comes with it has the step `picking`",
    "journal/pick_rejected": "nothing moved",
    "journal/exception_resolved": "what was done about it is a movement or a count",
    "journal/sales_file_taken": "about a file; its sales are movements",
    "journal/tag_encoding": "a number is given out; `tag_written` says that a tag carries it",
    "journal/checkpoint": "about the log",
    "journal/key_rotated": "about the log",
    "journal/opening": "what the books held when the log began: nobody observed it then",
}
"""Events that give no EPCIS event, and why: `type/kind`."""


class Step(NamedTuple):
    """`disposition` None is that of the goods themselves."""

    step: str
    disposition: str | None = None
    action: Action = "OBSERVE"


_ARRIVED = Step("receiving", "in_progress")
_LEFT = Step("entering_exiting", "unknown")
_STEPS: dict[tuple[str, Side, Side], Step] = {
    ("received", "supplier", "zone"): _ARRIVED,
    ("transferred", "transit", "zone"): _ARRIVED,
    ("transferred", "zone", "transit"): Step("shipping", "in_transit"),
    ("moved", "zone", "zone"): Step("stocking"),
    ("moved", "zone", "customer"): _LEFT,
    ("moved", "zone", "unknown"): _LEFT,
    ("moved", "customer", "zone"): Step("entering_exiting"),
    ("moved", "unknown", "zone"): Step("entering_exiting"),
    ("sold", "zone", "customer"): Step("retail_selling", "retail_sold"),
    ("returned", "customer", "zone"): Step("receiving", "returned"),
    ("returned", "zone", "supplier"): Step("shipping", "returned"),
    ("adjusted", "zone", "scrap"): Step("destroying", "destroyed", "DELETE"),
    ("adjusted", "zone", "zone"): Step("inspecting"),
    ("adjusted", "unknown", "zone"): Step("inspecting"),
    ("adjusted", "zone", "unknown"): Step("inspecting", "unknown"),
}
_SERIALISED: dict[str, Action] = {"retail_selling": "DELETE", "returned": "ADD"}
_CONDITION = {"damaged": "damaged", "quarantine": "non_sellable_other", "display": "non_sellable_other"}


def side(place: str) -> Side:
    if place.startswith("transit:"):
        return "transit"
    return place if is_outside(place) else "zone"  # type: ignore[return-value]  # the outsides are these words


def step_of(kind: str, line: Line, *, counted: bool, picked: bool) -> Step:
    """`counted`: it posts or balances a count's difference; `picked`: it is for a reservation."""
    origin, target = side(line.source), side(line.target)
    found = _STEPS.get((kind, origin, target)) or Step(
        "inspecting" if kind == "adjusted" else "other", None if target == "zone" else "unknown"
    )
    if counted and kind == "adjusted":
        found = found._replace(step="cycle_counting")
    if picked and found.step == "stocking":
        found = found._replace(step="picking")
    if line.disposition != "sellable" and target == "zone":
        found = found._replace(disposition=None)
    if line.epcs:
        action = _SERIALISED.get(found.step) or _SERIALISED.get(found.disposition or "")
        if action is not None and (action == "ADD") == (target == "zone"):
            found = found._replace(action=action)
    return found


def condition(disposition: str, *, back: bool) -> str:
    """CBV's word for ours; `back` is a zone where customers do not come."""
    return _CONDITION.get(disposition) or ("sellable_not_accessible" if back else "sellable_accessible")
