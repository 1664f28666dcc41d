"""Requests to a reader, one at a time, from scripts: generators that yield what to do and are sent what came of it.

```python
def look() -> Script[None]:
    response = yield Ask(element("GET_ROSPECS"))      # an Element, or None: no answer in time
    yield Tell(element("GET_REPORT"))                 # nothing answers it
    yield Pause(500)                                  # or until `hasten`
```

A script knows neither ids nor deadlines. Its answer is the message with the request's id, be it the response or an
ERROR_MESSAGE. Scripts wait for each other, first come, first served.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

from drivers.errors import DeviceError, DeviceMisbehaved, DeviceRefused
from drivers.llrp.capabilities import value
from drivers.llrp.definitions import DEFINITIONS
from drivers.llrp.elements import Element, encode, label
from drivers.session import NS_PER_MS, NS_PER_S

ID_MAX = 0x7FFF_FFFF
SCRIPTS_MAX = 8  # that wait; there is one of each kind
VERSION_1_0_1, VERSION_1_1 = 1, 2
_TEXT_CHARS_MAX = 200
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask:
    """`version` is the header's, if not the one agreed on. `lenient`: no answer within `timeout_s` is an answer."""

    request: Element
    version: int | None = None
    timeout_s: float | None = None
    lenient: bool = False


@dataclass(frozen=True, slots=True)
class Tell:
    message: Element


@dataclass(frozen=True, slots=True)
class Pause:
    duration_ms: int


Step = Ask | Tell | Pause
Script = Generator[Step, Element | None, T]


def refusal(response: Element | None) -> str | None:
    """Why the reader said no, in its own words; None: it said yes. A field or parameter it blames is named."""
    if response is None:
        return "it did not answer"
    status = response.one("LLRPStatus")
    code = value(status, "StatusCode", -1)
    if code == 0 and response.name != "ERROR_MESSAGE":
        return None
    if status is None or code < 0:
        return "its answer has no status"
    words = [label(status, "StatusCode") or f"status {code}", *_blamed(status)]
    text = str(status.fields.get("ErrorDescription", "")).strip()[:_TEXT_CHARS_MAX]
    return ", ".join(words) + (f": {text}" if text else "")


def _blamed(one: Element) -> list[str]:
    """Field and parameter errors, down to the innermost."""
    words: list[str] = []
    if (field := one.one("FieldError")) is not None:
        words.append(f"field {value(field, 'FieldNum')} ({label(field, 'ErrorCode') or value(field, 'ErrorCode')})")
    if (parameter := one.one("ParameterError")) is not None:
        code = label(parameter, "ErrorCode") or value(parameter, "ErrorCode")
        words.append(f"parameter {value(parameter, 'ParameterType')} ({code})")
        words += _blamed(parameter)
    return words


def must(request: Element, hint: str = "check the settings against the reader's manual") -> Script[Element]:
    """Ask, and raise DeviceRefused with the reader's words if it refuses."""
    response = yield Ask(request)
    why = refusal(response)
    if why is not None or response is None:
        raise DeviceRefused(f"the reader refuses {request.name}: {why}", hint=hint)
    return response


class Dialogue:
    """Bytes for the reader gather in `output`. Errors of a script come out of the call that moved it."""

    def __init__(self, timeout_s: float) -> None:
        self.version = VERSION_1_0_1
        self.output = bytearray()
        self._timeout_s = timeout_s
        self._scripts: deque[Script[None]] = deque()
        self._ids = 0
        self._asked: tuple[int, Ask] | None = None  # id and request
        self._paused = False
        self._deadline_ns: int | None = None  # of either

    @property
    def idle(self) -> bool:
        return not self._scripts

    def run(self, script: Script[None], now_ns: int) -> None:
        assert len(self._scripts) < SCRIPTS_MAX, "a kind of script is started twice"
        self._scripts.append(script)
        if len(self._scripts) == 1:
            self._move(None, now_ns)

    def tell(self, message: Element) -> int:
        """Send; the id under which an answer would come."""
        return self._send(message, None)

    def hear(self, message_id: int, answer: Element, now_ns: int) -> bool:
        """True: it was what a script waits for. A reader that cannot read a request may lose its id (0)."""
        if self._asked is None:
            return False
        asked_id, ask = self._asked
        lost_id = answer.name == "ERROR_MESSAGE" and message_id == 0
        if message_id != asked_id and not lost_id:
            return False
        if answer.name not in _answers(ask.request):
            return False
        self._asked = self._deadline_ns = None
        self._move(answer, now_ns)
        return True

    def hasten(self, now_ns: int) -> None:
        """End a pause."""
        if self._paused:
            self._paused, self._deadline_ns = False, None
            self._move(None, now_ns)

    def tick(self, now_ns: int) -> None:
        """Raises DeviceMisbehaved for a request that was not answered in time."""
        if self._deadline_ns is None or now_ns < self._deadline_ns:
            return
        if self._asked is not None:
            _, ask = self._asked
            if not ask.lenient:
                waited_s = ask.timeout_s or self._timeout_s
                raise DeviceMisbehaved(
                    f"the reader did not answer {ask.request.name} within {waited_s:g} s", hint="restart the reader"
                )
            self._asked = None
        self._paused, self._deadline_ns = False, None
        self._move(None, now_ns)

    def next_deadline(self) -> int | None:
        return self._deadline_ns

    def _move(self, answer: Element | None, now_ns: int) -> None:
        """Run the script in front up to its next wait; then those behind it."""
        while self._scripts:
            try:
                step = self._scripts[0].send(answer)
            except StopIteration:
                self._scripts.popleft()
                answer = None
                continue
            except DeviceError:
                self._scripts.popleft()
                raise
            answer = None
            if isinstance(step, Tell):
                self.tell(step.message)
                continue
            if isinstance(step, Ask):
                self._asked = (self._send(step.request, step.version), step)
                self._deadline_ns = now_ns + int((step.timeout_s or self._timeout_s) * NS_PER_S)
            else:
                self._paused, self._deadline_ns = True, now_ns + step.duration_ms * NS_PER_MS
            return

    def next_id(self) -> int:
        self._ids = self._ids % ID_MAX + 1
        return self._ids

    def _send(self, message: Element, version: int | None) -> int:
        message_id = self.next_id()
        self.output += encode(message, message_id, version or self.version)
        return message_id


def _answers(request: Element) -> tuple[str, ...]:
    return (DEFINITIONS[request.name].response, "ERROR_MESSAGE")
