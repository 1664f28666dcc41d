"""The driver of a ThingMagic module: the shared shell on a serial line."""

from __future__ import annotations

from drivers.driver import Clock
from drivers.shell import DeviceDriver
from drivers.thingmagic.session import ThingmagicSession
from drivers.thingmagic.settings import ThingmagicSettings
from drivers.transports.serial import open_serial


def build(name: str, settings: ThingmagicSettings, clock: Clock) -> DeviceDriver:
    return DeviceDriver(name, lambda: open_serial(settings), ThingmagicSession(name, settings), clock)
