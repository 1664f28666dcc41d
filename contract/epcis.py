"""Events as EPCIS 2.0: `to_epcis` gives the EPCIS events of one event, `document` the document that carries them.

Every event that says something about goods is mapped; `WITHOUT` names the others, each with its reason.

eventID. The first EPCIS event of an event is `urn:uuid:{id}` with the event's own id; further ones, where lines differ
in place, step or condition, have version 5 UUIDs (RFC 9562, 5.5) of that id and their number. So an event has the same
ids however often, and by whom, it is mapped: agent and head office give the same, and what is delivered twice is once
in effect. CBV's hash ids (`ni:`) would do that too, and cost a second canonical form.

A correction declares the EPCIS events of the event it takes back to be in error: they come again as they were, with
the same eventID (EPCIS 2.0, 7.4.1: unique but for error declarations) and an `errorDeclaration`. Goods that are in the
store after it are observed there, and that observation is the corrective event.

Quantities are positive numbers of base units, or kilograms (KGM) of goods by weight. Times keep the store's offset.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

from pydantic import ValidationError

from contract.epcis_goods import Goods
from contract.epcis_names import EpcisNames, Item, Master, item_of, sscc_uri
from contract.epcis_rules import CONTEXT
from contract.epcis_steps import WITHOUT, Step, condition, side, step_of
from contract.events import EVENT, MovementData, MovementEvent
from contract.journal import TagsDepartedData, TagSeenData, TagsIdentifiedData, TagWrittenData
from contract.papers import CountData, CountLine, DocumentData
from contract.shapes import Line
from contract.times import parse_us

Find = Callable[[int], Mapping[str, Any] | None]
EpcisEvent = dict[str, Any]

__all__ = [
    "CONTEXT",
    "WITHOUT",
    "EpcisEvent",
    "EpcisNames",
    "Item",
    "Master",
    "Unmappable",
    "document",
    "item_of",
    "to_epcis",
]


class Unmappable(ValueError):
    """It is no event of this contract: of a later version, or damaged. The text says what is wrong."""


def document(events: Sequence[EpcisEvent], names: EpcisNames, created_at: str) -> dict[str, Any]:
    """An EPCISDocument; `created_at` is RFC 3339."""
    return {
        "@context": [CONTEXT, {"jaego": names.namespace}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": created_at,
        "epcisBody": {"eventList": list(events)},
    }


def to_epcis(event: Mapping[str, Any], master: Master, find: Find) -> list[EpcisEvent]:
    """The EPCIS events of one event, in order; none where `WITHOUT` says so, or where nothing was counted or done.

    `find` gives an event of the same log by its `seq`, for what a correction takes back; None if it is not there any
    more. Raises `Unmappable`.
    """
    try:
        found = EVENT.validate_python(event)
        frame = _Frame(found, master)
    except (ValidationError, ValueError) as error:
        raise Unmappable(_reason(error)) from error
    data = found.data
    if isinstance(found, MovementEvent):
        return _corrected(frame, found, find) if found.data.kind == "reversed" else list(_moved(frame, found.data))
    if isinstance(data, CountData):
        return list(_counted(frame, data))
    if isinstance(data, DocumentData) and data.kind in {"closed", "closed_short"}:
        return _closed(frame, data)
    if isinstance(data, TagSeenData | TagsDepartedData | TagsIdentifiedData | TagWrittenData):
        return _tags(frame, data)
    return []


def _reason(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the event'}: {first['msg']}"


class _Frame:
    """What all EPCIS events of one event share."""

    def __init__(self, event: Any, master: Master) -> None:
        self.event = event
        self.store: str = event.store
        self.names = master.names
        self.master = master
        self._id = UUID(event.id)
        self._count = 0
        self._offset = _offset(event.occurred_at)
        _offset(event.recorded_at)

    def made(self, kind: str, step: Step, parts: Mapping[str, Any]) -> EpcisEvent:
        """`parts` with an empty value are left out."""
        self._count += 1
        event = self.event
        name = self._id if self._count == 1 else uuid5(self._id, str(self._count))
        out: EpcisEvent = {
            "type": kind,
            "eventID": f"urn:uuid:{name}",
            "eventTime": event.occurred_at,
            "eventTimeZoneOffset": self._offset,
            "recordTime": event.recorded_at,
            "action": step.action,
            "bizStep": step.step,
        }
        out |= {name: value for name, value in parts.items() if value}
        out |= {"jaego:store": event.store, "jaego:log": event.log, "jaego:seq": event.seq, "jaego:hash": event.hash}
        out["jaego:kind"] = f"{event.type}/{event.data.kind}"
        if event.clock != "synced":
            out["jaego:clock"] = event.clock
        return out

    def goods(self) -> Goods:
        return Goods(self.master)

    def read_point(self, zone: str | None, portal: str | None = None) -> dict[str, str] | None:
        """The door, the station or the reader that saw it; without any, the zone."""
        source = self.event.source
        name = portal or source.station or source.device
        if name is not None:
            return {"id": self.names.read_point(self.store, name)}
        return {"id": self.names.zone(self.store, zone)} if zone is not None else None

    def location(self, zone: str) -> dict[str, str]:
        return {"id": self.names.zone(self.store, zone)}

    def condition(self, disposition: str, zone: str) -> str:
        return condition(disposition, back=f"{self.store}/{zone}" in self.names.back_zones)

    def paper(self, kind: str, name: str | None, called: str) -> list[dict[str, str]]:
        """A business transaction; types that CBV has no word for are ours."""
        if name is None:
            return []
        kind = kind if kind in _CBV_PAPERS else self.names.namespace + kind
        return [{"type": kind, "bizTransaction": self.names.paper(self.store, called, name)}]


_CBV_PAPERS = frozenset({"desadv", "inv", "po", "rma"})


_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:Z|([+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)))"
)


def _offset(time: str) -> str:
    """`+09:00`. Raises `ValueError` for what is no time, and for an offset of more than 14 hours."""
    found = _TIME.fullmatch(time)
    if found is None:
        raise ValueError(f"{time[:40]!r} is no time that EPCIS knows: RFC 3339 with an offset of at most 14 hours")
    parse_us(time)
    return found[1] or "+00:00"


# -- movements ---------------------------------------------------------------------------------------------------------


def _moved(frame: _Frame, data: MovementData) -> Iterator[EpcisEvent]:
    """An EPCIS event for each group of lines that share place, step and condition."""
    groups: dict[tuple[str, str, Step, str], list[Line]] = {}
    for line in data.lines:
        counted = data.count is not None or data.balances is not None
        step = step_of(data.kind, line, counted=counted, picked=data.reservation is not None)
        inside = side(line.target) == "zone"
        word = step.disposition or (frame.condition(line.disposition, line.target) if inside else "unknown")
        groups.setdefault((line.source, line.target, step, word), []).append(line)
    for (origin, target, step, word), lines in groups.items():
        yield from _group(frame, data, lines, step, _ends(frame, origin, target, step, word, data))


def _ends(frame: _Frame, origin: str, target: str, step: Step, word: str, data: MovementData) -> dict[str, Any]:
    """Where the goods were seen and are now, whose they are, and the papers."""
    inside = side(target) == "zone"
    zone = origin if side(origin) == "zone" else target
    out: dict[str, Any] = {
        "disposition": word,
        "readPoint": frame.read_point(zone if side(zone) == "zone" else None, data.portal),
        "bizLocation": frame.location(target) if inside else None,
        "bizTransactionList": _papers(frame, data, {side(origin), side(target)}),
    }
    if step.step in {"receiving", "shipping"} and "customer" not in (origin, target):
        out["sourceList"] = _parties(frame, origin, "source", theirs=inside)
        out["destinationList"] = _parties(frame, target, "destination", theirs=not inside)
    return out


def _papers(frame: _Frame, data: MovementData, sides: set[str]) -> list[dict[str, str]]:
    kind = "document"
    if data.kind in {"received", "transferred"}:
        kind = "desadv"
    elif data.kind == "sold":
        kind = "po"
    elif data.kind == "returned" and "supplier" in sides:
        kind = "rma"
    return [
        *frame.paper(kind, frame.event.source.document, "document"),
        *frame.paper("inv", data.transaction, "transaction"),
        *frame.paper("reservation", data.reservation, "reservation"),
    ]


def _parties(frame: _Frame, place: str, word: str, *, theirs: bool) -> list[dict[str, str]]:
    """Possession and site of one end; goods between stores stay the company's."""
    names = frame.names
    if side(place) == "supplier":
        return [{"type": "possessing_party", word: names.vendor()}]
    if side(place) == "transit":
        found = [{"type": "location", word: names.store(place.removeprefix("transit:"))}]
    elif theirs:
        return []
    else:
        found = [{"type": "location", word: names.store(frame.store)}]
    owner = names.owner()
    return [{"type": "owning_party", word: owner}, *found] if owner else found


