"""What every device's settings share. Station and zone belong to the agent, not to a device."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class DeviceSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=False, defer_build=True)


class SerialPort(DeviceSettings):
    """A serial line, of a real port, a USB adapter or a pty."""

    path: str = Field(
        min_length=1,
        max_length=512,
        description="The port: a stable link such as /dev/serial/by-id/… or, without serial number, by-path/….",
    )
    baud: int = Field(9600, ge=300, le=4_000_000, description="Bits per second. USB scanners ignore it.")
    bytesize: Literal[7, 8] = Field(8, description="Data bits.")
    parity: Literal["none", "even", "odd", "mark", "space"] = Field("none", description="Parity bit.")
    stopbits: Literal[1, 2] = Field(1, description="Stop bits.")
    xonxoff: bool = Field(default=False, description="Software flow control. Not with binary data or SSI.")
    rtscts: bool = Field(default=False, description="Hardware flow control; needs a cable with all wires.")


def latin1(text: str) -> bytes:
    """The bytes of a setting: each character up to U+00FF is one byte. Raises ValueError for others."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise ValueError("only characters up to U+00FF stand for a byte") from error
