"""The driver of an R200 or M100 module: the shared shell on a serial line."""

from __future__ import annotations

from drivers.driver import Clock
from drivers.r200.session import R200Session
from drivers.r200.settings import R200Settings
from drivers.shell import DeviceDriver
from drivers.transports.serial import open_serial


def build(name: str, settings: R200Settings, clock: Clock) -> DeviceDriver:
    return DeviceDriver(name, lambda: open_serial(settings), R200Session(name, settings), clock)
