"""What a store's events change in the tables that views stand on. Pure.

A `Fold` takes in events of one store in their order and collects the changes; `projecting.py` looks up what it asks for
and writes what it has. The events alone say everything: a fold over all of them gives the same tables again. What comes
is sealed by its store and checked no further: a movement without definite lines and a journal entry of another shape
than the contract's change nothing but the day's count of events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, TypeVar, cast

import orjson
from pydantic import BaseModel, ValidationError

from contract.canonical import INTEGER_MAX
from contract.ids import is_name
from contract.journal import ReservationData, ResolvedData, TagsDepartedData, TagsIdentifiedData, TagWrittenData
from contract.papers import CountData, DocumentData
from contract.shapes import Reference
from contract.stock import StockError, StockKey, event_deltas, is_outside, opening_rows
from headoffice.records import Books, Counted, Document, Key, Place, Problem, Record, Reservation, Tag
from headoffice.restating import TOLD_MAX, added, carried, differences, replaced
from headoffice.taken import Accepted

VERSION = 1  # of the rules below: with another number everything is made again from the events
SALE_DAYS = 62
TIME_CHARACTERS_MAX = 40
DAY_US = 86_400_000_000

Of = TypeVar("Of", bound=Record)
Data = TypeVar("Data", bound=BaseModel)


class Fold:
    """The changes of one store. Sums (`stock`, `daily`, `sales`, `transit`) are added, `records` replace what is there.

    `restated` is the place of an opening: stock, tags and reservations of before are gone, and every SKU is as of it.
    `settled` are exceptions that were not opened in this fold, and what became of them.
    """

    __slots__ = (
        "_books", "daily", "off", "records", "restated", "sales", "settled", "skus", "stock", "store", "transit",
    )  # fmt: skip

    def __init__(self, store: str, books: Books) -> None:
        self.store = store
        self._books = books
        self.restated: Place | None = None
        self.stock: dict[StockKey, int] = {}
        self.skus: dict[str, Place] = {}
        self.daily: dict[tuple[str, str], list[int]] = {}  # day and kind: events, base units
        self.sales: dict[tuple[str, str], list[int]] = {}  # SKU and day: sold, returned
        self.transit: dict[tuple[str, str], list[int]] = {}  # peer and SKU: sent, received
        self.records: dict[type, dict[Key, Record | None]] = {}  # by class
        self.settled: dict[Key, str] = {}
        self.off: list[tuple[str, int, int, int, str]] = []  # openings: log, seq, SKUs, stored at, some of them

    def take(self, one: Accepted, at_us: int) -> None:
        """The next event. `at_us` is when head office stored it."""
        if one.type == "movement":
            self._movement(one, at_us)
            return
        event, data = one.event, one.event["data"]
        place = Place(one.log, one.seq, at_us)
        if one.type == "journal":
            kind, known = "journal", _JOURNAL.get(_text(data.get("kind")) or "")
        else:
            kind, known = ("counted" if one.type == "count" else one.type), _OTHERS[one.type]
        self._day(_day(event, at_us), kind, 0)
        if known is not None:
            known(self, event, data, place)

    # -- movements: nearly all of what comes --------------------------------------------------------------------------

    def _movement(self, one: Accepted, at_us: int) -> None:
        event, data, place = one.event, one.event["data"], Place(one.log, one.seq, at_us)
        kind, day = _kind(data.get("kind")), _day(event, at_us)
        if not one.deltas and not _is_definite(event):
            self._day(day, kind, 0)
            return
        stock, skus = self.stock, self.skus
        for key, delta in one.deltas:
            stock[key] = stock.get(key, 0) + delta
            skus[key.sku] = place
        units = 0
        for line in data["lines"]:
            quantity: int = line["quantity"]
            units += quantity
            if line["to"] == "customer":
                self._sale(line["sku"], day, place, (0, -quantity) if kind == "reversed" else (quantity, 0))
            elif line["from"] == "customer":
                self._sale(line["sku"], day, place, (-quantity, 0) if kind == "reversed" else (0, quantity))
            elif ":" in line["to"]:
                self._passage(line["to"], line["sku"], (0, -quantity) if kind == "reversed" else (quantity, 0))
            elif ":" in line["from"]:
                self._passage(line["from"], line["sku"], (-quantity, 0) if kind == "reversed" else (0, quantity))
            if "epcs" in line:
                self._tags(_epcs(line["epcs"]), line["sku"], line["to"], place)
        self._day(day, kind, units)
        if "reservation" in data:
            self._reserved_goods(kind, data, place)
        if "resolves" in data:
            reference = _read(Reference, data["resolves"])
            if reference is not None:
                self._settle((one.log, reference.seq), "booked")

    def _day(self, day: str, kind: str, units: int) -> None:
        held = self.daily.get((day, kind))
        if held is None:
            self.daily[day, kind] = [1, units]
        else:
            held[0] += 1
            held[1] += units

    def _sale(self, sku: str, day: str, place: Place, change: tuple[int, int]) -> None:
        if day < oldest_day(place.at_us):
            return
        held = self.sales.setdefault((sku, day), [0, 0])
        held[0] += change[0]
        held[1] += change[1]

    def _passage(self, transit: str, sku: str, change: tuple[int, int]) -> None:
        """To another store, or from it."""
        if is_outside(transit):
            held = self.transit.setdefault((transit.removeprefix("transit:"), sku), [0, 0])
            held[0] += change[0]
            held[1] += change[1]

    def _tags(self, epcs: list[str], sku: str, zone: str, place: Place) -> None:
        tag = None if is_outside(zone) else Tag(sku, zone, place.seq, place.at_us)
        for epc in epcs:
            self._put(Tag, (epc,), tag)

    def _reserved_goods(self, kind: str, data: Mapping[str, Any], place: Place) -> None:
        """What went to the customer is no longer reserved; what a reversal brings back is again."""
        name = _text(data["reservation"])
        held = self._get(Reservation, (name,)) if name else None
        if held is None or kind not in {"sold", "transferred", "reversed"}:
            return
        gone = sum(
            line["quantity"] * ((line["to"] == "customer") - (line["from"] == "customer"))
            for line in data["lines"]
            if line["sku"] == held.sku
        )
        if gone:
            self._take(cast("str", name), held, gone, place)

    # -- records ------------------------------------------------------------------------------------------------------

    def _get(self, kind: type[Of], key: Key) -> Of | None:
        held = self.records.setdefault(kind, {})
        if key not in held:
            if self.restated is not None and kind in {Reservation, Tag}:
                return None
            held[key] = self._books.find(kind, key)
        return cast("Of | None", held[key])

    def _put(self, kind: type[Record], key: Key, record: Record | None) -> None:
        self.records.setdefault(kind, {})[key] = record

    def _take(self, name: str, held: Reservation, quantity: int, place: Place) -> None:
        """Base units of a reservation that are reserved no longer; negative ones are again."""
        self.skus[held.sku] = place
        left = min(max(0, held.quantity - quantity), held.made)
        self._put(Reservation, (name,), held._replace(quantity=left, seq=place.seq) if left else None)

    def _settle(self, key: Key, resolution: str) -> None:
        held = self.records.get(Problem, {}).get(key)
        if held is None:
            self.settled[key] = resolution
        else:
            self._put(Problem, key, cast("Problem", held)._replace(resolution=resolution))

    def exception(self, event: Mapping[str, Any], data: Mapping[str, Any], place: Place) -> None:
        quantity, body = data.get("quantity"), orjson.dumps(data).decode()
        problem = Problem(
            _kind(data.get("kind")), _text(data.get("reason")) or "", _text(data.get("sku")), _text(data.get("zone")),
            quantity if type(quantity) is int else None, _time(event["occurred_at"]) or "", place.at_us, None, body,
        )  # fmt: skip
        self._put(Problem, (place.log, place.seq), problem)

    def resolved(self, _event: Mapping[str, Any], data: Mapping[str, Any], place: Place) -> None:
        said = _read(ResolvedData, data)
        if said is not None:
            self._settle((place.log, said.concerns.seq), said.resolution)

    def made(self, _event: Mapping[str, Any], data: Mapping[str, Any], place: Place) -> None:
        said = _read(ReservationData, data)
        if said is not None:
            until = _time(said.expires_at)
            record = Reservation(said.sku, said.quantity, said.quantity, said.order, until, place.seq)
            self._put(Reservation, (said.reservation,), record)
            self.skus[said.sku] = place  # what is available of it has changed

    def less(self, _event: Mapping[str, Any], data: Mapping[str, Any], place: Place) -> None:
        """Released, lapsed, or not to be picked."""
        said = _read(ReservationData, data)
        held = self._get(Reservation, (said.reservation,)) if said is not None else None
        if said is not None and held is not None:
            self._take(said.reservation, held, said.quantity, place)

    def identified(self, _event: Mapping[str, Any], data: Mapping[str, Any], place: Place) -> None:
        said = _read(TagsIdentifiedData, data)
        if said is not None:
            self._tags(said.epcs, said.sku, said.place, place)

    def departed(self, _event: Mapping[str, Any], data: Mapping[str, Any], place: Place) -> None:
        said = _read(TagsDepartedData, data)
        if said is not None:
            self._tags(said.epcs, said.sku, said.place, place)

    def written(self, _event: Mapping[str, Any], data: Mapping[str, Any], place: Place) -> None:
        """A tag carries another EPC from here on; where it is has not changed."""
        said = _read(TagWrittenData, data)
        held = self._get(Tag, (said.replaces,)) if said is not None else None
        if said is not None and held is not None:
            self._put(Tag, (said.replaces,), None)
            self._tags([said.epc], held.sku, held.zone, place)

    def document(self, event: Mapping[str, Any], data: Mapping[str, Any], place: Place) -> None:
        said = _read(DocumentData, data)
        if said is None:
            return
        at, key = _time(event["occurred_at"]), (said.document,)
        held = self._get(Document, key)
        opened_at = at if said.kind == "opened" else held.opened_at if held else None
        found = Document(
            said.document_kind, said.kind, said.revision, said.source, said.target, 0, 0, 0, 0, 0,
            opened_at, None if said.kind == "opened" else at, *place, "[]",
        )  # fmt: skip
        if held is not None and (said.part > 1 or said.kind == "withdrawn"):
            sums = {name: getattr(held, name) for name in ("expected", "done", "damaged", "over", "short", "lines")}
            found = found._replace(**sums)
        lines = said.lines or []
        found = found._replace(
            expected=_sum(found.expected, *(line.expected for line in lines)),
            done=_sum(found.done, *(line.done for line in lines)),
            damaged=_sum(found.damaged, *(line.damaged for line in lines)),
            over=_sum(found.over, *(line.over for line in lines)),
            short=_sum(found.short, *(line.short for line in lines)),
            lines=_joined(found.lines, data.get("lines") or []),
        )
        self._put(Document, key, found)

    def count(self, event: Mapping[str, Any], data: Mapping[str, Any], place: Place) -> None:
        said = _read(CountData, data)
        if said is None:
            return
        key = (place.log, said.count)
        held = self._get(Counted, key) if said.part > 1 else None
        before = held[6:10] if held is not None else (0, 0, 0, 0)
        lines = [(line.expected, line.counted, abs(line.delta), line.delta) for line in said.lines]
        expected, counted, off, net = (_sum(*column) for column in zip(before, *lines, strict=True))
        found = Counted(
            said.zone, said.request, int(said.blind), said.lines_total, said.accuracy_permille, said.exact_permille,
            expected, counted, off, net, _time(event["occurred_at"]) or "",
            place.seq, place.at_us, _joined(held.lines if held else "[]", data["lines"]),
        )  # fmt: skip
        self._put(Counted, key, found)

    def opening(self, event: Mapping[str, Any], data: Mapping[str, Any], place: Place) -> None:
        """Its shape is checked. In the middle of a log it counts whole, and only where it says something else."""
        begin = place.seq - data["part"] + 1
        if begin == 1 or not any(True for _ in self._books.events(place.log, begin - 1, begin - 1)):
            self._restate(event, data, place)
        elif data["part"] == data["parts"]:
            parts = [*self._books.events(place.log, begin, place.seq)]
            off = differences(parts, *self._standing())
            if off:
                told = orjson.dumps([[*one] for one in off[:TOLD_MAX]]).decode()
                self.off.append((place.log, place.seq, len({one.sku for one in off}), place.at_us, told))
                for part in parts:
                    self._restate(part, part["data"], place._replace(seq=part["seq"]))

    def _standing(self) -> tuple[dict[StockKey, int], dict[str, Reservation]]:
        """Stock and reservations as of now."""
        before = self._books if self.restated is None else None
        stock, reserved = (before.stock(), before.reserved()) if before else ({}, {})
        reservations = self.records.get(Reservation, {})
        return added(stock, self.stock.items()), replaced(reserved, cast("Any", reservations))

    def _restate(self, event: Mapping[str, Any], data: Mapping[str, Any], place: Place) -> None:
        """The first part puts an end to what was, and each part says some of what is."""
        if data["part"] == 1:
            self.restated = place
            self.stock.clear()
            self.skus = dict.fromkeys(self.skus, place)
            self.records[Tag], self.records[Reservation] = {}, {}
        for row in opening_rows(event) or ():
            key = StockKey(*row[:4])
            self.stock[key] = self.stock.get(key, 0) + row.quantity
            self.skus[row.sku] = place
        for epc, sku, zone, *_ in data["state"].get("tags", ()):
            self._tags([epc], sku, zone, place)
        for book, name, record in data["state"].get("books", ()):
            if book == "reservation":
                found = carried(name, record)
                if found is not None:
                    self._put(Reservation, (name,), found._replace(expires_at=_time(found.expires_at), seq=place.seq))


Taken = Callable[[Fold, Mapping[str, Any], Mapping[str, Any], Place], None]
_JOURNAL: Mapping[str, Taken] = {
    "opening": Fold.opening,
    "exception_resolved": Fold.resolved,
    "reservation_made": Fold.made,
    "reservation_released": Fold.less,
    "reservation_expired": Fold.less,
    "pick_rejected": Fold.less,
    "tags_identified": Fold.identified,
    "tags_departed": Fold.departed,
    "tag_written": Fold.written,
}
_OTHERS: Mapping[str, Taken] = {"count": Fold.count, "document": Fold.document, "exception": Fold.exception}


def _is_definite(event: Mapping[str, Any]) -> bool:
    """Whether a movement without deltas went between places outside, or says nothing that can be booked."""
    try:
        event_deltas(event)
    except StockError:
        return False
    return True


def _read(shape: type[Data], data: object) -> Data | None:
    try:
        return shape.model_validate(data, strict=True)
    except ValidationError:
        return None


def _epcs(found: object) -> list[str]:
    """EPCs as movements name them; anything else in their place is none."""
    if not isinstance(found, list):
        return []
    return [epc for epc in cast("list[object]", found) if type(epc) is str and epc.isalnum() and len(epc) <= 124]


def _kind(found: object) -> str:
    """Of a movement or an exception. Later versions may have kinds that are not known here."""
    return found if type(found) is str and _is_kind(found) else "unknown"


_is_kind = lru_cache(1000)(is_name)


def _text(found: object) -> str | None:
    """Of names: a text that every database takes."""
    return found if type(found) is str and len(found) <= 128 and "\0" not in found else None


def _time(found: object) -> str | None:
    return found if type(found) is str and len(found) <= TIME_CHARACTERS_MAX and "\0" not in found else None


def _sum(*quantities: int) -> int:
    return max(-INTEGER_MAX, min(sum(quantities), INTEGER_MAX))  # columns have 64 bits


def _joined(lines: str, more: list[Any]) -> str:
    return orjson.dumps(orjson.loads(lines) + more).decode()


def _day(event: Mapping[str, Any], at_us: int) -> str:
    """The store's own date, or the date of arrival (UTC) where its clock is suspect or it says no time."""
    day: str = event["occurred_at"][:10]
    return day if event["clock"] == "synced" and _is_day(day) else _day_of(at_us // DAY_US)


def oldest_day(at_us: int) -> str:
    """Sales of days before it are no longer kept."""
    return _day_of(at_us // DAY_US - SALE_DAYS)


@lru_cache(1000)
def _day_of(days: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=max(0, days))).isoformat()


@lru_cache(1000)
def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
