"""The driver of a line-mode serial scanner: the shared shell on a serial line."""

from __future__ import annotations

from drivers.driver import Clock
from drivers.serial_scanner.session import LineSession
from drivers.serial_scanner.settings import SerialLineSettings
from drivers.shell import DeviceDriver
from drivers.transports.serial import open_serial


def build(name: str, settings: SerialLineSettings, clock: Clock) -> DeviceDriver:
    return DeviceDriver(name, lambda: open_serial(settings), LineSession(name, settings), clock)
