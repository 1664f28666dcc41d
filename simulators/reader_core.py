"""What a simulated LLRP reader does beside answering requests: its client, its time, the world around it, its reports.

Time is an argument, in microseconds of any clock that does not go back; `advance` lets it pass. Reports and events that
nobody takes are held, up to a bound, and told after the next connection. Of several active ROSpecs the first reads.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from drivers.llrp.elements import Element, element, encode
from drivers.llrp.frames import Decoder, Malformed, Message
from simulators.reader_access import AccessSpec
from simulators.reader_config import (
    AISPEC_EVENT,
    ANTENNA_EVENT,
    BUFFER_EVENT,
    GPI_EVENT,
    LOOP_EVENT,
    ROSPEC_EVENT,
    Config,
)
from simulators.reader_profiles import R420, Profile
from simulators.reader_reports import Entry, ReportWriter
from simulators.reader_rospec import RoSpec
from simulators.tags import Sighting, Source

OUTPUT_BYTES_MAX = 1 << 20  # beyond, reports are held until the client has read
HELD_EVENTS_MAX = 1000
WARNING_PERCENT = 80
YEAR_2000_US = 946_684_800_000_000
ANOTHER_CLIENT, SOMEBODY_ELSE_TRIED = 2, 4  # ConnectionAttemptStatusType


@dataclass(frozen=True, slots=True)
class Setup:
    """How this reader is made. `version_max` 2 is LLRP 1.1. `each`: no two sightings of a tag become one report entry.

    `hold_entries_max` bounds what is held during an outage. `silent_sessions`: in S2 and S3 a tag that was seen keeps
    silent until its ROSpec stops. After `unanswered_max` keepalives without acknowledgement the connection is closed.
    """

    profile: Profile = R420
    version_max: Literal[1, 2] = 1
    clock: Literal["utc", "uptime", "year2000"] = "utc"
    clock_offset_us: int = 0
    each: bool = False
    hold_entries_max: int = 50_000
    silent_sessions: bool = False
    unanswered_max: int = 3


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole message to the client. `entries` are what a report tells, empty for everything else."""

    data: bytes
    entries: tuple[Entry, ...] = ()
    event: bool = False


@dataclass(slots=True)
class Client:
    decoder: Decoder = field(default_factory=Decoder)
    version: int = 1
    holding: bool = False
    extensions: bool = False
    closing: bool = False
    out: deque[Frame] = field(default_factory=deque[Frame])
    out_bytes: int = 0
    keepalive_us: int | None = None
    unanswered: int = 0


