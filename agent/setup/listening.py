"""Which scanner was that? Every serial line and every keyboard listened to at once, until one of them scans the sheet.

Lines begin at the speed that most scanners have; what is not understood there is listened to at the next one, and the
sheet is scanned once more. Keyboards are grabbed meanwhile, so a scan types into no window.
"""

from __future__ import annotations

import select
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from agent.clock import Clock
from agent.setup.learning import BAUDS, Learned, of_keys, of_serial
from drivers.errors import DeviceError
from drivers.hid.frames import EV_KEY, EVENT, PRESSED
from drivers.hid.settings import HidSettings
from drivers.serial_scanner.settings import SerialLineSettings
from drivers.transports.evdev import SYSFS, list_inputs, open_evdev
from drivers.transports.pipe import open_pipe
from drivers.transports.serial import open_serial

QUIET_S = 0.3  # a scan is over
RAW_BYTES_MAX = 262_144
SLICE_S = 0.1
TEXT_BYTES_MIN = 6
_TEXT = bytes(range(32, 127)) + b"\r\n\t\x02\x03\x1d"
Say = Callable[..., None]


class Source(Protocol):
    def fileno(self) -> int: ...

    def read(self) -> bytes: ...

    def close(self) -> None: ...


@dataclass
class Ear:
    """A place that a scanner may be at. `settings` is how the configuration names it."""

    settings: dict[str, Any]
    keys: bool
    baud_at: int = 0
    raw: bytearray = field(default_factory=bytearray)
    heard_ns: int = 0
    source: Source | None = None

    @property
    def path(self) -> str:
        return str(self.settings.get("path") or self.settings.get("usb_name"))

    def open(self) -> None:
        """Raises `DeviceError`."""
        if not self.keys:
            self.source = open_serial(
                SerialLineSettings.model_validate({"path": self.path, "baud": BAUDS[self.baud_at]})
            )
        elif self.settings.get("transport") == "pipe":
            self.source = open_pipe(self.path, EVENT.size)
        else:
            self.source = open_evdev(HidSettings.model_validate(self.settings))

    def close(self) -> None:
        if self.source is not None:
            self.source.close()
            self.source = None

    @property
    def pending(self) -> bool:
        """Something was scanned or typed; what a keyboard tells of itself at its opening is nothing yet."""
        if not self.keys:
            return bool(self.raw)
        whole = len(self.raw) - len(self.raw) % EVENT.size
        events = EVENT.iter_unpack(bytes(self.raw[:whole]))
        return any((kind, value) == (EV_KEY, PRESSED) for _s, _us, kind, _code, value in events)

    def learned(self) -> Learned | None:
        raw = bytes(self.raw)
        return of_keys(raw) if self.keys else of_serial(raw, BAUDS[self.baud_at])

    def next_speed(self) -> int:
        self.close()
        self.baud_at = (self.baud_at + 1) % len(BAUDS)
        self.open()
        return BAUDS[self.baud_at]


def ears(given: Iterable[str], taken: Iterable[str] = (), root: Path = Path("/dev"), sysfs: Path = SYSFS) -> list[Ear]:
    """Of the paths that are given, and if there is none of every serial line and keyboard, but those already taken."""
    named = [_ear(path) for path in given]
    found = named or [*_serial_lines(root), *_keyboards(root, sysfs)]
    return [one for one in found if one.path not in set(taken)]


def listen(places: Sequence[Ear], clock: Clock, seconds: float, say: Say) -> tuple[Ear, Learned] | None:
    """The place that the sheet was scanned at. None: nobody did, in so many seconds since something came last."""
    with ExitStack() as held:
        poll = select.poll()
        by_descriptor: dict[int, Ear] = {}
        for one in places:
            held.callback(one.close)
            _open(one, poll, by_descriptor, say)
        until_ns = clock.now().monotonic_ns + int(seconds * 1e9)
        while clock.now().monotonic_ns < until_ns:
            for descriptor, _events in poll.poll(int(SLICE_S * 1000)):
                _hear(by_descriptor[descriptor], descriptor, poll, clock)
            now_ns = clock.now().monotonic_ns
            for one in places:
                if not one.pending or now_ns - one.heard_ns < QUIET_S * 1e9:
                    continue
                learned = one.learned()
                if learned is not None:
                    return one, learned
                until_ns = now_ns + int(seconds * 1e9)
                _missed(one, poll, by_descriptor, say)
    return None


