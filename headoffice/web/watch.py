"""Notices what workers have committed, in whichever process, and says it to the hub: one look for all listeners.

Workers stamp `position.at_us` before they commit, each by its own clock: a look goes a little further back than the
newest that was seen, and compares the positions with those it knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError

from contract.events import EVENT, Envelope, MovementEvent
from contract.journal import ReservationData, ResolvedData
from headoffice.database import Database
from headoffice.view import stock, stores
from headoffice.view.movements import movement_row
from headoffice.view.paging import Told
from headoffice.view.stock import View
from headoffice.web.hub import Change

LOOK_BACK_US = 10_000_000
EVENTS_MAX = 1_000  # that are told at one look; who would read more?
STORE_EVENTS_MAX = 200
RESYNCS_MAX = 20  # stores; with more all is to be drawn anew
SKUS_MAX = 200  # of one store at one look
SLOW_LOOKS = 5  # every so many looks: states and alerts
TELLING = ("exception", "document", "count")


class Seen(NamedTuple):
    log: str
    seq: int


class Watcher:
    """One thread. It looks also while nobody listens: who comes is told what changes from then on.

    The first look learns what is there.
    """

    def __init__(self) -> None:
        self._newest_us: int | None = None
        self._seen: dict[str, Seen] = {}
        self._states: dict[str, tuple[Any, ...]] = {}
        self._alerts: dict[int, tuple[Any, ...]] = {}
        self._alerts_us = 0
        self._looks = 0

    def look(self, database: Database, view: View, *, heard: bool = True) -> list[Change]:
        first = self._newest_us is None
        moved = self._moved(database)
        slow: list[Change] = []
        if heard or first:
            if self._looks % SLOW_LOOKS == 0:
                slow = self._stores(database, view) + self._alerted(database, view)
            self._looks += 1
        if first:
            return [_resync("")]
        changes: list[Change] = []
        for store, before, now, at_us in moved if heard else ():
            left = EVENTS_MAX - len(changes)
            changes += _told(database, view, store, before, now, at_us, min(left, STORE_EVENTS_MAX))
        behind = [one for one in changes if one.name == "resync"]
        if len(behind) > RESYNCS_MAX:
            changes = [_resync(""), *(one for one in changes if one.name != "resync")]
        return changes + slow

    def _moved(self, database: Database) -> list[tuple[str, Seen | None, Seen, int]]:
        """Stores of which something was taken in: up to where before, up to where now, and when."""
        since_us = 0 if self._newest_us is None else self._newest_us - LOOK_BACK_US
        rows = database.rows(
            "SELECT store, log, seq, at_us FROM position WHERE at_us >= ? ORDER BY at_us, store", (since_us,)
        )
        self._newest_us = max(self._newest_us or 0, rows[-1][3] if rows else 0)
        found = [(row[0], self._seen.get(row[0]), Seen(row[1], row[2]), row[3]) for row in rows]
        self._seen.update({store: now for store, _, now, _ in found})
        return [one for one in found if one[1] != one[2]]

    def _stores(self, database: Database, view: View) -> list[Change]:
        changes: list[Change] = []
        cursor: str | None = None
        while True:
            page = stores.stores(database, view.now_us, cursor=cursor)
            for row in page.rows:
                state = (row.online, row.state, row.version, row.log, bool(row.behind))
                if self._states.get(row.store) != state:
                    self._states[row.store] = state
                    changes.append(change("store", row.store, row))
            if (cursor := page.more) is None:
                return changes

    def _alerted(self, database: Database, view: View) -> list[Change]:
        since_us, self._alerts_us = self._alerts_us, view.now_us - LOOK_BACK_US
        rows = database.rows(
            "SELECT id, rule, store, subject, severity, state, first_us, last_us, times FROM alert "
            "WHERE id IN (SELECT id FROM alert WHERE last_us >= ? "
            "UNION SELECT id FROM alert WHERE acknowledged_us >= ? UNION SELECT id FROM alert WHERE closed_us >= ?) "
            "ORDER BY last_us DESC LIMIT ?",
            (since_us, since_us, since_us, EVENTS_MAX),
        )
        fresh = [row for row in rows if self._alerts.get(row[0]) != (row[5], row[8])]
        self._alerts = {row[0]: (row[5], row[8]) for row in rows}
        names = ("id", "rule", "store", "subject", "severity", "state", "first_us", "last_us", "times")
        return [change("alert", row[2], dict(zip(names, row, strict=True))) for row in reversed(fresh)]


def change(name: str, store: str, told: Told | dict[str, Any], skus: Iterable[str] = ()) -> Change:
    data = orjson.dumps(told.model_dump() if isinstance(told, Told) else told)  # one line: orjson writes no line ends
    return Change(name, store, frozenset(skus), b"event: " + name.encode() + b"\ndata: " + data + b"\n\n")


def _resync(store: str) -> Change:
    return change("resync", store, {"store": store})


def _told(
    database: Database, view: View, store: str, before: Seen | None, now: Seen, at_us: int, limit: int
) -> list[Change]:
    """Of one store: its events since, and the stock of the items that they change."""
    if before is None or before.log != now.log or now.seq - before.seq > limit:
        return [_resync(store)]
    rows = database.rows(
        "SELECT type, body FROM event WHERE store = ? AND log = ? AND seq > ? AND seq <= ? ORDER BY seq",
        (store, now.log, before.seq, now.seq),
    )
    changes: list[Change] = []
    skus: set[str] = set()
    for _, body in rows:
        found = _event(bytes(body), at_us)
        if found is None:
            return [_resync(store)]
        told, touched = found
        changes += told
        skus |= touched
    if len(skus) > SKUS_MAX:
        return [*changes, _resync(store)]
    figures = stock.in_store(database, store, sorted(skus), view) if skus else []
    return changes + [change("stock", store, {"sku": sku, **row.model_dump()}, [sku]) for sku, row in figures]


def _event(body: bytes, at_us: int) -> tuple[list[Change], set[str]] | None:
    """What is told of an event, and the items whose stock it changes. None: it cannot be told.

    That is an opening, and what does not fit the contract, as a movement of a later version may.
    """
    try:
        event = EVENT.validate_json(body)
    except ValidationError:
        return None
    if isinstance(event, MovementEvent):
        skus = {line.sku for line in event.data.lines}
        moved = change("movement", event.store, movement_row(event, at_us), skus)
        resolves = event.data.resolves
        return [moved, *([_settled(event, resolves.seq, "booked")] if resolves is not None else [])], skus
    if isinstance(event.data, ResolvedData):
        return [_settled(event, event.data.concerns.seq, event.data.resolution)], set()
    if isinstance(event.data, ReservationData):
        return [], {event.data.sku}
    if event.data.kind == "opening":
        return None
    if event.type not in TELLING:
        return [], set()
    head: dict[str, Any] = {
        "store": event.store,
        "log": event.log,
        "seq": event.seq,
        "at_us": at_us,
        "occurred_at": event.occurred_at,
    }
    data = event.data.model_dump(by_alias=True, exclude_none=True, exclude={"lines", "held", "code"})
    return [change(event.type, event.store, head | data)], set()


def _settled(event: Envelope, seq: int, resolution: str) -> Change:
    """Of an exception that was told before."""
    return change(
        "exception", event.store, {"store": event.store, "log": event.log, "seq": seq, "resolution": resolution}
    )
