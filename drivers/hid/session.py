"""From key events to codes: a pure function of events and their times.

All state (held keys, Caps Lock, the code under way) belongs to one opened device. A code ends at its end key, or at a
pause where no end key is configured. Pauses are measured by the events' own times where they have one, so that a
stalled reader neither joins nor cuts codes. A code with a key that stands for nothing, with lost events, or begun
before the device was opened is reported as bad at its end, never guessed. So is what follows a code whose end key did
not come: it may be the rest of that one.
"""

from __future__ import annotations

from drivers.aim import split_aim
from drivers.hid import frames
from drivers.hid.frames import Event, EventDecoder
from drivers.hid.layouts import (
    ALTS,
    CTRLS,
    KEY_CAPSLOCK,
    KEY_DOWN,
    KEY_ENTER,
    KEY_F12,
    KEY_KPENTER,
    KEY_TAB,
    KEYPAD_DIGITS,
    LAYOUTS,
    METAS,
    SHIFTS,
)
from drivers.hid.settings import HidSettings
from drivers.reads import Answer, Arrival, BarcodeRead, Fault, Read
from drivers.session import NS_PER_MS, NS_PER_US, Numbering, Scanner

GS = "\x1d"
_END_KEYS = {"enter": KEY_ENTER, "kp_enter": KEY_KPENTER, "tab": KEY_TAB}
_GS_KEYS = {"f12": KEY_F12, "down": KEY_DOWN}
_TYPED = {KEY_ENTER: "\r", KEY_KPENTER: "\r", KEY_TAB: "\t"}  # where they do not end a code
# Ctrl and a key make the separators of ISO/IEC 15434: FS, GS, RS, US and EOT.
_CTRL = {"\\": "\x1c", "]": GS, "6": "\x1e", "-": "\x1f", "d": "\x04"}
_ALT_DIGITS_MAX = 4
_LOST = (Fault.DROPPED, "the kernel or the agent lost key events")
_SURE = (0, *_LOST)
_MODIFIERS = SHIFTS | CTRLS | ALTS | METAS


