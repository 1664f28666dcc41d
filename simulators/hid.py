"""A keyboard scanner: codes become key events, in a FIFO of `struct input_event`, or through uinput where there is one.

Events go press, report, release, report, as a USB keyboard's do. A FIFO keeps more than the kernel's 64 events; what
overflows there is played with `Trouble.DROPPED`.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from drivers.hid import layouts
from drivers.hid.frames import EV_KEY, EV_SYN, PRESSED, RELEASED, SYN_DROPPED, SYN_REPORT, Event, encode
from drivers.hid.layouts import KEYPAD, LAYOUTS, LayoutName
from drivers.hid.settings import GsKey
from simulators.clock import Pacer, monotonic_us
from simulators.scanner import ScanResult, Trouble

_WRITE_MS_MAX = 1000
_END = {"enter": layouts.KEY_ENTER, "kp_enter": layouts.KEY_KPENTER, "tab": layouts.KEY_TAB}
_KEYPAD_DIGIT = {text: code for code, text in KEYPAD.items()}
_UNKNOWN_KEY = 0x1D0  # KEY_FN: stands for nothing
OVER_LONG_CHARS = 5000


@dataclass(frozen=True, slots=True)
class HidSetup:
    """`chars_per_s` 0 types flat out. `end` None ends a code by a pause."""

    layout: LayoutName = LayoutName.US
    end: str | None = "enter"
    gs: GsKey = "ctrl_bracket"
    chars_per_s: float = 60.0
    caps_lock: bool = False  # types with Caps Lock on, and compensates with Shift


Keys = list[tuple[int, int]]  # code and value


class Sink(Protocol):
    def write(self, events: list[Event]) -> bool: ...

    def plug(self) -> None: ...

    def unplug(self) -> None: ...


class FifoSink:
    """Held open for reading and writing, so that it stands whether or not anybody reads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1

    def plug(self) -> None:
        if self._descriptor >= 0:
            return
        self.path.unlink(missing_ok=True)
        os.mkfifo(self.path)
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def unplug(self) -> None:
        if self._descriptor < 0:
            return
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = -1

    def write(self, events: list[Event]) -> bool:
        """False if nobody made room within a second: the keys are lost, as a keyboard's are."""
        data = b"".join(map(encode, events))
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:
                if not poll.poll(_WRITE_MS_MAX):
                    return False
        return True


class _Keyboard(Protocol):
    """What is used of `evdev.UInput`."""

    def write(self, etype: int, code: int, value: int) -> None: ...

    def close(self) -> None: ...


class UinputSink:
    """A kernel keyboard of our own. `plug` raises OSError where /dev/uinput is missing or closed to us."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._keyboard: _Keyboard | None = None

    def plug(self) -> None:
        import evdev  # noqa: PLC0415 - only this sink needs it

        self._keyboard = cast("_Keyboard", evdev.UInput(name=self.name))

    def unplug(self) -> None:
        if self._keyboard is not None:
            self._keyboard.close()
            self._keyboard = None

    def write(self, events: list[Event]) -> bool:
        if self._keyboard is None:
            return False
        for event in events:
            self._keyboard.write(event.type, event.code, event.value)
        return True


class HidScanner:
    """Hears no answer: `acknowledged` is None, or False if the code was not typed whole."""

    def __init__(
        self,
        sink: Sink,
        setup: HidSetup | None = None,
        pacer: Pacer | None = None,
        pause: Callable[[], None] = lambda: None,
    ) -> None:
        self._sink = sink
        self._setup = setup or HidSetup()
        self._pacer = pacer or Pacer()
        self._pause = pause

    def plug(self) -> None:
        self._sink.plug()

    def unplug(self) -> None:
        self._sink.unplug()

    def serve(self, seconds: float) -> None:
        self._pacer.wait(seconds)

    def scan(self, data: bytes, trouble: Trouble | None = None) -> ScanResult:
        strokes = [type_char(chr(byte), self._setup) for byte in data]
        if trouble is Trouble.UNPLUG:
            self._strike(strokes[: len(strokes) // 2])
            self._pause()
            self.unplug()
            self._pause()
            self.plug()
            return ScanResult(False, None, 1, None)
        if trouble is Trouble.GARBAGE:
            strokes.insert(len(strokes) // 2, [(_UNKNOWN_KEY, PRESSED), (_UNKNOWN_KEY, RELEASED)])
        elif trouble is Trouble.OVER_LONG:
            strokes = [type_char("9", self._setup)] * OVER_LONG_CHARS + strokes
        elif trouble is Trouble.DROPPED:
            middle = len(strokes) // 2
            if not self._strike(strokes[:middle]) or not self._sink.write(_report([(EV_SYN, SYN_DROPPED, 0)])):
                return ScanResult(False, None, 1, None)
            strokes = strokes[middle + 1 :]
        whole = self._strike([*strokes, self._end()])
        return ScanResult(None if whole else False, None, 1, None)

    def _end(self) -> Keys:
        code = _END.get(self._setup.end or "")
        return [(code, PRESSED), (code, RELEASED)] if code is not None else []

    def _strike(self, strokes: list[Keys]) -> bool:
        """Type with the configured rate; flat out, all in one go."""
        if not self._setup.chars_per_s:
            return self._sink.write([event for keys in strokes for event in key_events(keys)])
        for keys in strokes:
            if not self._sink.write(key_events(keys)) or not self._pacer.wait(1 / self._setup.chars_per_s):
                return False
        return True


def type_char(char: str, setup: HidSetup) -> Keys:
    """The keys of one character. Raises ValueError for one the layout cannot type."""
    if char == "\x1d" and setup.gs != "alt_029":
        return _gs(setup.gs)
    for code, (plain, shifted) in LAYOUTS[setup.layout].keys.items():
        if code in KEYPAD:
            continue
        caps = setup.caps_lock and plain.isalpha()
        if char == plain:
            return _with(layouts.KEY_LEFTSHIFT, code) if caps else _tap(code)
        if char == shifted:
            return _tap(code) if caps else _with(layouts.KEY_LEFTSHIFT, code)
    if not 0 < ord(char) < 127:
        raise ValueError(f"{char!r} cannot be typed")
    digits = [key for digit in f"{ord(char):03d}" for key in _tap(_KEYPAD_DIGIT[digit])]
    return [(layouts.KEY_LEFTALT, PRESSED), *digits, (layouts.KEY_LEFTALT, RELEASED)]


def key_events(keys: Keys) -> list[Event]:
    return [event for key in keys for event in _report([(EV_KEY, *key)])]


def _report(events: list[tuple[int, int, int]]) -> list[Event]:
    now_us = monotonic_us()
    return [Event(*event, now_us) for event in [*events, (EV_SYN, SYN_REPORT, 0)]]


def _gs(key: GsKey) -> Keys:
    if key == "ctrl_bracket":
        return _with(layouts.KEY_LEFTCTRL, 27)
    return _tap(layouts.KEY_F12 if key == "f12" else layouts.KEY_DOWN)


def _tap(code: int) -> Keys:
    return [(code, PRESSED), (code, RELEASED)]


def _with(modifier: int, code: int) -> Keys:
    return [(modifier, PRESSED), *_tap(code), (modifier, RELEASED)]
