"""A client's side of the simulated LLRP reader, in values: no socket and no clock."""

from __future__ import annotations

from drivers.llrp.elements import Element, Value, decode, element, encode
from drivers.llrp.frames import Decoder, Message
from simulators.reader_llrp import Frame, LlrpReader, Setup
from simulators.tags import RateSource, Tag, sgtin_tags

SECOND = 1_000_000
WALL_US = 1_800_000_000_000_000
EVERYTHING = {
    f"Enable{name}": True
    for name in (
        "ROSpecID", "SpecIndex", "InventoryParameterSpecID", "AntennaID", "ChannelIndex", "PeakRSSI",
        "FirstSeenTimestamp", "LastSeenTimestamp", "TagSeenCount", "AccessSpecID",
    )
}  # fmt: skip


def decoded(frames: list[Frame]) -> list[Element]:
    return [decode(one) for one in Decoder().feed(b"".join(frame.data for frame in frames)) if isinstance(one, Message)]


class Peer:
    """Asks and listens at `now_us`. `heard` is everything that came and was not yet asked for."""

    def __init__(self, reader: LlrpReader) -> None:
        self.reader = reader
        self.now_us = 0
        self.heard: list[Element] = []
        self.version = 1
        self._id = 100

    def connect(self) -> Element:
        assert self.reader.connect(self.now_us) is None
        (greeting, *self.heard) = decoded(self.reader.take())
        return greeting

    def send(self, name: str, fields: dict[str, Value] | None = None, *parameters: Element) -> list[Element]:
        self._id += 1
        self.reader.receive(encode(element(name, fields, *parameters), self._id, self.version), self.now_us)
        return self.take()

    def ask(self, name: str, fields: dict[str, Value] | None = None, *parameters: Element) -> Element:
        """The answer to a request; what came beside it is kept in `heard`."""
        came = self.send(name, fields, *parameters)
        (answer,) = (one for one in came if one.name.endswith("_RESPONSE") or one.name == "ERROR_MESSAGE")
        self.heard += [one for one in came if one is not answer]
        return answer

    def status(self, name: str, fields: dict[str, Value] | None = None, *parameters: Element) -> int:
        status = self.ask(name, fields, *parameters).one("LLRPStatus")
        assert status is not None
        return status.number("StatusCode")

    def done(self, name: str, fields: dict[str, Value] | None = None, *parameters: Element) -> None:
        assert self.status(name, fields, *parameters) == 0

    def take(self) -> list[Element]:
        return decoded(self.reader.take())

    def wait(self, seconds: float) -> list[Element]:
        self.now_us += int(seconds * SECOND)
        self.reader.advance(self.now_us)
        found, self.heard = [*self.heard, *self.take()], []
        return found

    def events(self, *kinds: int) -> None:
        states = [element("EventNotificationState", {"EventType": kind, "NotificationState": True}) for kind in kinds]
        self.done("SET_READER_CONFIG", {}, element("ReaderEventNotificationSpec", {}, *states))


def a_reader(tags: list[Tag] | None = None, rate: float = 100, setup: Setup | None = None) -> LlrpReader:
    source = RateSource(sgtin_tags(4) if tags is None else tags, rate, antennas=(1, 2))
    return LlrpReader(source, setup, now_us=0, wall_us=WALL_US)


def rospec(
    *,
    number: int = 7,
    start: Element | None = None,
    stop: Element | None = None,
    ai_stop: Element | None = None,
    antennas: tuple[int, ...] = (0,),
    trigger: int = 2,
    every: int = 1,
    content: dict[str, Value] | None = None,
    extra: tuple[Element, ...] = (),
) -> Element:
    """Immediate start and no stop, a report for each tag, unless it is told otherwise."""
    return element(
        "ROSpec",
        {"ROSpecID": number},
        element(
            "ROBoundarySpec",
            {},
            start or element("ROSpecStartTrigger", {"ROSpecStartTriggerType": 1}),
            stop or element("ROSpecStopTrigger"),
        ),
        element(
            "AISpec",
            {"AntennaIDs": antennas},
            ai_stop or element("AISpecStopTrigger"),
            element("InventoryParameterSpec", {"InventoryParameterSpecID": 3, "ProtocolID": 1}),
        ),
        element(
            "ROReportSpec",
            {"ROReportTrigger": trigger, "N": every},
            element("TagReportContentSelector", dict(EVERYTHING) if content is None else content),
            *extra,
        ),
    )


def started(peer: Peer, spec: Element) -> None:
    peer.done("ADD_ROSPEC", {}, spec)
    peer.done("ENABLE_ROSPEC", {"ROSpecID": spec["ROSpecID"]})


def tags_of(came: list[Element]) -> list[Element]:
    return [tag for one in came if one.name == "RO_ACCESS_REPORT" for tag in one.all("TagReportData")]


def events_of(came: list[Element], name: str) -> list[Element]:
    datas = [one.one("ReaderEventNotificationData") for one in came if one.name == "READER_EVENT_NOTIFICATION"]
    return [event for data in datas if data is not None for event in data.all(name)]


def count(tags: list[Element]) -> int:
    """Sightings that these entries stand for."""
    counts = [tag.one("TagSeenCount") for tag in tags]
    return sum(one.number("TagCount") for one in counts if one is not None)


def epc_of(tag: Element) -> bytes:
    one = tag.one("EPC_96")
    assert one is not None
    epc = one["EPC"]
    assert isinstance(epc, bytes)
    return epc
