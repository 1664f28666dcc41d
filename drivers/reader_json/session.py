"""A reader that publishes JSON, as a session: documents to reads, losses and conditions. Nothing is sent to it.

Time: one offset a connection maps the reader's clock to the host's. It is taken from the first document that has a
time, and is zero when the two clocks differ by 2 s at most. A later document that would lie in the future by more, or
more than an hour in the past (longer than readers hold events), shows that the clock was set or the reader restarted:
then it is taken anew. What a reader held during an outage keeps its real time; nothing is ever in the future.

Conditions: after `silence_s` without a tag a Notice says why, by the reader's own status where it gives one, else
`out_of_reach`; the next tag ends it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from drivers.errors import DeviceUnavailable
from drivers.reader_json import impinj, zebra
from drivers.reader_json.facts import (
    Antennas,
    Fact,
    Inventory,
    Level,
    Other,
    Overflow,
    Strange,
    Tag,
    Trouble,
)
from drivers.reader_json.frames import Document, DocumentDecoder, Malformed
from drivers.reader_json.notices import Notices
from drivers.reader_json.numbers import EventNumbers, Step
from drivers.reader_json.settings import ReaderJsonSettings
from drivers.reads import Answer, Arrival, Fault, Read, SensorRead, TagRead
from drivers.session import NS_PER_S, Numbering

CLOCK_TOLERANCE_US = 2_000_000
HELD_US_MAX = 3_600_000_000
TROUBLE_S = 300.0  # an error that is not reported again for so long has ended
_NAMES_MAX = 64  # of ignored documents that are counted apart
_SILENT = Inventory("out_of_reach", "no tag was read", "check antennas, power and cables; hold a tag before an antenna")
_NOTHING = Inventory(
    "out_of_reach", "nothing at all came", "check that the reader runs and publishes, and the topics on both sides"
)


class ReaderJsonSession:
    """`ignored` counts well-formed documents that are not for us, by type."""

    def __init__(self, device: str, settings: ReaderJsonSettings) -> None:
        self.ignored: Counter[str] = Counter()
        self._settings = settings
        self._told_by = impinj.facts if settings.dialect == "impinj" else zebra.facts
        self._decoder = DocumentDecoder(settings.line_bytes_max)
        self._numbering = Numbering(device)
        self._numbers = EventNumbers()
        self._notices = Notices(device)
        self._offset_us: int | None = None
        self._last_tag: bytes | None = None
        self._told: set[str] = set()
        self._hostname = ""
        self._cause: Inventory | None = None  # what the reader's status says, if it says anything
        self._dropped: int | None = None
        self._antennas_seen = set(settings.antennas)
        self._heard = False
        self._heard_ns = 0
        self._tag_ns = 0
        self._trouble_ns: dict[str, int] = {}

    @property
    def ready(self) -> bool:
        return True

    @property
    def facts(self) -> Mapping[str, str]:
        told: dict[str, str] = {"dialect": self._settings.dialect}
        if self._hostname:
            told["hostname"] = self._hostname
        if self.ignored:
            told["ignored"] = ", ".join(f"{name} {count}" for name, count in self.ignored.most_common(8))
        return told

    def open(self, now: Arrival) -> None:
        self._heard_ns = self._tag_ns = now.monotonic_ns

    def receive(self, data: bytes, now: Arrival) -> list[Read]:
        self._heard_ns = now.monotonic_ns
        self._heard = True
        return self._take_all(self._decoder.feed(data), now)

    def lost(self, now: Arrival) -> list[Read]:
        self._decoder.skip()
        self._numbers.forget()
        return [self._numbering.bad(b"", Fault.DROPPED, "input was lost", now)]

    def tick(self, now: Arrival) -> list[Read]:
        """Raises DeviceUnavailable when nothing at all came for twice `heartbeat_s`."""
        alive_ns = self._alive_until_ns()
        if alive_ns is not None and now.monotonic_ns >= alive_ns:
            raise DeviceUnavailable(
                f"the reader is silent: nothing for {2 * (self._settings.heartbeat_s or 0):g} s",
                hint="check the reader's power and network, and that its heartbeat is on and goes to this topic",
            )
        reads: list[Read] = []
        for code, end_ns in list(self._trouble_ns.items()):
            if now.monotonic_ns >= end_ns:
                del self._trouble_ns[code]
                reads += self._notices.end(code, now)
        if now.monotonic_ns >= self._silent_from_ns():
            reads += self._silence(now)
        return reads

    def next_deadline(self) -> int | None:
        deadlines = [*self._trouble_ns.values()]
        if not self._notices.silence:
            deadlines.append(self._silent_from_ns())
        alive_ns = self._alive_until_ns()
        if alive_ns is not None:
            deadlines.append(alive_ns)
        return min(deadlines, default=None)

    def answer(self, read_id: int, answer: Answer, now: Arrival) -> None:
        """A reader that publishes hears nothing."""

    def take_output(self) -> bytes:
        return b""

    def farewell(self, now: Arrival) -> bytes:  # noqa: ARG002 - there is nobody to tell
        return b""

    def close(self, now: Arrival) -> list[Read]:
        return self._take_all(self._decoder.cut("the connection ended in the middle"), now)

    def _take_all(self, found: list[Document | Malformed], now: Arrival) -> list[Read]:
        reads: list[Read] = []
        for one in found:
            if isinstance(one, Malformed):
                reads.append(self._numbering.bad(one.raw, one.fault, one.detail, now))
            else:
                hostname = one.value.get("hostname")
                if isinstance(hostname, str):
                    self._hostname = hostname[:64]
                for fact in self._told_by(one.value):
                    reads += self._take(fact, one.raw, now)
        return reads

    def _take(self, fact: Fact, raw: bytes, now: Arrival) -> list[Read]:
        match fact:
            case Tag():
                return self._tag(fact, raw, now)
            case Level():
                return [SensorRead(self._numbering.device, fact.port, fact.level, now)]
            case Inventory():
                self._cause = fact if fact.code is not None else None
                return self._silence(now) if self._notices.silence else []
            case Antennas():
                reads = self._antennas(fact, now)
                return reads + self._silence(now) if self._notices.silence else reads
            case Trouble():
                self._trouble_ns[fact.code] = now.monotonic_ns + int(TROUBLE_S * NS_PER_S)
                return self._notices.begin(fact.code, f"the reader says: {fact.message}", "see the reader's log", now)
            case Overflow():
                return self._overflow(fact, raw, now)
            case Strange():
                return self._strange(fact, raw, now)
            case Other():
                known = fact.name in self.ignored or len(self.ignored) < _NAMES_MAX
                self.ignored[fact.name[:64] if known else "others"] += 1
                return []

    def _tag(self, tag: Tag, raw: bytes, now: Arrival) -> list[Read]:
        reads: list[Read] = []
        if tag.event_number is not None:
            seen = self._numbers.take(tag.event_number)
            if seen.step is Step.AGAIN and tag.epc == self._last_tag:
                self.ignored["repeated"] += 1
                return []
            if seen.missing:
                detail = f"tag events {seen.missing} are missing"
                reads.append(self._numbering.bad(raw, Fault.DROPPED, detail, now))
        self._last_tag = tag.epc
        self._tag_ns = now.monotonic_ns
        self._cause = None  # it reads, whatever the last status said
        if tag.antenna:
            self._antennas_seen.add(tag.antenna)
        if self._notices.silence:
            reads += self._notices.end_silence(now)
        reads += self._clock(tag.time_us, now)
        seen_us = now.wall_us if tag.time_us is None else min(tag.time_us + (self._offset_us or 0), now.wall_us)
        reads.append(
            TagRead(
                self._numbering.device,
                tag.epc,
                tag.antenna,
                tag.rssi_cdbm,
                now,
                seen_us,
                seen_us,
                tag.time_us,
                tag.seen_count,
                tag.pc,
                tag.phase_mrad,
                tag.frequency_khz,
            )
        )
        return reads

    def _clock(self, time_us: int | None, now: Arrival) -> list[Read]:
        """Take or correct the offset."""
        if time_us is None:
            return []
        behind_us = now.wall_us - time_us
        if self._offset_us is not None and -CLOCK_TOLERANCE_US <= behind_us - self._offset_us <= HELD_US_MAX:
            return []
        self._offset_us = 0 if abs(behind_us) <= CLOCK_TOLERANCE_US else behind_us
        if self._offset_us == 0:
            return self._notices.end("clock_unsure", now)
        side = "behind" if behind_us > 0 else "ahead of"
        message = f"the reader's clock is {abs(behind_us) // 1_000_000} s {side} this machine's; its times are mapped"
        return self._notices.begin("clock_unsure", message, "set NTP in the reader", now)

    def _antennas(self, fact: Antennas, now: Arrival) -> list[Read]:
        reads: list[Read] = []
        for antenna, connected in fact.states:
            subject = str(antenna)
            if connected:
                self._antennas_seen.add(antenna)
                reads += self._notices.end("antenna_off", now, subject)
            elif antenna in self._antennas_seen or not fact.complete:
                message = f"antenna {antenna} is disconnected"
                reads += self._notices.begin("antenna_off", message, "check its cable and plug", now, subject)
        if fact.complete and not any(connected for _antenna, connected in fact.states):
            reads += self._notices.begin("no_antenna", "no antenna is connected", "check cables and plugs", now)
        elif any(connected for _antenna, connected in fact.states):
            reads += self._notices.end("no_antenna", now)
        return reads

    def _overflow(self, fact: Overflow, raw: bytes, now: Arrival) -> list[Read]:
        before, self._dropped = self._dropped, fact.total
        if fact.total is None:
            return [self._numbering.bad(raw, Fault.DROPPED, "the reader's buffer ran over: events are missing", now)]
        if before is None or fact.total <= before:
            return []  # the first total tells of times before this connection, a smaller one of a restart
        detail = f"the reader threw {fact.total - before} messages away"
        return [self._numbering.bad(raw, Fault.DROPPED, detail, now)]

    def _strange(self, fact: Strange, raw: bytes, now: Arrival) -> list[Read]:
        if fact.once:
            if fact.detail in self._told:
                self.ignored["unusable"] += 1
                return []
            self._told.add(fact.detail)
        return [self._numbering.bad(raw, Fault.UNEXPECTED, fact.detail, now)]

    def _silence(self, now: Arrival) -> list[Read]:
        """Say why nothing is read, or correct what was said."""
        no_antenna = self._notices.active("no_antenna")
        cause = self._cause or (None if no_antenna else _SILENT if self._heard else _NOTHING)
        if cause is None or cause.code is None:
            return self._notices.end_silence(now, still=True)
        timed = cause in {_SILENT, _NOTHING}
        message = f"{cause.message} for {self._settings.silence_s:g} s" if timed else cause.message
        return self._notices.begin_silence(cause.code, message, cause.hint, now)

    def _silent_from_ns(self) -> int:
        return self._tag_ns + int(self._settings.silence_s * NS_PER_S)

    def _alive_until_ns(self) -> int | None:
        heartbeat_s = self._settings.heartbeat_s
        return None if heartbeat_s is None else self._heard_ns + int(2 * heartbeat_s * NS_PER_S)
