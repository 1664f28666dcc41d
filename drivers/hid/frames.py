"""`struct input_event` of 64-bit Linux (linux/input.h): time in two longs, type, code, value. 24 bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass

EVENT = struct.Struct("llHHi")

EV_SYN, EV_KEY, EV_MSC, EV_LED = 0x00, 0x01, 0x04, 0x11  # linux/input-event-codes.h
SYN_REPORT, SYN_DROPPED = 0, 3
ASKED = 1  # as value of a SYN_DROPPED of our own: the held keys were asked for, see transports/evdev.py
LED_CAPSL = 1
RELEASED, PRESSED, REPEATED = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Event:
    """`time_us` is the kernel's, on the clock the device was told to use; 0 if the sender knows none."""

    type: int
    code: int
    value: int
    time_us: int = 0


class EventDecoder:
    """Bytes in any portions to events. There is no framing to lose: a reader of the device gets whole events."""

    def __init__(self) -> None:
        self._rest = b""

    @property
    def partial(self) -> bool:
        return bool(self._rest)

    def feed(self, data: bytes) -> list[Event]:
        data = self._rest + data
        whole = len(data) - len(data) % EVENT.size
        self._rest = data[whole:]
        return [
            Event(kind, code, value, seconds * 1_000_000 + micros)
            for seconds, micros, kind, code, value in EVENT.iter_unpack(data[:whole])
        ]

    def reset(self) -> None:
        """After a loss: what comes next begins with a whole event."""
        self._rest = b""


def encode(event: Event) -> bytes:
    seconds, micros = divmod(event.time_us, 1_000_000)
    return EVENT.pack(seconds, micros, event.type, event.code, event.value)