class ReaderCore(ABC):
    """Counts what became of sightings: `told` in frames that were taken, `lost` because the hold was full."""

    def __init__(self, source: Source, setup: Setup | None = None, *, now_us: int = 0, wall_us: int = 0) -> None:
        self.setup = setup or Setup()
        self.config = Config(self.setup.profile)
        self.rospecs: dict[int, RoSpec] = {}
        self.access_specs: dict[int, AccessSpec] = {}
        self.lost_sightings = 0
        self.keepalives = True  # a fault switches them off
        self.received: deque[str] = deque(maxlen=1000)  # names of the last messages, for tests and people
        self._source, self._source_start_us = source, now_us
        self._boot_us, self._boot_wall_us = now_us, wall_us
        self._now_us = now_us
        self._clock_mode, self._clock_offset_us = self.setup.clock, self.setup.clock_offset_us
        self._client: Client | None = None
        self._held: deque[Frame] = deque()
        self._held_entries = 0
        self._warned = self._overflown = False
        self._ids = 0
        self._writers: dict[int, ReportWriter] = {}

    # The wire

    @property
    def connected(self) -> bool:
        return self._client is not None

    @property
    def closing(self) -> bool:
        """The connection is to be closed once the frames are written."""
        return self._client is not None and self._client.closing

    @property
    def held_sightings(self) -> int:
        return sum(entry.count for frame in self._held for entry in frame.entries)

    def connect(self, now_us: int) -> bytes | None:
        """None when the new client is taken; else what it is told before it is hung up on."""
        self.advance(now_us)
        if self._client is not None:
            self._event("ConnectionAttemptEvent", {"Status": SOMEBODY_ELSE_TRIED})
            refusal = self._notification(element("ConnectionAttemptEvent", {"Status": ANOTHER_CLIENT}))
            return encode(refusal, self._id())
        client = self._client = Client(holding=self.config.hold)
        self._send(client, self._notification(element("ConnectionAttemptEvent", {})), self._id())
        self._set_keepalive()
        if not client.holding:
            self._tell_held()
        return None

    def lost(self, now_us: int, unsent: tuple[Frame, ...] = ()) -> None:
        """The connection is gone; `unsent` are frames that were taken and not written."""
        self.advance(now_us)
        if self._client is None:
            return
        back = [*unsent, *self._client.out]
        self._client = None
        kept = [frame for frame in back if frame.entries or frame.event]
        self._held.extendleft(reversed(kept))
        self._held_entries += sum(len(frame.entries) for frame in kept)

    def receive(self, data: bytes, now_us: int) -> None:
        self.advance(now_us)
        client = self._client
        if client is None:
            return
        for found in client.decoder.feed(data):
            if isinstance(found, Malformed):
                status = element("LLRPStatus", {"StatusCode": 100, "ErrorDescription": found.detail})
                self._send(client, element("ERROR_MESSAGE", {}, status), self._id())
                client.closing = True
                return
            self._handle(client, found)

    def take(self) -> list[Frame]:
        """What is to be written now."""
        if self._client is None:
            return []
        found = list(self._client.out)
        self._client.out.clear()
        self._client.out_bytes = 0
        if not self._client.holding and self._held:
            self._tell_held()
        return found

    @abstractmethod
    def _handle(self, client: Client, message: Message) -> None:
        """Answer one message of the client's."""

    def _set_keepalive(self) -> None:
        """From now on by the configuration."""
        if self._client is not None:
            period_ms = self.config.keepalive_ms
            self._client.keepalive_us = self._now_us + period_ms * 1000 if period_ms else None
            self._client.unanswered = 0

    def _keep_alive(self, now_us: int) -> None:
        client = self._client
        if client is None or client.keepalive_us is None or client.keepalive_us > now_us:
            return
        client.keepalive_us += self.config.keepalive_ms * 1000
        if not self.keepalives:
            return
        if client.unanswered >= self.setup.unanswered_max:
            self._send(client, self._notification(element("ConnectionCloseEvent", {})), self._id())
            client.closing, client.keepalive_us = True, None
            return
        client.unanswered += 1
        self._send(client, element("KEEPALIVE", {}), self._id())

    # Time

    def next_us(self) -> int | None:
        """When `advance` has something to do; None if never."""
        due = [one for one in (rospec.next_us() for rospec in self.rospecs.values()) if one is not None]
        seen = self._source.next_us() if any(one.active for one in self.rospecs.values()) else None
        if seen is not None:
            due.append(self._source_start_us + seen)
        if self._client is not None and self._client.keepalive_us is not None:
            due.append(self._client.keepalive_us)
        return min(due, default=None)

    def advance(self, now_us: int) -> None:
        """Everything that happens up to `now_us`, in its order."""
        while (timer := self._timer_us()) is not None and timer <= now_us:
            self._see(timer)
            self._now_us = max(self._now_us, timer)
            for rospec in list(self.rospecs.values()):
                if (due := rospec.next_us()) is not None and due <= timer:
                    rospec.advance(timer)
            self._keep_alive(timer)
        self._see(now_us)
        self._now_us = max(self._now_us, now_us)

    def _timer_us(self) -> int | None:
        due = [one.next_us() for one in self.rospecs.values()]
        due.append(None if self._client is None else self._client.keepalive_us)
        return min((one for one in due if one is not None), default=None)

    def _see(self, until_us: int) -> None:
        while True:
            found = self._source.due(until_us - self._source_start_us)
            for sighting in found:
                self._seen(sighting)
            if not found:
                return

    def _seen(self, sighting: Sighting) -> None:
        if self.config.connected.get(sighting.antenna, False):
            at_us = self._source_start_us + sighting.at_us
            if sighting.epc is not sighting.tag.epc:  # written since the source said what is due
                sighting = sighting._replace(epc=sighting.tag.epc)
            for rospec in self.rospecs.values():
                if rospec.active:
                    rospec.see(sighting, at_us)
                    break

    # The world around it

    def input(self, port: int, level: bool, now_us: int) -> None:
        """A GPI changes. An input that is not switched on says nothing and triggers nothing."""
        self.advance(now_us)
        if self.config.levels.get(port) is level or port not in self.config.levels:
            return
        self.config.levels[port] = level
        if not self.config.inputs[port]:
            return
        if self.config.events[GPI_EVENT]:
            self._event("GPIEvent", {"GPIPortNumber": port, "GPIEvent": level})
        for rospec in list(self.rospecs.values()):
            rospec.input(port, level, now_us)

    def cable(self, antenna: int, connected: bool, now_us: int) -> None:
        """An antenna's cable comes off or on."""
        self.advance(now_us)
        if self.config.connected.get(antenna) is connected or antenna not in self.config.connected:
            return
        self.config.connected[antenna] = connected
        if self.config.events[ANTENNA_EVENT]:
            self._event("AntennaEvent", {"EventType": int(connected), "AntennaID": antenna})

    def set_clock(self, mode: Literal["utc", "uptime", "year2000"], offset_us: int = 0) -> None:
        """From now on: a clock that loses its time, or is set."""
        self._clock_mode, self._clock_offset_us = mode, offset_us
        self._writers.clear()

    def reboot(self, now_us: int) -> None:
        """Power off and on: the connection, what was held, ROSpecs and configuration are gone, uptime begins anew."""
        self.advance(now_us)
        self._client = None
        self.lost_sightings += self.held_sightings
        self._held.clear()
        self._held_entries = 0
        self.rospecs.clear()
        self.access_specs.clear()
        self._writers.clear()
        self.config.reset()
        self._boot_wall_us += now_us - self._boot_us
        self._boot_us = now_us

    def clock_us(self, at_us: int) -> int:
        """What the reader's clock says at a moment of the simulation."""
        since = at_us - self._boot_us
        if self._clock_mode == "uptime":
            return max(0, since)
        start = YEAR_2000_US if self._clock_mode == "year2000" else self._boot_wall_us
        return start + since + self._clock_offset_us

    # What a ROSpec tells its reader (reader_rospec.Host)

    def rospec_started(self, rospec: RoSpec, at_us: int) -> None:
        self._rospec_event(rospec, 0, at_us)

    def rospec_ended(self, rospec: RoSpec, at_us: int) -> None:
        self._rospec_event(rospec, 1, at_us)

    def aispec_ended(self, rospec: RoSpec, index: int, at_us: int) -> None:
        if self.config.events[AISPEC_EVENT]:
            self._event("AISpecEvent", {"EventType": 0, "ROSpecID": rospec.id, "SpecIndex": index}, at_us)

    def looped(self, rospec: RoSpec, count: int, at_us: int) -> None:
        if self.config.events[LOOP_EVENT] and self._version >= 2:
            self._event("SpecLoopEvent", {"ROSpecID": rospec.id, "LoopCount": count}, at_us)

    def report(self, rospec: RoSpec, entries: list[Entry]) -> None:
        writer = self._writers.get(rospec.id)
        if writer is None:
            channels = self.setup.profile.region.channels_khz
            uptime = self._clock_mode == "uptime"
            writer = self._writers[rospec.id] = ReportWriter(rospec.content, channels, self.clock_us, uptime=uptime)
        self._tell(Frame(writer.report(entries, self._id(), self._version), tuple(entries)))

    def access(self, rospec: RoSpec, entry: Entry) -> bool:
        sighting = entry.sighting
        for spec in self.access_specs.values():
            if spec.suits(sighting.tag, sighting.antenna, rospec.id):
                entry.results, entry.access_spec = spec.execute(sighting.tag, self._version), spec.id
                if spec.finished:
                    del self.access_specs[spec.id]
                return spec.reports_at_once
        return False

    # Out

    @property
    def _version(self) -> int:
        return 1 if self._client is None else self._client.version

    def _id(self) -> int:
        self._ids = self._ids % 0xFFFF_FFFF + 1
        return self._ids

    def _send(self, client: Client, message: Element, message_id: int, version: int = 0) -> None:
        self._put(client, Frame(encode(message, message_id, version or client.version)))

    def _put(self, client: Client, frame: Frame) -> None:
        client.out.append(frame)
        client.out_bytes += len(frame.data)

    def _notification(self, event: Element, at_us: int | None = None) -> Element:
        kind = "Uptime" if self._clock_mode == "uptime" else "UTCTimestamp"
        stamp = element(kind, {"Microseconds": self.clock_us(self._now_us if at_us is None else at_us)})
        return element("READER_EVENT_NOTIFICATION", {}, element("ReaderEventNotificationData", {}, stamp, event))

    def _event(self, name: str, fields: Mapping[str, int], at_us: int | None = None) -> None:
        message = self._notification(element(name, fields), at_us)
        self._tell(Frame(encode(message, self._id(), self._version), event=True))

    def _rospec_event(self, rospec: RoSpec, kind: int, at_us: int) -> None:
        if self.config.events[ROSPEC_EVENT]:
            self._event("ROSpecEvent", {"EventType": kind, "ROSpecID": rospec.id}, at_us)

    def _tell(self, frame: Frame) -> None:
        """A report or an event: now, or held in its order."""
        client = self._client
        if client is not None and not client.holding and not self._held and client.out_bytes < OUTPUT_BYTES_MAX:
            self._put(client, frame)
        elif self._held_entries + len(frame.entries) > self.setup.hold_entries_max or (
            frame.event and sum(one.event for one in self._held) >= HELD_EVENTS_MAX
        ):
            self.lost_sightings += sum(entry.count for entry in frame.entries)
            self._overflow()
        else:
            self._held.append(frame)
            self._held_entries += len(frame.entries)
            percent = 100 * self._held_entries // max(1, self.setup.hold_entries_max)
            if percent >= WARNING_PERCENT and not self._warned and self.config.events[BUFFER_EVENT]:
                self._warned = True
                event = element("ReportBufferLevelWarningEvent", {"ReportBufferPercentageFull": min(100, percent)})
                self._hold_event(event)

    def _overflow(self) -> None:
        if not self._overflown and self.config.events[BUFFER_EVENT]:
            self._hold_event(element("ReportBufferOverflowErrorEvent", {}))
        self._overflown = True

    def _hold_event(self, event: Element) -> None:
        self._held.append(Frame(encode(self._notification(event), self._id(), self._version), event=True))

    def _tell_held(self) -> None:
        client = self._client
        while client is not None and self._held and client.out_bytes < OUTPUT_BYTES_MAX:
            frame = self._held.popleft()
            self._held_entries -= len(frame.entries)
            self._put(client, frame)
        if not self._held:
            self._warned = self._overflown = False
