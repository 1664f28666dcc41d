"""Lives of a ledger, each ended by a cut of the power or a kill at any step of its disk, and what must hold after it.

The ledger is the real one: signed, pruned, copied, its key exchanged, brought forward from an old release's file; over
the disk of `tests/power/disk.py`. A life is lived to its end and its end chosen afterwards: what was told before that
step is what was told, as nothing before it could know. After each end the files are opened by the release's own opening
code and the system's SQLite. The next life goes on from them, so that recovery is interrupted too.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from agent.errors import LedgerError
from agent.ledger import files, keys, rebuild, schema, snapshots
from agent.ledger.checking import check_whole
from agent.ledger.checkpoints import Rule
from agent.ledger.log import Done, Job, Ledger
from agent.ledger.pruning import Pruner, Retention
from agent.ledger.reader import Reader, verify
from agent.ledger.transaction import Transaction
from agent.operations import scans
from agent.operations.values import Context, Draft, Scan
from contract.chain import ChainError
from contract.stock import line_deltas
from contract.times import Stamper
from drivers.reads import BarcodeRead
from identity import identify
from identity.control import encode
from tests.agent.clocks import FakeClock
from tests.agent.operations.memory import BEER, CASE, COLA, HAM, PRODUCTS, START_US, UNDO, station
from tests.kept.test_kept import Kept
from tests.power.disk import SECTORS_BYTES, Disk, Fate, Rename, Sync
from tests.power.recorder import Connection, RecordingVFS, recorded

STORE = "S1"
STAMPER = Stamper(ZoneInfo("Asia/Seoul"))
STATIONS = [station("dock"), station("back", "move", "salesfloor"), station("desk", "lookup", "Freezer")]
CODES = [COLA, COLA, CASE, BEER, HAM, f"01{HAM}3103000500", UNDO, encode("LOGOUT"), encode("MODE-MOVE"), "rubbish"]
CODES += [encode("ZONE", name) for name in ("backroom", "salesfloor", "Freezer")]
FATES: list[Fate] = ["dropped", "kept", "mixed", "mixed", "mixed"]
CHECKPOINTS = ["PASSIVE", "FULL", "RESTART", "TRUNCATE"]
AUTOCHECKPOINTS_PAGES = [1000, 40, 8]
RULES = [Rule(5), Rule(30), Rule()]
RETENTION = Retention(opening_s=0, keep_s=0, events_max=1_000_000, consumers=("power",))
SNAPSHOTS = 2
POSITION = "INSERT INTO position VALUES ('power', ?) ON CONFLICT DO UPDATE SET seq = excluded.seq"
KEY = bytes(range(32))
LIVES = 4
SOON_STEPS = 16


class Broken(Exception):
    """A promise of the ledger that the file does not keep; `kind` is its name in the totals."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind


@dataclass
class Past:
    """What may be in the log: `bodies` in order, where `groups` end; `told` counts the events somebody knows of.

    `snapshot` is the newest event that a snapshot had which somebody was told of.
    """

    bodies: list[bytes] = field(default_factory=list[bytes])
    groups: set[int] = field(default_factory=lambda: {0})
    told: int = 0
    snapshot: int = 0


