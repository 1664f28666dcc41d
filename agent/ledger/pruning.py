"""What of the log may go, and how it goes: openings in its midst, the door, and the rows behind it (docs/retention.md).

One transaction sets the door at an opening, and what is below is gone from then on, for everybody who reads. The rows
are deleted afterwards, few at a time, so that no scan waits for them; a crash at any step leaves a log that is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from agent.clock import Clock
from agent.errors import LedgerUnusable
from agent.ledger import files
from agent.ledger.openings import Prepared, prepare
from agent.ledger.reader import Reader
from agent.ledger.transaction import Transaction
from contract.canonical import CanonicalError
from contract.times import parse_us

CHUNK_EVENTS = 1_000
_MOVE = "INSERT INTO position VALUES (?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq"
_SWEEP = (
    # One bound: with two, SQLite goes through all that is below one of them to find what is below the other.
    "DELETE FROM event WHERE seq < MIN((SELECT COALESCE(MAX(below), 0) FROM prune_door), "
    "(SELECT MIN(seq) FROM event) + ?)"
)


class Retention(NamedTuple):
    """An opening each `opening_s`; what is older than `keep_s` goes once all `consumers` have it, and what is more than
    `events_max` goes whoever has it."""

    opening_s: float
    keep_s: float
    events_max: int
    consumers: tuple[str, ...]


class Opening(NamedTuple):
    """Events of an opening in the log, first and last. `recorded_us` is None where the clock was not to be trusted."""

    first: int
    last: int
    recorded_us: int | None


class Plan(NamedTuple):
    """`below` is an opening up to which the log is pruned; `forced`: although not everybody has it. `full`: there are
    too many events, and no opening that would help."""

    below: int | None = None
    forced: bool = False
    full: bool = False


class Writer(Protocol):
    """The ledger."""

    @property
    def waiting(self) -> int: ...

    def call(self, job: Callable[[Transaction], Any]) -> Any: ...

    def opening(self, prepared: Prepared, /) -> Callable[[Transaction], int]:
        """A job that writes an opening. Raises `LedgerUnusable` where nothing can be signed."""
        ...


class Say(Protocol):
    def __call__(self, subject: str, text: str, *, hint: str = "", level: int = 5) -> None: ...


def is_due(rule: Retention, newest: Opening, head: int, now_us: int | None, *, quiet: bool) -> bool:
    """Whether an opening is to be written; `now_us` is None where the clock is not to be trusted. It makes scans wait
    for a moment, so it waits for a quiet one, but not for ever."""
    if now_us is None or newest.recorded_us is None or head <= newest.last:
        return False
    age_s = (now_us - newest.recorded_us) / 1e6
    return age_s >= rule.opening_s * (1 if quiet else 2)


def plan(
    rule: Retention, openings: Sequence[Opening], head: int, positions: Mapping[str, int], now_us: int | None
) -> Plan:
    """`openings` are those in the log, the oldest first: with the first of them it begins."""
    delivered = min((positions.get(name, 0) for name in rule.consumers), default=head)
    old = [
        one.first
        for one in openings[1:]
        if one.first <= delivered + 1
        and now_us is not None
        and one.recorded_us is not None
        and now_us - one.recorded_us >= rule.keep_s * 1e6
    ]
    if head - openings[0].last <= rule.events_max:
        return Plan(max(old, default=None))
    fitting = [one.first for one in openings[1:] if head - one.last <= rule.events_max]
    if not fitting:
        return Plan(max(old, default=None), full=True)
    below = max(min(fitting), *old, 0)
    return Plan(below, forced=below > delivered + 1)


class Pruner:
    """For one thread, which is the only one that reads the whole log. `on_pruned(first)` runs in it."""

    def __init__(
        self,
        folder: Path,
        ledger: Writer,
        rule: Retention,
        *,
        clock: Clock,
        say: Say,
        on_pruned: Callable[[int], None] = lambda _first: None,
    ) -> None:
        self._folder, self._ledger, self._rule = folder, ledger, rule
        self._clock, self._say, self._on_pruned = clock, say, on_pruned
        self._head = -1
        with closing(Reader(folder)) as reader:
            self.first = reader.first()
        self.dropped: dict[str, int] = {}

    def told(self) -> dict[str, Any]:
        """Members of the `health` message."""
        return {"first": self.first, **({"dropped": dict(self.dropped)} if self.dropped else {})}

    def look(self, pause: Callable[[], None] = lambda: None) -> None:
        """Do what is due. `pause` is called between two short steps. Raises `LedgerError`."""
        with closing(Reader(self._folder)) as reader, files.read_errors(self._folder):
            self._sweep(pause)
            head, newest = reader.head(), openings_in(reader)[-1]
            quiet, self._head = head == self._head and not self._ledger.waiting, head
            if is_due(self._rule, newest, head, self._now_us(), quiet=quiet):
                self._open()
            found = self._plan(reader)
            if found.full and self._open():
                found = self._plan(reader)
            if found.below is not None:
                self._shut(found.below, forced=found.forced)
                self._sweep(pause)

    def _plan(self, reader: Reader) -> Plan:
        return plan(self._rule, openings_in(reader), reader.head(), reader.positions(), self._now_us())

    def _now_us(self) -> int | None:
        return self._clock.now().wall_us if self._clock.state() == "synced" else None

    def _open(self) -> bool:
        try:
            self._head = self._ledger.call(self._ledger.opening(prepare(self._folder)))
        except (CanonicalError, LedgerUnusable) as error:
            hint = getattr(error, "hint", "") or "see docs/retention.md"
            self._say("retention", f"no opening, so nothing is pruned: {error}", hint=hint, level=4)
            return False
        self._say("retention", f"the whole state is in the log from event {self._head} on", level=6)
        return True

    def _shut(self, below: int, *, forced: bool) -> None:
        behind = self._ledger.call(lambda tx: shut(tx, below, self._rule.consumers, forced=forced))
        if behind is None:
            return
        self.first = below
        for name, position in behind.items():
            self.dropped[name] = below
            self._say(
                f"retention {name}",
                f"DROPPED: {name} had acknowledged event {position}, and {below - 1 - position} behind it are pruned",
                hint=f"the log has more than ledger.events_max; it goes on from the opening at event {below}",
                level=2,
            )
        self._say("retention", f"events below {below} are pruned", level=6)
        self._on_pruned(below)

    def _sweep(self, pause: Callable[[], None]) -> None:
        while self._ledger.call(sweep):
            pause()


def openings_in(reader: Reader) -> list[Opening]:
    """The openings that a log has, the oldest first: it begins with one."""
    first = reader.first()
    found: list[Opening] = []
    for seq in (first, *(one for one in reader.openings() if one > first)):
        event = files.parse(reader.events(seq, 1)[0][2])
        data, synced = event["data"], event["clock"] == "synced"
        if event["seq"] == seq and data["kind"] == "opening" and data["part"] == 1:
            found.append(Opening(seq, seq + data["parts"] - 1, parse_us(event["recorded_at"]) if synced else None))
    return found


def shut(tx: Transaction, below: int, consumers: Sequence[str], *, forced: bool) -> dict[str, int] | None:
    """The door, in the transaction in which positions are looked at: who had not acknowledged all below it, and how
    far each was. None where somebody had not, and it is not `forced`: nothing is changed then."""
    held: dict[str, int] = dict(tx.execute("SELECT consumer, seq FROM position").fetchall())
    behind = {name: held.get(name, 0) for name in consumers if held.get(name, 0) < below - 1}
    if behind and not forced:
        return None
    tx.execute("DELETE FROM prune_door")
    tx.execute("INSERT INTO prune_door VALUES (?)", (below,))
    tx.execute("DELETE FROM opening WHERE seq < ?", (below,))
    for name in behind:
        tx.execute(_MOVE, (name, below - 1))
    return behind


def sweep(tx: Transaction) -> int:
    """Delete some of what is below the door: how many rows."""
    return tx.execute(_SWEEP, (CHUNK_EVENTS,)).rowcount
