"""Many stores against one broker, for the figures of head office: the contract as agents speak it, over few connections
and in one thread. Each store's events go out in order with a bounded number ahead of what head office acknowledged."""

from __future__ import annotations

import selectors
from collections.abc import Callable, Sequence
from datetime import UTC
from pathlib import Path
from typing import IO, NamedTuple

from contract.times import Stamper
from simulators.clock import Pacer, monotonic_us, wall_us
from simulators.load_connection import LOST, Connection
from simulators.load_log import SUFFIX, Log
from simulators.load_store import LoadStore

HEALTH_S = 60.0
TICK_S = 0.5
WAIT_S = 0.02
SETTLE_S = 0.5  # positions that the broker remembers come first
REPORT_S = 10.0


class LoadError(Exception):
    """The run cannot go on; the text says why."""


class Setup(NamedTuple):
    """`rate` in events per second over all stores, 0 for everything at once; `seconds` after which no more events come
    into being; `patience_s` without an acknowledgement ends the run; `until` is the number of a store's last event."""

    host: str
    port: int
    rate: float = 0
    seconds: float | None = None
    patience_s: float = 60
    connections: int = 8
    consumer: str = "headoffice"
    prefix: str = "stock/v1"
    levels: bool = False
    until: int | None = None


class Report(NamedTuple):
    """`seconds` from the first release to the last acknowledgement; `waited_s` of each message, from the moment that
    its events existed until they were acknowledged."""

    stores: int
    released: int
    acked: int
    seconds: float
    resends: int
    replays: int
    waited_s: list[float]


def read_logs(folder: Path, batch: int) -> list[Log]:
    """What `jaego-sim load prepare` wrote. Raises `LoadError`."""
    paths = sorted(folder.glob(f"*{SUFFIX}"))
    if not paths:
        raise LoadError(f"no logs in {folder}: write some with jaego-sim load prepare")
    try:
        return [Log(path.read_bytes(), batch) for path in paths]
    except (OSError, ValueError, KeyError) as error:
        raise LoadError(f"{folder} holds something else than logs of stores: {error}") from error


