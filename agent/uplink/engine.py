"""The uplink's engine: what to send next, from (positions, window, connected, now). No I/O, no clock.

The ledger is the outbox. Two lanes read it:

* live: events in order, each sent once and, after a lost connection, again from the first one that the broker had not
  taken, or from behind the delivered position of a consumer that is listening;
* replay: what a consumer asked for again, or what it did not acknowledge in time, up to where the live lane is.

The live lane goes first, in turn with the replay lane, so a consumer that lags never holds up what happens now. The
broker's PUBACK only frees the window: `ack/{consumer}` alone moves a delivered position, and a consumer that stays
silent gets a bounded number of full re-sends, then a small one at growing intervals until it is heard again.

A broker's queue has a limit too (mosquitto: 1,000 messages; what is beyond is dropped without a word). So no more
than `ahead_messages_max` messages are sent before the consumers that make progress have acknowledged earlier ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from agent.uplink.doubt import BYTES_MIN, Doubt

Row = tuple[int, str, bytes]
OVERHEAD_BYTES = 256  # topic, packet header, and the members around the events
PROBE_EVENTS = 100
PREFETCH_EVENTS = 1000
WINDOW_MAX = 65_535


@dataclass(frozen=True, slots=True)
class EngineSettings:
    window_messages: int = 20
    ahead_messages_max: int = 500
    flow_timeout_s: float = 3.0
    batch_events_max: int = 100
    batch_bytes_max: int = 64 * 1024
    ack_timeout_s: float = 10.0
    resends_max: int = 3
    probe_interval_s_max: float = 300.0


class Batch(NamedTuple):
    """Consecutive events of one type: one message."""

    type: str
    first: int
    last: int
    bodies: list[bytes]


class Fetch(NamedTuple):
    """What the engine wants to read from the ledger."""

    start: int
    limit: int


@dataclass(slots=True)
class Consumer:
    """A consumer's delivered position, and how long it has been silent about what the broker took."""

    delivered: int
    waiting_since_s: float | None = None
    resends: int = 0
    stalled: bool = False
    probe_s: float = 0.0
    heard_s: float | None = None  # its last acknowledgement, live or new


@dataclass(slots=True)
class _Lane:
    """Sends [next, end): `ready` holds batches that are read and cut, `fetched` is where reading goes on."""

    next: int
    end: int | None = None
    fetched: int = field(init=False)
    ready: deque[Batch] = field(default_factory=deque[Batch])

    def __post_init__(self) -> None:
        self.fetched = self.next

    def move(self, seq: int) -> None:
        self.next = self.fetched = seq
        self.ready.clear()


def cut(rows: Sequence[Row], events_max: int, bytes_max: int) -> list[Batch]:
    """Rows in sequence to batches of one type, each within both limits. A single larger event is a batch of its own."""
    batches: list[Batch] = []
    at, bodies = 0, [row[2] for row in rows]
    for kind, group in groupby(row[1] for row in rows):
        end = at + len(tuple(group))
        run = bodies[at:end]
        if end - at <= events_max and sum(map(len, run)) + end - at + OVERHEAD_BYTES <= bytes_max:
            batches.append(Batch(kind, rows[at][0], rows[end - 1][0], run))
        else:
            batches.extend(_cut_run(kind, rows[at:end], events_max, bytes_max))
        at = end
    return batches


def _cut_run(kind: str, run: Sequence[Row], events_max: int, bytes_max: int) -> Iterator[Batch]:
    first, size, bodies = run[0][0], OVERHEAD_BYTES, list[bytes]()
    for seq, _kind, body in run:
        length = len(body) + 1
        if bodies and (len(bodies) == events_max or size + length > bytes_max):
            yield Batch(kind, first, seq - 1, bodies)
            first, size, bodies = seq, OVERHEAD_BYTES, []
        bodies.append(body)
        size += length
    yield Batch(kind, first, run[-1][0], bodies)


