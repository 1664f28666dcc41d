"""Passages of tags through a portal, and what they do to stock: one movement a group, nothing twice, doubt told. Pure.

An item is where its tag was written down last. So a passage from A to B of a tag that is known at B already is no
movement; of one that is known at C, it is a movement from C, since it must have left there unseen; of one that is not
known it identifies a unit of A that has no tag yet. What cannot be told becomes an exception with its EPCs, for a count
to settle: a wrong direction would be stock wrong twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from agent.operations import departures, movements
from agent.operations.books import Shelf
from agent.operations.counts_settle import booked
from agent.operations.documents import tags_of
from agent.operations.values import Context, Draft, TagPlace
from contract.documents import INWARD, ExpectedDocument, ExpectedLine
from contract.stock import NO_LOT, StockKey, is_outside

Rule = Literal["record", "require_document", "alarm"]
EPCS_AN_EVENT_MAX = 500
DETAIL_EPCS = 5


@dataclass(frozen=True, slots=True)
class PassedTag:
    """`sku` is None for an item that is not in the catalogue; `units` are the base units in that package."""

    epc: str
    gtin: str
    serial: str
    sku: str | None
    revision: int = 0
    units: int = 1


@dataclass(frozen=True, slots=True)
class Passed:
    """Tags that crossed together. `source` and `target` are zones, or outside as the portal's configuration says."""

    portal: str
    device: str
    source: str
    target: str
    rule: Rule
    tags: tuple[PassedTag, ...]
    context: Context


@dataclass(frozen=True, slots=True)
class Doubt:
    """Tags near a portal of which nobody can say where they went. `reason` is a word for machines."""

    portal: str
    device: str
    reason: str
    epcs: tuple[str, ...]
    context: Context


class PassageState(Protocol):
    """The store within the transaction that will hold the events."""

    @property
    def next_seq(self) -> int: ...

    def stock(self, key: StockKey) -> int: ...

    @property
    def books(self) -> Shelf: ...

    def tag(self, epc: str) -> TagPlace | None: ...

    def untagged(self, sku: str, zone: str) -> int:
        """Sellable units in a zone that no known tag stands for."""
        ...

    def documents(self) -> Sequence[ExpectedDocument]:
        """Open ones, in the order of their names."""
        ...

    def progress(self, document: str) -> Mapping[str, int]:
        """Base units that moved for a document, by SKU."""
        ...


class _Move(NamedTuple):
    tag: PassedTag
    origin: TagPlace

    @property
    def sku(self) -> str:
        return self.origin.sku


def decide(state: PassageState, passed: Passed) -> tuple[Draft, ...]:
    """One movement a document (or without), and exceptions for what is no movement."""
    troubles: dict[str, list[str]] = {}
    moves: list[_Move] = []
    taken: Counter[str] = Counter()
    for tag in passed.tags:
        found = _origin(state, passed, tag, taken)
        if isinstance(found, _Move):
            moves.append(found)
        elif found is not None:
            troubles.setdefault(found, []).append(tag.epc)
    drafts: list[Draft] = []
    if passed.rule == "alarm" and moves:
        drafts, alarming = _departures(state, passed, moves)
        troubles.setdefault("unexpected_exit", []).extend(move.tag.epc for move in alarming)
        moves = []
    filled, moves = _filled(state, passed, moves)
    drafts += filled
    for document, group in _by_document(state, passed, moves, troubles):
        drafts += _moved(state, passed, document, group, state.next_seq + len(drafts))
    return (*drafts, *_troubles(passed, troubles))


def _departures(state: PassageState, passed: Passed, moves: list[_Move]) -> tuple[list[Draft], list[_Move]]:
    """Tags of goods that were sold by barcode leave in order; the others are left for the alarm."""
    if not is_outside(passed.target):
        return [], moves
    gone: dict[str, list[_Move]] = {}
    alarming: list[_Move] = []
    room: dict[str, int] = {}
    for move in moves:
        left = room.setdefault(move.sku, departures.due(state.books, move.sku, passed.context))
        if left < move.origin.units:
            alarming.append(move)
            continue
        room[move.sku] = left - move.origin.units
        gone.setdefault(move.sku, []).append(move)
    drafts: list[Draft] = []
    for sku, group in gone.items():
        for at in range(0, len(group), EPCS_AN_EVENT_MAX):
            some = group[at : at + EPCS_AN_EVENT_MAX]
            left_with = departures.Left(sku, tuple(one.tag.epc for one in some), sum(one.origin.units for one in some))
            drafts.append(departures.departed(left_with, passed.target, passed.portal, passed.device, passed.context))
    return drafts, alarming