class Player:
    """Plays logs, once."""

    def __init__(self, setup: Setup, logs: Sequence[Log], pacer: Pacer, tell: Callable[[str], None]) -> None:
        self._setup = setup
        self._pacer = pacer
        self._tell = tell
        self._stamper = Stamper(UTC)
        self._stores = [LoadStore(log, setup.consumer, setup.prefix, until=setup.until) for log in logs]
        count = max(1, min(setup.connections, len(self._stores)))
        self._connections = [
            Connection(
                f"load-{number}", (setup.host, setup.port), self._stores[number::count], self._now, levels=setup.levels
            )
            for number in range(count)
        ]
        self._selector = selectors.DefaultSelector()
        self._turn = 0
        self._credit = 0.0
        self._begin_s: float | None = None
        self._up_s = self._acked_s = self._paced_s = self._tick_s = self._health_s = self._told_s = 0.0
        self._progress = (0.0, 0)  # when something was acknowledged last, and how much is
        self._waited_s: list[float] = []

    def _now(self) -> str:
        return self._stamper.text(wall_us())

    def run(self, times: IO[str] | None = None) -> Report:
        """Until all is acknowledged that was released, or nothing more is for too long.

        `times` gets a line for each message: its store, its newest event, and when its events existed and when they
        were acknowledged (microseconds since 1970).
        """
        self._progress = (monotonic_us() / 1e6, 0)
        while not self._pacer.stopped:
            now_s = monotonic_us() / 1e6
            self._pace(now_s)
            self._exchange(now_s, times)
            if now_s >= self._tick_s and self._tick(now_s):
                break
        for one in self._connections:
            self._lost(one)
        self._selector.close()
        stores, begin_s = self._stores, self._begin_s
        return Report(
            len(stores), sum(one.released for one in stores), sum(one.acked for one in stores),
            max(0.0, self._acked_s - begin_s) if begin_s is not None else 0.0,
            sum(one.resends for one in stores), sum(one.replays for one in stores), self._waited_s,
        )  # fmt: skip

    # -- events come into being ---------------------------------------------------------------------------------------

    def _pace(self, now_s: float) -> None:
        if self._begin_s is None:
            if not all(one.up for one in self._connections):
                self._up_s = now_s
            if now_s - self._up_s < SETTLE_S:
                return
            self._begin_s = self._paced_s = self._health_s = now_s
            self._credit = float("inf") if self._setup.rate == 0 else 0.0
        if self._setup.seconds is None or now_s - self._begin_s < self._setup.seconds:
            self._credit += (now_s - self._paced_s) * self._setup.rate
            self._release(now_s)
        self._paced_s = now_s

    def _release(self, now_s: float) -> None:
        """Of the stores in turn a message each, while there is credit."""
        idle = 0
        while self._credit > 0 and idle < len(self._connections):
            connection = self._connections[self._turn % len(self._connections)]
            self._turn += 1
            events = connection.release(now_s)
            self._credit -= events
            idle = 0 if events else idle + 1

    # -- the wire -----------------------------------------------------------------------------------------------------

    def _exchange(self, now_s: float, times: IO[str] | None) -> None:
        for one in self._connections:
            if one.socket is None and (opened := one.open(now_s)) is not None:
                self._selector.register(opened, selectors.EVENT_READ, one)
        for one in self._connections:
            self._guarded(one, one.write)
        due_s = -self._credit / self._setup.rate if self._setup.rate and self._begin_s is not None else WAIT_S
        for key, _ in self._selector.select(max(0.0, min(WAIT_S, due_s))):
            self._guarded(key.data, key.data.read)
            self._take_times(key.data, times)

    def _guarded(self, one: Connection, step: Callable[[float], None]) -> None:
        if one.socket is None:
            return
        try:
            step(monotonic_us() / 1e6)
        except LOST as error:
            if one.up:
                self._tell(f"connection lost ({error}); again")
            self._lost(one)

    def _lost(self, one: Connection) -> None:
        if one.socket is not None:
            self._selector.unregister(one.socket)
            one.close()

    def _take_times(self, one: Connection, times: IO[str] | None) -> None:
        if not one.waited:
            return
        self._waited_s += [waited.seconds for waited in one.waited]
        self._acked_s = monotonic_us() / 1e6
        if times is not None:
            now_us = wall_us()
            for store, seq, seconds in one.waited:
                times.write(f"{store},{seq},{now_us - int(seconds * 1e6)},{now_us}\n")
        one.waited.clear()

    # -- twice a second -----------------------------------------------------------------------------------------------

    def _tick(self, now_s: float) -> bool:
        """Whether the run is over."""
        self._tick_s = now_s + TICK_S
        released, acked = sum(one.released for one in self._stores), sum(one.acked for one in self._stores)
        if acked > self._progress[1]:
            self._progress = (now_s, acked)
        if now_s - self._told_s > REPORT_S:
            self._told_s = now_s
            self._tell(f"{released} events released, {acked} acknowledged")
        healthy = now_s - self._health_s < HEALTH_S
        self._health_s = self._health_s if healthy else now_s
        for connection in self._connections:
            connection.tick(now_s, health=None if healthy else int(now_s - (self._begin_s or now_s)))
        return self._over(now_s, released) and (acked >= released or self._given_up(now_s))

    def _over(self, now_s: float, released: int) -> bool:
        """No more events will come into being."""
        seconds, begin_s = self._setup.seconds, self._begin_s
        if begin_s is None:
            return self._given_up(now_s)
        late = seconds is not None and now_s - begin_s >= seconds
        return late or released == sum(one.head for one in self._stores)

    def _given_up(self, now_s: float) -> bool:
        return now_s - self._progress[0] > self._setup.patience_s