class Life:
    """One run of the agent over `disk`, in `folder`. `told` holds (step of the disk, events known then), `copied` the
    same of events in a snapshot."""

    def __init__(self, folder: Path, disk: Disk, past: Past, chance: random.Random, synchronous: str | None) -> None:
        self.folder, self.disk, self.chance = folder, disk, chance
        self._synchronous = synchronous
        self._autocheckpoint_pages = chance.choice(AUTOCHECKPOINTS_PAGES)
        self._vfs = RecordingVFS(disk)
        self._clock = FakeClock(chance.randrange(1 << 30))
        self._looking: Connection | None = None
        self._reads = 0
        self.past = past
        self.told: list[tuple[int, int]] = [(len(disk.steps), past.told)]
        self.copied: list[tuple[int, int]] = [(len(disk.steps), past.snapshot)]
        self.done: Counter[str] = Counter()
        self._rule = chance.choice(RULES)

    def connect(self, path: Path) -> Any:
        connection = Connection(path, self._vfs, self._synchronous)
        connection.execute(f"PRAGMA wal_autocheckpoint = {self._autocheckpoint_pages}")
        return connection

    def _open(self) -> Ledger:
        parts: dict[str, Any] = {"store": STORE, "clock": self._clock, "stamper": STAMPER, "rule": self._rule}
        ledger = Ledger(self.folder, connect=self.connect, on_commit=self._committed, **parts)
        if ledger.unsigned is not None:
            ledger.close()
            raise Broken("key", str(ledger.unsigned))
        self._written = ledger._connection
        if not self.past.bodies:
            self._committed(ledger.head, set())
        ledger.start()
        if ledger.head != len(self.past.bodies):
            ledger.close()
            raise Broken("recovery", f"two SQLites found {ledger.head} and {len(self.past.bodies)} events in one file")
        # Whoever reads the ledger from here on may pass on what is in it.
        self._tell(ledger.head)
        return ledger

    def _committed(self, head: int, _skus: set[str]) -> None:
        """In the writer's thread: what it wrote, also by itself."""
        new = self._written.execute("SELECT body FROM event WHERE seq > ? ORDER BY seq", (len(self.past.bodies),))
        self.past.bodies += [row[0] for row in new]
        self.past.groups.add(head)

    def _tell(self, events: int) -> None:
        self.told.append((len(self.disk.steps), events))

    def live(self) -> None:
        steps: list[Callable[[], None]] = [self.append] * 8
        steps += [self.checkpoint, self.checkpoint, self.look, self.look, self.restart, self.rebuild]
        steps += [self.snapshot, self.prune, self.rotate]
        with recorded(self.folder, self._vfs):
            self._ledger = self._open()
            try:
                for _ in range(self.chance.randrange(4, 24)):
                    step = self.chance.choice(steps)
                    self.done[step.__name__] += 1
                    step()
            finally:
                self._look_away()
                self._ledger.close()

    # -- what happens in a life: a new promise of the ledger is a new step here --------------------------------------

    def append(self) -> None:
        """A group of jobs, committed together, each told for itself."""
        answered = threading.Semaphore(0)
        errors: list[Exception] = []

        def done(_result: Any, error: Exception | None) -> None:
            if error is not None:
                errors.append(error)
            else:
                self._tell(self._ledger.head)
            answered.release()

        jobs: list[tuple[Job, Done]] = [(self._job(), done) for _ in range(self.chance.randrange(1, 7))]
        self._ledger.submit_all(jobs)
        for _ in jobs:
            while not answered.acquire(timeout=1):
                if self._ledger.failure is not None:
                    raise self._ledger.failure
        if errors:
            raise errors[0]

    def _job(self) -> Job:
        self._reads += 1
        drafts = self._receipt if self.chance.random() < 1 / 8 else self._scan
        at, code, lines = self.chance.choice(STATIONS), self.chance.choice(CODES), self.chance.randrange(1, 60)
        read = BarcodeRead(f"{at.name}-scanner", self._reads, code.encode(), None, self._clock.now())
        context = Context(START_US + self._reads * 1_000_000, "synced", f"session-{self._reads}")

        def job(tx: Transaction) -> None:
            found = drafts(tx, Scan(at, read, identify(code), PRODUCTS.get(identify(code).gtin or ""), context), lines)
            tx.append(found)
            tx.execute(POSITION, (tx.head,))

        return job

    def _scan(self, tx: Transaction, command: Scan, _lines: int) -> Any:
        return scans.decide(tx, command).drafts

    def _receipt(self, _tx: Transaction, _command: Scan, lines: int) -> list[Draft]:
        """One long event: several pages, and many rows of stock."""
        return [received([f"SKU-{number}" for number in range(lines)])]

    def checkpoint(self) -> None:
        """By another connection, as a tool beside the agent would."""
        with closing(self.connect(self.folder / files.DATABASE)) as other:
            other.execute(f"PRAGMA wal_checkpoint({self.chance.choice(CHECKPOINTS)})")

    def look(self) -> None:
        """A reader that stays in its transaction, so that the log can only partly be brought into the database."""
        if self._looking is not None:
            self._look_away()
            return
        self._looking = self.connect(self.folder / files.DATABASE)
        self._looking.execute("BEGIN")
        self._looking.execute("SELECT COUNT(*) FROM event")

    def _look_away(self) -> None:
        if self._looking is not None:
            self._looking.close()
            self._looking = None

    def restart(self) -> None:
        self._look_away()
        self._ledger.close()
        self._ledger = self._open()

    def rebuild(self) -> None:
        """`jaego log rebuild` while the agent is stopped."""
        self._look_away()
        self._ledger.close()
        with closing(files.open_writer(self.folder, self.connect)) as connection:
            rebuild.rebuild(connection)
        self._ledger = self._open()

    def snapshot(self) -> None:
        """As the keeper takes it; it lies in the same folder here, so that there is one disk."""
        self._look_away()
        found = snapshots.take(self.folder, self.folder, keep=SNAPSHOTS, connect=self._reading)
        self.copied.append((len(self.disk.steps), found.seq))

    def _reading(self, folder: Path) -> Any:
        connection = self.connect(folder / files.DATABASE)
        connection.execute("PRAGMA synchronous = OFF")  # a store's older SQLite syncs no copy, this one would
        return connection

    def prune(self) -> None:
        """An opening, and what is before the newest one that has been delivered goes."""
        Pruner(self.folder, self._ledger, RETENTION, clock=self._clock, say=lambda *_said, **_more: None).look()

    def rotate(self) -> None:
        self._ledger.call(self._ledger.rotation())
        self._tell(self._ledger.head)


