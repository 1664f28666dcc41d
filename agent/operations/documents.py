"""Documents: what head office expects, what was done of it, and how it is opened, closed and withdrawn. Pure.

Books: `document` (name: status, kind, revision, when it was opened), `document_line` (document/SKU/lot: base units
done, damaged ones among them), `document_tags` (document/SKU: units that came without a tag, units that a portal saw,
units that were scanned after the portal had seen them), `document_unit` (document/SSCC: received as a whole). Of a
closed document only `document_closed` is kept, so that nothing is booked for it any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from agent.operations.books import Books, Fold, Folded, Shelf
from agent.operations.rings import remember
from agent.operations.values import Context, Draft, State
from contract.documents import ExpectedDocument, ExpectedLine
from contract.stock import NO_LOT

BOOK = "document"
LINES = "document_line"
TAGS = "document_tags"
UNITS = "document_unit"
CLOSED = "document_closed"
CLOSED_KEPT_MAX = 5_000  # more than head office may expect at a time
LINES_A_PART_MAX = 400
_DAMAGED = frozenset({"damaged", "quarantine"})
_NO_TAGS: Mapping[str, int] = {"loose": 0, "portal": 0, "matched": 0}


class Standing(NamedTuple):
    """A line, and what was done of it in base units. `line` is None for goods that are not on the document."""

    line: int | None
    sku: str
    lot: str
    expected: int
    done: int
    damaged: int

    @property
    def over(self) -> int:
        return max(0, self.done - self.expected)

    @property
    def short(self) -> int:
        return max(0, self.expected - self.done)


class Sums(NamedTuple):
    """Of one item on a document, or of all of it."""

    expected: int
    done: int
    damaged: int
    over: int
    short: int


def is_closed(books: Shelf, name: str) -> bool:
    return books.get(CLOSED, name) is not None


def named(state: State, name: str) -> ExpectedDocument | None:
    """An open document, whatever the case of its name: control codes are upper case."""
    wanted = name.upper()
    return next((one for one in state.documents() if one.document.upper() == wanted), None)


def standing(state: State, document: ExpectedDocument) -> list[Standing]:
    """Every line in the document's order, then what is not on it.

    What was done goes to the line of its lot, then to lines of its item as long as they are short; more than all of
    them expect is over on the last.
    """
    left = {
        (one["sku"], one.get("lot", NO_LOT)): [one["done"], one["damaged"]]
        for _, one in state.books.under(LINES, f"{document.document}/")
    }
    done: dict[int, list[int]] = {line.line: [0, 0] for line in document.lines}
    last: dict[str, ExpectedLine] = {line.sku: line for line in document.lines}
    for line in document.lines:
        _give(left, (line.sku, line.lot or NO_LOT), done[line.line], line.quantity)
    for line in document.lines:
        for key in [key for key in left if key[0] == line.sku]:
            _give(left, key, done[line.line], line.quantity)
    for sku, line in last.items():
        for key in [key for key in left if key[0] == sku]:
            _give(left, key, done[line.line], None)
    listed = [
        Standing(line.line, line.sku, line.lot or NO_LOT, line.quantity, *done[line.line]) for line in document.lines
    ]
    return [*listed, *(Standing(None, *key, 0, *units) for key, units in sorted(left.items()) if units[0])]


def _give(left: dict[tuple[str, str], list[int]], key: tuple[str, str], done: list[int], room: int | None) -> None:
    held = left.get(key)
    if held is None:
        return
    part = held[0] if room is None else max(0, min(held[0], room - done[0]))
    damaged = min(held[1], part)
    done[0], done[1] = done[0] + part, done[1] + damaged
    held[0], held[1] = held[0] - part, held[1] - damaged
    if not held[0]:
        del left[key]


def sums(lines: list[Standing], sku: str | None = None) -> Sums:
    held = [one for one in lines if sku is None or one.sku == sku]
    return Sums(
        sum(one.expected for one in held),
        sum(one.done for one in held),
        sum(one.damaged for one in held),
        sum(one.over for one in held),
        sum(one.short for one in held),
    )


def item(state: State, document: ExpectedDocument, sku: str) -> Sums:
    """As `sums`, of one item alone: it asks for no more than that item's records."""
    held = [record for _, record in state.books.under(LINES, f"{document.document}/{sku}/")]
    expected = sum(line.quantity for line in document.lines if line.sku == sku)
    done, damaged = sum(one["done"] for one in held), sum(one["damaged"] for one in held)
    return Sums(expected, done, damaged, max(0, done - expected), max(0, expected - done))


def tags_of(books: Shelf, document: str, sku: str) -> Mapping[str, int]:
    return books.get(TAGS, f"{document}/{sku}") or _NO_TAGS


# -- events ------------------------------------------------------------------------------------------------------------


def opened(state: State, document: ExpectedDocument, source: Mapping[str, Any], context: Context) -> tuple[Draft, ...]:
    """Once: nothing for a document that is open already, or has no movements of its own."""
    if document.kind == "count_request" or state.books.get(BOOK, document.document) is not None:
        return ()
    return (_draft({"kind": "opened", **_head(document)}, document, source, context),)


def closed(
    state: State, document: ExpectedDocument, kind: str, source: Mapping[str, Any], context: Context
) -> tuple[Draft, ...]:
    """`closed` or `closed_short`, with every line, in parts."""
    lines = [_wire(one) for one in standing(state, document)]
    parts = [lines[at : at + LINES_A_PART_MAX] for at in range(0, len(lines), LINES_A_PART_MAX)]
    return tuple(
        _draft(
            {"kind": kind, **_head(document), "part": number, "parts": len(parts), "lines": part},
            document,
            source,
            context,
        )
        for number, part in enumerate(parts, start=1)
    )


