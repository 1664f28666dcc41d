"""The ends of the wires in a store: bytes and keys to the real sessions, their reads to the desk, answers back."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from agent.clock import Clock
from drivers.driver import Counters
from drivers.hid.frames import EV_KEY, EV_SYN, SYN_DROPPED, SYN_REPORT, Event, encode
from drivers.reader_json.session import ReaderJsonSession
from drivers.reads import Answer, Notice, Read
from drivers.session import Session
from simulators.hid import HidSetup, type_char
from simulators.reader_json import Dialect, JsonReader
from simulators.tags import Sighting, Tag
from tests.world.sim import Life

Handler = Callable[[Read, "Port"], None]
US_KEYS = HidSetup()
ANTENNAS = {1: "backroom", 2: "backroom", 3: "pickup", 4: "pickup"}


class Port:
    """One opened device: what the shell of a driver does between transport and session."""

    def __init__(
        self, life: Life, clock: Clock, name: str, session: Session, handle: Handler, hear: Callable[[bytes], None]
    ) -> None:
        self.name = name
        self.counters = Counters()
        self._life, self._clock, self._session, self._handle, self._hear = life, clock, session, handle, hear
        session.open(clock.now())

    def receive(self, data: bytes) -> None:
        self._take(self._session.receive(data, self._clock.now()))

    def lost(self) -> None:
        self._take(self._session.lost(self._clock.now()))

    def unplug(self) -> None:
        self._take(self._session.close(self._clock.now()))

    def answer(self, read_id: int, answer: Answer) -> None:
        self._session.answer(read_id, answer, self._clock.now())
        self._flush()

    def _take(self, reads: list[Read]) -> None:
        for read in reads:
            if not isinstance(read, Notice):  # the supervisor's business
                self._handle(read, self)
        self._flush()
        deadline = self._session.next_deadline()
        if deadline is not None and not isinstance(self._session, ReaderJsonSession):
            self._life.at((deadline - self._clock.now().monotonic_ns) / 1e9 + 0.0001, self._tick)

    def _tick(self) -> None:
        reads = self._session.tick(self._clock.now())
        if reads:
            self._take(reads)

    def _flush(self) -> None:
        output = self._session.take_output()
        if output:
            self._hear(output)


@lru_cache(1000)
def typed(text: str) -> bytes:
    """A code as a keyboard scanner types it, with its end key."""
    keys = [key for char in text for key in type_char(char, US_KEYS)]
    keys += [(28, 1), (28, 0)]  # KEY_ENTER, linux/input-event-codes.h
    events = [one for code, value in keys for one in (Event(EV_KEY, code, value), Event(EV_SYN, SYN_REPORT, 0))]
    return b"".join(map(encode, events))


DROPPED = encode(Event(EV_SYN, SYN_DROPPED, 0)) + encode(Event(EV_SYN, SYN_REPORT, 0))


class Sink:
    def __init__(self) -> None:
        self.documents: list[bytes] = []

    def send(self, document: bytes) -> None:
        self.documents.append(document)

    def drop(self) -> None:
        """Nobody is connected for longer than a document."""

    def close(self) -> None:
        """As `drop`."""


def document(tag: Tag, antenna: int, rssi_cdbm: int, true_us: int) -> bytes:
    """What an Impinj reader publishes of one read, by its own clock."""
    sink = Sink()
    JsonReader(Dialect.IMPINJ, sink).see(Sighting(tag.epc, antenna, rssi_cdbm, 0, tag), true_us)
    return sink.documents[0]