def _origin(state: PassageState, passed: Passed, tag: PassedTag, taken: Counter[str]) -> _Move | str | None:
    """The movement of one tag, or the reason why there is none, or None where it is already."""
    if tag.sku is None:
        return "unknown_item"
    known = state.tag(tag.epc)
    if known is not None:
        if known.place == passed.target:
            return None
        if is_outside(known.place) and known.place != passed.source:
            return "came_back"
        return _Move(tag, known)
    if is_outside(passed.source):
        return _Move(tag, TagPlace(tag.sku, passed.source, units=tag.units))
    sold = passed.rule == "alarm" and departures.due(state.books, tag.sku, passed.context) >= tag.units
    if not sold and taken[tag.sku] + tag.units > state.untagged(tag.sku, passed.source):
        return "not_in_stock"
    taken[tag.sku] += tag.units
    return _Move(tag, TagPlace(tag.sku, passed.source, units=tag.units))


def _filled(state: PassageState, passed: Passed, moves: list[_Move]) -> tuple[list[Draft], list[_Move]]:
    """Tags of units that were scanned without for a document that they come with: they are those units."""
    if not is_outside(passed.source):
        return [], moves
    drafts: list[Draft] = []
    for document in state.documents():
        if not _goes(document, passed):
            continue
        groups: dict[str, list[_Move]] = {}
        loose: dict[str, int] = {}
        for move in moves:
            room = loose.setdefault(move.sku, tags_of(state.books, document.document, move.sku)["loose"])
            if room >= move.origin.units:
                loose[move.sku] = room - move.origin.units
                groups.setdefault(move.sku, []).append(move)
        gone = {move.tag.epc for group in groups.values() for move in group}
        moves = [move for move in moves if move.tag.epc not in gone]
        drafts += [_identified(passed, document, sku, group) for sku, group in groups.items()]
    return drafts, moves


def _identified(passed: Passed, document: ExpectedDocument, sku: str, group: list[_Move]) -> Draft:
    data = {
        "kind": "tags_identified",
        "sku": sku,
        "place": passed.target,
        "disposition": "sellable",
        "quantity": sum(move.origin.units for move in group),
        "epcs": sorted(move.tag.epc for move in group),
    }
    source = {"device": passed.device, "document": document.document}
    return Draft("journal", data, source, passed.context.occurred_us, passed.context.clock)


def _by_document(
    state: PassageState, passed: Passed, moves: list[_Move], troubles: dict[str, list[str]]
) -> Iterator[tuple[ExpectedDocument | None, list[_Move]]]:
    """Moves under the document that expects them; without one as the portal's rule says."""
    left = moves
    if is_outside(passed.source) or is_outside(passed.target):
        for document in state.documents():
            if not _goes(document, passed):
                continue
            mine, left = _expected(document, state.progress(document.document), left)
            if mine:
                yield document, mine
    if left and passed.rule == "require_document":
        troubles.setdefault("no_document", []).extend(move.tag.epc for move in left)
    elif left:
        yield None, left


def _goes(document: ExpectedDocument, passed: Passed) -> bool:
    """In the direction of the passage: a portal's outside is any outside place that a document names."""
    if is_outside(passed.source):
        return document.kind in INWARD and document.target == passed.target
    return document.kind == "transfer_out" and document.source == passed.source


def _expected(
    document: ExpectedDocument, done: Mapping[str, int], moves: list[_Move]
) -> tuple[list[_Move], list[_Move]]:
    """What the document takes, up to its tolerance, and what is left."""
    room: Counter[str] = Counter()
    for line in document.lines:
        room[line.sku] += line.quantity + line.quantity * document.tolerance_percent // 100
    room.subtract({sku: done.get(sku, 0) for sku in room})
    named = {epc for line in document.lines for epc in line.epcs or ()}
    mine: list[_Move] = []
    for move in sorted(moves, key=lambda one: one.tag.epc not in named):
        if room[move.sku] >= move.origin.units:
            room[move.sku] -= move.origin.units
            mine.append(move)
    chosen = {move.tag.epc for move in mine}
    return [one for one in moves if one.tag.epc in chosen], [one for one in moves if one.tag.epc not in chosen]


def _moved(
    state: PassageState, passed: Passed, document: ExpectedDocument | None, moves: list[_Move], seq: int
) -> list[Draft]:
    source = {"device": passed.device, **({"document": document.document} if document else {})}
    drafts: list[Draft] = []
    for at in range(0, len(moves), EPCS_AN_EVENT_MAX):
        kind, lines = _lines(passed, document, moves[at : at + EPCS_AN_EVENT_MAX])
        draft = movements.movement({"kind": kind, "lines": lines, "portal": passed.portal}, source, passed.context)
        drafts += booked(state, draft, seq + len(drafts))
    return drafts


