"""What the kernel would do, played by an injected device: grab, unplug, lost events, and how a device is found."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from pathlib import Path

import pytest

from drivers.errors import DeviceRefused, DeviceUnavailable
from drivers.hid.frames import EV_KEY, EV_SYN, SYN_DROPPED, SYN_REPORT, Event, encode
from drivers.hid.session import HidSession
from drivers.hid.settings import HidSettings
from drivers.reads import Fault
from drivers.shell import DeviceDriver
from drivers.transports.evdev import EvdevSource, Found, choose, list_inputs, open_evdev
from tests.drivers.device_tools import clock, next_reads, run, told

SETTINGS = HidSettings(path="/dev/input/by-path/x-event-kbd", settle_ms=0)
SHIFT, A, ENTER = 42, 30, 28


class FakeDevice:
    """An input device on a pipe, with the state and the errors it is told to have."""

    def __init__(self, grab_error: OSError | None = None) -> None:
        self.fd, self.keyboard = os.pipe2(os.O_NONBLOCK)
        self.grabbed = False
        self.closed = False
        self.held: list[int] = []
        self.lit: list[int] = []
        self.asked = 0
        self.written = True  # as opened for reading and writing
        self._grab_error = grab_error

    def grab(self) -> None:
        if self._grab_error is not None:
            raise self._grab_error
        self.grabbed = True

    def active_keys(self) -> list[int]:
        self.asked += 1
        return self.held

    def leds(self) -> list[int]:
        return self.lit

    def set_led(self, led_num: int, value: int, /) -> None:
        if not self.written:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        self.lit = [one for one in self.lit if one != led_num] + [led_num] * value

    def close(self) -> None:
        self.closed = True
        os.close(self.fd)

    def tap(self, *codes: int) -> None:
        for code in codes:
            self.send(Event(EV_KEY, code, 1), Event(EV_SYN, SYN_REPORT, 0), Event(EV_KEY, code, 0))

    def send(self, *events: Event) -> None:
        os.write(self.keyboard, b"".join(map(encode, events)))


def driver(device: FakeDevice, settings: HidSettings = SETTINGS) -> DeviceDriver:
    opener = lambda: open_evdev(settings, opener=lambda _: device)  # noqa: E731 - as compose writes it
    return DeviceDriver("dock", opener, HidSession("dock", settings), clock)


def test_the_device_is_grabbed_and_let_go() -> None:
    device = FakeDevice()

    async def work() -> None:
        async with driver(device) as opened:
            assert device.grabbed
            device.tap(A, ENTER)
            assert told(await next_reads(opened, 1)) == [b"a"]
        assert device.closed

    run(work())
    os.close(device.keyboard)


@pytest.mark.parametrize(("written", "text"), [(True, b"a"), (False, b"A")], ids=["put out", "read only"])
def test_caps_lock_of_another_keyboard_is_put_out_at_opening(written: bool, text: bytes) -> None:
    device = FakeDevice()
    device.lit, device.held, device.written = [1], [A], written

    async def work() -> None:
        async with driver(device) as opened:
            device.tap(A, ENTER)
            assert told(await next_reads(opened, 1)) == [text]

    run(work())
    os.close(device.keyboard)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (errno.EBUSY, DeviceRefused, "another program holds"),
        (errno.EACCES, DeviceRefused, "no permission"),
        (errno.ENODEV, DeviceUnavailable, "is not there"),
        (errno.EINVAL, DeviceRefused, "Invalid argument"),
    ],
)
def test_a_refused_grab_closes_the_device_and_says_why(code: int, kind: type[Exception], words: str) -> None:
    device = FakeDevice(OSError(code, os.strerror(code)))
    with pytest.raises(kind, match=words) as caught:
        open_evdev(SETTINGS, opener=lambda _: device)
    assert device.closed
    assert getattr(caught.value, "hint", "")
    os.close(device.keyboard)


def test_an_unplugged_device_ends_at_once_and_does_not_spin() -> None:
    device = FakeDevice()
    calls = 0

    def read(descriptor: int, size: int) -> bytes:
        nonlocal calls
        calls += 1
        raise OSError(errno.ENODEV, "No such device")

    async def work() -> None:
        source = EvdevSource(device, "/dev/input/x", read)
        source.read()  # the state
        opened = DeviceDriver("dock", lambda: source, HidSession("dock", SETTINGS), clock)
        async with opened:
            device.tap(A)
            with pytest.raises(DeviceUnavailable, match="was unplugged"):
                await next_reads(opened, 1)
            await asyncio.sleep(0.05)
            assert calls == 1

    run(work())
    os.close(device.keyboard)


def test_after_lost_events_the_keys_are_asked_for_when_the_buffer_is_empty() -> None:
    device = FakeDevice()

    async def work() -> None:
        async with driver(device) as opened:
            device.held = [SHIFT, A]
            asked = device.asked
            device.tap(A)
            device.send(Event(EV_SYN, SYN_DROPPED, 0), Event(EV_KEY, A, 0), Event(EV_SYN, SYN_REPORT, 0))
            while device.asked == asked:  # noqa: ASYNC110 - the drain thread asks
                await asyncio.sleep(0.001)
            device.tap(ENTER, A, ENTER)
            assert told(await next_reads(opened, 2)) == [Fault.DROPPED, b"A"]
            assert device.asked == asked + 1

    run(work())
    os.close(device.keyboard)


class RacingDevice(FakeDevice):
    """A key comes between the look at the empty buffer and the question, which flushes it as the kernel does."""

    def active_keys(self) -> list[int]:
        if self.asked == 1:
            self.tap(A)
            os.read(self.fd, 4096)
            self.tap(A, ENTER)
        return super().active_keys()


def test_a_key_that_asking_flushes_is_a_lost_key() -> None:
    device = RacingDevice()

    async def work() -> None:
        async with driver(device, SETTINGS.model_copy(update={"idle_end_ms": 5000})) as opened:
            device.send(Event(EV_SYN, SYN_DROPPED, 0), Event(EV_SYN, SYN_REPORT, 0), Event(EV_KEY, ENTER, 1))
            assert told(await next_reads(opened, 2)) == [Fault.DROPPED, Fault.DROPPED]
            device.tap(A, ENTER)
            assert told(await next_reads(opened, 1)) == [b"a"]

    run(work())
    os.close(device.keyboard)


def test_no_module_evdev_is_a_refusal_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evdev", None)
    with pytest.raises(DeviceRefused, match="module evdev is missing") as caught:
        open_evdev(SETTINGS)
    assert "evdev-binary" in caught.value.hint


def test_the_real_module_opens_by_path(tmp_path: Path) -> None:
    pytest.importorskip("evdev", reason="the module evdev is not installed")
    with pytest.raises(DeviceUnavailable):
        open_evdev(HidSettings(path=str(tmp_path / "by-path")))
    (tmp_path / "file").write_text("")
    with pytest.raises(DeviceRefused):
        open_evdev(HidSettings(path=str(tmp_path / "file")))


KEYBOARD = "10000 7 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe"


def sysfs(folder: Path, number: int, name: str, serial: str = "", ids: str = "05e0:1200", key: str = KEYBOARD) -> None:
    device = folder / f"event{number}" / "device"
    for part in ("id", "capabilities"):
        (device / part).mkdir(parents=True)
    vendor, product = ids.split(":")
    for path, text in (
        ("name", name),
        ("uniq", serial),
        ("id/vendor", vendor),
        ("id/product", product),
        ("capabilities/key", key),
    ):
        (device / path).write_text(text + "\n")


def test_inputs_are_listed_from_sysfs_without_opening_one(tmp_path: Path) -> None:
    sysfs(tmp_path, 3, "Symbol Bar Code Scanner", "S123")
    sysfs(tmp_path, 4, "Power Button", key="10000000000000 0")
    (tmp_path / "event5").mkdir()  # unplugged while it is looked at
    scanner, button, gone = list_inputs(tmp_path)
    assert scanner == Found("/dev/input/event3", "Symbol Bar Code Scanner", "S123", "05e0", "1200", True)
    assert not button.types_codes
    assert not gone.types_codes


def test_a_device_is_found_by_serial_or_name_and_ids(tmp_path: Path) -> None:
    sysfs(tmp_path, 1, "AT Keyboard", ids="0001:0001")
    sysfs(tmp_path, 2, "Scanner", "S1")
    sysfs(tmp_path, 3, "Scanner", "S1", key="e080ffdf01cfffff")  # its consumer-control twin
    sysfs(tmp_path, 4, "Scanner", "S2")
    found = list_inputs(tmp_path)
    assert choose(found, HidSettings(usb_serial="S2")).node == "/dev/input/event4"
    assert choose(found, HidSettings(usb_name="AT Keyboard", vendor="0001")).node == "/dev/input/event1"
    with pytest.raises(DeviceRefused, match="event2, /dev/input/event4 all have name Scanner") as caught:
        choose(found, HidSettings(usb_name="Scanner", vendor="05e0", product="1200"))
    assert "by-path" in caught.value.hint
    with pytest.raises(DeviceUnavailable, match="no keyboard with serial S9"):
        choose(found, HidSettings(usb_serial="S9"))


def test_a_keyboard_that_nobody_configured_is_never_opened(tmp_path: Path) -> None:
    sysfs(tmp_path, 1, "AT Keyboard")
    opened: list[str] = []

    def opener(path: str) -> FakeDevice:
        opened.append(path)
        return FakeDevice()

    with pytest.raises(DeviceUnavailable):
        open_evdev(HidSettings(usb_serial="S1"), opener=opener, sysfs=tmp_path)
    assert opened == []
