"""Settings of a reader that speaks LLRP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from drivers.settings import DeviceSettings

PORT, TLS_PORT = 5084, 5085  # IANA: llrp, llrps

Antenna = Annotated[int, Field(ge=1, le=65_535)]
PowerDbm = Annotated[float, Field(ge=-20, le=40)]
Input = Annotated[int, Field(ge=1, le=255)]
Content = Literal["antenna", "rssi", "channel", "first_seen", "last_seen", "seen_count", "pc"]
Region = Literal["us", "eu", "eu_300_220", "au_1w", "au_4w", "jp", "hk", "tw", "kr"]

EVERYTHING: tuple[Content, ...] = ("antenna", "rssi", "channel", "first_seen", "last_seen", "seen_count", "pc")


class LlrpSettings(DeviceSettings):
    kind: Literal["llrp"] = Field("llrp", description="An RFID reader that speaks LLRP (Impinj, Zebra FX and others).")
    host: str = Field(min_length=1, max_length=255, description="The reader's name or address in the network.")
    port: int | None = Field(None, ge=1, le=65_535, description="Its port; absent: 5084, with TLS 5085.")
    tls: bool = Field(default=False, description="Speak TLS; the reader must have it switched on.")
    tls_check: bool = Field(
        default=True, description="Check the reader's certificate; false for one of the reader's own making."
    )
    tls_ca_file: Path | None = Field(None, description="Authorities to check it by; absent: those of the system.")
    version: Literal["auto", "1.0.1"] = Field(
        "auto", description="LLRP version: agreed on with the reader, or 1.0.1 for one that stumbles over the question."
    )
    antennas: tuple[Antenna, ...] = Field((), max_length=64, description="Antennas to read with; empty: all.")
    power_dbm: PowerDbm | None = Field(
        None,
        description="Transmit power; the reader's nearest step not above it is taken. Absent: as the reader is set.",
    )
    antenna_power_dbm: tuple[PowerDbm, ...] = Field(
        (), max_length=64, description="Power of each antenna, in the order of `antennas`, instead of `power_dbm`."
    )
    mode: Annotated[int, Field(ge=0, le=65_535)] | Literal["fastest", "robust"] | None = Field(
        None, description="RF mode by its number in the reader's table, or fastest, robust; absent: the reader's own."
    )
    session: Literal["S0", "S1", "S2", "S3"] = Field(
        "S1", description="Gen2 session; in S2 and S3 a tag that was read stays silent while it is in the field."
    )
    population: int = Field(32, ge=1, le=65_535, description="How many tags are about in one antenna's field.")
    search: Literal["reader", "dual", "single", "focus"] | None = Field(
        None, description="Inventory target: A and B (dual), A alone (single), or with TagFocus. dual, focus: Impinj."
    )
    report_every_tags: int = Field(
        1, ge=1, le=1000, description="Reads that the reader gathers in a report; what waits is fetched every second."
    )
    content: tuple[Content, ...] = Field(EVERYTHING, max_length=7, description="What a tag report says beside the EPC.")
    impinj: Literal["auto", "on", "off"] = Field(
        "auto", description="Impinj's extensions (fine RSSI, phase, Doppler): auto asks for them from Impinj readers."
    )
    region: Region | None = Field(
        None, description="The region the reader must be set to; another one is reported. Absent: any."
    )
    country: int | None = Field(None, ge=0, le=999, description="Or its country by ISO 3166-1 number: Korea is 410.")
    gpi_ports: tuple[Input, ...] = Field(
        (), max_length=16, description="Inputs to switch on, whose changes are reported; empty: none but `eye_port`."
    )
    eye_port: Input | None = Field(
        None, description="Input of a photo-eye: the time its beam is broken is a window, reported with its reads."
    )
    eye_level: Literal["high", "low"] = Field("high", description="The input's level while the beam is broken.")
    eye_starts: bool = Field(
        default=True, description="The reader reads only while the beam is broken; false: always, windows are marked."
    )
    settle_ms: int = Field(
        200, ge=0, le=10_000, description="Reads that come so long after the beam is whole still belong to the window."
    )
    window_s_max: float = Field(30.0, ge=0.1, le=3600, description="A window that stays open longer is cut.")
    silence_s: float = Field(
        30.0, ge=1, le=86_400, description="After so long without a tag the reader is asked why, and the reason shown."
    )
    antenna_silence_s: float = Field(
        60.0, ge=0, le=86_400, description="Reported: an antenna without reads so long while others read on; 0: never."
    )
    keepalive_s: float = Field(
        5.0, ge=0.5, le=60, description="The reader must be heard so often; it is taken for dead after twice that."
    )
    connect_timeout_s: float = Field(1.0, gt=0, le=30, description="How long one attempt to connect may take.")
    response_timeout_s: float = Field(
        3.0, gt=0, le=10, description="How long the reader may take to greet and to answer a request."
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.antenna_power_dbm and len(self.antenna_power_dbm) != len(self.antennas):
            raise ValueError("antenna_power_dbm has one value for each of `antennas`")
        if len(set(self.antennas)) != len(self.antennas):
            raise ValueError("antennas are named once each")
        return self

    @property
    def wire_port(self) -> int:
        return self.port or (TLS_PORT if self.tls else PORT)

    @property
    def inputs(self) -> tuple[int, ...]:
        """GPI ports in use, ascending."""
        eye = () if self.eye_port is None else (self.eye_port,)
        return tuple(sorted({*self.gpi_ports, *eye}))

    @property
    def waits_for_eye(self) -> bool:
        """The reader's radio is off until the photo-eye switches it on."""
        return self.eye_port is not None and self.eye_starts

    @property
    def silencing(self) -> bool:
        """Tags that were read keep silent as long as they are powered (Gen2, 6.3.2.2: persistence of S2 and S3)."""
        return self.session in {"S2", "S3"} and self.search != "dual"
