"""Settings of a serial scanner in line mode."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from drivers.serial_scanner.frames import End
from drivers.settings import SerialPort, latin1


class SerialLineSettings(SerialPort):
    kind: Literal["serial_line"] = Field("serial_line", description="A serial or USB-serial scanner that sends lines.")
    end: End = Field(End.ANY, description="What ends a line: any (CR, LF or CR LF), cr, lf, crlf, stx_etx.")
    prefix: str = Field("", max_length=16, description='Bytes before every code, taken off; "\\u0011" is one byte.')
    suffix: str = Field("", max_length=16, description="Bytes after every code and before its end, taken off.")
    aim: bool = Field(default=False, description="The scanner sends AIM identifiers (]E0, ]d2) before the code.")
    line_bytes_max: int = Field(4096, ge=8, le=8192, description="A longer line is reported and skipped.")
    partial_timeout_ms: int = Field(
        1000,
        ge=50,
        le=60_000,
        description="A line that stays unfinished for so long is reported and dropped; so is what begins within as "
        "long again: it may be the rest.",
    )
    settle_ms: int = Field(
        50, ge=0, le=5000, description="A line that is under way so soon after opening may lack its head: reported."
    )
    host_ack: Literal["none", "honeywell"] = Field(
        "none", description="honeywell: the scanner's good-read signal waits for the host (ESC 7, or ESC 8,ESC 8,)."
    )
    host_ack_timeout_s: float = Field(
        10.0, gt=0, le=90, description="How long the scanner waits for that; as set in the scanner (1-90 s)."
    )

    @field_validator("prefix", "suffix")
    @classmethod
    def _bytes(cls, text: str) -> str:
        latin1(text)
        return text
