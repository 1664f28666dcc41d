"""What waits in the store, for the start page: documents, counts, orders to pick, zones to count today. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from agent.operations import counts_plan
from agent.operations.counts_values import COUNTS, is_open
from agent.operations.reservations import BOOK as RESERVATIONS
from agent.operations.rules import Rules
from agent.operations.values import State
from agent.web.texts import Language, text


class Work(NamedTuple):
    """`documents` are open ones that have lines; `zones` are those that head office wants counted, then the day's."""

    documents: int
    counts: int
    reviews: int
    orders: int
    zones: tuple[str, ...]


def waiting(state: State, zones: Iterable[str], now_us: int, rules: Rules) -> Work:
    states = [record["state"] for _, record in state.books.under(COUNTS) if is_open(record)]
    asked = [task.zone for task in counts_plan.tasks(state) if task.count is None]
    due = counts_plan.proposals(state.books, zones, now_us, rules)
    return Work(
        documents=sum(one.kind != "count_request" for one in state.documents()),
        counts=len(states),
        reviews=states.count("submitted"),
        orders=sum(1 for _ in state.books.under(RESERVATIONS)),
        zones=tuple(dict.fromkeys([*asked, *(one.zone for one in due)])),
    )


def card(work: Work, language: Language) -> dict[str, str]:
    """`state` is some when somebody has to review a count, none when nothing waits."""
    listed = work.documents or work.counts or work.orders or work.zones
    return {
        "state": "some" if work.reviews else "near" if listed else "none",
        "documents": text("work_documents", language, n=work.documents),
        "counts": text("work_counts", language, n=work.counts, reviews=work.reviews),
        "orders": text("work_orders", language, n=work.orders),
        "zones": text("work_zones" if work.zones else "work_none", language, zones=", ".join(work.zones)),
    }
