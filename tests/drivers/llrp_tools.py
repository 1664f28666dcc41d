"""An LLRP session and the simulated reader in one simulated time, and hand-made messages for a session alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from drivers.llrp.elements import Content, Element, decode, element, encode
from drivers.llrp.frames import Decoder, Message
from drivers.llrp.session import LlrpSession
from drivers.llrp.settings import LlrpSettings
from drivers.reads import Arrival, Notice, Read, SensorWindow, TagRead
from simulators.reader_llrp import LlrpReader, Setup
from simulators.tags import Sighting, Tag
from tests.drivers.device_tools import at

FIXTURES = Path(__file__).parent.parent / "fixtures" / "llrp"
START_US = at(0).wall_us
# Frame 1 of edgexcli_to_simSpeedway.jsonl: ConnectionAttemptEvent, success.
GREETING = bytes.fromhex("043f000000200000000100f600160080000c000660d379fc5006010000060000")


def settings(**given: object) -> LlrpSettings:
    return LlrpSettings.model_validate({"host": "reader", **given})


def messages(data: bytes) -> list[Message]:
    found = Decoder().feed(data)
    assert all(isinstance(one, Message) for one in found)
    return [one for one in found if isinstance(one, Message)]


def elements(data: bytes) -> list[Element]:
    return [decode(message) for message in messages(data)]


def event(*parts: Content, us: int | None = None, uptime: int | None = None) -> bytes:
    """A READER_EVENT_NOTIFICATION."""
    stamp = element("UTCTimestamp", {"Microseconds": us or 0})
    if uptime is not None:
        stamp = element("Uptime", {"Microseconds": uptime})
    return encode(
        element("READER_EVENT_NOTIFICATION", {}, element("ReaderEventNotificationData", {}, stamp, *parts)), 1
    )


def tag_report(*seen_us: int, epc: bytes = bytes(12), antenna: int = 1, kind: str = "UTC") -> bytes:
    """An RO_ACCESS_REPORT with a tag for each time."""
    tags = [
        element(
            "TagReportData",
            {},
            element("EPC_96", {"EPC": epc}),
            element("AntennaID", {"AntennaID": antenna}),
            element(f"FirstSeenTimestamp{kind}", {"Microseconds": us}),
            element(f"LastSeenTimestamp{kind}", {"Microseconds": us}),
        )
        for us in seen_us
    ]
    return encode(element("RO_ACCESS_REPORT", {}, *tags), 1)


class Hand:
    """A source of sightings that are shown by hand, at the simulation's time."""

    def __init__(self) -> None:
        self._waiting: list[Sighting] = []

    def show(self, tags: Iterable[Tag], at_us: int, antenna: int = 1) -> None:
        self._waiting += [Sighting(tag.epc, antenna, -6000, at_us, tag) for tag in tags]
        self._waiting.sort(key=lambda one: one.at_us)

    def due(self, now_us: int) -> list[Sighting]:
        found = [one for one in self._waiting if one.at_us <= now_us]
        self._waiting = self._waiting[len(found) :]
        return found

    def next_us(self) -> int | None:
        return self._waiting[0].at_us if self._waiting else None