def _group(
    frame: _Frame, data: MovementData, lines: list[Line], step: Step, ends: dict[str, Any]
) -> Iterator[EpcisEvent]:
    goods = frame.goods()
    for line in lines:
        goods.add_line(line)
    more = {"jaego:reason": data.reason, "jaego:deltas": goods.deltas}
    if data.sscc is None:
        yield frame.made("ObjectEvent", step, {**goods.of_object(), **ends, **more})
        return
    unit = {"parentID": sscc_uri(data.sscc), **goods.of_children()}
    if step.step == "receiving":  # the unit comes with what is in it (EPCIS 2.0, example 9.6.3)
        yield frame.made("AggregationEvent", step, {**unit, **ends, **more})
        return
    packed = {**ends, "disposition": "in_progress", "sourceList": None, "destinationList": None}
    if side(lines[0].source) == "zone":
        packed["bizLocation"] = frame.location(lines[0].source)
    yield frame.made("AggregationEvent", Step("packing", None, "ADD"), {**unit, **packed})
    yield frame.made("ObjectEvent", step, {"epcList": [sscc_uri(data.sscc)], **ends, **more})


# -- corrections -------------------------------------------------------------------------------------------------------


def _corrected(frame: _Frame, event: MovementEvent, find: Find) -> list[EpcisEvent]:
    data = event.data
    original = find(data.reverses.seq) if data.reverses is not None else None
    seen = [line for line in data.lines if side(line.target) == "zone"] if original is not None else data.lines
    back = (
        list(_moved(frame, data.model_copy(update={"kind": "adjusted", "lines": seen, "sscc": None}))) if seen else []
    )
    if data.reverses is not None:
        back = [{**one, "jaego:reverses": data.reverses.seq} for one in back]
    if original is None or original.get("type") != "movement":
        return back
    for one in back:  # what is declared wrong takes its own deltas back
        del one["jaego:deltas"]
    declared = {
        "declarationTime": event.occurred_at,
        "reason": "did_not_occur",
        **({"correctiveEventIDs": [one["eventID"] for one in back]} if back else {}),
        "jaego:seq": event.seq,
        "jaego:hash": event.hash,
    }
    wrong = to_epcis(original, frame.master, lambda _seq: None)  # a correction itself is never taken back
    return [{**one, "recordTime": event.recorded_at, "errorDeclaration": declared} for one in wrong] + back


