"""Which log is sent: the store's own, or first the logs that it grows from and that are not delivered yet.

Head office takes a new log's opening only behind the event that the opening names as its parent. So a parent goes out
whole, by an engine of its own, before the first event of what grew from it; meanwhile the store works on, and its own
events wait.

A consumer that has gone back to an older log, as head office does when an old copy of its database is put in place,
gets it again, as long as its file is here.

An acknowledgement that is above what a log has says that events were lost here: a disk that lied, an old copy of the
folder. So does one with another hash, once the log is as long again. What is written now is a second event with the
same number, so nothing is sent any more. A ledger goes back only while nobody has it open; so after a start nothing is
sent before the acknowledgement that the broker keeps of each consumer is heard, or `listens_s` have passed in which it
could have been.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from agent.ledger.reader import Row
from agent.uplink.engine import Engine

GIVEN_UP_S = 86_400.0  # of silence, after which a consumer keeps the others waiting no longer
LISTENS_S = 1.0  # after connecting, for what the broker keeps: it comes with the subscriptions


class Events(Protocol):
    def events(self, start: int, limit: int, /) -> list[Row]: ...

    def hash_of(self, seq: int, /) -> str | None: ...


class Source(NamedTuple):
    """One log to send. `delivered` is called whenever every consumer has it; `sent`: that was so before the start."""

    log: str
    engine: Engine
    reader: Events
    delivered: Callable[[], None] = lambda: None
    sent: bool = False


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
        listens_s: float = 0.0,
    ) -> None:
        self._own = own
        self._sources = (*elders, own)
        self._at = next((at for at, one in enumerate(elders) if not one.sent), len(elders))
        self._parents = dict(parents)
        self._say, self._alarm = say, alarm
        self._follows: dict[str, str] = {}  # which log a consumer acknowledged last
        self._limits: tuple[int, int] | None = None  # of the connection
        self._since_s: float | None = None
        self._moved = False
        self._told: set[str] = set()
        self._unheard = set(own.engine.consumers) if listens_s else set[str]()
        self._listens_s, self._listens_until_s = listens_s, 0.0
        self.halted = False

    @property
    def source(self) -> Source:
        return self._sources[self._at]

    def halt(self) -> None:
        """Send no more events, of no log."""
        self.halted = True
        for one in self._sources:
            one.engine.halted = True

    def connect(self, now_s: float, *, receive_max: int, packet_bytes_max: int) -> None:
        self._limits = receive_max, packet_bytes_max
        self._listens_until_s = now_s + self._listens_s
        self.source.engine.connect(now_s, receive_max=receive_max, packet_bytes_max=packet_bytes_max)

    def may_send(self, now_s: float) -> bool:
        if self._unheard and now_s >= self._listens_until_s:
            self._unheard.clear()
        return not self._unheard

    def disconnect(self) -> None:
        self._limits = None
        self.source.engine.disconnect()

    def acknowledge(
        self, consumer: str, log: str, seq: int, now_s: float, *, retained: bool, name: str | None = None
    ) -> str | None:
        """As of `Engine`; `name` is the hash that the consumer has of that event. One of a parent says how far the
        consumer is on its way to the own log."""
        if retained:  # another one may have waited in our session, and be older than what the broker keeps
            self._unheard.discard(consumer)
        if consumer in self._own.engine.consumers:
            self._follows[consumer] = log
            head = self._own.engine.head if log == self._own.log else self._parents.get(log)
            if head is not None and seq > head:
                return self._went_back(consumer, log, seq, f"event {seq} of log {log}, which ends here with {head}")
            if head is None:
                return self._other(consumer, log)
            if name is not None and self._hash_of(log, seq) not in {None, name}:
                return self._went_back(consumer, log, seq, f"another event {seq} of log {log} than is here")
        at = next((at for at, one in enumerate(self._sources) if one.log == log), None)
        if at is None:
            # Of a parent whose file is gone: what comes next for this consumer is the oldest opening that is here.
            known = log in self._parents and consumer in self._own.engine.consumers
            return None if known else self._own.engine.acknowledge(consumer, log, seq, now_s, retained=retained)
        engine = self._sources[at].engine
        complaint = engine.acknowledge(consumer, log, seq, now_s, retained=retained)
        if complaint is None and at < self._at and seq < engine.head:
            self._say(f"consumer {consumer}", f"{consumer} went back to event {seq} of log {log}: it is sent again")
            self._go_back(consumer, at, now_s)
        return complaint

    def _go_back(self, consumer: str, at: int, now_s: float) -> None:
        """Once more from where those are who follow this log; the consumer has nothing of what grew from it."""
        engine, later = self._sources[at].engine, {one.log for one in self._sources[at + 1 :]}
        engine.taken = engine.head
        for source in self._sources[at + 1 :]:
            source.engine.consumers[consumer].delivered = source.engine.first - 1
        for name, one in engine.consumers.items():
            if self._follows.get(name) in later:
                one.delivered = engine.head
        self._go(at, now_s)

    def _hash_of(self, log: str, seq: int) -> str | None:
        """None where the event is gone, or the log's file is."""
        source = next((one for one in self._sources if one.log == log), None)
        return None if source is None else source.reader.hash_of(seq)

    def _went_back(self, consumer: str, log: str, seq: int, what: str) -> str:
        why = "this ledger went back, and what it sent now would be taken for a fork"
        text = f"{consumer} has {what}: {why}; nothing is sent"
        if not self.halted:
            self.halt()
            self._alarm(text, (log, seq))
        return text

    def _other(self, consumer: str, log: str) -> str:
        """Head office judges what is sent: it takes nothing that does not grow from what it has."""
        text = (
            f"{consumer} follows log {log} of this store, and this ledger writes {self._own.log}, which is not known "
            "to grow from it: another PC works under this store's name, or this ledger is an old one"
        )
        if log not in self._told:
            self._told.add(log)
            self._alarm(text, None)
        return text

    def replay(self, consumer: str, log: str, seq: int) -> tuple[int | None, str]:
        """The first event that goes out again, or None and why none does."""
        engine = next((one.engine for one in self._sources[self._at :] if one.log == log), None)
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
        """Go on to the next log where this one is delivered: whether another one is sent than at the call before."""
        self._advance(now_s)
        moved, self._moved = self._moved, False
        return moved

    def _advance(self, now_s: float) -> None:
        log, engine, _reader, delivered, _sent = self.source
        since_s = self._since_s = now_s if self._since_s is None else self._since_s
        later = {one.log for one in self._sources[self._at + 1 :]}
        if not later:
            return
        missing = [
            name
            for name, one in engine.consumers.items()
            if one.delivered < engine.head and self._follows.get(name) not in later
        ]
        if missing and len(missing) == len(engine.consumers):
            return
        if any(now_s - max(since_s, engine.consumers[name].heard_s or since_s) < GIVEN_UP_S for name in missing):
            return
        for name in missing:
            text = f"{name} lacks events of log {log}, and is silent: the store goes on without it"
            self._say(f"consumer {name}", text)
        self._say("uplink", f"log {log} is delivered up to its end, event {engine.head}")
        delivered()
        self._go(self._at + 1, now_s)

    def _go(self, at: int, now_s: float) -> None:
        self.source.engine.disconnect()
        self._at, self._since_s, self._moved = at, None, True
        if self._limits is not None:
            receive_max, packet_bytes_max = self._limits
            self.connect(now_s, receive_max=receive_max, packet_bytes_max=packet_bytes_max)
