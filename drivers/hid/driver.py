"""The driver of a keyboard scanner: the shared shell on an input device or a FIFO."""

from __future__ import annotations

from drivers.driver import Clock
from drivers.hid.frames import EVENT
from drivers.hid.session import HidSession
from drivers.hid.settings import HidSettings
from drivers.shell import DeviceDriver
from drivers.transports.drain import Source
from drivers.transports.evdev import open_evdev
from drivers.transports.pipe import open_pipe


def build(name: str, settings: HidSettings, clock: Clock) -> DeviceDriver:
    def opener() -> Source:
        if settings.transport == "pipe":
            assert settings.path is not None
            return open_pipe(settings.path, EVENT.size)
        return open_evdev(settings)

    return DeviceDriver(name, opener, HidSession(name, settings), clock)
