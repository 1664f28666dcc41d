"""The driver of an SSI scanner: the shared shell on a serial line."""

from __future__ import annotations

from drivers.driver import Clock
from drivers.shell import DeviceDriver
from drivers.ssi.session import SsiSession
from drivers.ssi.settings import SsiSettings
from drivers.transports.serial import open_serial


def build(name: str, settings: SsiSettings, clock: Clock) -> DeviceDriver:
    return DeviceDriver(name, lambda: open_serial(settings), SsiSession(name, settings), clock)
