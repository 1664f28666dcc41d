"""`jaego-hq epcis push`: the engine with a database and a capture interface.

The position of each log, and the job that is open, are in `epcis_push`; both move in the transaction that puts aside
what was refused. Killed at any instant, it goes on from there: a document whose answer never came is sent again, a job
that was open is asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC
from hashlib import sha256

from contract.times import Stamper
from headoffice.clock import Clock
from headoffice.database import Database
from headoffice.epcis_engine import Answer, Delivery, Look, Moved, Noted, Poll, Post, Told, Unavailable, Wait
from headoffice.epcis_http import Capture
from headoffice.epcis_source import Read, Source
from headoffice.errors import ConfigError, PeerRefuses

FOLLOW_S = 1.0
REPORT_S = 10.0
ASIDE_IN_A_ROW_MAX = 10
BODY_BYTES_KEPT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """A log, as it is delivered to one address."""

    target: str
    store: str
    log: str


@dataclass(slots=True)
class Counts:
    events: int = 0  # of ours that were told, or had nothing to tell
    documents: int = 0  # that were stored
    aside: int = 0


class Push:
    def __init__(
        self,
        database: Database,
        source: Source,
        capture: Capture,
        clock: Clock,
        say: Callable[[str], None],
        *,
        batch: int,
    ) -> None:
        self._database = database
        self._source = source
        self._capture = capture
        self._clock = clock
        self._say = say
        self._batch = batch
        self._stamper = Stamper(UTC)
        self._reported_s = clock.now_s()
        self._in_a_row = 0
        self._down = ""
        self.counts = Counts()
        self.stop = threading.Event()

    def run(self, stores: Sequence[str] | None, *, follow: bool) -> None:
        """Until everything is there; with `follow` until `stop`. Raises `PeerRefuses`, `ConfigError`."""
        while not self.stop.is_set():
            self._source.renew()
            moved = False
            for store in self._source.stores(stores):
                for log in self._source.logs(store):
                    moved = self._log(Place(self._capture.address, store, log)) or moved
            if not moved and not follow:
                return
            if not moved:
                self.stop.wait(FOLLOW_S)

    def again(self, stores: Sequence[str] | None) -> None:
        """Everything is sent from the beginning."""
        for store in self._source.stores(stores):
            self._database.write(
                "UPDATE epcis_push SET seq = 0, job = NULL, until = NULL WHERE target = ? AND store = ?",
                (self._capture.address, store),
            )

    def _log(self, place: Place) -> bool:
        """All that there is of it now; whether that was anything."""
        moved = False
        while not self.stop.is_set():
            seq, job, until = self._position(place)
            found = self._source.read(place.store, place.log, seq, most=self._batch, until=until if job else None)
            if found is None:
                break
            moved = True
            self._deliver(place, seq, found, job)
        return moved

    def _deliver(self, place: Place, seq: int, found: Read, job: str | None) -> None:
        for at, why, body in found.faulty:
            self._aside(place, at, why, body)
        delivery = Delivery(found.told, found.until, job)
        while (step := delivery.next(self._clock.now_s())) is not None and not self.stop.is_set():
            if isinstance(step, Wait):
                self.stop.wait(step.seconds)
                continue
            answer = self._asked(step)
            told = delivery.answered(answer, self._clock.now_s(), self._clock.chance())
            self._outage(answer)
            if isinstance(told, Noted):
                self._note(place, seq, told)
            elif isinstance(told, Moved):
                seq = self._moved(place, seq, told, found.told)
            self._report(place, seq)
        if step is None and seq < found.until:
            self._move(place, seq, found.until)

    def _asked(self, step: Post | Poll | Look) -> Answer:
        now_us = self._clock.wall_us()
        if isinstance(step, Look):
            return self._capture.look(step.event_id, now_us)
        if isinstance(step, Poll):
            return self._capture.poll(step.job, now_us)
        return self._capture.post(self._source.document(step.piece, self._stamper.text(now_us)), now_us)

    def _outage(self, answer: Answer) -> None:
        """Said once when it begins, and once when it ends."""
        why = answer.reason if isinstance(answer, Unavailable) else ""
        if why and not self._down:
            self._say(f"{self._capture.address} does not take documents now: {why}; it is tried again")
        elif self._down and not why:
            self._say(f"{self._capture.address} answers again")
        self._down = why

    def _moved(self, place: Place, seq: int, told: Moved, items: Sequence[Told]) -> int:
        if told.aside is None:
            self._in_a_row = 0
            self.counts.documents += 1
            self._move(place, seq, told.seq)
            return told.seq
        self._in_a_row += 1
        body = next(one.body for one in items if one.seq == told.seq)
        with self._database.transaction():
            self._aside(place, told.seq, told.aside, body)
            self._move(place, seq, told.seq)
        if self._in_a_row >= ASIDE_IN_A_ROW_MAX:
            raise PeerRefuses(
                f"{self._in_a_row} events in a row were refused, the last because: {told.aside}",
                hint="is it the right address? `push --again` sends what was put aside once more",
            )
        return told.seq

    def _report(self, place: Place, seq: int) -> None:
        now_s = self._clock.now_s()
        if now_s - self._reported_s >= REPORT_S:
            self._reported_s = now_s
            self._say(
                f"{place.store}: event {seq:,}; {self.counts.events:,} events in all, {self.counts.aside} put aside"
            )

    # -- what is remembered -------------------------------------------------------------------------------------------

    def _position(self, place: Place) -> tuple[int, str | None, int | None]:
        key = (place.target, place.store, place.log)
        rows = self._database.rows(
            "SELECT seq, job, until FROM epcis_push WHERE target = ? AND store = ? AND log = ?", key
        )
        if rows:
            return rows[0][0], rows[0][1], rows[0][2]
        self._database.write(
            "INSERT INTO epcis_push (target, store, log, seq, at_us) VALUES (?, ?, ?, 0, ?) "
            "ON CONFLICT (target, store, log) DO NOTHING",
            (*key, self._clock.wall_us()),
        )
        return 0, None, None

    def _note(self, place: Place, seq: int, told: Noted) -> None:
        self._set(place, seq, seq, told.job, told.until)

    def _move(self, place: Place, seq: int, to: int) -> None:
        self._set(place, seq, to, None, None)
        self.counts.events += to - seq

    def _set(self, place: Place, seq: int, to: int, job: str | None, until: int | None) -> None:
        """From where it is known to be, else somebody else delivers this log too."""
        written = self._database.write(
            "UPDATE epcis_push SET seq = ?, job = ?, until = ?, at_us = ? "
            "WHERE target = ? AND store = ? AND log = ? AND seq = ?",
            (to, job, until, self._clock.wall_us(), place.target, place.store, place.log, seq),
        )
        if written != 1:
            raise ConfigError(
                f"another push to {place.target} is at work on store {place.store}", hint="one at a time for an address"
            )

    def _aside(self, place: Place, seq: int, why: str, body: bytes) -> None:
        self.counts.aside += 1
        self._say(f"ALARM {place.store}: event {seq} is put aside, {place.target} does not get it: {why}")
        now_us = self._clock.wall_us()
        self._database.write(
            "INSERT INTO quarantine (store, code, digest, log, seq, reason, body, count, at_us, last_at_us) "
            "VALUES (?, 'epcis', ?, ?, ?, ?, ?, 1, ?, ?) ON CONFLICT (store, code, digest) "
            "DO UPDATE SET count = quarantine.count + 1, reason = excluded.reason, last_at_us = excluded.last_at_us",
            (place.store, sha256(body).digest(), place.log, seq, why, body[:BODY_BYTES_KEPT], now_us, now_us),
        )
