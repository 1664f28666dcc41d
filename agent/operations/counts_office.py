"""What the office does with a count: opens it, reviews it, has lines recounted, approves. Pure.

Refusals are words for machines; `agent.texts` says them to people.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from agent.operations import counts_settle, movements
from agent.operations.books import Record
from agent.operations.counts_plan import Planned, request_for
from agent.operations.counts_values import (
    COUNTS,
    EPCS,
    Review,
    ReviewLine,
    Status,
    is_open,
    is_scanned,
    key_of,
    line_of,
    lines_of,
    open_count,
    units_of,
)
from agent.operations.cuts import cut
from agent.operations.rules import Rules
from agent.operations.values import Context, Draft, Outcome, State
from contract.stock import NO_LOT, StockKey, StockRow

LINES_A_PART_MAX = 400  # of an approved count, and of what is confirmed to be gone
SKUS_A_RECOUNT_MAX = 500
EXCEPTIONS = "exception_open"


def opening(
    state: Planned, zone: str, source: Mapping[str, Any], context: Context, *, blind: bool
) -> tuple[Draft, Record]:
    """The event that opens a count named `context.session_id`, and its record. Head office's request says how."""
    request = request_for(state, zone)
    asked = {"request": request.document} if request is not None else {}
    record = {"zone": zone, "blind": blind if request is None else request.blind, **asked}
    return step("count_opened", context.session_id, zone, source, context, record), {**record, "state": "open"}


def step(
    kind: str,
    count: str,
    zone: str,
    source: Mapping[str, Any],
    context: Context,
    more: Mapping[str, Any] | None = None,
) -> Draft:
    data = {"kind": kind, "count": count, "zone": zone, **(more or {})}
    return Draft("journal", data, source, context.occurred_us, context.clock)


def open_in(state: State, zone: str, context: Context, *, blind: bool, clerk: str | None) -> Outcome:
    """The result is the count's id."""
    held = open_count(state.books, zone)
    if held is not None:
        return Outcome(refused="count_is_open", detail=held[0], result={"count": held[0]})
    draft, _ = opening(state, zone, _by(clerk), context, blind=blind)
    return Outcome((draft,), {"count": context.session_id})


def submit(state: State, count: str, context: Context, *, clerk: str | None) -> Outcome:
    record = state.books.get(COUNTS, count)
    if record is None or not is_open(record):
        return _refused(record)
    if record["state"] == "submitted":
        return Outcome(result={"count": count})
    return Outcome((step("count_submitted", count, record["zone"], _by(clerk), context),), {"count": count})


def recount(
    state: State, count: str, skus: Collection[str], context: Context, *, rules: Rules, clerk: str | None
) -> Outcome:
    """Lines of these items are counted again from nothing. The result names items that were not counted."""
    record = state.books.get(COUNTS, count)
    if record is None or not is_open(record):
        return _refused(record)
    known = sorted({line["sku"] for line in lines_of(state.books, count)} & set(skus))
    if not known:
        return Outcome(refused="nothing_to_recount")
    drafts = recounting(count, record["zone"], known, _by(clerk), context, rules)
    return Outcome(drafts, {"count": count, "not_counted": sorted(set(skus) - set(known))})


def recounting(
    count: str,
    zone: str,
    skus: Sequence[str],
    source: Mapping[str, Any],
    context: Context,
    rules: Rules,
) -> tuple[Draft, ...]:
    another = {"by_another": True} if rules.recount_by_another else {}
    return tuple(
        step(
            "count_recount", count, zone, source, context, {"skus": list(skus[at : at + SKUS_A_RECOUNT_MAX]), **another}
        )
        for at in range(0, len(skus), SKUS_A_RECOUNT_MAX)
    )


def confirm_zero(state: State, count: str, skus: Collection[str], context: Context, *, clerk: str | None) -> Outcome:
    """Items that stock has in the zone, or that wait for a recount, and that nobody scanned: they are gone. Only so
    does what was not scanned become zero."""
    record = state.books.get(COUNTS, count)
    if record is None or not is_open(record):
        return _refused(record)
    gone = [key for key in _unscanned(state, count, record["zone"]) if key.sku in set(skus)]
    if not gone:
        return Outcome(refused="nothing_missing")
    lines = [
        {"sku": key.sku, "disposition": key.disposition, "stock": state.stock(key)}
        | ({"lot": key.lot} if key.lot else {})
        for key in gone
    ]
    drafts = tuple(
        step("count_zeroed", count, record["zone"], _by(clerk), context, {"lines": some})
        for some in cut(lines, LINES_A_PART_MAX)
    )
    return Outcome(drafts, {"count": count, "lines": len(lines)})


