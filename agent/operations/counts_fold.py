"""How events change the books of counts. Pure.

A line holds stock as of its last scan. A movement that comes afterwards is of one of three kinds: it happened after the
last scan, then it does not matter, unless another scan of the line follows; it happened before the first scan and is
told late (a till that was offline), then the count has seen its effect and stock as of the last scan is corrected; it
happened between, then nobody can say which goods were there, and the line must be recounted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from agent.operations.books import Books, Fold, Folded, Record
from agent.operations.counts_values import (
    APPROVED,
    COUNTS,
    EPCS,
    LINES,
    SETTLED,
    ZONES,
    is_open,
    is_scanned,
    key_of,
    line_place,
    open_count,
    settled_place,
)
from agent.operations.movements import summed
from contract.events import MovementData
from contract.stock import NO_LOT, StockKey, line_deltas

CLERKS_MAX = 100
UNKNOWN_MAX = 100
CLOSED_KEPT = 5  # closed counts of a zone that stay readable
REQUESTS_KEPT = 20
SETTLED_KEPT_US = 100 * 86_400_000_000  # a sale that is older than this balances nothing

When = Literal["before", "between", "after"]


def when(line: Record, event: Folded) -> When:
    """Where a movement that is told now stands to the first and last scan of a line, or of a settled one.

    What is taken back never happened: it counts as of the event that it reverses. What balances a movement is of a time
    before an approved count, as that movement is, and so before any scan of a later one. A suspect clock decides
    nothing.
    """
    if "balances" in event.data:
        return "before"
    occurred_us, clock = event.occurred_us, event.clock
    reverses: Mapping[str, Any] | None = event.data.get("reverses")
    if reverses is not None:
        if reverses["seq"] < line["last"]:
            return "before" if reverses["seq"] < line["first"] else "between"
        occurred_us = _begun_us(reverses.get("id"), occurred_us)
    if clock != "synced" or line.get("suspect") or occurred_us >= line["last_us"]:
        return "after"
    return "before" if occurred_us < line["first_us"] else "between"


def _begun_us(identity: str | None, otherwise_us: int) -> int:
    """The time in a UUIDv7 (RFC 9562, 5.7)."""
    return int(identity.replace("-", "")[:12], 16) * 1000 if identity is not None else otherwise_us


# -- scans -------------------------------------------------------------------------------------------------------------


def _counted(books: Books, event: Folded) -> None:
    data = event.data
    count = data.get("count")
    if count is None or not is_open(books.get(COUNTS, count)):
        return
    key = StockKey(data["sku"], data["zone"], data.get("lot") or NO_LOT, data.get("disposition", "sellable"))
    units, epc = data["quantity"], data.get("epc")
    if epc is not None:
        _identify(books, count, [epc], None if "reverses" in data else key, units)
    added = {"codes": units, **({"identified": units} if epc is not None else {})}
    if "reverses" in data:
        _take_back(books, count, key, added)
    else:
        _see(books, event, count, key, added, data["stock"])


def _tags_seen(books: Books, event: Folded) -> None:
    count = event.data.get("count")
    if count is None or not is_open(books.get(COUNTS, count)):
        return
    for item in event.data.get("items", ()):
        key = StockKey(item["sku"], event.data["zone"], item.get("lot") or NO_LOT, item["disposition"])
        _identify(books, count, item["epcs"], key, item["quantity"] // len(item["epcs"]))
        _see(books, event, count, key, {"identified": item["quantity"]}, item["stock"])


def _identify(books: Books, count: str, epcs: Sequence[str], key: StockKey | None, units: int) -> None:
    record = {"line": line_place(count, key), "units": units} if key is not None else None
    for epc in epcs:
        books.put(EPCS, f"{count}/{epc}", record)


def _see(books: Books, event: Folded, count: str, key: StockKey, added: Mapping[str, int], stock: int) -> None:
    """A scan: stock of the line is what it is now."""
    place = line_place(count, key)
    line = _line(books.get(LINES, place), key)
    for name, units in added.items():
        line[name] = line.get(name, 0) + units
    line["scans"] = line.get("scans", 0) + 1
    _look(line, event, stock)
    record = {**(books.get(COUNTS, count) or {})}
    clerk = event.source.get("clerk")
    if clerk is not None:
        line["clerks"] = _with(line.get("clerks", ()), clerk)
        record["clerks"] = _with(record.get("clerks", ()), clerk)
    if record["state"] == "submitted":
        record["state"] = "open"  # somebody found more
    books.put(LINES, place, line)
    books.put(COUNTS, count, record)


def _line(held: Record | None, key: StockKey) -> dict[str, Any]:
    lot = {"lot": key.lot} if key.lot else {}
    return {**held} if held is not None else {"sku": key.sku, "disposition": key.disposition, **lot}


def _look(line: dict[str, Any], event: Folded, stock: int) -> None:
    """Somebody looked at the goods of the line, just now."""
    if line.pop("touched", None):
        line["moved"] = True
    if line.pop("again", None):
        line["recounted"] = True
    if "first" not in line:
        line["first"], line["first_us"] = event.seq, event.occurred_us
    if event.clock != "synced":
        line["suspect"] = True
    line["last"], line["last_us"], line["stock"] = event.seq, event.occurred_us, stock


def _with(clerks: Sequence[str], clerk: str) -> list[str]:
    return sorted({*clerks, clerk})[:CLERKS_MAX]


def _take_back(books: Books, count: str, key: StockKey, added: Mapping[str, int]) -> None:
    """A scan that never was: when nothing is left of the line, nobody has looked at it."""
    place = line_place(count, key)
    held = books.get(LINES, place)
    if held is None:
        return
    line = {**held, "scans": held["scans"] - 1}
    for name, units in added.items():
        line[name] = line.get(name, 0) + units
    if line["scans"] > 0 or "zeroed" in line:
        books.put(LINES, place, line)
    else:
        books.put(LINES, place, _waiting(line) if "recounted" in line else None)


def _waiting(line: Record) -> dict[str, Any]:
    """To be counted again: what is kept is who must not do it."""
    kept = {name: line[name] for name in ("sku", "lot", "disposition", "another", "before") if name in line}
    return {**kept, "again": True}


# -- movements ---------------------------------------------------------------------------------------------------------


def _moved(books: Books, event: Folded) -> None:
    deltas = [delta for line in event.data["lines"] for delta in line_deltas(line)]
    for key, delta in summed(deltas).items():
        held = books.get(ZONES, key.zone)
        line = books.get(LINES, line_place(held["count"], key)) if held is not None else None
        if held is None or line is None or not is_scanned(line) or not delta:
            continue
        found = when(line, event)
        changed = {"touched": True} if found == "after" else {"stock": line["stock"] + delta}
        if found == "between":
            changed["moved"] = True
        books.put(LINES, line_place(held["count"], key), {**line, **changed})


def _unknown(books: Books, event: Folded) -> None:
    """A code or tag that is no item, in a zone that is counted."""
    held = open_count(books, event.data.get("zone") or "")
    if held is not None:
        count, record = held
        unknown = [*record.get("unknown", ()), event.seq][-UNKNOWN_MAX:]
        books.put(COUNTS, count, {**record, "unknown": unknown})


# -- steps -------------------------------------------------------------------------------------------------------------


def _opened(books: Books, event: Folded) -> None:
    data = event.data
    request = {"request": data["request"]} if "request" in data else {}
    record = {"zone": data["zone"], "blind": data["blind"], "state": "open", "opened": event.seq, **request}
    books.put(COUNTS, data["count"], record)
    books.put(ZONES, data["zone"], {"count": data["count"]})


def _submitted(books: Books, event: Folded) -> None:
    _in_state(books, event.data["count"], "submitted")


def _in_state(books: Books, count: str, state: str) -> None:
    record = books.get(COUNTS, count)
    if record is not None:
        books.put(COUNTS, count, {**record, "state": state})


def _recount(books: Books, event: Folded) -> None:
    count, skus = event.data["count"], event.data["skus"]
    places: set[str] = set()
    for sku in skus:
        for place, line in list(books.under(LINES, f"{count}/{sku}/")):
            places.add(place)
            before = sorted({*line.get("before", ()), *line.get("clerks", ())})[:CLERKS_MAX]
            another = {"another": True} if event.data.get("by_another") else {}
            books.put(LINES, place, _waiting({**line, "before": before, **another}))
    for place, held in list(books.under(EPCS, f"{count}/")):
        if held["line"] in places:
            books.put(EPCS, place, None)
    _in_state(books, count, "recount")


def _zeroed(books: Books, event: Folded) -> None:
    count = event.data["count"]
    for one in event.data["lines"]:
        key = StockKey(one["sku"], "", one.get("lot") or NO_LOT, one["disposition"])
        line = _line(books.get(LINES, line_place(count, key)), key)
        _look(line, event, one["stock"])
        books.put(LINES, line_place(count, key), {**line, "zeroed": True})


def _cancelled(books: Books, event: Folded) -> None:
    _close(books, event.data["count"], "cancelled")


def _approved(books: Books, event: Folded) -> None:
    data = event.data
    if data["part"] < data["parts"]:
        return
    count, zone = data["count"], data["zone"]
    for line in [line for _, line in books.under(LINES, f"{count}/")]:
        if is_scanned(line):
            kept = {name: line[name] for name in ("first", "first_us", "last", "last_us", "suspect") if name in line}
            books.put(SETTLED, settled_place(key_of(line, zone)), {**kept, "approved": event.seq - data["parts"] + 1})
    for place, settled in list(books.under(SETTLED, f"{zone}/")):
        if event.occurred_us - settled["last_us"] > SETTLED_KEPT_US and event.clock == "synced":
            books.put(SETTLED, place, None)
    requests: list[str] = list((books.get(APPROVED, zone) or {}).get("requests", ()))
    requests += [data["request"]] if "request" in data else []
    record = {"count": count, "seq": event.seq, "at_us": event.occurred_us, "requests": requests[-REQUESTS_KEPT:]}
    books.put(APPROVED, zone, record)
    _close(books, count, "approved")


def _close(books: Books, count: str, state: str) -> None:
    record = books.get(COUNTS, count)
    if record is None:
        return
    zone = record["zone"]
    for book in (LINES, EPCS):
        for place, _ in list(books.under(book, f"{count}/")):
            books.put(book, place, None)
    books.put(ZONES, zone, None)
    books.put(COUNTS, count, {**record, "state": state})
    closed = [(one["opened"], name) for name, one in books.under(COUNTS) if one["zone"] == zone and not is_open(one)]
    for _, name in sorted(closed)[:-CLOSED_KEPT]:
        books.put(COUNTS, name, None)


RULES: Sequence[tuple[str, tuple[str, ...], Fold]] = (  # type of the event, its kinds, and what folds it
    ("journal", ("counted",), _counted),
    ("journal", ("tags_seen",), _tags_seen),
    ("journal", ("count_opened",), _opened),
    ("journal", ("count_submitted",), _submitted),
    ("journal", ("count_recount",), _recount),
    ("journal", ("count_zeroed",), _zeroed),
    ("journal", ("count_cancelled",), _cancelled),
    ("count", ("approved",), _approved),
    ("movement", get_args(MovementData.model_fields["kind"].annotation), _moved),
    ("exception", ("unknown_code", "refused_code", "unknown_tag"), _unknown),
)
