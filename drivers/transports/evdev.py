"""Kernel input devices: found by stable names, grabbed, drained.

A device is grabbed (EVIOCGRAB) so that its keys reach neither the focused window nor an input method. Only the device
that the settings name is opened at all; names are looked up in sysfs, which opens nothing.

SYN_DROPPED says that the kernel's buffer overflowed (Documentation/input/event-codes.rst): what is left is discarded up
to the next SYN_REPORT, and the keys that are down now are asked for. Asking flushes key events out of the buffer, so
it is done here, in the drain thread, when the buffer is empty, and told to the session as events; and as a SYN_DROPPED
of our own before them, because a key that came meanwhile is flushed without a word of the kernel's.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from drivers.errors import DeviceError, DeviceRefused, DeviceUnavailable
from drivers.hid import frames
from drivers.hid.frames import EVENT, Event, encode
from drivers.hid.layouts import ALTS, CTRLS, KEY_ENTER, METAS, SHIFTS
from drivers.hid.settings import HidSettings

SYSFS = Path("/sys/class/input")
_READ_BYTES = 64 * EVENT.size  # the kernel's whole buffer
_EVIOCSCLOCKID = 0x400445A0  # _IOW('E', 0xa0, int), linux/input.h
_SYN_DROPPED = struct.pack("HH", frames.EV_SYN, frames.SYN_DROPPED)
_MODIFIERS = SHIFTS | CTRLS | ALTS | METAS


class InputDevice(Protocol):
    """What is used of `evdev.InputDevice`."""

    fd: int

    def grab(self) -> None: ...

    def active_keys(self) -> list[int]: ...

    def leds(self) -> list[int]: ...

    def set_led(self, led_num: int, value: int, /) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Found:
    """An input device as sysfs shows it."""

    node: str
    name: str
    serial: str
    vendor: str
    product: str
    types_codes: bool  # it has the keys of a keyboard, not only a power or volume button


class EvdevSource:
    def __init__(self, device: InputDevice, path: str, read: Callable[[int, int], bytes] = os.read) -> None:
        self._device = device
        self._path = path
        self._read = read
        self._descriptor = device.fd
        self._damaged = False
        self._ahead = self._state()

    def fileno(self) -> int:
        return self._descriptor

    @property
    def waits(self) -> bool:
        return False

    def read(self) -> bytes:
        ahead, self._ahead = self._ahead, b""
        if ahead:
            return ahead
        try:
            data = self._read(self._descriptor, _READ_BYTES)
        except BlockingIOError:
            if not self._damaged:
                raise
            self._damaged = False
            end, asked = (
                Event(frames.EV_SYN, frames.SYN_REPORT, 0),
                Event(frames.EV_SYN, frames.SYN_DROPPED, frames.ASKED),
            )
            return encode(end) + encode(asked) + self._state()
        if any(data[at + 16 : at + 20] == _SYN_DROPPED for at in range(0, len(data), EVENT.size)):
            self._damaged = True
        return data

    def write(self, data: bytes) -> int:
        return len(data)  # nobody listens at a keyboard

    def close(self) -> None:
        self._device.close()  # and the kernel lets go of the grab

    def gone(self, error: OSError | None) -> DeviceError:
        if error is not None and error.errno not in {errno.ENODEV, errno.EIO}:
            return DeviceUnavailable(f"{self._path}: {error.strerror}", hint="unplug the scanner and plug it in again")
        return DeviceUnavailable(f"{self._path} was unplugged", hint="plug the scanner in again")

    def _state(self) -> bytes:
        """Caps Lock and the held modifiers as events."""
        caps = int(frames.LED_CAPSL in self._device.leds())
        held = [code for code in self._device.active_keys() if code in _MODIFIERS]
        events = [Event(frames.EV_LED, frames.LED_CAPSL, caps)]
        events += [Event(frames.EV_KEY, code, frames.PRESSED) for code in held]
        return b"".join(encode(event) for event in [*events, Event(frames.EV_SYN, frames.SYN_REPORT, 0)])


def open_evdev(
    settings: HidSettings, *, opener: Callable[[str], InputDevice] | None = None, sysfs: Path = SYSFS
) -> EvdevSource:
    """Find, open and grab. Raises DeviceUnavailable if it is not there, DeviceRefused if a person must act."""
    path = settings.path or choose(list_inputs(sysfs), settings).node
    try:
        device = (opener or _evdev_opener())(path)
    except OSError as error:
        raise _refusal(path, error) from error
    try:
        device.grab()
        # Another keyboard's Caps Lock lit it before: what a scanner types is not meant by that. While it is grabbed
        # nobody else can light it. A device that cannot be written to is read as it says.
        with contextlib.suppress(OSError):
            device.set_led(frames.LED_CAPSL, 0)
        # Without it events carry wall time, whose jumps would look like pauses; an old kernel may refuse.
        with contextlib.suppress(OSError):
            fcntl.ioctl(device.fd, _EVIOCSCLOCKID, struct.pack("i", time.CLOCK_MONOTONIC))
        return EvdevSource(device, path)
    except OSError as error:
        device.close()
        raise _refusal(path, error) from error


def list_inputs(sysfs: Path = SYSFS) -> list[Found]:
    found: list[Found] = []
    for entry in sorted(sysfs.glob("event*")):
        device = entry / "device"
        found.append(
            Found(
                node=f"/dev/input/{entry.name}",
                name=_text(device / "name"),
                serial=_text(device / "uniq"),
                vendor=_text(device / "id" / "vendor"),
                product=_text(device / "id" / "product"),
                types_codes=_has_key(_text(device / "capabilities" / "key"), KEY_ENTER),
            )
        )
    return found


def choose(found: list[Found], settings: HidSettings) -> Found:
    """The one keyboard the settings name; none is DeviceUnavailable, several are DeviceRefused."""
    wanted = {
        "serial": settings.usb_serial,
        "name": settings.usb_name,
        "vendor": settings.vendor,
        "product": settings.product,
    }
    asked = {field: value for field, value in wanted.items() if value is not None}
    matching = [one for one in found if one.types_codes and all(getattr(one, field) == asked[field] for field in asked)]
    words = ", ".join(f"{field} {value}" for field, value in asked.items())
    if not matching:
        raise DeviceUnavailable(f"no keyboard with {words}", hint="plug the scanner in, or correct its names")
    if len(matching) > 1:
        nodes = ", ".join(one.node for one in matching)
        raise DeviceRefused(f"{nodes} all have {words}", hint="name the scanner by its link in /dev/input/by-path")
    return matching[0]


def _evdev_opener() -> Callable[[str], InputDevice]:
    try:
        import evdev  # noqa: PLC0415 - only this transport needs it, and not every machine has it
    except ImportError as error:
        raise DeviceRefused(
            "the Python module evdev is missing",
            hint="install jaego[hid] (evdev-binary), or jaego[hid-source] with a compiler and kernel headers",
        ) from error
    return cast("Callable[[str], InputDevice]", evdev.InputDevice)


def _refusal(path: str, error: OSError) -> DeviceError:
    if error.errno in {errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ENOTDIR}:
        return DeviceUnavailable(f"{path} is not there", hint="plug the scanner in, or correct its path")
    if error.errno == errno.EBUSY:
        return DeviceRefused(f"another program holds {path}", hint=f"close the other program (fuser {path} names it)")
    if error.errno in {errno.EACCES, errno.EPERM}:
        return DeviceRefused(f"no permission for {path}", hint="install the udev rule, or add the user to group input")
    return DeviceRefused(f"{path}: {error.strerror}", hint="is it an input device?")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""  # unplugged while it was looked at, or an attribute this device lacks


def _has_key(bitmap: str, code: int) -> bool:
    """sysfs prints key bitmaps as hexadecimal longs, the highest first."""
    words = bitmap.split()
    at = len(words) - 1 - code // 64
    return at >= 0 and bool(int(words[at], 16) >> code % 64 & 1)