def _lines(passed: Passed, document: ExpectedDocument | None, moves: list[_Move]) -> tuple[str, list[dict[str, Any]]]:
    """A line for each item of one origin, in that order."""
    by_sku = {line.sku: line for line in document.lines} if document else dict[str, ExpectedLine]()
    groups: dict[TagPlace, list[_Move]] = {}
    for move in moves:
        groups.setdefault(move.origin, []).append(move)
    lines: list[dict[str, Any]] = []
    for origin, group in sorted(groups.items()):
        expected = by_sku[origin.sku] if document is not None and is_outside(origin.place) else None
        lot = origin.lot if expected is None else expected.lot or NO_LOT
        line: dict[str, Any] = {
            "sku": origin.sku,
            "quantity": len(group) * origin.units,
            "from": document.source if document is not None and expected is not None else origin.place,
            "to": document.target if document is not None else passed.target,
            "disposition": origin.disposition if expected is None else expected.disposition,
            "code": {"gtin": group[0].tag.gtin, "revision": group[0].tag.revision, "units": origin.units},
            "epcs": sorted(move.tag.epc for move in group),
            **({"lot": lot} if lot else {}),
        }
        lines.append(line)
    places = {line["from"] for line in lines} | {line["to"] for line in lines}
    if any(place.startswith("transit:") for place in places):
        return "transferred", lines
    return "received" if "supplier" in places else "moved", lines


def _troubles(passed: Passed, troubles: Mapping[str, list[str]]) -> Iterator[Draft]:
    for reason, epcs in troubles.items():
        kind = {"unknown_item": "unknown_tag", "unexpected_exit": "unexpected_exit"}.get(reason, "unexpected_tag")
        for some in _cut(epcs):
            detail = f"{len(some)} tags through {passed.portal}, {passed.source} to {passed.target}"
            yield _exception(kind, reason, detail, some, passed.portal, passed.device, passed.context)


def doubts(doubt: Doubt) -> tuple[Draft, ...]:
    """Entries for the tray; a count that sees the tags settles them."""
    return tuple(
        _exception(
            "uncertain_passage",
            doubt.reason,
            f"{len(some)} tags at {doubt.portal}",
            some,
            doubt.portal,
            doubt.device,
            doubt.context,
        )
        for some in _cut(doubt.epcs)
    )


def duplicate(epc: str, portal: str, device: str, detail: str, context: Context) -> Draft:
    """One EPC at two places that one item cannot reach in that time."""
    return _exception("duplicate_tag", "two_places_at_once", detail, [epc], portal, device, context)


def _exception(
    kind: str, reason: str, detail: str, epcs: Sequence[str], portal: str, device: str, context: Context
) -> Draft:
    data = {"kind": kind, "reason": reason, "detail": detail, "epcs": list(epcs), "portal": portal}
    return Draft("exception", data, {"device": device}, context.occurred_us, context.clock)


def _cut(epcs: Iterable[str]) -> Iterator[list[str]]:
    held = sorted(epcs)
    for at in range(0, len(held), EPCS_AN_EVENT_MAX):
        yield held[at : at + EPCS_AN_EVENT_MAX]


def tag_changes(kind: str, data: Mapping[str, Any]) -> Iterator[tuple[str, TagPlace]]:
    """Where an event puts tags. A line's tags stand for equal parts of its quantity."""
    if kind == "movement":
        for line in data["lines"]:
            epcs = line.get("epcs") or ()
            for epc in epcs:
                units = line["quantity"] // len(epcs) or 1
                yield epc, TagPlace(line["sku"], line["to"], line.get("lot") or NO_LOT, line["disposition"], units)
    elif kind == "journal" and data["kind"] == "tags_departed":
        units = data["quantity"] // len(data["epcs"]) or 1
        for epc in data["epcs"]:
            yield epc, TagPlace(data["sku"], data["place"], units=units)
    elif kind == "journal" and data["kind"] == "tags_identified":
        units = data["quantity"] // len(data["epcs"]) or 1
        for epc in data["epcs"]:
            yield epc, TagPlace(data["sku"], data["place"], data.get("lot") or NO_LOT, data["disposition"], units)


def progress_changes(kind: str, source: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    """Document, SKU and base units that an event moved for it; taken back by what reverses it."""
    document = source.get("document")
    if kind == "movement" and document is not None:
        sign = -1 if data["kind"] == "reversed" else 1
        for line in data["lines"]:
            yield document, line["sku"], sign * line["quantity"]


def doubt_changes(kind: str, seq: int, data: Mapping[str, Any]) -> Iterator[tuple[str, int | None]]:
    """EPCs that an exception doubts, by its sequence; or that are settled (None), for they were seen."""
    if kind == "exception" and data["kind"] == "uncertain_passage":
        for epc in data["epcs"]:
            yield epc, seq
    elif kind == "journal" and data["kind"] == "tags_seen":
        for epc in data["epcs"]:
            yield epc, None
    elif kind == "movement":
        for epc, _ in tag_changes(kind, data):
            yield epc, None
