"""Counts: the list with what is to be counted today, and the review of one."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent.operations import counts_office
from agent.operations.counts_values import Review, ReviewLine
from agent.web import api_counts, ask, shown
from agent.web.office_pages import look, names, word
from agent.web.pages import render
from agent.web.room import room_of
from agent.web.texts import Language, text
from contract.ids import is_name

LINES_SHOWN_MAX = 500
# What needs a person first.
ORDER = ("moved", "recount", "unexpected", "wrong_zone", "missing", "short", "over", "right")


async def listed(request: Request) -> Response:
    room, language = room_of(request), ask.language(request)
    zones, now_us, rules = sorted(room.zones), room.view.back.now_us(), room.view.back.rules
    found = await look(room, lambda state: (api_counts.open_counts(state), api_counts.due(state, zones, now_us, rules)))
    counts, due = found
    content = {
        "counts": [{"request": "", **one, "word": word("count", one["state"], language)} for one in counts],
        "zones": [zone for zone in zones if zone not in {one["zone"] for one in counts}],
        "proposals": [
            {"zone": one["zone"], "last": _last(one["approved_us"], request, language)} for one in due["proposals"]
        ],
        "requests": due["requests"],
    }
    return render(request, "counts.html", language, content)


def _last(approved_us: int | None, request: Request, language: Language) -> str:
    if approved_us is None:
        return text("never_counted", language)
    return text("last_counted", language, time=shown.day_time(approved_us, room_of(request).view.time_zone))


async def reviewed(request: Request) -> Response:
    room, language, count = room_of(request), ask.language(request), request.path_params["count"]
    review = None
    if is_name(count):
        read = partial(counts_office.review, count=count, rules=room.view.back.rules)
        review = await look(room, read)
    if review is None:
        raise HTTPException(404)
    hidden = api_counts.is_hidden(review)
    lines = [] if hidden else sorted(review.lines, key=lambda one: (ORDER.index(one.status), one.key))
    known = await names(room, (one.key.sku for one in lines[:LINES_SHOWN_MAX]), language)
    content = {
        "request": "",
        **api_counts.count_told(count, review.record),
        "word": word("count", review.record["state"], language),
        "hidden": hidden,
        "percent": 100 * review.done // review.lines_total if review.lines_total else 100,
        "progress_text": text(
            "done_of", language, done=shown.number(review.done), expected=shown.number(review.lines_total)
        ),
        "lines": [_line(one, known, language) for one in lines[:LINES_SHOWN_MAX]],
        "more": len(lines) - LINES_SHOWN_MAX if len(lines) > LINES_SHOWN_MAX else 0,
        "unknown": review.unknown,
        "sums": _sums(review, language) if not hidden else [],
    }
    return render(request, "count.html", language, content)


def _line(one: ReviewLine, known: dict[str, str], language: Language) -> dict[str, Any]:
    return {
        **asdict(one),
        "sku": one.key.sku,
        "name": known.get(one.key.sku, text("not_in_catalogue", language)),
        "lot": one.key.lot,
        "disposition": text(one.key.disposition, language) if one.key.disposition != "sellable" else "",
        "word": word("line", one.status, language),
        "expected": shown.number(one.expected),
        "counted": shown.number(one.counted) if one.counted is not None else "–",
        "delta": shown.signed(one.delta),
    }


def _sums(review: Review, language: Language) -> list[dict[str, str]]:
    found = {status: sum(one.status == status for one in review.lines) for status in ORDER}
    return [
        {"label": word("line", status, language), "n": shown.number(number)}
        for status, number in found.items()
        if number
    ]