def withdrawn(state: State, document: ExpectedDocument, context: Context) -> tuple[Draft, ...]:
    """Head office takes it back: an event where anything was done with it."""
    name = document.document
    touched = (
        state.books.get(BOOK, name) is not None
        or is_closed(state.books, name)
        or any(True for _ in state.books.under(LINES, f"{name}/"))
    )
    return (_draft({"kind": "withdrawn", **_head(document)}, document, {}, context),) if touched else ()


def _head(document: ExpectedDocument) -> dict[str, Any]:
    return {
        "document": document.document,
        "document_kind": document.kind,
        "revision": document.revision,
        "from": document.source,
        "to": document.target,
    }


def _wire(one: Standing) -> dict[str, Any]:
    line: dict[str, Any] = {"sku": one.sku, "expected": one.expected, "done": one.done}
    line |= {} if one.line is None else {"line": one.line}
    line |= {"lot": one.lot} if one.lot else {}
    return line | {name: units for name in ("damaged", "over", "short") if (units := getattr(one, name))}


def _draft(data: Mapping[str, Any], document: ExpectedDocument, source: Mapping[str, Any], context: Context) -> Draft:
    whose = {**source, "document": document.document}
    return Draft("document", data, whose, context.occurred_us, context.clock)


# -- folds -------------------------------------------------------------------------------------------------------------


def fold_document(books: Books, event: Folded) -> None:
    data, name = event.data, event.data["document"]
    if data["kind"] == "opened":
        record = {"status": "open", "kind": data["document_kind"], "revision": data["revision"]}
        books.put(BOOK, name, record | {"opened_seq": event.seq})
    elif data["kind"] == "closed_short":
        held = books.get(BOOK, name) or {"kind": data["document_kind"], "revision": data["revision"]}
        books.put(BOOK, name, {**held, "status": "closed_short"})
    elif data.get("part", 1) == data.get("parts", 1):
        _forget(books, name)
        if data["kind"] == "withdrawn":
            books.put(CLOSED, name, None)
        elif books.get(CLOSED, name) is None:
            remember(books, CLOSED, name, {"seq": event.seq, "kind": data["document_kind"]}, CLOSED_KEPT_MAX)


def _forget(books: Books, name: str) -> None:
    books.put(BOOK, name, None)
    for book in (LINES, TAGS, UNITS):
        for key, _ in list(books.under(book, f"{name}/")):
            books.put(book, key, None)


def fold_moved(books: Books, event: Folded) -> None:
    """What a movement did for its document; taken back by what reverses it. Picks to the pickup zone are told by
    `reservation_picked`."""
    name, data = event.source.get("document"), event.data
    if name is None or is_closed(books, name) or (data["kind"] == "moved" and "reservation" in data):
        return
    sign = -1 if data["kind"] == "reversed" else 1
    for line in data["lines"]:
        damaged = line["quantity"] if line["disposition"] in _DAMAGED else 0
        _add_line(books, name, line["sku"], line.get("lot", NO_LOT), sign * line["quantity"], sign * damaged)
        if _comes(line, sign):
            which = "portal" if "portal" in data else "loose"
            if "epcs" not in line or which == "portal":
                _add_tags(books, name, line["sku"], which, sign * line["quantity"])
    if "sscc" in data:
        books.put(UNITS, f"{name}/{data['sscc']}", {"seq": event.seq} if sign > 0 else None)


def _comes(line: Mapping[str, Any], sign: int) -> bool:
    outside = line["from"] if sign > 0 else line["to"]
    return outside == "supplier" or bool(outside.startswith("transit:"))


def fold_picked(books: Books, event: Folded) -> None:
    name, data = event.source.get("document"), event.data
    if name is not None and not is_closed(books, name):
        _add_line(books, name, data["sku"], NO_LOT, data["quantity"], 0)


def fold_identified(books: Books, event: Folded) -> None:
    """Tags of what was scanned without: loose no longer."""
    name, data = event.source.get("document"), event.data
    if name is not None and not is_closed(books, name):
        _add_tags(books, name, data["sku"], "loose", -data["quantity"])


def fold_matched(books: Books, event: Folded) -> None:
    """A barcode of what the portal had seen before."""
    name, data = event.source.get("document"), event.data
    if name is not None and data["reason"] == "seen_by_portal" and not is_closed(books, name):
        _add_tags(books, name, data["sku"], "matched", data["quantity"])


def _add_line(books: Books, name: str, sku: str, lot: str, done: int, damaged: int) -> None:
    key = f"{name}/{sku}/{lot}"
    held = books.get(LINES, key) or {"done": 0, "damaged": 0}
    record: dict[str, Any] = {"sku": sku, "done": held["done"] + done, "damaged": max(0, held["damaged"] + damaged)}
    record |= {"lot": lot} if lot else {}
    books.put(LINES, key, record if record["done"] or record["damaged"] else None)


def _add_tags(books: Books, name: str, sku: str, which: str, units: int) -> None:
    held = tags_of(books, name, sku)
    record = {**held, which: max(0, held[which] + units)}
    books.put(TAGS, f"{name}/{sku}", record if any(record.values()) else None)


RULES: tuple[tuple[str, tuple[str, ...], Fold], ...] = (
    ("document", ("opened", "closed", "closed_short", "withdrawn"), fold_document),
    ("movement", ("received", "moved", "sold", "returned", "transferred", "adjusted", "reversed"), fold_moved),
    ("journal", ("reservation_picked",), fold_picked),
    ("journal", ("tags_identified",), fold_identified),
    ("exception", ("possible_duplicate",), fold_matched),
)
