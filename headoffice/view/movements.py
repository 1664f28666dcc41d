"""The newest movements over all stores, without an index over all events.

Within a store events arrive in order, and `position` knows when each store's newest one came. So stores are looked
into from the one that was heard last, and their newest events merged: a page of fifty looks into a few stores, however
many there are.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import NamedTuple

import orjson
from pydantic import Field, ValidationError

from contract.canonical import INTEGER_MAX
from contract.events import MovementData, MovementEvent
from headoffice.database import Database
from headoffice.view.paging import Page, Told, cursor_of, place_of

LINES_SHOWN = 20
CHUNK = 64  # events of one store that are read at once
LINES_OF_MAX = 50
SCAN_MAX = 20_000  # events that are looked at for one page


class MovementLine(Told):
    sku: str
    quantity: int
    source: str = Field(description="zone, or a place outside")
    target: str
    lot: str | None
    disposition: str


class MovementRow(Told):
    store: str
    log: str
    seq: int
    at_us: int = Field(description="when head office stored it")
    occurred_at: str = Field(description="when it happened, by the store's clock")
    clock: str = Field(description="synced or suspect: whether the store's clock could be relied on")
    kind: str
    quantity: int = Field(description="base units, over all lines")
    lines_total: int
    lines: list[MovementLine] = Field(description=f"the first {LINES_SHOWN}")
    station: str | None
    clerk: str | None = Field(description="opaque id")
    document: str | None
    reason: str | None
    reverses: int | None = Field(description="number of the event that it takes back")


class MovementLineRow(Told):
    """One line of a movement, with what the movement says of all of them."""

    store: str
    log: str
    seq: int
    line: int = Field(description="of the movement, from 1 on")
    at_us: int
    occurred_at: str
    clock: str
    kind: str
    sku: str
    quantity: int = Field(description="base units")
    source: str
    target: str
    lot: str | None
    disposition: str
    station: str | None
    clerk: str | None
    document: str | None
    reason: str | None
    reverses: int | None


class MovementPage(Page[MovementRow]):
    looked_back_us: int | None = Field(description="events that came from then on were looked at; null: all there are")


class Which(NamedTuple):
    store: str | None = None
    sku: str | None = None
    kind: str | None = None

    def may_have(self, body: bytes) -> bool:
        """Without reading it: most of what is looked at is something else. Events are in their canonical form."""
        return (self.sku is None or f'"{self.sku}"'.encode() in body) and (
            self.kind is None or f'"kind":"{self.kind}"'.encode() in body
        )

    def has(self, data: MovementData) -> bool:
        return (self.kind is None or data.kind == self.kind) and (
            self.sku is None or any(line.sku == self.sku for line in data.lines)
        )


class Place(NamedTuple):
    """Of an event among all."""

    at_us: int
    store: str
    log: str
    seq: int


Stream = Iterator[tuple[Place, bytes | None]]


def movement_row(event: MovementEvent, at_us: int) -> MovementRow:
    data, source = event.data, event.source
    return MovementRow(
        store=event.store, log=event.log, seq=event.seq, at_us=at_us, occurred_at=event.occurred_at, clock=event.clock,
        kind=data.kind, quantity=sum(line.quantity for line in data.lines), lines_total=len(data.lines),
        lines=[
            MovementLine(
                sku=line.sku, quantity=line.quantity, source=line.source, target=line.target, lot=line.lot,
                disposition=line.disposition,
            )
            for line in data.lines[:LINES_SHOWN]
        ],
        station=source.station, clerk=source.clerk, document=source.document, reason=data.reason,
        reverses=data.reverses.seq if data.reverses is not None else None,
    )  # fmt: skip


def line_rows(event: MovementEvent, at_us: int, sku: str | None) -> Iterator[MovementLineRow]:
    """With an SKU its lines only."""
    data, source = event.data, event.source
    for number, line in enumerate(data.lines, start=1):
        if sku in {None, line.sku}:
            yield MovementLineRow(
                store=event.store, log=event.log, seq=event.seq, line=number, at_us=at_us,
                occurred_at=event.occurred_at, clock=event.clock, kind=data.kind, sku=line.sku, quantity=line.quantity,
                source=line.source, target=line.target, lot=line.lot, disposition=line.disposition,
                station=source.station, clerk=source.clerk, document=source.document, reason=data.reason,
                reverses=data.reverses.seq if data.reverses is not None else None,
            )  # fmt: skip


def movements(database: Database, which: Which, *, cursor: str | None, limit: int) -> MovementPage:
    """Newest first. A page may be short before the end, when so many events were looked at."""
    found, last = _search(database, which, cursor, limit)
    rows = [movement_row(event, at_us) for event, at_us in found]
    more, looked_back_us = (cursor_of(*last), last.at_us) if last is not None else (None, None)
    return MovementPage(rows=rows, more=more, looked_back_us=looked_back_us)


def movement_lines(database: Database, which: Which, *, cursor: str | None, limit: int) -> Page[MovementLineRow]:
    """The same line by line: a page has every line of up to `LINES_OF_MAX` movements."""
    found, last = _search(database, which, cursor, min(limit, LINES_OF_MAX))
    rows = [row for event, at_us in found for row in line_rows(event, at_us, which.sku)]
    return Page(rows=rows, more=cursor_of(*last) if last is not None else None)


def _search(
    database: Database, which: Which, cursor: str | None, limit: int
) -> tuple[list[tuple[MovementEvent, int]], Place | None]:
    """With when each was stored, and the place after which there may be more."""
    before = Place(*place_of(cursor, int, str, str, int)) if cursor is not None else None
    found: list[tuple[MovementEvent, int]] = []
    last: Place | None = None
    for looked, (place, body) in enumerate(newest(database, which.store, before)):
        if last is not None and (len(found) == limit or looked == SCAN_MAX):
            return found, last
        last = place
        event = _movement(body) if body is not None and which.may_have(body) else None
        if event is not None and which.has(event.data):
            found.append((event, place.at_us))
    return found, None


def _movement(body: bytes) -> MovementEvent | None:
    """None: what a store wrote is kept in any shape, but only movements of the contract can be shown as one."""
    try:
        return MovementEvent.model_validate_json(body)
    except ValidationError:
        return None


def newest(database: Database, store: str | None, before: Place | None) -> Iterator[tuple[Place, bytes | None]]:
    """Every event of every store, newest first; the body of movements only.

    In the order of arrival, then store, then newest: events of one round came at one time.
    """
    where, values = (" WHERE store = ?", [store]) if store is not None else ("", [])
    until_us = before.at_us if before is not None else INTEGER_MAX
    heads = sorted(
        (-min(at_us, until_us), name, log)
        for at_us, name, log in database.rows(f"SELECT at_us, store, log FROM position{where}", values)
    )
    waiting: list[tuple[int, str, Place, bytes | None, Stream]] = []
    begun = 0
    while begun < len(heads) or waiting:
        if begun < len(heads) and (not waiting or heads[begun][:2] <= waiting[0][:2]):
            _, name, log = heads[begun]
            begun += 1
            stream = _of_store(database, name, log, before)
        else:
            _, _, place, body, stream = heapq.heappop(waiting)
            yield place, body
        if (following := next(stream, None)) is not None:
            place, body = following
            heapq.heappush(waiting, (-place.at_us, place.store, place, body, stream))


def _of_store(database: Database, store: str, log: str | None, before: Place | None) -> Stream:
    """The events of one store, its older logs after the one that is followed."""
    below, until_us = INTEGER_MAX, INTEGER_MAX
    if before is not None:
        # Of one arrival the stores come by name: those in front of the last one have been told.
        until_us = before.at_us if store >= before.store else before.at_us - 1
        if store == before.store:
            log, below = before.log, before.seq
    while log is not None:
        rows = database.rows(
            "SELECT at_us, seq, CASE WHEN type = 'movement' THEN body END FROM event "
            "WHERE store = ? AND log = ? AND seq < ? AND at_us <= ? ORDER BY seq DESC LIMIT ?",
            (store, log, below, until_us, CHUNK),
        )
        for at_us, seq, body in rows:
            yield Place(at_us, store, log, seq), body
        if len(rows) == CHUNK:
            below = rows[-1][1]
        else:
            log, below = _parent(database, store, log)


def _parent(database: Database, store: str, log: str) -> tuple[str | None, int]:
    """The log that a log grew from, and the first number that is not of it."""
    rows = database.rows("SELECT body FROM event WHERE store = ? AND log = ? AND seq = 1", (store, log))
    parent = orjson.loads(rows[0][0])["data"].get("parent") if rows else None
    return (parent["log"], parent["seq"] + 1) if parent else (None, 0)
