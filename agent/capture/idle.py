"""Stations lock when nobody scans for a while: a badge left on a counter is nobody's word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from agent.clock import Clock
from agent.context import context_now
from agent.errors import LedgerError
from agent.ledger.transaction import Transaction
from agent.operations import sessions
from agent.operations.values import Session, Station

RETRY_S = 10.0  # when the ledger took nothing


class Log(Protocol):
    def submit(self, job: Callable[[Transaction], Any], done: Callable[[Any, Exception | None], None]) -> None: ...


class Idle:
    """On the event loop. One timer a station at most; `locked` is told of each that was locked, in any thread."""

    def __init__(
        self,
        stations: Mapping[str, Station],
        log: Log,
        clock: Clock,
        after: Callable[[float, Callable[[], None]], None],
        locked: Callable[[str, Session], None],
    ) -> None:
        self._stations = stations
        self._log = log
        self._clock = clock
        self._after = after
        self._locked = locked
        self._heard_ns: dict[str, int] = {}
        self._waiting: set[str] = set()

    def heard(self, station: str, session: Session | None) -> None:
        """A scan of the station was answered; `session` is what it is in now."""
        limit_s = 60.0 * self._stations[station].rules.lock_idle_min if station in self._stations else 0.0
        self._heard_ns[station] = self._clock.now().monotonic_ns
        at_work = session is not None and session.clerk is not None and not session.locked
        if limit_s and at_work and station not in self._waiting:
            self._wait(station, limit_s)

    def _wait(self, station: str, seconds: float) -> None:
        self._waiting.add(station)
        self._after(seconds, lambda: self._look(station))

    def _look(self, station: str) -> None:
        self._waiting.discard(station)
        idle_s = (self._clock.now().monotonic_ns - self._heard_ns[station]) / 1e9
        left_s = 60.0 * self._stations[station].rules.lock_idle_min - idle_s
        if left_s > 0:
            self._wait(station, left_s)
            return
        context = context_now(self._clock)

        def job(tx: Transaction) -> Session | None:
            session = tx.session(station)
            drafts = sessions.locking(session, {}, context) if session is not None else ()
            if drafts:
                tx.append(drafts)
            return tx.session(station) if drafts else None

        def done(result: Session | None, error: Exception | None) -> None:
            if error is None and result is not None:
                self._locked(station, result)

        try:
            self._log.submit(job, done)
        except LedgerError:
            self._wait(station, RETRY_S)
