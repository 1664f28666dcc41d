"""A broker with what matters of MQTT: QoS 1, sessions, retained messages, wills, queues with a limit; and its faults.

A `Line` is a client's TCP connection: what is sent arrives in order or the connection ends. A line that is half open
swallows everything until both ends have lost patience.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import Literal, NamedTuple, Protocol

from tests.world.sim import Sim

IN_FLIGHT_MAX = 20
PATIENCE_S = (16.0, 28.0)  # about 1.5 to 1.8 keepalives
PACKET_BYTES_MAX = 1 << 20
REFUSED = 0x87  # MQTT 5: not authorised
Chaos = Literal["lose", "double", "reorder"]


class Will(NamedTuple):
    topic: str
    payload: bytes


class Sent(NamedTuple):
    topic: str
    payload: bytes
    retain: bool


class Client(Protocol):
    """A client's end of a line; called when bytes arrive there."""

    def connacked(self, line: Line, *, session: bool) -> None: ...

    def puback(self, line: Line, packet_id: int, reason: int) -> None: ...

    def arrived(self, line: Line, message: Sent) -> None: ...

    def lost(self, line: Line, why: str) -> None: ...


class Line:
    """One connection. `up` and `down` carry one thing each way, in order."""

    def __init__(self, sim: Sim, client: Client, name: str, chance: Random) -> None:
        self._sim = sim
        self._chance = chance
        self.client, self.name = client, name
        self.open = True
        self.swallows = False
        self._due_ns = {"up": 0, "down": 0}

    def carry(self, way: Literal["up", "down"], call: Callable[[], None]) -> None:
        if self.swallows:
            return
        due_ns = max(self._due_ns[way] + 1, self._sim.now_ns + self._chance.randint(500_000, 20_000_000))
        self._due_ns[way] = due_ns
        self._sim.at((due_ns - self._sim.now_ns) / 1e9, lambda: call() if self.open and not self.swallows else None)


@dataclass
class Session:
    filters: tuple[str, ...] = ()
    queue: deque[Sent] = field(default_factory=deque[Sent])
    flying: deque[Sent] = field(default_factory=deque[Sent])
    line: Line | None = None
    will: Will | None = None


@dataclass
class Told:
    """Counted over a day."""

    accepted: int = 0
    dropped: int = 0  # by a full queue
    harmed: int = 0  # lost, doubled or put out of order


@lru_cache(4096)
def matches(pattern: str, topic: str) -> bool:
    wanted, found = pattern.split("/"), topic.split("/")
    return len(wanted) == len(found) and all(one in {"+", other} for one, other in zip(wanted, found, strict=True))


