"""Settings of an R200 or M100 module."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from drivers.modules.settings import ModuleSettings
from drivers.r200.frames import Framing

REGIONS = {"cn": 0x01, "na": 0x02, "eu": 0x03, "cn800": 0x04, "kr": 0x06}


class R200Settings(ModuleSettings):
    kind: Literal["r200"] = Field("r200", description="A UHF module of the R200 or M100 family, such as the YRM100.")
    framing: Framing = Field(
        Framing.AA_DD, description="First and last byte of frames: aa_dd with the R200 chip, bb_7e with the M100."
    )
    region: Literal["cn", "na", "eu", "cn800", "kr"] = Field(description="The radio rules of this country.")
    hopping: bool = Field(default=True, description="Change the channel by itself, as most regions demand.")
    alive_s: float = Field(
        1.0, ge=0.2, le=60, description="Silent for so long, the module is asked anew; for twice as long, it is lost."
    )
