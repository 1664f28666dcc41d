"""The ledger: one append-only log, one writer thread, group commit.

Whoever has something to write hands a job to `submit`; the writer takes all that wait, runs them in one transaction,
commits with a sync, and only then tells each what became of it. While one commit syncs, the next group gathers: nobody
waits for a timer (measured: a timer only adds latency).
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from agent.clock import Clock
from agent.errors import LedgerBusy, LedgerCorrupt, LedgerError, LedgerFull, LedgerUnusable
from agent.ledger import files
from agent.ledger.checkpoints import Checkpoints, Rule
from agent.ledger.guard import Reserve
from agent.ledger.latency import Latency
from agent.ledger.openings import Prepared
from agent.ledger.transaction import Transaction
from contract.canonical import CanonicalError
from contract.stock import StockError
from contract.times import Stamper

TURN_S = 60.0

Job = Callable[[Transaction], Any]
Done = Callable[[Any, Exception | None], None]


@dataclass(frozen=True, slots=True)
class Limits:
    group_max: int = 500
    queue_max: int = 10_000


class Ledger:
    """Open with `Ledger(...)`, then `start()`. `on_commit(head, skus)`, `on_failure(error)` run in the writer thread.

    `begun`: the log was begun by this opening of the ledger.
    With a `rule` the log is signed by it; `unsigned` is why it is not. `reserve` is kept for a full disk.

    `done(result, error)` of a job runs in the writer thread too, after the commit that holds the job's events: it must
    be short. Errors it may get: `LedgerFull`; `CanonicalError`, `StockError`, `LedgerUnusable` (this job alone was
    refused).
    """

    def __init__(
        self,
        folder: Path,
        *,
        store: str,
        clock: Clock,
        stamper: Stamper,
        limits: Limits | None = None,
        rule: Rule | None = None,
        reserve_bytes: int = 0,
        on_commit: Callable[[int, set[str]], None] = lambda _head, _skus: None,
        on_failure: Callable[[BaseException], None] = lambda _error: None,
        connect: files.Connect = files.connect,
    ) -> None:
        self._limits = limits or Limits()
        with ExitStack() as opened:
            self._lock = opened.enter_context(files.lock(folder))
            self._connection = files.open_writer(folder, connect)
            opened.callback(self._connection.close)
            self.begun = self._connection.execute("SELECT 1 FROM identity").fetchone() is None
            chain = files.begin(self._connection, folder, store=store, clock=clock, stamper=stamper)
            self._tx = Transaction(self._connection, clock, stamper, chain)
            self.reserve = Reserve(folder, reserve_bytes) if reserve_bytes else None
            opened.pop_all()
        self.store, self.log = self._tx.store, self._tx.log
        self._checkpoints: Checkpoints | None = None
        self.unsigned: LedgerUnusable | None = None
        if rule is not None:
            self._begin_signing(folder, rule, clock)
        self._queue: SimpleQueue[Sequence[tuple[Job, Done]] | None] = SimpleQueue()
        self._on_commit, self._on_failure = on_commit, on_failure
        # A daemon: `close` waits for it, and a process that ends without must not stay for a writer that nobody feeds.
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._ended = False
        self.failure: BaseException | None = None
        self.head = self._tx.head
        self.commits, self.latency = 0, Latency()
        self._clock = clock

    def _begin_signing(self, folder: Path, rule: Rule, clock: Clock) -> None:
        """Without its key a store goes on: what it does is worth more than its signature."""
        try:
            self._checkpoints = Checkpoints(self._connection, folder, rule, clock.now().monotonic_ns)
        except LedgerUnusable as error:
            self.unsigned = error

    def start(self) -> None:
        self._thread.start()

    def tick(self) -> None:
        """Let the writer look whether a checkpoint is due, though nothing is to be written. Raises as `submit`."""
        if self._signing(ending=False) is not None:
            self.submit(lambda _tx: None, lambda _result, _error: None)

    def rotation(self) -> Job:
        """A job that hands the log on to a new key, and gives its public half. Raises `LedgerUnusable`."""
        held = self._signed()
        return lambda tx: held.rotate(tx, self._clock.state())

    def opening(self, prepared: Prepared | None = None) -> Job:
        """A job that puts the whole state into the log, and gives its first event. Raises `LedgerUnusable`."""
        held = self._signed()
        return lambda tx: held.state(tx, self._clock.state(), prepared)

    def _signed(self) -> Checkpoints:
        if self._checkpoints is None:
            raise self.unsigned or LedgerUnusable("this ledger is not signed", hint="open it with a rule")
        return self._checkpoints

    def submit(self, job: Job, done: Done) -> None:
        """Queue a job. Raises `LedgerBusy` at the queue's limit and `LedgerCorrupt` once the writer has ended."""
        self.submit_all(((job, done),))

    def submit_all(self, jobs: Sequence[tuple[Job, Done]]) -> None:
        """Queue jobs that came together: they are committed together, each is answered for itself."""
        if self.failure is not None:
            raise LedgerCorrupt(f"the ledger has stopped: {self.failure}", hint="the agent restarts; see its log")
        if self._queue.qsize() >= self._limits.queue_max:
            raise LedgerBusy(
                f"{self._limits.queue_max} writes are waiting", hint="the disk is too slow or stuck: see jaego doctor"
            )
        self._queue.put(jobs)

    def call(self, job: Job, timeout_s: float = 30.0) -> Any:
        """`submit` and wait: for the command line, start-up and tests."""
        settled = threading.Event()
        held: list[Any] = []

        def done(result: Any, error: Exception | None) -> None:
            held.extend((result, error))
            settled.set()

        self.submit(job, done)
        if not settled.wait(timeout_s):
            raise LedgerBusy(f"no commit within {timeout_s} s", hint="the disk is too slow or stuck")
        if held[1] is not None:
            raise held[1]
        return held[0]

    async def write(self, job: Job) -> Any:
        """What the job gave, once it is durable. Raises what it raised, or LedgerError."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def tell(result: Any, error: Exception | None) -> None:
            if future.done():
                return  # nobody waits any more
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)

        def done(result: Any, error: Exception | None) -> None:
            loop.call_soon_threadsafe(tell, result, error)

        self.submit(job, done)
        return await future

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    def close(self) -> None:
        """Write what waits, then close. Whoever submits afterwards is told."""
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._queue.put(None)
            self._thread.join()
        self.failure = self.failure or RuntimeError("closed")
        self._connection.close()
        self._lock.close()

    # -- the writer thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while self.turn():
                continue
        except BaseException as error:  # noqa: BLE001  a bug here ends the process (architecture.md, promise 3)
            self.failure = error
            self._on_failure(error)

    def turn(self) -> bool:
        """One group: what waits is taken, committed and answered; False when it was the last one.

        Blocks until something waits. It is the writer thread's; a ledger that was not started is stepped with it.
        """
        group = self._take()
        ending = self._ended and len(group) < self._limits.group_max
        if self._refuse(group):
            group = []
        if group or (ending and self._signing(ending=True) is not None):
            self._commit(group, ending=ending)
        return not ending

    def _take(self) -> list[tuple[Job, Done]]:
        """Everything that waits, up to a group's limit; blocks for the first."""
        group: list[tuple[Job, Done]] = []
        take, limit = self._queue.get, self._limits.group_max
        jobs = take()
        try:
            while True:
                if jobs is None:
                    self._ended = True
                else:
                    group.extend(jobs)
                if len(group) >= limit or self._queue.empty():
                    break
                jobs = take(block=False)
        except Empty:
            pass
        return group

    def _refuse(self, group: list[tuple[Job, Done]]) -> bool:
        """Whether the disk is full, and they were told."""
        if self.reserve is None or self.reserve.is_there(self._clock.now().monotonic_ns):
            return False
        for _job, done in group:
            done(None, _full())
        return True

    def _signing(self, *, ending: bool) -> Checkpoints | None:
        """The checkpoints, if one is due behind what the transaction holds."""
        found = self._checkpoints
        if found is None or not found.due(self._tx.head, self._clock.now().monotonic_ns, ending=ending):
            return None
        return found

    def _commit(self, group: list[tuple[Job, Done]], *, ending: bool) -> None:
        settled: list[tuple[Done, Any, Exception | None]] = []
        tx, begun_ns = self._tx, self._clock.now().monotonic_ns
        try:
            tx.begin()
            for job, done in group:
                try:
                    settled.append((done, job(tx), None))
                except (CanonicalError, StockError, LedgerUnusable) as error:
                    settled.append((done, None, error))
            signing = self._signing(ending=ending)
            if signing is not None:
                tx.append([signing.draft(tx, self._clock.state())])
            self.head, skus = tx.flush()
        except sqlite3.Error as error:
            failure = _meaning(error)
            tx.rollback()
            if self._checkpoints is not None:
                self._checkpoints.rollback()
            if self.reserve is not None and isinstance(failure, LedgerFull):
                self.reserve.give()
            for _job, done in group:
                done(None, failure)
            if not isinstance(failure, LedgerFull):
                raise failure from error
            return
        self.commits += 1
        now_ns = self._clock.now().monotonic_ns
        self.latency.took(now_ns - begun_ns)
        if self._checkpoints is not None:
            self._checkpoints.written(self.head if signing is not None else None, now_ns)
        self._on_commit(self.head, skus)
        for done, result, refusal in settled:
            done(result, refusal)


async def ticking(ledger: Ledger, say: Callable[..., None], turn_s: float = TURN_S) -> None:
    """Until it is cancelled: the writer wakes for what is written, and an hour may end without."""
    while True:
        if ledger.unsigned is not None:
            say("checkpoints", str(ledger.unsigned), hint=ledger.unsigned.hint, level=3)
        if ledger.reserve is not None and ledger.reserve.given:
            say("disk", str(_full()), hint=_full().hint, level=2)
        with suppress(LedgerError):  # told by whoever has something to write
            ledger.tick()
        await asyncio.sleep(turn_s)


def _full() -> LedgerFull:
    return LedgerFull("the disk is full: nothing is taken until there is room", hint="free some disk space")


def _meaning(error: sqlite3.Error) -> LedgerError:
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
        return _full()
    return LedgerCorrupt(f"the ledger cannot be written: {error}", hint="run jaego log verify; see jaego doctor")