def cancel(state: State, count: str, context: Context, *, clerk: str | None) -> Outcome:
    record = state.books.get(COUNTS, count)
    if record is None or not is_open(record):
        return _refused(record)
    return Outcome((step("count_cancelled", count, record["zone"], _by(clerk), context),), {"count": count})


def _refused(record: Record | None) -> Outcome:
    return Outcome(refused="unknown_count" if record is None else "count_is_closed")


def _by(clerk: str | None) -> dict[str, Any]:
    return {"clerk": clerk} if clerk is not None else {}


# -- review ------------------------------------------------------------------------------------------------------------


def missing(state: State, count: str, zone: str) -> list[StockRow]:
    """What stock has in the zone and nobody scanned."""
    rows = state.stock_rows(zone=zone)
    return [row for row in rows if not _is_scanned_key(state, count, StockKey(*row[:4]))]


def _is_scanned_key(state: State, count: str, key: StockKey) -> bool:
    line = line_of(state.books, count, key)
    return line is not None and is_scanned(line)


def _unscanned(state: State, count: str, zone: str) -> list[StockKey]:
    waiting = {key_of(line, zone) for line in lines_of(state.books, count) if not is_scanned(line)}
    return sorted(waiting | {StockKey(*row[:4]) for row in missing(state, count, zone)})


def review(state: State, count: str, rules: Rules) -> Review | None:
    """None for a count that is not open: what became of it is in its event."""
    record = state.books.get(COUNTS, count)
    if record is None or not is_open(record):
        return None
    zone = record["zone"]
    held = {key_of(line, zone): line for line in lines_of(state.books, count)}
    held |= {key: {} for key in _unscanned(state, count, zone) if key not in held}
    lines = tuple(_reviewed(state, key, line, rules) for key, line in sorted(held.items(), key=lambda one: one[0]))
    done = sum(line.counted is not None for line in lines)
    return Review(count, record, lines, tuple(record.get("unknown", ())), done)


def _reviewed(state: State, key: StockKey, line: Record, rules: Rules) -> ReviewLine:
    clerks = tuple(line.get("clerks", ()))
    if not is_scanned(line):
        waits = "again" in line
        status: Status = "recount" if waits else "missing"
        stock = state.stock(key)
        return ReviewLine(key, stock, None, -stock, status, within=False, again=waits, recounted=False, clerks=clerks)
    counted, recounted = units_of(line), "recounted" in line
    delta = counted - line["stock"]
    within = is_within(delta, line["stock"], rules)
    again = "moved" in line or (not within and not recounted and rules.recount_by_another)
    status = _status(state, key, line, counted)
    return ReviewLine(
        key, line["stock"], counted, delta, status, within=within, again=again, recounted=recounted, clerks=clerks
    )


def _status(state: State, key: StockKey, line: Record, counted: int) -> Status:
    expected = line["stock"]
    if "moved" in line:
        return "moved"
    if counted == expected:
        return "right"
    if expected == 0:
        elsewhere = any(row.zone != key.zone and row.quantity > 0 for row in state.stock_rows(sku=key.sku))
        return "wrong_zone" if elsewhere else "unexpected"
    return "over" if counted > expected else "short"


def is_within(delta: int, expected: int, rules: Rules) -> bool:
    """A difference is within tolerance when it is within either of the two."""
    units, percent = rules.count_tolerance_units, rules.count_tolerance_percent
    return abs(delta) <= units or abs(delta) * 100 <= percent * abs(expected)


# -- approval ----------------------------------------------------------------------------------------------------------


