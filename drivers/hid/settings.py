"""Settings of a keyboard scanner."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, model_validator

from drivers.hid.layouts import LayoutName
from drivers.settings import DeviceSettings

_UNSTABLE = re.compile(r"/dev/input/event\d+$")
EndKey = Literal["enter", "kp_enter", "tab"]
GsKey = Literal["ctrl_bracket", "alt_029", "f12", "down"]


class HidSettings(DeviceSettings):
    kind: Literal["hid"] = Field("hid", description="A scanner that types like a keyboard.")
    transport: Literal["evdev", "pipe"] = Field(
        "evdev", description="evdev: a kernel input device. pipe: input events from a FIFO, for the demo and tests."
    )
    path: str | None = Field(
        None, max_length=512, description="/dev/input/by-path/…-event-kbd or by-id/…; never /dev/input/event7."
    )
    usb_serial: str | None = Field(None, min_length=1, max_length=128, description="USB serial number, where unique.")
    usb_name: str | None = Field(None, min_length=1, max_length=128, description="The device's name, whole.")
    vendor: str | None = Field(None, pattern="^[0-9a-f]{4}$", description="USB vendor id, four hex digits.")
    product: str | None = Field(None, pattern="^[0-9a-f]{4}$", description="USB product id, four hex digits.")
    layout: LayoutName = Field(LayoutName.US, description="The keyboard the scanner is set to: us or kr.")
    ends: tuple[EndKey, ...] = Field(
        ("enter", "kp_enter"), description="Keys that end a code: enter, kp_enter, tab. Empty: a pause ends it."
    )
    idle_end_ms: int = Field(
        100, ge=20, le=5000, description="The pause that ends a code where no key does, and a damaged code always."
    )
    partial_timeout_ms: int = Field(
        1000,
        ge=50,
        le=60_000,
        description="A code whose end key does not come for so long is reported and dropped; so is what begins within "
        "as long again: it may be the rest.",
    )
    gs: tuple[GsKey, ...] = Field(
        ("ctrl_bracket", "alt_029"),
        description="How the scanner types the GS separator: ctrl_bracket, alt_029, f12, down.",
    )
    aim: bool = Field(default=False, description="The scanner sends AIM identifiers (]E0, ]d2) before the code.")
    chars_max: int = Field(4096, ge=8, le=8192, description="A longer code is reported and skipped.")
    settle_ms: int = Field(
        50, ge=0, le=5000, description="A code that is under way so soon after opening may lack its head: reported."
    )

    @model_validator(mode="after")
    def _found_by_a_stable_name(self) -> Self:
        if self.transport == "pipe":
            if not self.path:
                raise ValueError("transport pipe needs a path")
            return self
        if not (self.path or self.usb_serial or self.usb_name):
            raise ValueError("needs path, usb_serial or usb_name: no keyboard is taken that nobody named")
        if self.path and _UNSTABLE.match(self.path):
            raise ValueError("event numbers change at every start: use a link in /dev/input/by-path or by-id")
        return self