class Engine:
    def __init__(
        self, log: str, head: int, positions: dict[str, int], settings: EngineSettings | None = None, *, first: int = 1
    ) -> None:
        self.log = log
        self.head = head
        self.settings = settings or EngineSettings()
        self.first = first
        self.consumers = {name: Consumer(max(first - 1, min(seq, head))) for name, seq in positions.items()}
        self._live = _Lane(self._floor() + 1)
        self._replay: _Lane | None = None
        self._in_flight: dict[int, tuple[Batch, bool]] = {}
        self._window = 0
        self._doubt = Doubt(self.settings.batch_bytes_max)
        self._bytes_max = self._doubt.bytes_max
        self.stuck: int | None = None  # an event that this broker does not take: what is behind it waits
        self._others: set[int] = set()
        self._ahead: deque[int] = deque()
        self._replay_turn = False
        self.connected = False
        self.halted = False  # by whoever found that what would be sent is a fork
        self.taken = self._live.next - 1  # newest event such that the broker took it and all before it

    # -- what happens -----------------------------------------------------------------------------------------------

    def connect(self, now_s: float, *, receive_max: int, packet_bytes_max: int) -> None:
        """The broker accepted us. Everything that a listening consumer has not acknowledged goes out again."""
        self.connected = True
        self._window = max(1, min(self.settings.window_messages, receive_max))
        self._doubt.connected()
        self._bytes_max = max(BYTES_MIN, min(self._doubt.bytes_max, packet_bytes_max))
        self._clear()
        self._replay = None
        listening = [one.delivered for one in self.consumers.values() if not one.stalled]
        self._live.move(min([self.taken, *listening], default=0) + 1)
        for one in self.consumers.values():
            one.waiting_since_s, one.probe_s = now_s, 0.0  # who is silent may have been so for the broker's sake

    def disconnect(self) -> None:
        self.connected = False
        oldest = next((batch for batch, _live in self._in_flight.values()), None)
        if oldest is not None:
            self._doubt.lost(oldest.first, len(oldest.bodies), sum(map(len, oldest.bodies)))
        self._clear()

    def holds(self, batch: Batch, now_s: float) -> bool:
        """Whether it is set aside, because the broker breaks the connection over it."""
        return self._doubt.holds(batch.first, now_s)

    def _clear(self) -> None:
        self._in_flight.clear()
        self._others.clear()
        self._ahead.clear()

    def head_is(self, head: int) -> None:
        self.head = max(self.head, head)

    def pruned(self, first: int) -> None:
        """Events below `first` are gone: whoever had not acknowledged them goes on behind them."""
        self.first = first
        for one in self.consumers.values():
            one.delivered = max(one.delivered, first - 1)

    def acknowledge(self, consumer: str, log: str, seq: int, now_s: float, *, retained: bool = False) -> str | None:
        """`ack/{consumer}` was heard. Gives a complaint where the acknowledgement is refused.

        A retained one that says nothing new is the broker's memory, no sign of life.
        """
        one = self.consumers.get(consumer)
        if one is None:
            return f"{consumer} is no configured consumer: its acknowledgement is ignored"
        if log != self.log:
            return f"{consumer} acknowledges log {log}, this store writes {self.log}: refused"
        if seq > self.head:
            return f"{consumer} acknowledges event {seq}, the newest is {self.head}: refused"
        seq = max(seq, self.first - 1)
        said = seq - one.delivered
        one.delivered = seq
        if said or not retained:
            one.heard_s = now_s
        # The same position again, live: it is there, and still lacks what comes next. That stops no timer.
        if said or (one.stalled and not retained):
            again = said < 0 or one.stalled
            one.resends, one.stalled, one.probe_s, one.waiting_since_s = 0, False, 0.0, now_s
            if again:
                self.replay_from(seq + 1)
        flowing = self._flowing(now_s)
        self._ahead = deque(last for last in self._ahead if last > flowing)
        return None

    def _flowing(self, now_s: float) -> int:
        """What the consumers that make progress have all acknowledged."""
        patience_s = self.settings.flow_timeout_s
        moving = (
            one.delivered
            for one in self.consumers.values()
            if not one.stalled and (one.waiting_since_s is None or now_s - one.waiting_since_s < patience_s)
        )
        return min(moving, default=self.head)

    def replay_from(self, seq: int) -> None:
        """Send again from `seq` up to where the live lane is."""
        seq = max(1, seq)
        if seq >= self._live.next:
            return
        self._ahead.clear()
        if self._replay is None or self._replay.end is not None or seq < self._replay.next:
            self._replay = _Lane(seq)

    def pubacks(self, tokens: Iterable[int]) -> None:
        """The broker took these messages."""
        for token in tokens:
            found = self._in_flight.pop(token, None)
            if found is None:
                self._others.discard(token)
            elif self._doubt.careful:
                self._doubt.taken(found[0].first, found[0].last)
        self._mark_taken()

    def refuse(self, token: int) -> Batch | None:
        """The broker refused a message: it leaves the window, and only a consumer's silence brings it back."""
        self._others.discard(token)
        found = self._in_flight.pop(token, None)
        return found[0] if found else None

    def _mark_taken(self) -> None:
        """Taken is what lies before the oldest live message in flight; they were sent in order."""
        oldest = next((batch.first for batch, live in self._in_flight.values() if live), self._live.next)
        self.taken = max(self.taken, oldest - 1)

    def tick(self, now_s: float) -> list[str]:
        """Names of consumers that have just been found stalled."""
        found: list[str] = []
        if not self.connected:
            return found
        for name, one in self.consumers.items():
            if one.delivered >= self.taken:
                one.waiting_since_s = now_s
                continue
            since = one.waiting_since_s if one.waiting_since_s is not None else now_s
            if now_s - since < max(self.settings.ack_timeout_s, one.probe_s):
                one.waiting_since_s = since
                continue
            one.waiting_since_s = now_s
            if self._resend(one):
                found.append(name)
        return found

    def _resend(self, one: Consumer) -> bool:
        """True when the consumer has just been given up to probing."""
        one.resends += 1
        if one.resends <= self.settings.resends_max:
            self.replay_from(one.delivered + 1)
            return False
        first, one.stalled = not one.stalled, True
        one.probe_s = min(max(self.settings.ack_timeout_s, one.probe_s) * 2, self.settings.probe_interval_s_max)
        if self._replay is None:
            self._replay = _Lane(one.delivered + 1, end=one.delivered + 1 + PROBE_EVENTS)
        return first

    # -- what to do -------------------------------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """Messages of any kind that the broker's window takes now."""
        return self._window - len(self._in_flight) - len(self._others) if self.connected else 0

    @property
    def draining(self) -> bool:
        """The window is full and more waits behind it."""
        return self.connected and not self.halted and self.room <= 0 and self._live.next <= self.head

    @property
    def window(self) -> int:
        return self._window

    def blocked(self, now_s: float) -> bool:
        """Too far ahead of the consumers that make progress."""
        return len(self._ahead) >= self.settings.ahead_messages_max and self._flowing(now_s) < self._ahead[-1]

    def fetch(self, now_s: float) -> Fetch | None:
        """What to read next; give the rows to `fetched`."""
        if self.halted or self.room <= 0 or self.blocked(now_s):
            return None
        lane = self._hungry()
        if lane is None:
            return None
        return Fetch(lane.fetched, min(PREFETCH_EVENTS, self._end(lane) - lane.fetched))

    def _end(self, lane: _Lane) -> int:
        if lane is self._live:
            return self.head + 1
        return self._live.next if lane.end is None else min(lane.end, self._live.next)

    def _hungry(self) -> _Lane | None:
        for lane in (self._live, self._replay):
            if lane is not None and not lane.ready and lane.fetched < self._end(lane):
                return lane
        return None

    def fetched(self, start: int, rows: Sequence[Row]) -> None:
        """Rows for the last `fetch`. The log may begin later than `start` where it was pruned."""
        lane = self._hungry()
        if lane is None or lane.fetched != start:
            return
        if not rows:
            lane.move(self._end(lane))
            return
        lane.ready.extend(cut(rows, self.settings.batch_events_max, self._bytes_max))
        lane.fetched = rows[-1][0] + 1

    def take(self, now_s: float, most: int = WINDOW_MAX) -> list[tuple[Batch, bool]]:
        """The next messages that may go out, each with whether it is of the live lane; say `sent` of each."""
        room = 0 if self.halted else min(self.room, most, 1 - len(self._in_flight) if self._doubt.careful else most)
        if self._replay is None:
            ready, ahead = self._live.ready, self._ahead
            if ahead and len(ahead) + room > self.settings.ahead_messages_max and self._flowing(now_s) < ahead[-1]:
                room = min(room, self.settings.ahead_messages_max - len(ahead))
            found = [(ready.popleft(), True) for _ in range(min(room, len(ready)))]
            if found:
                self._live.next = found[-1][0].last + 1
            return found
        return [self._take_in_turn(self._replay)] if room > 0 and not self.blocked(now_s) and self._ready() else []

    def _ready(self) -> bool:
        return bool(self._live.ready or (self._replay is not None and self._replay.ready))

    def _take_in_turn(self, replay: _Lane) -> tuple[Batch, bool]:
        """Live first, then one of each."""
        live = bool(self._live.ready) and not (self._replay_turn and replay.ready)
        self._replay_turn = live
        lane = self._live if live else replay
        batch = lane.ready.popleft()
        lane.next = batch.last + 1
        if not live and lane.next >= self._end(lane):
            self._replay = None
        return batch, live

    def sent(self, token: int, batch: Batch, *, live: bool) -> None:
        self._in_flight[token] = (batch, live)
        if self.stuck is not None and batch.first <= self.stuck <= batch.last:
            self.stuck = None
        if len(self._ahead) < self.settings.ahead_messages_max:
            self._ahead.append(batch.last)

    def sent_other(self, token: int) -> None:
        """A message of the state plane or a response: it takes room in the window like any other."""
        self._others.add(token)

    def _floor(self) -> int:
        return min((one.delivered for one in self.consumers.values()), default=self.head)