def approve(state: State, count: str, context: Context, *, rules: Rules, clerk: str | None) -> Outcome:
    """Posts the differences of every line that was scanned or confirmed to be gone. What is missing and was not
    confirmed stays as it is."""
    seen = review(state, count, rules)
    if seen is None:
        return _refused(state.books.get(COUNTS, count))
    counters: Sequence[str] = seen.record.get("clerks", ())
    if seen.record["state"] != "submitted":
        return Outcome(refused="count_not_submitted")
    if rules.approve_by_another and counters and (clerk is None or clerk in counters):
        return Outcome(refused="another_approves")
    again = sorted({line.key.sku for line in seen.lines if line.again})
    if again:
        return Outcome(refused="recount_first", detail=", ".join(again[:20]), result={"skus": again})
    source = _by(clerk)
    lines = [line for line in seen.lines if line.counted is not None]
    parts = [
        Draft("count", data, source, context.occurred_us, context.clock)
        for data in _parts(seen, lines, counters, clerk)
    ]
    posted = list(_posted(state, seen, state.next_seq, source, context))
    drafts = [*parts, *posted]
    for at, draft in enumerate(posted, start=state.next_seq + len(parts)):
        drafts += [low for _, _, low in movements.below_zero(state, draft, at, source, context)]
    drafts += _settled(state, count, seen, source, context)
    return Outcome(tuple(drafts), {"count": count, "accuracy_permille": parts[0].data["accuracy_permille"]})


def _parts(
    seen: Review, lines: Sequence[ReviewLine], counters: Sequence[str], clerk: str | None
) -> Iterator[dict[str, Any]]:
    """A line that differs is a difference, however well it evens out with another."""
    pieces = list(cut([_line(line) for line in lines], LINES_A_PART_MAX)) or [[]]
    total = len(lines)
    request = {"request": seen.record["request"]} if "request" in seen.record else {}
    for part, some in enumerate(pieces, start=1):
        yield {
            "kind": "approved",
            "count": seen.count,
            "zone": seen.record["zone"],
            "blind": seen.record["blind"],
            **request,
            "part": part,
            "parts": len(pieces),
            "lines": some,
            "lines_total": total,
            "accuracy_permille": _permille(sum(line.within for line in lines), total),
            "exact_permille": _permille(sum(line.delta == 0 for line in lines), total),
            "counted_by": list(counters),
            **({"approved_by": clerk} if clerk is not None else {}),
        }


def _permille(some: int, total: int) -> int:
    """Rounded down: 1000 is all of them."""
    return some * 1000 // total if total else 1000


def _line(line: ReviewLine) -> dict[str, Any]:
    assert line.counted is not None
    return {
        "sku": line.key.sku,
        **({"lot": line.key.lot} if line.key.lot != NO_LOT else {}),
        "disposition": line.key.disposition,
        "expected": line.expected,
        "counted": line.counted,
        "delta": line.delta,
        "within": line.within,
        **({"recounted": True} if line.recounted else {}),
    }


def _posted(state: State, seen: Review, reference: int, source: Mapping[str, Any], context: Context) -> Iterator[Draft]:
    zone = seen.record["zone"]
    scanned = [line for line in lines_of(state.books, seen.count) if is_scanned(line)]
    found = counts_settle.differences(state, seen.count, zone, scanned)
    return counts_settle.settlement(found, reference, source, context, source.get("clerk"))


def _settled(state: State, count: str, seen: Review, source: Mapping[str, Any], context: Context) -> Iterator[Draft]:
    """Entries of the tray that this count answers: stock below zero of what was counted here, and tags of which nobody
    knew where they went, when it has seen them all."""
    zone = seen.record["zone"]
    counted = {line.key.sku for line in seen.lines}
    low = {line.key.sku for line in seen.lines if line.counted is None or state.stock(line.key) + line.delta < 0}
    for place, entry in state.books.under(EXCEPTIONS):
        if entry["kind"] == "negative_stock":
            clear = entry.get("zone") == zone and entry.get("sku") in counted - low
        else:
            clear = entry["kind"] == "uncertain_passage" and _all_seen(state, count, int(place))
        if clear:
            data = {"kind": "exception_resolved", "concerns": {"seq": int(place)}, "resolution": "counted"}
            yield Draft("journal", data, source, context.occurred_us, context.clock)


def _all_seen(state: State, count: str, seq: int) -> bool:
    event = state.event(seq)
    epcs = event["data"].get("epcs", ()) if event is not None else ()
    return bool(epcs) and all(state.books.get(EPCS, f"{count}/{epc}") is not None for epc in epcs)