def _open(one: Ear, poll: select.poll, by_descriptor: dict[int, Ear], say: Say) -> None:
    try:
        one.open()
    except DeviceError as error:
        say("closed", path=one.path, why=f"{error}; {error.hint}")
        return
    assert one.source is not None
    by_descriptor[one.source.fileno()] = one
    poll.register(one.source.fileno(), select.POLLIN)


def _hear(one: Ear, descriptor: int, poll: select.poll, clock: Clock) -> None:
    assert one.source is not None
    try:
        data = one.source.read()
    except BlockingIOError:
        return
    except OSError:
        data = b""
    if not data:  # it was unplugged
        poll.unregister(descriptor)
        return
    one.raw += data[: RAW_BYTES_MAX - len(one.raw)]
    one.heard_ns = clock.now().monotonic_ns


def _missed(one: Ear, poll: select.poll, by_descriptor: dict[int, Ear], say: Say) -> None:
    """What was heard was not the sheet: a person at a keyboard, another code, or a line at another speed."""
    raw = bytes(one.raw)
    one.raw.clear()
    if one.keys or _is_text(raw):
        say("not_the_sheet", path=one.path)
        return
    assert one.source is not None
    poll.unregister(one.source.fileno())
    try:
        baud = one.next_speed()
    except DeviceError as error:
        say("closed", path=one.path, why=f"{error}; {error.hint}")
        return
    assert one.source is not None
    by_descriptor[one.source.fileno()] = one
    poll.register(one.source.fileno(), select.POLLIN)
    say("scan_again", path=one.path, baud=baud)


def _is_text(raw: bytes) -> bool:
    """A code that is read well, but another: noise of a wrong speed has other bytes in so many."""
    return len(raw) >= TEXT_BYTES_MIN and not raw.translate(None, _TEXT)


def _ear(path: str) -> Ear:
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        mode = 0
    if stat.S_ISFIFO(mode):
        return Ear({"transport": "pipe", "path": path}, keys=True)
    return Ear({"path": path}, keys="/input/" in path)


def _serial_lines(root: Path) -> Iterator[Ear]:
    """By names that stay: by-id where the device tells a serial number, else the socket it is in, else the port."""
    from serial.tools import list_ports  # noqa: PLC0415  only here

    for port in sorted(list_ports.comports(), key=lambda one: one.device):
        if port.hwid == "n/a" and not Path(f"/sys/class/tty/{Path(port.device).name}/device/driver").exists():
            continue  # a port of a board that has none
        folders = ("by-id", "by-path") if port.serial_number else ("by-path", "by-id")
        links = (_link(root / "serial" / folder, port.device) for folder in folders)
        yield Ear({"path": next((link for link in links if link is not None), port.device)}, keys=False)


def _keyboards(root: Path, sysfs: Path) -> Iterator[Ear]:
    for one in list_inputs(sysfs):
        if not one.types_codes:
            continue
        folders = ("by-id", "by-path") if one.serial else ("by-path", "by-id")
        links = (_link(root / "input" / folder, one.node, "-event-kbd") for folder in folders)
        path = next((link for link in links if link is not None), None)
        if path is not None:
            yield Ear({"path": path}, keys=True)
        elif one.name:
            yield Ear({"usb_name": one.name}, keys=True)


def _link(folder: Path, node: str, end: str = "") -> str | None:
    """The link in a folder that leads to a device."""
    try:
        links = sorted(folder.iterdir())
    except OSError:
        return None
    return next((str(one) for one in links if one.name.endswith(end) and one.resolve() == Path(node).resolve()), None)
