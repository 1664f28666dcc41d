"""Settings of a ThingMagic module."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from drivers.modules.settings import ModuleSettings

# The Mercury API's TMR_Region; what a module knows of them depends on its model and firmware.
REGIONS = {
    "na": 0x01,
    "na2": 0x0D,
    "eu": 0x08,
    "kr": 0x09,
    "jp": 0x05,
    "cn": 0x06,
    "in": 0x04,
    "au": 0x0B,
    "nz": 0x0C,
}


class ThingmagicSettings(ModuleSettings):
    kind: Literal["thingmagic"] = Field("thingmagic", description="A ThingMagic UHF module: M6e, Micro, Nano, M7e.")
    region: Literal["na", "na2", "eu", "kr", "jp", "cn", "in", "au", "nz"] = Field(
        description="The radio rules of this country; the Nano takes na2 for North America."
    )
    antennas: tuple[Annotated[int, Field(ge=1, le=15)], ...] = Field(
        (1,), min_length=1, max_length=15, description="Ports that are read in turn."
    )
    keepalive_s: float = Field(
        1.0,
        ge=0.2,
        le=60,
        description="The module tells so often that it lives; two silent ones count as a lost device.",
    )