class HidSession(Scanner):
    def __init__(self, device: str, settings: HidSettings) -> None:
        self._settings = settings
        self._layout = LAYOUTS[settings.layout]
        self._ends = frozenset(_END_KEYS[name] for name in settings.ends)
        self._gs_keys = frozenset(code for name, code in _GS_KEYS.items() if name in settings.gs)
        self._numbering = Numbering(device)
        self._decoder = EventDecoder()
        self._held: set[int] = set()
        self._caps = False
        self._alt_digits = ""
        self._dropping = False
        self._unsure = _SURE  # until when a code that begins may lack its head, and why
        self._rest_until_ns = 0  # until when it may be the rest of the one before
        self._last: Arrival | None = None  # of the last key event
        self._last_us = 0
        self._typed: list[str] = []
        self._active = False
        self._fault: tuple[Fault, str] | None = None

    def open(self, now: Arrival) -> None:
        until_ns = now.monotonic_ns + self._settings.settle_ms * NS_PER_MS
        self._unsure = (until_ns, Fault.INCOMPLETE, "under way when the device was opened")

    def receive(self, data: bytes, now: Arrival) -> list[Read]:
        return self.receive_events(self._decoder.feed(data), now)

    def receive_events(self, events: list[Event], now: Arrival) -> list[Read]:
        reads: list[Read] = []
        for event in events:
            if self._dropping:
                self._dropping = (event.type, event.code) != (frames.EV_SYN, frames.SYN_REPORT)
            elif event.type == frames.EV_KEY and event.value != frames.REPEATED:
                reads += self._key(event, now)
            elif event.type == frames.EV_LED and event.code == frames.LED_CAPSL:
                self._caps = event.value != 0
            elif (event.type, event.code) == (frames.EV_SYN, frames.SYN_DROPPED):
                if event.value == frames.ASKED:
                    self._doubt(now)
                else:
                    self._dropping = True
                    self._damage(now, event.time_us)
        return reads

    def lost(self, now: Arrival) -> list[Read]:
        self._decoder.reset()
        self._damage(now)
        return []

    def tick(self, now: Arrival) -> list[Read]:
        deadline = self.next_deadline()
        if deadline is None or now.monotonic_ns < deadline:
            return []
        return self._pause()

    def next_deadline(self) -> int | None:
        if not self._active or self._last is None:
            return None
        return self._last.monotonic_ns + self._pause_ms() * NS_PER_MS

    def answer(self, read_id: int, answer: Answer, now: Arrival) -> None:
        """A keyboard hears nothing."""

    def take_output(self) -> bytes:
        return b""

    def close(self, now: Arrival) -> list[Read]:
        if not self._active:
            return []
        self._spoil(Fault.INCOMPLETE, "the device was closed in the middle")
        return self._finish(now)

    def _key(self, event: Event, now: Arrival) -> list[Read]:
        reads = self._pause() if self._active and self._gap_ms(event, now) >= self._pause_ms() else []
        until_ns, fault, detail = self._unsure
        typed_ns = min(now.monotonic_ns, event.time_us * NS_PER_US or now.monotonic_ns)
        if typed_ns < until_ns:
            self._spoil(fault, detail)
        self._unsure = _SURE
        self._last, self._last_us = now, event.time_us
        if event.value == frames.PRESSED:
            reads += self._press(event.code, typed_ns, now)
        else:
            self._release(event.code)
        return reads

    def _press(self, code: int, typed_ns: int, now: Arrival) -> list[Read]:
        if code in self._layout.silent:
            return []
        if code in _MODIFIERS:
            if code in ALTS and not self._held & ALTS:
                self._alt_digits = ""
            self._held.add(code)
            return []
        if code == KEY_CAPSLOCK:
            self._caps = not self._caps
            return []
        if typed_ns < self._rest_until_ns:
            self._spoil(Fault.INCOMPLETE, "perhaps the rest of the code before, whose end key did not come")
        self._active = True
        if code in self._ends:
            return self._finish(now)
        self._type(code, self._text(code))
        return []

    def _text(self, code: int) -> str | None:
        """What a key stands for with the keys held now: "" is nothing yet, None is no character."""
        if code in self._gs_keys:
            return GS
        if self._held & ALTS:
            return self._alt_digit(code)
        if self._held & METAS:
            return None
        pair = self._layout.keys.get(code)
        if self._held & CTRLS:
            text = _CTRL.get(pair[0]) if pair else None
            return None if text == GS and "ctrl_bracket" not in self._settings.gs else text
        if pair is None:
            return _TYPED.get(code)
        shifted = bool(self._held & SHIFTS) != (self._caps and pair[0].isalpha())
        return pair[shifted]

    def _alt_digit(self, code: int) -> str | None:
        if code not in KEYPAD_DIGITS or len(self._alt_digits) == _ALT_DIGITS_MAX:
            return None
        self._alt_digits += str(KEYPAD_DIGITS[code])
        return ""

    def _release(self, code: int) -> None:
        self._held.discard(code)
        if code not in ALTS or self._held & ALTS or not self._alt_digits:
            return
        number, self._alt_digits = int(self._alt_digits), ""
        known = 0 < number < 127 and (number != ord(GS) or "alt_029" in self._settings.gs)
        # Above 126 the number depends on the code page of the computer the scanner was set up for.
        self._type(code, chr(number) if known else None, f"Alt+{number:03d}")

    def _type(self, code: int, text: str | None, name: str | None = None) -> None:
        if text is None:
            self._spoil(Fault.UNDECODABLE, f"{name or f'key {code}'} stands for no character")
        elif len(self._typed) + len(text) > self._settings.chars_max:
            self._spoil(Fault.TOO_LONG, f"more than {self._settings.chars_max} characters without an end")
        elif text:
            self._typed.append(text)

    def _damage(self, now: Arrival, time_us: int = 0) -> None:
        """Events are missing: no key is known to be held, and the code around the gap is not believed."""
        self._held.clear()
        self._alt_digits = ""
        self._fault = _LOST
        self._active = True
        self._last, self._last_us = now, time_us

    def _doubt(self, now: Arrival) -> None:
        """Keys up to this moment may be missing; they would be of the code under way, or of one whose next key follows
        without a pause."""
        if self._active:
            self._spoil(*_LOST)
            self._last, self._last_us = now, 0  # the last one that came may not be the last one that was typed
        else:
            self._unsure = (now.monotonic_ns + self._settings.idle_end_ms * NS_PER_MS, *_LOST)

    def _spoil(self, fault: Fault, detail: str) -> None:
        if self._fault is None:
            self._fault = (fault, detail)
        self._active = True

    def _gap_ms(self, event: Event, now: Arrival) -> float:
        if self._last_us and event.time_us >= self._last_us:
            return (event.time_us - self._last_us) / 1000
        if event.time_us and not self._last_us:
            return 0  # when the lost events were is not known: a reader that stalled makes no pause of that
        assert self._last is not None
        return (now.monotonic_ns - self._last.monotonic_ns) / NS_PER_MS

    def _pause_ms(self) -> int:
        """A code with lost keys ends at the short pause: its end key may be among them."""
        if self._ends and (self._fault is None or self._fault[0] not in {Fault.DROPPED, Fault.INCOMPLETE}):
            return self._settings.partial_timeout_ms
        return self._settings.idle_end_ms

    def _pause(self) -> list[Read]:
        last, pause_ms = self._last, self._pause_ms()
        assert last is not None
        if not self._ends:
            return self._finish(last)
        self._spoil(Fault.INCOMPLETE, f"no end key within {self._settings.partial_timeout_ms} ms")
        reads = self._finish(last)
        self._rest_until_ns = last.monotonic_ns + (pause_ms + self._settings.partial_timeout_ms) * NS_PER_MS
        return reads

    def _finish(self, arrived: Arrival) -> list[Read]:
        data = "".join(self._typed).encode("ascii")
        fault, self._fault = self._fault, None
        self._typed.clear()
        self._active, self._rest_until_ns = False, 0
        self._alt_digits = ""
        if fault is None and not data:
            fault = (Fault.FRAMING, "an end key without a code")
        if fault is not None:
            return [self._numbering.bad(data, *fault, arrived)]
        aim, data = split_aim(data) if self._settings.aim else (None, data)
        return [BarcodeRead(self._numbering.device, self._numbering.next(), data, aim, arrived)]
