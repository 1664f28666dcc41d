"""The session of a serial UHF module: one command at a time, streaming in between, operations on tags.

What takes several commands (set-up, an operation) is a script: a generator that yields an `Ask` and is given the frame
that answers it, or None when none came. Scripts have no clock; the session keeps the time and sends again. Frames that
answer nothing are the stream.

A module may stream from before when it is opened. Until it has acknowledged the first stop, what it sends is neither
read nor reported.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from drivers.errors import DeviceRefused, DeviceUnavailable
from drivers.modules.conditions import Condition, Conditions
from drivers.modules.framing import FrameDecoder, Malformed
from drivers.modules.noise import Noise
from drivers.modules.settings import ModuleSettings
from drivers.operations import WORDS_MAX, Outcome, ReadMemory, TagOperation, TagResult, WriteMemory
from drivers.reads import Answer, Arrival, Fault, Read, TagRead
from drivers.session import NS_PER_MS, NS_PER_S, Numbering

F = TypeVar("F")
T = TypeVar("T")

TARGETS_MAX = 64  # tags of one operation without `match`
EPC_BYTES_MAX = 62  # 31 words (Gen2, 6.3.2.1.2.2)
WORD_OFFSET_MAX = 0xFFFF
TRIES = 3  # of a command before the module counts as silent; of an operation on a tag that was seen
CONDITION_S = 10  # what a module tells with every round ends when it was not told for so long
_RETRY_NS = 20 * NS_PER_MS  # after an attempt that met no tag
_NOISE_STALE = 5  # times as long as silence, a stream of nothing but damaged bytes counts as a sign of life
LOW_POWER_DBM = 15  # below, a tag is read within a hand's breadth or not at all


@dataclass(frozen=True, slots=True)
class Ask(Generic[F]):
    """Send `wire`, up to `tries` times, and wait for a frame that `answers`. Empty: wait and send nothing."""

    wire: bytes
    answers: Callable[[F], bool]
    timeout_ns: int
    tries: int = 1


Script = Generator[Ask[F], F | None, T]


class ModuleSession(ABC, Generic[F]):
    def __init__(self, device: str, settings: ModuleSettings, decoder: FrameDecoder[F]) -> None:
        self._limits = settings
        self._numbering = Numbering(device)
        self._noise = Noise(self._numbering)
        self._conditions = Conditions(device)
        self._decoder = decoder
        self._output = bytearray()
        self._reads: list[Read] = []
        self._facts: dict[str, str] = {}
        self._now = Arrival(0, 0)
        self._bytes_ns = 0  # when the last byte came
        self._heard_ns = 0  # when the last sound frame came
        self._read_ns = 0  # when the last tag was read, or reading began
        self._script: Script[F, None] | None = None
        self._ask: Ask[F] | None = None
        self._ask_until_ns = 0
        self._tries_left = 0
        self._settling = False
        self._ready = False
        self._leaving = False
        self._quiet: str | None = None  # the code of the told reason for reading nothing
        self._ever_read = False
        self._collected: dict[bytes, int] | None = None  # EPC and antenna, while an operation looks for tags
        self._results: list[TagResult] | None = None

    # What a module's own session gives.

    @abstractmethod
    def _set_up(self) -> Script[F, None]:
        """From whatever state to streaming. Ends by `_begun`."""

    @abstractmethod
    def _pause(self) -> Script[F, None]: ...

    @abstractmethod
    def _resume(self) -> Script[F, None]: ...

    @abstractmethod
    def _access(self, operation: TagOperation, epc: bytes, antenna: int, timeout_ms: int) -> Script[F, TagResult]:
        """One attempt; `antenna` 0 is any."""

    @abstractmethod
    def _check(self, operation: TagOperation) -> None:
        """Raises DeviceRefused if the module cannot do it."""

    @abstractmethod
    def _stream(self, frame: F) -> None: ...

    @abstractmethod
    def _stale(self) -> None:
        """No sound frame for `_stale_ns` while reading."""

    @property
    @abstractmethod
    def _stale_ns(self) -> int: ...

    @abstractmethod
    def _why_quiet(self) -> Condition: ...

    @abstractmethod
    def farewell(self, now: Arrival) -> bytes: ...

    # The contract of a session.

    @property
    def ready(self) -> bool:
        return self._ready

    @property
    def facts(self) -> Mapping[str, str]:
        return self._facts

    def open(self, now: Arrival) -> None:
        self._now = now
        self._settling = True
        self._run(self._set_up())

    def receive(self, data: bytes, now: Arrival) -> list[Read]:
        self._now = now
        self._expire()
        self._bytes_ns = now.monotonic_ns
        self._take(self._decoder.feed(data))
        return self._told()

    def lost(self, now: Arrival) -> list[Read]:
        self._now = now
        self._decoder.forget()
        self._reads.append(self._numbering.bad(b"", Fault.DROPPED, "input was lost", now))
        return self._told()

    def tick(self, now: Arrival) -> list[Read]:
        self._now = now
        self._expire()
        if self._script is None and self._ready and now.monotonic_ns >= self._stale_at_ns():
            self._stale()
        return self._told()

    def next_deadline(self) -> int | None:
        deadlines = [self._noise.next_deadline(), self._conditions.next_deadline()]
        if self._decoder.partial:
            deadlines.append(self._bytes_ns + self._limits.byte_timeout_ms * NS_PER_MS)
        if self._ask is not None:
            deadlines.append(self._ask_until_ns)
        elif self._ready:
            deadlines.append(self._stale_at_ns())
        if self._ready and self._quiet is None:
            deadlines.append(self._quiet_ns())
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def answer(self, read_id: int, answer: Answer, now: Arrival) -> None:
        """A module has nobody to tell."""

    def take_output(self) -> bytes:
        output = bytes(self._output)
        self._output.clear()
        return output

    def close(self, now: Arrival) -> list[Read]:
        self._now = now
        rest = self._decoder.cut("the module was lost in the middle of a frame")
        if not self._leaving:
            self._take([one for one in rest if isinstance(one, Malformed)])
        self._reads += self._noise.rest(now)
        return self._told()

    # Operations on tags.

    def begin(self, operation: TagOperation, now: Arrival) -> None:
        if not self._ready or self._script is not None:
            raise DeviceRefused(f"{self._numbering.device} is being set up", hint="try again in a second")
        _check_ranges(operation)
        self._check(operation)
        self._now = now
        self._results = None
        self._run(self._operation(operation))

    def take_results(self) -> list[TagResult] | None:
        results, self._results = self._results, None
        return results

    def _operation(self, operation: TagOperation) -> Script[F, None]:
        results: list[TagResult] = []
        targets = {} if operation.match is None else {operation.match: operation.antenna or 0}
        if isinstance(operation, ReadMemory) and operation.match is None:
            targets = yield from self._look_around(operation)
        yield from self._pause()
        for epc, antenna in targets.items():
            results.append((yield from self._try(operation, epc, antenna)))
        try:
            yield from self._resume()
        finally:
            self._results = results  # they are known, even if the module is lost now; before that, they are not

    def _look_around(self, operation: ReadMemory) -> Script[F, dict[bytes, int]]:
        """The tags that the running stream shows within the operation's time."""
        self._collected = {}
        yield Ask(b"", _never, operation.duration_ms * NS_PER_MS)
        found, self._collected = self._collected, None
        wanted = operation.antenna
        return {epc: antenna for epc, antenna in found.items() if wanted is None or antenna == wanted}

    def _try(self, operation: ReadMemory | WriteMemory, epc: bytes, antenna: int) -> Script[F, TagResult]:
        """Again while the tag does not answer: to the end of the operation's time, or a few times if it was seen."""
        until_ns = self._now.monotonic_ns + operation.duration_ms * NS_PER_MS
        tries = 0
        while True:
            tries += 1
            left_ms = max(100, (until_ns - self._now.monotonic_ns) // NS_PER_MS)
            result = yield from self._access(operation, epc, antenna, int(left_ms))
            over = tries >= TRIES if operation.match is None else self._now.monotonic_ns >= until_ns
            if result.outcome is not Outcome.NO_RESPONSE or over:
                return result
            yield Ask(b"", _never, _RETRY_NS)

    # For a module's own session.

    def _asked(self, wire: bytes, answers: Callable[[F], bool], what: str) -> Script[F, F]:
        """The module's answer. Raises DeviceUnavailable when it gives none."""
        frame = yield Ask(wire, answers, int(self._limits.response_timeout_s * NS_PER_S), TRIES)
        if frame is None:
            raise DeviceUnavailable(
                f"{self._numbering.device} does not answer ({what})",
                hint=f"check cable, supply and baud rate ({self._limits.baud}); switch the module off and on",
            )
        return frame

    def _settled(self) -> None:
        """The module has acknowledged that it does not stream."""
        self._settling = False

    def _begun(self) -> None:
        self._ready = True
        self._heard_ns = self._now.monotonic_ns
        if not self._ever_read:
            self._read_ns = self._now.monotonic_ns

    def _again(self) -> None:
        self._run(self._set_up())

    def _deliver(self, read: TagRead) -> None:
        self._read_ns = self._now.monotonic_ns
        self._ever_read = True
        if self._quiet is not None:
            self._reads += self._conditions.end(self._quiet, self._now)
            self._quiet = None
        if self._collected is not None and len(self._collected) < TARGETS_MAX:
            self._collected.setdefault(read.epc, read.antenna)
        self._reads.append(read)

    def _tell(self, condition: Condition, hold_s: float | None = CONDITION_S) -> None:
        self._reads += self._conditions.begin(condition, self._now, None if hold_s is None else int(hold_s * NS_PER_S))

    def _unexpected(self, raw: bytes, detail: str) -> None:
        if self._leaving:
            return  # the answer to the farewell
        one = Malformed(raw, Fault.UNEXPECTED, detail, 0)
        self._reads += self._noise.heard(one, self._now)

    # Time and bytes.

    def _told(self) -> list[Read]:
        reads, self._reads = self._reads, []
        return reads

    def _take(self, found: list[F | Malformed]) -> None:
        for one in found:
            if isinstance(one, Malformed):
                if not self._settling:
                    self._reads += self._noise.heard(one, self._now)
                continue
            self._heard_ns = self._now.monotonic_ns
            if self._ask is not None and self._ask.answers(one):
                self._step(one)
            elif not self._settling:
                self._stream(one)

    def _expire(self) -> None:
        now_ns = self._now.monotonic_ns
        if self._decoder.partial and now_ns >= self._bytes_ns + self._limits.byte_timeout_ms * NS_PER_MS:
            self._take(self._decoder.cut(f"no further byte within {self._limits.byte_timeout_ms} ms"))
        if self._ask is not None and now_ns >= self._ask_until_ns:
            if self._tries_left > 0:
                self._send(self._ask)
            else:
                self._step(None)
        self._reads += self._noise.tick(self._now)
        self._reads += self._conditions.tick(self._now)
        if self._ready and self._quiet is None and now_ns >= self._quiet_ns():
            why = self._why_quiet()
            self._quiet = why.code
            self._reads += self._conditions.begin(why, self._now)

    def _stale_at_ns(self) -> int:
        """A keepalive that came damaged is none, but says that the module lives; for a while."""
        life_ns = min(self._bytes_ns, self._heard_ns + _NOISE_STALE * self._stale_ns)
        return max(self._heard_ns, life_ns) + self._stale_ns

    def _quiet_ns(self) -> int:
        return self._read_ns + int(self._limits.silence_s * NS_PER_S)

    def _run(self, script: Script[F, None]) -> None:
        self._script = script
        self._step(None)

    def _step(self, frame: F | None) -> None:
        """On to the script's next question. Its DeviceErrors go to the shell."""
        assert self._script is not None
        self._ask = None
        try:
            ask = self._script.send(frame)
        except StopIteration:
            self._script = None
            self._heard_ns = self._now.monotonic_ns
            return
        self._ask, self._tries_left = ask, ask.tries
        self._send(ask)

    def _send(self, ask: Ask[F]) -> None:
        self._tries_left -= 1
        self._ask_until_ns = self._now.monotonic_ns + ask.timeout_ns
        self._output += ask.wire


def _check_ranges(operation: TagOperation) -> None:
    """What no module's command can say. An empty EPC would match every tag."""
    match = operation.match
    words = operation.word_count if isinstance(operation, ReadMemory) else len(operation.data) // 2
    if match is not None and not 0 < len(match) <= EPC_BYTES_MAX:
        raise DeviceRefused(f"an EPC of {len(match)} bytes", hint=f"name a whole EPC of 1 to {EPC_BYTES_MAX} bytes")
    if isinstance(operation, WriteMemory) and len(operation.data) % 2:
        raise DeviceRefused(f"{len(operation.data)} bytes are no whole words", hint="write an even number of bytes")
    if not 1 <= words <= WORDS_MAX or not 0 <= operation.word_offset <= WORD_OFFSET_MAX:
        raise DeviceRefused(
            f"{words} words from word {operation.word_offset}",
            hint=f"1 to {WORDS_MAX} words, from word 0 to {WORD_OFFSET_MAX}",
        )
    if not 0 <= operation.access_password < 1 << 32:
        raise DeviceRefused("an access password of more than 32 bits", hint="give at most 8 hexadecimal digits")


def _never(_frame: object) -> bool:
    return False


def quiet_reason(
    *, no_antenna: bool, region: str | None, power_dbm: float, session: int | None, ever_read: bool
) -> Condition:
    """Why a module that works reads nothing, the surest reason first. `region`: what it has, if not what is set."""
    if no_antenna:
        return Condition("no_antenna", "no antenna is connected", "screw the antenna cable on at both ends")
    if region is not None:
        return Condition("wrong_region", f"the module works in region {region}", "set the region of this country")
    if power_dbm < LOW_POWER_DBM:
        return Condition("low_power", f"transmit power is only {power_dbm:g} dBm", "raise power_dbm")
    if session is not None and session >= 2 and ever_read:
        return Condition("session_quiet", f"tags read in session {session} stay silent", "set session 0 or 1")
    return Condition("out_of_reach", "no tag answers", "bring a tag near the antenna; if it is read, all is well")
