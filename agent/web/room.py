"""What all requests share: the view, a lane for calls that block, the facts of the overview, and the end of it all."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from starlette.requests import HTTPConnection

from agent.capture.stations import Entry
from agent.capture.supervisor import DeviceStatus, State
from agent.capture.tags import CountShown, Found
from agent.catalogue.errors import CatalogueError
from agent.operations.values import Session, Station
from agent.web import shown
from agent.web.expected import Expected
from agent.web.lane import Busy, Lane
from agent.web.presses import Presses
from agent.web.texts import Language
from agent.web.view import Sync, View
from agent.web.work import Work, card, waiting
from drivers.reads import Answer

EXCEPTIONS_MAX = 100
FACTS_FRESH_S = 1.0
WORK_FRESH_S = 5.0
EXCEPTIONS_FRESH_S = 60.0  # without a scan that hints at a new one
EXCEPTIONS_PAUSE_S = 5.0  # however many scans go wrong
FINDERS_MAX = 8  # each looks through all tags several times a second, on the event loop


@dataclass(frozen=True, slots=True)
class Facts:
    sync: Sync
    devices: list[DeviceStatus]
    exceptions: list[dict[str, Any]]
    work: Work


class Room:
    def __init__(self, view: View) -> None:
        self.view = view
        self.stations: dict[str, Station] = {one.name: one for one in view.stations}
        self.zones = frozenset(zone for one in view.stations for zone in one.zones)
        self.hosts: set[str] = set()  # names beside the loopback's that a request may be addressed to
        self.lane = Lane()
        self.closing = asyncio.Event()
        self.failures = 0
        self.expected = Expected(self.lane, view.expected, self._failed)
        self.finders = 0
        self.presses = Presses()
        self._facts: Facts | None = None
        self._facts_at_s = 0.0
        self._work: Work | None = None
        self._work_at_s = 0.0
        self._exceptions: list[dict[str, Any]] | None = None
        self._exceptions_at_s = 0.0
        self._exceptions_mark: int = -1
        self._asking = asyncio.Lock()

    async def close(self) -> None:
        """Ends every stream at once; returns when no call into the view is under way."""
        self.closing.set()
        await self.expected.close()
        await self.lane.close()

    def _failed(self) -> None:
        self.failures += 1

    def last(self, station: str) -> Entry | None:
        entries = self.view.feed.recent(station)
        return entries[-1] if entries else None

    async def session(self, station: str) -> Session:
        """After the newest scan; before the first since the agent started, as the log has it."""
        last = self.last(station)
        held = None if last is not None else (await self.lane.call(self.view.sessions)).get(station)
        return held or shown.begun(last, self.stations[station])

    def clerk(self, session: Session | None) -> str:
        """The name of who is at a station."""
        return self.view.access.name(session.clerk) if session is not None else ""

    def device(self, name: str) -> DeviceStatus | None:
        return next((one for one in self.view.devices() if one.device == name), None)

    def counting(self, station: str) -> CountShown | None:
        """The count that a station's readers are in. A count by barcodes alone has none: it is blind."""
        count = self.view.count(station)
        if count is None:
            return None
        by_tags = station in self.view.readers.values() or count.read or count.foreign or count.waiting
        return count if by_tags else None

    def readers_up(self) -> int:
        return sum(one.state is State.UP for one in self.view.devices() if one.device in self.view.readers)

    def find(self, wanted: str) -> list[Found]:
        """Tags of an SKU or with an EPC, the nearest first. Raises `Busy` when the catalogue cannot be read."""
        try:
            return self.view.find(wanted)
        except CatalogueError as error:
            raise Busy(str(error)) from error

    @contextmanager
    def looking(self) -> Generator[asyncio.Queue[Entry]]:
        """A place among those who look for a tag; they hear of no scans. Raises `OverflowError` beyond the limit."""
        if self.finders >= FINDERS_MAX:
            raise OverflowError(f"{FINDERS_MAX} screens are looking for tags already")
        self.finders += 1
        try:
            yield asyncio.Queue()
        finally:
            self.finders -= 1

    async def facts(self) -> Facts:
        """Not older than a second, asked once for however many screens look on."""
        async with self._asking:
            now_s = asyncio.get_running_loop().time()
            if self._facts is None or now_s - self._facts_at_s >= FACTS_FRESH_S:
                sync = await self.lane.call(self.view.sync)
                exceptions = await self._newest_exceptions(now_s)
                self._facts = Facts(sync, self.view.devices(), exceptions, await self._waiting(now_s))
                self._facts_at_s = now_s
            return self._facts

    async def _waiting(self, now_s: float) -> Work:
        """Reading all open documents takes a while where there are many."""
        if self._work is None or now_s - self._work_at_s >= WORK_FRESH_S:
            back = self.view.back
            zones, now_us, rules = sorted(self.zones), back.now_us(), back.rules
            self._work = await self.lane.call(back.look, lambda state: waiting(state, zones, now_us, rules))
            self._work_at_s = now_s
        return self._work

    async def _newest_exceptions(self, now_s: float) -> list[dict[str, Any]]:
        """Read again when a scan went wrong, for that may be one: the log is long and not ordered by type."""
        mark, age_s = self._not_good_us(), now_s - self._exceptions_at_s
        stale = age_s >= EXCEPTIONS_FRESH_S or (mark != self._exceptions_mark and age_s >= EXCEPTIONS_PAUSE_S)
        if self._exceptions is None or stale:
            self._exceptions = await self.lane.call(self.view.exceptions, EXCEPTIONS_MAX)
            self._exceptions_at_s, self._exceptions_mark = now_s, mark
        return self._exceptions

    def _not_good_us(self) -> int:
        """When the newest scan that was not good arrived, at any station or none."""
        return max(
            (
                entry.at_us
                for station in (*self.stations, "")
                for entry in self.view.feed.recent(station)
                if entry.answer is not Answer.GOOD
            ),
            default=0,
        )

    async def overview(self, language: Language) -> dict[str, Any]:
        """Everything the start page shows, as texts."""
        facts, zone = await self.facts(), self.view.time_zone
        return {
            "work": card(facts.work, language),
            "sync": shown.sync_card(facts.sync, language),
            "exceptions": shown.exceptions_card(facts.exceptions, EXCEPTIONS_MAX, language),
            "stations": [
                shown.station_card(session, self.last(session.station), language, zone, self.clerk(session))
                for session in [await self.session(name) for name in self.stations]
            ],
            "devices": [shown.device_card(one, language, zone) for one in facts.devices],
        }


def room_of(connection: HTTPConnection) -> Room:
    return cast("Room", connection.app.state.room)
