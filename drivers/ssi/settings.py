"""Settings of a Zebra scanner that speaks SSI."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from drivers.settings import SerialPort

Code = Annotated[int, Field(ge=0, le=255)]


class SsiSettings(SerialPort):
    kind: Literal["ssi"] = Field("ssi", description="A Zebra (Symbol) scanner with the Simple Serial Interface.")
    aim: bool = Field(
        default=False, description="The scanner sends AIM identifiers before the code; else its type stands for them."
    )
    scan_enable: bool = Field(default=True, description="Enable scanning when the device is opened.")
    packeted: bool = Field(default=True, description="Set the scanner to packets when the device is opened.")
    aiming: bool | None = Field(None, description="Switch the aiming pattern on or off at opening; absent: leave it.")
    data_bytes_max: int = Field(8192, ge=64, le=65_536, description="A longer code, over several packets, is reported.")
    byte_timeout_ms: int = Field(
        500, ge=20, le=10_000, description="A packet whose next byte does not come for so long is reported and dropped."
    )
    response_timeout_s: float = Field(
        2.0, gt=0, le=10, description="How long the scanner waits for the acknowledgement; as set in the scanner."
    )
    resend_window_s: float = Field(
        10.0, gt=0, le=120, description="How long the scanner may go on resending one packet."
    )
    command_timeout_s: float = Field(1.0, gt=0, le=10, description="How long a beep or LED command waits for its ACK.")
    beep_good: Code | Literal[False] = Field(
        0x00, description="Beep code for good (00: one short high tone), or false."
    )
    beep_look: Code | Literal[False] = Field(0x17, description="Beep code for look (17: low, then high), or false.")
    beep_stop: Code | Literal[False] = Field(0x0F, description="Beep code for stop (0F: one long low tone), or false.")
    led_good: Code | Literal[False] = Field(0x01, description="LED bits for good, or false.")
    led_look: Code | Literal[False] = Field(default=False, description="LED bits for look, or false.")
    led_stop: Code | Literal[False] = Field(0x02, description="LED bits for stop, or false.")
    led_s: float = Field(1.0, gt=0, le=30, description="How long the LED stays on.")
