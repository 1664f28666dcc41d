"""What a connected reader tells while it reads: tags, changes of its inputs, antennas, its buffer and its clock."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter, itemgetter

from drivers.llrp.antennas import Antennas
from drivers.llrp.capabilities import value
from drivers.llrp.clockmap import ClockMap, Scale
from drivers.llrp.elements import Element, label
from drivers.llrp.frames import Message
from drivers.llrp.gpi import Inputs
from drivers.llrp.notices import Notices
from drivers.llrp.reports import Report, ReportReader
from drivers.llrp.settings import LlrpSettings
from drivers.reads import Arrival, Fault, Read, TagRead
from drivers.session import Numbering

TOLD_MAX = 100  # different complaints of a reader that are passed on
UTC_US_MIN = 1 << 48  # microseconds: before 1978 as UTC, nine years as uptime
_ANTENNA = itemgetter(TagRead._fields.index("antenna"))
_SEEN = attrgetter("seen_us")


class Inventory:
    def __init__(self, device: str, settings: LlrpSettings, numbering: Numbering, notices: Notices) -> None:
        self.clock = ClockMap()
        self.inputs = Inputs(device, settings)
        self.tags_ns: int | None = None  # when the last tag was reported
        self._device = device
        self._numbering = numbering
        self._notices = notices
        self._reports = ReportReader(device)
        self._antennas = Antennas(settings.antenna_silence_s)
        self._jumps = 0
        self._told: set[str] = set()

    def know(self, frequencies_khz: tuple[int, ...]) -> None:
        """The channels, from the capabilities."""
        self._reports.meaning.frequencies_khz = dict(enumerate(frequencies_khz, start=1))

    def report(self, message: Message, now: Arrival) -> tuple[list[Read], Report]:
        """The reads of an RO_ACCESS_REPORT, and what else is in it."""
        meaning = self._reports.meaning
        meaning.utc_offset_us = self.clock.offset_us(Scale.UTC)
        meaning.uptime_offset_us = self.clock.offset_us(Scale.UPTIME)
        found = self._reports.read(message.body, now)
        tags = self._timed(found.reads, now)
        reads: list[Read] = list(tags)
        if tags:
            self.tags_ns = now.monotonic_ns
            self.inputs.count(len(tags))
            reads += self._silence(tags, now)
        reads += [self._numbering.bad(one.raw, one.fault, one.detail, now) for one in found.malformed]
        return reads + self._unsure(now), found

    def event(self, data: Element, now: Arrival) -> list[Read]:
        """A ReaderEventNotificationData; what concerns the connection is the session's."""
        at_us, reads = self._moment(data, now), list[Read]()
        for one in data.parameters:
            if not isinstance(one, Element):
                continue
            match one.name:
                case "GPIEvent":
                    level = bool(value(one, "GPIEvent"))
                    reads += self.inputs.level(value(one, "GPIPortNumber"), level, at_us, now)
                case "AntennaEvent":
                    reads += self._antenna(value(one, "AntennaID"), label(one, "EventType"), now)
                case "ReportBufferOverflowErrorEvent":
                    reads.append(self._numbering.bad(b"", Fault.DROPPED, "the reader's buffer overflowed", now))
                case "ReaderExceptionEvent":
                    reads += self._complaint(str(one.fields.get("Message", "")), now)
                case _:
                    continue
        return reads + self._unsure(now)

    def antenna_off(self, number: int, now: Arrival) -> list[Read]:
        return self._notices.begin(
            "antenna_off",
            f"antenna {number} is not connected",
            "check the antenna's cable and plugs",
            now,
            subject=str(number),
        )

    def tick(self, now: Arrival) -> list[Read]:
        reads = self.inputs.tick(now)
        if self.clock.settle(now):
            reads += self._notices.end("clock_unsure", "the reader's clock runs evenly again", now)
        return reads

    def next_deadline(self) -> int | None:
        deadlines = (self.inputs.next_deadline(), self.clock.unsure_until_ns)
        return min((one for one in deadlines if one is not None), default=None)

    def _timed(self, tags: list[TagRead], now: Arrival) -> list[TagRead]:
        """The clock follows from the newest tag; if that moved it, the tags are moved with it."""
        if not tags:
            return tags
        newest = max(tags, key=_SEEN) if len(tags) > 1 else tags[0]
        if newest.device_time_us is None:
            return tags
        shift_us = self.clock.map(self._scale(newest), newest.device_time_us, now) - newest.seen_us
        if not shift_us:
            return tags
        return [one._replace(seen_us=one.seen_us + shift_us, first_us=one.first_us + shift_us) for one in tags]

    def _scale(self, tag: TagRead) -> Scale:
        """Which clock stamped it: the one whose offset it was given."""
        assert tag.device_time_us is not None
        utc, uptime = self.clock.offset_us(Scale.UTC), self.clock.offset_us(Scale.UPTIME)
        given = tag.seen_us - tag.device_time_us
        if utc is None and uptime is None:
            return Scale.UTC if tag.device_time_us >= UTC_US_MIN else Scale.UPTIME
        if utc is None:
            return Scale.UPTIME if given == uptime else Scale.UTC
        return Scale.UTC if given == utc else Scale.UPTIME

    def _moment(self, data: Element, now: Arrival) -> int:
        """When an event was, by the host's clock."""
        for name, scale in (("UTCTimestamp", Scale.UTC), ("Uptime", Scale.UPTIME)):
            if (stamp := data.one(name)) is not None:
                return self.clock.map(scale, value(stamp, "Microseconds"), now, report=False)
        return now.wall_us

    def _unsure(self, now: Arrival) -> list[Read]:
        if self.clock.jumps == self._jumps:
            return []
        self._jumps = self.clock.jumps
        return self._notices.begin(
            "clock_unsure",
            "the reader's clock jumped; times of this moment may be wrong",
            "set a time server (NTP) in the reader and on this PC",
            now,
        )

    def _silence(self, tags: list[TagRead], now: Arrival) -> list[Read]:
        reads: list[Read] = []
        for number, silent in self._antennas.count(Counter(map(_ANTENNA, tags)), now):
            subject = str(number)
            if not silent:
                reads += self._notices.end("antenna_silent", f"antenna {number} reads again", now, subject=subject)
            elif not self._notices.holds("antenna_off", subject):
                reads += self._notices.begin(
                    "antenna_silent",
                    f"antenna {number} reads nothing while the others do",
                    "check its cable, and that nothing of metal or water stands in front of it",
                    now,
                    subject=subject,
                )
        return reads

    def _antenna(self, number: int, event: str | None, now: Arrival) -> list[Read]:
        self._antennas.forget(number)
        reads = self._notices.end("antenna_silent", f"antenna {number} is judged anew", now, subject=str(number))
        if event == "Antenna_Disconnected":
            return reads + self.antenna_off(number, now)
        reads += self._notices.end("no_antenna", "an antenna is connected", now)
        return reads + self._notices.end("antenna_off", f"antenna {number} is connected", now, subject=str(number))

    def _complaint(self, text: str, now: Arrival) -> list[Read]:
        """Once each: a reader repeats itself."""
        if text in self._told or len(self._told) >= TOLD_MAX:
            return []
        self._told.add(text)
        raw = text.encode("utf-8", "replace")
        return [self._numbering.bad(raw, Fault.UNEXPECTED, f"the reader reports: {text[:200]}", now)]