# -- counts, documents, tags -------------------------------------------------------------------------------------------


def _counted(frame: _Frame, data: CountData) -> Iterator[EpcisEvent]:
    """What lies there, absolute; lines of which nothing is left are told by the movements that post them."""
    groups: dict[str, list[CountLine]] = {}
    for line in data.lines:
        if line.counted:
            groups.setdefault(frame.condition(line.disposition, data.zone), []).append(line)
    papers = frame.paper("count", data.count, "count")
    papers += frame.paper("count-request", data.request, "document")
    for word, lines in groups.items():
        goods = frame.goods()
        for line in lines:
            goods.add_counted(line)
        parts = {
            **goods.of_object(),
            "disposition": word,
            "readPoint": frame.read_point(data.zone),
            "bizLocation": frame.location(data.zone),
            "bizTransactionList": papers,
            "jaego:lines": goods.deltas,
        }
        yield frame.made("ObjectEvent", Step("cycle_counting"), parts)


_CLOSED = {"receipt": "accepting", "transfer_in": "accepting", "pick": "picking"}
_PAPERS = {"vendor_return": "rma", "pick": "po"}


def _closed(frame: _Frame, data: DocumentData) -> list[EpcisEvent]:
    """What was done for a document, as the transaction that it is: these goods belong to it."""
    goods = frame.goods()
    exact = True
    for line in data.lines or ():
        exact = exact and not (line.over or line.short or line.damaged)
        if line.done > 0:
            goods.add_done(line)
    if not goods.quantities:
        return []
    inside = data.target if side(data.target) == "zone" else None
    zone = data.source if side(data.source) == "zone" else inside
    step = Step(_CLOSED.get(data.document_kind, "shipping"), None, "ADD")
    parts = {
        **goods.of_object(),
        "disposition": "completeness_verified" if exact and data.kind == "closed" else "mismatch_quantity",
        "readPoint": frame.read_point(zone),
        "bizLocation": frame.location(inside) if inside else None,
        "bizTransactionList": frame.paper(_PAPERS.get(data.document_kind, "desadv"), data.document, "document"),
        "jaego:lines": goods.deltas,
    }
    return [frame.made("TransactionEvent", step, parts)]


def _tags(
    frame: _Frame, data: TagSeenData | TagsDepartedData | TagsIdentifiedData | TagWrittenData
) -> list[EpcisEvent]:
    """Objects that were seen. A tag that was written begins to be one."""
    zone: str | None
    if isinstance(data, TagSeenData):
        if data.zone is None or not data.epcs:
            return []
        step, word, zone, epcs = Step("cycle_counting"), None, data.zone, data.epcs
        papers = frame.paper("count", data.count, "count")
    elif isinstance(data, TagsDepartedData):
        step, word, zone, epcs = Step("entering_exiting"), "retail_sold", None, data.epcs
        papers = []
    elif isinstance(data, TagsIdentifiedData):
        step, word, zone, epcs = Step("accepting"), "in_progress", data.place, data.epcs
        papers = frame.paper("desadv", frame.event.source.document, "document")
    else:
        step, word, zone, epcs = Step("encoding", None, "ADD"), "encoded", None, [data.epc]
        papers = []
    if not epcs:
        return []
    parts = {
        "epcList": list(dict.fromkeys(frame.names.tag(epc) for epc in epcs)),
        "disposition": word,
        "readPoint": frame.read_point(zone, data.portal if isinstance(data, TagsDepartedData) else None),
        "bizLocation": frame.location(zone) if zone else None,
        "bizTransactionList": papers,
    }
    return [frame.made("ObjectEvent", step, parts)]
