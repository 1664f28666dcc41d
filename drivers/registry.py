"""The kinds of devices: a settings model and a factory each. The agent's configuration and `compose.py` start here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import Field

from drivers.driver import Clock, Driver
from drivers.hid.settings import HidSettings
from drivers.llrp.settings import LlrpSettings
from drivers.r200.settings import R200Settings
from drivers.reader_json.settings import ReaderJsonSettings
from drivers.serial_scanner.settings import SerialLineSettings
from drivers.settings import DeviceSettings
from drivers.ssi.settings import SsiSettings
from drivers.thingmagic.settings import ThingmagicSettings

AnySettings = Annotated[
    HidSettings
    | LlrpSettings
    | R200Settings
    | ReaderJsonSettings
    | SerialLineSettings
    | SsiSettings
    | ThingmagicSettings,
    Field(discriminator="kind"),
]

KINDS: dict[str, type[DeviceSettings]] = {
    "hid": HidSettings,
    "llrp": LlrpSettings,
    "r200": R200Settings,
    "reader_json": ReaderJsonSettings,
    "serial_line": SerialLineSettings,
    "ssi": SsiSettings,
    "thingmagic": ThingmagicSettings,
}


def factory(name: str, settings: AnySettings, clock: Clock) -> Callable[[], Driver]:
    """Makes a fresh driver of the device at each call: a driver is opened once."""
    match settings:
        case HidSettings():
            import drivers.hid.driver

            return lambda: drivers.hid.driver.build(name, settings, clock)
        case LlrpSettings():
            import drivers.llrp.driver

            return lambda: drivers.llrp.driver.build(name, settings, clock)
        case R200Settings():
            import drivers.r200.driver

            return lambda: drivers.r200.driver.build(name, settings, clock)
        case ReaderJsonSettings():
            import drivers.reader_json.driver

            return lambda: drivers.reader_json.driver.build(name, settings, clock)
        case SerialLineSettings():
            import drivers.serial_scanner.driver

            return lambda: drivers.serial_scanner.driver.build(name, settings, clock)
        case SsiSettings():
            import drivers.ssi.driver

            return lambda: drivers.ssi.driver.build(name, settings, clock)
        case ThingmagicSettings():
            import drivers.thingmagic.driver

            return lambda: drivers.thingmagic.driver.build(name, settings, clock)


def watched(settings: AnySettings) -> str | None:
    """The path whose appearance says that the device may have been plugged in; None: it is in the network."""
    if isinstance(settings, LlrpSettings | ReaderJsonSettings):
        return None
    return settings.path or "/dev/input/event*" if isinstance(settings, HidSettings) else settings.path
