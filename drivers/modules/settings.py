"""What the settings of serial UHF modules share."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from drivers.settings import SerialPort


class ModuleSettings(SerialPort):
    baud: int = Field(115_200, ge=9600, le=921_600, description="Bits per second, as set in the module.")
    power_dbm: float = Field(
        20.0, ge=0, le=33, description="Transmit power for reading and writing; the module says what it can."
    )
    session: Literal[0, 1, 2, 3] | None = Field(
        None, description="Gen2 session; 2 and 3 keep read tags silent for long. Absent: as the module has it."
    )
    silence_s: float = Field(
        30.0,
        ge=1,
        le=86_400,
        description="Without a read for so long, the likely reason is told as a condition.",
    )
    response_timeout_s: float = Field(
        1.0, ge=0.05, le=10, description="How long a command waits for its response before it is sent again."
    )
    byte_timeout_ms: int = Field(
        200, ge=20, le=10_000, description="A frame whose next byte does not come for so long is given up."
    )