class World:
    """One reader through any number of connections. Times are milliseconds since its beginning."""

    def __init__(self, setup: Setup | None = None, **given: object) -> None:
        self.hand = Hand()
        self.settings = settings(**given)
        self.reader = LlrpReader(self.hand, setup, wall_us=START_US)
        self.session = LlrpSession("gate", self.settings)
        self.reads: list[Read] = []
        self.sent: list[str] = []  # names of our messages on this connection
        self.now_us = 0
        self.cut = False  # the network takes nothing in either direction

    @property
    def now(self) -> Arrival:
        return Arrival(START_US + self.now_us, self.now_us * 1000)

    def connect(self, ms: float = 0) -> None:
        """A new session on a new connection, and what follows within a millisecond."""
        self.now_us = max(self.now_us, int(ms * 1000))
        self.session, self.sent, self.cut = LlrpSession("gate", self.settings), [], False
        self.session.open(self.now)
        assert self.reader.connect(self.now_us) is None
        self.run(self.now_us / 1000 + 1)

    def hang_up(self) -> None:
        self.reads += self.session.close(self.now)
        self.reader.lost(self.now_us)

    def run(self, until_ms: float) -> None:
        """Everything up to then, each thing at its time. Raises what the session raises."""
        until_us = int(until_ms * 1000)
        self._exchange()
        while self.now_us < until_us:
            due = [until_us, *(one for one in (self._reader_us(), self._session_us()) if one is not None)]
            self.now_us = min(until_us, max(self.now_us + 1, min(due)))
            self._exchange()
            deadline = self.session.next_deadline()
            if deadline is not None and self.now.monotonic_ns >= deadline:
                self.reads += self.session.tick(self.now)
                self._exchange()

    def show(self, *tags: Tag, antenna: int = 1, wait_ms: float = 5) -> None:
        self.hand.show(tags, self.now_us + 1, antenna)
        self.run(self.now_us / 1000 + wait_ms)

    def notices(self) -> list[tuple[str, bool]]:
        return [(one.code, one.active) for one in self.reads if isinstance(one, Notice)]

    def tags(self) -> list[TagRead]:
        return [one for one in self.reads if isinstance(one, TagRead)]

    def windows(self) -> list[SensorWindow]:
        return [one for one in self.reads if isinstance(one, SensorWindow)]

    def _reader_us(self) -> int | None:
        return self.reader.next_us()

    def _session_us(self) -> int | None:
        deadline = self.session.next_deadline()
        return None if deadline is None else deadline // 1000 + 1

    def _exchange(self) -> None:
        for _ in range(1000):
            self.reader.advance(self.now_us)
            if self.cut:
                return
            frames = self.reader.take()
            for frame in frames:
                self.reads += self.session.receive(frame.data, self.now)
            data = self.session.take_output()
            self.sent += [one.name for one in messages(data)]
            if data:
                self.reader.receive(data, self.now_us)
            if not frames and not data:
                return
        raise AssertionError("the conversation does not end")


def success(name: str, *parts: Content) -> Element:
    return element(name, {}, element("LLRPStatus"), *parts)


def failure(name: str, code: str, text: str = "", *parts: Content) -> Element:
    return element(name, {}, element("LLRPStatus", {"StatusCode": code, "ErrorDescription": text}, *parts))


def real_capabilities() -> Element:
    """Of an Impinj R420 (llrp-rs, 18_get_reader_capabilities_response.bin): Australia, 32.5 dBm, one ROSpec."""
    return elements((FIXTURES / "llrp-rs" / "18_get_reader_capabilities_response.bin").read_bytes())[0]


def answer_to(request: Element, given: dict[str, Element]) -> Element | None:
    """What a plain reader says; `given` by the request's name, None of it for silence."""
    if request.name in given:
        return given[request.name]
    if request.name == "GET_READER_CAPABILITIES":
        return real_capabilities()
    if request.name == "GET_SUPPORTED_VERSION":
        return failure("ERROR_MESSAGE", "M_UnsupportedVersion")
    if request.name in {"KEEPALIVE_ACK", "ENABLE_EVENTS_AND_REPORTS", "GET_REPORT", "CLOSE_CONNECTION"}:
        return None
    return success(f"{request.name}_RESPONSE")


def converse(
    session: LlrpSession, ms: float, given: dict[str, Element] | None = None, reads: list[Read] | None = None
) -> list[Element]:
    """Answers every request until the session asks for nothing more; what it sent. `reads` takes what it read."""
    sent: list[Element] = []
    for _ in range(100):
        asked = messages(session.take_output())
        if not asked:
            return sent
        for message in asked:
            request = decode(message)
            sent.append(request)
            response = answer_to(request, given or {})
            if response is not None:
                found = session.receive(encode(response, message.id, message.version), at(ms))
                if reads is not None:
                    reads += found
    raise AssertionError("the conversation does not end")


def opened(given: dict[str, Element] | None = None, **wanted: object) -> tuple[LlrpSession, list[Element]]:
    """A session that was set up at 0 ms, and what it sent for it."""
    session = LlrpSession("gate", settings(**wanted))
    session.open(at(0))
    session.receive(event(element("ConnectionAttemptEvent"), us=at(0).wall_us), at(0))
    return session, converse(session, 0, given)
