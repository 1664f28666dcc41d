"""What all requests share: the view, a lane for calls that block, the facts of the overview, and the end of it all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar, cast

from starlette.requests import HTTPConnection

from agent.capture.stations import Entry
from agent.capture.supervisor import DeviceStatus
from agent.operations.values import Station
from agent.web import shown
from agent.web.texts import Language
from agent.web.view import Sync, View
from drivers.reads import Answer

EXCEPTIONS_MAX = 100
FACTS_FRESH_S = 1.0
EXCEPTIONS_FRESH_S = 60.0  # without a scan that hints at a new one
EXCEPTIONS_PAUSE_S = 5.0  # however many scans go wrong
CALL_S_MAX = 10.0
CALLS_WAITING_MAX = 32

P = ParamSpec("P")
T = TypeVar("T")


class Busy(Exception):
    """Too much is asked of the ledger at once: answered with 503."""


class Lane:
    """One thread for everything that blocks: the screens share one reading connection, and never hurry the writer."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, "screens")
        self._waiting = 0

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Raises `Busy` when too many wait, or after `CALL_S_MAX`."""
        if self._waiting >= CALLS_WAITING_MAX:
            raise Busy(f"{CALLS_WAITING_MAX} calls are waiting already")
        future = self._executor.submit(function, *args, **kwargs)
        self._waiting += 1
        future.add_done_callback(self._done)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), CALL_S_MAX)
        except TimeoutError as error:
            raise Busy(f"no answer in {CALL_S_MAX:.0f} s") from error

    def _done(self, _future: object) -> None:
        self._waiting -= 1

    async def close(self) -> None:
        """Returns once nothing of ours reads any more."""
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class Facts:
    sync: Sync
    devices: list[DeviceStatus]
    exceptions: list[dict[str, Any]]


class Room:
    def __init__(self, view: View) -> None:
        self.view = view
        self.stations: dict[str, Station] = {one.name: one for one in view.stations}
        self.hosts: set[str] = set()  # names beside the loopback's that a request may be addressed to
        self.lane = Lane()
        self.closing = asyncio.Event()
        self.failures = 0
        self._facts: Facts | None = None
        self._facts_at_s = 0.0
        self._exceptions: list[dict[str, Any]] | None = None
        self._exceptions_at_s = 0.0
        self._exceptions_mark: int = -1
        self._asking = asyncio.Lock()

    async def close(self) -> None:
        """Ends every stream at once; returns when no call into the view is under way."""
        self.closing.set()
        await self.lane.close()

    def last(self, station: str) -> Entry | None:
        entries = self.view.feed.recent(station)
        return entries[-1] if entries else None

    async def facts(self) -> Facts:
        """Not older than a second, asked once for however many screens look on."""
        async with self._asking:
            now_s = asyncio.get_running_loop().time()
            if self._facts is None or now_s - self._facts_at_s >= FACTS_FRESH_S:
                sync = await self.lane.call(self.view.sync)
                exceptions = await self._newest_exceptions(now_s)
                self._facts = Facts(sync, self.view.devices(), exceptions)
                self._facts_at_s = now_s
            return self._facts

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
            "sync": shown.sync_card(facts.sync, language),
            "exceptions": shown.exceptions_card(facts.exceptions, EXCEPTIONS_MAX, language),
            "stations": [
                shown.station_card(one, self.last(one.name), language, zone) for one in self.stations.values()
            ],
            "devices": [shown.device_card(one, language, zone) for one in facts.devices],
        }


def room_of(connection: HTTPConnection) -> Room:
    return cast("Room", connection.app.state.room)
