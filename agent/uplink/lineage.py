"""Which log is sent: the store's own, or first the logs that it grows from and that are not delivered yet.

Head office takes a new log's opening only behind the event that the opening names as its parent. So a parent goes out
whole, by an engine of its own, before the first event of what grew from it; meanwhile the store works on, and its own
events wait.

An acknowledgement that is above what a log has says that events were lost here: a disk that lied, an old copy of the
folder. What is written now would be a second event with the same number, so nothing is sent any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from agent.ledger.reader import Row
from agent.uplink.engine import Engine

GIVEN_UP_S = 86_400.0  # of silence, after which a consumer keeps the others waiting no longer


class Events(Protocol):
    def events(self, start: int, limit: int, /) -> list[Row]: ...


class Source(NamedTuple):
    """One log to send. `delivered` is called once every consumer has it; nobody reads it afterwards."""

    log: str
    engine: Engine
    reader: Events
    delivered: Callable[[], None] = lambda: None


class Lineage:
    """In the link's thread only. `parents` are all logs that `own` is known to grow from, with their last event.

    `alarm` gets what a person must mend, and the log and event that are missing here, if it is to be remembered.
    """

    def __init__(
        self,
        own: Source,
        elders: Sequence[Source],
        parents: Mapping[str, int],
        *,
        say: Callable[[str, str], None],
        alarm: Callable[[str, tuple[str, int] | None], None],
    ) -> None:
        self._own = own
        self._elders = list(elders)
        self._parents = dict(parents)
        self._say, self._alarm = say, alarm
        self._follows: dict[str, str] = {}  # which log a consumer acknowledged last
        self._limits: tuple[int, int] | None = None  # of the connection
        self._since_s: float | None = None
        self._told: set[str] = set()
        self.halted = False

    @property
    def source(self) -> Source:
        return self._elders[0] if self._elders else self._own

    def halt(self) -> None:
        """Send no more events, of no log."""
        self.halted = True
        for one in (*self._elders, self._own):
            one.engine.halted = True

    def connect(self, now_s: float, *, receive_max: int, packet_bytes_max: int) -> None:
        self._limits = receive_max, packet_bytes_max
        self.source.engine.connect(now_s, receive_max=receive_max, packet_bytes_max=packet_bytes_max)

    def disconnect(self) -> None:
        self._limits = None
        self.source.engine.disconnect()

    def acknowledge(self, consumer: str, log: str, seq: int, now_s: float, *, retained: bool) -> str | None:
        """As of `Engine`. One of a parent says how far the consumer is on its way to the own log."""
        if consumer in self._own.engine.consumers:
            self._follows[consumer] = log
            head = self._own.engine.head if log == self._own.log else self._parents.get(log)
            if head is not None and seq > head:
                return self._went_back(consumer, log, seq, head)
            if head is None:
                return self._other(consumer, log)
        for one in self._elders:
            if one.log == log:
                return one.engine.acknowledge(consumer, log, seq, now_s, retained=retained)
        if log in self._parents and consumer in self._own.engine.consumers:
            return None  # all of it was sent: what comes next for this consumer is the own log's opening
        return self._own.engine.acknowledge(consumer, log, seq, now_s, retained=retained)

    def _went_back(self, consumer: str, log: str, seq: int, head: int) -> str:
        text = (
            f"{consumer} has event {seq} of log {log}, which ends here with {head}: this ledger went back, and what it "
            "sent now would be taken for a fork; nothing is sent"
        )
        if not self.halted:
            self.halt()
            self._alarm(text, (log, seq))
        return text

    def _other(self, consumer: str, log: str) -> str:
        """Head office judges what is sent: it takes nothing that does not grow from what it has."""
        text = (
            f"{consumer} follows log {log} of this store, and this ledger writes {self._own.log}, which does not grow "
            "from it: another PC works under this store's name, or this ledger is an old one"
        )
        if log not in self._told:
            self._told.add(log)
            self._alarm(text, None)
        return text

    def replay(self, consumer: str, log: str, seq: int) -> tuple[int | None, str]:
        """The first event that goes out again, or None and why none does."""
        engine = next((one.engine for one in (self._own, *self._elders) if one.log == log), None)
        if engine is None:
            return None, "it is of another log"
        if consumer not in engine.consumers:
            return None, f"{consumer} is no configured consumer"
        if seq > engine.head + 1:
            return None, f"the newest event is {engine.head}"
        if self.halted:
            return None, "this ledger went back behind what was acknowledged: nothing is sent"
        engine.replay_from(seq)
        return max(seq, engine.first), ""

    def advance(self, now_s: float) -> bool:
        """Go on to the next log where this one is delivered: whether another one is sent now."""
        if not self._elders:
            return False
        since_s = self._since_s = now_s if self._since_s is None else self._since_s
        elder = self._elders[0]
        consumers = elder.engine.consumers
        later = {one.log for one in (*self._elders[1:], self._own)}
        missing = [
            name
            for name, one in consumers.items()
            if one.delivered < elder.engine.head and self._follows.get(name) not in later
        ]
        if missing and len(missing) == len(consumers):
            return False
        if any(now_s - max(since_s, consumers[name].heard_s or since_s) < GIVEN_UP_S for name in missing):
            return False
        for name in missing:
            text = f"{name} lacks events of log {elder.log}, and is silent: the store goes on without it"
            self._say(f"consumer {name}", text)
        self._say("uplink", f"log {elder.log} is delivered up to its end, event {elder.engine.head}")
        elder.engine.disconnect()
        elder.delivered()
        del self._elders[0]
        self._since_s = None
        if self._limits is not None:
            receive_max, packet_bytes_max = self._limits
            self.connect(now_s, receive_max=receive_max, packet_bytes_max=packet_bytes_max)
        return True
