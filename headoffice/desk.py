"""Builds and runs the desk: pages and API in the pool of uvicorn, and three threads beside it.

    watch     notices what workers commit, and tells the listeners of the live stream
    figures   sums what the stores hold, a quarter of the time at most
    parts     alerts, checks, commands, behind a broker connection; in one desk of a database

A lost database is said once and come back to. Whatever else goes wrong in a thread ends the process, with its
traceback: a desk that looks alive and watches nothing is worse than one that starts again.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from types import FrameType
from typing import NamedTuple

from headoffice.authority import Authority
from headoffice.clock import Clock, SystemClock
from headoffice.database import Database
from headoffice.desk_outage import await_database, with_database
from headoffice.desk_parts import Builder, run_parts
from headoffice.desk_server import Address, Server, bind
from headoffice.mqtt import Broker
from headoffice.view.figures import Figures
from headoffice.web.access import Gate
from headoffice.web.app import build
from headoffice.web.hub import Hub
from headoffice.web.room import Pool, Room
from headoffice.web.watch import Watcher

WATCH_S = 0.2
FIGURES_S = 0.05  # at a stretch
FIGURES_SHARE = 3  # and so much longer nothing
FIGURES_IDLE_S = 1.0
STOP_S_MAX = 10.0
Say = Callable[[str], None]


def say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


class Plan(NamedTuple):
    """`broker` and `builders` are for the parts; none: this desk only shows."""

    target: str
    http: Address
    gate: Gate
    prefix: str
    sales_zones: tuple[str, ...]
    broker: Broker | None
    builders: Sequence[Builder]
    authority: Authority | None = None


def run(plan: Plan) -> None:
    """Until SIGTERM or SIGINT. Raises HeadOfficeError, and what ended one of its threads."""
    clock = SystemClock()
    stop, threads = threading.Event(), Threads()
    room = Room(
        Pool(plan.target, read_only=True), Pool(plan.target, read_only=False), clock, Figures(clock.wall_us), Hub(),
        plan.sales_zones, plan.prefix, plan.authority,
    )  # fmt: skip
    server = Server(build(room, plan.gate), plan.http)
    await_database(plan.target, stop, say)
    with ExitStack() as held:
        bound = bind(plan.http)
        held.callback(bound.close)

        def ended(_number: int = 0, _frame: FrameType | None = None) -> None:
            stop.set()
            server.stop(room.hub)

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, ended)
        threads.start("watch", partial(watch, room, stop, say), ended)
        threads.start("figures", partial(sum_up, room, stop, say), ended)
        if plan.broker is not None and plan.builders:
            parts = partial(run_parts, plan.target, plan.broker, plan.builders, clock, plan.prefix, stop, say)
            threads.start("parts", parts, ended)
        say(f"desk: {server.url(bound)}{' open on this machine' if plan.gate.open else ''}")
        server.serve(bound)
        ended()
        threads.join()
        room.reading.close()
        room.writing.close()
    say("desk: closed")
    threads.raise_failure()


class Threads:
    def __init__(self) -> None:
        self._running: list[threading.Thread] = []
        self._failures: list[BaseException] = []

    def start(self, name: str, body: Callable[[], None], ended: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                body()
            except BaseException as error:  # noqa: BLE001  raised by `raise_failure`, in the main thread
                self._failures.append(error)
                ended()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        self._running.append(thread)
        thread.start()

    def join(self) -> None:
        for thread in self._running:
            thread.join(STOP_S_MAX)

    def raise_failure(self) -> None:
        if self._failures:
            raise self._failures[0]


def watch(room: Room, stop: threading.Event, tell: Say) -> None:
    def looking(database: Database) -> None:
        watcher = Watcher()
        while not stop.wait(WATCH_S):
            room.hub.tell(watcher.look(database, room.view(), heard=room.hub.heard))

    with_database(room.reading.target, stop, tell, "watch", looking)


def sum_up(room: Room, stop: threading.Event, tell: Say) -> None:
    clock: Clock = room.clock

    def summing(database: Database) -> None:
        while not stop.is_set():
            begun_s = clock.now_s()
            more = room.figures.refresh(database, FIGURES_S, clock.now_s)
            stop.wait((clock.now_s() - begun_s) * FIGURES_SHARE if more else FIGURES_IDLE_S)

    with_database(room.reading.target, stop, tell, "figures", summing)