def received(skus: list[str]) -> Draft:
    lines = [
        {"sku": sku, "quantity": 1, "from": "supplier", "to": "backroom", "disposition": "sellable"} for sku in skus
    ]
    deltas = [delta for line in lines for delta in line_deltas(line)]
    return Draft("movement", {"kind": "received", "lines": lines}, {"device": "d"}, START_US, "synced", deltas)


def put(folder: Path, contents: Mapping[str, bytes]) -> Path:
    """A folder with these files."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return folder


def check(folder: Path, past: Past, seed: int) -> int:
    """Open with the release's code and hold every promise. Gives the events that survived; raises `Broken`."""
    try:
        ledger = Ledger(folder, store=STORE, clock=FakeClock(seed), stamper=STAMPER, rule=Rule())
        ledger.close()
        if ledger.unsigned is not None:
            raise Broken("key", str(ledger.unsigned))
        with closing(Reader(folder)) as reader:
            rows = list(reader.all_events())
            verify(reader, known=keys.known(folder))
            position = reader.positions().get("power", 0)
            projections = reader.projections()
    except (LedgerError, sqlite3.Error, ChainError) as error:
        raise Broken("unreadable", str(error)) from error
    begun = len(rows) == 1 and rows[0][2] not in past.bodies
    head = 0 if begun else rows[-1][0]
    if head < past.told:
        raise Broken("lost", f"{past.told - head} of {past.told} acknowledged events are gone")
    if not begun and [body for _seq, _type, body in rows] != past.bodies[rows[0][0] - 1 : head]:
        raise Broken("foreign", "the log has an event that nobody wrote there")
    if head not in past.groups:
        raise Broken("halved", f"the log ends with event {head}, within a group that was committed together")
    _check_tables(folder, projections)
    if position > head:
        raise Broken("halved", f"a position names event {position}, the log ends with {head}")
    _check_snapshots(folder, past)
    return head


def _check_tables(folder: Path, projections: rebuild.Tables) -> None:
    with closing(files.open_writer(folder)) as connection:
        try:
            said = connection.execute("PRAGMA integrity_check").fetchall()
        except sqlite3.DatabaseError as error:
            raise Broken("damaged", str(error)) from error
        if said != [("ok",)]:
            raise Broken("damaged", str(said[:3]))
        if rebuild.rebuild(connection) != projections:
            raise Broken("projection", "projections are not what the log says")


