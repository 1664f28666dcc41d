"""`jaego-hq epcis push`: the engine with a database and a capture interface.

The position of each log, and the job that is open, are in `epcis_push`; both move in the transaction that puts aside
what was refused. Killed at any instant, it goes on from there: a document whose answer never came is sent again, a job
that was open is asked for.

Stores are delivered by several lanes at once, each with connections of its own, a few documents of a store at a turn:
none waits for the round trips of another. Within a store all is in order, since one lane at a time has it.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from hashlib import sha256

from contract.times import Stamper
from headoffice.clock import Clock
from headoffice.database import Database
from headoffice.epcis_engine import Answer, Delivery, Limits, Look, Moved, Noted, Poll, Post, Told, Unavailable, Wait
from headoffice.epcis_http import Capture
from headoffice.epcis_source import Read, Source
from headoffice.errors import ConfigError, DatabaseFull, DatabaseLost, DatabaseUnusable, HeadOfficeError, PeerRefuses

FOLLOW_S = 1.0
REPORT_S = 10.0
ASIDE_IN_A_ROW_MAX = 10
LANES = 4
TURN_DOCUMENTS = 10  # of one store, before the next ones
LOST_S_MIN = 0.25
LOST_S_MAX = 10.0
BODY_BYTES_KEPT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """A log, as it is delivered to one address."""

    target: str
    store: str
    log: str


Head = tuple[str, int]  # the log that a store writes, and its newest event here


@dataclass(slots=True)
class Counts:
    events: int = 0  # of ours that were told, or had nothing to tell
    documents: int = 0  # that were stored
    aside: int = 0


class Shared:
    """What all lanes share: what was done, what is said, and whether to go on."""

    def __init__(self, clock: Clock, say: Callable[[str], None]) -> None:
        self.counts = Counts()
        self.stop = threading.Event()
        self.say = say
        self._clock = clock
        self._lock = threading.Lock()
        self._reported_s = clock.now_s()
        self._in_a_row = 0
        self._down = ""

    def moved(self, events: int) -> None:
        with self._lock:
            self.counts.events += events

    def stored(self) -> None:
        with self._lock:
            self.counts.documents += 1
            self._in_a_row = 0

    def aside(self) -> None:
        with self._lock:
            self.counts.aside += 1

    def refused(self, why: str) -> None:
        """Raises `PeerRefuses` after so many in a row, of whichever stores."""
        with self._lock:
            self._in_a_row += 1
            if self._in_a_row >= ASIDE_IN_A_ROW_MAX:
                raise PeerRefuses(
                    f"{self._in_a_row} events in a row were refused, the last because: {why}",
                    hint="is it the right address? `push --again` sends what was put aside once more",
                )

    def outage(self, address: str, answer: Answer) -> None:
        """Said once when it begins, and once when it ends."""
        why = answer.reason if isinstance(answer, Unavailable) else ""
        with self._lock:
            if why and not self._down:
                self.say(f"{address} does not take documents now: {why}; it is tried again")
            elif self._down and not why:
                self.say(f"{address} answers again")
            self._down = why

    def report(self, store: str, seq: int) -> None:
        with self._lock:
            now_s = self._clock.now_s()
            if now_s - self._reported_s >= REPORT_S:
                self._reported_s = now_s
                self.say(f"{store}: event {seq:,}; {self.counts.events:,} events in all, {self.counts.aside} put aside")


class Push:
    """`opened` gives a lane its connections: again after the database was lost."""

    def __init__(
        self,
        opened: Callable[[], tuple[Database, Source, Capture]],
        clock: Clock,
        say: Callable[[str], None],
        *,
        batch: int,
        lanes: int = LANES,
    ) -> None:
        self._opened = opened
        self._clock = clock
        self._batch = batch
        self._shared = Shared(clock, say)
        self._count = lanes
        self._lanes: list[Lane] = []
        self._there: dict[str, Head] = {}  # up to where everything of a store is delivered
        self._ended = self._was_there = False
        self._limits: Limits | None = None

    @property
    def counts(self) -> Counts:
        return self._shared.counts

    def end(self) -> None:
        self._ended = True
        self._shared.stop.set()

    def close(self) -> None:
        for lane in self._lanes:
            lane.close()
        self._lanes = []

    def run(self, stores: Sequence[str] | None, *, follow: bool) -> None:
        """Until everything is there; with `follow` until `end`. Raises `PeerRefuses`, `ConfigError`, and what the
        database does: with `follow` only at first."""
        tries = 0
        while not self._ended:
            try:
                moved = self._pass(stores)
            except (DatabaseLost, DatabaseFull, DatabaseUnusable) as error:
                if not follow or not self._was_there:
                    raise
                if not tries:
                    self._shared.say(f"{error}: it is tried again; {error.hint}")
                tries += 1
                self._renew()
                pause_s = min(LOST_S_MAX, LOST_S_MIN * 2 ** min(tries, 10))
                self._shared.stop.wait(pause_s * (0.5 + self._clock.chance()))
                continue
            if tries:
                self._shared.say(f"the database is there again, after {tries} tries")
            tries = 0
            if not moved and not follow:
                return
            if not moved:
                self._shared.stop.wait(FOLLOW_S)

    def again(self, stores: Sequence[str] | None) -> None:
        """Everything is sent from the beginning."""
        self._open()
        self._lanes[0].again(stores)

    def _renew(self) -> None:
        """Connections that were lost are given up."""
        with suppress(HeadOfficeError):
            self.close()
        self._lanes = []
        self._shared.stop.clear()
        if self._ended:
            self._shared.stop.set()

    def _open(self) -> None:
        while len(self._lanes) < self._count:
            self._lanes.append(Lane(*self._opened(), self._shared, self._clock, self._batch))
        self._was_there = True

    def _pass(self, wanted: Sequence[str] | None) -> bool:
        """A turn for every store that has something; whether there was any."""
        self._open()
        first = self._lanes[0]
        self._limits = self._limits or first.limits()
        heads = first.heads(wanted)
        due = [store for store, head in heads.items() if self._there.get(store) != head]
        free: queue.SimpleQueue[Lane] = queue.SimpleQueue()
        for lane in self._lanes:
            lane.begin(self._limits)
            free.put(lane)

        def turn(store: str) -> bool:
            if self._shared.stop.is_set():
                return False
            lane = free.get()
            try:
                moved = lane.turn(store)
            except BaseException:
                self._shared.stop.set()  # the others come to an end
                raise
            finally:
                free.put(lane)
            if not moved and not self._shared.stop.is_set():
                self._there[store] = heads[store]
            return moved

        with ThreadPoolExecutor(self._count, thread_name_prefix="epcis") as pool:
            return any([*pool.map(turn, due)])


class Lane:
    """One store at a time, on connections that nobody else uses."""

    def __init__(
        self, database: Database, source: Source, capture: Capture, shared: Shared, clock: Clock, batch: int
    ) -> None:
        self._database = database
        self._source = source
        self._capture = capture
        self._shared = shared
        self._clock = clock
        self._batch = batch
        self._limits = Limits()
        self._stamper = Stamper(UTC)

    def close(self) -> None:
        self._capture.close()
        self._database.close()

    def limits(self) -> Limits | None:
        return self._capture.limits()

    def begin(self, limits: Limits | None) -> None:
        """A pass. Items may have changed."""
        self._source.renew()
        self._limits = limits or Limits()

    def heads(self, wanted: Sequence[str] | None) -> dict[str, Head]:
        """Raises `ConfigError` for a store that is not known."""
        known = {str(row[0]): (row[1], row[2]) for row in self._database.rows("SELECT store, log, seq FROM position")}
        return {store: known[store] for store in self._source.stores(wanted)}

    def again(self, stores: Sequence[str] | None) -> None:
        for store in self._source.stores(stores):
            self._database.write(
                "UPDATE epcis_push SET seq = 0, job = NULL, until = NULL WHERE target = ? AND store = ?",
                (self._capture.address, store),
            )

    def turn(self, store: str) -> bool:
        """The next documents of a store, its older logs first; whether there were any."""
        left = TURN_DOCUMENTS
        for log in self._source.logs(store):
            left -= self._log(Place(self._capture.address, store, log), left)
            if left <= 0:
                break
        return left < TURN_DOCUMENTS

    def _log(self, place: Place, most: int) -> int:
        """How many documents of it there were, so many at most."""
        for done in range(most):
            if self._shared.stop.is_set():
                return done
            seq, job, until = self._position(place)
            found = self._source.read(
                place.store, place.log, seq, most=self._batch, until=until if job else None, limits=self._limits
            )
            if found is None:
                return done
            self._deliver(place, seq, found, job)
        return most

    def _deliver(self, place: Place, seq: int, found: Read, job: str | None) -> None:
        for at, why, body in found.faulty:
            self._aside(place, at, why, body)
        delivery = Delivery(found.told, found.until, job)
        while (step := delivery.next(self._clock.now_s())) is not None and not self._shared.stop.is_set():
            if isinstance(step, Wait):
                self._shared.stop.wait(step.seconds)
                continue
            answer = self._asked(step)
            told = delivery.answered(answer, self._clock.now_s(), self._clock.chance())
            self._shared.outage(self._capture.address, answer)
            if isinstance(told, Noted):
                self._note(place, seq, told)
            elif isinstance(told, Moved):
                seq = self._moved(place, seq, told, found.told)
            self._shared.report(place.store, seq)
        if step is None and seq < found.until:
            self._move(place, seq, found.until)

    def _asked(self, step: Post | Poll | Look) -> Answer:
        now_us = self._clock.wall_us()
        if isinstance(step, Look):
            return self._capture.look(step.event_id, now_us)
        if isinstance(step, Poll):
            return self._capture.poll(step.job, now_us)
        return self._capture.post(self._source.document(step.piece, self._stamper.text(now_us)), now_us)

    def _moved(self, place: Place, seq: int, told: Moved, items: Sequence[Told]) -> int:
        if told.aside is None:
            self._shared.stored()
            self._move(place, seq, told.seq)
            return told.seq
        body = next(one.body for one in items if one.seq == told.seq)
        with self._database.transaction():
            self._aside(place, told.seq, told.aside, body)
            self._move(place, seq, told.seq)
        self._shared.refused(told.aside)
        return told.seq

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
        self._shared.moved(to - seq)

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
        self._shared.aside()
        self._shared.say(f"ALARM {place.store}: event {seq} is put aside, {place.target} does not get it: {why}")
        now_us = self._clock.wall_us()
        self._database.write(
            "INSERT INTO quarantine (store, code, digest, log, seq, reason, body, count, at_us, last_at_us) "
            "VALUES (?, 'epcis', ?, ?, ?, ?, ?, 1, ?, ?) ON CONFLICT (store, code, digest) "
            "DO UPDATE SET count = quarantine.count + 1, reason = excluded.reason, last_at_us = excluded.last_at_us",
            (place.store, sha256(body).digest(), place.log, seq, why, body[:BODY_BYTES_KEPT], now_us, now_us),
        )