class Broker:
    def __init__(self, sim: Sim, *, queue_max: int, version5: bool) -> None:
        self._sim = sim
        self._chance = sim.chance("broker")
        self._queue_max = queue_max
        self.version5 = version5
        self.up = True
        self.frozen = False
        self.refuses = False  # new connections
        self.denies = False  # what is published; says so under MQTT 5 only
        self.chaos: tuple[Chaos, float] | None = None
        self.sessions: dict[str, Session] = {}
        self.retained: dict[str, bytes] = {}
        self.told = Told()
        self._stalled: deque[Callable[[], None]] = deque()

    # -- from clients -----------------------------------------------------------------------------------------------

    def dial(self, client: Client, name: str) -> Line | None:
        """A TCP connection; None when nobody listens. A frozen broker's kernel still takes it."""
        return Line(self._sim, client, name, self._chance) if self.up else None

    def connect(self, line: Line, will: Will | None) -> None:
        line.carry("up", lambda: self._do(lambda: self._connected(line, will)))

    def subscribe(self, line: Line, filters: tuple[str, ...]) -> None:
        line.carry("up", lambda: self._do(lambda: self._subscribed(line, filters)))

    def publish(self, line: Line, message: Sent, packet_id: int) -> None:
        line.carry("up", lambda: self._do(lambda: self._published(line, message, packet_id)))

    def puback(self, line: Line) -> None:
        line.carry("up", lambda: self._do(lambda: self._acknowledged(line)))

    def _do(self, call: Callable[[], None]) -> None:
        if self.frozen:
            self._stalled.append(call)
        else:
            call()

    def _connected(self, line: Line, will: Will | None) -> None:
        if self.refuses:
            self._end(line, "refused")
            return
        session = self.sessions.get(line.name)
        known = session is not None
        if session is None:
            session = self.sessions[line.name] = Session()
        if session.line is not None:
            self._part(session, "taken over")
        session.line, session.will = line, will
        line.carry("down", lambda: line.client.connacked(line, session=known))
        session.queue.extendleft(reversed(session.flying))
        session.flying.clear()
        self._feed(session)

    def _subscribed(self, line: Line, filters: tuple[str, ...]) -> None:
        session = self._of(line)
        if session is None:
            return
        session.filters = filters
        for topic, payload in list(self.retained.items()):
            if any(matches(one, topic) for one in filters):
                self._enqueue(session, Sent(topic, payload, retain=True))

    def _published(self, line: Line, message: Sent, packet_id: int) -> None:
        if self._of(line) is None:
            return
        reason = REFUSED if self.denies and self.version5 else 0
        if not self.denies:
            self.told.accepted += 1
            self._spread(message)
        line.carry("down", lambda: line.client.puback(line, packet_id, reason))

    def _acknowledged(self, line: Line) -> None:
        session = self._of(line)
        if session is not None and session.flying:
            session.flying.popleft()
            self._feed(session)

    def _of(self, line: Line) -> Session | None:
        session = self.sessions.get(line.name)
        return session if session is not None and session.line is line else None

    # -- to clients -------------------------------------------------------------------------------------------------

    def _spread(self, message: Sent) -> None:
        if message.retain:
            if message.payload:
                self.retained[message.topic] = message.payload
            else:
                self.retained.pop(message.topic, None)
        for session in self.sessions.values():
            if any(matches(one, message.topic) for one in session.filters):
                self._enqueue(session, message._replace(retain=False))

    def _enqueue(self, session: Session, message: Sent) -> None:
        if self.chaos is not None and self._chance.random() < self.chaos[1]:
            self.told.harmed += 1
            if self.chaos[0] == "lose":
                return
            if self.chaos[0] == "double":
                session.queue.append(message)
            elif session.queue:
                session.queue.insert(self._chance.randrange(len(session.queue)), message)
                self._feed(session)
                return
            else:  # after what comes next
                self._sim.at(self._chance.random(), lambda: session.queue.append(message))
                return
        if session.line is None and len(session.queue) >= self._queue_max:
            self.told.dropped += 1
            return
        session.queue.append(message)
        self._feed(session)

    def _feed(self, session: Session) -> None:
        line = session.line
        while line is not None and session.queue and len(session.flying) < IN_FLIGHT_MAX:
            message = session.queue.popleft()
            session.flying.append(message)
            self._deliver(line, message)

    def _deliver(self, line: Line, message: Sent) -> None:
        line.carry("down", lambda: line.client.arrived(line, message))

    # -- ends and faults --------------------------------------------------------------------------------------------

    def _part(self, session: Session, why: str) -> None:
        line, session.line = session.line, None
        if line is not None:
            self._end(line, why)
        will, session.will = session.will, None
        if will is not None and self.up:
            self._spread(Sent(will.topic, will.payload, retain=True))

    def _end(self, line: Line, why: str) -> None:
        """The client hears it: a reset."""
        if line.open:
            line.open = False
            self._sim.at(0.001, lambda: line.client.lost(line, why))

    def hung_up(self, line: Line) -> None:
        """The client is gone: its kernel says so, unless the line swallows it."""
        line.open = False
        session = self._of(line)
        if session is not None and not line.swallows:
            self._do(lambda: self._part(session, "gone") if session.line is line else None)

    def half_open(self, name: str) -> bool:
        """Nothing arrives at either end any more, and nobody is told."""
        session = self.sessions.get(name)
        if session is None or session.line is None or not session.line.open:
            return False
        line = session.line
        line.swallows = True
        self._sim.at(self._chance.uniform(*PATIENCE_S), lambda: self._impatient(line))
        self._sim.at(
            self._chance.uniform(*PATIENCE_S), lambda: self._part(session, "silent") if session.line is line else None
        )
        return True

    def _impatient(self, line: Line) -> None:
        if line.open:
            line.open = False
            line.client.lost(line, "no answer within the keepalive")

    def reset(self, name: str) -> bool:
        """The connection ends, with what was under way both ways."""
        session = self.sessions.get(name)
        if session is None or session.line is None:
            return False
        self._part(session, "reset")
        return True

    def intrude(self, name: str) -> None:
        """Another client comes with this id, takes the session over, and goes."""
        session = self.sessions.get(name)
        if session is not None and self.up and not self.frozen:
            self._part(session, "taken over")

    def freeze(self) -> None:
        """SIGSTOP. Who waits too long for an answer goes; what they sent before is still there when it wakes."""
        self.frozen = True
        for session in self.sessions.values():
            if session.line is not None:
                self._doubt(session.line)

    def _doubt(self, line: Line) -> None:
        self._sim.at(self._chance.uniform(*PATIENCE_S), lambda: self._impatient(line) if self.frozen else None)

    def thaw(self) -> None:
        self.frozen = False
        while self._stalled:
            self._stalled.popleft()()
        for session in self.sessions.values():
            if session.line is not None and not session.line.open:
                self._part(session, "gone")

    def kill(self, *, keeps: float) -> None:
        """It comes again with so much of its queues and retained messages: 0 is an empty broker, 1 all of them."""
        self.up = self.frozen = False
        self._stalled.clear()
        for session in self.sessions.values():
            session.will = None
            self._part(session, "the broker is gone")
            session.queue.extendleft(reversed(session.flying))
            session.flying.clear()
            while session.queue and self._chance.random() > keeps:
                session.queue.pop()
        if keeps == 0.0:
            self.sessions.clear()
        self.retained = {topic: one for topic, one in self.retained.items() if self._chance.random() < keeps}

    def restart(self) -> None:
        self.up = True

    def allow(self) -> None:
        """The access list is right again."""
        if self.denies:
            self.denies = False
            for session in self.sessions.values():
                self._part(session, "the listener was started again")

    def heal(self) -> None:
        if self.frozen:
            self.thaw()
        self.allow()
        self.up, self.refuses, self.chaos = True, False, None

    @property
    def longest_queue(self) -> int:
        return max((len(one.queue) for one in self.sessions.values()), default=0)