def _check_snapshots(folder: Path, past: Past) -> None:
    """What has its name is whole, whatever became of the ledger; and the newest that was told of is there."""
    newest = 0
    for one in snapshots.snapshots(folder):
        try:
            newest = max(newest, check_whole(folder, name=one.name).seq)
            with closing(Reader(folder, one.name)) as reader:
                rows = list(reader.all_events())
        except LedgerError as error:
            raise Broken("snapshot", str(error)) from error
        if [body for _seq, _type, body in rows] != past.bodies[rows[0][0] - 1 : rows[-1][0]]:
            raise Broken("snapshot", f"{one.name} has an event that nobody wrote there")
    if newest < past.snapshot:
        raise Broken("snapshot", f"the snapshot of event {past.snapshot} is gone, the newest is of {newest}")


def old_ledger(folder: Path, version: int) -> tuple[dict[str, bytes], Past]:
    """A ledger as the release with schema `version` left it, and what is in it."""
    kept = Kept(f"ledger-{version}", folder)
    bodies = [one.body for one in kept.bodies()]
    return {path.name: path.read_bytes() for path in kept.folder.iterdir()}, Past(bodies, {len(bodies)}, len(bodies))


def explore(seed: int, work: Path, totals: Counter[str], synchronous: str | None = None) -> None:
    """`LIVES` lives one after the other on one disk, each ended at any step. Raises `Broken`."""
    chance = random.Random(seed)
    disk, past = Disk({files.KEY: KEY}), Past()
    version = chance.randrange(schema.VERSION)
    if version and chance.random() < 1 / 2:
        contents, past = old_ledger(work / "old", version)
        disk = Disk(contents)
        totals["migrations"] += 1
    for _ in range(LIVES):
        try:
            life = Life(put(work / "life", disk.running()), disk, past, chance, synchronous)
            life.live()
        except (LedgerError, sqlite3.Error) as error:
            raise Broken("unusable", str(error)) from error
        totals.update(life.done)
        disk, past = _end(life, work, totals)


def _last_step(life: Life) -> int:
    """Where a life ends: right before a sync, soon after a name that changed or its beginning, or anywhere."""
    chance, steps, begun = life.chance, life.disk.steps, life.told[0][0]
    syncs = [number for number in range(begun, len(steps)) if isinstance(steps[number], Sync)]
    renamed = [number for number in range(begun, len(steps)) if isinstance(steps[number], Rename)]
    where = chance.choice(["sync", "name", "soon", "any", "any"])
    if where == "sync" and syncs:
        return chance.choice(syncs)
    if where == "name" and renamed:
        return min(chance.choice(renamed) + chance.randrange(SOON_STEPS), len(steps))
    return chance.randrange(begun, (min(begun + SOON_STEPS, len(steps)) if where == "soon" else len(steps)) + 1)


def _end(life: Life, work: Path, totals: Counter[str]) -> tuple[Disk, Past]:
    """What is left after the life's end, and what is known of it."""
    chance, past, step = life.chance, life.past, _last_step(life)
    past.told = max(events for told, events in life.told if told <= step)
    past.snapshot = [events for told, events in life.copied if told <= step][-1]
    disk = life.disk.at(step)
    if chance.random() < 1 / 4:
        totals["kills"] += 1
    else:
        totals["cuts"] += 1
        disk = Disk(disk.cut(chance.choice(FATES), chance, chance.choice(SECTORS_BYTES)))
    totals["disk steps"] += len(life.disk.steps) - life.told[0][0]
    totals["events acknowledged"] += past.told
    survived = check(put(work / "check", disk.running()), past, chance.randrange(1 << 30))
    totals["events kept beyond"] += survived - past.told
    return disk, Past(past.bodies[:survived], {survived}, past.told, past.snapshot)
