"""LLRP as the client speaks it: greeted, set up, then reading for as long as the reader is heard.

    GREETING    until the reader says that the connection is ours (ConnectionAttemptEvent)
    SETTING_UP  setup.py asks and orders; reports and events may come meanwhile, and are taken
    READING     `ready`; ENABLE_EVENTS_AND_REPORTS lets go what was held during an outage

Requests go through `Dialogue`, one at a time, from scripts: set-up, looking why nothing is read, starting again what
stopped, operations on tags. A trouble that ends the connection is kept until the next call, so that the reads that
came in the same bytes are delivered first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto

from drivers.errors import DeviceError, DeviceMisbehaved, DeviceRefused, DeviceUnavailable
from drivers.llrp.access import Access, check
from drivers.llrp.capabilities import Capabilities, value
from drivers.llrp.diagnosis import Reason, circumstances, diagnose, wrong_region
from drivers.llrp.dialogue import Ask, Dialogue, Script, refusal
from drivers.llrp.elements import Element, decode, element, label
from drivers.llrp.facts import connected
from drivers.llrp.frames import KEEPALIVE, Decoder, Malformed, Message, close_connection, keepalive_ack
from drivers.llrp.inventory import Inventory
from drivers.llrp.notices import Notices
from drivers.llrp.settings import LlrpSettings
from drivers.llrp.setup import GET_CONFIG, Reader, bring, set_up
from drivers.operations import TagOperation, TagResult
from drivers.reads import Answer, Arrival, Fault, Read
from drivers.session import NS_PER_S, Numbering

RO_ACCESS_REPORT, READER_EVENT_NOTIFICATION = 61, 63
SILENT_INTERVALS = 2  # of keepalives, then the reader is dead
FETCH_S = 1.0  # between two requests for what a reader has gathered
RESTART_S = 1.0  # after the ROSpec ended by itself
RIVAL_S = 60.0  # how long another client's attempt is shown
OP_SPECS_MAX = 0xFFFF


class Phase(Enum):
    GREETING = auto()
    SETTING_UP = auto()
    READING = auto()


class LlrpSession:
    """`unknown_messages` counts what no definition names and what nobody asked for."""

    def __init__(self, device: str, settings: LlrpSettings) -> None:
        self.unknown_messages = 0
        self._settings = settings
        self._numbering = Numbering(device)
        self._notices = Notices(device)
        self._inventory = Inventory(device, settings, self._numbering, self._notices)
        self._decoder = Decoder()
        self._dialogue = Dialogue(settings.response_timeout_s)
        self._phase = Phase.GREETING
        self._reader = Reader()
        self._running = False  # the ROSpec
        self._now = Arrival(0, 0)
        self._heard_ns = 0
        self._doom: DeviceError | None = None
        self._found: list[Read] = []  # by a script
        self._reason: str | None = None  # the notice that says why nothing is read
        self._due: dict[Callable[[Arrival], None], int] = {}  # what happens when nothing puts it off
        self._access: Access | None = None
        self._op_spec_id = 0
        self._results: list[TagResult] | DeviceRefused | None = None

    @property
    def ready(self) -> bool:
        return self._phase is Phase.READING

    @property
    def facts(self) -> Mapping[str, str]:
        return self._reader.facts

    def open(self, now: Arrival) -> None:
        self._now, self._heard_ns = now, now.monotonic_ns

    def receive(self, data: bytes, now: Arrival) -> list[Read]:
        self._begin(now)
        self._heard_ns = now.monotonic_ns
        reads = self._inventory.tick(now)
        for found in self._decoder.feed(data):
            reads += self._take(found, now)
        return reads + self._timers(now)

    def lost(self, now: Arrival) -> list[Read]:
        """A gap in the stream: where the next message begins nobody knows."""
        self._begin(now)
        self._doom = DeviceMisbehaved("input was lost", hint="this PC is too slow for the reader's reports")
        return [self._numbering.bad(b"", Fault.DROPPED, "input was lost", now)]

    def tick(self, now: Arrival) -> list[Read]:
        self._begin(now)
        deadline = self._silent_ns()
        if now.monotonic_ns >= deadline:
            self._silent()
        return self._inventory.tick(now) + self._timers(now)

    def next_deadline(self) -> int | None:
        if self._doom is not None:
            return self._now.monotonic_ns
        deadlines = [self._silent_ns(), self._dialogue.next_deadline(), self._inventory.next_deadline()]
        if self._dialogue.idle:
            deadlines += self._due.values()
        return min(one for one in deadlines if one is not None)

    def answer(self, read_id: int, answer: Answer, now: Arrival) -> None:
        """A reader is told nothing about a read."""

    def take_output(self) -> bytes:
        output = bytes(self._dialogue.output)
        self._dialogue.output.clear()
        return output

    def farewell(self, now: Arrival) -> bytes:  # noqa: ARG002 - it says goodbye at any time
        """Without it the reader holds the session until its keepalives fail. Its ROSpec goes on: reports are held."""
        if self._phase is Phase.GREETING:
            return b""
        return close_connection(self._dialogue.next_id(), version=self._dialogue.version)

    def close(self, now: Arrival) -> list[Read]:
        cut = self._decoder.cut("the connection ended inside a message")
        bad: list[Read] = [self._numbering.bad(one.raw, one.fault, one.detail, now) for one in cut]
        return bad + self._inventory.inputs.close(now)

    def begin(self, operation: TagOperation, now: Arrival) -> None:
        if not self.ready or self._doom is not None:
            raise DeviceRefused("the reader is not set up", hint="try again in a moment")
        if self._access is not None:
            raise DeviceRefused("an operation is under way", hint="wait until it has ended")
        check(operation, self._settings, self._reader)
        self._now, self._results = now, None
        self._op_spec_id = self._op_spec_id % OP_SPECS_MAX + 1
        self._access = Access(operation, self._op_spec_id)
        self._move(lambda: self._dialogue.run(self._operate(), now.monotonic_ns))

    def take_results(self) -> list[TagResult] | None:
        results, self._results = self._results, None
        if isinstance(results, DeviceRefused):
            raise results
        return results

    def _begin(self, now: Arrival) -> None:
        if self._doom is not None:
            raise self._doom
        self._now = now

    def _move(self, work: Callable[[], object]) -> None:
        """What moves a script may end the connection."""
        try:
            work()
        except DeviceError as error:
            self._doom = error

    def _timers(self, now: Arrival) -> list[Read]:
        self._move(lambda: self._dialogue.tick(now.monotonic_ns))
        for work, due_ns in list(self._due.items()):
            if self._dialogue.idle and now.monotonic_ns >= due_ns and self._doom is None:
                del self._due[work]
                work(now)
        found, self._found = self._found, []
        return found

    def _plan(self, work: Callable[[Arrival], None], seconds: float) -> None:
        self._due[work] = self._now.monotonic_ns + int(seconds * NS_PER_S)

    def _silent_ns(self) -> int:
        wait_s = self._settings.response_timeout_s
        if self._phase is not Phase.GREETING:
            wait_s = max(SILENT_INTERVALS * self._settings.keepalive_s, 0 if self.ready else wait_s)
        return self._heard_ns + int(wait_s * NS_PER_S)

    def _silent(self) -> None:
        waited_s = (self._now.monotonic_ns - self._heard_ns) / NS_PER_S
        if self._phase is Phase.GREETING:
            hint = "is it an LLRP reader? Restart it; some greet nobody while they hold another client"
            raise DeviceUnavailable(f"the reader did not greet within {waited_s:.1f} s", hint=hint)
        hint = "check the reader's power and network cable"
        raise DeviceUnavailable(f"the reader has been silent for {waited_s:.1f} s", hint=hint)

    def _take(self, found: Message | Malformed, now: Arrival) -> list[Read]:
        if isinstance(found, Malformed):
            self._doom = DeviceMisbehaved(f"no LLRP from here on: {found.detail}", hint="it is connected anew")
            return [self._numbering.bad(found.raw, found.fault, found.detail, now)]
        if found.type == RO_ACCESS_REPORT:
            return self._report(found, now)
        if found.type == KEEPALIVE:
            self._dialogue.output += keepalive_ack(found)
            return []
        message = decode(found)
        bad: list[Read] = [self._numbering.bad(one.raw, one.fault, one.detail, now) for one in message.malformed]
        if found.type == READER_EVENT_NOTIFICATION:
            return bad + self._event(message, now)
        self._move(lambda: self._hear(found.id, message, now))
        return bad

    def _hear(self, message_id: int, message: Element, now: Arrival) -> None:
        if not self._dialogue.hear(message_id, message, now.monotonic_ns):
            self.unknown_messages += 1  # an error for ENABLE_EVENTS_AND_REPORTS too, which has no response

    def _report(self, message: Message, now: Arrival) -> list[Read]:
        reads, found = self._inventory.report(message, now)
        if found.reads:
            reads += self._reads_again(now)
        if self._access is not None:
            for one in found.elements:
                if isinstance(one, Element) and one.name == "TagReportData":
                    self._access.take(one)
            if self._access.complete:
                self._move(lambda: self._dialogue.hasten(now.monotonic_ns))
        return reads

    def _reads_again(self, now: Arrival) -> list[Read]:
        """Tags came: the silence, if there was one, is over."""
        if self.ready:
            self._plan(self._look, self._settings.silence_s)
            if self._settings.report_every_tags > 1:
                self._plan(self._fetch, FETCH_S)
        reason, self._reason = self._reason, None
        return [] if reason is None else self._notices.end(reason, "tags are read again", now)

    def _event(self, message: Element, now: Arrival) -> list[Read]:
        data = message.one("ReaderEventNotificationData")
        if data is None:
            return []
        reads = self._inventory.event(data, now)
        if (attempt := data.one("ConnectionAttemptEvent")) is not None:
            reads += self._greeted(value(attempt, "Status", -1), label(attempt, "Status"), now)
        if data.one("ConnectionCloseEvent") is not None:
            hint = "it may be restarting; if that recurs, look whether another program uses it"
            self._doom = DeviceUnavailable("the reader closed the connection", hint=hint)
        if (rospec := data.one("ROSpecEvent")) is not None and value(rospec, "ROSpecID") == self._reader.rospec_id:
            self._rospec(started=label(rospec, "EventType") == "Start_Of_ROSpec")
        return reads

    def _greeted(self, status: int, word: str | None, now: Arrival) -> list[Read]:
        if status == 4:  # another client tried while the reader is ours; it was turned away
            hint = "a reader serves one program: look for the one that also wants it"
            self._plan(self._rival_gone, RIVAL_S)
            return self._notices.begin("other_client", "another program tried to connect to the reader", hint, now)
        if self._phase is not Phase.GREETING:
            return []
        if status == 0:
            self._phase = Phase.SETTING_UP
            self._move(lambda: self._dialogue.run(self._set_up(), now.monotonic_ns))
        elif status in {1, 2}:
            hint = "close the other program; a client that died is forgotten when its keepalives fail, or by a restart"
            self._doom = DeviceRefused("another program holds the reader", hint=hint)
        else:
            told = word or f"status {status}"
            self._doom = DeviceUnavailable(f"the reader refuses the connection: {told}", hint="restart the reader")
        return []

    def _rospec(self, *, started: bool) -> None:
        self._running = started
        if started:
            self._due.pop(self._restart, None)
        elif self.ready and not self._settings.waits_for_eye:
            self._plan(self._restart, RESTART_S)

    def _set_up(self) -> Script[None]:
        self._reader = yield from set_up(self._dialogue, self._settings, self._learn)
        self._running = self._reader.active or not self._settings.waits_for_eye
        self._phase = Phase.READING
        self._found += self._first_look()
        self._plan(self._look, self._settings.silence_s)
        if self._settings.report_every_tags > 1:
            self._plan(self._fetch, FETCH_S)
        self._dialogue.tell(element("ENABLE_EVENTS_AND_REPORTS"))

    def _learn(self, able: Capabilities) -> None:
        self._inventory.know(able.frequencies_khz)

    def _first_look(self) -> list[Read]:
        """What is known at once: the region, antennas that were named and are not there, an eye that is broken."""
        reads: list[Read] = []
        settings, config, now = self._settings, self._reader.config, self._now
        if (wrong := wrong_region(settings, self._reader.able)) is not None:
            reads += self._notices.begin(wrong.code, wrong.message, wrong.hint, now)
        there, missing = connected(settings, config)
        if settings.antennas or not there:
            for number in missing:
                reads += self._inventory.antenna_off(number, now)
        for state in config.all("GPIPortCurrentState") if config is not None and self._running else []:
            broken = value(state, "State") == (1 if settings.eye_level == "high" else 0)
            if value(state, "GPIPortNum") == settings.eye_port and broken:
                reads += self._inventory.inputs.open(now.wall_us, now)
        return reads

    def _look(self, now: Arrival) -> None:
        self._move(lambda: self._dialogue.run(self._looking(), now.monotonic_ns))

    def _looking(self) -> Script[None]:
        """Nothing was read for `silence_s`: ask why, say it, and start again what does not run."""
        since_ns = self._inventory.tags_ns
        config = yield Ask(GET_CONFIG)
        config = None if refusal(config) is not None else config
        response = yield Ask(element("GET_ROSPECS"))
        rospecs = None if response is None or refusal(response) is not None else response.all("ROSpec")
        if self._inventory.tags_ns != since_ns:
            return
        reason = diagnose(self._settings, self._reader, config, rospecs, has_read=since_ns is not None)
        self._say(reason, config)
        self._plan(self._look, self._settings.silence_s)
        if reason.code == "rospec_not_started":
            yield from bring(self._reader, continuous=not self._settings.waits_for_eye)

    def _say(self, reason: Reason, config: Element | None) -> None:
        if self._reason == reason.code and self._notices.holds(reason.code):
            return
        if self._reason is not None:
            self._found += self._notices.end(self._reason, "another reason is known", self._now)
        held = self._notices.holds(reason.code)  # a wrong region outlasts the silence
        self._reason = None if held else reason.code
        told = f"connected, and reads nothing: {reason.message} ({circumstances(self._settings, self._reader, config)})"
        self._found += self._notices.begin(reason.code, told, reason.hint, self._now)

    def _restart(self, now: Arrival) -> None:
        self._move(lambda: self._dialogue.run(self._restarting(), now.monotonic_ns))

    def _restarting(self) -> Script[None]:
        yield from bring(self._reader, continuous=True)

    def _fetch(self, _now: Arrival) -> None:
        self._dialogue.tell(element("GET_REPORT"))
        self._plan(self._fetch, FETCH_S)

    def _rival_gone(self, now: Arrival) -> None:
        self._found += self._notices.end("other_client", "no other program tried again", now)

    def _wanted(self) -> bool:
        """The ROSpec should run now."""
        return not self._settings.waits_for_eye or self._inventory.inputs.broken

    def _operate(self) -> Script[None]:
        assert self._access is not None
        try:
            yield from self._access.script(self._reader, start=not self._running, keep=self._wanted)
        except DeviceRefused as error:
            self._results = error
        else:
            self._results = self._access.results
        self._access = None
